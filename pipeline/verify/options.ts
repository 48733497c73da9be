/**
 * The options of `deno task verify`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readCount,
  readNumber,
  UsageError,
} from "../command/command_line.ts";

/** What the user asked for. */
export interface VerifyCommand {
  readonly path: string;
  /** How to annotate a sample again; left out, only what is on disk is looked at. */
  readonly again?: AnnotateAgain;
  readonly quiet: boolean;
}

/** What a sample is annotated with. */
export interface AnnotateAgain {
  readonly annotator: string;
  readonly images: string;
  readonly sample: number;
  readonly seed: number;
  /** Logits that a score may be off beyond rounding to its type. */
  readonly tolerance?: number;
  readonly batch?: number;
}

/** Folder that `deno task relabel` writes. */
const DEFAULT_PATH = "labels";
const DEFAULT_SAMPLE = 32;

/**
 * Logits that another adapter may change beyond rounding, by how it stores activations. In float32, Mesa's llvmpipe by
 * Vulkan and by OpenGL, SwiftShader, and both kernel profiles gave the same bits for the sample photographs: what is left is
 * for adapters that fuse multiplications and additions. Activations in float16 moved logits by up to 0.093.
 */
export const DEFAULT_TOLERANCE = { f32: 0.01, f16: 0.2 } as const;

const OPTIONS = {
  annotator: {
    value: "A",
    help: "annotate a sample again with this: a folder, a weight file or hf:owner/name, as\n" +
      "in deno task relabel; needs --images",
  },
  images: { value: "IMAGES", help: "where the labelled images are; a folder of label maps does not say" },
  sample: { value: "N", help: `rows to annotate again, drawn from all; default ${DEFAULT_SAMPLE}` },
  seed: { value: "N", help: "of the drawing; default 0" },
  tolerance: {
    value: "T",
    help: "logits that a score may differ by, beyond rounding to the type it is stored in,\n" +
      `which is 0.03 for fp16 at a logit of 40; default ${DEFAULT_TOLERANCE.f32}, or ${DEFAULT_TOLERANCE.f16} where the maps were\n` +
      "made with --storage f16. Adapters in software gave the same bits; others may not",
  },
  batch: { value: "N", help: "images of a step; default by the adapter. Changes no result" },
  quiet: { help: "no progress, and nothing is said where there is no defect" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const VERIFY_HELP = `Check label maps: that they are whole, and still say what their annotator says

Usage: deno task verify [FOLDER] [options]

FOLDER is "${DEFAULT_PATH}" unless given; also a folder of part files without a manifest, or one file.

Manifests, part files, their sizes and SHA-256, and every row are looked at: lists and their lengths,
classes, scores (finite, in order of rank), probabilities, sizes, and that no key is there twice. What
cannot be checked is said. With --annotator a sample is labelled again at the recorded input size, type
and number of classes a cell. Exit codes: 0, 1 for a defect or a failure, 2 for a wrong option.

Options
${formatOptions(OPTIONS)}

Examples
  deno task verify
  deno task verify labels448/part-00000.parquet
  deno task verify labels --annotator assets/efficientnet_lite0 --images assets/photos --sample 8
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, its value is not one that it can have, or another one is needed with it.
 */
export function readVerifyOptions(args: readonly string[]): VerifyCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task verify", 1);
  if (typeof given === "string") return given;
  const [annotator, images, sample, seed, tolerance, batch] =
    (["annotator", "images", "sample", "seed", "tolerance", "batch"] as const).map(given.text);
  if (annotator === undefined) {
    const name = (["images", "sample", "seed", "tolerance", "batch"] as const).find((name) => given.text(name));
    if (name) throw new UsageError(`Cannot use --${name} without --annotator: nothing is annotated again`);
  } else if (images === undefined) {
    throw new UsageError("Cannot use --annotator without --images: label maps do not say where their images are");
  }
  return {
    path: given.words[0] ?? DEFAULT_PATH,
    quiet: given.has("quiet"),
    ...(annotator === undefined || images === undefined ? {} : {
      again: {
        annotator,
        images,
        sample: sample === undefined ? DEFAULT_SAMPLE : readCount(sample, "sample"),
        seed: seed === undefined ? 0 : readCount(seed, "seed", 0),
        tolerance: tolerance === undefined
          ? undefined
          : readNumber(tolerance, "tolerance", [0, Infinity], "a number of logits, 0 or more"),
        batch: batch === undefined ? undefined : readCount(batch, "batch"),
      },
    }),
  };
}
