/**
 * Relabelling as a whole, and its stages each by itself.
 *
 * @module
 */

import { atOnce } from "../../formats/base/event_loop.ts";
import { type DecodedImage, decodeImages, type ImageSource, openDecodePool } from "../../formats/images/mod.ts";
import { type Annotator, type AnnotatorSettings, lowerAnnotator } from "../../kernels/programs/annotator.ts";
import { createBuffer, destroyBuffer, type Device } from "../../kernels/engine/device.ts";
import { targetOf } from "../../kernels/programs/image_program.ts";
import { createPlan, type Plan } from "../../kernels/engine/plan.ts";
import { createResizer } from "../../kernels/programs/resizer.ts";
import { annotatedMaps, type LoadedAnnotator } from "../../pipeline/model/load_annotator.ts";
import { writeLabelMaps, type WriteResult } from "../../pipeline/relabel/write_label_maps.ts";
import type { BenchAnnotator } from "../default_annotator.ts";
import type { Runner } from "../timing.ts";

/** Something to time, and how many images a repetition does. */
export interface Stage extends Runner {
  readonly images: number;
}

/** From files to a folder of label maps. */
export interface WholeStage extends Stage {
  /** What each repetition waited for. */
  readonly times: WriteResult["times"][];
}

/**
 * Relabels a source into a folder, which is removed again.
 *
 * @param source The images.
 * @param annotator On the device.
 * @param workers How many decode.
 * @returns The stage; it keeps its times.
 */
export async function wholeStage(
  source: ImageSource,
  annotator: LoadedAnnotator,
  workers: number,
): Promise<WholeStage> {
  const times: WriteResult["times"][] = [];
  return {
    name: "end to end",
    images: await source.count(),
    times,
    async run(repetitions) {
      for (let count = 0; count < repetitions; count++) {
        const folder = await Deno.makeTempDir({ prefix: "labels-" });
        times.push((await writeLabelMaps(folder, source, annotator, { workers })).times);
        await Deno.remove(folder, { recursive: true });
      }
    },
  };
}

/** An annotator on a device as the pipeline takes it. */
export function loadedAnnotator(
  device: Device,
  { batch, size, k, dtype, storage = "f32" }: AnnotatorSettings,
  { name, sha256, mean, std, interpolation }: BenchAnnotator,
  { annotate, start, close, classes, grid }: Annotator,
): LoadedAnnotator {
  const metadata = {
    version: 1,
    annotator: { name, sha256, inputSize: size, mean, std, interpolation },
    classes,
    k,
    grid,
    dtype,
    layout: "hw",
  } as const;
  return {
    metadata,
    ownSize: size,
    capabilities: device.capabilities,
    storage,
    batch,
    annotate: async (images) => annotatedMaps(await annotate(images), metadata),
    start,
    close,
  };
}

/**
 * Decodes a source in workers and drops its images.
 *
 * @param source The images.
 * @param workers How many decode.
 * @returns The stage; close it.
 */
export async function decodeStage(
  source: ImageSource,
  workers: number,
): Promise<Stage & { close(): void }> {
  const pool = openDecodePool(workers);
  return {
    name: `decode, ${workers} ${workers === 1 ? "worker" : "workers"}`,
    images: await source.count(),
    async run(repetitions) {
      for (let count = 0; count < repetitions; count++) {
        for await (const result of decodeImages(source.read(), pool, { ahead: 4 * workers })) {
          if ("reason" in result) throw new Error(`Cannot decode "${result.image.key}": ${result.reason}`);
        }
      }
    },
    close: () => pool.close(),
  };
}

/** What happens on the device, set up. */
export interface DeviceStages {
  readonly stages: Stage[];
  /** The kernels of a step with their milliseconds. */
  readonly kernels: Plan["measure"];
  close(): void;
}

/**
 * Sets up the stages on the device, each over one batch.
 *
 * @param device Where.
 * @param settings The annotator's.
 * @param images A batch, decoded.
 * @returns The stages.
 */
export async function deviceStages(
  device: Device,
  settings: AnnotatorSettings,
  images: readonly DecodedImage[],
): Promise<DeviceStages> {
  const { gpu } = device;
  const { network, storage = "f32" } = settings;
  const target = targetOf(device, storage);
  const program = lowerAnnotator(settings, target);
  const outputs = ["packed class", "packed score", "best class", "best probability"];
  const plan = await createPlan(device, program, { inputs: [network.input], outputs });
  const resizer = createResizer(device, settings, target, plan.tensor(network.input));
  const ranges = outputs.map((name) => plan.tensor(name));
  const bytes = ranges.reduce((sum, { size }) => sum + size, 0);
  const staging = createBuffer(device, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "label maps");
  const stage = (name: string, step: () => GPUCommandEncoder): Stage => ({
    name,
    images: images.length,
    async run(repetitions) {
      for (let count = 0; count < repetitions; count++) gpu.queue.submit([step().finish()]);
      await gpu.queue.onSubmittedWorkDone();
    },
  });
  return {
    stages: [
      stage("resize and upload", () => atOnce(resizer.upload(images))),
      stage("network, top-k, pack", () => {
        const encoder = gpu.createCommandEncoder();
        plan.encode(encoder);
        return encoder;
      }),
      {
        name: "read back",
        images: images.length,
        async run(repetitions) {
          for (let count = 0; count < repetitions; count++) {
            const encoder = gpu.createCommandEncoder();
            let offset = 0;
            for (const { buffer, offset: from, size } of ranges) {
              encoder.copyBufferToBuffer(buffer, from, staging, offset, size);
              offset += size;
            }
            gpu.queue.submit([encoder.finish()]);
            await staging.mapAsync(GPUMapMode.READ);
            staging.getMappedRange().slice(0);
            staging.unmap();
          }
        },
      },
    ],
    kernels: () => plan.measure(),
    close: () => {
      plan.close();
      resizer.close();
      destroyBuffer(device, staging);
    },
  };
}
