/**
 * Kinds of students with what was measured of each, over seeds: what a study other than of supervisions found, as tables
 * for the eye, as Markdown and as CSV, and as a chart.
 *
 * @module
 */

import { csv, layOut, markdownTable } from "../command/text_table.ts";
import { meansChart } from "./charts.ts";
import { type Mean, meanOf } from "./outcome_statistics.ts";
import type { StudyResult } from "./study_plan.ts";
import { formatDifference, formatShare } from "../command/shares.ts";

/** What is measured of each student, a share of 1. */
export interface Measure {
  /** Its name in CSV. */
  readonly name: string;
  readonly title: string;
}

/** What is known of a kind without its students, such as bytes. */
export interface Fact {
  /** Its name in CSV. */
  readonly name: string;
  readonly title: string;
  /** Writes it for people; default as it is. */
  show?(value: number): string;
}

/** A kind of students. */
export interface MeasuredRow {
  readonly name: string;
  readonly title: string;
  /** By the name of the fact; what is not known is left out. */
  readonly facts?: Readonly<Record<string, number>>;
  /** By the name of the measure, one for each seed. */
  readonly values: Readonly<Record<string, readonly number[]>>;
  /** The name of the row that it is compared with; default the table's. */
  readonly baseline?: string;
}

/** What a study measured. */
export interface MeasuredTable {
  /** What the study is of, for headings. */
  readonly title: string;
  /** What the rows are, such as `label maps`. */
  readonly head: string;
  /** How the students were trained, sentences. */
  readonly about: readonly string[];
  readonly facts?: readonly Fact[];
  readonly measures: readonly Measure[];
  readonly rows: readonly MeasuredRow[];
  /** The name of the row that the others are compared with, paired by seed; default none. */
  readonly baseline?: string;
  readonly seeds: readonly number[];
  /** What else there is to say, sentences. */
  readonly notes: readonly string[];
  /** Other charts, by the name of their file. */
  readonly charts?: Readonly<Record<string, string>>;
}

/** A row's mean of a measure, and by how much it is more than the baseline's. */
interface Compared {
  readonly mean: Mean;
  readonly difference?: Mean;
}

function compareRow(table: MeasuredTable, row: MeasuredRow, { name }: Measure): Compared {
  const values = row.values[name];
  const mean = meanOf(values);
  const baseline = row.baseline ?? table.baseline;
  const others = table.rows.find((other) => other.name === baseline)?.values[name];
  if (others === undefined || row.name === baseline) return { mean };
  return { mean, difference: meanOf(values.map((value, seed) => value - others[seed])) };
}

/**
 * What a study found, as files and for the eye.
 *
 * @param table What was measured.
 * @param output The study's folder, for the last line.
 * @returns `results.md`, `results.csv`, `runs.csv`, `accuracy.svg` and the other charts.
 */
export function measuredResult(table: MeasuredTable, output: string): StudyResult {
  const { title, about, measures, rows, notes, charts } = table;
  const [heads, ...cells] = tableCells(table);
  const errors = errorNote(table);
  const drawn = {
    "accuracy.svg": meansChart({
      title,
      axis: `${measures.map(({ title }) => title).join(", ")}, % (+- standard error)`,
      things: rows.map(({ title }) => title),
      measures: measures.slice(0, 2).map((measure) => ({
        name: measure.title,
        means: rows.map((row) => compareRow(table, row, measure).mean),
      })),
    }),
    ...charts,
  };
  const markdown = [
    `# ${title}`,
    "",
    ...about,
    "",
    ...markdownTable(heads, cells),
    "",
    ...[errors, ...notes].map((note) => `- ${note}`),
    "",
    ...Object.keys(drawn).map((name) => `![${name.replace(/\.svg$/, "")}](${name})`),
    "",
  ];
  const files = {
    "results.md": markdown.join("\n"),
    "results.csv": resultsCsv(table),
    "runs.csv": runsCsv(table),
    ...drawn,
  };
  return {
    files,
    lines: [
      ...about,
      "",
      ...layOut([heads], cells, heads.map((_, column) => column > 0)),
      "",
      ...[errors, ...notes].map((note) => `  ${note}`),
      "",
      `${output}: ${Object.keys(files).join(", ")}`,
    ],
  };
}

/** Heads, and a row for each kind. */
function tableCells(table: MeasuredTable): string[][] {
  const { head, facts = [], measures, rows } = table;
  const compares = isCompared(table);
  const heads = measures.flatMap(({ title }) => compares ? [title, "difference"] : [title]);
  return [
    [head, ...facts.map(({ title }) => title), ...heads],
    ...rows.map((row) => [
      row.title,
      ...facts.map(({ name, show = String }) => row.facts?.[name] === undefined ? "" : show(row.facts[name])),
      ...measures.flatMap((measure) => {
        const { mean, difference } = compareRow(table, row, measure);
        return [formatShare(mean), ...(compares ? [difference ? formatDifference(difference) : ""] : [])];
      }),
    ]),
  ];
}

/** Whether any row is compared with another. */
function isCompared({ rows, baseline }: MeasuredTable): boolean {
  return baseline !== undefined || rows.some((row) => row.baseline !== undefined);
}

function errorNote(table: MeasuredTable): string {
  const { seeds } = table;
  if (seeds.length === 1) return "One seed: how far another one would differ is not known";
  const paired = isCompared(table) ? "; differences are paired by seed, in points" : "";
  return `Means over ${seeds.length} seeds, +- standard error over seeds${paired}`;
}

function resultsCsv(table: MeasuredTable): string {
  const { facts = [], measures, rows, seeds } = table;
  return csv(
    [
      "name",
      "seeds",
      ...facts.map(({ name }) => name),
      ...measures.flatMap(({ name }) =>
        [name, `${name}_difference`].flatMap((column) => [column, `${column}_standard_error`])
      ),
    ],
    rows.map((row) => [
      row.name,
      seeds.length,
      ...facts.map(({ name }) => row.facts?.[name] ?? null),
      ...measures.flatMap((measure) => {
        const { mean, difference } = compareRow(table, row, measure);
        return [mean, difference].flatMap((value) => [value?.value ?? null, value?.standardError ?? null]);
      }),
    ]),
  );
}

function runsCsv({ measures, rows, seeds }: MeasuredTable): string {
  return csv(
    ["name", "seed", ...measures.map(({ name }) => name)],
    rows.flatMap(({ name, values }) =>
      seeds.map((seed, place) => [name, seed, ...measures.map((measure) => values[measure.name][place])])
    ),
  );
}
