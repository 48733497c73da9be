/**
 * A run's epochs as `summary.csv`, in the columns that timm's training script writes.
 *
 * @module
 */

import { readIfThere, replaceFile, unreadable } from "../../formats/base/files.ts";

/** An epoch. */
export interface EpochSummary {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Mean loss of its steps. */
  readonly trainLoss: number;
  readonly evaluation?: Evaluation;
  /** Learning rate of its last step. */
  readonly learningRate: number;
}

/** How good the network is on validation images. */
export interface Evaluation {
  /** Mean cross-entropy with the labels. */
  readonly loss: number;
  /** Percent of images whose label is the best class, and is among the five best. */
  readonly top1: number;
  readonly top5: number;
}

const COLUMNS = "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr";

/**
 * Writes the epochs.
 *
 * @param path The file, which is replaced.
 * @param epochs The summaries of all epochs so far.
 * @throws {Error} If it cannot be written; the old one is kept.
 */
export function writeSummary(path: string, epochs: readonly EpochSummary[]): void {
  const lines = epochs.map(({ epoch, trainLoss, evaluation, learningRate }) =>
    [epoch, trainLoss, evaluation?.loss ?? "", evaluation?.top1 ?? "", evaluation?.top5 ?? "", learningRate].join(",")
  );
  replaceFile(path, `${[COLUMNS, ...lines].join("\n")}\n`);
}

/**
 * Reads what {@linkcode writeSummary} wrote.
 *
 * @param path The file.
 * @returns The epochs, none if there is no file.
 * @throws {TypeError} If it is another table, or cut off.
 */
export function readSummary(path: string): EpochSummary[] {
  const [header, ...lines] = (readIfThere(path) ?? COLUMNS).trimEnd().split("\n");
  if (header !== COLUMNS) throw unreadable(path, `its columns are ${header}, expected ${COLUMNS}`);
  return lines.map((line) => {
    const fields = line.split(",");
    if (fields.length !== COLUMNS.split(",").length) {
      throw unreadable(path, `line "${line}" has not the columns ${COLUMNS}`);
    }
    const [epoch, trainLoss, loss, top1, top5, learningRate] = fields.map(Number);
    const evaluation = fields[3] === "" ? undefined : { loss, top1, top5 };
    return { epoch, trainLoss, ...(evaluation ? { evaluation } : {}), learningRate };
  });
}
