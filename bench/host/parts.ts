/**
 * What the host does for a step, part by part.
 *
 * @module
 */

import { join } from "@std/path";
import { atOnce } from "../../formats/base/event_loop.ts";
import { createLabelMapFile, type LabelMapMetadata } from "../../formats/labels/mod.ts";
import { type AnnotatorSettings, lowerAnnotator } from "../../kernels/programs/annotator.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { createPlan } from "../../kernels/engine/plan.ts";
import { createResizer } from "../../kernels/programs/resizer.ts";
import type { Stage } from "../relabel/stages.ts";
import { type Labelled, rowsOf } from "./fill.ts";

/** Rows of a file that is written by itself. */
const ROWS = 1000;

/**
 * Sets the parts up.
 *
 * @param device Whose kernels are empty.
 * @param settings The annotator's.
 * @param metadata Of its label maps.
 * @param labelled Images and maps.
 * @returns The parts, and the dispatches of a step; close them.
 */
export async function ownParts(
  device: Device,
  settings: AnnotatorSettings,
  metadata: LabelMapMetadata,
  labelled: Labelled,
): Promise<{ parts: Stage[]; dispatches: number; close(): void }> {
  const { gpu, capabilities: { profile } } = device;
  const target = { profile, storage: "f32" } as const;
  const program = lowerAnnotator(settings, target);
  const { input } = settings.network;
  const outputs = ["packed class", "packed score", "best class", "best probability"];
  const plan = await createPlan(device, program, { inputs: [input], outputs });
  const resizer = createResizer(device, settings, target, plan.tensor(input));
  const images = labelled.pixels.slice(0, settings.batch);
  const part = (name: string, images: number, once: () => void): Stage => ({
    name,
    images,
    async run(repetitions) {
      for (let count = 0; count < repetitions; count++) once();
      await gpu.queue.onSubmittedWorkDone();
    },
  });
  const rows = rowsOf(ROWS, labelled);
  const folder = Deno.makeTempDirSync({ prefix: "labels-" });
  return {
    parts: [
      part("upload and resize", images.length, () => gpu.queue.submit([atOnce(resizer.upload(images)).finish()])),
      part("encode the network", images.length, () => {
        const encoder = gpu.createCommandEncoder();
        plan.encode(encoder);
        encoder.finish();
      }),
      part("the same, and submit", images.length, () => {
        const encoder = gpu.createCommandEncoder();
        plan.encode(encoder);
        gpu.queue.submit([encoder.finish()]);
      }),
      part("Parquet, which a thread of its own encodes", ROWS, () => {
        const writer = createLabelMapFile(join(folder, "part.parquet"), metadata);
        for (const row of rows) writer.append(row);
        writer.finish();
      }),
    ],
    dispatches: program.steps.length,
    close() {
      plan.close();
      resizer.close();
      Deno.removeSync(folder, { recursive: true });
    },
  };
}
