import { assert, assertEquals } from "@std/assert";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import generated from "./fixtures/generated/hierarchical.json" with { type: "json" };
import { generateImages, generateParameters } from "./generated_values.ts";
import { hierarchicalNetworks } from "./hierarchical_networks.ts";
import { classifyReference, fromNCHW, type Parameters, runReference } from "./reference.ts";

/** What timm computes of a size in float64; `error` is what it is off in float32, over the largest value. */
interface Expected {
  readonly size: number[];
  readonly logits: { shape: number[]; error: number; values: number[] };
  readonly cells: { shape: number[]; error: number; values: number[] };
}

function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  assertEquals(actual.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(value - actual[index]))) / largest;
}

for (const [name, sizes] of Object.entries(generated as Record<string, Expected[]>)) {
  const own = hierarchicalNetworks[name]();
  sizes.forEach(({ size, logits, cells }, index) => {
    const [height, width] = size;
    Deno.test(`${name} gives timm's logits of cells and images at ${height} x ${width}`, () => {
      const network = index === 0 ? own : hierarchicalNetworks[name]([height, width] as Pair);
      const stored = generateParameters(own);
      const parameters: Parameters = new Map([...generateParameters(network)].map(([name, { shape }]) => {
        const resample = network.resampled?.[name];
        return [name, {
          shape,
          data: (resample?.(stored.get(name)!) ?? stored.get(name)!.data) as Float32Array<ArrayBuffer>,
        }];
      }));
      const input = fromNCHW(generateImages([2, 3, height, width]));
      const map = runReference(network, parameters, input).get(network.dense.output)!;
      assertEquals(map.shape, cells.shape);
      assertEquals(
        relativeError(map.data, cells.values) < 1e-6,
        true,
        `cells ${relativeError(map.data, cells.values)}`,
      );
      const pooled = classifyReference(network, parameters, input);
      assert(relativeError(pooled.data, logits.values) < 1e-6, `logits ${relativeError(pooled.data, logits.values)}`);
    });
  });
}
