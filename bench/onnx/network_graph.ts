/**
 * A network as an ONNX graph, so that other runtimes compute the same label map.
 *
 * Tensors are `[N, C, H, W]` there. Each operation becomes the ONNX operator of the same meaning, batch norm included, which
 * runtimes fold themselves:
 *
 * | operation | ONNX |
 * | --- | --- |
 * | convolution | Conv, "SAME" padding as numbers |
 * | batchNorm | BatchNormalization |
 * | relu, relu6, sigmoid, silu | Relu, Clip, Sigmoid, Sigmoid and Mul |
 * | add | Add, after Pad where the residual has fewer channels |
 * | multiply | Mul |
 * | pool | MaxPool, AveragePool |
 * | globalAveragePool | GlobalAveragePool |
 * | linear | Conv 1x1 |
 *
 * @module
 */

import type { Network } from "../../kernels/operations/network.ts";
import { activationName } from "../../kernels/operations/activation/functions/mod.ts";
import type { Activation } from "../../kernels/operations/activation/rule.ts";
import type { Add } from "../../kernels/operations/add/rule.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import { type Padding, type Pair, windowAxis } from "../../kernels/operations/shared/window.ts";
import type { AttributeValue, OnnxGraph, OnnxNode, OnnxTensor } from "./model.ts";

type Shape = readonly [batch: number, channels: number, height: number, width: number];

/** A graph while it grows. */
interface Draft {
  readonly nodes: OnnxNode[];
  readonly constants: Map<string, OnnxTensor | BigInt64Array>;
  readonly shapes: Map<string, Shape>;
  readonly parameters: ReadonlyMap<string, OnnxTensor>;
}

/**
 * Translates a network up to the logits of its dense head.
 *
 * @param network The network.
 * @param parameters Its parameters by name.
 * @param input Batch, height, width and channels of its input.
 * @returns The graph, from `network.input` to `network.dense.output`.
 * @throws {RangeError} If a window does not fit, or a tensor or parameter is missing.
 */
export function networkGraph(
  network: Network,
  parameters: ReadonlyMap<string, OnnxTensor>,
  input: readonly [batch: number, height: number, width: number, channels: number],
): OnnxGraph {
  const [batch, height, width, channels] = input;
  const shape: Shape = [batch, channels, height, width];
  const draft: Draft = { nodes: [], constants: new Map(), shapes: new Map([[network.input, shape]]), parameters };
  for (const operation of [...network.operations, ...network.dense.operations]) append(draft, operation);
  const { output } = network.dense;
  return {
    name: network.name,
    input: { name: network.input, shape },
    output: { name: output, shape: find(draft.shapes, output) },
    nodes: draft.nodes,
    constants: draft.constants,
  };
}

function append(draft: Draft, operation: Operation): void {
  const { input, output } = operation;
  const [batch, channels, ...size] = find(draft.shapes, input);
  const emit = (type: string, inputs: string[], shape: Shape, attributes?: Record<string, AttributeValue>) => {
    draft.nodes.push({ type, inputs, output, attributes });
    draft.shapes.set(output, shape);
  };
  switch (operation.type) {
    case "convolution": {
      const { kernel, stride, padding, groups, weight, bias, outputChannels } = operation;
      const { pads, output: outputSize } = slide({ size, kernel, stride, padding });
      const inputs = [input, parameter(draft, weight), ...(bias === undefined ? [] : [parameter(draft, bias)])];
      const attributes = { kernel_shape: kernel, strides: stride, pads, group: groups };
      return emit("Conv", inputs, [batch, outputChannels, ...outputSize], attributes);
    }
    case "linear": {
      const { weight, bias, inputChannels, outputChannels } = operation;
      const { data } = find(draft.parameters, weight);
      draft.constants.set(weight, { shape: [outputChannels, inputChannels, 1, 1], data });
      const inputs = [input, weight, ...(bias === undefined ? [] : [parameter(draft, bias)])];
      return emit("Conv", inputs, [batch, outputChannels, ...size], { kernel_shape: [1, 1] });
    }
    case "batchNorm": {
      const names = ["weight", "bias", "running_mean", "running_var"].map((name) =>
        parameter(draft, `${operation.parameters}.${name}`)
      );
      const attributes = { epsilon: { float: operation.epsilon } };
      return emit("BatchNormalization", [input, ...names], [batch, channels, ...size], attributes);
    }
    case "activation":
      appendActivation(draft, operation);
      draft.shapes.set(output, [batch, channels, ...size]);
      return;
    case "add":
      return emit("Add", [input, paddedResidual(draft, operation, channels)], [batch, channels, ...size]);
    case "multiply":
      return emit("Mul", [input, operation.gate], [batch, channels, ...size]);
    case "pool": {
      const { kernel, stride, padding, mode, ceilMode = false, countPadding = true } = operation;
      const { pads, output: outputSize } = slide({ size, kernel, stride, padding, ceilMode });
      const attributes = { kernel_shape: kernel, strides: stride, pads, ceil_mode: Number(ceilMode) };
      const shape: Shape = [batch, channels, ...outputSize];
      if (mode === "max") return emit("MaxPool", [input], shape, attributes);
      return emit("AveragePool", [input], shape, { ...attributes, count_include_pad: Number(countPadding) });
    }
    case "globalAveragePool":
      return emit("GlobalAveragePool", [input], [batch, channels, 1, 1]);
    default:
      throw new TypeError(`Cannot write "${output}" as ONNX: no network here has its type of operation`);
  }
}

function appendActivation({ nodes, constants }: Draft, operation: Activation): void {
  const { input, output } = operation;
  switch (operation.function) {
    case "relu":
      nodes.push({ type: "Relu", inputs: [input], output });
      return;
    case "relu6":
      constants.set("zero", { shape: [], data: Float32Array.of(0) });
      constants.set("six", { shape: [], data: Float32Array.of(6) });
      nodes.push({ type: "Clip", inputs: [input, "zero", "six"], output });
      return;
    case "sigmoid":
      nodes.push({ type: "Sigmoid", inputs: [input], output });
      return;
    case "silu":
      nodes.push({ type: "Sigmoid", inputs: [input], output: `${output}.sigmoid` });
      nodes.push({ type: "Mul", inputs: [input, `${output}.sigmoid`], output });
      return;
    default:
      throw new TypeError(`Cannot write ${activationName(operation.function)} as ONNX: no network here has it`);
  }
}

function paddedResidual({ nodes, constants, shapes }: Draft, { residual, output }: Add, channels: number): string {
  const missing = channels - find(shapes, residual)[1];
  if (missing === 0) return residual;
  const pads = `${output}.pads`;
  constants.set(pads, BigInt64Array.from([0, 0, 0, 0, 0, missing, 0, 0], BigInt));
  nodes.push({ type: "Pad", inputs: [residual, pads], output: `${output}.residual` });
  return `${output}.residual`;
}

/** Size of the output and ONNX's `pads`: top, left, bottom, right. */
function slide(
  { size, kernel, stride, padding, ceilMode }: {
    size: Pair;
    kernel: Pair;
    stride: Pair;
    padding: Padding;
    ceilMode?: boolean;
  },
): { output: Pair; pads: number[] } {
  const axis = (index: 0 | 1) =>
    windowAxis({
      input: size[index],
      kernel: kernel[index],
      stride: stride[index],
      padding: padding === "same" ? padding : padding[index],
      ceilMode,
    });
  const [y, x] = [axis(0), axis(1)];
  return { output: [y.output, x.output], pads: [y.before, x.before, y.after, x.after] };
}

function parameter({ constants, parameters }: Draft, name: string): string {
  constants.set(name, find(parameters, name));
  return name;
}

function find<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`Cannot write ONNX graph: there is no tensor "${name}"`);
  return value;
}
