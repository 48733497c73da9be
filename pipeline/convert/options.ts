/**
 * The options of `deno task convert`.
 *
 * @module
 */

import { labelMapTypes } from "../../formats/labels/mod.ts";
import { choice, count, flag, size, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { boxes, rowsPerFile } from "../command/shared_options.ts";
import { backboneLayouts } from "./backbone.ts";
import { PRESENCE_GRID, PRESENCE_TYPES, presenceRules } from "./presence_map.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";

/** The command. */
export const CONVERT = defineCommand({
  name: "convert",
  title: "Convert soft labels and masks to label maps, label maps to published ones and to other label maps",
  about: `INPUT is one of
  a folder of .pt files, <wnid>/<stem>.pt, or a tar or tar.gz of one: ReLabel's float32 maps or
    TokenLabeling's float16 maps [2, k, H, W], in both containers of PyTorch
  a folder of FKD's or FerKD's .tar files, which becomes a table of crops (key, label, crop, top, left,
    height, width, flip, class, probability)
  label maps: a folder, a .parquet or an .arrow file
  a .json file of COCO's annotations (instances_*.json), whose polygons and run lengths become maps of what
    each cell shows; with --from masks a folder of masks as deno task train takes them
  a folder of a training run, or of an annotator: with --to torchvision or detectron2 its ResNet becomes a
    .pth file for detectors

A run that stopped goes on when the same command is given again. Files that cannot be converted are
listed in rejected.jsonl. Exit codes: 0, 1 for a failure or if nothing can be converted, 2 for a wrong
option, 75 while another process writes there, 130 after Ctrl-C, 143 after SIGTERM.

ReLabel's maps do not say whether they are stored [H, W] or [W, H]; --layout must, unless they are
from this command. What was W-first is turned on the way in, and turned back by --to pt.`,
  options: {
    input: word("INPUT", { isRequired: true }),
    output: word("OUTPUT", { isRequired: true }),
    to: choice(["parquet", "arrow", "pt", ...backboneLayouts], {
      value: "FORMAT",
      help:
        "parquet (default) or arrow: a folder of label maps; pt: a folder of .pt files as\npublished, <wnid>/<stem>.pt; torchvision or detectron2: a .pth file of a run's ResNet",
    }),
    layout: choice(["auto", "hw", "wh"], {
      value: "LAYOUT",
      help: "how the last two axes of .pt files are stored: hw, wh, or auto, which compares\n" +
        "both with --annotator and --images, or with --boxes, and says what it found",
    }),
    from: choice(["coco", "masks"], {
      value: "KIND",
      help: "coco, as a .json file is taken: annotations; masks: a folder of masks, named as the\n" +
        "images: grey, 0 for background, or 1 and the index of the class, of --classes",
    }),
    presence: choice(presenceRules, {
      value: "RULE",
      help: "for masks, a class's score in a cell: 1 where any part of the cell is of the class,\n" +
        "else 0 (any, default), or the share of the cell that is (share)",
    }),
    grid: size({
      unit: "cells",
      help: `for masks, cells of a map; default ${PRESENCE_GRID.join("x")}. The class map of an image of\n` +
        "H x W pixels in that grid is the mask itself",
    }),
    dtype: choice(labelMapTypes, {
      value: "TYPE",
      help: `${labelMapTypes.join(", ")}; default as in the input, for\nmasks ${
        presenceRules.map((rule) => `${PRESENCE_TYPES[rule]} (${rule})`).join(", ")
      }`,
    }),
    k: count({
      name: "top-k",
      value: "K",
      help: "keep the K best classes of each cell; default all, for\nmasks as many as any cell has",
    }),
    classes: text({
      value: "N|FILE",
      help:
        "how many classes there are, or their names as in deno task relabel; default the\nnames of ImageNet's 1,000",
    }),
    name: text({ value: "NAME", help: "what made the maps, for the metadata; default what published them" }),
    images: text({
      value: "FOLDER",
      help: "the images: keys are then their real names, width and height are read. Without it\n" +
        "keys end in .JPEG, and width and height are 0",
    }),
    annotator: text({ value: "A", help: "for --layout auto: a folder or weight file, as in deno task relabel" }),
    boxes: boxes("for --layout auto"),
    sample: count({ default: 32, help: "images that --layout auto looks at" }),
    missing: choice(["uniform", "renormalise"], {
      value: "RULE",
      help: "for FKD's files: what their classes leave over is shared evenly by the others\n" +
        "(uniform, default) or dropped (renormalise, their marginal_renorm)",
    }),
    rowsPerFile: { ...rowsPerFile(DEFAULT_ROWS_PER_FILE), default: DEFAULT_ROWS_PER_FILE },
    strict: flag({ help: "stop at a file that cannot be converted, instead of listing it" }),
    quiet: flag({ help: "no progress and no summary" }),
  },
  examples: [
    "deno task convert relabel_imagenet labels --layout wh",
    "deno task convert relabel.tar.gz labels --layout auto --annotator effnet_l2 --images imagenet/train",
    "deno task convert labels small --dtype fp8_e4m3 --top-k 3",
    "deno task convert labels fast --to arrow",
    "deno task convert labels maps --to pt",
    "deno task convert run backbone.pth --to detectron2",
    "deno task convert annotations/instances_train2017.json oracle --grid 20",
    "deno task convert scenes/masks oracle --from masks --classes scenes/classes.txt --grid 8 --presence share",
  ],
});

/** What the user asked for. */
export type ConvertCommand = OptionsOfCommand<typeof CONVERT>;

/** What the classes that a crop's label leaves out get. */
export type LeftOver = NonNullable<ConvertCommand["missing"]>;
