/**
 * Transformers.js in a race: the way that its users take to a network, on the device that it takes in Deno, which is
 * onnxruntime-node on the CPU.
 *
 * @module
 */

import { AutoModel, env, type Tensor as Output } from "@huggingface/transformers";
import { Tensor } from "@huggingface/transformers";
import { encodeModel, type OnnxGraph } from "../onnx/model.ts";
import type { NetworkGraph } from "../onnx/network_graph.ts";
import type { Contestant } from "./contestant.ts";
import { outputOrder } from "./onnxruntime.ts";

export const TRANSFORMERS = "transformers.js cpu";

/** What it calls the input of a network for images. */
const INPUT = "pixel_values";

/** A network; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnTransformers(graph: NetworkGraph, data: Float32Array): Promise<Contestant> {
  serveModel(graph);
  const model = await AutoModel.from_pretrained(graph.name, { dtype: "fp32", device: "cpu" });
  const inputs = { [INPUT]: new Tensor("float32", data, [...graph.input.shape]) };
  return {
    name: TRANSFORMERS,
    ...outputOrder(graph),
    run: async (repetitions) => {
      let result: Float32Array = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        const outputs: Record<string, Output> = await model(inputs);
        result = outputs[graph.output.name].data as Float32Array;
      }
      return result;
    },
    close: async () => {
      await model.dispose();
    },
  };
}

/** Files that the library asks for come from memory, and none from elsewhere. */
function serveModel(graph: OnnxGraph): void {
  const rename = (name: string) => name === graph.input.name ? INPUT : name;
  const nodes = graph.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename) }));
  const files: Record<string, () => BodyInit> = {
    "config.json": () => JSON.stringify({ model_type: "efficientnet" }),
    "model.onnx": () => encodeModel({ ...graph, input: { ...graph.input, name: INPUT }, nodes }),
  };
  env.allowLocalModels = false;
  env.useBrowserCache = false;
  env.useFSCache = false;
  env.useCustomCache = true;
  env.customCache = {
    match: (address: string) => {
      const file = files[address.slice(address.lastIndexOf("/") + 1)];
      return Promise.resolve(file ? new Response(file()) : new Response(null, { status: 404 }));
    },
    put: () => Promise.resolve(),
  };
}
