/**
 * The folder of a training:
 *
 * | name | |
 * | --- | --- |
 * | `config.yaml` | all settings, as `--config` reads them |
 * | `config.json` | the network as timm describes one, so that the folder opens as an annotator and a classifier |
 * | `model.safetensors` | its weights after the last whole epoch, by timm's names |
 * | `best.safetensors` | those of the epoch with the best top-1 accuracy, or mAP, on the validation images |
 * | `last.safetensors` | all that the training goes on from |
 * | `failed.safetensors` | the same, after a loss that is not finite |
 * | `summary.csv` | a line for each epoch, in timm's columns |
 * | `rejected.jsonl` | images that could not be decoded, with the reason |
 * | `data.jsonl` | what is trained on: key, label and bytes of each image, mask, and file of label maps |
 * | `tensorboard/` | event files |
 *
 * Each file is written whole or not at all, and `last.safetensors` after the others: what a kill leaves is the state of an
 * earlier time, from which the training goes on and writes the same again.
 *
 * @module
 */

import { join } from "@std/path";
import {
  isFileThere,
  makeDurable,
  makeFolder,
  namesIn,
  PARTIAL,
  readIfThere,
  removeIfThere,
  replaceFile,
  withSubject,
} from "../../formats/base/files.ts";
import type { RejectedImage, SourceImage } from "../../formats/labels/mod.ts";
import { type Lock, takeLock } from "../../formats/base/lock.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { writeSafetensors } from "../../formats/weights/mod.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";
import { type Checkpoint, readCheckpoint, weightsOf, writeCheckpoint } from "./checkpoint.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { formatConfiguration, readConfiguration } from "./configuration.ts";
import { findDataDifference, writeDataList } from "./data_list.ts";
import { decisiveSettings, resolveSettings, type TrainingSettings } from "./settings.ts";
import { type EpochSummary, readSummary, scoreOf, writeSummary } from "./summary_file.ts";

const LOCK = ".train.lock";
const CONFIGURATION = "config.yaml";
const SUMMARY = "summary.csv";
const LAST = "last.safetensors";
const DATA = "data.jsonl";
const REJECTED = "rejected.jsonl";

/** A run's folder, held by this process. */
export interface RunFolder {
  readonly path: string;
  /** Where an earlier process stopped. */
  readonly checkpoint?: Checkpoint;
  /** Epochs that are done, in order. */
  readonly epochs: readonly EpochSummary[];
  /** Keeps a state to go on from. */
  save(checkpoint: Checkpoint): void;
  /** Keeps an epoch: its line and its weights, also as the best ones if they are. */
  finishEpoch(summary: EpochSummary, state: TrainingState): void;
  /** Keeps a state that is of no use to go on from; returns the file. */
  saveFailed(checkpoint: Checkpoint, remarks: Readonly<Record<string, string>>): string;
  /** Lists an image that cannot be decoded. */
  reject(image: RejectedImage): void;
  /** How many are listed. */
  readonly rejected: number;
  /** Gives the folder back. */
  close(): void;
}

/** What a run is of. */
export interface RunDescription {
  readonly options: TrainingSettings;
  readonly classes: number;
  readonly classNames?: readonly string[];
  /** SHA-256 of keys and labels of the images. */
  readonly data: string;
  /** What is trained on. */
  readonly list: Iterable<SourceImage>;
}

/**
 * Begins a run, or goes on with one.
 *
 * @param description What it is of.
 * @returns The folder; close it.
 * @throws {Deno.errors.AlreadyExists} If the folder holds another run, or something else.
 * @throws {Deno.errors.Busy} If another process trains there.
 * @throws {Error} If a file cannot be read or written.
 */
export async function openRunFolder(description: RunDescription): Promise<RunFolder> {
  const path = description.options.output;
  const subject = `Cannot train in "${path}"`;
  makeFolder(path, subject);
  using held = new DisposableStack();
  const lock = held.use(takeLock(join(path, LOCK), subject));
  begin(description, subject);
  const folder = await openBegun(description, subject, lock);
  held.move();
  return folder;
}

/** How a setting is another one, in the words of the command line: `with --seed 0, not 1`, `without --half`. */
function otherSetting(name: string, before: unknown, now: unknown): string {
  const words: Readonly<Record<string, string>> = { images: "IMAGES", "other-images": "IMAGES2" };
  const option = words[name] ?? (name === "other-maps" ? "further --maps" : `--${name}`);
  const isGiven = (value: unknown) => value !== null && value !== false;
  const text = (value: unknown) => value === true ? "" : ` ${[value].flat().join(name === "size" ? "x" : ",")}`;
  if (!isGiven(now)) return `with ${option}${text(before)}, not without it`;
  if (!isGiven(before)) return `without ${option}, not with ${option}${text(now)}`;
  return `with ${option}${text(before)}, not${text(now)}`;
}

/** The settings of a run; they have a batch, which every run writes. */
function readConfigured(file: string): TrainingSettings {
  const options = resolveSettings(readConfiguration(file));
  return { ...options, batch: options.batch ?? NaN };
}

/**
 * The batch of the run that a folder holds.
 *
 * @param path The folder.
 * @returns What its config.yaml says; undefined if no run was begun there, or nothing of it done.
 * @throws {Error} If its config.yaml cannot be read.
 */
export function recordedBatch(path: string): number | undefined {
  const file = join(path, CONFIGURATION);
  return isFileThere(file) && isFileThere(join(path, LAST)) ? readConfiguration(file).batch : undefined;
}

/** Writes what the run is, or finds that this was done. */
function begin(description: RunDescription, subject: string): void {
  const { options, list } = description;
  const file = join(options.output, CONFIGURATION);
  const data = join(options.output, DATA);
  const hasBegun = isFileThere(file) && isFileThere(join(options.output, LAST));
  if (!isFileThere(file)) {
    // What a kill leaves of the first file is none.
    const own = [LOCK, CONFIGURATION + PARTIAL];
    const names = namesIn(options.output, subject).sort();
    const foreign = names.find((name) => !own.includes(name));
    if (foreign !== undefined) {
      throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONFIGURATION}`);
    }
  } else if (hasBegun) {
    // Without a checkpoint nothing was done that other settings could not begin anew.
    const [before, now] = [readConfigured(file), options].map(decisiveSettings);
    const found = Object.keys(now)
      .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]))
      .map((name) => otherSetting(name, before[name], now[name]));
    if (found.length > 0) {
      throw new Deno.errors.AlreadyExists(
        `${subject}: it was begun ${found.join(" and ")}; go on as it was begun, or name another folder with --output`,
      );
    }
  }
  const difference = hasBegun ? findDataDifference(data, list) : undefined;
  if (difference !== undefined) {
    throw new TypeError(
      `${subject}: put its data back as they were, or name another folder with --output, since ${difference}`,
    );
  }
  replaceFile(file, formatConfiguration(options));
  if (!hasBegun) {
    // Of images that may be others now, and will be found again.
    removeIfThere(join(options.output, REJECTED));
    writeDataList(data, list);
  }
  replaceFile(join(options.output, "config.json"), formatModel(description));
}

async function openBegun(
  { options, data }: RunDescription,
  subject: string,
  lock: Lock,
): Promise<RunFolder> {
  const path = options.output;
  const last = join(path, LAST);
  const checkpoint = await readCheckpoint(last);
  if (checkpoint && checkpoint.data !== data) {
    throw new TypeError(`${subject}: the images, or their labels, are not those that it was begun with`);
  }
  const done = checkpoint?.position.epoch ?? 0;
  const epochs = readSummary(join(path, SUMMARY)).filter(({ epoch }) => epoch < done);
  if (epochs.length < done) {
    throw new TypeError(
      `${subject}: ${formatNumberOf(done, "epoch")} were done, and ${SUMMARY} has ${
        formatCount(epochs.length)
      } of them`,
    );
  }
  const rejected = join(path, REJECTED);
  const listed = readWholeLines(rejected);
  let isClosed = false;
  /** Whether the list has lines that a power cut would take, and a checkpoint would take for listed. */
  let isNew = false;
  const keepRejected = () => {
    if (isNew) makeDurable([rejected], subject);
    isNew = false;
  };
  return {
    path,
    checkpoint,
    epochs,
    save(checkpoint) {
      lock.keep();
      keepRejected();
      writeCheckpoint(last, checkpoint);
    },
    finishEpoch(summary, state) {
      lock.keep();
      const best = Math.max(...epochs.map(scoreOf), -1);
      const weights = weightsOf(state);
      const metadata = { format: "pt", epoch: `${summary.epoch}` };
      writeSafetensors(join(path, "model.safetensors"), weights, metadata);
      if (scoreOf(summary) > best) writeSafetensors(join(path, "best.safetensors"), weights, metadata);
      epochs.push(summary);
      writeSummary(join(path, SUMMARY), epochs);
    },
    saveFailed(checkpoint, remarks) {
      const file = join(path, "failed.safetensors");
      writeCheckpoint(file, checkpoint, remarks);
      return file;
    },
    reject(image) {
      const line = JSON.stringify(image);
      // Images that were read ahead may be found after the run has ended, when the folder is another's.
      if (isClosed || listed.has(line)) return;
      listed.add(line);
      withSubject(`Cannot write "${rejected}"`, () => Deno.writeTextFileSync(rejected, `${line}\n`, { append: true }));
      isNew = true;
    },
    get rejected() {
      return listed.size;
    },
    close() {
      isClosed = true;
      lock.release();
    },
  };
}

/** The lines of a list that was added to; what a full disk or a power cut tore is removed, so that the next is a line again. */
function readWholeLines(path: string): Set<string> {
  const text = readIfThere(path) ?? "";
  const lines = text.split("\n").filter(isJson);
  const whole = lines.map((line) => `${line}\n`).join("");
  if (whole !== text) replaceFile(path, whole);
  return new Set(lines);
}

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}

/** Whether logits are of classes that do not exclude each other, by loss and by how they are validated. */
function isOfIndependentClasses({ loss, multiLabel, validationMultiLabel }: TrainingSettings): boolean {
  return loss === "asl" || (loss === "bce" && (multiLabel ?? validationMultiLabel) !== undefined);
}

/** The network as timm describes one in `config.json`; `scores` says to `deno task relabel` what its logits are of. */
function formatModel({ options, classes, classNames }: RunDescription): string {
  const { network, size, mean, std, interpolation, cropPct } = options;
  const isBuiltForSize = buildNetwork(network, { classes, size }).inputSize !== undefined;
  const model = {
    architecture: network,
    // deno-lint-ignore camelcase -- timm's name
    num_classes: classes,
    ...(classNames ? { label_names: classNames } : {}),
    ...(isOfIndependentClasses(options) ? { scores: "sigmoid" } : {}),
    ...(isBuiltForSize ? { model_args: { img_size: size } } : {}),
    // deno-lint-ignore camelcase -- timm's name
    pretrained_cfg: {
      input_size: [3, ...size],
      interpolation,
      mean,
      std,
      crop_pct: cropPct,
      crop_mode: cropPct === 1 ? "squash" : "center",
    },
  };
  return `${JSON.stringify(model, null, 2)}\n`;
}
