/**
 * onnxruntime-web in a race: on WebGPU, and on the CPU as WebAssembly with one thread and with several.
 *
 * The number of threads belongs to a loaded copy of the library: one copy runs one thread, another as many as there are
 * cores.
 *
 * @module
 */

import * as threaded from "onnxruntime-web";
import * as single from "onnxruntime-web/wasm";
import * as webgpu from "onnxruntime-web/webgpu";
import { encodeModel, type OnnxGraph, type OnnxNode } from "../onnx/model.ts";
import { type Contestant, toChannelsFirst, toChannelsLast } from "./contestant.ts";
import { ONNXRUNTIME, type SingleOperation, type SingleValues, weightChannelsLast } from "./single.ts";

/** How a session computes. */
type Provider = "webgpu" | "wasm" | "threaded wasm";

const LIBRARIES = { webgpu, wasm: single, "threaded wasm": threaded };

const threads = navigator.hardwareConcurrency;

/** Contestants on the CPU, beside {@linkcode ONNXRUNTIME}. */
export const WASM = "onnxruntime-web wasm, 1 thread";
export const WASM_THREADS = `onnxruntime-web wasm, ${threads} threads`;

const NAMES: Record<Provider, string> = { webgpu: ONNXRUNTIME, wasm: WASM, "threaded wasm": WASM_THREADS };

/** An operation by itself on WebGPU; the input is on the device, the weight is a constant of the model. */
export async function singleOnOnnxruntime(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  const { batch, inputChannels, outputChannels } = operation.shape;
  const graph = singleGraph(operation, values.weight);
  const session = await openSession("webgpu", graph, "gpu-buffer");
  const data = operation.kind === "matmul" ? values.input : toChannelsFirst(values.input, batch, inputChannels);
  const { input, close } = await uploadInput(data, graph.input.shape);
  return {
    name: ONNXRUNTIME,
    ...(operation.kind === "matmul" ? {} : { order: (result) => toChannelsLast(result, batch, outputChannels) }),
    run: async (repetitions) => {
      let last: webgpu.Tensor | undefined;
      for (let count = 0; count < repetitions; count++) {
        last?.dispose();
        last = (await session.run({ input }))[graph.output.name] as webgpu.Tensor;
      }
      return await last!.getData(true) as Float32Array;
    },
    close: async () => {
      close();
      await session.release();
    },
  };
}

/** A network; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnOnnxruntime(
  provider: Provider,
  graph: OnnxGraph,
  input: Float32Array,
): Promise<Contestant> {
  const { Tensor } = LIBRARIES[provider];
  const [batch, classes] = graph.output.shape;
  const session = await openSession(provider, graph, "cpu");
  const feeds = { [graph.input.name]: new Tensor("float32", input, graph.input.shape) };
  return {
    name: NAMES[provider],
    order: (result) => toChannelsLast(result, batch, classes),
    run: async (repetitions) => {
      let result: Float32Array = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        result = (await session.run(feeds))[graph.output.name].data as Float32Array;
      }
      return result;
    },
    close: () => session.release(),
  };
}

function openSession(
  provider: Provider,
  graph: OnnxGraph,
  preferredOutputLocation: "cpu" | "gpu-buffer",
): Promise<webgpu.InferenceSession> {
  const { env, InferenceSession } = LIBRARIES[provider];
  env.logLevel = "error";
  env.wasm.numThreads = provider === "threaded wasm" ? threads : 1;
  return InferenceSession.create(encodeModel(graph), {
    executionProviders: [provider === "webgpu" ? "webgpu" : "wasm"],
    graphOptimizationLevel: "all",
    preferredOutputLocation,
    logSeverityLevel: 3,
  });
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

async function uploadInput(data: Float32Array, shape: readonly number[]) {
  const device: GPUDevice = await webgpu.env.webgpu.device;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
  const buffer = device.createBuffer({ size: data.byteLength, usage });
  device.queue.writeBuffer(buffer, 0, data as Float32Array<ArrayBuffer>);
  const input = webgpu.Tensor.fromGpuBuffer(buffer, { dataType: "float32", dims: shape });
  return { input, close: () => buffer.destroy() };
}
