/**
 * What a transfer found, as tables.
 *
 * @module
 */

import { type Mean, meanOf } from "../command/mean.ts";
import { formatDifference, formatShare } from "../command/shares.ts";
import { csv, layOut, markdownTable } from "../command/text_table.ts";
import type { TransferPlan, TransferResult } from "./grid_search.ts";
import { findRun } from "./run_table.ts";

/** A network in the table. */
interface Row {
  readonly init: string;
  readonly lr: number;
  readonly weightDecay: number;
  /** Accuracy on the images that the grid was tried on. */
  readonly validation: number;
  readonly test: Mean;
  /** How much more than the first network's, paired by seed; undefined of that. */
  readonly difference?: Mean;
}

const HEADS = ["network", "learning rate", "weight decay", "validation", "test", "difference"] as const;

function rowsOf({ outcomes }: TransferResult): Row[] {
  return outcomes.map(({ init, best, test }, place) => ({
    init,
    lr: best.lr,
    weightDecay: best.weightDecay,
    validation: best.top1,
    test: meanOf(test),
    ...(place === 0 ? {} : { difference: meanOf(test.map((top1, seed) => top1 - outcomes[0].test[seed])) }),
  }));
}

function cellsOf({ init, lr, weightDecay, validation, test, difference }: Row): string[] {
  return [
    init,
    String(lr),
    String(weightDecay),
    formatShare({ value: validation }),
    formatShare(test),
    difference ? formatDifference(difference) : "",
  ];
}

/** What is to be known of the figures, sentences. */
function notesOf({ seeds, rates, decays }: TransferPlan, { outcomes, remark }: TransferResult): string[] {
  const errors = seeds === 1
    ? "One seed: how far another one would differ is not known"
    : `Means over ${seeds} seeds, +- standard error over seeds; differences are paired by seed, in points`;
  const atEdge = (value: number, values: readonly number[]) =>
    values.length > 1 && (value === Math.min(...values) || value === Math.max(...values));
  const edges = outcomes.flatMap(({ init, best: { lr, weightDecay } }) => [
    ...(atEdge(lr, rates)
      ? [`The best learning rate of "${init}" is at the edge of the grid: more of --grid-lr may do better`]
      : []),
    ...(atEdge(weightDecay, decays) && weightDecay > 0
      ? [`The best weight decay of "${init}" is at the edge of the grid: more of --grid-weight-decay may do better`]
      : []),
  ]);
  return [errors, remark, ...edges];
}

/**
 * The tables of a transfer.
 *
 * @param plan What was asked for.
 * @param result What was found.
 * @returns `results.md` and `results.csv`.
 */
export function transferFiles(plan: TransferPlan, result: TransferResult): Readonly<Record<string, string>> {
  const rows = rowsOf(result);
  const columns = ["init", "lr", "weight_decay", "validation_top1", "seeds"];
  const measured = ["test_top1", "difference"].flatMap((name) => [name, `${name}_standard_error`]);
  const grids = rows.flatMap(({ init }, place) => [
    "",
    `## Validation of ${init}, %`,
    "",
    ...markdownTable(
      ["learning rate", ...plan.decays.map((decay) => `decay ${decay}`)],
      plan.rates.map((lr) => [
        String(lr),
        ...plan.decays.map((weightDecay) => {
          const run = findRun(result.runs, { init: place, stage: "grid", seed: 0, lr, weightDecay });
          return run?.top1 === undefined ? "broke down" : (100 * run.top1).toFixed(1);
        }),
      ]),
    ),
  ]);
  return {
    "results.md": [
      `# Transfer to ${plan.images}`,
      "",
      ...markdownTable(HEADS, rows.map(cellsOf)),
      "",
      ...notesOf(plan, result).map((note) => `- ${note}`),
      ...grids,
      "",
    ].join("\n"),
    "results.csv": csv(
      [...columns, ...measured],
      rows.map(({ init, lr, weightDecay, validation, test, difference }) => [
        ...[init, lr, weightDecay, validation, plan.seeds, test.value, test.standardError ?? null],
        ...[difference?.value ?? null, difference?.standardError ?? null],
      ]),
    ),
  };
}

/**
 * The table of a transfer for the eye.
 *
 * @param plan What was asked for.
 * @param result What was found.
 * @returns Lines of the table, notes below it, and where the files are.
 */
export function transferLines(plan: TransferPlan, result: TransferResult): string[] {
  return [
    ...layOut([HEADS], rowsOf(result).map(cellsOf), HEADS.map((_, column) => column > 0)),
    "",
    ...notesOf(plan, result).map((note) => `  ${note}`),
    "",
    `${plan.output}: results.md, results.csv, runs.csv`,
  ];
}
