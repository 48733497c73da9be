/**
 * The named reports of `deno task query`. Their SQL is in `label_maps.sql`; here they get their words.
 *
 * For the eye a report is a few sentences and a table; as CSV and JSON it is the rows alone, and all of them.
 *
 * @module
 */

import type { Json } from "@duckdb/node-api";
import { replaceFile } from "../../formats/base/files.ts";
import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import { printable } from "../../formats/base/printable.ts";
import { formatCount, formatNumberOf, formatPercent } from "../command/numbers.ts";
import type { LabelDatabase } from "./database.ts";
import { reportFormat, type RowFormat } from "./row_format.ts";
import { printError, printLine, printLines } from "../command/terminal.ts";

/** What a report can be told. */
export interface ReportOptions {
  /** The least score that counts. */
  readonly threshold?: number;
  /** Rows of the table. */
  readonly limit?: number;
  readonly seed?: number;
  /** Where the keys of a subset go. */
  readonly out?: string;
  /** Images of a class in a subset. */
  readonly perClass?: number;
  /** Format for programs; where it is absent, the report prints tables of its own for people. */
  readonly format?: RowFormat;
}

/** A report. */
export interface Report {
  /** What it shows, a line or more of help. */
  readonly help: string;
  /** The options it takes, besides `format`. */
  readonly options: readonly (keyof ReportOptions)[];
  /** Prints it. */
  print(database: LabelDatabase, options: ReportOptions): Promise<void>;
}

/** Rows of a table unless --limit says otherwise. */
const SHOWN_ROWS = 20;

/** Characters of a bar that stands for all images. */
const BAR = 40;

/** Every report by its name. */
export const REPORTS = {
  "multi-label": {
    help: "how many classes images carry, and by class how many carry others beside it",
    options: ["threshold", "limit"],
    print: multiLabel,
  },
  suspicious: {
    help: "images by how little the annotator believes their label (cleanlab's self-confidence and\nmargin)",
    options: ["limit"],
    print: suspicious,
  },
  "co-occurrence": {
    help: "pairs of classes that the same images carry, and how far that is beyond chance (lift)",
    options: ["threshold", "limit"],
    print: coOccurrence,
  },
  "per-class": {
    help: "by class: images it is the best of, mean score, how many carry it, agreement with the given\nlabel",
    options: ["threshold", "limit"],
    print: perClass,
  },
  balanced: {
    help:
      "the N most probable images of each class by the annotator's best, or with --seed N at random;\n--out writes their keys, one per line",
    options: ["perClass", "threshold", "limit", "seed", "out"],
    print: balanced,
  },
} as const satisfies Record<string, Report>;

/** The name of a report. */
export type ReportName = keyof typeof REPORTS;

async function multiLabel(database: LabelDatabase, options: ReportOptions): Promise<void> {
  const { threshold = MULTI_LABEL_THRESHOLD } = options;
  if (!options.format) {
    const counts = await database.rows(`FROM classes_per_image(${threshold})`) as ClassCount[];
    const images = counts.reduce((sum, { images }) => sum + images, 0);
    const several = counts.reduce((sum, { carried, images }) => sum + (carried > 1 ? images : 0), 0);
    printLines([
      `${formatCount(several)} of ${formatNumberOf(images, "image")} (${formatPercent(several / images)}) ` +
      `${several === 1 ? "carries" : "carry"} more than one class with a score of ${threshold} or more`,
      "",
      ...histogram(counts),
      "",
    ]);
  }
  await printRows(database, `FROM multi_label_classes(${threshold})`, options);
}

interface ClassCount {
  readonly carried: number;
  readonly images: number;
  readonly share: number;
  readonly [column: string]: Json;
}

/** A line for each number of classes. */
function histogram(counts: readonly ClassCount[]): string[] {
  const width = Math.max("images".length, ...counts.map(({ images }) => formatCount(images).length));
  const lines = counts.map(({ carried, images, share }) => {
    const bar = "#".repeat(Math.round(share * BAR));
    return `${String(carried).padStart(7)}  ${formatCount(images).padStart(width)}  ${
      formatPercent(share).padStart(7)
    }  ${bar}`;
  });
  return [`classes  ${"images".padStart(width)}    share`, ...lines].map((line) => line.trimEnd());
}

/** How many images there are, how many have a label, and of how many the annotator knows what it stands for. */
export interface LabelCoverage {
  readonly images: number;
  readonly labelled: number;
  readonly known: number;
  /** Labels that no class of the annotator stands for. */
  readonly strange: number;
  /** Names of the data set's classes, and of the annotator's. */
  readonly named: number;
  readonly classes: number;
}

/**
 * Counts the images whose label can be compared with what the annotator says. Where nothing tells what labels stand for,
 * they are left out of all that is asked of the database from then on.
 *
 * @param database Label maps.
 * @returns The counts.
 */
export async function labelCoverage(database: LabelDatabase): Promise<LabelCoverage> {
  const [{ are_classes: areClasses, ...counts }] = await database.rows(`
    SELECT count(*) AS images, count(label) AS labelled, (SELECT count(*) FROM data_set_classes) AS named,
      (SELECT count(*) FROM classes) AS classes, getvariable('labels_are_classes') AS are_classes
    FROM labels`);
  const found = counts as unknown as Omit<LabelCoverage, "known" | "strange">;
  const isClear = found.named > 0 ? found.classes > 0 : areClasses === true;
  if (!isClear) await database.rows("SET VARIABLE labels_are_classes = false");
  const [known] = await database.rows(`
    SELECT count(label_classes.class) AS known, count(DISTINCT label) FILTER (label_classes.class IS NULL) AS strange
    FROM labels LEFT JOIN label_classes USING (label)`);
  return { ...found, ...known as unknown as Pick<LabelCoverage, "known" | "strange"> };
}

/**
 * Why no image's label can be compared.
 *
 * @param database Label maps.
 * @param coverage What they hold.
 * @returns The reason; undefined if one can be.
 */
export async function whyNoneIsKnown(database: LabelDatabase, coverage: LabelCoverage): Promise<string | undefined> {
  const { labelled, known, named, classes } = coverage;
  if (labelled === 0) return "no image has one";
  if (known > 0) return undefined;
  if (named > 0) {
    return `no class of the data set (${await exampleClasses(
      database,
    )}) has the wnid or name of one of the annotator's ` +
      (classes > 0 ? formatCount(classes) : "classes, which have none here");
  }
  const [{ are_classes: areClasses }] = await database.rows(
    "SELECT getvariable('labels_are_classes') AS are_classes",
  );
  return areClasses
    ? "no label is the number of a class of the annotator"
    : "there is no manifest that says what they stand for; if label 7 is class 7, ask " +
      '"SET VARIABLE labels_are_classes = true; FROM suspicious()"';
}

async function suspicious(database: LabelDatabase, options: ReportOptions): Promise<void> {
  const coverage = await labelCoverage(database);
  const { images, labelled, known, strange, named } = coverage;
  const reason = await whyNoneIsKnown(database, coverage);
  if (reason !== undefined) throw new TypeError(`Cannot rank labels: ${reason}`);
  if (!options.format) {
    const sentences = [
      `${formatNumberOf(known, "image")} by how little the annotator believes the given label.`,
      "Self-confidence is the score of the label's class, 0 if no cell has it; margin is that less the best other.",
    ];
    if (named === 0) sentences.push("The data set's classes have no names here: label 7 is taken for class 7.");
    if (labelled > known) {
      sentences.push(
        `Left out: ${formatNumberOf(labelled - known, "image")} of ${formatNumberOf(strange, "class", "classes")} ` +
          "that the annotator does not know.",
      );
    }
    if (images > labelled) sentences.push(`Left out: ${formatNumberOf(images - labelled, "image")} without a label.`);
    printLines([...sentences, ""]);
  }
  await printRows(database, "FROM suspicious()", options);
}

/** A few of the data set's classes, for a message. */
async function exampleClasses(database: LabelDatabase): Promise<string> {
  const names = await database.rows("SELECT name FROM data_set_classes ORDER BY index LIMIT 4");
  const first = names.slice(0, 3).map(({ name }) => printable(name as string));
  return [...first, ...names.length > 3 ? ["..."] : []].join(", ");
}

async function coOccurrence(database: LabelDatabase, options: ReportOptions): Promise<void> {
  const { threshold = MULTI_LABEL_THRESHOLD } = options;
  if (!options.format) {
    printLines([
      `Pairs of classes with a score of ${threshold} or more in the same image; lift is how many times more`,
      "images carry both than if the two had nothing to do with each other.",
      "",
    ]);
  }
  await printRows(database, `FROM co_occurrence(${threshold})`, options);
}

async function perClass(database: LabelDatabase, options: ReportOptions): Promise<void> {
  const { threshold = MULTI_LABEL_THRESHOLD } = options;
  const coverage = await labelCoverage(database);
  const reason = await whyNoneIsKnown(database, coverage);
  if (coverage.labelled > 0 && reason !== undefined) printError(`Labels are left out: ${reason}`);
  if (!options.format) {
    printLines([
      "By the annotator's classes: of how many images it is the best class, its mean score there, how many carry it",
      `(${threshold} or more), how many are labelled so, for which share of those the classifier says the same of the whole`,
      "picture, and what it says most often instead.",
      "",
    ]);
  }
  await printRows(database, `FROM per_class(${threshold})`, options);
}

async function balanced(database: LabelDatabase, options: ReportOptions): Promise<void> {
  const { threshold = 0, seed, perClass, out, format } = options;
  const selection = `FROM balanced(${perClass}, ${seed ?? "NULL"}, ${threshold})`;
  if (out !== undefined) {
    const rows = await database.rows(`SELECT key ${selection}`);
    const broken = rows.find(({ key }) => /[\r\n]/.test(key as string));
    if (broken) {
      throw new TypeError(`Cannot write "${out}": key ${JSON.stringify(broken.key)} does not fit on one line`);
    }
    replaceFile(out, rows.map(({ key }) => `${key}\n`).join(""));
  }
  if (format) return await printRows(database, selection, options);
  const [{ images, classes }] = await database.rows(
    `SELECT count(*) AS images, count(DISTINCT class) AS classes ${selection}`,
  ) as Record<string, number>[];
  const [{ scarce, absent }] = await database.rows(
    `SELECT count(*) AS scarce, count(*) FILTER (images = 0) AS absent FROM scarce_classes(${perClass}, ${threshold})`,
  ) as Record<string, number>[];
  const chosen = `${formatNumberOf(images, "image")} of ${formatNumberOf(classes, "class", "classes")}, at most ` +
    `${formatCount(perClass!)} of each, ${seed === undefined ? "the most probable" : `at random by seed ${seed}`}`;
  printLine(out === undefined ? `${chosen}; --out FILE writes their keys` : `${chosen}: keys written to ${out}`);
  if (scarce === 0) return;
  const few = absent < scarce
    ? `fewer than ${formatCount(perClass!)}${absent > 0 ? `, ${formatCount(absent)} of them none` : ""}`
    : "none";
  printLine(`${formatNumberOf(scarce, "class has", "classes have")} ${few}`);
  if (scarce === absent) return;
  printLine("");
  await printRows(database, `FROM scarce_classes(${perClass}, ${threshold}) WHERE images > 0`, options);
}

/** Prints rows: all for a program, some for the eye, and a word where there are more. */
async function printRows(database: LabelDatabase, from: string, { format, limit }: ReportOptions): Promise<void> {
  if (format) {
    await database.answer(limit === undefined ? from : `${from} LIMIT ${limit}`, format);
  } else {
    const shown = limit ?? SHOWN_ROWS;
    await database.answer(`${from} LIMIT ${shown + 1}`, reportFormat(shown));
  }
}
