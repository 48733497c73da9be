/**
 * The arguments of `deno task report`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readCount,
  readProbability,
} from "../command/command_line.ts";
import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import type { ReportRequest } from "./write_report.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";

/** What the user asked for. */
export type ReportCommand = Omit<ReportRequest, "onProgress" | "signal">;

const DEFAULT_LABELS = "labels";

const OPTIONS = {
  out: { value: "FILE", help: "the page; default report.html in LABELS, or beside it if it is a file" },
  boxes: {
    value: "FILE",
    help: "boxes of objects, for two more charts: CSV with the header\n" +
      "key,class,top,left,height,width; the key with or without its extension, the class\n" +
      "a wnid, a name or an index, the others fractions of the image",
  },
  threshold: { value: "P", help: `an image carries a class from this score on; default ${MULTI_LABEL_THRESHOLD}` },
  seed: { value: "N", help: "another one draws other images and crops; default 0" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const REPORT_HELP = `Look at label maps: one HTML page that says whether they are good

Usage: deno task report [LABELS] [IMAGES] [options]

LABELS is a folder of label maps, a .parquet file or a pattern; default "${DEFAULT_LABELS}".
IMAGES is what was relabelled: a folder, tar shards or Parquet; default the sample photographs.

The page holds its pictures and names no folder of this machine, so it can be sent as it is, and stays below
5 MB for any data set. It shows how many images carry several classes, which labels are suspicious, which
classes occur together, label maps as heat maps over their images, and random crops with their pooled labels.

Options
${formatOptions(OPTIONS)}

Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.

Examples
  deno task report
  deno task report labels ~/imagenet/train --out imagenet.html
  deno task report maps scenes/images --boxes scenes/boxes.csv --threshold 0.2
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readReportOptions(args: readonly string[]): ReportCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task report", 2);
  if (typeof given === "string") return given;
  const [labels = DEFAULT_LABELS, images = SAMPLE_IMAGES] = given.words;
  const [threshold, seed] = (["threshold", "seed"] as const).map(given.text);
  return {
    labels,
    images,
    out: given.text("out"),
    boxes: given.text("boxes"),
    threshold: threshold === undefined ? MULTI_LABEL_THRESHOLD : readProbability(threshold, "threshold"),
    seed: seed === undefined ? 0 : readCount(seed, "seed", 0),
  };
}
