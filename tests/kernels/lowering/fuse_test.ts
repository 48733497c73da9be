import { assertEquals } from "@std/assert";
import { fuse, type InferenceOperation } from "../../../kernels/lowering/fuse.ts";
import type { Operation } from "../../../kernels/operations/network.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";

const conv = (input: string, output: string): Operation => ({
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
const options = { fusesResidual: () => true, channels: () => 4 };
const summary = (operations: InferenceOperation[]) =>
  operations.map((operation) =>
    operation.type === "fused"
      ? [operation.operation.output, operation.residual ?? "", operation.activation ?? "", operation.output].join(" ")
      : `${operation.type} ${operation.output}`
  );

Deno.test("fuse() gives the residual sum to the branch that is computed last", () => {
  const operations: Operation[] = [
    conv("x", "main"),
    conv("x", "shortcut"),
    { type: "add", input: "main", residual: "shortcut", output: "sum" },
    relu("sum", "y"),
  ];
  assertEquals(summary(fuse(operations, ["y"], options)), ["main   main", "shortcut main relu y"]);
});

Deno.test("fuse() keeps a tensor that is read twice, or asked for", () => {
  const twice: Operation[] = [conv("x", "a"), relu("a", "b"), { type: "add", input: "b", residual: "a", output: "y" }];
  assertEquals(summary(fuse(twice, ["y"], options)), ["a   a", "activation b", "add y"]);
  const asked: Operation[] = [conv("x", "a"), relu("a", "y")];
  assertEquals(summary(fuse(asked, ["a", "y"], options)), ["a   a", "activation y"]);
});

Deno.test("fuse() leaves a residual with more channels on the convolution's side alone", () => {
  const operations: Operation[] = [
    { type: "pool", mode: "max", input: "x", output: "wide", kernel: [1, 1], stride: [1, 1], padding: [0, 0] },
    conv("x", "narrow"),
    { type: "add", input: "wide", residual: "narrow", output: "y" },
  ];
  const channels = (name: string) => name === "narrow" ? 4 : 8;
  assertEquals(summary(fuse(operations, ["y"], { ...options, channels })), ["pool wide", "narrow   narrow", "add y"]);
});

Deno.test("fuse() leaves nothing but convolutions and a pool of a ResNet, and gates besides of an EfficientNet", () => {
  const kinds = (architecture: string) => {
    const network = buildNetwork(architecture, { classes: 10 });
    const fused = fuse([...network.operations, network.classifier], [network.classifier.output], options);
    return [...new Set(fused.map(({ type }) => type))].sort();
  };
  assertEquals(kinds("resnet50"), ["fused", "pool"]);
  assertEquals(kinds("tf_efficientnet_b0"), ["fused", "globalAveragePool", "multiply"]);
  assertEquals(kinds("tf_efficientnet_lite0"), ["fused"]);
});
