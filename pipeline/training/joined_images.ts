/**
 * Images of several roots as one: their keys begin with the number of their root, `0/cat/1.jpg` and `1/cat/1.jpg`, and classes
 * of one name are one class.
 *
 * @module
 */

import { joinTallies } from "../../formats/images/survey.ts";
import type { ImageSurvey } from "../../formats/images/mod.ts";
import type { ImageStore } from "./image_store.ts";

/** What is in several sources, one after the other. */
export interface Places {
  /** Things in all of them. */
  readonly length: number;
  /**
   * Finds a thing.
   *
   * @param index Its position among all.
   * @returns Which source it is of, and its position there.
   */
  at(index: number): { readonly root: number; readonly index: number };
  /** The position among all of a source's first thing. */
  start(root: number): number;
}

/**
 * Numbers the things of several sources one after the other.
 *
 * @param lengths How many each has.
 * @returns Root and position in it of each thing, by its position among all.
 */
export function placesOf(lengths: readonly number[]): Places {
  const starts = lengths.map((_, root) => lengths.slice(0, root).reduce((sum, length) => sum + length, 0));
  return {
    length: lengths.reduce((sum, length) => sum + length, 0),
    at(index) {
      const root = starts.findLastIndex((start, root) => index >= start && lengths[root] > 0);
      return { root, index: index - starts[root] };
    },
    start: (root) => starts[root],
  };
}

/**
 * Joins image stores.
 *
 * @param stores The stores, one or more; one alone is given back as it is.
 * @param subject What a message begins with.
 * @returns A store of all their images; closing it closes them.
 * @throws {TypeError} If classes have names in some of them and numbers in others.
 */
export function joinImageStores(stores: readonly ImageStore[], subject: string): ImageStore {
  if (stores.length === 1) return stores[0];
  const places = placesOf(stores.map(({ keys }) => keys.length));
  const { classes, labels } = joinClasses(stores, subject);
  const bytes = new Float64Array(places.length);
  stores.forEach((store, root) => bytes.set(store.bytes, places.start(root)));
  return {
    description: stores.map(({ description }) => description).join(" and "),
    keys: stores.flatMap(({ keys }, root) => keys.map((key) => `${root}/${key}`)),
    labels,
    bytes,
    classes,
    survey: stores.map(({ survey }) => survey).reduce(joinSurveys),
    decode(position) {
      const { root, index } = places.at(position);
      return stores[root].decode(index);
    },
    oriented: () => stores.reduce((sum, store) => sum + store.oriented(), 0),
    release(position, image) {
      const { root, index } = places.at(position);
      stores[root].release(index, image);
    },
    close: () => stores.forEach((store) => store.close()),
  };
}

/** The classes of all: those of the first, then those that the next ones have beside them. */
function joinClasses(stores: readonly ImageStore[], subject: string): Pick<ImageStore, "classes" | "labels"> {
  const named = stores.filter(({ classes }) => classes !== null).length;
  if (named > 0 && named < stores.length) {
    throw new TypeError(`${subject}: classes of some have names, and those of others are numbers`);
  }
  const indices = new Map<string, number>();
  for (const name of stores.flatMap(({ classes }) => classes ?? [])) {
    if (!indices.has(name)) indices.set(name, indices.size);
  }
  const labels = stores.flatMap(({ classes, labels }) =>
    Array.from(labels, (label) => label < 0 || classes === null ? label : indices.get(classes[label])!)
  );
  return { classes: named > 0 ? [...indices.keys()] : null, labels: Int32Array.from(labels) };
}

function joinSurveys(first: ImageSurvey, second: ImageSurvey): ImageSurvey {
  return {
    images: first.images + second.images,
    labelled: first.labelled + second.labelled,
    unlabelled: joinTallies(first.unlabelled, second.unlabelled),
    passedOver: joinTallies(first.passedOver, second.passedOver),
    remarks: [...first.remarks, ...second.remarks],
  };
}
