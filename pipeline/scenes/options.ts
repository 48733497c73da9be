/**
 * The options of `deno task scenes`.
 *
 * @module
 */

import { choices, count, flag, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { formatCount } from "../command/numbers.ts";
import { seed } from "../command/shared_options.ts";
import { MOST_OBJECTS } from "./scene_layout.ts";
import { type Split, splits } from "./scene_numbers.ts";

/** Images of a split, if nothing else is said. */
export const SPLIT_IMAGES: Readonly<Record<Split, number>> = {
  train: 4_000,
  validation: 2_000,
  test: 5_000,
  extra: 20_000,
};

const DEFAULT_FOLDER = "scenes";

/** `--least-objects`: the fewest objects of a scene. */
export function leastObjects<const Statement extends { readonly default?: number }>(
  help: string,
  statement: Statement,
) {
  return count({ most: MOST_OBJECTS, help: `${help}, 1 to ${MOST_OBJECTS}`, ...statement });
}

/** The command. */
export const SCENES = defineCommand({
  name: "scenes",
  title: "Make a small data set with several objects per image, of which all is known",
  about: `Images are 64 x 64 pixels and show one to four of 16 classes: a bar, crescent, disk, plus, ring, square,
star or triangle, plain or striped, on noise. The single label names one of them, drawn in proportion to
the cube of its visible area, so that no classifier can be right about all of them.

Each split is a folder under FOLDER (default ${DEFAULT_FOLDER}):
  images/<class>/<index>.png  RGB, in the folder of the single label
  masks/<class>/<index>.png   grey: 0 for background, or 1 and the index of the class that is seen
  boxes.csv                   key,class,top,left,height,width of each object, in fractions of the image
  real.json                   all classes of each image, as ReaL: a list of lists of class indices, in
                              the order of the images
  classes.txt                 the names of the classes, one per line
  scenes.json                 seed, split, start, number of images and the least of objects

What an image shows depends on seed, split, index and --least-objects alone. A run that stopped goes on when the same
command is given again. Exit codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process
writes there, 130 after Ctrl-C, 143 after SIGTERM.`,
  options: {
    folder: word("FOLDER", { default: DEFAULT_FOLDER }),
    splits: choices(splits, {
      name: "split",
      default: splits,
      help: `of ${splits.join(", ")}, with commas between; default all`,
    }),
    count: count({
      help: `images of each split; default ${
        splits.map((split) => `${formatCount(SPLIT_IMAGES[split])} ${split}`).join(", ")
      }`,
    }),
    // What --count was called: elsewhere it is a folder.
    images: count({ help: "", isHidden: true }),
    start: count({ value: "I", least: 0, default: 0, help: "index of the first image of each split" }),
    leastObjects: leastObjects("no scenes with fewer objects", { default: 1 }),
    seed: seed("another data set for each integer from 0"),
    quiet: flag({ help: "no progress and no summary" }),
  },
  examples: [
    "deno task scenes",
    "deno task scenes small --split train,test --count 200",
    "deno task scenes crowded --split train --least-objects 3",
    "deno task scenes second --split train --start 1000 --count 1000",
  ],
  resolve: ({ count, images, ...options }) => ({ ...options, count: count ?? images }),
});

/** What the user asked for; without `count`, of each split its own number of images. */
export type ScenesCommand = OptionsOfCommand<typeof SCENES>;
