/**
 * LabelPooling, compared with torchvision.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import { createLabelPooler } from "../../kernels/programs/label_pooler.ts";
import { poolLabels } from "../../kernels/operations/label_pooling/mod.ts";
import { FIXTURE_OPTIONS, poolingFixtures } from "../../tests/kernels/operations/label_pooling/fixture.ts";
import { PROFILES, withProfile } from "../device.ts";
import type { Section } from "./section.ts";

const MOST = 1e-5;

/**
 * Compares the targets of the CPU and of each profile with PyTorch's.
 *
 * @param device Where.
 * @returns A row for each kind of maps and way.
 */
export async function compareLabelPooling(device: Device): Promise<Section> {
  const names = Object.keys(FIXTURE_OPTIONS) as (keyof typeof FIXTURE_OPTIONS)[];
  const rows: Section["rows"] = [["", "on", ...names]];
  const failures: string[] = [];
  for (const { name, maps, crops, targets } of await poolingFixtures()) {
    const ways: [string, (variant: keyof typeof FIXTURE_OPTIONS) => Promise<ArrayLike<number>>][] = [
      ["CPU", (variant) => Promise.resolve(poolLabels(maps, crops, FIXTURE_OPTIONS[variant]))],
    ];
    for (const profile of PROFILES) {
      ways.push([`device, ${profile} profile`, async (variant) => {
        const settings = { ...maps, ...FIXTURE_OPTIONS[variant], maps: maps.count, crops: crops.length };
        const pooler = await createLabelPooler(withProfile(device, profile), settings);
        pooler.load(maps);
        const found = await pooler.pool(crops);
        pooler.close();
        return found;
      }]);
    }
    for (const [way, pool] of ways) {
      const differences: number[] = [];
      for (const variant of names) {
        const found = await pool(variant);
        const largest = found.length === targets[variant].length
          ? targets[variant].reduce((most, value, index) => Math.max(most, Math.abs(found[index] - value)), 0)
          : NaN;
        differences.push(largest);
        if (!(largest <= MOST)) failures.push(`${name} ${variant} on ${way}`);
      }
      rows.push([name, way, ...differences.map((value) => value.toExponential(1))]);
    }
  }
  return {
    title: "LabelPooling against torchvision: largest difference of a probability, at most 1e-5",
    rows,
    failures,
  };
}
