/**
 * A training from its options to its folder: data, device, validation and loop in one.
 *
 * @module
 */

import { type ImageSurvey, openDecodePool } from "../../formats/images/mod.ts";
import { closeDevice, type Device } from "../../kernels/engine/device.ts";
import type { PlanBytes } from "../../kernels/engine/plan.ts";
import type { Network } from "../../kernels/operations/network.ts";
import { defaultWorkers } from "../model/default_workers.ts";
import type { DownloadWatch } from "../model/model.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { openTunedDevice, type TuneOptions } from "../model/tuned_device.ts";
import { broadcastValue, inTurns, SharedFailure, SharedStop, together } from "../command/shared_work.ts";
import { engineVersion } from "../command/version.ts";
import { batchMaker } from "./batch.ts";
import type { Position } from "./checkpoint.ts";
import { openTrainingData, type TrainingData } from "./training_data.ts";
import type { ImageStoreOptions } from "./image_store.ts";
import { checkRanks, defaultBatch, type RequestedSettings, type TrainingSettings } from "./settings.ts";
import { collectRejections } from "./rejections.ts";
import { epochsOf } from "./order.ts";
import { openRunFolder, recordedBatch, type RunFolder } from "./run_folder.ts";
import { openTeacher, startTrainer, type Teacher } from "./start_trainer.ts";
import { train } from "./train.ts";
import type { TrainingResult, TrainingWatch } from "./training_parts.ts";
import { openValidation } from "./validate.ts";
import { closing } from "../../formats/base/closing.ts";

/** What a training begins with. */
export interface TrainingStart {
  readonly options: TrainingSettings;
  /** Whether nothing was said of the batch, and it was chosen. */
  readonly isBatchChosen: boolean;
  readonly data: TrainingData;
  /** What the source of the validation images says of itself, if there is one. */
  readonly validation?: ImageSurvey;
  readonly device: Device;
  readonly network: Network;
  /** What targets are distilled from, if there is a teacher. */
  readonly teacher?: Teacher;
  readonly bytes: PlanBytes;
  /** Where an earlier process stopped. */
  readonly position?: Position;
  /** How many ranks train, 1 without a launcher. */
  readonly ranks: number;
}

/** Who watches a training, from before its data are open. */
export interface RunWatch extends TrainingWatch, DownloadWatch {
  readonly signal: AbortSignal;
  /** How kernels are chosen in a training that computes so many images; default by the shape. */
  readonly tune?: (images: number) => TuneOptions | undefined;
  /** Told of images that are decoded before the first step. */
  readonly onImage?: (done: number, total: number) => void;
  /** Told before the first step. */
  readonly onStart?: (start: TrainingStart) => void;
}

/**
 * Trains in the folder that the options name, or goes on there.
 *
 * @param requested The training's settings.
 * @param watch A signal, and whom to tell.
 * @param ranks This rank and the others that train with it, if there are several.
 * @returns What was done; undefined if the signal came before the first step.
 * @throws {Error} If the options do not fit each other, the data or the folder, or a file cannot be read or written.
 * @throws {SharedFailure} Instead, where there are several ranks.
 */
export async function runTraining(
  requested: RequestedSettings,
  watch: RunWatch,
  ranks?: Communicator,
): Promise<TrainingResult | undefined> {
  const { signal, onImage, onStart } = watch;
  const { exifOrientation, workers = defaultWorkers(ranks?.localSize) } = requested;
  using opened = new DisposableStack();
  const pool = opened.use(closing(openDecodePool(workers, { exifOrientation })));
  try {
    const given = await broadcastValue(ranks, await together(ranks, () => givenBatch(requested, ranks)));
    const { cache } = requested;
    const store: ImageStoreOptions = { pool, exifOrientation, cache, signal, onImage, onWarning: watch.onWarning };
    const teacher = await inTurns(ranks, () => openTeacher(requested, watch), signal);
    // A cache is written once, and then there for all.
    const openOnRanks = cache === undefined ? together : inTurns;
    const openData = async () => opened.use(closing(await openTrainingData(requested, store, teacher)));
    const data = await openOnRanks(ranks, openData, signal);
    const tune = watch.tune?.(data.used.length * requested.epochs);
    const { device, keep } = await together(ranks, () => openTunedDevice(tune, watch.onWarning), signal);
    opened.adopt(device, closeDevice);
    const { software } = device.capabilities;
    const chosen = defaultBatch(requested, { images: data.used.length, ranks: ranks?.size ?? 1, software });
    const batch = given ?? (await broadcastValue(ranks, chosen))!;
    const epochs = epochsOf({ ...requested, batch }, data.used.length);
    const options: TrainingSettings = { ...requested, batch, epochs };
    const { classes, classNames, fingerprint } = data;
    const first = await broadcastValue(ranks, fingerprint);
    const folder = await together(ranks, async () => {
      if (fingerprint !== first) throw new TypeError(otherData(options, ranks!.rank));
      if (ranks && ranks.rank > 0) return undefined;
      const description = { options, classes, classNames, data: fingerprint, list: data.list() };
      return opened.use(closing(await openRunFolder(description)));
    });
    const rejections = collectRejections((image) => folder?.reject(image), ranks);
    const names = classNames && { name: classNames };
    const { trainer, network, validation } = await together(ranks, async () => {
      const { trainer, network } = await startTrainer(device, options, { data, teacher, watch, ranks });
      opened.use(closing(trainer));
      const sources = { network, store, onRejected: rejections.add, classes, classNames: names, ranks };
      const validation = await openValidation(device, options, sources);
      return { trainer, network, validation: validation && opened.use(closing(validation)) };
    }, signal);
    keep();
    const ofRanks = ranks ? `, ${ranks.size} ranks` : "";
    const engine = `${engineVersion} on ${device.capabilities.adapter}${ofRanks}`;
    warnOfEngines(engine, folder, watch);
    onStart?.({
      options,
      isBatchChosen: given === undefined,
      data,
      validation: validation?.survey,
      device,
      network,
      teacher,
      bytes: trainer.bytes,
      position: folder?.checkpoint?.position,
      ranks: ranks?.size ?? 1,
    });
    return await train({
      options,
      data,
      run: folder,
      rejections,
      ranks,
      engine,
      device: trainer,
      batchOf: batchMaker(options, classes),
      evaluate: validation?.evaluate,
    }, watch);
  } catch (error) {
    if (error instanceof SharedStop || signal.aborted && error === signal.reason) return undefined;
    // The process is about to end, and an exchange that was given up may still use what closing would free.
    if (ranks && !(error instanceof SharedFailure)) opened.move();
    throw error;
  }
}

/** The batch that was asked for, or that a run which is gone on with has; undefined if there is none. */
function givenBatch(requested: RequestedSettings, ranks: Communicator | undefined): number | undefined {
  const batch = requested.batch ?? recordedBatch(requested.output);
  if (batch !== undefined) checkRanks({ ...requested, batch }, ranks?.size ?? 1);
  return batch;
}

/** Says that a run goes on with another version or adapter than those that computed it so far. */
function warnOfEngines(engine: string, folder: RunFolder | undefined, { onWarning }: RunWatch): void {
  const before = folder?.checkpoint?.engines.filter((other) => other !== engine) ?? [];
  if (before.length === 0) return;
  onWarning?.(
    `Going on with ${engine}, after ${before.join(" and ")}: weights may end in other bits than those of an ` +
      "uninterrupted run",
  );
}

function otherData({ images }: TrainingSettings, rank: number): string {
  return `Cannot train on "${images}": the images of rank ${rank}, or their labels, are not those of rank 0`;
}
