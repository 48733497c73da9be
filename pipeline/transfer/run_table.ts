/**
 * The trainings of a transfer that are done, as `runs.csv`.
 *
 * @module
 */

import { readIfThere, replaceFile, unreadable } from "../../formats/base/files.ts";
import { csv } from "../command/text_table.ts";

/** Network, stage, settings and seed of a training. */
export interface RunId {
  /** Place of the network that it begins with among those of `--init`, from 0. */
  readonly init: number;
  /** Whether it is one of the grid, or one that is tested. */
  readonly stage: "grid" | "test";
  readonly lr: number;
  readonly weightDecay: number;
  readonly seed: number;
}

/** A training that is done. */
export interface FinishedRun extends RunId {
  /** Accuracy on the images of its stage, a share of 1; undefined if the training broke down. */
  readonly top1?: number;
  /** Mean cross-entropy on them. */
  readonly loss?: number;
}

const COLUMNS = ["init", "stage", "lr", "weight_decay", "seed", "top1", "loss"] as const;

/**
 * Writes the table.
 *
 * @param path The file, which is replaced.
 * @param runs The trainings that are done.
 * @throws {Error} If it cannot be written; the old one is kept.
 */
export function writeRuns(path: string, runs: readonly FinishedRun[]): void {
  const rows = runs.map((
    { init, stage, lr, weightDecay, seed, top1, loss },
  ) => [init, stage, lr, weightDecay, seed, top1 ?? null, loss ?? null]);
  replaceFile(path, csv(COLUMNS, rows));
}

/**
 * Reads what {@linkcode writeRuns} wrote.
 *
 * @param path The file.
 * @returns The trainings that are done, none if there is no file.
 * @throws {TypeError} If it is another table.
 */
export function readRuns(path: string): FinishedRun[] {
  const [head, ...lines] = (readIfThere(path) ?? COLUMNS.join()).trimEnd().split("\n");
  if (head !== COLUMNS.join()) throw unreadable(path, `its columns are ${head}, expected ${COLUMNS.join()}`);
  return lines.map((line) => {
    const fields = line.split(",");
    const [init, , lr, weightDecay, seed] = fields.map(Number);
    const [, stage, , , , top1, loss] = fields;
    const isStage = stage === "grid" || stage === "test";
    if (fields.length !== COLUMNS.length || !isStage || ![init, lr, weightDecay, seed].every(Number.isFinite)) {
      throw unreadable(path, `line "${line}" is no training`);
    }
    return { init, stage, lr, weightDecay, seed, ...(top1 === "" ? {} : { top1: Number(top1), loss: Number(loss) }) };
  });
}

/**
 * Finds a training.
 *
 * @param runs Finished trainings.
 * @param id Network, stage, settings and seed of the training.
 * @returns The training, undefined if it is not done.
 */
export function findRun(runs: readonly FinishedRun[], id: RunId): FinishedRun | undefined {
  return runs.find((run) =>
    (["init", "stage", "lr", "weightDecay", "seed"] as const).every((name) => run[name] === id[name])
  );
}

/**
 * The best training of a network's grid.
 *
 * @param runs Finished trainings, of this grid and of others.
 * @param init The network.
 * @param grid The learning rates and weight decays to choose from.
 * @returns The training of the highest accuracy; of several, the one of the least loss, and then the first.
 * @throws {RangeError} If all of them broke down.
 */
export function bestOfGrid(
  runs: readonly FinishedRun[],
  init: number,
  grid: readonly Pick<RunId, "lr" | "weightDecay">[],
): FinishedRun & { readonly top1: number; readonly loss: number } {
  const finished = grid.flatMap((cell) => {
    const run = findRun(runs, { init, stage: "grid", seed: 0, ...cell });
    return run?.top1 === undefined || run.loss === undefined ? [] : [{ ...run, top1: run.top1, loss: run.loss }];
  });
  if (finished.length === 0) {
    throw new RangeError("Cannot choose settings: each training of the grid broke down, smaller learning rates may do");
  }
  return finished.reduce((best, run) =>
    run.top1 > best.top1 || run.top1 === best.top1 && run.loss < best.loss ? run : best
  );
}
