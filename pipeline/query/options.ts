/**
 * The arguments of `deno task query`.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import { suggest, UsageError } from "../command/command_line.ts";
import { choice, count, flag, text, word } from "../command/option_kinds.ts";
import { defineCommand } from "../command/option_table.ts";
import { LABELS_FOLDER, threshold } from "../command/shared_options.ts";
import { csvFormat, jsonFormat, type RowFormat, safeCsvFormat, tableFormat } from "./row_format.ts";
import { type ReportName, type ReportOptions, REPORTS } from "./reports.ts";

/** What the user asked for. */
export type QueryCommand =
  & { readonly folder: string }
  & (
    | { readonly sql: string; readonly format: RowFormat }
    | { readonly report: ReportName; readonly options: ReportOptions }
  );

const REPORT_NAMES = Object.keys(REPORTS) as ReportName[];

function reportHelp(): string {
  const heads = REPORT_NAMES.map((name) => name === "balanced" ? "balanced N" : name);
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return REPORT_NAMES.map((name, index) =>
    `  ${heads[index].padEnd(width)}${REPORTS[name].help.replaceAll("\n", `\n  ${" ".repeat(width)}`)}`
  ).join("\n");
}

/** Reports are named by letters and hyphens; one word of these alone is no SQL. */
const NAME = /^[a-z]+(-[a-z]+)*$/i;

const HINT = `see ${calledAs("query")} --help`;

/** The command. The last word says what is asked: a name is a report's, anything else is SQL. */
export const QUERY = defineCommand({
  name: "query",
  title: "Ask label maps in SQL (DuckDB), or for a report",
  usage: ['query [FOLDER] "SQL" [--format table|csv|json]', "query [FOLDER] REPORT [options]"],
  about:
    `FOLDER is a folder of label maps, a .parquet file or a pattern, "${LABELS_FOLDER}" unless given; or one that was
published, hf:datasets/OWNER/NAME, which is downloaded into the hub's cache.

Reports
${reportHelp()}

Tables and views for SQL
  labels            key, label, width, height, class, score, top_class, top_probability; one row per image. class and
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
read, and none is written: what could is refused before it runs. PIVOT needs its values: ON rank IN (0, 1).`,
  options: {
    first: word("FOLDER"),
    second: word("REPORT"),
    third: word("N"),
    format: choice(["table", "csv", "json"], {
      value: "F",
      default: "table",
      help: "table (default), csv or json (one line per row)",
    }),
    csvSafe: flag({
      help: "with --format csv: a text that a spreadsheet would take for a formula, since it begins with\n" +
        "=, +, - or @, gets a ' before it; numbers stay as they are",
    }),
    threshold: threshold(
      `an image carries a class from this score on; default ${MULTI_LABEL_THRESHOLD}. For balanced: draw only images\n` +
        "whose best class has it; default 0",
    ),
    limit: count({ help: "rows of a report; default 20 of a table, all of csv and json" }),
    seed: count({ least: 0, help: "of balanced: draw at random, other images for each integer" }),
    out: text({ value: "FILE", help: "of balanced: where the keys of the drawn images go" }),
  },
  notes: "Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.",
  examples: [
    "deno task query multi-label",
    "deno task query labels suspicious --limit 50",
    "deno task query balanced 4000 --out subset.txt",
    `deno task query "FROM multi_label() WHERE key LIKE 'several/%'"`,
    'deno task query "SELECT name, count(*) AS cells FROM cells WHERE rank = 0 GROUP BY name ORDER BY cells DESC LIMIT 10"',
    `deno task query labels "FROM pool('several/four.jpg', 0, 0.5, 0.5, 0.5) LIMIT 3" --format json`,
    `deno task query "FROM suspicious() WHERE given = 'tabby'" --format csv`,
  ],
  resolve({ first, second, third, format, csvSafe, ...options }, given): QueryCommand {
    const words = [first, second, third].filter((word) => word !== undefined)
      .flatMap((word) => /^balanced\s+\d+$/.test(word) ? word.split(/\s+/) : [word]);
    const perClass = words.at(-2) === "balanced" && /^[-+.\d]/.test(words.at(-1)!) ? words.pop() : undefined;
    const [question, folder = LABELS_FOLDER, ...others] = words.toReversed();
    if (question === undefined) throw new UsageError(`Expected SQL or a report: ${HINT}`);
    if (others.length > 0) {
      throw new UsageError(`Expected [FOLDER] and SQL or a report, found ${words.length} arguments: ${HINT}`);
    }
    if (csvSafe && format !== "csv") throw new UsageError(`Expected --format csv with --csv-safe: ${HINT}`);
    const csv = csvSafe ? safeCsvFormat : csvFormat;
    const ofReports = (["threshold", "limit", "seed", "out"] as const).filter((name) => name in given);
    if (!NAME.test(question)) {
      if (ofReports.length > 0) {
        throw new UsageError(`Cannot use --${ofReports[0]} with SQL: it is for reports, ${HINT}`);
      }
      return { folder, sql: question, format: { table: tableFormat, csv, json: jsonFormat }[format] };
    }
    const report = REPORT_NAMES.find((name) => name === question);
    if (report === undefined) {
      throw new UsageError(
        `Unknown report "${question}"` +
          suggest(question, REPORT_NAMES, `expected [FOLDER] and SQL or one of ${REPORT_NAMES.join(", ")}: ${HINT}`),
      );
    }
    if (report === "balanced" && perClass === undefined) {
      throw new UsageError(`Expected how many images of each class: balanced N, ${HINT}`);
    }
    const taken: readonly string[] = ["limit", ...REPORTS[report].options];
    const unused = ofReports.find((name) => !taken.includes(name));
    if (unused) throw new UsageError(`Cannot use --${unused} with ${report}: ${HINT}`);
    return {
      folder,
      report,
      options: {
        ...options,
        perClass: perClass === undefined ? undefined : readPerClass(perClass),
        format: format === "table" ? undefined : { csv, json: jsonFormat }[format],
      },
    };
  },
});

function readPerClass(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count) || count < 1) {
    throw new UsageError(`Cannot draw ${text} images of each class: expected a positive integer`);
  }
  return count;
}
