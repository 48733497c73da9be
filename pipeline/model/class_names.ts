/**
 * What the classes of an annotator, and of a data set, are called.
 *
 * @module
 */

import { failWith } from "../../formats/base/files.ts";
import type { ClassNames } from "../../formats/labels/mod.ts";

const IMAGENET = new URL("../../assets/imagenet/classes.tsv", import.meta.url);

/**
 * Reads names of classes from a file: one per line, or columns separated by tabs under a header that names them: `name`,
 * and perhaps `wnid` and `index` (which counts from 0).
 *
 * @param path The file.
 * @returns The names, by class index.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it has columns but none of names, or lines are not in the order of their indices.
 */
export async function readClassNames(path: string | URL): Promise<ClassNames> {
  const subject = `Cannot read class names from "${path instanceof URL ? path.pathname : path}"`;
  const text = await Deno.readTextFile(path).catch(failWith(subject, "there is no such file"));
  const lines = text.split(/\r?\n/);
  while (lines.at(-1) === "") lines.pop();
  if (!lines[0]?.includes("\t")) return { name: lines };
  const [header, ...rows] = lines.map((line) => line.split("\t"));
  const column = (name: string) => {
    const position = header.indexOf(name);
    return position < 0 ? undefined : rows.map((row) => row[position] ?? "");
  };
  const [index, wnid, name] = [column("index"), column("wnid"), column("name")];
  if (!name) throw new TypeError(`${subject}: its columns are ${header.join(", ")}, expected one called name`);
  const misplaced = index?.findIndex((text, row) => Number(text) !== row) ?? -1;
  if (misplaced >= 0) {
    throw new TypeError(`${subject}: line ${misplaced + 2} has index ${index![misplaced]}, expected ${misplaced}`);
  }
  return { ...(wnid ? { wnid } : {}), name };
}

/**
 * The names of ImageNet's 1,000 classes, in the order that timm's networks have them.
 *
 * @returns Their WordNet identifiers and names.
 */
export function imageNetClassNames(): Promise<ClassNames> {
  return readClassNames(IMAGENET);
}

/**
 * The names of a data set's classes: as its folders are called, and where those are WordNet identifiers of ImageNet, the
 * names they stand for.
 *
 * @param folders The classes as the source names them, or null.
 * @returns Names by class index, undefined if the source has none.
 */
export async function dataSetClassNames(folders: readonly string[] | null): Promise<ClassNames | undefined> {
  if (folders === null) return undefined;
  if (!folders.every((folder) => /^n\d{8}$/.test(folder))) return { name: folders };
  const { wnid, name } = await imageNetClassNames();
  const names = new Map(wnid!.map((identifier, index) => [identifier, name[index]]));
  return { wnid: folders, name: folders.map((folder) => names.get(folder) ?? folder) };
}

/**
 * A class's name for the eye: the first of its synonyms.
 *
 * @param names The annotator's, undefined if it has none.
 * @param index The class.
 * @returns `Egyptian cat`, or `class 285`.
 */
export function className(names: ClassNames | undefined, index: number): string {
  return names?.name[index]?.split(",")[0].trim() || `class ${index}`;
}

/**
 * Finds classes by what a table calls them.
 *
 * @param names The classes' names, where they are known.
 * @param count How many classes there are.
 * @returns A function that gives the index of a wnid, a name or an index; undefined if it is none.
 */
export function classFinder(names: ClassNames | undefined, count: number): (text: string) => number | undefined {
  const indices = new Map<string, number>();
  names?.name.forEach((name, index) => {
    for (const synonym of [name, ...name.split(",")]) {
      const text = synonym.trim().toLowerCase();
      if (!indices.has(text)) indices.set(text, index);
    }
  });
  names?.wnid?.forEach((wnid, index) => indices.set(wnid.toLowerCase(), index));
  return (text) => {
    const found = indices.get(text.trim().toLowerCase());
    if (found !== undefined) return found;
    return /^\d+$/.test(text.trim()) && Number(text) < count ? Number(text) : undefined;
  };
}
