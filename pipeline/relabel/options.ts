/**
 * The options of `deno task relabel`.
 *
 * @module
 */

import { labelMapTypes } from "../../formats/labels/mod.ts";
import { UsageError } from "../command/command_line.ts";
import { choice, count, flag, number, option, repeated, size, text, word } from "../command/option_kinds.ts";
import { defineCommand, optionName, type OptionsOfCommand } from "../command/option_table.ts";
import {
  batch,
  classNames,
  exifOrientation,
  LABELS_FOLDER,
  limit,
  noTune,
  rowsPerFile,
  storage,
  workers,
} from "../command/shared_options.ts";
import { readShard } from "./shard.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";

/** What can be said. */
export const RELABEL_OPTIONS = {
  images: word("IMAGES"),
  annotator: repeated(text({
    value: "A",
    help: "a folder with config.json and weights, a weight file beside its config.json,\n" +
      "or hf:owner/name[@revision]; default EfficientNet-Lite0, which is included. Given again,\n" +
      "maps of several annotators of the same classes are averaged",
  })),
  classes: classNames("annotator"),
  classesFrom: text({
    value: "WHICH",
    help: "sums the classes of an annotator of ImageNet's larger lists (21k, 22k, 12k) through\n" +
      "WordNet to these: images (the class folders of IMAGES), imagenet (its 1,000), or a file\n" +
      "of names as for --classes, with identifiers such as n02123045",
  }),
  classEmbeddings: text({
    value: "FILE",
    help: "safetensors with one tensor of classes x channels, such as texts' embeddings by the\n" +
      "other half of a CLIP: logits are cosines between these and what the annotator's head\n" +
      "gives, or its feature map, whichever is as wide",
  }),
  embeddingScale: number({
    value: "S",
    range: [1e-3, 1e6],
    help: "what the cosines of --class-embeddings are multiplied by; default 100, as CLIP's are",
  }),
  out: text({ value: "FOLDER", default: LABELS_FOLDER, help: "where label maps go" }),
  size: repeated(size({
    help: "pixels that images are resized to, whole and without cropping; default the\n" +
      "annotator's own. Larger finds smaller things, gives more cells, and flattens the\n" +
      "classifier's own probabilities for the whole picture. Given again, maps of several\n" +
      "sizes are averaged",
  })),
  mirror: flag({ help: "average with the map of the mirrored image, turned back; takes twice as long" }),
  average: choice(["logits", "probabilities"], {
    value: "OF",
    help: "what is averaged where there are several maps or --grid: logits (default), or\n" +
      "probabilities, whose logarithms are then the scores",
  }),
  grid: size({
    unit: "cells",
    help: "cells of the map, fewer than the annotator's own: each has the mean of those that it\n" +
      "covers. A map of 16 x 16 has a quarter of the bytes of one of 32 x 32",
  }),
  temperature: number({
    value: "T",
    range: [0.01, 100],
    help:
      "what logits are divided by before all else; default 1. Above 1 it flattens\nprobabilities, below 1 it sharpens them",
  }),
  scores: choice(["softmax", "sigmoid"], {
    value: "OF",
    help: "what the annotator's logits are of: softmax, classes of which one is true, or sigmoid,\n" +
      "classes that are each true or not, as of one with several labels per image; default what\n" +
      "its config.json says, else softmax",
  }),
  floor: number({
    value: "L",
    range: [-1000, 1000],
    help: "the logit of the classes that a cell of sigmoid maps does not keep; default the folder's\n" +
      "own, or else the mean of these over up to 32 of the images, in eighths",
  }),
  k: count({
    name: "top-k",
    value: "K",
    help: "classes kept in each cell; default 5, as in the paper, or all of fewer",
  }),
  dtype: choice(labelMapTypes, {
    value: "TYPE",
    help: `${labelMapTypes.join(", ")}; default fp16: two thirds of the bytes of the\n` +
      "paper's fp32, and off by less than 0.05 % of a logit. The 8-bit types: half the\n" +
      "bytes; half of the logits are off by more than 2.7 % and 5.4 %, one in a hundred by\n" +
      "more than 14 % and 28 %, and single small ones by any share: errors are passed on from\n" +
      "cell to cell, so that they cancel in the mean over a crop",
  }),
  storage,
  batch,
  workers,
  noTune,
  list: text({
    value: "FILE",
    help: "the list of IMAGES that --write-list wrote: they are then not looked for, which many\n" +
      "processes that share a file system should not do",
  }),
  writeList: text({ value: "FILE", help: "look through IMAGES once, write the list of them, and end" }),
  limit,
  rowsPerFile: rowsPerFile(DEFAULT_ROWS_PER_FILE),
  shard: option("shard", readShard, {
    value: "i/n",
    help: "i from 0: writes the i-th stretch of part files, so that n processes share a folder.\n" +
      "auto or auto/N: as the Slurm array or indexed Kubernetes job says that this is a task\n" +
      "of, which is also the default there; none: all parts",
  }),
  exifOrientation,
  pillow: choice(["12", "13"], {
    value: "VERSION",
    help: "whose resize to give, to the bit: 13, the default, or 12, which resizes tall images in\n" +
      "another order and made the folders that do not say",
  }),
  estimate: flag({
    help: "label the first images, say how long all of them take here and how large the label maps\nare, and end",
  }),
  strict: flag({ help: "stop at an image that cannot be decoded, instead of listing it" }),
  show: count({ least: 0, default: 6, help: "photographs in the summary" }),
  report: flag({ help: "write report.html into the folder, as deno task report does" }),
  quiet: flag({ help: "no progress and no summary" }),
};

/** The command. */
export const RELABEL = defineCommand({
  name: "relabel",
  title: "Turn images with one label each into localized multi-labels",
  about: `IMAGES is a folder of class folders or of images, tar shards ('train-{000..146}.tar', .tar.gz),
Parquet with an image column, or a folder of either; or a split of a published data set such as
food-101:train; or a data set of the hub in Parquet, hf:datasets/OWNER/NAME, with @REVISION and
:SPLIT behind it if need be; default the sample photographs. The summary counts images without
a label, by why they have none, and files that are passed over, by extension.

A run that stopped goes on when the same command is given again, if its images are the same by key, label and
size; otherwise the first that differs is named. Images that cannot be decoded are
listed in rejected.jsonl. Exit codes: 0, 1 for a failure or if no image can be labelled, 2 for a wrong
option, 75 while another process writes there, 130 after Ctrl-C, 143 after SIGTERM.`,
  options: RELABEL_OPTIONS,
  examples: [
    "deno task relabel",
    "deno task relabel assets/photos/several --size 448 --out labels448",
    "deno task relabel assets/photos --top-k 3 --dtype fp8_e4m3 --out small",
    "deno task relabel assets/photos --mirror --size 224 --size 320 --grid 7 --out averaged",
    "deno task relabel assets/photos --shard 0/2 --rows-per-file 4 --out shared",
    "deno task relabel ~/imagenet/train --annotator hf:timm/tf_efficientnet_l2.ns_jft_in1k_475",
  ],
  resolve({ pillow, annotator, size, ...options }, given) {
    if (options.list !== undefined && options.writeList !== undefined) {
      throw new UsageError("Cannot use --list and --write-list together: write the list first");
    }
    if (options.embeddingScale !== undefined && options.classEmbeddings === undefined) {
      throw new UsageError("Cannot use --embedding-scale without --class-embeddings: nothing is multiplied by it");
    }
    if (options.scores === "softmax" && options.floor !== undefined) {
      throw new UsageError("Cannot use --floor with --scores softmax: classes that a cell does not keep have logit 0");
    }
    if (options.scores === "sigmoid" && options.classesFrom !== undefined) {
      throw new UsageError(
        "Cannot use --classes-from with --scores sigmoid: probabilities of independent classes do not add up",
      );
    }
    const naming = (["classesFrom", "classEmbeddings", "classes"] as const).filter((name) => name in given);
    if (naming[0] === "classesFrom" && naming.length > 1) {
      throw new UsageError(
        `Cannot use --classes-from and --${optionName(naming[1])} together: both say what classes are`,
      );
    }
    const other = (["shard", "writeList", "report"] as const).find((name) => given[name] !== undefined);
    if (options.estimate && other !== undefined) {
      throw new UsageError(`Cannot use --estimate with --${optionName(other)}: it says what all images take, and ends`);
    }
    const maps = [annotator, size, options.mirror ? [1, 2] : undefined];
    if (given.average && options.grid === undefined && maps.every((several) => (several?.length ?? 1) < 2)) {
      throw new UsageError(
        "Cannot use --average: there is one map of each image; --mirror, --grid, or --annotator or --size given again " +
          "make a mean",
      );
    }
    return {
      ...options,
      annotator: oneOrAll(annotator),
      size: oneOrAll(size),
      resizeRule: pillow && `Pillow ${pillow}` as const,
    };
  },
});

/** What was given once by itself, and what was given several times as a list. */
function oneOrAll<Value>(values: readonly Value[] | undefined): Value | readonly Value[] | undefined {
  return values?.length === 1 ? values[0] : values;
}

/** What the user asked for. */
export type RelabelCommand = OptionsOfCommand<typeof RELABEL>;
