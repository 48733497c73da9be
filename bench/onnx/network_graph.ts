/**
 * A network as an ONNX graph, so that other runtimes compute the same label map.
 *
 * Each operation becomes the ONNX operator of the same meaning, as exporters of PyTorch's networks write it; batch norms,
 * GELUs and biases are left to the runtimes to fold. Convolutions give `[N, C, H, W]`; norms of channels, linear layers and
 * tokens have the channels last.
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
 * | linear | Conv 1x1, or where channels are last MatMul and Add |
 * | channelNorm, of one layer | LayerNormalization |
 * | gelu | Div, Erf, Add, Mul, Mul |
 * | scale | Mul |
 * | prefixTokens, positionEmbedding | Reshape and Concat, Add |
 * | attention | Slice and onnxruntime's MultiHeadAttention; of a single key, Expand |
 * | takePositions, takeChannels | Slice |
 *
 * @module
 */

import type { Network } from "../../kernels/operations/network.ts";
import { activationName } from "../../kernels/operations/activation/functions/mod.ts";
import type { Activation } from "../../kernels/operations/activation/rule.ts";
import type { Add } from "../../kernels/operations/add/rule.ts";
import type { Attention } from "../../kernels/operations/attention/rule.ts";
import { PARTS } from "../../kernels/operations/attention/shape.ts";
import { type Operation, ruleOf } from "../../kernels/operations/mod.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { type Padding, type Pair, windowAxis } from "../../kernels/operations/shared/window.ts";
import {
  append,
  constant,
  declare,
  dimensions,
  type Draft,
  find,
  inLayout,
  integers,
  type Layout,
  parameter,
  reshape,
  slice,
} from "./draft.ts";
import { MICROSOFT, type OnnxGraph, type OnnxTensor } from "./model.ts";

/** A graph and how its output lies. */
export interface NetworkGraph extends OnnxGraph {
  readonly outputLayout: Layout;
}

/**
 * Translates a network up to the logits of its dense head.
 *
 * @param network The network.
 * @param parameters Its parameters by name.
 * @param shape Batch, height, width and channels of its input.
 * @returns The graph, from `network.input`, `[N, C, H, W]`, to `network.dense.output`.
 * @throws {RangeError} If a window does not fit, or a tensor or parameter is missing.
 * @throws {TypeError} If there is an operation that no network here has.
 */
export function networkGraph(
  network: Network,
  parameters: ReadonlyMap<string, OnnxTensor>,
  shape: Shape,
): NetworkGraph {
  const draft: Draft = { nodes: [], constants: new Map(), tensors: new Map(), parameters };
  declare(draft, network.input, shape, "channelsFirst");
  for (const operation of [...network.operations, ...network.dense.operations]) {
    const shapeOf = (name: string) => find(draft.tensors, name).shape;
    const result = ruleOf(operation).outputShape(operation, shapeOf);
    declare(draft, operation.output, result, translate(draft, operation, result));
  }
  const { output } = network.dense;
  const { shape: outputShape, layout } = find(draft.tensors, output);
  return {
    name: network.name,
    input: { name: network.input, shape: dimensions(shape, "channelsFirst") },
    output: { name: output, shape: dimensions(outputShape, layout) },
    outputLayout: layout,
    nodes: draft.nodes,
    constants: draft.constants,
  };
}

/** Appends the nodes of an operation and says how its output, of the shape `result`, lies. */
function translate(draft: Draft, operation: Operation, result: Shape): Layout {
  const { input, output } = operation;
  const { shape: [, height, width], layout } = find(draft.tensors, input);
  const size = [height, width] as const;
  const first = () => inLayout(draft, input, "channelsFirst");
  const last = () => inLayout(draft, input, "channelsLast");
  switch (operation.type) {
    case "convolution": {
      const { kernel, stride, padding, groups, weight, bias } = operation;
      const pads = padsOf({ size, kernel, stride, padding });
      const inputs = [first(), parameter(draft, weight), ...(bias === undefined ? [] : [parameter(draft, bias)])];
      append(draft, "Conv", inputs, output, { kernel_shape: kernel, strides: stride, pads, group: groups });
      return "channelsFirst";
    }
    case "linear": {
      const { weight, bias, inputChannels, outputChannels } = operation;
      const { data } = find(draft.parameters, weight);
      if (layout === "channelsFirst") {
        const inputs = [input, constant(draft, weight, [outputChannels, inputChannels, 1, 1], data)];
        append(draft, "Conv", bias === undefined ? inputs : [...inputs, parameter(draft, bias)], output, {
          kernel_shape: [1, 1],
        });
        return layout;
      }
      const factors = constant(draft, weight, [inputChannels, outputChannels], transposed(data, outputChannels));
      if (bias === undefined) append(draft, "MatMul", [input, factors], output);
      else {
        const product = append(draft, "MatMul", [input, factors], `${output}.product`);
        append(draft, "Add", [product, parameter(draft, bias)], output);
      }
      return layout;
    }
    case "batchNorm": {
      const names = ["weight", "bias", "running_mean", "running_var"].map((name) =>
        parameter(draft, `${operation.parameters}.${name}`)
      );
      append(draft, "BatchNormalization", [first(), ...names], output, { epsilon: { float: operation.epsilon } });
      return "channelsFirst";
    }
    case "channelNorm": {
      const { method, groups, epsilon, weight, bias } = operation;
      if (method !== "layer" || groups !== 1 || weight === undefined) break;
      const inputs = [last(), ...[weight, bias].flatMap((name) => name === undefined ? [] : [parameter(draft, name)])];
      append(draft, "LayerNormalization", inputs, output, { axis: height === 1 ? 2 : 3, epsilon: { float: epsilon } });
      return "channelsLast";
    }
    case "activation":
      translateActivation(draft, operation);
      return layout;
    case "scale": {
      const { weight, bias, exponential, channels, shape } = operation;
      if (weight === undefined || bias !== undefined || exponential || shape.length !== 1) break;
      const { data } = find(draft.parameters, weight);
      const factors = layout === "channelsLast" ? [channels] : [channels, 1, 1];
      append(draft, "Mul", [input, constant(draft, weight, factors, data)], output);
      return layout;
    }
    case "add":
      append(draft, "Add", [input, residualOf(draft, operation, layout)], output);
      return layout;
    case "multiply":
      append(draft, "Mul", [input, inLayout(draft, operation.gate, layout)], output);
      return layout;
    case "pool": {
      const { kernel, stride, padding, mode, ceilMode = false, countPadding = true } = operation;
      const pads = padsOf({ size, kernel, stride, padding, ceilMode });
      const attributes = { kernel_shape: kernel, strides: stride, pads, ceil_mode: Number(ceilMode) };
      if (mode === "max") append(draft, "MaxPool", [first()], output, attributes);
      else append(draft, "AveragePool", [first()], output, { ...attributes, count_include_pad: Number(countPadding) });
      return "channelsFirst";
    }
    case "globalAveragePool":
      append(draft, "GlobalAveragePool", [first()], output);
      return "channelsFirst";
    case "prefixTokens": {
      const [batch, , , channels] = result;
      const patches = height === 1
        ? last()
        : reshape(draft, last(), [batch, height * width, channels], `${output}.patches`);
      const tokens = operation.tokens.map(({ parameter, count }) => {
        const { data } = find(draft.parameters, parameter);
        const all = new Float32Array(batch * data.length);
        for (let image = 0; image < batch; image++) all.set(data, image * data.length);
        return constant(draft, parameter, [batch, count, channels], all);
      });
      append(draft, "Concat", [...tokens, patches], output, { axis: 1 });
      return "channelsLast";
    }
    case "positionEmbedding":
      if (operation.shape.length !== 3 || height !== 1) break;
      append(draft, "Add", [last(), parameter(draft, operation.parameter)], output);
      return "channelsLast";
    case "attention":
      translateAttention(draft, operation, result);
      return "channelsLast";
    case "takePositions": {
      if (height !== 1) break;
      const { first, count, grid } = operation;
      const taken = slice(draft, last(), { axis: 1, first, count }, grid ? `${output}.run` : output);
      if (grid) reshape(draft, taken, dimensions(result, "channelsLast"), output);
      return "channelsLast";
    }
    case "takeChannels":
      slice(draft, last(), { axis: height === 1 ? 2 : 3, first: operation.first, count: operation.count }, output);
      return "channelsLast";
  }
  throw new TypeError(`Cannot write "${output}" as ONNX: no network here has its type of operation`);
}

function translateActivation(draft: Draft, operation: Activation): void {
  const { input, output } = operation;
  const number = (name: string, value: number) => constant(draft, name, [], Float32Array.of(value));
  switch (operation.function) {
    case "relu":
      append(draft, "Relu", [input], output);
      return;
    case "relu6":
      append(draft, "Clip", [input, number("zero", 0), number("six", 6)], output);
      return;
    case "sigmoid":
      append(draft, "Sigmoid", [input], output);
      return;
    case "silu":
      append(draft, "Mul", [input, append(draft, "Sigmoid", [input], `${output}.sigmoid`)], output);
      return;
    case "gelu":
      appendGelu(draft, input, output);
      return;
    default:
      throw new TypeError(`Cannot write ${activationName(operation.function)} as ONNX: no network here has it`);
  }
}

/** GELU as exporters write it, which onnxruntime's optimizer makes one operator of. */
export function appendGelu(draft: Pick<Draft, "nodes" | "constants">, input: string, output: string): void {
  const node = (type: string, inputs: readonly string[], output: string) => {
    draft.nodes.push({ type, inputs, output });
    return output;
  };
  const numbers = { root: Math.SQRT2, one: 1, half: 0.5 };
  for (const [name, value] of Object.entries(numbers)) {
    draft.constants.set(name, { shape: [], data: Float32Array.of(value) });
  }
  const scaled = node("Div", [input, "root"], `${output}.scaled`);
  const share = node("Add", [node("Erf", [scaled], `${output}.erf`), "one"], `${output}.share`);
  node("Mul", [node("Mul", [input, share], `${output}.product`), "half"], output);
}

function translateAttention(draft: Draft, operation: Attention, [, , queries, channels]: Shape): void {
  const { output, heads, headChannels, headStride = headChannels, scale, bias, mask } = operation;
  const shapes = PARTS.map((part) => find(draft.tensors, operation[part].tensor).shape);
  if (bias || mask || headStride !== headChannels || shapes.some(([, height]) => height !== 1)) {
    throw new TypeError(`Cannot write "${output}" as ONNX: no network here has attention of that kind`);
  }
  const [query, key, value] = PARTS.map((part, index) => {
    const { tensor, offset } = operation[part];
    const name = inLayout(draft, tensor, "channelsLast");
    if (shapes[index][3] === channels) return name;
    return slice(draft, name, { axis: 2, first: offset, count: channels }, `${output}.${part}`);
  });
  // All queries give all their weight to a single key.
  if (shapes[1][2] === 1) {
    const shape = integers(draft, `${output}.shape`, [1, queries, 1]);
    append(draft, "Expand", [value, shape], output);
    return;
  }
  draft.nodes.push({
    type: "MultiHeadAttention",
    domain: MICROSOFT,
    inputs: [query, key, value],
    output,
    attributes: { num_heads: heads, scale: { float: scale } },
  });
}

function residualOf(draft: Draft, { input, residual, output }: Add, layout: Layout): string {
  const missing = find(draft.tensors, input).shape[3] - find(draft.tensors, residual).shape[3];
  const other = inLayout(draft, residual, layout);
  if (missing === 0) return other;
  if (layout === "channelsLast") throw new TypeError(`Cannot write "${output}" as ONNX: its channels are last`);
  const pads = integers(draft, `${output}.pads`, [0, 0, 0, 0, 0, missing, 0, 0]);
  return append(draft, "Pad", [other, pads], `${output}.residual`);
}

/** Reorders `[O, I]` as `[I, O]`. */
function transposed(data: Float32Array, outputs: number): Float32Array {
  const inputs = data.length / outputs;
  return Float32Array.from(data, (_, index) => data[index % outputs * inputs + Math.floor(index / outputs)]);
}

/** ONNX's `pads`: top, left, bottom, right. */
function padsOf({ size, kernel, stride, padding, ceilMode }: {
  size: Pair;
  kernel: Pair;
  stride: Pair;
  padding: Padding;
  ceilMode?: boolean;
}): number[] {
  const axis = (index: 0 | 1) =>
    windowAxis({
      input: size[index],
      kernel: kernel[index],
      stride: stride[index],
      padding: padding === "same" ? padding : padding[index],
      ceilMode,
    });
  const [y, x] = [axis(0), axis(1)];
  return [y.before, x.before, y.after, x.after];
}
