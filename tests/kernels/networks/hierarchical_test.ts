/** What timm computes stands in `fixtures/hierarchical.json`, which `hierarchical.py` explains. */

import { assert, assertEquals } from "@std/assert";
import type { Network } from "../../../kernels/operations/network.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import { runHead } from "../engine/run_head.ts";
import { targets, testDevice } from "../tensors.ts";
import hierarchical from "./fixtures/hierarchical.json" with { type: "json" };
import { formulaImage, formulaParameters } from "./formula_parameters.ts";
import { hierarchicalNetworks } from "./hierarchical_networks.ts";
import { type Parameters, runBothHeads } from "./reference.ts";

/** Logits in float64, and how far float32 is from them at most, over the largest. */
interface Expected {
  readonly shape: number[];
  readonly error: number;
  readonly values: number[];
}

/** Largest difference over the largest |value|. */
function relativeError(actual: ArrayLike<number>, expected: readonly number[]): number {
  assertEquals(actual.length, expected.length);
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...expected.map((value, index) => Math.abs(value - actual[index]))) / largest;
}

/** The parameters of a network, those that depend on its size being made of the ones at its own size. */
function parametersAt(network: Network, own: Network): Parameters {
  const stored = formulaParameters(own);
  return new Map([...stored].map(([name, parameter]) => {
    const data = network.resampled?.[name]?.(parameter) ?? parameter.data;
    return [name, network === own ? parameter : { shape: parameter.shape, data: Float32Array.from(data) }];
  }));
}

for (const [name, sizes] of Object.entries(hierarchical)) {
  const own = hierarchicalNetworks[name]();
  sizes.forEach(({ size: [height, width], logits, cells }, index) => {
    const heads: readonly ["dense" | "pooled", Expected][] = [["dense", cells], [
      "pooled",
      { ...logits, shape: [1, 1, 1, logits.shape[1]] },
    ]];
    const network = index === 0 ? own : hierarchicalNetworks[name]([height, width] as Pair);

    Deno.test(`${name} gives timm's logits of cells and image at ${height} x ${width}`, () => {
      const parameters = parametersAt(network, own);
      const computed = runBothHeads(network, parameters, formulaImage(height, width));
      for (const [head, { shape, values }] of heads) {
        const actual = computed[head];
        assertEquals(actual.shape, shape);
        // timm computes distances and resamples tables in float32.
        assert(relativeError(actual.data, values) < 1e-6, `${head} is off by ${relativeError(actual.data, values)}`);
      }
    });

    // Other sizes are other shapes of the same kernels, but for windows that do not divide the image.
    if (index > 0 && name !== "swin") return;
    Deno.test(`${name} computes the same on a device at ${height} x ${width}`, async () => {
      const device = await testDevice();
      const parameters = parametersAt(network, own);
      // Next-ViT's widths are no options, and its smallest member has 14 million weights.
      for (const target of targets(device).slice(0, name === "nextvit" ? 1 : undefined)) {
        const found: number[] = [];
        for (const [head, { shape, values }] of heads) {
          const options = { head, shape, ...target };
          const actual = await runHead(device, network, parameters, formulaImage(height, width), options);
          found.push(relativeError(actual, values));
        }
        // The errors that float32 makes in timm, where they are more than rounding; 16 bits have 11 digits. The GPU profile
        // adds products one by one.
        const timm = heads.map(([, { error }]) => Math.max(error, 2 ** -23));
        const times = target.profile === "software" ? 2 : 2.5;
        const most = target.storage === "f16" ? 1e-2 : times * Math.hypot(...timm);
        const own = Math.hypot(...found);
        assert(own <= most, `${target.profile} ${target.storage} is off by ${own}, more than ${most}`);
      }
    });
  });
}
