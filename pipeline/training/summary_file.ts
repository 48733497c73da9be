/**
 * A run's epochs as `summary.csv`, in the columns that timm's training script writes, with mAP and F1 scores in place of
 * top-1 and top-5 where images may show several classes.
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
  /** How good the network was after it, where it was evaluated. */
  readonly evaluation?: Evaluation;
  /** Learning rate of its last step. */
  readonly learningRate: number;
}

/** How good the network is on validation images. */
export type Evaluation = LabelEvaluation | MultiLabelEvaluation;

/** How good it is on images that have one label each. */
export interface LabelEvaluation {
  /** Mean cross-entropy with the labels. */
  readonly loss: number;
  /** Percent of images whose label is the best class. */
  readonly top1: number;
  /** Percent of images whose label is among the five best. */
  readonly top5: number;
}

/** How good it is on images that may show several classes. */
export interface MultiLabelEvaluation {
  /** Mean binary cross-entropy or asymmetric loss, as it is trained. */
  readonly loss: number;
  /** Percent: mAP, the mean over classes of their average precision. */
  readonly meanPrecision: number;
  /** Percent: F1 of the means over classes of precision and recall. */
  readonly classF1: number;
  /** Percent: F1 of all answers together. */
  readonly overallF1: number;
}

/** A measure of an evaluation. */
export interface EvaluationMeasure {
  /** Its name on the screen. */
  readonly title: string;
  /** Its name in files. */
  readonly name: string;
  readonly percent: number;
}

/** What is measured, in the words of files. */
const MEASURES = [["top1", "top5"], ["map", "cf1", "of1"]] as const;

/**
 * The measures of an evaluation.
 *
 * @param evaluation The evaluation.
 * @returns The measures; the best epoch is the one in which the first is highest.
 */
export function measuresOf(evaluation: Evaluation): readonly [EvaluationMeasure, ...EvaluationMeasure[]] {
  if ("top1" in evaluation) {
    return [
      { title: "top-1", name: "top1", percent: evaluation.top1 },
      { title: "top-5", name: "top5", percent: evaluation.top5 },
    ];
  }
  return [
    { title: "mAP", name: "map", percent: evaluation.meanPrecision },
    { title: "CF1", name: "cf1", percent: evaluation.classF1 },
    { title: "OF1", name: "of1", percent: evaluation.overallF1 },
  ];
}

/** How good an epoch was, percent; -1 where it was not evaluated. */
export function scoreOf({ evaluation }: Pick<EpochSummary, "evaluation">): number {
  return evaluation ? measuresOf(evaluation)[0].percent : -1;
}

function columnsOf(names: readonly string[]): string {
  return ["epoch", "train_loss", "eval_loss", ...names.map((name) => `eval_${name}`), "lr"].join(",");
}

/**
 * Writes the epochs.
 *
 * @param path The file, which is replaced.
 * @param epochs The summaries of all epochs so far.
 * @throws {Error} If it cannot be written; the old one is kept.
 */
export function writeSummary(path: string, epochs: readonly EpochSummary[]): void {
  const evaluated = epochs.find(({ evaluation }) => evaluation)?.evaluation;
  const names: readonly string[] = evaluated ? measuresOf(evaluated).map(({ name }) => name) : MEASURES[0];
  const lines = epochs.map(({ epoch, trainLoss, evaluation, learningRate }) => {
    const measures = evaluation ? measuresOf(evaluation).map(({ percent }) => percent) : names.map(() => "");
    return [epoch, trainLoss, evaluation?.loss ?? "", ...measures, learningRate].join(",");
  });
  replaceFile(path, `${[columnsOf(names), ...lines].join("\n")}\n`);
}

/**
 * Reads what {@linkcode writeSummary} wrote.
 *
 * @param path The file.
 * @returns The epochs, none if there is no file.
 * @throws {TypeError} If it is another table, or cut off.
 */
export function readSummary(path: string): EpochSummary[] {
  const expected = MEASURES.map(columnsOf);
  const [header, ...lines] = (readIfThere(path) ?? expected[0]).trimEnd().split("\n");
  const kind = expected.indexOf(header);
  if (kind < 0) throw unreadable(path, `its columns are ${header}, expected ${expected.join(" or ")}`);
  return lines.map((line) => {
    const fields = line.split(",");
    if (fields.length !== header.split(",").length) {
      throw unreadable(path, `line "${line}" has not the columns ${header}`);
    }
    const [epoch, trainLoss, loss, ...measures] = fields.map(Number);
    const learningRate = measures.pop()!;
    const [first, second, third] = measures;
    const evaluation = fields[2] === ""
      ? undefined
      : kind === 0
      ? { loss, top1: first, top5: second }
      : { loss, meanPrecision: first, classF1: second, overallF1: third };
    return { epoch, trainLoss, ...(evaluation ? { evaluation } : {}), learningRate };
  });
}
