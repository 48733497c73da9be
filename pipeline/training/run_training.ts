/**
 * A training from its options to its folder: data, device, validation and loop in one.
 *
 * @module
 */

import { openDecodePool } from "../../formats/images/mod.ts";
import { closeDevice, type Device } from "../../kernels/device.ts";
import type { PlanBytes } from "../../kernels/plan.ts";
import { defaultWorkers } from "../label_images.ts";
import type { DownloadWatch } from "../model.ts";
import { openQuietDevice } from "../quiet_device.ts";
import { engineVersion } from "../version.ts";
import { batchMaker } from "./batch.ts";
import type { Position } from "./checkpoint.ts";
import { openTrainingData, type TrainingData } from "./data_set.ts";
import type { ImageStoreOptions } from "./image_store.ts";
import type { TrainingOptions } from "./options.ts";
import { openRunFolder } from "./run_folder.ts";
import { openTeacher, startTrainer } from "./start_trainer.ts";
import { train, type TrainingResult, type TrainingWatch } from "./train.ts";
import { openValidation } from "./validate.ts";

/** What a training begins with. */
export interface TrainingStart {
  readonly data: TrainingData;
  readonly device: Device;
  readonly bytes: PlanBytes;
  /** Where an earlier process stopped. */
  readonly position?: Position;
}

/** Who watches a training, from before its data are open. */
export interface RunWatch extends TrainingWatch, DownloadWatch {
  readonly signal: AbortSignal;
  /** Told of images that are decoded before the first step. */
  readonly onImage?: (done: number, total: number) => void;
  /** Told before the first step. */
  readonly onStart?: (start: TrainingStart) => void;
}

/**
 * Trains in the folder that the options name, or goes on there.
 *
 * @param options The training's.
 * @param watch A signal, and whom to tell.
 * @returns What was done; undefined if the signal came before the first step.
 * @throws {Error} If the options do not fit each other, the data or the folder, or a file cannot be read or written.
 */
export async function runTraining(options: TrainingOptions, watch: RunWatch): Promise<TrainingResult | undefined> {
  const { signal, onImage, onStart } = watch;
  const pool = openDecodePool(options.workers ?? defaultWorkers());
  const close = [pool.close];
  try {
    const store: ImageStoreOptions = { pool, cache: options.cache, signal, onImage };
    const teacher = await openTeacher(options, watch);
    const data = await openTrainingData(options, store, teacher);
    close.push(data.close);
    const { classes, classNames, fingerprint } = data;
    const folder = await openRunFolder({ options, classes, classNames, data: fingerprint });
    close.push(folder.close);
    const device = await openQuietDevice();
    close.push(() => closeDevice(device));
    const { trainer, network } = await startTrainer(device, options, { data, teacher, watch });
    close.push(trainer.close);
    const names = classNames && { name: classNames };
    const validation = await openValidation(device, options, {
      network,
      store,
      onRejected: folder.reject,
      classes,
      classNames: names,
    });
    if (validation) close.push(validation.close);
    const engine = `${engineVersion} on ${device.capabilities.adapter}`;
    const before = folder.checkpoint?.engines.filter((other) => other !== engine) ?? [];
    if (before.length > 0) {
      watch.onWarning?.(
        `Going on with ${engine}, after ${before.join(" and ")}: weights may end in other bits than those of an ` +
          "uninterrupted run",
      );
    }
    onStart?.({ data, device, bytes: trainer.bytes, position: folder.checkpoint?.position });
    return await train({
      options,
      data,
      run: folder,
      engine,
      device: trainer,
      batchOf: batchMaker(options, classes),
      evaluate: validation?.evaluate,
    }, watch);
  } catch (error) {
    if (signal.aborted && error === signal.reason) return undefined;
    throw error;
  } finally {
    for (const action of close.reverse()) action();
  }
}
