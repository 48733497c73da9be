import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { parameterShapes, type StoredParameter } from "../../../kernels/operations/network.ts";
import { buildVisionTransformer } from "../../../kernels/networks/vision_transformer.ts";
import { buildNetwork, fineTuneParameters, initialParameters } from "../../../kernels/networks/mod.ts";

const network = buildNetwork("resnet8", { classes: 10 });

Deno.test("fineTuneParameters() draws the classifier of other classes anew and takes the rest", () => {
  const weights = initialParameters(buildNetwork("resnet8", { classes: 24 }), 1);
  const { parameters, taken, drawn } = fineTuneParameters(network, weights, 2);
  assertEquals(drawn, ["fc.weight", "fc.bias"]);
  assertEquals([...taken, ...drawn].sort(), [...parameters.keys()].sort());
  for (const name of taken) assertStrictEquals(parameters.get(name), weights.get(name));
  const initial = initialParameters(network, 2);
  for (const name of drawn) assertEquals(parameters.get(name), initial.get(name));
  assertEquals([...parameters.keys()], [...initial.keys()]);
});

Deno.test("fineTuneParameters() draws both classifiers of a distilled network anew", () => {
  const build = (classes: number) =>
    buildVisionTransformer({
      ...{ name: "distilled", classes, ownSize: 16, patch: 8, channels: 8, heads: 1, hiddenChannels: 8, depth: 1 },
      prefix: [{ parameter: "cls_token", count: 1 }, { parameter: "dist_token", count: 1 }],
      classifiers: ["head", "head_dist"],
    });
  const { drawn } = fineTuneParameters(build(10), initialParameters(build(24), 1), 2);
  assertEquals(drawn, ["head.weight", "head.bias", "head_dist.weight", "head_dist.bias"]);
});

Deno.test("fineTuneParameters() keeps a classifier of as many classes", () => {
  const weights = initialParameters(network, 1);
  const { parameters, drawn } = fineTuneParameters(network, weights, 2);
  assertEquals(drawn, []);
  assertEquals(parameters, weights);
});

Deno.test("fineTuneParameters() draws a whole classifier where half of it is there", () => {
  const weights = new Map(initialParameters(network, 1));
  weights.delete("fc.bias");
  assertEquals(fineTuneParameters(network, weights, 2).drawn, ["fc.weight", "fc.bias"]);
});

Deno.test("fineTuneParameters() draws every classifier of other classes anew", () => {
  const classifiers = { volo_d1_224: ["aux_head", "head"], deit_tiny_distilled_patch16_224: ["head", "head_dist"] };
  for (const [name, modules] of Object.entries(classifiers)) {
    const weights = initialParameters(buildNetwork(name, { classes: 3 }), 1);
    const { drawn } = fineTuneParameters(buildNetwork(name, { classes: 2 }), weights, 2);
    assertEquals(drawn.toSorted(), modules.flatMap((module) => [`${module}.bias`, `${module}.weight`]));
  }
});

Deno.test("fineTuneParameters() makes what depends on the size of the input of what it was at another", () => {
  const halve = ({ shape, data }: StoredParameter) => {
    if (shape[0] !== 32) throw new TypeError(`it has ${shape[0]} channels`);
    return data.slice(0, data.length / 2);
  };
  const weights = new Map(initialParameters(network, 1));
  const wide = { shape: [32, 3, 3, 3], data: Float32Array.from({ length: 32 * 27 }, (_, index) => index) };
  weights.set("conv1.weight", wide);
  const sized = { ...network, resampled: { "conv1.weight": halve } };
  const { parameters, taken } = fineTuneParameters(sized, weights, 2);
  assertEquals(parameters.get("conv1.weight"), { shape: [16, 3, 3, 3], data: wide.data.slice(0, 16 * 27) });
  assertEquals(taken.length, parameters.size);
  weights.set("conv1.weight", { ...wide, shape: [8, 3, 3, 3] });
  assertThrows(
    () => fineTuneParameters(sized, weights, 2),
    TypeError,
    'Cannot begin resnet8 with these weights: "conv1.weight" does not fit: it has 8 channels',
  );
});

Deno.test("fineTuneParameters() refuses weights of another architecture", () => {
  assertThrows(
    () => fineTuneParameters(network, initialParameters(buildNetwork("resnet8x2", { classes: 10 }), 1), 2),
    TypeError,
    'Cannot begin resnet8 with these weights: "conv1.weight" has shape [32, 3, 3, 3], expected [16, 3, 3, 3]',
  );
  const weights = new Map(initialParameters(network, 1));
  weights.delete("bn1.running_mean");
  assertThrows(
    () => fineTuneParameters(network, weights, 2),
    TypeError,
    'Cannot begin resnet8 with these weights: "bn1.running_mean" is missing',
  );
});

Deno.test("fineTuneParameters() draws VOLO's classifier of cells anew with that of the class token", () => {
  const network = buildNetwork("volo_d1_224", { classes: 10 });
  const weights = new Map(
    [...parameterShapes(buildNetwork("volo_d1_224", { classes: 24 }))].map(([name, shape]) => [
      name,
      { shape, data: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
    ]),
  );
  assertEquals(fineTuneParameters(network, weights, 2).drawn.toSorted(), [
    "aux_head.bias",
    "aux_head.weight",
    "head.bias",
    "head.weight",
  ]);
});
