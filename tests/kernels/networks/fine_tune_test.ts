import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
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
