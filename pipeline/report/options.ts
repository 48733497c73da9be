/**
 * The options of `deno task report`.
 *
 * @module
 */

import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import { text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";
import { boxes, LABELS_FOLDER, seed, threshold } from "../command/shared_options.ts";

/** The command. */
export const REPORT = defineCommand({
  name: "report",
  title: "Look at label maps: one HTML page that says whether they are good",
  about: `LABELS is a folder of label maps, a .parquet file, a pattern, or a folder that was published on the hub,
hf:datasets/OWNER/NAME; default "${LABELS_FOLDER}".
IMAGES is what was relabelled: a folder, tar shards or Parquet; default the sample photographs.

The page holds its pictures and names no folder of this machine, so it can be sent as it is, and stays below
5 MB for any data set. It shows how many images carry several classes, which labels are suspicious, which
classes occur together, label maps as heat maps over their images, and random crops with their pooled labels.`,
  options: {
    labels: word("LABELS", { default: LABELS_FOLDER }),
    images: word("IMAGES", { default: SAMPLE_IMAGES }),
    out: text({ value: "FILE", help: "the page; default report.html in LABELS, or beside it if it is a file" }),
    boxes: boxes("boxes of objects, for two more charts"),
    threshold: {
      ...threshold("an image carries a class from this score on"),
      default: MULTI_LABEL_THRESHOLD,
    },
    seed: seed("another one draws other images and crops"),
  },
  notes: "Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.",
  examples: [
    "deno task report",
    "deno task report labels ~/imagenet/train --out imagenet.html",
    "deno task report maps scenes/images --boxes scenes/boxes.csv --threshold 0.2",
  ],
});

/** What the user asked for. */
export type ReportCommand = OptionsOfCommand<typeof REPORT>;
