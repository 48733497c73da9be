/**
 * The options of `deno task figures`.
 *
 * @module
 */

import { count, flag, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";
import { boxes, seed } from "../command/shared_options.ts";

/** The command. */
export const FIGURES = defineCommand({
  name: "figures",
  title: "Draw the paper's figures of a data set: what random crops show, and examples of label maps",
  about: `IMAGES is a folder, tar shards or Parquet; default the sample photographs. Of what is given follow

  figure-2.svg   with --boxes: how random crops overlap with the labelled object, cumulated
  figure-5.svg   with --boxes and --maps: how sure the pooled label of a crop is, by that overlap
  figure-a2.svg  with --maps: images beside the heat maps of their two best classes
  figure-a3.svg  with --maps: random crops of images, with the original label and the one that is pooled

Crops are those that deno task train draws. An image's labelled object is any box of the class that its label names;
of images without a label, as COCO's, any box.`,
  options: {
    images: word("IMAGES", { default: SAMPLE_IMAGES }),
    maps: text({ value: "LABELS", help: "label maps of the images: a folder, a .parquet or a .arrow file" }),
    boxes: boxes("boxes of objects, for figures 2 and 5"),
    output: text({ value: "FOLDER", default: "figures", help: "where the figures are written" }),
    sample: count({
      default: 1000,
      help: "images with boxes of which crops are measured, 100 of each, spread evenly over\nall; the paper took 50000",
    }),
    examples: count({
      default: 6,
      most: 100,
      help: "images of figures A2 and A3: of 200 at random, those that show two classes best",
    }),
    seed: seed("another one draws other crops and other examples"),
    quiet: flag({ help: "no progress and no summary" }),
  },
  notes: "Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.",
  examples: [
    "deno task figures --maps labels",
    "deno task figures imagenet/val --boxes LOC_val_solution.csv --sample 50000",
    "deno task figures imagenet/train --maps labels --boxes bounding_boxes.tar.gz",
    "deno task figures train2017 --maps oracle --boxes annotations/instances_train2017.json",
  ],
});

/** What the user asked for. */
export type FiguresCommand = OptionsOfCommand<typeof FIGURES>;
