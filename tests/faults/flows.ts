/**
 * What the project's commands write, without a device and on tiny images: each flow makes a folder from an input, and goes
 * on where an earlier process stopped.
 *
 * @module
 */

import { basename, join } from "@std/path";
import { openImages } from "../../formats/images/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { isFileThere, replaceFile } from "../../formats/base/files.ts";
import { joinShards } from "../../formats/labels/join.ts";
import { writeSafetensors } from "../../formats/weights/mod.ts";
import { buildNetwork, initialParameters } from "../../kernels/networks/mod.ts";
import { type LabelMapMetadata, type LabelMaps, openLabelMaps, quantise } from "../../formats/labels/mod.ts";
import { annotatedMaps, type LoadedAnnotator } from "../../pipeline/model/load_annotator.ts";
import { convertLabelMaps } from "../../pipeline/convert/convert_label_maps.ts";
import { convertObjects } from "../../pipeline/convert/convert_objects.ts";
import { convertToTorch } from "../../pipeline/convert/convert_to_torch.ts";
import { instancesSource } from "../../pipeline/convert/object_sources.ts";
import { createDefects } from "../../pipeline/verify/defects.ts";
import { selectionFile } from "../../pipeline/explore/selection.ts";
import { writeReport } from "../../pipeline/report/write_report.ts";
import { collectRejections } from "../../pipeline/training/rejections.ts";
import { openRunFolder } from "../../pipeline/training/run_folder.ts";
import type { GivenSettings, TrainingSettings } from "../../pipeline/training/settings.ts";
import { train } from "../../pipeline/training/train.ts";
import type { TrainingResult } from "../../pipeline/training/training_parts.ts";
import { runTransfer, type Training } from "../../pipeline/transfer/grid_search.ts";
import { transferFiles } from "../../pipeline/transfer/transfer_results.ts";
import { verifyStructure } from "../../pipeline/verify/structure.ts";
import { writeLabelMaps } from "../../pipeline/relabel/write_label_maps.ts";
import { smallMetadata } from "../formats/labels/fixture.ts";
import { hashingDevice, openData, pngOf, smallOptions } from "../pipeline/training/data.ts";

/** A flow. */
export interface Flow {
  /**
   * Makes the output, or goes on with it.
   *
   * @param input A folder of {@linkcode writeImages}.
   * @param output Where.
   * @param signal Stops it.
   * @throws {Error} With a sentence.
   */
  run(input: string, output: string, signal?: AbortSignal): Promise<void>;
}

/** Images of a data set. */
const IMAGES = 13;

/** Keys of images, and the number of each whose picture it is. */
export type Images = ReadonlyMap<string, number>;

/** Three class folders of images, of which one cannot be decoded. */
export const IMAGES_AT_FIRST: Images = new Map(
  Array.from({ length: IMAGES }, (_, index) => {
    return [`${["cat", "dog", "eel"][Math.floor(index * 3 / IMAGES)]}/${String(index).padStart(2, "0")}.png`, index];
  }),
);

/** Writes images to a new folder; the fifth cannot be decoded. */
export function writeImages(images: Images): string {
  const root = Deno.makeTempDirSync();
  for (const [key, number] of images) {
    Deno.mkdirSync(join(root, key, ".."), { recursive: true });
    Deno.writeFileSync(join(root, key), number === 5 ? new TextEncoder().encode("none") : pngOf(number));
  }
  return root;
}

const METADATA: LabelMapMetadata = smallMetadata({ classes: 12, k: 2, grid: [2, 2], dtype: "fp16" });

/** An annotator whose maps depend on every pixel. */
export function hashingAnnotator(): LoadedAnnotator {
  const mapOf = (pixels: Uint8Array) => {
    const number = pixels.reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193) >>> 0, 0x811c9dc5);
    const classes = (count: number) => Uint16Array.from({ length: count }, (_, index) => (number + index) % 12);
    const logits = Float32Array.from({ length: 8 }, (_, index) => 9 - index - (number % 97) / 100);
    return {
      class: classes(8),
      score: quantise(logits, "fp16"),
      topClass: classes(5),
      topProbability: Float32Array.from({ length: 5 }, (_, rank) => (5 - rank) / 20),
    };
  };
  const start: LoadedAnnotator["start"] = (images) => {
    const maps = images.map(({ pixels }) => mapOf(pixels));
    return Promise.resolve(() => Promise.resolve(maps));
  };
  return {
    metadata: METADATA,
    capabilities: { adapter: "none", profile: "software" } as LoadedAnnotator["capabilities"],
    storage: "f32",
    ownSize: [475, 475],
    batch: 2,
    start,
    annotate: async (images) => annotatedMaps(await (await start(images))(), METADATA),
    close() {},
  };
}

async function relabel(input: string, output: string, options: Parameters<typeof writeLabelMaps>[3]): Promise<void> {
  const source = await openImages(input);
  const { stopped } = await writeLabelMaps(output, source, hashingAnnotator(), {
    rowsPerFile: 3,
    workers: 1,
    ...options,
  });
  if (stopped) throw new Error("Stopped");
}

/** As they are while somebody looks on: what the flows themselves do is not to fail. */
const [realPath, makeFolder] = [Deno.realPathSync, Deno.mkdirSync];

/** Label maps of some images, beside them. */
async function labelled(input: string): Promise<string> {
  const path = `${realPath(input)}.labels`;
  if (!isFileThere(join(path, "manifest.json"))) await relabel(input, path, {});
  return path;
}

/** COCO's annotations of some images, beside them: of each an object whose place depends on its bytes. */
function annotated(input: string): string {
  const path = `${realPath(input)}.json`;
  if (isFileThere(path)) return path;
  const keys = Object.keys(resultOf(input));
  const [height, width] = [6, 8];
  const annotations = keys.map((key, index) => {
    const left = Deno.readFileSync(join(input, key)).reduce((sum, byte) => sum + byte) % 7;
    // The polygon of the fifth has one corner.
    const segmentation = [index === 4 ? [left, 0] : [left, 0, left + 1, 0, left + 1, 6, left, 6]];
    return { id: index, image_id: index, category_id: index % 3, iscrowd: 0, segmentation };
  });
  const images = keys.map((key, id) => ({ id, file_name: key, height, width }));
  const categories = ["cat", "dog", "eel"].map((name, id) => ({ id, name }));
  replaceFile(path, JSON.stringify({ images, annotations, categories }));
  return path;
}

/** A network to begin with, beside some images. */
function initial(input: string): string {
  const path = `${realPath(input)}.init`;
  const config = join(path, "config.json");
  if (isFileThere(config)) return path;
  makeFolder(path, { recursive: true });
  const weights = [...initialParameters(buildNetwork("resnet8", { classes: 3 }), 7)]
    .map(([name, { shape, data }]) => [name, { shape, data: new Float32Array(data) }] as const);
  writeSafetensors(join(path, "model.safetensors"), new Map(weights));
  const colours = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  const seen = { input_size: [3, 8, 8], interpolation: "bilinear", crop_pct: 1, ...colours };
  // deno-lint-ignore camelcase -- timm's name
  replaceFile(config, JSON.stringify({ architecture: "resnet8", num_classes: 3, pretrained_cfg: seen }));
  return path;
}

/** Trains on a device that stands for one. */
async function trainHashing(options: TrainingSettings, signal?: AbortSignal): Promise<TrainingResult> {
  using data = closing(await openData(options, { signal }));
  const list = { options, classes: 3, data: data.fingerprint, list: data.list() };
  using run = closing(await openRunFolder({ ...list, classNames: data.classNames }));
  return await train({
    options,
    data,
    run,
    rejections: collectRejections(run.reject),
    engine: "relabel on a test",
    device: hashingDevice(),
    batchOf: (loaded) => loaded,
    evaluate: (state) => {
      const [word] = state.get("fc.weight")!.data;
      return Promise.resolve({ loss: word, top1: Math.round(100 * word), top5: 100 });
    },
  }, { signal });
}

async function withLabelMaps<Result>(path: string, use: (labelMaps: LabelMaps) => Promise<Result>): Promise<Result> {
  const labelMaps = await openLabelMaps(path);
  try {
    return await use(labelMaps);
  } finally {
    labelMaps.close();
  }
}

/** Makes what some flows begin with, so that what happens then happens to the flow. */
export async function prepare(input: string): Promise<void> {
  await labelled(input);
  annotated(input);
  initial(input);
}

/** All flows by name. */
export const flows: Readonly<Record<string, Flow>> = {
  relabel: { run: (input, output, signal) => relabel(input, output, { signal }) },
  // Three processes fill a folder, and a fourth makes it one.
  shards: {
    async run(input, output, signal) {
      if (isFileThere(join(output, "manifest.json"))) {
        await joinShards(output, { hashes: true });
        // Shards are joined without their images: whether these are the same is asked of a run of one process.
        return void await relabel(input, output, { signal });
      }
      for (const index of [2, 0, 1]) await relabel(input, output, { signal, shard: { index, count: 3 } });
      await joinShards(output, { hashes: true });
    },
  },
  arrow: {
    run: async (input, output, signal) =>
      await withLabelMaps(await labelled(input), async (labelMaps) => {
        const options = { container: "arrow", rowsPerFile: 5, strict: false, signal } as const;
        await convertLabelMaps(labelMaps, output, options);
      }),
  },
  objects: {
    async run(input, output, signal) {
      using source = closing(await instancesSource(annotated(input), [2, 2]));
      const options = { container: "parquet", rule: "share", grid: [2, 2], rowsPerFile: 3, strict: false } as const;
      await convertObjects(source, output, { ...options, signal });
    },
  },
  torch: {
    run: async (input, output, signal) =>
      await withLabelMaps(await labelled(input), async (labelMaps) => {
        await convertToTorch(labelMaps, output, { layout: "hw", signal });
      }),
  },
  train: {
    async run(images, output, signal) {
      await trainHashing(smallOptions({ images, output, epochs: 2, saveMinutes: 0 }), signal);
    },
  },
  transfer: {
    async run(images, output, signal = new AbortController().signal) {
      const grid = { rates: [0.1, 0.01], decays: [1e-4], seeds: 1, heldOut: 0.25 };
      const settings = { batch: 4, epochs: 1, size: [8, 8], saveMinutes: 0 } satisfies GivenSettings;
      const plan = { ...grid, images, test: images, inits: [initial(images)], settings, output };
      const training: Training = (settings) => trainHashing({ ...settings, batch: 4 }, signal);
      const result = await runTransfer(plan, { signal, tell() {}, show() {} }, training);
      for (const [name, text] of Object.entries(transferFiles(plan, result))) replaceFile(join(output, name), text);
    },
  },
  report: {
    async run(input, output, signal) {
      const labels = await labelled(input);
      makeFolder(output, { recursive: true });
      await writeReport({ labels, images: input, out: join(output, "report.html"), threshold: 0.2, seed: 0, signal });
    },
  },
  selection: {
    run: async (input, output) =>
      await withLabelMaps(await labelled(input), async (labelMaps) => {
        makeFolder(output, { recursive: true });
        const keys = await Array.fromAsync(labelMaps.list(), ({ key }) => key);
        const file = selectionFile(join(output, "keys.txt"));
        await file.write([keys.slice(0, 3)], true);
        await file.write([keys.slice(0, 5), keys.slice(5)], true);
      }),
  },
  verify: {
    async run(input, output, signal) {
      await relabel(input, output, { signal });
      const defects = createDefects(20);
      await verifyStructure(output, defects, () => {});
      if (defects.count > 0) throw new Error(`Cannot trust "${output}": ${defects.first.join("; ")}`);
    },
  },
};

/** Names that are no part of a result: locks, and what the second or the name of the folder tells apart. */
const PASSING = /\.lock$|^events\.out\.|^config\.yaml$/;

/** Every file below a folder by its path, as text that keeps its bytes apart. */
export function resultOf(output: string): Record<string, string> {
  const files: [string, string][] = [];
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      if (isDirectory) visit(join(path, name));
      else if (!PASSING.test(basename(name))) {
        files.push([join(path, name).slice(output.length + 1), Deno.readFileSync(join(path, name)).toBase64()]);
      }
    }
  };
  try {
    visit(output);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  return Object.fromEntries(files.sort(([a], [b]) => a < b ? -1 : 1));
}
