/**
 * onnxruntime in a race. From onnxruntime-web: on WebGPU with graph capture, and on the CPU as WebAssembly with one thread
 * and with several. From onnxruntime-node: native code on the CPU with as many threads, and on its own WebGPU.
 *
 * The number of WebAssembly's threads belongs to a loaded copy of the library: one copy runs one thread, another as many as
 * there are cores.
 *
 * @module
 */

import * as native from "onnxruntime-node";
import * as threaded from "onnxruntime-web";
import * as single from "onnxruntime-web/wasm";
import * as webgpu from "onnxruntime-web/webgpu";
import { encodeModel, MICROSOFT, type OnnxGraph, type OnnxNode, type OnnxTensor } from "../onnx/model.ts";
import { appendGelu, type NetworkGraph } from "../onnx/network_graph.ts";
import type { AttentionNumbers, AttentionWork } from "./attention.ts";
import { type Contestant, toChannelsFirst, toChannelsLast } from "./contestant.ts";
import { EPSILON, linearWeight, type PositionOperation, type PositionValues, rowsOf } from "./position_operations.ts";
import { ONNXRUNTIME, type SingleOperation, type SingleValues, weightChannelsLast } from "./single.ts";

const threads = navigator.hardwareConcurrency;

/** Contestants beside {@linkcode ONNXRUNTIME}. */
export const WASM = "onnxruntime-web wasm, 1 thread";
export const WASM_THREADS = `onnxruntime-web wasm, ${threads} threads`;
export const NATIVE = `onnxruntime-node cpu, ${threads} threads`;
export const NATIVE_WEBGPU = "onnxruntime-node webgpu";

const OPTIONS = { graphOptimizationLevel: "all", logSeverityLevel: 3 } as const;

/** How a session of each name computes. */
const SESSIONS: Readonly<Record<string, { library: typeof threaded; provider: "wasm" | "cpu" | "webgpu" }>> = {
  [WASM]: { library: single, provider: "wasm" },
  [WASM_THREADS]: { library: threaded, provider: "wasm" },
  [NATIVE]: { library: native, provider: "cpu" },
  [NATIVE_WEBGPU]: { library: native, provider: "webgpu" },
};

/** An operation by itself on WebGPU; the input is on the device, the weight is a constant of the model. */
export async function singleOnOnnxruntime(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  const { batch, inputChannels, outputChannels } = operation.shape;
  const graph = singleGraph(operation, values.weight);
  if (operation.kind === "matmul") return await onWebgpu(graph, values.input);
  return {
    ...await onWebgpu(graph, toChannelsFirst(values.input, batch, inputChannels)),
    order: (result) => toChannelsLast(result, batch, outputChannels),
  };
}

/**
 * An operation on each position by itself on WebGPU; the input is on the device, parameters are constants of the model. GELU
 * is written with Erf, as exporters write it, which the runtime's optimizer makes one operator of.
 */
export function positionOnOnnxruntime(operation: PositionOperation, values: PositionValues): Promise<Contestant> {
  const [rows, channels] = rowsOf(operation);
  const { name, outputChannels } = operation;
  const graph: OnnxGraph = {
    name,
    input: { name: "input", shape: [rows, channels] },
    output: { name: "output", shape: [rows, outputChannels] },
    ...positionGraph(operation, values),
  };
  return onWebgpu(graph, values.input);
}

type Nodes = Pick<OnnxGraph, "nodes" | "constants">;

function positionGraph(operation: PositionOperation, values: PositionValues): Nodes {
  switch (operation.kind) {
    case "layerNorm":
      return layerNormGraph(values);
    case "gelu":
      return geluGraph("input");
    case "linear":
      return linearGraph(operation, values, "output");
    case "linearGelu": {
      const linear = linearGraph(operation, values, "hidden");
      const gelu = geluGraph("hidden");
      return {
        nodes: [...linear.nodes, ...gelu.nodes],
        constants: new Map([...linear.constants, ...gelu.constants]),
      };
    }
  }
}

/** As one node: a product and a sum of their own take as long, and so do its own operators of GELU. */
function linearGraph(operation: PositionOperation, values: PositionValues, output: string): Nodes {
  const { shape: [, , , channels], outputChannels } = operation;
  const weight = { shape: [channels, outputChannels], data: linearWeight(operation, values.weight) };
  const bias = { shape: [outputChannels], data: values.bias };
  return {
    nodes: [{ type: "Gemm", inputs: ["input", "weight", "bias"], output }],
    constants: new Map([["weight", weight], ["bias", bias]]),
  };
}

function geluGraph(input: string): Nodes {
  const nodes: OnnxNode[] = [];
  const constants = new Map<string, OnnxTensor | BigInt64Array>();
  appendGelu({ nodes, constants }, input, "output");
  return { nodes, constants };
}

function layerNormGraph({ weight, bias }: PositionValues): Nodes {
  const vector = (data: Float32Array) => ({ shape: [data.length], data });
  return {
    nodes: [{
      type: "LayerNormalization",
      inputs: ["input", "weight", "bias"],
      output: "output",
      attributes: { axis: 1, epsilon: { float: EPSILON } },
    }],
    constants: new Map([["weight", vector(weight)], ["bias", vector(bias)]]),
  };
}

/** Attention by onnxruntime's own operator; the queries are on the device, keys and values are constants of the model. */
export function attentionOnOnnxruntime(
  { name, shape }: AttentionWork,
  { query, key, value }: AttentionNumbers,
): Promise<Contestant> {
  const { batch, queries, heads, headChannels, scale } = shape;
  const size = [batch, queries, heads * headChannels];
  return onWebgpu({
    name,
    input: { name: "query", shape: size },
    output: { name: "output", shape: size },
    nodes: [{
      type: "MultiHeadAttention",
      domain: MICROSOFT,
      inputs: ["query", "key", "value"],
      output: "output",
      attributes: { num_heads: heads, scale: { float: scale } },
    }],
    constants: new Map([["key", { shape: size, data: key }], ["value", { shape: size, data: value }]]),
  }, query);
}

/** A network; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnOnnxruntime(
  name: string,
  graph: NetworkGraph,
  input: Float32Array,
): Promise<Contestant> {
  const contestant = name === ONNXRUNTIME
    ? await onWebgpu(graph, input, { fromCpu: true })
    : await onSession(name, graph, input);
  return { ...contestant, ...outputOrder(graph) };
}

/** What brings a network's output into the engine's order. */
export function outputOrder({ output, outputLayout }: NetworkGraph): Pick<Contestant, "order"> {
  const [batch, classes] = output.shape;
  return outputLayout === "channelsLast" ? {} : { order: (result) => toChannelsLast(result, batch, classes) };
}

/**
 * A graph on WebGPU. `fromCpu` uploads the input and reads the output each time, and records the work once to replay it:
 * that of a single operation has nothing to win by it, and version 1.30.0 loses buffers there and ends the process.
 */
async function onWebgpu(graph: OnnxGraph, data: Float32Array, { fromCpu = false } = {}): Promise<Contestant> {
  webgpu.env.logLevel = "error";
  const session = await webgpu.InferenceSession.create(encodeModel(graph), {
    ...OPTIONS,
    executionProviders: ["webgpu"],
    enableGraphCapture: fromCpu,
    preferredOutputLocation: "gpu-buffer",
  });
  const device: GPUDevice = await webgpu.env.webgpu.device;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: data.byteLength, usage });
  const upload = () => device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  const feeds = {
    [graph.input.name]: webgpu.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: graph.input.shape }),
  };
  upload();
  return {
    name: ONNXRUNTIME,
    run: async (repetitions) => {
      for (let count = 1;; count++) {
        if (fromCpu) upload();
        const output = (await session.run(feeds))[graph.output.name];
        const read = fromCpu || count === repetitions ? await output.getData(!fromCpu) : undefined;
        if (count === repetitions) return read as Float32Array;
        if (!fromCpu) output.dispose();
      }
    },
    close: async () => {
      await session.release();
      buffer.destroy();
    },
  };
}

async function onSession(name: string, graph: OnnxGraph, input: Float32Array): Promise<Contestant> {
  const { library, provider } = SESSIONS[name];
  library.env.logLevel = "error";
  if (provider === "wasm") library.env.wasm.numThreads = name === WASM ? 1 : threads;
  const session = await library.InferenceSession.create(encodeModel(graph), {
    ...OPTIONS,
    executionProviders: [provider],
    intraOpNumThreads: threads,
  });
  const feeds = { [graph.input.name]: new library.Tensor("float32", input, graph.input.shape) };
  return {
    name,
    run: async (repetitions) => {
      let result = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        result = (await session.run(feeds))[graph.output.name].data as Float32Array<ArrayBuffer>;
      }
      return result;
    },
    close: () => session.release(),
  };
}

function singleGraph(operation: SingleOperation, weight: Float32Array): OnnxGraph {
  const { batch, input, inputChannels, outputChannels, output, kernel, before, groups } = operation.shape;
  if (operation.kind === "matmul") {
    const rows = batch * input[0] * input[1];
    return {
      name: operation.name,
      input: { name: "input", shape: [rows, inputChannels] },
      output: { name: "output", shape: [rows, outputChannels] },
      nodes: [{ type: "MatMul", inputs: ["input", "weight"], output: "output" }],
      constants: new Map([["weight", {
        shape: [inputChannels, outputChannels],
        data: weightChannelsLast(operation, weight),
      }]]),
    };
  }
  const convolution: OnnxNode = {
    type: "Conv",
    inputs: ["input", "weight"],
    output: "output",
    // Strides are 1 and windows odd: as many zeros after as before.
    attributes: { kernel_shape: kernel, pads: [...before, ...before], group: groups },
  };
  return {
    name: operation.name,
    input: { name: "input", shape: [batch, inputChannels, ...input] },
    output: { name: "output", shape: [batch, outputChannels, ...output] },
    nodes: [convolution],
    constants: new Map([["weight", {
      shape: [outputChannels, inputChannels / groups, ...kernel],
      data: weight,
    }]]),
  };
}
