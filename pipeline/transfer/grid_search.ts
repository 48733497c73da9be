/**
 * The trainings of a transfer: a grid for each network, and the best settings of each on all training images.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import {
  isFileThere,
  makeFolder,
  namesIn,
  PARTIAL,
  readIfThere,
  removeIfThere,
  replaceFile,
} from "../../formats/base/files.ts";
import { parseJson } from "../../formats/base/json.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { openImages } from "../../formats/images/mod.ts";
import type { SourceImage } from "../../formats/labels/mod.ts";
import { formatDuration } from "../command/numbers.ts";
import { listImages } from "../label_folder/listed_images.ts";
import { type DownloadWatch, openModel } from "../model/model.ts";
import { formatConfiguration, readConfiguration } from "../training/configuration.ts";
import { findDataDifference, writeDataList } from "../training/data_list.ts";
import { trainingLine } from "../training/progress_line.ts";
import { runTraining, type RunWatch } from "../training/run_training.ts";
import { decisiveSettings, type GivenSettings, type RequestedSettings, resolveSettings } from "../training/settings.ts";
import type { TrainingResult } from "../training/training_parts.ts";
import { bestOfGrid, findRun, type FinishedRun, readRuns, type RunId, writeRuns } from "./run_table.ts";
import { openTransferData, type TransferData } from "./transfer_data.ts";

/** What is asked for. */
export interface TransferPlan {
  /** The data set. */
  readonly images: string;
  /** Test images, where the data set has no split for that. */
  readonly test?: string;
  /** Share of each class that the grid is tried on, where the data set has no split for that. */
  readonly heldOut: number;
  /** The networks to begin with. */
  readonly inits: readonly string[];
  readonly rates: readonly number[];
  readonly decays: readonly number[];
  /** How many trainings of the best settings. */
  readonly seeds: number;
  /** Settings of each training, beside those that the transfer decides. */
  readonly settings: GivenSettings;
  /** The folder of all of it. */
  readonly output: string;
}

/** Who watches a transfer. */
export interface TransferWatch extends DownloadWatch {
  readonly signal: AbortSignal;
  /** Told in a sentence what is being done. */
  tell(line: string): void;
  /** Told how far it is. */
  show(line: string): void;
}

/** Makes a training, or goes on with it; undefined if the signal came before its first step. */
export type Training = (settings: RequestedSettings, watch: RunWatch) => Promise<TrainingResult | undefined>;

/** What became of a network. */
export interface TransferOutcome {
  /** As it was named. */
  readonly init: string;
  /** The best settings, and their accuracy on the images that the grid was tried on, a share of 1. */
  readonly best: FinishedRun & { readonly top1: number };
  /** Accuracy on the test images for each seed, shares of 1. */
  readonly test: readonly number[];
}

/** A transfer's outcome. */
export interface TransferResult {
  readonly outcomes: readonly TransferOutcome[];
  readonly runs: readonly FinishedRun[];
  /** How the parts of the data set came about. */
  readonly remark: string;
}

/** A network to begin with. */
interface Init {
  readonly reference: string;
  /** SHA-256 of its weights. */
  readonly weights: string;
  readonly settings: GivenSettings;
}

const LOCK = ".transfer.lock";
const CONFIGURATION = "transfer.json";
const RUNS = "runs.csv";
const DATA = "data.jsonl";

/** Epochs after which a training is evaluated: more than there are, so that it is after the last one alone. */
const NEVER = 1e6;

/**
 * Makes the trainings, or what of them is not done yet.
 *
 * @param plan What is asked for.
 * @param watch Progress and signals.
 * @param training How a training is made; default on the adapter.
 * @returns What was found.
 * @throws {Deno.errors.AlreadyExists} If the folder was begun with another data set, other images, networks or settings.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {RangeError} If every training of a grid broke down, or one that is tested.
 * @throws {Error} If something cannot be read or written.
 * @throws {unknown} The signal's reason, once it stopped the work.
 */
export async function runTransfer(
  plan: TransferPlan,
  watch: TransferWatch,
  training: Training = runTraining,
): Promise<TransferResult> {
  const { output, rates, decays, seeds } = plan;
  const subject = `Cannot transfer in "${output}"`;
  makeFolder(output, subject);
  using _lock = takeLock(join(output, LOCK), subject);
  const inits = await Promise.all(plan.inits.map((reference) => openInit(reference, watch)));
  checkConfiguration(plan, inits, subject);
  const data = await openTransferData(plan.images, { ...plan, folder: output });
  await keepImages(data, output, subject);
  watch.tell(data.remark);
  const runs = readRuns(join(output, RUNS));
  const train = async (id: RunId): Promise<FinishedRun> => {
    const done = findRun(runs, id);
    if (done) return done;
    const run = await trainRun(plan, { id, init: inits[id.init], data, training }, watch);
    runs.push(run);
    writeRuns(join(output, RUNS), runs);
    return run;
  };
  const grid = rates.flatMap((lr) => decays.map((weightDecay) => ({ lr, weightDecay })));
  const outcomes: TransferOutcome[] = [];
  for (const [init, { reference }] of inits.entries()) {
    for (const cell of grid) await train({ init, stage: "grid", seed: 0, ...cell });
    const best = bestOfGrid(runs, init, grid);
    const test: number[] = [];
    for (let seed = 0; seed < seeds; seed++) {
      const { lr, weightDecay } = best;
      const { top1 } = await train({ init, stage: "test", lr, weightDecay, seed });
      if (top1 === undefined) {
        throw new RangeError(
          `${subject}: the training of "${reference}" with seed ${seed} and the best settings broke down`,
        );
      }
      test.push(top1);
    }
    outcomes.push({ init: reference, best, test });
  }
  return { outcomes, runs, remark: data.remark };
}

/** A network's architecture and how it sees colours, which its trainings keep. */
async function openInit(reference: string, watch: DownloadWatch): Promise<Init> {
  const { architecture, mean, std, weights } = await openModel(reference, watch);
  using _weights = closing(weights);
  const colours = { mean, std } as Required<Pick<GivenSettings, "mean" | "std">>;
  return { reference, weights: await weights.sha256(), settings: { network: architecture, ...colours } };
}

/** Says what the folder is of, or finds that it is of that. */
function checkConfiguration(plan: TransferPlan, inits: readonly Init[], subject: string): void {
  const { images, test, heldOut, settings, output } = plan;
  const path = join(output, CONFIGURATION);
  const wanted: Record<string, unknown> = {
    dataset: images,
    test: test ?? null,
    "held-out": heldOut,
    init: inits.map(({ reference, weights }) => ({ reference, weights })),
    ...trainingSettings(settings),
  };
  const text = readIfThere(path);
  if (text === undefined) {
    const foreign = namesIn(output, subject).sort().find((name) => name !== LOCK && !name.endsWith(PARTIAL));
    if (foreign !== undefined) {
      throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONFIGURATION}`);
    }
    return replaceFile(path, `${JSON.stringify(wanted, null, 2)}\n`);
  }
  const before = Object(parseJson(text, `${subject}: its ${CONFIGURATION} is not JSON`));
  const others = Object.keys(wanted).filter((name) => JSON.stringify(before[name]) !== JSON.stringify(wanted[name]));
  if (others.length > 0) {
    const shown = others.map((name) => `${name} ${JSON.stringify(before[name])}, not ${JSON.stringify(wanted[name])}`);
    throw new Deno.errors.AlreadyExists(`${subject}: it was begun with ${shown.join(" and ")}`);
  }
}

/** Lists the images, or finds that they are those of the list: trainings that are done are not done again with others. */
async function keepImages({ both, validation, test }: TransferData, output: string, subject: string): Promise<void> {
  const path = join(output, DATA);
  const images: SourceImage[] = [];
  for (const folder of new Set([both, validation, test].map(({ images }) => images))) {
    for await (const image of listImages(await openImages(folder))) images.push(image);
  }
  const difference = findDataDifference(path, images);
  if (difference !== undefined) {
    throw new Deno.errors.AlreadyExists(
      `${subject}: put its images back as they were, or name another folder with --output, since ${difference}`,
    );
  }
  if (!isFileThere(path)) writeDataList(path, images);
}

/** What all trainings have in common, by the names of options. */
function trainingSettings(settings: GivenSettings): Record<string, unknown> {
  const all = decisiveSettings({ batch: 1, ...resolveSettings({ ...settings, images: "" }) });
  const own = [
    "images",
    "subset",
    "validation",
    "validation-subset",
    "validate-every",
    "init",
    "network",
    "mean",
    "std",
  ];
  return Object.fromEntries(
    Object.entries(all).filter(([name]) => ![...own, "lr", "weight-decay", "seed"].includes(name)),
  );
}

async function trainRun(
  plan: TransferPlan,
  { id, init, data, training }: {
    readonly id: RunId;
    readonly init: Init;
    readonly data: TransferData;
    readonly training: Training;
  },
  watch: TransferWatch,
): Promise<FinishedRun> {
  const { stage, lr, weightDecay, seed } = id;
  const [part, asked] = stage === "grid" ? [data.fit, data.validation] : [data.both, data.test];
  const name = stage === "grid" ? `grid-lr-${lr}-wd-${weightDecay}` : `test-lr-${lr}-wd-${weightDecay}-seed-${seed}`;
  const output = join(plan.output, `init-${id.init}`, name);
  const options = resolveSettings({
    ...plan.settings,
    ...init.settings,
    ...{ init: init.reference, lr, weightDecay, seed, output, validateEvery: NEVER },
    ...{ images: part.images, subset: part.subset, validation: asked.images, validationSubset: asked.subset },
  });
  followLists(options);
  const what = `learning rate ${lr}, weight decay ${weightDecay}${stage === "grid" ? "" : `, seed ${seed}`}`;
  watch.tell(`Training "${init.reference}" with ${what}`);
  const started = performance.now();
  let result: TrainingResult | undefined;
  try {
    const { tell, show, ...others } = watch;
    result = await training(options, {
      ...others,
      onWarning: tell,
      onProgress: (state) => show(trainingLine(state)),
    });
  } catch (error) {
    if (!(error instanceof RangeError) || !isFileThere(join(output, "failed.safetensors"))) throw error;
    watch.tell(`  it broke down: ${error.message}`);
    removeWeights(output, stage);
    return id;
  }
  if (result === undefined || result.stopped) throw watch.signal.reason;
  const evaluation = result.epochs[result.epochs.length - 1].evaluation;
  if (evaluation === undefined || !("top1" in evaluation)) {
    throw new TypeError(`Cannot transfer to "${plan.images}" with multi-labels`);
  }
  const { top1, loss } = evaluation;
  watch.tell(`  ${top1.toFixed(2)} % right after ${formatDuration((performance.now() - started) / 1000)}`);
  removeWeights(output, stage);
  return { ...id, top1: top1 / 100, loss };
}

/** Lets a training go on whose folder was moved since: the lists of keys, which are the same, moved with it. */
function followLists({ output, subset, validationSubset }: RequestedSettings): void {
  const file = join(output, "config.yaml");
  if (!isFileThere(file)) return;
  const begun = readConfiguration(file);
  if (begun.subset === subset && begun.validationSubset === validationSubset) return;
  replaceFile(file, formatConfiguration(resolveSettings({ ...begun, subset, validationSubset })));
}

/** Removes weights that nothing goes on from: grids have many trainings, and of those that are tested the last ones count. */
function removeWeights(run: string, stage: RunId["stage"]): void {
  const names = ["last", "best", "failed", ...(stage === "grid" ? ["model"] : [])];
  for (const name of names) removeIfThere(join(run, `${name}.safetensors`));
}
