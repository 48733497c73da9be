/**
 * The small networks of `tests/fixtures/models`, compared with PyTorch.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { fixtureNetworks, readFixture } from "../../tests/kernels/networks/fixture_networks.ts";
import { PROFILES, withProfile } from "../device.ts";
import { networkOnEngine } from "../race/engine.ts";
import type { Section } from "./section.ts";

const LIMIT = 1e-4;

/**
 * Compares label maps and pooled logits.
 *
 * @param device Where.
 * @returns A row for each network and profile.
 */
export async function compareNetworks(device: Device): Promise<Section> {
  const rows: Section["rows"] = [["network", "profile", "label map", "logits"]];
  const failures: string[] = [];
  for (const [name, network] of Object.entries(fixtureNetworks)) {
    const { parameters, input: { shape, data: input }, labelMap, logits } = await readFixture(name);
    for (const profile of PROFILES) {
      const run = async (head: "dense" | "pooled") => {
        const setting = { network, head, parameters, input, shape: shape as unknown as Shape };
        const contestant = await networkOnEngine(withProfile(device, profile), setting);
        const result = await contestant.run(1);
        await contestant.close();
        return result;
      };
      const differences = [
        relativeDifference(await run("dense"), labelMap.data),
        relativeDifference(await run("pooled"), logits.data),
      ];
      rows.push([name, profile, ...differences.map((difference) => difference.toExponential(1))]);
      if (!differences.every((difference) => difference <= LIMIT)) failures.push(`${name}, ${profile} profile`);
    }
  }
  const title = "Networks against PyTorch: largest difference, relative to the largest value; at most 1e-4";
  return { title, rows, failures };
}

function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  if (actual.length !== expected.length) return NaN;
  let difference = 0;
  let largest = 0;
  expected.forEach((value, index) => {
    difference = Math.max(difference, Math.abs(actual[index] - value));
    largest = Math.max(largest, Math.abs(value));
  });
  return difference / largest;
}
