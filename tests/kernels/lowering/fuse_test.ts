import { assertEquals } from "@std/assert";
import { fuse } from "../../../kernels/lowering/fuse.ts";
import type { Convolution, ConvolutionFusion } from "../../../kernels/operations/convolution/rule.ts";
import { inferShapes } from "../../../kernels/operations/network.ts";
import type { Shape } from "../../../kernels/operations/shared/tensor.ts";
import type { Operation } from "../../../kernels/operations/mod.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";

const conv = (input: string, output: string): Convolution => ({
  type: "convolution",
  input,
  output,
  weight: `${output}.weight`,
  inputChannels: 4,
  outputChannels: 4,
  kernel: [1, 1],
  stride: [1, 1],
  padding: [0, 0],
  groups: 1,
});
const relu = (input: string, output: string): Operation => ({ type: "activation", function: "relu", input, output });
/** What `fuse` leaves for inference: type, first and last output, and what a convolution has taken in. */
function fused(operations: readonly Operation[], outputs: readonly string[], shape: Shape = [1, 32, 32, 4]): string[] {
  const shapes = inferShapes(operations, { name: operations[0].input, shape });
  const context = {
    trained: false,
    target: { profile: "gpu", storage: "f32" },
    shapeOf: (tensor: string) => shapes.get(tensor)!,
  } as const;
  return fuse(operations, outputs, context).map(({ operation, layer }) => {
    const { residual = "", activation = "" } = operation as ConvolutionFusion;
    const own = operation.type === "convolution"
      ? `${operations[layer].output} ${residual} ${activation}`
      : operation.type;
    return `${own} ${operation.output}`;
  });
}

Deno.test("fuse() gives the residual sum to the branch that is computed last", () => {
  const operations: Operation[] = [
    conv("x", "main"),
    conv("x", "shortcut"),
    { type: "add", input: "main", residual: "shortcut", output: "sum" },
    relu("sum", "y"),
  ];
  assertEquals(fused(operations, ["y"]), ["main   main", "shortcut main relu y"]);
});

Deno.test("fuse() keeps a tensor that is read twice, or asked for", () => {
  const twice: Operation[] = [conv("x", "a"), relu("a", "b"), { type: "add", input: "b", residual: "a", output: "y" }];
  assertEquals(fused(twice, ["y"]), ["a   a", "activation b", "add y"]);
  const asked: Operation[] = [conv("x", "a"), relu("a", "y")];
  assertEquals(fused(asked, ["a", "y"]), ["a   a", "activation y"]);
});

Deno.test("fuse() leaves a residual with more channels on the convolution's side alone", () => {
  const operations: Operation[] = [
    { type: "pool", mode: "max", input: "x", output: "wide", kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
    { ...conv("x", "narrow"), inputChannels: 8 },
    { type: "add", input: "wide", residual: "narrow", output: "y" },
  ];
  assertEquals(fused(operations, ["y"], [1, 32, 32, 8]), ["pool wide", "narrow   narrow", "add y"]);
});

Deno.test("fuse() has a depthwise convolution store sums for the pool of an image, unless they are too many", () => {
  const operations: Operation[] = [
    { ...conv("x", "a"), kernel: [3, 3], padding: [1, 1], groups: 4 },
    relu("a", "b"),
    { type: "globalAveragePool", input: "b", output: "mean" },
    { type: "multiply", input: "b", gate: "mean", output: "y" },
  ];
  const sums = (shape: Shape) => {
    const shapes = inferShapes(operations, { name: "x", shape });
    const shapeOf = (tensor: string) => shapes.get(tensor)!;
    const target = { profile: "gpu", storage: "f32" } as const;
    return fuse(operations, ["y"], { trained: false, target, shapeOf })
      .map(({ operation }) => "sums" in operation ? "of sums" : operation.type);
  };
  assertEquals(sums([1, 32, 32, 4]), ["convolution", "of sums", "multiply"]);
  assertEquals(sums([1, 8192, 8192, 4]), ["convolution", "globalAveragePool", "multiply"]);
});

Deno.test("fuse() leaves nothing but convolutions and a pool of a ResNet, and of an EfficientNet the gates' pools and no product", () => {
  const kinds = (architecture: string) => {
    const { operations, dense } = buildNetwork(architecture, { classes: 10 });
    const left = fused([...operations, ...dense.operations], [dense.output], [1, 96, 96, 3]);
    return [...new Set(left.map((line) => line.split(" ").length === 2 ? line.split(" ")[0] : "convolution"))].sort();
  };
  assertEquals(kinds("resnet50"), ["convolution", "linear", "pool"]);
  assertEquals(kinds("tf_efficientnet_b0"), ["convolution", "globalAveragePool", "linear"]);
  assertEquals(kinds("tf_efficientnet_lite0"), ["convolution", "linear"]);
});
