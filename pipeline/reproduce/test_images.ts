/**
 * The images that students are compared on.
 *
 * @module
 */

import { join } from "@std/path";
import { parseMultiLabels } from "../../formats/evaluation/mod.ts";
import { openImages } from "../../formats/images/mod.ts";
import type { Outcomes } from "./outcome_statistics.ts";
import { readJsonFile } from "../../formats/base/files.ts";

/** Images with what is true of them. */
export interface TestImages {
  /** The folder of images. */
  readonly path: string;
  readonly keys: readonly string[];
  /** The class that each image's label names. */
  readonly labels: readonly string[];
  /** The classes that each image shows. */
  readonly shown: readonly (readonly string[])[];
}

/**
 * Reads what is true of images.
 *
 * @param folder A split's folder, as `deno task scenes` lays it out.
 * @param classes Names of the classes.
 * @returns The images.
 * @throws {Error} If a file cannot be read.
 */
export async function readTestImages(folder: string, classes: readonly string[]): Promise<TestImages> {
  const path = join(folder, "images");
  const keys = (await Array.fromAsync((await openImages(path)).list())).map(({ key }) => key);
  const subject = `Cannot read the classes of "${folder}"`;
  const lists = parseMultiLabels(await readJsonFile(join(folder, "real.json"), subject), {
    classes: classes.length,
    subject,
  });
  return {
    path,
    keys,
    labels: keys.map((key) => key.split("/")[0]),
    shown: lists.map((list) => list.map((index) => classes[index])),
  };
}

/**
 * Finds the images that a student is right about.
 *
 * @param best The class that it takes each image to be of.
 * @param images The images.
 * @returns The student's outcomes.
 */
export function outcomesOf(best: readonly string[], { labels, shown }: TestImages): Outcomes {
  return {
    top1: best.map((name, image) => name === labels[image] ? 1 : 0),
    real: best.map((name, image) => shown[image].includes(name) ? 1 : 0),
  };
}
