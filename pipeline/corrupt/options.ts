/**
 * The options of `deno task corrupt`.
 *
 * @module
 */

import { choice, choices, flag, size, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { exifOrientation, limit, seed, workers } from "../command/shared_options.ts";
import { corruptionNames } from "./corruptions.ts";

const severityNames = ["1", "2", "3", "4", "5"] as const;

/** The folder that is written unless another one is named. */
const DEFAULT_FOLDER = "corrupted";

/** The corruptions in lines that fit. */
function layOutNames(): string {
  const rows = [corruptionNames.slice(0, 8), corruptionNames.slice(8)];
  return rows.map((names) => names.join(", ")).join(",\n");
}

/** The command. */
export const CORRUPT = defineCommand({
  name: "corrupt",
  title: "Corrupt images as ImageNet-C's are, to measure how robust a classifier is",
  about: `IMAGES is a folder of class folders, tar shards or Parquet, as deno task relabel takes them. FOLDER gets
<corruption>/<severity>/<class>/<image>, which deno task evaluate takes: mCE and the error of each.

Corruptions, with the published parameters at severities 1 to 5:
${layOutNames()}

The parameters are in pixels and made for pictures of 224 x 224: smaller ones are hurt more. What is random
depends on the seed, the image's key, the corruption and the severity alone. A run that stopped goes on when
the same command is given again, and corruptions and severities can be added. Exit codes: 0, 1 for a failure,
2 for a wrong option, 75 while another process writes there, 130 after Ctrl-C, 143 after SIGTERM.`,
  options: {
    images: word("IMAGES", { isRequired: true }),
    output: text({ value: "FOLDER", default: DEFAULT_FOLDER, help: "the folder; default {default}" }),
    corruptions: choices(corruptionNames, {
      name: "corruption",
      default: corruptionNames,
      help: "of those above, with commas between; default all",
    }),
    severities: choices(severityNames, {
      name: "severity",
      default: severityNames,
      help: "of 1 to 5, with commas between; default all",
    }),
    size: size({
      help: "first resize each image to cover 256/224 of it and take the middle, as ImageNet-C's\n" +
        "are with 224; default the whole image as it is",
    }),
    format: choice(["jpeg", "png"], {
      value: "F",
      default: "jpeg",
      help: "jpeg (default: quality 85, as ImageNet-C's) or png, which changes no pixel",
    }),
    limit,
    seed: seed("other noise for each integer from 0"),
    exifOrientation,
    workers: { ...workers, help: "threads that corrupt; default all cores. Changes no result" },
    quiet: flag({ help: "no progress and no summary" }),
  },
  examples: [
    "deno task corrupt ~/imagenet/val --size 224 --output imagenet-c",
    "deno task corrupt scenes/test/images --format png --corruption gaussian_noise,fog --severity 1,3",
    "deno task evaluate imagenet-c --model run",
  ],
  resolve: ({ severities, ...options }) => ({ ...options, severities: severities.map(Number) }),
});

/** What the user asked for. */
export type CorruptCommand = OptionsOfCommand<typeof CORRUPT>;
