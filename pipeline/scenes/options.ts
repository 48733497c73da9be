/**
 * The options of `deno task scenes`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readCount,
  splitList,
  UsageError,
} from "../command/command_line.ts";
import { formatCount } from "../command/numbers.ts";
import { MOST_OBJECTS } from "./layout.ts";
import { type Split, splits } from "./random.ts";

/** What the user asked for. */
export interface ScenesCommand {
  readonly folder: string;
  readonly seed: number;
  /** In the order of the folders. */
  readonly splits: readonly Split[];
  /** Images of each split; default the split's own number. */
  readonly images?: number;
  /** The index of each split's first image. */
  readonly start: number;
  /** The fewest objects that are drawn. */
  readonly leastObjects: number;
  readonly quiet: boolean;
}

/** Images of a split, if nothing else is said. */
export const SPLIT_IMAGES: Readonly<Record<Split, number>> = {
  train: 4_000,
  validation: 2_000,
  test: 5_000,
  extra: 20_000,
};

const DEFAULT_FOLDER = "scenes";

const OPTIONS = {
  split: { value: "LIST", help: `of ${splits.join(", ")}, with commas between; default all` },
  images: {
    value: "N",
    help: `images of each split; default ${
      splits.map((split) => `${formatCount(SPLIT_IMAGES[split])} ${split}`).join(", ")
    }`,
  },
  start: { value: "I", help: "index of the first image of each split; default 0" },
  "least-objects": { value: "N", help: "no scenes with fewer objects, 1 to 4; default 1" },
  seed: { value: "S", help: "another data set for each integer from 0; default 0" },
  quiet: { help: "no progress and no summary" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const SCENES_HELP = `Make a small data set with several objects an image, of which all is known

Usage: deno task scenes [FOLDER] [options]

Images are 64 x 64 pixels and show one to four of 16 classes: a bar, crescent, disk, plus, ring, square,
star or triangle, plain or striped, on noise. The single label names one of them, drawn in proportion to
the cube of its visible area, so that no classifier can be right about all of them.

Each split is a folder under FOLDER (default ${DEFAULT_FOLDER}):
  images/<class>/<index>.png  RGB, in the folder of the single label
  masks/<class>/<index>.png   grey: 0 for background, or 1 and the index of the class that is seen
  boxes.csv                   key,class,top,left,height,width of each object, in fractions of the image
  real.json                   all classes of each image, as ReaL: a list of lists of class indices, in
                              the order of the images
  classes.txt                 the names of the classes, one a line
  scenes.json                 seed, split, start, number of images and the least of objects

What an image shows depends on seed, split, index and --least-objects alone. A run that stopped goes on when the same
command is given again. Exit codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process
writes there, 130 after Ctrl-C, 143 after SIGTERM.

Options
${formatOptions(OPTIONS)}

Examples
  deno task scenes
  deno task scenes small --split train,test --images 200
  deno task scenes crowded --split train --least-objects 3
  deno task scenes second --split train --start 1000 --images 1000
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readScenesOptions(args: readonly string[]): ScenesCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task scenes", 1);
  if (typeof given === "string") return given;
  const [split, images] = [given.text("split"), given.text("images")];
  const wanted = split === undefined ? undefined : splitList(split).map((name) => readChoice(name, "split", splits));
  return {
    folder: given.words[0] ?? DEFAULT_FOLDER,
    seed: readCount(given.text("seed") ?? "0", "seed", 0),
    splits: wanted ? splits.filter((split) => wanted.includes(split)) : splits,
    images: images === undefined ? undefined : readCount(images, "images"),
    start: readCount(given.text("start") ?? "0", "start", 0),
    leastObjects: readLeastObjects(given.text("least-objects") ?? "1"),
    quiet: given.has("quiet"),
  };
}

/**
 * Reads the fewest objects of a scene.
 *
 * @param text The option's value.
 * @returns 1 to 4.
 * @throws {UsageError} If it is something else.
 */
export function readLeastObjects(text: string): number {
  const count = readCount(text, "least-objects");
  if (count > MOST_OBJECTS) throw new UsageError(`Cannot use --least-objects ${text}: expected 1 to ${MOST_OBJECTS}`);
  return count;
}
