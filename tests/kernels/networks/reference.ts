/**
 * What a network computes, in plain loops: the reference that the engine is compared with.
 *
 * The operations of all convolutional networks have a function here, written after their definition and nothing else; the
 * others are those of their rules. No batch norm is folded, nothing is fused. All is float64.
 *
 *     convolution   out[n,y,x,o] = bias[o] + sum_{i,j,c} in[n, y*sy + i - top, x*sx + j - left, c] * weight[o,c,i,j]
 *     batchNorm     out = (in - running_mean) / sqrt(running_var + epsilon) * weight + bias
 *     pool          max or mean over the window; padding is -inf or 0
 *     linear        out[n,y,x,o] = bias[o] + sum_c in[n,y,x,c] * weight[o,c]
 *
 * @module
 */

import type { Network } from "../../../kernels/operations/network.ts";
import type { BatchNorm } from "../../../kernels/operations/batch_norm/rule.ts";
import type { Convolution } from "../../../kernels/operations/convolution/rule.ts";
import type { Linear } from "../../../kernels/operations/linear/rule.ts";
import { inputsOf, type Operation, ruleOf } from "../../../kernels/operations/mod.ts";
import type { Pool } from "../../../kernels/operations/pool/rule.ts";
import type { Shape } from "../../../kernels/operations/shared/tensor.ts";
import type { Padding } from "../../../kernels/operations/shared/window.ts";

/** A tensor in memory: activations `[N, H, W, C]`, parameters in PyTorch's axis order; row-major. */
export interface Tensor<Data = Float32Array<ArrayBuffer>> {
  readonly shape: readonly number[];
  readonly data: Data;
}

/** A tensor that was computed. */
export type Computed = Tensor<Float64Array<ArrayBuffer>>;

/** A tensor that is read. */
type Read = Tensor<Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>;

/** Parameters by name. */
export type Parameters = ReadonlyMap<string, Tensor>;

/**
 * Runs a network up to the logits of a head.
 *
 * @param network The network.
 * @param parameters Its parameters.
 * @param input The normalised image, `[N, H, W, C]`.
 * @param head Which.
 * @returns Tensors by name: the feature map (`network.features`) and the logits (`network[head].output`).
 */
export function runReference(
  network: Network,
  parameters: Parameters,
  input: Tensor,
  head: "dense" | "pooled" = "dense",
): Map<string, Computed> {
  const state = stateOf(network, input);
  runOperations([...network.operations, ...network[head].operations], parameters, state, new Set([network.features]));
  return state.tensors;
}

/**
 * Runs a network up to the logits of both heads, their common part once.
 *
 * @param network The network.
 * @param parameters Its parameters.
 * @param input As for {@linkcode runReference}.
 * @returns The logits of each head.
 */
export function runBothHeads(
  network: Network,
  parameters: Parameters,
  input: Tensor,
): Record<"dense" | "pooled", Computed> {
  const { tensors, shapes } = stateOf(network, input);
  const read = new Set(
    [network.dense, network.pooled].flatMap(({ operations, output }) => [...operations.flatMap(inputsOf), output]),
  );
  runOperations(network.operations, parameters, { tensors, shapes }, read);
  const logitsOf = ({ operations, output }: Network["dense"]) => {
    const state = { tensors: new Map(tensors), shapes: new Map(shapes) };
    runOperations(operations, parameters, state, new Set([output]));
    return state.tensors.get(output)!;
  };
  return { dense: logitsOf(network.dense), pooled: logitsOf(network.pooled) };
}

/** Tensors that are still there, and the shapes of all. */
interface State {
  readonly tensors: Map<string, Computed>;
  readonly shapes: Map<string, readonly number[]>;
}

function stateOf(network: Network, input: Tensor): State {
  return {
    tensors: new Map([[network.input, { shape: input.shape, data: Float64Array.from(input.data) }]]),
    shapes: new Map([[network.input, input.shape]]),
  };
}

/** Runs operations in order; tensors are forgotten after their last use, but for some. */
function runOperations(
  operations: readonly Operation[],
  parameters: Parameters,
  { tensors, shapes }: State,
  kept: ReadonlySet<string>,
): void {
  const lastUse = new Map<string, number>();
  operations.forEach((operation, index) => inputsOf(operation).forEach((name) => lastUse.set(name, index)));
  operations.forEach((operation, index) => {
    const result = runOperation(operation, tensors, parameters, shapes);
    tensors.set(operation.output, result);
    shapes.set(operation.output, result.shape);
    for (const name of inputsOf(operation)) {
      if (lastUse.get(name) === index && !kept.has(name)) tensors.delete(name);
    }
  });
}

/**
 * The logits that a classifier of whole images gives.
 *
 * @param network The network.
 * @param parameters Its parameters.
 * @param input As for {@linkcode runReference}.
 * @returns The logits `[N, 1, 1, classes]`.
 */
export function classifyReference(network: Network, parameters: Parameters, input: Tensor): Computed {
  return runReference(network, parameters, input, "pooled").get(network.pooled.output)!;
}

/**
 * Runs one operation.
 *
 * @param operation The operation.
 * @param tensors Tensors computed so far, by name.
 * @param parameters Parameters by name.
 * @param shapes Shapes of those, and of tensors that are no longer there.
 * @returns Its output.
 */
export function runOperation(
  operation: Operation,
  tensors: ReadonlyMap<string, Read>,
  parameters: Parameters,
  shapes: ReadonlyMap<string, readonly number[]> = new Map(),
): Computed {
  switch (operation.type) {
    case "convolution":
      return convolution(operation, lookUp(tensors, operation.input), parameters);
    case "batchNorm":
      return batchNorm(operation, lookUp(tensors, operation.input), parameters);
    case "add":
      return add(lookUp(tensors, operation.input), lookUp(tensors, operation.residual));
    case "pool":
      return pool(operation, lookUp(tensors, operation.input));
    case "globalAveragePool":
      return globalAveragePool(lookUp(tensors, operation.input));
    case "linear":
      return linear(operation, lookUp(tensors, operation.input), parameters);
  }
  const shapeOf = (name: string) => (shapes.get(name) ?? lookUp(tensors, name).shape) as Shape;
  const rule = ruleOf(operation);
  const shape = rule.outputShape(operation, shapeOf);
  return {
    shape,
    data: rule.reference(operation, {
      trained: false,
      tensor: (name) => lookUp(tensors, name).data,
      shapeOf: (name) => name === operation.output ? shape : shapeOf(name),
      parameter: (name) => lookUp(parameters, name).data,
    }) as Float64Array<ArrayBuffer>,
  };
}

/**
 * Changes the axis order of PyTorch's images into this project's.
 *
 * @param tensor `[N, C, H, W]`.
 * @returns `[N, H, W, C]`.
 */
export function fromNCHW({ shape, data }: Tensor): Tensor {
  const [batch, channels, height, width] = shape;
  const output = new Float32Array(data.length);
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) output[((n * height + y) * width + x) * channels + c] = data[index++];
      }
    }
  }
  return { shape: [batch, height, width, channels], data: output };
}

/** Where windows lie along one axis. */
interface Axis {
  /** Number of windows. */
  readonly output: number;
  /** Padding before the first pixel and after the last. */
  readonly before: number;
  readonly after: number;
}

function windows(input: number, kernel: number, stride: number, padding: Padding, axis: 0 | 1, ceil: boolean): Axis {
  if (padding === "same") {
    const output = Math.ceil(input / stride);
    const total = Math.max((output - 1) * stride + kernel - input, 0);
    return { output, before: Math.floor(total / 2), after: Math.ceil(total / 2) };
  }
  const before = padding[axis];
  const steps = (input + 2 * before - kernel) / stride;
  let output = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // PyTorch's ceil_mode drops a window that would start in the padding behind the image.
  if (ceil && (output - 1) * stride >= input + before) output--;
  return { output, before, after: before };
}

function convolution(operation: Convolution, input: Read, parameters: Parameters): Computed {
  const [batch, height, width, inputChannels] = input.shape;
  const [kernelHeight, kernelWidth] = operation.kernel;
  const [strideY, strideX] = operation.stride;
  const rows = windows(height, kernelHeight, strideY, operation.padding, 0, false);
  const columns = windows(width, kernelWidth, strideX, operation.padding, 1, false);
  const { outputChannels, groups } = operation;
  expectShape(input, [batch, height, width, operation.inputChannels], operation.input);
  const groupInputs = inputChannels / groups;
  const groupOutputs = outputChannels / groups;
  const weight = lookUp(parameters, operation.weight);
  expectShape(weight, [outputChannels, groupInputs, kernelHeight, kernelWidth], operation.weight);
  const bias = operation.bias === undefined ? undefined : lookUp(parameters, operation.bias);
  const shape = [batch, rows.output, columns.output, outputChannels];
  const output = new Float64Array(elementCount(shape));
  const sums = new Float64Array(outputChannels);
  const tap = kernelHeight * kernelWidth;
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < rows.output; y++) {
      for (let x = 0; x < columns.output; x++) {
        if (bias) sums.set(bias.data);
        else sums.fill(0);
        for (let i = 0; i < kernelHeight; i++) {
          const inputY = y * strideY + i - rows.before;
          if (inputY < 0 || inputY >= height) continue;
          for (let j = 0; j < kernelWidth; j++) {
            const inputX = x * strideX + j - columns.before;
            if (inputX < 0 || inputX >= width) continue;
            const pixel = ((n * height + inputY) * width + inputX) * inputChannels;
            for (let o = 0; o < outputChannels; o++) {
              const first = pixel + Math.floor(o / groupOutputs) * groupInputs;
              let at = (o * groupInputs * kernelHeight + i) * kernelWidth + j;
              let sum = 0;
              for (let c = 0; c < groupInputs; c++, at += tap) sum += input.data[first + c] * weight.data[at];
              sums[o] += sum;
            }
          }
        }
        output.set(sums, index);
        index += outputChannels;
      }
    }
  }
  return { shape, data: output };
}

function batchNorm(operation: BatchNorm, input: Read, parameters: Parameters): Computed {
  const channels = operation.channels;
  expectShape(input, [...input.shape.slice(0, 3), channels], operation.input);
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
    .map((name) => lookUp(parameters, `${operation.parameters}.${name}`).data);
  return {
    shape: input.shape,
    data: Float64Array.from(input.data, (value, index) => {
      const c = index % channels;
      return (value - mean[c]) / Math.sqrt(variance[c] + operation.epsilon) * weight[c] + bias[c];
    }),
  };
}

/** The residual's channels are the first of the sum's; the others are the input's alone. */
function add(input: Read, residual: Read): Computed {
  const channels = input.shape[3];
  const residualChannels = residual.shape[3];
  expectShape(residual, [...input.shape.slice(0, 3), residualChannels], "residual");
  const data = Float64Array.from(input.data, (value, index) => {
    const c = index % channels;
    const pixel = (index - c) / channels;
    return c < residualChannels ? value + residual.data[pixel * residualChannels + c] : value;
  });
  return { shape: input.shape, data };
}

function pool(operation: Pool, input: Read): Computed {
  const [batch, height, width, channels] = input.shape;
  const [kernelHeight, kernelWidth] = operation.kernel;
  const [strideY, strideX] = operation.stride;
  const { ceilMode = false, countPadding = true, padding, mode } = operation;
  const rows = windows(height, kernelHeight, strideY, padding, 0, ceilMode);
  const columns = windows(width, kernelWidth, strideX, padding, 1, ceilMode);
  const shape = [batch, rows.output, columns.output, channels];
  const output = new Float64Array(elementCount(shape));
  let index = 0;
  for (let n = 0; n < batch; n++) {
    for (let y = 0; y < rows.output; y++) {
      const [top, bottom] = [y * strideY - rows.before, y * strideY - rows.before + kernelHeight];
      for (let x = 0; x < columns.output; x++) {
        const [left, right] = [x * strideX - columns.before, x * strideX - columns.before + kernelWidth];
        const inside = (clip(bottom, height) - clip(top, height)) * (clip(right, width) - clip(left, width));
        // A window that ceil_mode lets reach past the padding counts only the padding itself.
        const padded = (Math.min(bottom, height + rows.after) - top) *
          (Math.min(right, width + columns.after) - left);
        for (let c = 0; c < channels; c++) {
          let largest = -Infinity;
          let sum = 0;
          for (let inputY = clip(top, height); inputY < clip(bottom, height); inputY++) {
            for (let inputX = clip(left, width); inputX < clip(right, width); inputX++) {
              const value = input.data[((n * height + inputY) * width + inputX) * channels + c];
              largest = Math.max(largest, value);
              sum += value;
            }
          }
          output[index++] = mode === "max" ? largest : sum / (countPadding ? padded : inside);
        }
      }
    }
  }
  return { shape, data: output };
}

function globalAveragePool(input: Read): Computed {
  const [batch, height, width, channels] = input.shape;
  const output = new Float64Array(batch * channels);
  const sums = new Float64Array(channels);
  for (let n = 0; n < batch; n++) {
    sums.fill(0);
    for (let pixel = n * height * width; pixel < (n + 1) * height * width; pixel++) {
      for (let c = 0; c < channels; c++) sums[c] += input.data[pixel * channels + c];
    }
    output.set(sums.map((sum) => sum / (height * width)), n * channels);
  }
  return { shape: [batch, 1, 1, channels], data: output };
}

function linear(operation: Linear, input: Read, parameters: Parameters): Computed {
  const { inputChannels, outputChannels } = operation;
  expectShape(input, [...input.shape.slice(0, 3), inputChannels], operation.input);
  const weight = lookUp(parameters, operation.weight);
  expectShape(weight, [outputChannels, inputChannels], operation.weight);
  const bias = operation.bias === undefined ? undefined : lookUp(parameters, operation.bias).data;
  const pixels = input.data.length / inputChannels;
  const output = new Float64Array(pixels * outputChannels);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let o = 0; o < outputChannels; o++) {
      let sum = bias ? bias[o] : 0;
      for (let c = 0; c < inputChannels; c++) {
        sum += input.data[pixel * inputChannels + c] * weight.data[o * inputChannels + c];
      }
      output[pixel * outputChannels + o] = sum;
    }
  }
  return { shape: [...input.shape.slice(0, 3), outputChannels], data: output };
}

function clip(position: number, size: number): number {
  return Math.min(Math.max(position, 0), size);
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function lookUp<T>(tensors: ReadonlyMap<string, T>, name: string): T {
  const tensor = tensors.get(name);
  if (!tensor) throw new RangeError(`Cannot run reference: there is no tensor "${name}"`);
  return tensor;
}

function expectShape(tensor: Read, shape: readonly number[], name: string): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
    throw new TypeError(`Cannot run reference: "${name}" has shape [${tensor.shape}], expected [${shape}]`);
  }
}
