/**
 * The options of `deno task convert`.
 *
 * @module
 */

import { type LabelMapType, labelMapTypes } from "../../formats/labels/mod.ts";
import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readCount,
  UsageError,
} from "../command/command_line.ts";
import { DEFAULT_ROWS_PER_FILE } from "../label_folder/fill_folder.ts";
import type { MapLayout } from "../../formats/base/label_map.ts";

/** What is written. */
export type ConvertTarget = "parquet" | "arrow" | "pt";

/** What the classes that a crop's label leaves out get. */
export type LeftOver = "uniform" | "renormalise";

/** What the user asked for; what was left out is undefined. */
export interface ConvertCommand {
  readonly input: string;
  readonly output: string;
  readonly to?: ConvertTarget;
  readonly layout?: MapLayout | "auto";
  readonly dtype?: LabelMapType;
  readonly topK?: number;
  /** A number of classes, or the file of their names. */
  readonly classes?: string;
  readonly name?: string;
  readonly images?: string;
  readonly annotator?: string;
  readonly boxes?: string;
  readonly sample: number;
  readonly missing?: LeftOver;
  readonly rowsPerFile: number;
  readonly strict: boolean;
  readonly quiet: boolean;
}

const DEFAULT_SAMPLE = 32;

const OPTIONS = {
  to: {
    value: "FORMAT",
    help:
      "parquet (default) or arrow: a folder of label maps; pt: a folder of .pt files as\npublished, <wnid>/<stem>.pt",
  },
  layout: {
    value: "LAYOUT",
    help: "how the last two axes of .pt files are stored: hw, wh, or auto, which compares\n" +
      "both with --annotator and --images, or with --boxes, and says what it found",
  },
  dtype: { value: "TYPE", help: `${labelMapTypes.join(", ")}; default as in the input` },
  "top-k": { value: "K", help: "keep the K best classes of each cell; default all" },
  classes: {
    value: "N|FILE",
    help: "how many classes there are, or their names as in deno task relabel; default the\nnames of ImageNet's 1,000",
  },
  name: { value: "NAME", help: "what made the maps, for the metadata; default what published them" },
  images: {
    value: "FOLDER",
    help: "the images: keys are then their real names, width and height are read. Without it\n" +
      "keys end in .JPEG, and width and height are 0",
  },
  annotator: { value: "A", help: "for --layout auto: a folder or weight file, as in deno task relabel" },
  boxes: {
    value: "FILE",
    help: "for --layout auto: CSV with the header key,class,top,left,height,width; the key\n" +
      "with or without its extension, the class a wnid, a name or an index, the others\n" +
      "fractions of the image",
  },
  sample: { value: "N", help: `images that --layout auto looks at; default ${DEFAULT_SAMPLE}` },
  missing: {
    value: "RULE",
    help: "for FKD's files: what their classes leave over is shared evenly by the others\n" +
      "(uniform, default) or dropped (renormalise, their marginal_renorm)",
  },
  "rows-per-file": {
    value: "N",
    help: `images a part file, and what a kill can lose; default ${DEFAULT_ROWS_PER_FILE}`,
  },
  strict: { help: "stop at a file that cannot be converted, instead of listing it" },
  quiet: { help: "no progress and no summary" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const CONVERT_HELP = `Convert soft labels: published ones to label maps and back, label maps to other label maps

Usage: deno task convert INPUT OUTPUT [options]

INPUT is one of
  a folder of .pt files, <wnid>/<stem>.pt, or a tar or tar.gz of one: ReLabel's float32 maps or
    TokenLabeling's float16 maps [2, k, H, W], in both containers of PyTorch
  a folder of FKD's or FerKD's .tar files, which becomes a table of crops (key, label, crop, top, left,
    height, width, flip, class, probability)
  label maps: a folder, a .parquet or an .arrow file

A run that stopped goes on when the same command is given again. Files that cannot be converted are
listed in rejected.jsonl. Exit codes: 0, 1 for a failure or if nothing can be converted, 2 for a wrong
option, 75 while another process writes there, 130 after Ctrl-C, 143 after SIGTERM.

ReLabel's maps do not say whether they are stored [H, W] or [W, H]; --layout must, unless they are
from this command. What was W-first is turned on the way in, and turned back by --to pt.

Options
${formatOptions(OPTIONS)}

Examples
  deno task convert relabel_imagenet labels --layout wh
  deno task convert relabel.tar.gz labels --layout auto --annotator effnet_l2 --images imagenet/train
  deno task convert labels small --dtype fp8_e4m3 --top-k 3
  deno task convert labels fast --to arrow
  deno task convert labels maps --to pt
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If INPUT or OUTPUT is missing, an option is unknown, or its value is not one that it can have.
 */
export function readConvertOptions(args: readonly string[]): ConvertCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task convert", 2);
  if (typeof given === "string") return given;
  const [input, output] = given.words;
  if (output === undefined) {
    throw new UsageError(`Expected INPUT OUTPUT, found ${given.words.length} of them: see deno task convert --help`);
  }
  const choice = <Choice extends string>(name: keyof typeof OPTIONS, choices: readonly Choice[]) => {
    const text = given.text(name);
    return text === undefined ? undefined : readChoice(text, name, choices);
  };
  const count = (name: keyof typeof OPTIONS) => {
    const text = given.text(name);
    return text === undefined ? undefined : readCount(text, name);
  };
  return {
    input,
    output,
    to: choice("to", ["parquet", "arrow", "pt"]),
    layout: choice("layout", ["auto", "hw", "wh"]),
    dtype: choice("dtype", labelMapTypes),
    topK: count("top-k"),
    classes: given.text("classes"),
    name: given.text("name"),
    images: given.text("images"),
    annotator: given.text("annotator"),
    boxes: given.text("boxes"),
    sample: count("sample") ?? DEFAULT_SAMPLE,
    missing: choice("missing", ["uniform", "renormalise"]),
    rowsPerFile: count("rows-per-file") ?? DEFAULT_ROWS_PER_FILE,
    strict: given.has("strict"),
    quiet: given.has("quiet"),
  };
}
