/**
 * Tensors side by side along the channels. Each is written by a dispatch of its own, so that there may be any number;
 * where one begins or ends within a 4-vector, it is written channel by channel. The last one writes the padding too.
 *
 * The gradient of each is its run of channels (`takingChannels`).
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/**
 * The shape of tensors side by side.
 *
 * @param inputs Shapes of the tensors.
 * @returns `[N, H, W, C]`, C the sum of theirs.
 * @throws {TypeError} If there is none, or they differ in more than channels.
 */
export function concatenateShape(inputs: readonly Shape[]): Shape {
  const lists = inputs.map((shape) => shape.slice(0, 3).join(", "));
  if (new Set(lists).size !== 1) {
    throw new TypeError(
      `Cannot concatenate tensors of shapes ${inputs.map((shape) => `[${shape.join(", ")}]`).join(", ")}`,
    );
  }
  const [batch, height, width] = inputs[0];
  return [batch, height, width, inputs.reduce((sum, shape) => sum + shape[3], 0)];
}

/**
 * One of the tensors at its place in the output.
 *
 * @param options Shapes of `input` and `output`; the channel of the output that has the `first` of the input.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `output`.
 */
export function concatenateKernel(options: { input: Shape; output: Shape; first: number } & Target): Kernel {
  const { input, output, first, profile, storage } = options;
  const isLast = first + input[3] === output[3];
  const end = isLast ? channelVectors(output[3]) * 4 : first + input[3];
  const reads = readTensors({ input: storage }, profile);
  const parameters = [
    { name: "inputVectors", value: channelVectors(input[3]) },
    { name: "outputVectors", value: channelVectors(output[3]) },
    { name: "first", value: first },
  ];
  if (first % 4 === 0 && end % 4 === 0) {
    return itemKernel({
      name: `concatenate ${storage}`,
      profile,
      bindings: { ...reads.bindings, output: vectorType(storage) },
      parameters,
      items: tensorVectors(input),
      body: `  let place = item / parameters.inputVectors * parameters.outputVectors + parameters.first / 4u;
  output[place + item % parameters.inputVectors] = ${vectorType(storage)}(${reads.load("input", "item")});`,
    });
  }
  return itemKernel({
    name: `concatenate by channel ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: storage },
    parameters: [...parameters, { name: "inputChannels", value: input[3] }, { name: "run", value: end - first }],
    items: input[0] * input[1] * input[2] * (end - first),
    body: `  let position = item / parameters.run;
  let channel = item % parameters.run;
  let at = position * parameters.inputVectors + min(channel, parameters.inputChannels - 1u) / 4u;
  let value = select(0.0, ${reads.load("input", "at")}[channel % 4u], channel < parameters.inputChannels);
  output[position * parameters.outputVectors * 4u + parameters.first + channel] = ${storage}(value);`,
  });
}

/**
 * Tensors side by side on the CPU.
 *
 * @param inputs `[N, H, W, C]`, channels not padded, C of their own each.
 * @param shapes Shapes of the tensors.
 * @returns `[N, H, W, C]`, C the sum of theirs.
 */
export function concatenateReference(inputs: readonly ArrayLike<number>[], shapes: readonly Shape[]): Float64Array {
  const [batch, height, width, channels] = concatenateShape(shapes);
  const output = new Float64Array(batch * height * width * channels);
  let first = 0;
  inputs.forEach((input, number) => {
    const own = shapes[number][3];
    for (let index = 0; index < input.length; index++) {
      output[Math.floor(index / own) * channels + first + index % own] = input[index];
    }
    first += own;
  });
  return output;
}
