import { assert, assertEquals } from "@std/assert";
import { classifyReference, type Computed, runReference, type Tensor } from "./reference.ts";
import { buildTransformer, type Expected, readTransformer, SIZES, TRANSFORMERS } from "./transformer_networks.ts";

/** Largest difference over the largest |value|. */
function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assertEquals(actual.length, expected.length);
  let difference = 0;
  let largest = 0;
  for (let index = 0; index < expected.length; index++) {
    difference = Math.max(difference, Math.abs(expected[index] - actual[index]));
    largest = Math.max(largest, Math.abs(expected[index]));
  }
  return difference / largest;
}

/** What rounds a number of `exact` to the float32 that the fixture holds. */
const ROUNDING = 2 ** -24;

function assertAsTimm(actual: Computed, { single, exact }: Expected, what: string): void {
  const rounded: Tensor = { ...actual, data: Float32Array.from(actual.data) };
  assert(relativeError(rounded.data, single.data) < 1e-4, `${what}: ${relativeError(rounded.data, single.data)}`);
  const own = relativeError(actual.data, exact.data);
  const timm = relativeError(single.data, exact.data);
  assert(own <= 2 * timm + ROUNDING, `${what} differs from float64 by ${own}, timm by ${timm}`);
}

for (const name of TRANSFORMERS) {
  for (const size of SIZES) {
    Deno.test(`${name} gives timm's logits of images and cells of ${size.join(" x ")} pixels`, async () => {
      const { parameters, input, pooled, dense } = await readTransformer(name, size);
      for (const [cells, expected] of Object.entries(dense)) {
        const network = buildTransformer(name, { size, cells: cells as keyof typeof dense });
        const actual = runReference(network, parameters, input).get(network.dense.output)!;
        assertEquals(actual.shape, expected.single.shape);
        assertAsTimm(actual, expected, cells);
      }
      assertAsTimm(classifyReference(buildTransformer(name, { size }), parameters, input), pooled, "image");
    });
  }
}
