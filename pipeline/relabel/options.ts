/**
 * The options of `deno task relabel`.
 *
 * @module
 */

import { type LabelMapType, labelMapTypes } from "../../formats/labels/mod.ts";
import type { ResizeRule } from "../../kernels/operations/resize/mod.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readCount,
  readSize,
  UsageError,
} from "../command/command_line.ts";
import { readShard, type ShardRequest } from "./shard.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";

/** What the user asked for; what was left out is undefined. */
export interface RelabelCommand {
  readonly images?: string;
  /** A list of the images, to be used in place of a look at them. */
  readonly list?: string;
  /** Where to write such a list, and nothing else. */
  readonly writeList?: string;
  readonly annotator?: string;
  readonly classes?: string;
  readonly out: string;
  readonly size?: Pair;
  readonly topK?: number;
  readonly dtype?: LabelMapType;
  readonly storage?: Storage;
  readonly batch?: number;
  readonly workers?: number;
  readonly limit?: number;
  readonly rowsPerFile?: number;
  readonly shard?: ShardRequest;
  readonly exifOrientation: boolean;
  readonly resizeRule?: ResizeRule;
  readonly strict: boolean;
  readonly show: number;
  readonly report: boolean;
  readonly quiet: boolean;
}

const DEFAULT_OUT = "labels";
const DEFAULT_SHOW = 6;

/** What can be said, by name. */
export const RELABEL_OPTIONS = {
  annotator: {
    value: "A",
    help: "a folder with config.json and weights, a weight file beside its config.json,\n" +
      "or hf:owner/name[@revision]; default EfficientNet-Lite0, which is included",
  },
  classes: {
    value: "FILE",
    help: "names of the annotator's classes: one a line, or tab-separated with a header\n" +
      "(index, wnid, name); default its folder's, else ImageNet's if there are 1,000",
  },
  out: { value: "FOLDER", help: `where label maps go; default ${DEFAULT_OUT}` },
  size: {
    value: "N|HxW",
    help: "pixels that images are resized to, whole and without cropping; default the\n" +
      "annotator's own. Larger finds smaller things, gives more cells, and flattens the\n" +
      "classifier's own probabilities for the whole picture",
  },
  "top-k": { value: "K", help: "classes kept in each cell; default 5, as in the paper, or all of fewer" },
  dtype: {
    value: "TYPE",
    help: `${labelMapTypes.join(", ")}; default fp16: two thirds of the bytes of the\n` +
      "paper's fp32, and off by less than 0.05 % of a logit. The 8-bit types: half the\n" +
      "bytes; half of the logits are off by more than 2.7 % and 5.4 %, one in a hundred by\n" +
      "more than 14 % and 28 %, and single small ones by any share: errors are passed on from\n" +
      "cell to cell, so that they cancel in the mean over a crop",
  },
  storage: {
    value: "TYPE",
    help: "f32 or f16 for what is between layers; default f32. f16 takes half the memory\nof an adapter that has it",
  },
  batch: { value: "N", help: "images of a step; default by the adapter. Changes no result" },
  workers: { value: "N", help: "threads that decode; default all cores but one. Changes no result" },
  list: {
    value: "FILE",
    help: "the list of IMAGES that --write-list wrote: they are then not looked for, which many\n" +
      "processes that share a file system should not do",
  },
  "write-list": { value: "FILE", help: "look through IMAGES once, write the list of them, and end" },
  limit: { value: "N", help: "only the first N images" },
  "rows-per-file": {
    value: "N",
    help: `images a part file, and what a kill can lose; default ${DEFAULT_ROWS_PER_FILE}`,
  },
  shard: {
    value: "i/n",
    help: "i from 0: writes the i-th stretch of part files, so that n processes share a folder.\n" +
      "auto or auto/N: as the Slurm array or indexed Kubernetes job says that this is a task\n" +
      "of, which is also the default there; none: all parts",
  },
  "exif-orientation": {
    help: "turn images as their EXIF orientation says; default as they are stored, which is what\n" +
      "torchvision's loader trains on",
  },
  pillow: {
    value: "VERSION",
    help: "whose resize to give, to the bit: 13, the default, or 12, which resizes tall images in\n" +
      "another order and made the folders that do not say",
  },
  strict: { help: "stop at an image that cannot be decoded, instead of listing it" },
  show: { value: "N", help: `photographs in the summary; default ${DEFAULT_SHOW}` },
  report: { help: "write report.html into the folder, as deno task report does" },
  quiet: { help: "no progress and no summary" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const RELABEL_HELP = `Turn images with one label each into localized multi-labels

Usage: deno task relabel [IMAGES] [options]

IMAGES is a folder of class folders or of images, tar shards ('train-{000..146}.tar', .tar.gz),
Parquet with an image column, or a folder of either; default the sample photographs. The summary counts
images without a label, by why they have none, and files that are passed over, by extension.

A run that stopped goes on when the same command is given again, if its images are the same by key, label and
size; otherwise the first that differs is named. Images that cannot be decoded are
listed in rejected.jsonl. Exit codes: 0, 1 for a failure or if no image can be labelled, 2 for a wrong
option, 75 while another process writes there, 130 after Ctrl-C, 143 after SIGTERM.

Options
${formatOptions(RELABEL_OPTIONS)}

Examples
  deno task relabel
  deno task relabel assets/photos/several --size 448 --out labels448
  deno task relabel assets/photos --top-k 3 --dtype fp8_e4m3 --out small
  deno task relabel assets/photos --shard 0/2 --rows-per-file 4 --out shared
  deno task relabel ~/imagenet/train --annotator hf:timm/tf_efficientnet_l2.ns_jft_in1k_475
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readRelabelOptions(args: readonly string[]): RelabelCommand | Asked {
  const given = readArguments(args, RELABEL_OPTIONS, "deno task relabel", 1);
  if (typeof given === "string") return given;
  const count = (name: keyof typeof RELABEL_OPTIONS) => {
    const text = given.text(name);
    return text === undefined ? undefined : readCount(text, name);
  };
  const [list, writeList] = [given.text("list"), given.text("write-list")];
  if (list !== undefined && writeList !== undefined) {
    throw new UsageError("Cannot use --list and --write-list together: write the list first");
  }
  const names = ["size", "dtype", "storage", "shard", "show", "pillow"] as const;
  const [size, dtype, storage, shard, show, pillow] = names.map(given.text);
  return {
    images: given.words[0],
    list,
    writeList,
    annotator: given.text("annotator"),
    classes: given.text("classes"),
    out: given.text("out") ?? DEFAULT_OUT,
    size: size === undefined ? undefined : readSize(size, "size"),
    topK: count("top-k"),
    dtype: dtype === undefined ? undefined : readChoice(dtype, "dtype", labelMapTypes),
    storage: storage === undefined ? undefined : readChoice<Storage>(storage, "storage", ["f32", "f16"]),
    batch: count("batch"),
    workers: count("workers"),
    limit: count("limit"),
    rowsPerFile: count("rows-per-file"),
    shard: shard === undefined ? undefined : readShard(shard),
    exifOrientation: given.has("exif-orientation"),
    resizeRule: pillow === undefined ? undefined : `Pillow ${readChoice(pillow, "pillow", ["12", "13"])}`,
    strict: given.has("strict"),
    show: show === undefined ? DEFAULT_SHOW : readCount(show, "show", 0),
    report: given.has("report"),
    quiet: given.has("quiet"),
  };
}
