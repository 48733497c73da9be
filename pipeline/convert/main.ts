/**
 * `deno task convert`: soft labels from one form to another.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { basename } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import { ifThere, namesIn, withSubject } from "../../formats/base/files.ts";
import { isCropLabelMetadata, MANIFEST_NAME, openLabelMaps } from "../../formats/labels/mod.ts";
import { openImages } from "../../formats/images/mod.ts";
import { openPublished, type Published, type PublishedSource, readPublished } from "../../formats/published/mod.ts";
import { isHubReference } from "../../formats/weights/mod.ts";
import { openBoxes } from "../pictures/boxes.ts";
import { classFinder, imageNetClassNames, readClassNames } from "../model/class_names.ts";
import { UsageError } from "../command/command_line.ts";
import { optionName } from "../command/option_table.ts";
import { endProcess } from "../command/end_process.ts";
import { type BackboneLayout, convertBackbone } from "./backbone.ts";
import { convertCropLabels } from "./convert_crop_labels.ts";
import { convertObjects } from "./convert_objects.ts";
import { convertLabelMaps } from "./convert_label_maps.ts";
import {
  agreementWithAnnotator,
  describeVerdict,
  judgeLayout,
  type LayoutEvidence,
  scoresInBoxes,
} from "./judge_layout.ts";
import { CONVERT, type ConvertCommand } from "./options.ts";
import { type ClassList, convertPublished } from "./convert_published.ts";
import { convertToTorch, notedLayout } from "./convert_to_torch.ts";
import { instancesSource, masksSource } from "./object_sources.ts";
import { PRESENCE_GRID } from "./presence_map.ts";
import type { FillResult } from "../label_folder/fill_folder.ts";
import { formatCells, formatCount, formatNumberOf } from "../command/numbers.ts";
import { inOptions } from "../label_folder/other_configuration.ts";
import { type Progress, stopLine, timeLine, type WriteProgress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { withSignals } from "../command/signals.ts";
import { printError, printLines } from "../command/terminal.ts";
import type { MapLayout } from "../../formats/base/label_map.ts";
import { rejectedLines } from "../label_folder/rejected_images.ts";

/** Files looked through for one that can be read. */
const PROBED_FILES = 100;

/** Bytes of decoded pages to keep: rows are read once, in order. */
const KEPT_BYTES = 4 * 2 ** 20;

/** What makes maps, or files of them. */
type MapCommand = Omit<ConvertCommand, "to"> & { readonly to?: Exclude<ConvertCommand["to"], BackboneLayout> };

/** Options of what has maps. */
const OF_MAPS = [
  "from",
  "layout",
  "presence",
  "grid",
  "dtype",
  "k",
  "classes",
  "name",
  "images",
  "annotator",
  "boxes",
  "missing",
] as const;

/** What a conversion needs to be watched and stopped. */
interface Watch {
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: WriteProgress) => void;
}

/** A conversion that is ready to start. */
interface Conversion {
  /** What it does, for the eye. */
  readonly description: string;
  start(
    watch: Watch,
  ): Promise<WriteProgress & { readonly stopped: boolean; readonly manifest?: FillResult["manifest"] }>;
  close(): void;
}

async function run(command: ConvertCommand, progress: Progress): Promise<number> {
  const { output, quiet } = command;
  refuseSame(command);
  const { to } = command;
  if (to === "torchvision" || to === "detectron2") {
    const lines = await convertRun(command, to);
    if (!quiet) printLines(lines);
    return 0;
  }
  using conversion = closing(await prepare({ ...command, to }, progress));
  if (!quiet) progress.print(conversion.description);
  const start = performance.now();
  const { result, code } = await withSignals((signal) =>
    conversion.start({ signal, onProgress: quiet ? undefined : progress.update }).catch((error) => {
      throw inOptions(error, output, "another OUTPUT");
    })
  );
  progress.end();
  if (result.stopped) {
    printError(stopLine(result, output));
    return code;
  }
  if (!quiet) printLines(summary(output, result, (performance.now() - start) / 1000));
  if (result.total === 0 || result.rejected < result.total) return 0;
  printError(
    `Cannot convert "${command.input}": none of ${formatNumberOf(result.total, "image")} could be converted`,
  );
  return 1;
}

async function convertRun(command: ConvertCommand, layout: BackboneLayout): Promise<string[]> {
  const { input, output } = command;
  refuse(command, [...OF_MAPS], `--to ${layout} writes a network`);
  if (!output.endsWith(".pth")) throw new UsageError(`Cannot write "${output}": name a file that ends in .pth`);
  return await convertBackbone(input, output, layout);
}

async function prepare(command: MapCommand, progress: Progress): Promise<Conversion> {
  const { input, from } = command;
  if (from !== undefined || isInstances(input)) return await prepareObjects(command);
  refuse(command, ["presence", "grid"], "they are for masks, COCO's or those of --from masks");
  return isLabelMaps(input) ? await prepareLabelMaps(command) : await preparePublished(command, progress);
}

/** Refuses to write into what is read. */
function refuseSame({ input, output }: ConvertCommand): void {
  const isSame = () => Deno.realPathSync(input) === Deno.realPathSync(output);
  if (withSubject(`Cannot convert "${input}"`, () => ifThere(isSame))) {
    throw new UsageError(`Cannot convert "${input}" into itself: name another folder`);
  }
}

function summary(
  output: string,
  { done, before, rejected, manifest }: WriteProgress & { manifest?: FillResult["manifest"] },
  seconds: number,
): string[] {
  const lines = [
    `${output}: ${formatNumberOf(done - rejected, "image")}${
      rejected > 0 ? `, ${formatCount(rejected)} rejected` : ""
    }`,
  ];
  if (manifest && done > rejected) {
    const bytes = manifest.parts.reduce((sum, part) => sum + part.bytes, 0);
    lines.push(
      `${describeContent(manifest)}, ${formatNumberOf(Math.round(bytes / (done - rejected)), "byte")} an image`,
    );
  }
  lines.push(timeLine({ done, before }, seconds));
  if (rejected > 0) {
    lines.push(...rejectedLines(output, undefined, rejected, ({ reason }) => reason));
  }
  return lines;
}

function describeContent({ configuration: { metadata }, parts }: FillResult["manifest"]): string {
  const classes = formatNumberOf(metadata.k, "class", "classes");
  if (isCropLabelMetadata(metadata)) {
    return `  crops      ${formatCount(parts.reduce((sum, part) => sum + part.rows, 0))}, ${classes} a crop`;
  }
  return `  maps       ${formatCells(metadata.grid)}, ${classes} per cell, ${metadata.dtype}`;
}

/** Label maps are files that are called so: one, those that a pattern names, or those directly in a folder. */
function isLabelMaps(path: string): boolean {
  const isName = (name: string) => /\.(parquet|arrow)$/.test(name) || MANIFEST_NAME.test(name);
  const subject = `Cannot convert "${path}"`;
  const isFolder = withSubject(subject, () => ifThere(() => Deno.statSync(path).isDirectory));
  return isFolder ? namesIn(path, subject).some(isName) : isName(path);
}

/** COCO's annotations are a file of JSON. */
function isInstances(path: string): boolean {
  return path.endsWith(".json") && !MANIFEST_NAME.test(basename(path));
}

async function prepareObjects(command: MapCommand): Promise<Conversion> {
  const { input, output, to = "parquet", from, presence: rule = "any", grid = PRESENCE_GRID } = command;
  refuse(command, ["layout", "annotator", "boxes", "missing"], "objects have no published maps");
  if (from !== "masks") refuse(command, ["classes", "images"], "the file names classes and images");
  if (to === "pt") throw new UsageError(`Cannot convert "${input}" to pt: convert its label maps, which hold scores`);
  const source = from === "masks"
    ? await masksSource(await openImages(input), {
      grid,
      classes: await readClasses(command.classes),
      images: command.images,
    })
    : await instancesSource(input, grid);
  return {
    description: `${source.description}, ${formatCells(grid)}, ${to}`,
    start: (watch) => convertObjects(source, output, { ...command, container: to, rule, grid, ...watch }),
    close: source.close,
  };
}

async function prepareLabelMaps(command: MapCommand): Promise<Conversion> {
  const { input, output, to, dtype, k, layout } = command;
  refuse(command, ["annotator", "boxes", "images", "name", "classes", "missing"], "label maps have that");
  if (to === "pt" && (dtype ?? k) !== undefined) {
    throw new UsageError("Cannot use --dtype or --top-k with --to pt: .pt files are float32 and keep all ranks");
  }
  if (to !== "pt" && layout !== undefined) throw new UsageError("Cannot use --layout here: label maps are [H, W]");
  if (to === undefined && (dtype ?? k) === undefined) {
    throw new UsageError(
      `Expected what to make of label maps "${input}": --to arrow, parquet or pt, --dtype or --top-k`,
    );
  }
  const labelMaps = await openLabelMaps(input, { cacheBytes: KEPT_BYTES });
  const { metadata, length } = labelMaps;
  const from = `${formatNumberOf(length, "label map")} of ${metadata.annotator.name}, ${metadata.dtype}`;
  const close = () => labelMaps.close();
  if (to === "pt") {
    const stored = layout === "hw" || layout === "wh" ? layout : storedLayout(metadata.converted);
    return {
      description: `${from}, to .pt files stored ${stored}`,
      start: (watch) => convertToTorch(labelMaps, output, { layout: stored, ...watch }),
      close,
    };
  }
  const { classes, dataSetClasses } = labelMaps;
  return {
    description: `${from}, to ${to ?? "parquet"}`,
    start: (watch) =>
      convertLabelMaps(labelMaps, output, {
        ...command,
        container: to ?? "parquet",
        classes,
        dataSetClasses,
        ...watch,
      }),
    close,
  };
}

/** How maps were stored that were converted to label maps; `hw` for others. */
function storedLayout(converted: unknown): MapLayout {
  return (converted as { layout?: MapLayout } | undefined)?.layout === "wh" ? "wh" : "hw";
}

async function preparePublished(command: MapCommand, progress: Progress): Promise<Conversion> {
  const { input, output, to = "parquet" } = command;
  const source = await openPublished(input);
  const sample = await firstReadable(source, input);
  const classes = await readClasses(command.classes);
  const from = `${formatNumberOf(source.count, "file")} ${source.description}`;
  if (sample.kind === "crop_labels") {
    refuse(command, ["layout", "dtype", "k", "annotator", "boxes"], "it holds crops, not maps");
    if (to !== "parquet") throw new UsageError(`Cannot convert "${input}" to ${to}: crops become Parquet`);
    return {
      description: `${from}, FKD, ${
        formatNumberOf(sample.count, "crop")
      } of the first with ${sample.mode} labels, to parquet`,
      start: (watch) => convertCropLabels(source, sample, output, { ...command, classes, ...watch }),
      close() {},
    };
  }
  if (to === "pt") throw new UsageError(`Cannot convert "${input}" to pt: it holds .pt files`);
  refuse(command, ["missing"], "it is for FKD's files");
  const layout = await layoutOf(command, { source, sample, classes, progress });
  return {
    description: `${from}, ${sample.kind === "relabel" ? "ReLabel" : "TokenLabeling"}, stored ${layout}, to ${to}`,
    start: (watch) =>
      convertPublished(source, sample, output, { ...command, container: to, classes, layout, ...watch }),
    close() {},
  };
}

function refuse(command: ConvertCommand, names: readonly (keyof ConvertCommand)[], reason: string): void {
  const given = names.find((name) => command[name] !== undefined);
  if (given) {
    throw new UsageError(
      `Cannot use --${optionName(given, CONVERT.options[given])} with "${command.input}": ${reason}`,
    );
  }
}

async function firstReadable(source: PublishedSource, input: string): Promise<Published> {
  let reason: Error | undefined;
  for await (const file of source.files({ end: PROBED_FILES })) {
    try {
      return readPublished(file.path, await file.read());
    } catch (error) {
      reason ??= error as Error;
    }
  }
  const tried = Math.min(source.count, PROBED_FILES);
  if (tried === 1) throw reason;
  throw new TypeError(
    `Cannot convert "${input}": none of its ${formatCount(tried)} first files can be read: ${reason?.message}`,
  );
}

async function readClasses(text: string | undefined): Promise<ClassList> {
  if (text !== undefined && /^\d+$/.test(text)) {
    const count = Number(text);
    if (count < 1 || count > 2 ** 32) throw new UsageError(`Cannot use --classes ${text}: expected 1 to 2^32`);
    return { count, ...(count === 1000 ? { names: await imageNetClassNames() } : {}) };
  }
  const names = text === undefined ? await imageNetClassNames() : await readClassNames(text);
  return { count: names.name.length, names };
}

type MapSample = Exclude<Published, { kind: "crop_labels" }>;

/** What was said, else what is known, else what is measured. */
async function layoutOf(
  command: ConvertCommand,
  { source, sample, classes, progress }: {
    source: PublishedSource;
    sample: MapSample;
    classes: ClassList;
    progress: Progress;
  },
): Promise<MapLayout> {
  const { input, layout, annotator, images, boxes } = command;
  if (layout === "hw" || layout === "wh") return layout;
  const evidence = await measure();
  if (evidence) {
    const verdict = judgeLayout(evidence);
    const sentence = describeVerdict(evidence, verdict);
    if (!verdict.layout) throw new TypeError(`Cannot tell how the maps of "${input}" are stored: ${sentence}`);
    progress.print(`Layout: ${sentence}`);
    return verdict.layout;
  }
  const known = (await Deno.stat(input)).isDirectory ? notedLayout(input) : undefined;
  if (known) return known;
  // TokenLabeling's generator is public, and stores them so.
  if (sample.kind === "token-labeling") return "hw";
  throw new UsageError(
    `Cannot tell how the maps of "${input}" are stored, [H, W] or [W, H]: say --layout hw or wh, ` +
      "or give --layout auto something to compare them with, --annotator and --images, or --boxes",
  );

  async function measure(): Promise<LayoutEvidence | undefined> {
    const maps = { source, classes: classes.count };
    if (boxes !== undefined) {
      return await scoresInBoxes(
        maps,
        await openBoxes(boxes, classFinder(classes.names, classes.count)),
        command.sample,
      );
    }
    if (annotator === undefined) return undefined;
    if (images === undefined) throw new UsageError("Option --annotator needs --images, the folder of the images");
    if (isHubReference(annotator)) {
      throw new UsageError(
        `Cannot use --annotator ${annotator}: expected a folder, ${calledAs("relabel")} downloads it`,
      );
    }
    const sampled = formatNumberOf(Math.min(command.sample, source.count), "image");
    progress.print(`Comparing maps with annotator ${annotator} on ${sampled}`);
    return await agreementWithAnnotator(maps, { annotator, images, sample: command.sample, axes: sample.axes });
  }
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...CONVERT, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
