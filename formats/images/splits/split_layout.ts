/**
 * What a published data set with lists of its splits is: how its folder is recognised, and how a split of it is read.
 *
 * @module
 */

import { failWith } from "../../base/files.ts";
import { showValue } from "../../base/show_value.ts";

/** An image of a split. */
export interface SplitImage {
  /** Path under the data set's folder, `/`-separated. */
  readonly key: string;
  /** Index of its class. */
  readonly label: number;
}

/** A split. */
export interface Split {
  readonly classes: readonly string[];
  /** In the order of the list. */
  readonly images: readonly SplitImage[];
}

/** A data set's layout. */
export interface SplitLayout {
  /** The data set's name. */
  readonly name: string;
  /** Files under its folder, all of which one of its forms has. */
  readonly forms: readonly (readonly string[])[];
  /** Names of its splits, and others that {@linkcode read} knows, as words. */
  readonly splits: readonly string[];
  /** Further names of splits, such as `train2`. */
  readonly otherSplits?: RegExp;
  /**
   * The split on which settings are chosen, and the one to train on with it, where the data set has them; without, a part of
   * the first split is held out.
   */
  readonly validation?: { readonly split: string; readonly both: string };
  /**
   * Reads a split.
   *
   * @param root The data set's folder.
   * @param split One of its splits.
   * @param form Which of its forms the folder has.
   * @returns The split's images.
   * @throws {TypeError} If a list cannot be understood.
   * @throws {Error} If one cannot be read.
   */
  read(root: string, split: string, form: number): Promise<Split>;
}

/** A line of a list. */
export interface ListedLine {
  readonly text: string;
  /** What to begin a message about it with: the file and the line. */
  readonly subject: string;
}

/** Bytes of a list; that of Food-101 has two million. */
const MOST_BYTES = 2 ** 26;

/**
 * Reads the lines of a list that are not empty.
 *
 * @param path The file.
 * @returns Lines in order, without their ends and what is blank there.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is larger than 64 MiB, or has no line.
 */
export async function readLines(path: string): Promise<ListedLine[]> {
  const subject = `Cannot read "${path}"`;
  const { size } = await Deno.stat(path).catch(failWith(subject));
  if (size > MOST_BYTES) throw new TypeError(`${subject}: it has ${size} bytes, at most ${MOST_BYTES} are read`);
  const text = await Deno.readTextFile(path).catch(failWith(subject));
  const lines = text.split("\n").map((line, index) => ({
    text: line.trimEnd(),
    subject: `${subject}: line ${index + 1}`,
  })).filter(({ text }) => text !== "");
  if (lines.length === 0) throw new TypeError(`${subject}: it has no line`);
  return lines;
}

/**
 * Finds a name among classes.
 *
 * @param classes Indices by name.
 * @param name The name.
 * @param subject What a message begins with.
 * @returns Index of the class, from 0.
 * @throws {TypeError} If it is none of them.
 */
export function classIndex(classes: ReadonlyMap<string, number>, name: string, subject: string): number {
  const index = classes.get(name);
  if (index !== undefined) return index;
  throw new TypeError(`${subject} has class ${showValue(name)}, which is none of ${classes.size}`);
}

/**
 * Numbers names.
 *
 * @param names The names, each once.
 * @param subject What a message begins with.
 * @returns Their places by name.
 * @throws {TypeError} If one comes twice.
 */
export function numbered(names: readonly string[], subject: string): ReadonlyMap<string, number> {
  const indices = new Map(names.map((name, index) => [name, index]));
  if (indices.size === names.length) return indices;
  const twice = names.find((name, index) => indices.get(name) !== index)!;
  throw new TypeError(`${subject}: it has class ${showValue(twice)} twice`);
}

/**
 * Takes a line apart.
 *
 * @param line The line.
 * @param pattern What it should be.
 * @param expected That in words.
 * @returns The pattern's groups.
 * @throws {TypeError} If it is something else.
 */
export function matchLine({ text, subject }: ListedLine, pattern: RegExp, expected: string): string[] {
  const match = pattern.exec(text);
  if (match === null) throw new TypeError(`${subject} is ${showValue(text)}, expected ${expected}`);
  return match.slice(1);
}
