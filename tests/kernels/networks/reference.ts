/**
 * What a network computes, in plain loops: the reference that the engine is compared with.
 *
 * Every operation of the networks in `kernels/networks` has one function here, written after its definition and nothing else: no
 * batch norm is folded, nothing is fused. Sums are kept in float64 and each tensor is stored as float32, so the result differs
 * from exact arithmetic by about 1e-7 of the largest value an operation.
 *
 *     convolution   out[n,y,x,o] = bias[o] + sum_{i,j,c} in[n, y*sy + i - top, x*sx + j - left, c] * weight[o,c,i,j]
 *     batchNorm     out = (in - running_mean) / sqrt(running_var + epsilon) * weight + bias
 *     pool          max or mean over the window; padding is -inf or 0
 *     linear        out[n,y,x,o] = bias[o] + sum_c in[n,y,x,c] * weight[o,c]
 *
 * @module
 */

import type { Network } from "../../../kernels/operations/network.ts";
import { activationName } from "../../../kernels/operations/activation/functions/mod.ts";
import type { Activation } from "../../../kernels/operations/activation/rule.ts";
import type { BatchNorm } from "../../../kernels/operations/batch_norm/rule.ts";
import type { Convolution } from "../../../kernels/operations/convolution/rule.ts";
import type { Linear } from "../../../kernels/operations/linear/rule.ts";
import type { Operation } from "../../../kernels/operations/mod.ts";
import type { Pool } from "../../../kernels/operations/pool/rule.ts";
import type { Padding } from "../../../kernels/operations/shared/window.ts";

/** A tensor in memory: activations `[N, H, W, C]`, parameters in PyTorch's axis order; row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float32Array<ArrayBuffer>;
}

/** Parameters by name. */
export type Parameters = ReadonlyMap<string, Tensor>;

/** Which tensors to return. */
export interface ReferenceOptions {
  /** Keep every tensor that is computed; default false, which keeps only the result. */
  readonly keepAll?: boolean;
}

/**
 * Runs a network up to its label map.
 *
 * @param network The network.
 * @param parameters Its parameters.
 * @param input The normalised image, `[N, H, W, C]`.
 * @param options Which tensors to return.
 * @returns Tensors by name: the feature map (`network.features`) and the dense logits (`network.classifier.output`), or
 *   all of them.
 */
export function runReference(
  network: Network,
  parameters: Parameters,
  input: Tensor,
  options: ReferenceOptions = {},
): Map<string, Tensor> {
  const tensors = new Map([[network.input, input]]);
  const operations = [...network.operations, network.classifier];
  const lastUse = new Map<string, number>();
  operations.forEach((operation, index) => inputsOf(operation).forEach((name) => lastUse.set(name, index)));
  operations.forEach((operation, index) => {
    tensors.set(operation.output, runOperation(operation, tensors, parameters));
    if (options.keepAll) return;
    for (const name of inputsOf(operation)) {
      if (lastUse.get(name) === index && name !== network.features) tensors.delete(name);
    }
  });
  return tensors;
}

/**
 * Runs the classifier on the pooled feature map, as a classifier of whole images does.
 *
 * @param network The network.
 * @param parameters Its parameters.
 * @param features The feature map `[N, h, w, F]`.
 * @returns The logits `[N, 1, 1, classes]`.
 */
export function classifyReference(network: Network, parameters: Parameters, features: Tensor): Tensor {
  return linear(network.classifier, globalAveragePool(features), parameters);
}

/**
 * Runs one operation.
 *
 * @param operation The operation.
 * @param tensors Tensors computed so far, by name.
 * @param parameters Parameters by name.
 * @returns Its output.
 */
export function runOperation(
  operation: Operation,
  tensors: ReadonlyMap<string, Tensor>,
  parameters: Parameters,
): Tensor {
  const input = lookUp(tensors, operation.input);
  switch (operation.type) {
    case "convolution":
      return convolution(operation, input, parameters);
    case "batchNorm":
      return batchNorm(operation, input, parameters);
    case "activation":
      return activation(operation, input);
    case "add":
      return add(input, lookUp(tensors, operation.residual));
    case "multiply":
      return multiply(input, lookUp(tensors, operation.gate));
    case "pool":
      return pool(operation, input);
    case "globalAveragePool":
      return globalAveragePool(input);
    case "linear":
      return linear(operation, input, parameters);
    default:
      throw new TypeError("Cannot run reference: it knows no operation of this type");
  }
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

function convolution(operation: Convolution, input: Tensor, parameters: Parameters): Tensor {
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
  const output = new Float32Array(elementCount(shape));
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

function batchNorm(operation: BatchNorm, input: Tensor, parameters: Parameters): Tensor {
  const channels = operation.channels;
  expectShape(input, [...input.shape.slice(0, 3), channels], operation.input);
  const [weight, bias, mean, variance] = ["weight", "bias", "running_mean", "running_var"]
    .map((name) => lookUp(parameters, `${operation.parameters}.${name}`).data);
  return {
    shape: input.shape,
    data: input.data.map((value, index) => {
      const c = index % channels;
      return (value - mean[c]) / Math.sqrt(variance[c] + operation.epsilon) * weight[c] + bias[c];
    }),
  };
}

function activation(operation: Activation, input: Tensor): Tensor {
  const functions: Readonly<Record<string, (value: number) => number>> = {
    relu: (value) => Math.max(value, 0),
    relu6: (value) => Math.min(Math.max(value, 0), 6),
    silu: (value) => value / (1 + Math.exp(-value)),
    sigmoid: (value) => 1 / (1 + Math.exp(-value)),
  };
  const name = activationName(operation.function);
  if (!functions[name]) throw new TypeError(`Cannot run reference: it knows no activation ${name}`);
  return { shape: input.shape, data: input.data.map(functions[name]) };
}

/** The residual's channels are the first of the sum's; the others are the input's alone. */
function add(input: Tensor, residual: Tensor): Tensor {
  const channels = input.shape[3];
  const residualChannels = residual.shape[3];
  expectShape(residual, [...input.shape.slice(0, 3), residualChannels], "residual");
  const data = input.data.map((value, index) => {
    const c = index % channels;
    const pixel = (index - c) / channels;
    return c < residualChannels ? value + residual.data[pixel * residualChannels + c] : value;
  });
  return { shape: input.shape, data };
}

function multiply(input: Tensor, gate: Tensor): Tensor {
  const [batch, height, width, channels] = input.shape;
  expectShape(gate, [batch, 1, 1, channels], "gate");
  const imageLength = height * width * channels;
  const data = input.data.map((value, index) =>
    value * gate.data[Math.floor(index / imageLength) * channels + index % channels]
  );
  return { shape: input.shape, data };
}

function pool(operation: Pool, input: Tensor): Tensor {
  const [batch, height, width, channels] = input.shape;
  const [kernelHeight, kernelWidth] = operation.kernel;
  const [strideY, strideX] = operation.stride;
  const { ceilMode = false, countPadding = true, padding, mode } = operation;
  const rows = windows(height, kernelHeight, strideY, padding, 0, ceilMode);
  const columns = windows(width, kernelWidth, strideX, padding, 1, ceilMode);
  const shape = [batch, rows.output, columns.output, channels];
  const output = new Float32Array(elementCount(shape));
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

function globalAveragePool(input: Tensor): Tensor {
  const [batch, height, width, channels] = input.shape;
  const output = new Float32Array(batch * channels);
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

function linear(operation: Linear, input: Tensor, parameters: Parameters): Tensor {
  const { inputChannels, outputChannels } = operation;
  expectShape(input, [...input.shape.slice(0, 3), inputChannels], operation.input);
  const weight = lookUp(parameters, operation.weight);
  expectShape(weight, [outputChannels, inputChannels], operation.weight);
  const bias = operation.bias === undefined ? undefined : lookUp(parameters, operation.bias).data;
  const pixels = input.data.length / inputChannels;
  const output = new Float32Array(pixels * outputChannels);
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

function inputsOf(operation: Operation): string[] {
  if (operation.type === "add") return [operation.input, operation.residual];
  if (operation.type === "multiply") return [operation.input, operation.gate];
  return [operation.input];
}

function clip(position: number, size: number): number {
  return Math.min(Math.max(position, 0), size);
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function lookUp(tensors: ReadonlyMap<string, Tensor>, name: string): Tensor {
  const tensor = tensors.get(name);
  if (!tensor) throw new RangeError(`Cannot run reference: there is no tensor "${name}"`);
  return tensor;
}

function expectShape(tensor: Tensor, shape: readonly number[], name: string): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((size, axis) => size !== shape[axis])) {
    throw new TypeError(`Cannot run reference: "${name}" has shape [${tensor.shape}], expected [${shape}]`);
  }
}
