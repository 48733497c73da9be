import { assertEquals, assertThrows } from "@std/assert";
import { networkGraph } from "../../../bench/onnx/network_graph.ts";
import { finish } from "../../../kernels/networks/layers.ts";

/** A network of one convolution with "SAME" padding and a residual of fewer channels than what it is added to. */
const network = finish(
  "small",
  [
    {
      type: "convolution",
      input: "image",
      output: "wide",
      weight: "conv.weight",
      inputChannels: 3,
      outputChannels: 4,
      kernel: [3, 3],
      stride: [2, 2],
      padding: "same",
      groups: 1,
    },
    { type: "globalAveragePool", input: "image", output: "mean" },
    { type: "add", input: "wide", residual: "mean", output: "sum" },
    { type: "activation", input: "sum", output: "features", function: "silu" },
  ],
  { name: "features", channels: 4, stride: 2 },
  { name: "fc", classes: 2 },
  "resnet",
);
const parameters = new Map([
  ["conv.weight", { shape: [4, 3, 3, 3], data: new Float32Array(108) }],
  ["fc.weight", { shape: [2, 4], data: new Float32Array(8) }],
  ["fc.bias", { shape: [2], data: new Float32Array(2) }],
]);

Deno.test("networkGraph() writes paddings as numbers, channels first, and residuals filled up", () => {
  const graph = networkGraph(network, parameters, [2, 8, 7, 3]);
  assertEquals(graph.input, { name: "image", shape: [2, 3, 8, 7] });
  assertEquals(graph.output, { name: "logits", shape: [2, 2, 4, 4] });
  assertEquals(graph.nodes.map(({ type }) => type), [
    "Conv",
    "GlobalAveragePool",
    "Pad",
    "Add",
    "Sigmoid",
    "Mul",
    "Conv",
  ]);
  // 8 rows need one more at the bottom, 7 columns one on either side.
  assertEquals(graph.nodes[0].attributes?.pads, [0, 1, 1, 1]);
  assertEquals(graph.constants.get(graph.nodes[2].inputs[1]), BigInt64Array.of(0n, 0n, 0n, 0n, 0n, 1n, 0n, 0n));
  assertEquals(graph.constants.get("fc.weight"), { shape: [2, 4, 1, 1], data: new Float32Array(8) });
});

Deno.test("networkGraph() names a parameter that is missing", () => {
  assertThrows(
    () => networkGraph(network, new Map(), [1, 8, 8, 3]),
    RangeError,
    'Cannot write ONNX graph: there is no tensor "conv.weight"',
  );
});
