/**
 * How well a rule tells which classes are in pictures.
 *
 * @module
 */

import type { ScoredClass } from "../../formats/labels/mod.ts";
import type { KnownPicture } from "./collages.ts";

/** Shares from 0 to 1. */
export interface Accuracy {
  /** Of the things, those of which a right class was said. */
  readonly recall: number;
  /** Of the classes that were said, those that are in the picture. */
  readonly precision: number;
  readonly f1: number;
}

/**
 * Compares what was said of pictures with what is in them.
 *
 * @param pictures Known pictures.
 * @param scored Classes and scores of each.
 * @param threshold The least score of a class that counts as said.
 * @returns The accuracy over all of them.
 */
export function accuracyOf(
  pictures: readonly KnownPicture[],
  scored: readonly (readonly ScoredClass[])[],
  threshold: number,
): Accuracy {
  let [found, things, right, said] = [0, 0, 0, 0];
  pictures.forEach((picture, index) => {
    const classes = scored[index].filter(({ score }) => score >= threshold).map((one) => one.class);
    things += picture.things.length;
    found += picture.things.filter((thing) => thing.some((value) => classes.includes(value))).length;
    said += classes.length;
    right += classes.filter((value) => picture.things.some((thing) => thing.includes(value))).length;
  });
  const [recall, precision] = [found / things, said > 0 ? right / said : 1];
  return { recall, precision, f1: recall + precision > 0 ? 2 * recall * precision / (recall + precision) : 0 };
}
