/**
 * What a source holds and what of it is not used: how many images have a label, why others have none, which files are
 * passed over. A survey is of the whole source, whatever part of it is read, so that every shard and every run that goes
 * on says the same.
 *
 * @module
 */

import { compareNatural } from "../base/natural_sort.ts";
import type { ImageSurvey, ListedImage, Tally } from "./image_source.ts";

/** Numbers of things by kind. */
export interface Tallies {
  /** Counts one, or as many as is said, of which `name` is the first. */
  add(what: string, name: string, count?: number): void;
  /** The kinds, the most frequent first, in natural order where they are as frequent. */
  list(): Tally[];
}

/** Kinds that are told apart; what comes after them counts as `other`. */
const MOST_KINDS = 1000;

/** Begins to count things by kind. */
export function createTallies(): Tallies {
  const kinds = new Map<string, { what: string; count: number; first: string }>();
  return {
    add(what, name, count = 1) {
      const kind = kinds.has(what) || kinds.size < MOST_KINDS ? what : "other";
      const found = kinds.get(kind);
      if (found) found.count += count;
      else kinds.set(kind, { what: kind, count, first: name });
    },
    list: () => inOrder([...kinds.values()]),
  };
}

/**
 * Adds up two lists of counts.
 *
 * @param first Numbers by kind; a kind's first is theirs where they have it.
 * @param second Further counts.
 * @returns The sums in the order of {@linkcode Tallies.list}.
 */
export function joinTallies(first: readonly Tally[], second: readonly Tally[]): Tally[] {
  const kinds = new Map(first.map((tally) => [tally.what, tally]));
  for (const tally of second) {
    const found = kinds.get(tally.what);
    kinds.set(tally.what, found ? { ...found, count: found.count + tally.count } : tally);
  }
  return inOrder([...kinds.values()]);
}

function inOrder(tallies: Tally[]): Tally[] {
  return tallies.sort((a, b) => b.count - a.count || compareNatural(a.what, b.what));
}

/**
 * What to count a file as that is passed over: its extension in lower case.
 *
 * @param name Its name, or its key.
 * @returns `.txt`; `without extension` where it has none or a long one.
 */
export function extensionOf(name: string): string {
  return /[^/.](\.[^/.]{1,16})$/.exec(name)?.[1].toLowerCase() ?? "without extension";
}

/**
 * Surveys images as they are listed.
 *
 * @param images All images of the source.
 * @param found What the source notes on the way; read when all images are listed.
 * @returns The survey.
 */
export async function surveyImages(
  images: AsyncIterable<ListedImage>,
  found: () => Pick<ImageSurvey, "passedOver" | "remarks"> = () => ({ passedOver: [], remarks: [] }),
): Promise<ImageSurvey> {
  let count = 0;
  let labelled = 0;
  const unlabelled = createTallies();
  for await (const image of images) {
    count++;
    if (image.label !== null) labelled++;
    else if (image.place && "unreadable" in image.place) unlabelled.add("that cannot be read", image.key);
    else unlabelled.add(image.unlabelled ?? "without a label", image.key);
  }
  return { images: count, labelled, unlabelled: unlabelled.list(), ...found() };
}

/** The largest label: label maps and targets hold int32. */
export const LARGEST_LABEL = 2 ** 31 - 1;

/** The label of an image, or why it has none, to be read after a number of images. */
export type FoundLabel = { readonly label: number } | { readonly label: null; readonly unlabelled: string };

/**
 * The label that a number is.
 *
 * @param value What a data set has as an image's class; null and undefined stand for nothing.
 * @returns The label if it is a whole number from 0 to 2,147,483,647, otherwise why it is none.
 */
export function labelOfNumber(value: unknown): FoundLabel {
  if (value === null || value === undefined) return { label: null, unlabelled: "without a label" };
  if (typeof value !== "number" && typeof value !== "bigint") {
    return { label: null, unlabelled: "whose label is no number" };
  }
  if (value < 0) return { label: null, unlabelled: "with a negative label" };
  if (value > LARGEST_LABEL) return { label: null, unlabelled: "with a label beyond 2,147,483,647" };
  const label = Number(value);
  return Number.isInteger(label) ? { label } : { label: null, unlabelled: "whose label is no whole number" };
}
