/**
 * Photographs of one thing each, and which of ImageNet's classes it is. `photographs/sources.tsv` lists them with their
 * authors and licences.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { type DecodedImage, decodeImage } from "../../formats/images/mod.ts";

/** A photograph of one thing. */
export interface Photograph {
  readonly name: string;
  readonly image: DecodedImage;
  /** Every class that is right for it; an annotator may say any of them. */
  readonly classes: readonly number[];
}

const SOURCES = new URL("./photographs/sources.tsv", import.meta.url);
const CLASSES = new URL("../../assets/imagenet/classes.tsv", import.meta.url);

/**
 * Reads the photographs.
 *
 * @returns They, as listed.
 * @throws {Error} If a name in the list stands for no class, or for several.
 */
export async function readPhotographs(): Promise<Photograph[]> {
  const names = readTable(CLASSES).map(([, , name]) => name.split(",")[0]);
  return await Promise.all(
    readTable(SOURCES).map(async ([file, classes]) => ({
      name: file.slice(file.lastIndexOf("/") + 1),
      image: await decodeImage(await Deno.readFile(new URL(file, SOURCES))),
      classes: classes.split("|").map((wanted) => {
        const found = [...names.keys()].filter((index) => names[index] === wanted);
        if (found.length !== 1) throw new Error(`Cannot tell which class "${wanted}" of "${file}" is`);
        return found[0];
      }),
    })),
  );
}

/** The rows of a table of tab-separated values but its head. */
function readTable(url: URL): string[][] {
  return Deno.readTextFileSync(fromFileUrl(url)).trimEnd().split("\n").slice(1).map((line) => line.split("\t"));
}
