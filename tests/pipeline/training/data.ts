/**
 * Small data sets, and a device that stands for one that trains.
 *
 * @module
 */

import { join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { openLabelMapFolder, quantise } from "../../../formats/labels/mod.ts";
import { openDecodePool } from "../../../formats/images/mod.ts";
import type { TrainingState } from "../../../kernels/programs/training/training_state.ts";
import { openTrainingData, type TrainingData } from "../../../pipeline/training/training_data.ts";
import type { ImageStoreOptions } from "../../../pipeline/training/image_store.ts";
import type { LoadedBatch } from "../../../pipeline/training/loader.ts";
import { type GivenSettings, resolveSettings, type TrainingSettings } from "../../../pipeline/training/settings.ts";
import type { TrainingDevice } from "../../../pipeline/training/training_parts.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";

/** The RGB image of a number: flat, of a size and a colour of its own. */
export function pngOf(number: number): Uint8Array {
  const [width, height] = [3 + number % 4, 2 + number % 3];
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => (number * 7 + index) % 256);
  return encodePng(pixels, { width, height, channels: 3 });
}

/** A folder of class folders `cat`, `dog` and `eel` with images 0, 1, 2, ... in turn. */
export function imageFolder(images: number): string {
  const folder = Deno.makeTempDirSync();
  const classes = ["cat", "dog", "eel"];
  for (const name of classes) Deno.mkdirSync(join(folder, name));
  for (let image = 0; image < images; image++) {
    Deno.writeFileSync(join(folder, classes[image % 3], `${image}.png`), pngOf(image));
  }
  return folder;
}

/** Options of a small training. */
export function smallOptions(given: GivenSettings): TrainingSettings {
  return resolveSettings({ batch: 4, epochs: 3, warmupEpochs: 1, size: [8, 8], ...given });
}

/** Workers for all tests of a file, which takes them half a second to start. */
const pool = openDecodePool(2);
addEventListener("unload", pool.close);

/** The data of a training. */
export function openData(options: TrainingSettings, store: Partial<ImageStoreOptions> = {}): Promise<TrainingData> {
  return openTrainingData(options, { pool, cache: options.cache, ...store });
}

/** What a device does that trains nothing: every bit of its state depends on all that it was given, in order. */
export interface HashingDevice extends TrainingDevice<LoadedBatch> {
  /** Called at each step, before it. */
  onStep?: (batch: LoadedBatch) => void;
  /** Called at each reading. */
  onRead?: (losses: number) => void;
  /** Updates that it says it skipped, and has done since. */
  skippedSteps?: number;
  goodSteps?: number;
  /** The loss of a step, where it is to be another one. */
  lossOf?: (batch: LoadedBatch) => number | undefined;
}

/** A fresh device. */
export function hashingDevice(): HashingDevice {
  const words = new Uint32Array(4).fill(1);
  let losses: number[] = [];
  const mix = (value: number) => {
    for (let index = 0; index < 4; index++) {
      words[index] = Math.imul(words[index] ^ value ^ words[(index + 1) % 4], 0x01000193 + 2 * index);
    }
  };
  const device: HashingDevice = {
    step(batch, learningRate) {
      device.onStep?.(batch);
      new Uint32Array(Float64Array.of(learningRate).buffer).forEach(mix);
      for (const [place, { width, height, pixels }] of batch.images.entries()) {
        [batch.indices[place], batch.labels[place], width, height, ...pixels].forEach(mix);
      }
      batch.maps?.score.forEach(mix);
      losses.push(device.lossOf?.(batch) ?? words[0] / 2 ** 32);
      return Promise.resolve();
    },
    read() {
      const read = Float32Array.from(losses);
      losses = [];
      device.onRead?.(read.length);
      return Promise.resolve({
        losses: read,
        control: { skippedSteps: device.skippedSteps ?? 0, goodSteps: device.goodSteps ?? 0 },
      });
    },
    state() {
      const bytes = words.slice();
      return Promise.resolve(
        new Map([
          ["fc.weight", { shape: [2, 2], data: Float32Array.from(words, (word) => word / 2 ** 32) }],
          ["average.fc.weight", { shape: [2, 2], data: Float32Array.from(words, (word) => word / 2 ** 33) }],
          ["optimizer.momentum.fc.weight", { shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }],
          ["control", { shape: [4], data: new Float32Array(bytes.buffer) }],
        ]),
      );
    },
    load(state: TrainingState) {
      const { buffer, byteOffset } = state.get("control")!.data;
      words.set(new Uint32Array(buffer, byteOffset, 4));
    },
    poolingShare: () => Promise.resolve(0.004),
    checksum: () => Promise.resolve(words.reduce((sum, word) => (sum ^ word) >>> 0)),
    exchangeTime: () => ({ exposed: 0 }),
  };
  return device;
}

/**
 * A folder of label maps for some keys, whose best class is the index of the key's folder in `classes`, 0 where it is none
 * of them, and the next one for `wrong` keys.
 */
export function mapFolder(
  keys: readonly string[],
  { classes = ["cat", "dog", "eel"], wrong = [], scores }: {
    readonly classes?: readonly string[];
    readonly wrong?: readonly string[];
    readonly scores?: "sigmoid" | "presence";
  } = {},
): string {
  const path = join(Deno.makeTempDirSync(), "maps");
  const said = scores && { scores, ...(scores === "sigmoid" ? { floor: -100 } : {}) };
  const metadata = smallMetadata({ classes: classes.length, k: 2, ...said });
  const configuration = smallConfiguration({ metadata, images: keys.length });
  const folder = openLabelMapFolder(path, configuration, { classes: { name: classes } });
  for (let part = 0; part * 4 < keys.length; part++) {
    const writer = folder.startPart(part);
    keys.slice(part * 4, part * 4 + 4).forEach((key, place) => {
      const row = smallRow(part * 4 + place, metadata);
      const label = Math.max(classes.indexOf(key.split("/")[0]), 0);
      const best = wrong.includes(key) ? (label + 1) % classes.length : label;
      const others = classes.map((_, index) => index).filter((index) => index !== best);
      const score = scores === "presence"
        ? quantise(new Float32Array(row.score.length).fill(0.5), metadata.dtype)
        : row.score;
      writer.append({ ...row, score, key, label, topClass: Uint16Array.of(best, ...others).slice(0, 5) });
    });
    writer.finish();
  }
  folder.close();
  return path;
}
