/**
 * The options of `deno task verify`.
 *
 * @module
 */

import { UsageError } from "../command/command_line.ts";
import { count, flag, number, repeated, text, word } from "../command/option_kinds.ts";
import { defineCommand, optionName, type OptionsOfCommand } from "../command/option_table.ts";
import { batch, LABELS_FOLDER, seed } from "../command/shared_options.ts";

/**
 * Logits that another adapter may change beyond rounding, by how it stores activations. In float32, Mesa's llvmpipe by
 * Vulkan and by OpenGL, SwiftShader, and both kernel profiles gave the same bits for the sample photographs: what is left is
 * for adapters that fuse multiplications and additions. Activations in float16 moved logits by up to 0.093.
 */
export const DEFAULT_TOLERANCE = { f32: 0.01, f16: 0.2 } as const;

/** The command. */
export const VERIFY = defineCommand({
  name: "verify",
  title: "Check label maps: that they are whole, and still say what their annotator says",
  about: `FOLDER is "${LABELS_FOLDER}" unless given; also a folder of part files without a manifest, or one file.

Manifests, part files, their sizes and SHA-256, and every row are looked at: lists and their lengths,
classes, scores (finite, in order of rank), probabilities, sizes, and that no key is there twice. What
cannot be checked is said. With --annotator a sample is labelled again at the recorded input sizes, type
and number of classes per cell, and averaged as recorded. Exit codes: 0, 1 for a defect or a failure, 2 for a wrong option.`,
  options: {
    path: word("FOLDER", { default: LABELS_FOLDER }),
    annotator: repeated(text({
      value: "A",
      help: "annotate a sample again with this: a folder, a weight file or hf:owner/name, as\n" +
        "in deno task relabel, given again where maps of several were averaged; needs --images",
    })),
    classEmbeddings: text({
      value: "FILE",
      help: "the class embeddings that the label maps were made with, where they were",
    }),
    images: text({ value: "IMAGES", help: "where the labelled images are; a folder of label maps does not say" }),
    sample: count({ default: 32, help: "rows to annotate again, drawn from all" }),
    seed: seed("of the drawing"),
    tolerance: number({
      value: "T",
      range: [0, Infinity],
      expected: "a number of logits, 0 or more",
      help: "logits that a score may differ by, beyond rounding to the type it is stored in,\n" +
        `which is 0.03 for fp16 at a logit of 40; default ${DEFAULT_TOLERANCE.f32}, or ${DEFAULT_TOLERANCE.f16} where the maps were\n` +
        "made with --storage f16. Adapters in software gave the same bits; others may not",
    }),
    batch,
    quiet: flag({ help: "no progress, and nothing is said where there is no defect" }),
  },
  examples: [
    "deno task verify",
    "deno task verify labels448/part-00000.parquet",
    "deno task verify labels --annotator assets/efficientnet_lite0 --images assets/photos --sample 8",
  ],
  resolve({ path, quiet, annotator, images, ...how }, given) {
    if (annotator === undefined) {
      const name = (["classEmbeddings", "images", "sample", "seed", "tolerance", "batch"] as const).find((name) =>
        name in given
      );
      if (name) {
        throw new UsageError(`Cannot use --${optionName(name)} without --annotator: nothing is annotated again`);
      }
      return { path, quiet };
    }
    if (images === undefined) {
      throw new UsageError("Cannot use --annotator without --images: label maps do not say where their images are");
    }
    return { path, quiet, again: { annotator, images, ...how } };
  },
});

/** What the user asked for; without `again` only what is on disk is looked at. */
export type VerifyCommand = OptionsOfCommand<typeof VERIFY>;

/** What a sample is annotated with. */
export type AnnotateAgain = NonNullable<VerifyCommand["again"]>;
