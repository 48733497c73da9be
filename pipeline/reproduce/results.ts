/**
 * What a study found as tables: for the eye, as Markdown and as CSV.
 *
 * @module
 */

import { formatCount, formatNumberOf, formatPercent, formatSize } from "../command/numbers.ts";
import { csv, layOut, markdownTable } from "../command/text_table.ts";
import { type SampledCrops, shareUpTo } from "../charts/crops.ts";
import { seedFolders } from "./folders.ts";
import { formatDifference, formatShare } from "../command/shares.ts";
import { compare, type Comparison, meanOf } from "./outcome_statistics.ts";
import type { StudyPlan } from "./study_plan.ts";
import type { StudentOutcomes } from "./students.ts";
import { type SupervisionName, SUPERVISIONS } from "./supervisions.ts";

/** A supervision's line. */
export interface ResultRow {
  readonly supervision: SupervisionName;
  readonly title: string;
  readonly seeds: number;
  /** With the original labels. */
  readonly comparison: Comparison;
}

/** What the text beside a table is of. */
export interface Findings {
  readonly plan: StudyPlan;
  readonly study: StudentOutcomes<SupervisionName>;
  readonly crops: SampledCrops;
}

const HEADS = ["supervision", "top-1", "difference", "ReaL", "difference"];

/**
 * The table of a study.
 *
 * @param plan What was compared; the original labels are among it.
 * @param study What was found.
 * @returns Its rows, in the order of the plan.
 */
export function tableOf(
  { supervisions, seeds }: StudyPlan,
  { outcomes }: StudentOutcomes<SupervisionName>,
): ResultRow[] {
  const original = outcomes.get("original")!;
  return supervisions.map((supervision) => ({
    supervision,
    title: SUPERVISIONS[supervision].title,
    seeds: seeds.length,
    comparison: compare(outcomes.get(supervision)!, original),
  }));
}

/**
 * Results as a table for people.
 *
 * @param rows The table.
 * @param findings What it is of.
 * @returns The table's lines.
 */
export function resultLines(rows: readonly ResultRow[], findings: Findings): string[] {
  const { output, seeds, supervisions } = findings.plan;
  const places = seeds.map((seed) => seedFolders(output, seed)).flatMap(({ student, maps }) => [
    `  students    ${supervisions.map(student).join(", ")}`,
    `  label maps  ${maps}`,
  ]);
  return [
    ...layOut([HEADS], rows.map(cells), HEADS.map((_, column) => column > 0)),
    "",
    ...notes(findings).map((note) => `  ${note}`),
    "",
    ...(seeds.length === 1 ? [...places, ""] : []),
    `${output}: results.md, results.csv, runs.csv, accuracy.svg, overlap.svg, confidence.svg`,
  ];
}

/**
 * Results as Markdown, with the charts.
 *
 * @param rows The table.
 * @param findings What it is of.
 * @returns The file's text.
 */
export function resultMarkdown(rows: readonly ResultRow[], findings: Findings): string {
  const { trainImages, leastObjects, temperature, training: { network, size, epochs } } = findings.plan.recipe;
  return [
    "# Supervisions compared",
    "",
    `${network} at ${formatSize(size!)}, ${formatNumberOf(epochs!, "epoch")} of ` +
    `${
      formatNumberOf(trainImages, "image")
    } of ${leastObjects} or more objects; label maps at temperature ${temperature}.`,
    "",
    ...markdownTable(HEADS, rows.map(cells)),
    "",
    ...notes(findings).map((note) => `- ${note}`),
    "",
    "![Accuracy by supervision](accuracy.svg)",
    "![Overlap of random crops and objects](overlap.svg)",
    "![Confidence of ReLabel by overlap](confidence.svg)",
    "",
  ].join("\n");
}

function cells({ supervision, title, comparison }: ResultRow): string[] {
  const { top1, real, top1Difference, realDifference } = comparison;
  const isCompared = supervision !== "original";
  return [
    title,
    formatShare(top1),
    isCompared ? formatDifference(top1Difference) : "",
    formatShare(real),
    isCompared ? formatDifference(realDifference) : "",
  ];
}

function notes({ plan: { seeds, recipe: { data } }, study, crops: { overlap } }: Findings): string[] {
  const images = formatCount(study.outcomes.get("original")![0].top1.length);
  return [
    seeds.length > 1
      ? `Means over ${seeds.length} seeds on ${images} test images, +- standard error over seeds; differences are paired ` +
        "by seed, in points"
      : `One seed on ${images} test images, +- standard error over images; differences are paired by image, in points. ` +
        "Another seed may differ by more",
    `No classifier can reach more than ${
      formatPercent(study.ceiling)
    } top-1: ${data.labelRule}. ReaL accepts each that the image shows`,
    `${formatPercent(shareUpTo(overlap, 0))} of random crops do not touch the box of the labelled object, ` +
    `${
      formatPercent(1 - shareUpTo(overlap, 0.5))
    } have an IoU above 0.5 with it; on ImageNet the paper found 8 % and 23.5 %`,
  ];
}

/**
 * Results as CSV: shares of 1.
 *
 * @param rows The table.
 * @returns RFC 4180 with a line of names; an error that is not known is empty.
 */
export function resultsCsv(rows: readonly ResultRow[]): string {
  const measures = ["top1", "real", "top1Difference", "realDifference"] as const;
  const columns = ["top1", "real", "top1_difference", "real_difference"];
  return csv(
    ["supervision", "seeds", ...columns.flatMap((column) => [column, `${column}_standard_error`])],
    rows.map(({ supervision, seeds, comparison }) => [
      supervision,
      seeds,
      ...measures.flatMap((measure) => [comparison[measure].value, comparison[measure].standardError ?? null]),
    ]),
  );
}

/**
 * Each student as CSV: shares of 1.
 *
 * @param plan What was compared.
 * @param study What was found.
 * @returns RFC 4180 with a line of names.
 */
export function runsCsv({ supervisions, seeds }: StudyPlan, { outcomes }: StudentOutcomes<SupervisionName>): string {
  return csv(
    ["supervision", "seed", "top1", "real"],
    supervisions.flatMap((name) =>
      outcomes.get(name)!.map(({ top1, real }, place) => [name, seeds[place], meanOf(top1).value, meanOf(real).value])
    ),
  );
}
