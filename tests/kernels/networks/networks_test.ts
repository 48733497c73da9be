import { assert, assertEquals } from "@std/assert";
import { classifyReference, type Computed, runReference, type Tensor } from "./reference.ts";
import { fixtureNetworks, readFixture } from "./fixture_networks.ts";

/** Largest difference over the largest |value|. */
function relativeError(actual: Computed, expected: Tensor): number {
  assertEquals(actual.data.length, expected.data.length);
  let difference = 0;
  let largest = 0;
  expected.data.forEach((value, index) => {
    difference = Math.max(difference, Math.abs(value - actual.data[index]));
    largest = Math.max(largest, Math.abs(value));
  });
  return difference / largest;
}

for (const [name, network] of Object.entries(fixtureNetworks)) {
  Deno.test(`${name} gives the label map and the logits of PyTorch`, async () => {
    const { parameters, input, labelMap, logits } = await readFixture(name);
    const tensors = runReference(network, parameters, input);
    const actual = tensors.get(network.dense.output)!;
    assertEquals(actual.shape, labelMap.shape);
    assert(relativeError(actual, labelMap) < 1e-5, `label map differs by ${relativeError(actual, labelMap)}`);
    const pooled = classifyReference(network, parameters, input);
    assert(relativeError(pooled, logits) < 1e-5, `logits differ by ${relativeError(pooled, logits)}`);
  });
}
