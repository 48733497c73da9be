/**
 * A network as a program: kernels in order, on named tensors and constants, every shape known.
 *
 * @module
 */

import { fuse, type Fused } from "./fuse.ts";
import type { Program, Step } from "../engine/program.ts";
import type { Convolution, Linear, Network, Operation, Parameters } from "../operations/network.ts";
import { activationKernel } from "../operations/activation/kernels.ts";
import { addKernel, addShape } from "../operations/add/kernels.ts";
import {
  batchNormKernel,
  type BatchNormParameters,
  batchNormScale,
  foldBatchNorm,
} from "../operations/batch_norm/inference.ts";
import { convolutionKernels, fusesResidual, packWeights } from "../operations/convolution/mod.ts";
import { type ConvolutionShape, convolutionShape, outputShape } from "../operations/convolution/shape.ts";
import { globalAveragePoolKernel, globalAveragePoolShape } from "../operations/global_average_pool/kernels.ts";
import { multiplyKernel } from "../operations/multiply/kernels.ts";
import { poolKernel, poolShape } from "../operations/pool/kernels.ts";
import { channelVectors, type Shape, type Target, tensorBytes } from "../operations/shared/tensor.ts";

/** A network as a program. */
export interface LoweredNetwork extends Program {
  /** Shape of every tensor that is left after fusing, and of those that were fused away. */
  readonly shapes: ReadonlyMap<string, Shape>;
}

/**
 * The shape of every tensor of a network.
 *
 * @param operations In order.
 * @param input Name and shape of the input.
 * @returns Shapes by name.
 * @throws {RangeError} If a window does not fit: the input is too small.
 */
export function inferShapes(
  operations: readonly Operation[],
  input: { name: string; shape: Shape },
): Map<string, Shape> {
  const shapes = new Map<string, Shape>([[input.name, input.shape]]);
  const shapeOf = (name: string): Shape => {
    const shape = shapes.get(name);
    if (!shape) throw new TypeError(`Cannot lay out the network: tensor "${name}" is read before it is computed`);
    return shape;
  };
  for (const operation of operations) {
    const shape = shapeOf(operation.input);
    shapes.set(operation.output, outputShapeOf(operation, shape, shapeOf));
  }
  return shapes;
}

function outputShapeOf(operation: Operation, shape: Shape, shapeOf: (name: string) => Shape): Shape {
  switch (operation.type) {
    case "convolution":
    case "linear":
      return outputShape(convolutionOf(operation, shape));
    case "pool":
      return poolShape(shape, operation);
    case "globalAveragePool":
      return globalAveragePoolShape(shape);
    case "add":
      return addShape(shape, shapeOf(operation.residual));
    default:
      return shape;
  }
}

/**
 * A convolution on an input; a linear is one of 1 x 1.
 *
 * @throws {TypeError} If the input has other channels.
 */
export function convolutionOf(operation: Convolution | Linear, input: Shape): ConvolutionShape {
  if (input[3] !== operation.inputChannels) {
    throw new TypeError(
      `Cannot compute "${operation.output}": it takes ${operation.inputChannels} channels, "${operation.input}" has ${
        input[3]
      }`,
    );
  }
  return convolutionShape(
    input,
    operation.type === "convolution"
      ? operation
      : { outputChannels: operation.outputChannels, kernel: [1, 1], stride: [1, 1], padding: [0, 0], groups: 1 },
  );
}

/**
 * Reads a network's parameters.
 *
 * @throws {TypeError} When one is missing.
 */
export function parameterReader(
  { name: network }: Network,
  parameters: Parameters | undefined,
): (name: string) => Float32Array {
  return (name) => {
    const parameter = parameters?.get(name);
    if (!parameter) throw new TypeError(`Cannot compute ${network}: parameter "${name}" is missing`);
    return parameter.data;
  };
}

/**
 * Lowers a network up to its classifier's output for inference.
 *
 * @param network The network; its classifier runs at every position of the feature map.
 * @param parameters What it reads; may be left out where only kernels and sizes are wanted.
 * @param options `batch` and `size` (height, width) of the input; profile and storage.
 * @returns The program. Its input is the tensor `network.input`, its output `network.classifier.output`.
 * @throws {RangeError} If the input is too small for the network.
 * @throws {TypeError} If a parameter is missing.
 */
export function lowerNetwork(
  network: Network,
  parameters: Parameters | undefined,
  options: { batch: number; size: readonly [number, number] } & Target,
): LoweredNetwork {
  const target: Target = { profile: options.profile, storage: options.storage };
  const operations = [...network.operations, network.classifier];
  const shapes = inferShapes(operations, { name: network.input, shape: [options.batch, ...options.size, 3] });
  const shapeOf = (name: string) => shapes.get(name)!;
  const fused = fuse(operations, [network.classifier.output], {
    fusesResidual: (operation) => fusesResidual(convolutionOf(operation, shapeOf(operation.input)), target),
    channels: (name) => shapeOf(name)[3],
  });
  const read = parameterReader(network, parameters);
  const program: Program = { tensors: new Map(), constants: new Map(), steps: [] };
  program.tensors.set(network.input, tensorBytes(shapeOf(network.input), target.storage));
  for (const operation of fused) {
    program.tensors.set(operation.output, tensorBytes(shapeOf(operation.output), target.storage));
    if (operation.type === "fused") addFused(program, operation, shapeOf, read, target);
    else program.steps.push(...plainSteps(program, operation, shapeOf, read, target));
  }
  return { ...program, shapes };
}

function addFused(
  program: Program,
  { operation, batchNorm, residual, activation, output }: Fused,
  shapeOf: (name: string) => Shape,
  read: (name: string) => Float32Array,
  target: Target,
): void {
  const shape = convolutionOf(operation, shapeOf(operation.input));
  const weights = operation.weight;
  program.constants.set(weights, () => {
    const weight = read(operation.weight);
    const bias = operation.bias === undefined ? undefined : read(operation.bias);
    const folded = batchNorm ? foldBatchNorm(weight, bias, batchNormParameters(batchNorm, read)) : { weight, bias };
    return packWeights(shape, folded, target);
  });
  const epilogue = {
    ...(activation ? { activation } : {}),
    ...(residual === undefined ? {} : { residualChannels: shapeOf(residual)[3] }),
  };
  const partial = `${output} partial`;
  for (const { kernel, weightsOffset } of convolutionKernels(shape, epilogue, target)) {
    if (kernel.bindings.includes("partial")) program.tensors.set(partial, tensorBytes(outputShape(shape), "f32"));
    program.steps.push({
      kernel,
      weightsOffset,
      bindings: { input: operation.input, weights, output, partial, ...(residual === undefined ? {} : { residual }) },
    });
  }
}

/** Reads what a batch norm computes with. */
export function batchNormParameters(
  operation: { parameters: string; epsilon: number },
  read: (name: string) => Float32Array,
): BatchNormParameters {
  return {
    weight: read(`${operation.parameters}.weight`),
    bias: read(`${operation.parameters}.bias`),
    runningMean: read(`${operation.parameters}.running_mean`),
    runningVariance: read(`${operation.parameters}.running_var`),
    epsilon: operation.epsilon,
  };
}

function plainSteps(
  program: Program,
  operation: Exclude<Operation, Convolution | Linear>,
  shapeOf: (name: string) => Shape,
  read: (name: string) => Float32Array,
  target: Target,
): Step[] {
  const { input, output } = operation;
  const shape = shapeOf(input);
  switch (operation.type) {
    case "activation":
      return [{
        kernel: activationKernel({ activation: operation.function, shape, ...target }),
        bindings: { input, output },
      }];
    case "add": {
      const { residual } = operation;
      return [{
        kernel: addKernel({ input: shape, residual: shapeOf(residual), ...target }),
        bindings: { input, residual, output },
      }];
    }
    case "multiply":
      return [{ kernel: multiplyKernel({ shape, ...target }), bindings: { input, gate: operation.gate, output } }];
    case "pool":
      return [{ kernel: poolKernel({ shape, pool: operation, ...target }), bindings: { input, output } }];
    case "globalAveragePool":
      return [{ kernel: globalAveragePoolKernel({ shape, ...target }), bindings: { input, output } }];
    case "batchNorm": {
      const [scale, shift] = ["scale", "shift"].map((name) => `${operation.parameters} ${name}`);
      const padded = (part: "scale" | "shift") => () => {
        const result = new Float32Array(channelVectors(operation.channels) * 4);
        result.set(batchNormScale(batchNormParameters(operation, read))[part]);
        return result;
      };
      program.constants.set(scale, padded("scale"));
      program.constants.set(shift, padded("shift"));
      return [{ kernel: batchNormKernel({ shape, ...target }), bindings: { input, scale, shift, output } }];
    }
  }
}
