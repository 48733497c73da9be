/**
 * Classes of ImageNet's larger lists as those of a data set, through WordNet: each synset of a list belongs to the nearest
 * of the data set's that it is or is a kind of.
 *
 * `assets/imagenet/wordnet.tsv` holds the hypernyms of WordNet 3.0, and which synsets each list has. Lists are told apart by
 * their length, and are in the order of identifiers, but for one that has ImageNet-1k's first (timm's
 * `infer_imagenet_subset`).
 *
 * @module
 */

import { imageNetClassNames } from "./class_names.ts";
import type { ClassGroups } from "../../kernels/operations/class_sums/kernels.ts";
import type { ClassNames } from "../../formats/labels/mod.ts";
import { formatCount } from "../command/numbers.ts";

const WORD_NET = new URL("../../assets/imagenet/wordnet.tsv", import.meta.url);

/** A list of synsets by its length: the letter that marks them in the file, and whether ImageNet-1k's come first. */
const LISTS: ReadonlyMap<number, { readonly letter: string; readonly known?: true }> = new Map([
  [11221, { letter: "p" }],
  [11821, { letter: "t" }],
  [21841, { letter: "f" }],
  [21842, { letter: "m", known: true }],
  [21843, { letter: "g" }],
]);

/** What the metadata of label maps say of classes that were summed, in their entry `classesFrom`. */
export const CLASSES_FROM_WORD_NET = "WordNet 3.0";

/** WordNet, as far as ImageNet's lists reach. */
export interface WordNet {
  /** What a synset is a kind of. */
  readonly hypernyms: ReadonlyMap<string, readonly string[]>;
  /** The synsets of each list, in order, by its length. */
  readonly lists: ReadonlyMap<number, readonly string[]>;
}

/**
 * Reads WordNet.
 *
 * @returns Its hypernyms, and the lists.
 */
export async function readWordNet(): Promise<WordNet> {
  const [text, { wnid: imageNet }] = await Promise.all([Deno.readTextFile(WORD_NET), imageNetClassNames()]);
  const rows = text.split("\n").slice(1, -1).map((line) => line.split("\t"));
  const first = new Set(imageNet);
  const lists = [...LISTS].map(([length, { letter, known }]) => {
    const synsets = rows.filter(([, , heads]) => heads.includes(letter)).map(([wnid]) => wnid);
    return [length, known ? [...imageNet!, ...synsets.filter((wnid) => !first.has(wnid))] : synsets] as const;
  });
  return {
    hypernyms: new Map(rows.map(([wnid, hypernyms]) => [wnid, hypernyms === "" ? [] : hypernyms.split(" ")])),
    lists: new Map([[1000, imageNet!], ...lists]),
  };
}

/**
 * The synsets of a classifier's classes.
 *
 * @param wordNet What is a kind of what, and the lists.
 * @param name The classifier's, for the message.
 * @param classes How many classes it has.
 * @returns Their identifiers, in order.
 * @throws {TypeError} If no list has as many.
 */
export function synsetsOf({ lists }: WordNet, name: string, classes: number): readonly string[] {
  const synsets = lists.get(classes);
  if (synsets) return synsets;
  throw new TypeError(
    `Cannot sum the classes of "${name}" through WordNet: it has ${formatCount(classes)}, and ImageNet's lists ${
      [...lists.keys()].map(formatCount).join(", ")
    }`,
  );
}

/**
 * Which of a classifier's classes belong to each of a data set's: those whose synset is that class, or a kind of it and not
 * of a nearer one. Of several that are as near the first in the data set's order counts.
 *
 * @param wordNet What is a kind of what, and the lists.
 * @param synsets The classifier's classes.
 * @param targets The data set's.
 * @returns The classifier's classes for each of the data set's.
 * @throws {TypeError} If one of the data set's is no synset that is known.
 */
export function groupSynsets(
  { hypernyms }: WordNet,
  synsets: readonly string[],
  targets: readonly string[],
): ClassGroups {
  const places = new Map(targets.map((wnid, index) => [wnid, index]));
  const unknown = targets.find((wnid) => !hypernyms.has(wnid));
  if (unknown !== undefined) {
    throw new TypeError(
      `Cannot sum classes through WordNet: ${JSON.stringify(unknown)} is no synset of ImageNet's lists`,
    );
  }
  const groups: number[][] = targets.map(() => []);
  synsets.forEach((wnid, index) => {
    for (let level = [wnid]; level.length > 0; level = level.flatMap((below) => [...hypernyms.get(below) ?? []])) {
      const found = level.flatMap((wnid) => places.get(wnid) ?? []);
      if (found.length === 0) continue;
      groups[Math.min(...found)].push(index);
      break;
    }
  });
  return groups;
}

/**
 * The identifiers of classes.
 *
 * @param names Names of classes, of which the file or the folders may be nothing but identifiers.
 * @param whose Words for the message that say where the names are from.
 * @returns The identifiers.
 * @throws {TypeError} If they are not known.
 */
export function identifiersOf({ wnid, name }: ClassNames, whose: string): readonly string[] {
  const identifiers = wnid ?? name;
  if (identifiers.every((text) => /^n\d{8}$/.test(text))) return identifiers;
  throw new TypeError(
    `Cannot sum classes through WordNet: ${whose} are not named by its identifiers, such as n02123045`,
  );
}
