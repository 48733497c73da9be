/**
 * The options of `deno task evaluate`.
 *
 * @module
 */

import type { Storage } from "../../kernels/engine/kernel.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import {
  type Asked,
  formatOptions,
  type OptionTable,
  parseNumber,
  readArguments,
  readChoice,
  readCount,
  readSize,
  UsageError,
} from "../command/command_line.ts";
import { type DataSetKind, dataSetKinds } from "./data_set.ts";
import { type WeightChoice, weightChoices } from "./run_weights.ts";

/** What the user asked for; what was left out is undefined. */
export interface EvaluateCommand {
  readonly images: string;
  readonly model?: string;
  readonly weights?: WeightChoice;
  readonly classes?: string;
  readonly kind?: DataSetKind;
  readonly real?: string;
  readonly shankar?: string;
  readonly multiLabel?: string;
  readonly size?: Pair;
  readonly resize?: Pair | "whole";
  readonly trainSize: boolean;
  readonly fgsm?: number;
  readonly storage?: Storage;
  readonly batch?: number;
  readonly workers?: number;
  readonly limit?: number;
  readonly perClass: boolean;
  readonly csv?: string;
  readonly json?: string;
  readonly exifOrientation: boolean;
  readonly strict: boolean;
  readonly quiet: boolean;
}

const OPTIONS = {
  model: {
    value: "M",
    help: "a training run's folder, a folder with config.json and weights, a weight\n" +
      "file beside its config.json, or hf:owner/name[@revision]; default\n" +
      "EfficientNet-Lite0, which is included",
  },
  weights: {
    value: "W",
    help: "of a training run: trained, those after the last update, or average, their\n" +
      "moving average; default what model.safetensors holds: the average, if any",
  },
  classes: {
    value: "FILE",
    help: "names of the model's classes: one a line, or tab-separated with a header\n" +
      "(index, wnid, name); default its folder's, else ImageNet's if there are 1,000",
  },
  kind: { value: "KIND", help: `${dataSetKinds.join(", ")}; default what folders tell` },
  real: { value: "FILE", help: "ReaL's real.json, or lists of class indices in the order of the images" },
  shankar: { value: "FILE", help: "annotations of Shankar et al., human_accuracy_v3.0.0.json" },
  "multi-label": {
    value: "FILE",
    help: "for mAP: lists of class indices as in real.json, or COCO's instances_*.json",
  },
  size: {
    value: "N|HxW",
    help: "pixels that the network sees; default by its config.json: test_input_size, else\ninput_size",
  },
  resize: {
    value: "N|HxW",
    help: "pixels that an image is resized to cover before its centre is taken; default\n" +
      "the size divided by test_crop_pct, else by crop_pct. The paper: --resize 256\n--size 224",
  },
  "use-train-size": {
    help: "pass over test_input_size and test_crop_pct, as timm's validate.py does by the\noption of this name",
  },
  whole: { help: "resize the whole image to the size instead, without cropping" },
  fgsm: {
    value: "EPSILON",
    help: "also attack each image by one step of FGSM: colours move by EPSILON, a share of\n" +
      "their range such as 0.03 or 8/255, so that the loss of the label rises",
  },
  storage: { value: "TYPE", help: "f32 or f16 for what is between layers; default f32" },
  batch: { value: "N", help: "images of a step; default by the adapter. Changes no result" },
  workers: { value: "N", help: "threads that decode; default all cores but one. Changes no result" },
  limit: { value: "N", help: "only the first N images" },
  "per-class": { help: "show, and write, the figures of each class" },
  csv: { value: "FILE", help: "write the figures: measure, of, value, standard_error, images" },
  json: { value: "FILE", help: "write them with the model, the data set and images that were not decoded" },
  "exif-orientation": {
    help: "turn images as their EXIF orientation says; default as they are stored, as\n" +
      "torchvision's loader gives them",
  },
  strict: { help: "stop at an image that cannot be decoded, instead of counting it" },
  quiet: { help: "no progress and no table" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const EVALUATE_HELP = `Measure how well a classifier does on images whose classes are known

Usage: deno task evaluate IMAGES [options]

IMAGES is a folder of class folders, tar shards or Parquet, as deno task relabel takes them. Classes
are found among the model's by WordNet identifier or name. Kinds of data sets:
  folder       the class of an image is its folder, or its label in a tar or Parquet file
  imagenet-v2  folders are called 0 to 999, the index of the class
  imagenet-a   only the 200 classes of ImageNet-A are ranked
  imagenet-c   <corruption>/<1 to 5>/<class>/<image>: mCE and mean error; corruptions may be missing

Measured are top-1 and top-5 with standard errors, and by files that say what images show: ReaL
accuracy, that of Shankar et al. as mean of images and of classes, and mAP. Images that cannot be
decoded are counted and named. Under mpiexec, or srun --mpi=pmi2, processes share the images.
Exit codes: 0, 1 for a failure, 2 for a wrong option.

Options
${formatOptions(OPTIONS)}

Examples
  deno task evaluate ~/imagenet/val --resize 256 --size 224
  deno task evaluate ~/imagenet/val --real real.json --shankar human_accuracy_v3.0.0.json
  deno task evaluate scenes/test/images --model runs/relabel --whole --real scenes/test/real.json
  deno task evaluate ~/imagenet-c --csv corruptions.csv
  deno task evaluate ~/imagenet/val --fgsm 8/255 --limit 5000
  deno task evaluate ~/coco/val2017 --model runs/coco --multi-label instances_val2017.json
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, its value is not one that it can have, or no images are named.
 */
export function readEvaluateOptions(args: readonly string[]): EvaluateCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task evaluate", 1);
  if (typeof given === "string") return given;
  const [images] = given.words;
  if (images === undefined) {
    throw new UsageError("Cannot evaluate without images: name their folder, see deno task evaluate --help");
  }
  const count = (name: keyof typeof OPTIONS) => {
    const text = given.text(name);
    return text === undefined ? undefined : readCount(text, name);
  };
  const size = (name: "size" | "resize") => {
    const text = given.text(name);
    return text === undefined ? undefined : readSize(text, name);
  };
  const choice = <Choice extends string>(name: keyof typeof OPTIONS, choices: readonly Choice[]) => {
    const text = given.text(name);
    return text === undefined ? undefined : readChoice(text, name, choices);
  };
  if (given.has("whole") && given.text("resize") !== undefined) {
    throw new UsageError("Cannot use --resize with --whole: nothing is cropped");
  }
  const fgsm = given.text("fgsm");
  if (fgsm !== undefined && given.text("storage") === "f16") {
    throw new UsageError("Cannot use --fgsm with --storage f16: small gradients would have no sign");
  }
  return {
    images,
    model: given.text("model"),
    weights: choice("weights", weightChoices),
    classes: given.text("classes"),
    kind: choice("kind", dataSetKinds),
    real: given.text("real"),
    shankar: given.text("shankar"),
    multiLabel: given.text("multi-label"),
    size: size("size"),
    resize: given.has("whole") ? "whole" : size("resize"),
    trainSize: given.has("use-train-size"),
    fgsm: fgsm === undefined ? undefined : readEpsilon(fgsm),
    storage: choice<Storage>("storage", ["f32", "f16"]),
    batch: count("batch"),
    workers: count("workers"),
    limit: count("limit"),
    perClass: given.has("per-class"),
    csv: given.text("csv"),
    json: given.text("json"),
    exifOrientation: given.has("exif-orientation"),
    strict: given.has("strict"),
    quiet: given.has("quiet"),
  };
}

function readEpsilon(text: string): number {
  const epsilon = parseNumber(text);
  if (epsilon > 0 && epsilon <= 1) return epsilon;
  throw new UsageError(`Cannot use --fgsm ${text}: expected more than 0 and at most 1, such as 0.03 or 8/255`);
}
