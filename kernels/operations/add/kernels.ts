/**
 * The residual sum: y = x + r.
 *
 * The residual may have fewer channels than x (ReXNet widens its blocks): the missing ones count as zero, so that
 * y[..., c] = x[..., c] from the residual's last channel on.
 *
 * The gradient of x is that of y. So is the residual's, where it is as wide; a narrower one takes its own channels of it
 * ({@linkcode addResidualGradientKernel}).
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import {
  channelVectors,
  itemKernel,
  realLanes,
  type Shape,
  type Target,
  tensorVectors,
  vectorType,
} from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The shape of a sum.
 *
 * @param input The wider shape.
 * @param residual The shape to add: the wider one, or one with fewer channels.
 * @returns The wider shape.
 * @throws {TypeError} If the shapes do not go together.
 */
export function addShape(input: Shape, residual: Shape): Shape {
  if (residual[3] > input[3] || [0, 1, 2].some((axis) => residual[axis] !== input[axis])) {
    throw new TypeError(`Cannot add a residual of shape [${residual.join(", ")}] to [${input.join(", ")}]`);
  }
  return input;
}

/**
 * The sum on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param residual `[N, H, W, residualChannels]`.
 * @param shapes Shapes of both inputs.
 * @returns `[N, H, W, C]`.
 */
export function addReference(
  input: ArrayLike<number>,
  residual: ArrayLike<number>,
  shapes: { input: Shape; residual: Shape },
): Float64Array {
  const channels = addShape(shapes.input, shapes.residual)[3];
  const residualChannels = shapes.residual[3];
  const output = Float64Array.from(input);
  for (let index = 0; index < output.length; index++) {
    const channel = index % channels;
    if (channel < residualChannels) {
      output[index] += residual[Math.floor(index / channels) * residualChannels + channel];
    }
  }
  return output;
}

/**
 * The sum.
 *
 * @param options `input` and `residual` are shapes.
 * @returns A kernel with `input` and `residual` (textures in the software profile) and the binding `output`.
 * @throws {TypeError} If the shapes do not go together.
 */
export function addKernel(options: { input: Shape; residual: Shape } & Target): Kernel {
  const { input, residual, profile, storage } = options;
  const items = tensorVectors(addShape(input, residual));
  const vector = vectorType(storage);
  const vectors = channelVectors(input[3]);
  const residualVectors = channelVectors(residual[3]);
  const narrow = residualVectors < vectors;
  const reads = readTensors({ input: storage, residual: storage }, profile);
  return itemKernel({
    name: `add ${narrow ? "narrow " : ""}${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: narrow
      ? [{ name: "vectors", value: vectors }, { name: "residualVectors", value: residualVectors }]
      : [],
    items,
    body: narrow
      ? `  let lanes = item % parameters.vectors;
  var sum = ${reads.load("input", "item")};
  if (lanes < parameters.residualVectors) {
    let at = item / parameters.vectors * parameters.residualVectors + lanes;
    sum += ${reads.load("residual", "at")};
  }
  output[item] = ${vector}(sum);`
      : `  output[item] = ${vector}(${reads.load("input", "item")} + ${reads.load("residual", "item")});`,
  });
}

/**
 * The gradient of a residual on the CPU.
 *
 * @param outputGradient `[N, H, W, C]`, channels not padded.
 * @param shapes Shapes of input and residual.
 * @returns `[N, H, W, residualChannels]`.
 */
export function addResidualGradientReference(
  outputGradient: ArrayLike<number>,
  shapes: { input: Shape; residual: Shape },
): Float64Array {
  const channels = addShape(shapes.input, shapes.residual)[3];
  const residualChannels = shapes.residual[3];
  const length = outputGradient.length / channels * residualChannels;
  return Float64Array.from({ length }, (_, index) => {
    return outputGradient[Math.floor(index / residualChannels) * channels + index % residualChannels];
  });
}

/**
 * The gradient of a residual with fewer channels than the sum.
 *
 * @param options `input` and `residual` are shapes.
 * @returns A kernel with `outputGradient` (a texture in the software profile) and the binding `residualGradient`.
 * @throws {TypeError} If the shapes do not go together.
 */
export function addResidualGradientKernel(options: { input: Shape; residual: Shape } & Target): Kernel {
  const { input, residual, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ outputGradient: storage }, profile);
  return itemKernel({
    name: `add residual gradient ${storage}`,
    profile,
    bindings: { ...reads.bindings, residualGradient: vector },
    parameters: [
      { name: "vectors", value: channelVectors(addShape(input, residual)[3]) },
      { name: "residualVectors", value: channelVectors(residual[3]) },
      { name: "residualChannels", value: residual[3] },
    ],
    items: tensorVectors(residual),
    body: `  let lanes = item % parameters.residualVectors;
  let at = item / parameters.residualVectors * parameters.vectors + lanes;
  let real = ${realLanes("lanes", "parameters.residualChannels")};
  residualGradient[item] = ${vector}(select(vec4<f32>(0.0), ${reads.load("outputGradient", "at")}, real));`,
  });
}
