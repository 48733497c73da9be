/**
 * What a run of `deno task relabel` wrote, read from what it wrote.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { closing } from "../../formats/base/closing.ts";
import { join } from "@std/path";
import type { ImageSurvey } from "../../formats/images/mod.ts";
import {
  type ClassNames,
  imageCount,
  isTurned,
  type LabelMapMetadata,
  type LabelMapRow,
  type Manifest,
  manifestName,
  multiLabel,
  openLabelMaps,
} from "../../formats/labels/mod.ts";
import { printable } from "../../formats/base/printable.ts";
import { drawCellGrid } from "./cell_grid.ts";
import { describeAnnotators } from "../model/averaged_entries.ts";
import { className } from "../model/class_names.ts";
import { formatCells, formatCount, formatDuration, formatNumberOf } from "../command/numbers.ts";
import { orientationLine } from "../model/orientation_line.ts";
import { shellWord } from "../command/shell_word.ts";
import { surveyLines } from "../model/survey_lines.ts";
import type { Line } from "../command/terminal.ts";
import type { WriteResult } from "./write_label_maps.ts";
import { rejectedLines } from "../label_folder/rejected_images.ts";

/** What a summary is to say. */
export interface SummaryOptions {
  /** The images as the user named them; undefined if none were named. */
  readonly images?: string;
  /** What their source says of itself. */
  readonly survey: ImageSurvey;
  /** Whether the report is written anyway. */
  readonly report: boolean;
  /** How many images to show. */
  readonly show: number;
  /** Whether cells are coloured. */
  readonly colour: boolean;
  /** Seconds from the command's start. */
  readonly seconds: number;
}

/**
 * The summary of a run.
 *
 * @param path The folder of label maps.
 * @param result What the run did.
 * @param options What to say.
 * @returns The lines to print.
 */
export async function summarise(path: string, result: WriteResult, options: SummaryOptions): Promise<Line[]> {
  const { manifest } = result;
  const rows = manifest.parts.reduce((sum, part) => sum + part.rows, 0);
  return [
    ...describeFolder(path, result, rows),
    ...surveyLines(options.survey),
    ...orientationLine(result.oriented, isTurned(manifest.configuration.metadata)),
    ...describeTime(result, options.seconds),
    ...rejectedLines(path, manifest.shard, result.rejected, ({ key, reason }) => `${key}: ${reason}`),
    ...(rows > 0 && options.show > 0 ? await describeImages(path, manifest, options) : []),
    ...(rows > 0 ? describeNext(path, options) : []),
  ];
}

function describeFolder(path: string, { rejected, manifest }: WriteResult, rows: number): string[] {
  const { metadata } = manifest.configuration;
  const bytes = manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
  const files = manifest.parts.length === 1
    ? manifest.parts[0].file
    : formatNumberOf(manifest.parts.length, "part file");
  const counts = `${formatNumberOf(rows, "row")}${rejected > 0 ? `, ${formatCount(rejected)} rejected` : ""}`;
  const lines = [
    `${path}: ${counts} in ${files} and ${manifestName(manifest.shard)}`,
    `  annotator  ${describeAnnotators(metadata)}`,
    `  maps       ${formatCells(metadata.grid)}, ${formatNumberOf(metadata.k, "class", "classes")} ` +
    `per cell, ${metadata.dtype}${describeScores(metadata)}`,
  ];
  if (rows > 0) {
    lines.push(
      `  size       ${formatNumberOf(Math.round(bytes / rows), "byte")} an image; the published form takes ` +
        publishedSize(metadata),
    );
  }
  return lines;
}

/** What scores are of, where they are not of classes that exclude each other. */
function describeScores({ scores = "softmax", floor }: LabelMapMetadata): string {
  if (scores === "softmax") return "";
  return `; ${scores}${floor === undefined ? "" : `, others at logit ${floor}`}`;
}

/** The published maps are float32 tensors `[2, k, H, W]`. */
function publishedSize({ k, grid: [height, width] }: LabelMapMetadata): string {
  const bytes = 2 * 4 * k * height * width;
  return bytes === 9000 ? "9,000" : `${formatCount(bytes)}, and 9,000 at its own 15 x 15 cells, 5 classes per cell`;
}

function describeTime({ done, before, total, times, manifest }: WriteResult, seconds: number): string[] {
  if (total === 0 && manifest.shard) return [describeEmptyShard(manifest)];
  const images = done - before;
  const earlier = before > 0 ? `, ${formatCount(before)} ${before === 1 ? "was" : "were"} there from before` : "";
  if (images === 0) return [`  time       nothing was left to do${earlier}`];
  const waits = [["decoding", times.decode], ["annotating", times.annotate], ["writing", times.write]] as const;
  const working = waits.reduce((sum, [, time]) => sum + time, 0) / 1000;
  const parts = waits.map(([what, time]) => `${formatDuration(time / 1000)} ${what}`);
  return [
    `  time       ${formatDuration(seconds)}: ${formatDuration(Math.max(seconds - working, 0))} starting, ` +
    `${parts.join(", ")}; ${(images / Math.max(working, 1e-3)).toFixed(1)} images/s${earlier}`,
  ];
}

/** A shard of which there are more than parts. */
function describeEmptyShard({ configuration, shard }: Manifest): string {
  const parts = Math.ceil(imageCount(configuration)! / configuration.rowsPerFile);
  return `  time       nothing to do: ${formatNumberOf(shard!.count, "shard")} share ${
    formatNumberOf(parts, "part file")
  } ` +
    `of ${formatNumberOf(configuration.rowsPerFile, "image")}, a smaller --rows-per-file makes more`;
}

async function describeImages(
  path: string,
  { classes, parts, configuration: { metadata } }: Manifest,
  { show, colour }: SummaryOptions,
): Promise<Line[]> {
  const lines: Line[] = [];
  let left = show;
  // Part by part: the folder may be of a thousand shards, and this one's manifest is at hand.
  for (const { file, rows } of parts) {
    if (left === 0) break;
    if (rows === 0) continue;
    using labelMaps = closing(await openLabelMaps(join(path, file)));
    for (let index = 0; index < Math.min(left, rows); index++) {
      lines.push("", ...describeImage(await labelMaps.get(index), metadata, classes, colour));
    }
    left -= Math.min(left, rows);
  }
  return lines;
}

function describeImage(
  row: LabelMapRow,
  metadata: LabelMapMetadata,
  classes: ClassNames | undefined,
  colour: boolean,
): Line[] {
  const name = (index: number) => printable(className(classes, index));
  const found = multiLabel(row, metadata).map((one) => `${name(one.class)} ${one.score.toFixed(2)}`);
  return [
    `${row.key}  ${row.width} x ${row.height}`,
    `  ${found.length > 0 ? found.join(", ") : "no class for sure"}`,
    ...drawCellGrid(row.class, metadata.grid, { name, colour }).map((line) => ({ coloured: `  ${line}` })),
  ];
}

/** What goes on from here: a look at the labels, and questions. */
function describeNext(path: string, { images, report: isReported }: SummaryOptions): string[] {
  const folder = path === "labels" ? "" : `${shellWord(path)} `;
  const report = images === undefined ? folder : `${shellWord(path)} ${shellWord(images)}`;
  const questions =
    "how many images show several classes, which fill most cells, and where is the annotator least sure?";
  const next = isReported ? [`Next: ${questions}`] : [
    `Next: are the labels good? This writes ${shellWord(join(path, "report.html"))}`,
    `  ${calledAs("report")} ${report}`.trimEnd(),
    `and ${questions}`,
  ];
  return [
    "",
    ...next,
    `  ${calledAs("query")} ${folder}multi-label`,
    `  ${calledAs("query")} ${folder}"SELECT name, count(*) AS cells FROM cells WHERE rank = 0 GROUP BY name ` +
    `ORDER BY cells DESC LIMIT 10"`,
    `  ${calledAs("query")} ${folder}"SELECT key, name, score FROM image_labels WHERE rank = 0 ` +
    `ORDER BY score LIMIT 10"`,
  ];
}
