/**
 * Whether a run that goes on has the images that the run before it had: those of finished parts are compared with what the
 * source lists now, by a hash of each part, and image by image where that is another.
 *
 * @module
 */

import { join } from "@std/path";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import { createSourceHash, type FinishedPart } from "../../formats/labels/mod.ts";
import type { FillSource, ListedSourceImage, PartFolder } from "./part_folder.ts";
import { spansOf } from "./spans.ts";

/**
 * Compares the images of a folder's finished parts with those that its source lists.
 *
 * @param folder The open folder. Parts of an earlier version, that have no hash, get theirs when they are found the same.
 * @param source The images.
 * @param options Images of the source and of a part; a signal to stop.
 * @returns False if the signal stopped it.
 * @throws {TypeError} If they are others: the message names the first difference.
 */
export async function checkFinishedParts(
  folder: PartFolder<never>,
  source: Pick<FillSource<unknown>, "list">,
  { rowsPerFile, images, signal }: { rowsPerFile: number; images: number; signal?: AbortSignal },
): Promise<boolean> {
  const { parts } = folder.manifest();
  const spans = spansOf(parts.map(({ part }) => part), { rowsPerFile, images });
  let place = 0;
  /** What is said if no key or label is another: a shard has another size as soon as any of its images is another. */
  let sizes: string | undefined;
  for (const { start, end } of spans) {
    let hash = createSourceHash();
    let kept: ListedSourceImage[] = [];
    let index = start;
    for await (const image of source.list({ start, end })) {
      await letEventsIn();
      if (signal?.aborted) return false;
      const entry = parts[place];
      hash.add(image);
      if (entry.images === undefined) kept.push(image);
      if (++index < end && index % rowsPerFile > 0) continue;
      const found = hash.digest();
      if (found !== entry.images) {
        const first = entry.part * rowsPerFile;
        if (entry.images !== undefined) kept = await Array.fromAsync(source.list({ start: first, end: index }));
        const difference = findDifference(folder, entry, kept, first);
        if (difference !== undefined) throw refusal(folder.path, difference);
        if (entry.images === undefined) folder.noteImages(entry.part, found);
        else sizes ??= describeSizes(folder, entry, kept, first);
      }
      [hash, kept] = [createSourceHash(), []];
      place++;
    }
    if (index < end) throw refusal(folder.path, `of images there were ${end}, and there are ${index}`);
  }
  if (sizes !== undefined) throw refusal(folder.path, sizes);
  return true;
}

function refusal(path: string, difference: string): TypeError {
  return new TypeError(
    `Cannot go on in "${path}": put the images back as they were or choose another folder, since ${difference}`,
  );
}

/** The first image of a part whose key or label is another than its part says. */
function findDifference(
  folder: PartFolder<never>,
  { part }: FinishedPart,
  listed: readonly ListedSourceImage[],
  start: number,
): string | undefined {
  const before = folder.imagesOf(part);
  for (const [place, { key, label }] of listed.entries()) {
    const image = before.get(start + place);
    const name = JSON.stringify(key);
    if (!image) continue;
    if (image.key !== key) return `image ${start + place} was ${JSON.stringify(image.key)}, is ${name}`;
    if (image.label !== undefined && image.label !== label) {
      return `the label of image ${start + place}, ${name}, was ${image.label}, is ${label}`;
    }
  }
}

/** What can be said where keys and labels are the same, and the hash is not: an image has another size. */
function describeSizes(
  { path }: PartFolder<never>,
  { part, file }: FinishedPart,
  listed: readonly ListedSourceImage[],
  start: number,
): string {
  const written = modified(join(path, file));
  const place = listed.findIndex((image) => image.path !== undefined && modified(image.path) > written);
  const changed = place >= 0
    ? `image ${start + place}, ${JSON.stringify(listed[place].key)}, was changed after its row was written`
    : `one of images ${start} to ${start + listed.length - 1} was replaced`;
  return `${changed}: an image of part ${part}, or the file that holds it, has another size in bytes`;
}

/** When a file was changed, milliseconds; 0 if there is none. */
function modified(path: string): number {
  try {
    return Deno.statSync(path).mtime?.getTime() ?? 0;
  } catch {
    return 0;
  }
}
