import { assertEquals, assertThrows } from "@std/assert";
import { networkGraph } from "../../../bench/onnx/network_graph.ts";
import { buildConvNeXt } from "../../../kernels/networks/convnext.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { formulaParameters } from "../../kernels/networks/formula_parameters.ts";
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
    {
      type: "pool",
      input: "image",
      output: "mean",
      mode: "average",
      kernel: [3, 3],
      stride: [2, 2],
      padding: "same",
    },
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
    "AveragePool",
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

Deno.test("networkGraph() transposes to channels that are last once, and writes blocks of tokens as exporters do", () => {
  const vit = buildNetwork("test_vit", { classes: 3 });
  const graph = networkGraph(vit, formulaParameters(vit), [2, 160, 160, 3]);
  const types = graph.nodes.map(({ type }) => type);
  const gelu = ["Div", "Erf", "Add", "Mul", "Mul"];
  const layer = ["MatMul", "Add"];
  const perceptron = ["LayerNormalization", ...layer, ...gelu, ...layer, "Add"];
  const block = [
    ...["LayerNormalization", ...layer, "Slice", "Slice", "Slice", "MultiHeadAttention", ...layer, "Add"],
    ...perceptron,
  ];
  assertEquals(types.slice(0, 5 + block.length), ["Conv", "Transpose", "Reshape", "Concat", "Add", ...block]);
  assertEquals(types.slice(-(perceptron.length + 5)), [
    ...perceptron,
    "Slice",
    "Reshape",
    "LayerNormalization",
    ...layer,
  ]);
  assertEquals(graph.output, { name: "logits", shape: [2, 10, 10, 3] });
  assertEquals(graph.outputLayout, "channelsLast");
});

Deno.test("networkGraph() gives what is read in both layouts in either, and adds in that of the branch", () => {
  const convnext = buildConvNeXt({ name: "small", depths: [1, 1], channels: [8, 16], classes: 3 });
  const graph = networkGraph(convnext, formulaParameters(convnext), [1, 32, 32, 3]);
  const transposed = graph.nodes.filter(({ type }) => type === "Transpose").map(({ output }) => output);
  assertEquals(transposed.length, new Set(transposed).size);
  const layouts = graph.nodes.filter(({ type }) => type === "Conv").map(({ inputs }) => inputs[0]);
  assertEquals(layouts, [
    "image",
    "stem.1.channelsFirst",
    "stages.1.downsample.0.channelsFirst",
    "stages.1.downsample.1",
  ]);
});

Deno.test("networkGraph() names a parameter that is missing", () => {
  assertThrows(
    () => networkGraph(network, new Map(), [1, 8, 8, 3]),
    RangeError,
    'Cannot write ONNX graph: there is no tensor "conv.weight"',
  );
});
