/**
 * What a training is made of, who watches it, and what becomes of it.
 *
 * @module
 */

import type { Communicator } from "../command/mpi/communicator.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";
import type { Position } from "./checkpoint.ts";
import type { TrainingData } from "./training_data.ts";
import type { LoadedBatch } from "./loader.ts";
import type { TrainingSettings } from "./settings.ts";
import type { Rejections } from "./rejections.ts";
import type { RunFolder } from "./run_folder.ts";
import type { EpochSummary, Evaluation } from "./summary_file.ts";

/** A network in training on a device, as `kernels/programs/training` has it. */
export interface TrainingDevice<Batch> {
  /**
   * Uploads a batch and starts its step; nothing is read but gradients that other ranks are waiting for. The signal breaks
   * it off, with its reason, before anything of it is done.
   */
  step(batch: Batch, learningRate: number, signal?: AbortSignal): Promise<void>;
  /**
   * The losses of this rank's steps since the last call, at most 256, in order; and how many updates were skipped so far,
   * and have been done since.
   */
  read(): Promise<{
    readonly losses: Float32Array;
    readonly control: { readonly skippedSteps: number; readonly goodSteps: number };
  }>;
  /** The state to keep: everything that {@linkcode load} needs. */
  state(): Promise<TrainingState>;
  /** Goes on from a state, bit for bit. */
  load(state: TrainingState): void;
  /** The share of a step that LabelPooling takes, where that can be measured; to be asked between two updates. */
  poolingShare(): Promise<number | undefined>;
  /** A number of the parameters' bits, 32 bits. */
  checksum(): Promise<number>;
  /** Milliseconds since the last call in which a step only waited for gradients of other ranks. */
  exchangeTime(): { readonly exposed: number };
}

/** What a training is made of. */
export interface Training<Batch> {
  readonly options: TrainingSettings;
  readonly data: Pick<TrainingData, "images" | "used" | "labels" | "maps" | "masks" | "multiLabels" | "fingerprint">;
  readonly device: TrainingDevice<Batch>;
  /** What the device is given of a loaded batch. */
  batchOf(loaded: LoadedBatch): Batch;
  /** How good a state is on the validation images; of several ranks, that of rank 0. The signal breaks it off. */
  evaluate?(state: TrainingState, signal?: AbortSignal): Promise<Evaluation>;
  /** Where the results go; of several ranks, rank 0 alone has it. */
  readonly run?: RunFolder;
  readonly rejections: Rejections;
  /** This rank and the others, where there are several. */
  readonly ranks?: Communicator;
  /** What computes: the program's version, and the adapter. */
  readonly engine: string;
}

/** Who watches a training. */
export interface TrainingWatch {
  /**
   * Stops it, after a checkpoint. It breaks off waits for images, their preparation, and validation, but not between the
   * batches of an update, nor of several ranks, which all do the same.
   */
  readonly signal?: AbortSignal;
  /** Told whenever losses were read. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (summary: EpochSummary) => void;
}

/** How far a training is. */
export interface TrainingProgress {
  readonly epoch: number;
  /** Steps of the epoch that are done, and all of them. */
  readonly step: number;
  readonly steps: number;
  /** Images of all steps that are to be done. */
  readonly imagesLeft: number;
  /** Mean of the losses that were read last. */
  readonly loss: number;
  readonly learningRate: number;
  /** Since the last time, of all ranks. */
  readonly imagesPerSecond: number;
  /** Share of the time, since the last time, that was spent waiting for a batch, of whatever rank. */
  readonly waiting: number;
  /** Share of that time in which a step only waited for gradients of other ranks, where there are some. */
  readonly exchanging?: number;
  /** Share of the device's time in a step that LabelPooling takes, measured once. */
  readonly pooling?: number;
}

/** What became of a training. */
export interface TrainingResult {
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  readonly position: Position;
  readonly epochs: readonly EpochSummary[];
  /** Images that cannot be decoded, as far as they were to be. */
  readonly rejected: number;
  /** Images that this process decoded and that carry an EXIF orientation other than 1. */
  readonly oriented: number;
  /** Images of the steps since this process was started, of all ranks, and its seconds. */
  readonly images: number;
  readonly seconds: number;
  /** Share of the seconds that was spent waiting for a batch. */
  readonly waiting: number;
  /** Share of the seconds in which a step only waited for gradients of other ranks, where there are some. */
  readonly exchanging?: number;
}
