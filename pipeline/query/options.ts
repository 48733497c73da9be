/**
 * The arguments of `deno task query`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readCount,
  readProbability,
  suggest,
  UsageError,
} from "../command/command_line.ts";
import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import { csvFormat, jsonFormat, type RowFormat, safeCsvFormat, tableFormat } from "./row_format.ts";
import { type ReportName, type ReportOptions, REPORTS } from "./reports.ts";

/** What the user asked for. */
export type QueryCommand =
  & { readonly folder: string }
  & (
    | { readonly sql: string; readonly format: RowFormat }
    | { readonly report: ReportName; readonly options: ReportOptions }
  );

const DEFAULT_FOLDER = "labels";

const REPORT_NAMES = Object.keys(REPORTS) as ReportName[];

const OPTIONS = {
  format: { value: "F", help: "table (default), csv or json (a line a row)" },
  "csv-safe": {
    help: "with --format csv: a text that a spreadsheet would take for a formula, since it begins with\n" +
      "=, +, - or @, gets a ' before it; numbers stay as they are",
  },
  threshold: {
    value: "P",
    help:
      `an image carries a class from this score on; default ${MULTI_LABEL_THRESHOLD}. For balanced: draw only images\n` +
      "whose best class has it; default 0",
  },
  limit: { value: "N", help: "rows of a report; default 20 of a table, all of csv and json" },
  seed: { value: "N", help: "of balanced: another one draws other images; default 0" },
  out: { value: "FILE", help: "of balanced: where the keys of the drawn images go" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const QUERY_HELP = `Ask label maps in SQL (DuckDB), or for a report

Usage: deno task query [FOLDER] "SQL" [--format table|csv|json]
       deno task query [FOLDER] REPORT [options]

FOLDER is a folder of label maps, a .parquet file or a pattern; "${DEFAULT_FOLDER}" unless given.

Reports
${reportHelp()}

Tables and views for SQL
  labels            key, label, width, height, class, score, top_class, top_probability; a row an image. class and
                    score are the map [k, H, W] as one list: the best class of each cell first, row by row
  image_labels      key, label, given (its name), rank, class, name, score: the 5 best classes of each image by how surely
                    they are in it, told from the map's strongest parts
  classifier_labels the same with probability: the 5 best of softmax(mean of the map), what fills the picture
  cells             key, y, x, rank, class, name, logit: every entry of every map
  classes           index, wnid, name of the annotator's classes
  data_set_classes  index, wnid, name of the data set's own classes: what label counts
  label_classes     label, class: which of the annotator's classes each label stands for
  crop_labels       key, label, crop, top, left, height, width, flip, class, probability, where that is what FOLDER holds
and functions
  pool('KEY', top, left, height, width)   class, name, probability of a crop in fractions of the image (LabelPooling);
                                          the row without a class is the sum of all that are not listed
  fp8_e4m3(x), fp8_e5m2(x)                the number that an 8-bit score stands for, by its dtype
  multi_label(p)                          key, class, name, score: a row for each class that is in an image, with a score
                                          of p or more, ${MULTI_LABEL_THRESHOLD} unless given
  multi_label_classes(p), classes_per_image(p), co_occurrence(p), per_class(p), suspicious(), balanced(n, seed, p)
                                          the reports as tables
They are made in pipeline/query/label_maps.sql, which DuckDB loads without this project too; its head says how.

SQL may be several statements, which read the label maps and make tables, views and macros in memory. No other file is
read, and none is written: what could is refused before it runs. PIVOT needs its values: ON rank IN (0, 1).

Options
${formatOptions(OPTIONS)}

Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.

Examples
  deno task query multi-label
  deno task query labels suspicious --limit 50
  deno task query balanced 4000 --out subset.txt
  deno task query "FROM multi_label() WHERE key LIKE 'several/%'"
  deno task query "SELECT name, count(*) AS cells FROM cells WHERE rank = 0 GROUP BY name ORDER BY cells DESC LIMIT 10"
  deno task query labels "FROM pool('several/four.jpg', 0, 0.5, 0.5, 0.5) LIMIT 3" --format json
  deno task query "FROM suspicious() WHERE given = 'tabby'" --format csv
`.trimEnd();

function reportHelp(): string {
  const heads = REPORT_NAMES.map((name) => name === "balanced" ? "balanced N" : name);
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return REPORT_NAMES.map((name, index) =>
    `  ${heads[index].padEnd(width)}${REPORTS[name].help.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`
  ).join("\n");
}

/** Reports are named by letters and hyphens; one word of these alone is no SQL. */
const NAME = /^[a-z]+(-[a-z]+)*$/i;

/**
 * Reads the arguments of the command. The last one says what is asked: a name is a report's, anything else is SQL.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If that is not clear, an option is unknown or not this report's, or its value is not one that it
 * can have.
 */
export function readQueryOptions(args: readonly string[]): QueryCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task query", 3);
  if (typeof given === "string") return given;
  const words = given.words.flatMap((word) => /^balanced\s+\d+$/.test(word) ? word.split(/\s+/) : [word]);
  const count = words.at(-2) === "balanced" && /^[-+.\d]/.test(words.at(-1)!) ? words.pop() : undefined;
  const [question, folder = DEFAULT_FOLDER, ...others] = words.toReversed();
  const hint = "see deno task query --help";
  if (question === undefined) throw new UsageError(`Expected SQL or a report: ${hint}`);
  if (others.length > 0) {
    throw new UsageError(`Expected [FOLDER] and SQL or a report, found ${words.length} arguments: ${hint}`);
  }
  const formatName = given.text("format");
  const format = readChoice(formatName ?? "table", "format", ["table", "csv", "json"]);
  if (given.has("csv-safe") && format !== "csv") throw new UsageError(`Expected --format csv with --csv-safe: ${hint}`);
  const csv = given.has("csv-safe") ? safeCsvFormat : csvFormat;
  if (!NAME.test(question)) {
    const misplaced = (["threshold", "limit", "seed", "out"] as const).find((name) => given.text(name) !== undefined);
    if (misplaced) throw new UsageError(`Cannot use --${misplaced} with SQL: it is for reports, ${hint}`);
    return { folder, sql: question, format: { table: tableFormat, csv, json: jsonFormat }[format] };
  }
  const report = REPORT_NAMES.find((name) => name === question);
  if (report === undefined) {
    throw new UsageError(
      `Unknown report "${question}"` +
        suggest(question, REPORT_NAMES, `expected [FOLDER] and SQL or one of ${REPORT_NAMES.join(", ")}: ${hint}`),
    );
  }
  const [threshold, limit, seed, out] = (["threshold", "limit", "seed", "out"] as const).map(given.text);
  const options: ReportOptions = {
    threshold: threshold === undefined ? undefined : readProbability(threshold, "threshold"),
    limit: limit === undefined ? undefined : readCount(limit, "limit"),
    seed: seed === undefined ? undefined : readCount(seed, "seed", 0),
    out,
    perClass: count === undefined ? undefined : readPerClass(count),
    format: format === "table" ? undefined : { csv, json: jsonFormat }[format],
  };
  if (report === "balanced" && count === undefined) {
    throw new UsageError(`Expected how many images of each class: balanced N, ${hint}`);
  }
  const taken: readonly string[] = REPORTS[report].options;
  const unused = (["threshold", "seed", "out"] as const).find((name) =>
    given.text(name) !== undefined && !taken.includes(name)
  );
  if (unused) throw new UsageError(`Cannot use --${unused} with ${report}: ${hint}`);
  return { folder, report, options };
}

function readPerClass(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`Cannot draw ${text} images of each class: expected a positive integer`);
  }
  return count;
}
