/**
 * Images in tar shards: WebDataset's, or plain archives of class folders.
 *
 * If the first sample has a `.cls` or `.json` member beside its image, the shards are a **WebDataset**: consecutive
 * members that share the name up to the first dot of its last part are a sample, and the label of its image (or images)
 * is the integer in `.cls`, or `label` (or `cls`) in the JSON; a sample without either has no label.
 *
 * Otherwise they are **plain archives**: folders that all images share are set aside (`train/` of `train/cat/1.jpg`), the
 * next folder is the class, and classes are numbered in natural order over all shards, as in a folder of class folders.
 * That takes one pass over the headers when the source is opened; images in no class folder have no label.
 *
 * A shard that is damaged ends early: its images up to the damage are given, then one entry named as the shard, whose
 * `unreadable` says what was found at which byte, then the next shard.
 *
 * @module
 */

import { type ByteStream, openByteStream } from "./byte_stream.ts";
import { isImageName } from "./folder_source.ts";
import { compareNatural } from "./natural_sort.ts";
import type { FilePlace, ImageRange, ImageSource, ListedImage, Shard, StoredImage } from "./source.ts";
import { type ImageSurvey, surveyImages } from "./survey.ts";
import { readTar, type TarMember } from "./tar.ts";

/** An image member before it has its position and its label. */
export interface Member {
  readonly name: string;
  /** Null where it was passed over. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly label: number | null;
  /** Where it is in the shard; null in a gzipped one. */
  readonly place: FilePlace | null;
}

/** What one pass over the headers finds. */
interface Scan {
  /** Entries of each shard, the one for its damage included. */
  readonly counts: readonly number[];
  /** Folders of the images, each once. */
  readonly folders: ReadonlySet<string>;
}

/**
 * Opens tar shards.
 *
 * @param path What the user named, for messages.
 * @param shards The files in order.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If the shards hold no image.
 */
export async function openTarShards(path: string, shards: readonly Shard[]): Promise<ImageSource> {
  const grouped = await isWebDataset(shards);
  // A first shard that is damaged from its first byte leaves the kind open; a pass over all of them settles it.
  let scan = grouped ? null : await scanShards(shards);
  if (scan && scan.folders.size === 0) {
    throw new Deno.errors.NotFound(`Cannot find images in "${path}": ${await describeFirstMembers(shards)}`);
  }
  const classOf = classFolders(scan?.folders ?? new Set());

  /** The entries of a range; shards that come before it are passed over once their entries have been counted. */
  async function* entries(
    { start = 0, end = Infinity }: ImageRange,
    withBytes: boolean,
  ): AsyncGenerator<{ index: number; key: string; label: number | null; path: string; entry: TarEntry }> {
    let index = 0;
    for (let shard = 0; shard < shards.length && index < end; shard++) {
      const { name, path } = shards[shard];
      const count = scan?.counts[shard];
      if (count !== undefined && index + count <= start) {
        index += count;
        continue;
      }
      const first = index;
      const wanted = (position: number) => withBytes && first + position >= start && first + position < end;
      for await (const entry of (grouped ? readSamples : readTarImages)(shards[shard], wanted)) {
        if (index >= end) return;
        if (index >= start) {
          if ("unreadable" in entry) yield { index, key: name, label: null, path, entry };
          else {
            const label = entry.label ?? classOf.label(entry.name);
            yield { index, key: `${name}/${entry.name}`, label, path, entry };
          }
        }
        index++;
      }
    }
  }

  const unlabelled = grouped ? "without a label beside them" : "in no class folder";

  async function* list(range: ImageRange = {}): AsyncGenerator<ListedImage> {
    for await (const { index, key, label, path, entry } of entries(range, false)) {
      const why = label === null ? { unlabelled } : {};
      yield { index, key, label, ...why, path, place: "unreadable" in entry ? entry : entry.place };
    }
  }

  let surveyed: Promise<ImageSurvey> | undefined;
  return {
    path,
    description: `${shards.length} tar shard${shards.length === 1 ? "" : "s"}`,
    classes: classOf.names,
    async count() {
      scan ??= await scanShards(shards);
      return scan.counts.reduce((sum, count) => sum + count, 0);
    },
    async *read(range: ImageRange = {}): AsyncGenerator<StoredImage> {
      for await (const { index, key, label, entry } of entries(range, true)) {
        yield { index, key, label, bytes: "unreadable" in entry ? entry : entry.bytes! };
      }
    },
    list,
    survey: () => surveyed ??= surveyImages(list()),
  };
}

/** An image of a shard, or its damage. */
export type TarEntry = Member | { readonly unreadable: string };

/**
 * The images of one shard, without the labels that a WebDataset's members beside them hold.
 *
 * @param shard The file.
 * @param wanted Says by position in the shard whose bytes to read.
 * @returns The images in order, and at the end the damage if there is any.
 */
export async function* readTarImages(
  shard: Shard,
  wanted: (position: number) => boolean,
): AsyncGenerator<TarEntry> {
  let stream;
  try {
    stream = await openByteStream(shard.path);
    let position = 0;
    for await (const member of readTar(stream)) {
      if (!isImageMember(member.name)) continue;
      const place = placeOf(member, shard, stream);
      yield { name: member.name, bytes: await readIf(wanted(position), member), label: null, place };
      position++;
    }
  } catch (error) {
    yield { unreadable: damage(shard, error) };
  } finally {
    stream?.close();
  }
}

/** The images of a WebDataset's shard, held back until the label of their sample is known. */
async function* readSamples(shard: Shard, wanted: (position: number) => boolean): AsyncGenerator<TarEntry> {
  let stream;
  let sample: Omit<Member, "label">[] = [];
  let key = "";
  let label: number | null = null;
  let failure: string | null = null;
  try {
    stream = await openByteStream(shard.path);
    let position = 0;
    for await (const member of readTar(stream)) {
      if (sampleKey(member.name) !== key) {
        for (const image of sample) yield { ...image, label };
        key = sampleKey(member.name);
        sample = [];
        label = null;
      }
      if (isImageMember(member.name)) {
        const place = placeOf(member, shard, stream);
        sample.push({ name: member.name, bytes: await readIf(wanted(position), member), place });
        position++;
      } else if (isLabelMember(member.name)) {
        label ??= parseLabel(member.name, await member.read());
      }
    }
  } catch (error) {
    failure = damage(shard, error);
  } finally {
    stream?.close();
  }
  for (const image of sample) yield { ...image, label };
  if (failure !== null) yield { unreadable: failure };
}

/** A member counts only if all of it is there, read or not: otherwise positions would depend on where reading starts. */
async function readIf(wanted: boolean, member: TarMember): Promise<Uint8Array<ArrayBuffer> | null> {
  if (wanted) return await member.read();
  await member.skip();
  return null;
}

function placeOf({ offset, size }: TarMember, { path }: Shard, { isPlain }: ByteStream): FilePlace | null {
  return isPlain ? { path, range: { offset, length: size } } : null;
}

function damage(shard: Shard, error: unknown): string {
  return `Cannot read tar shard "${shard.path}": ${(error as Error).message}`;
}

function isImageMember(name: string): boolean {
  return isImageName(name) && !lastPart(name).startsWith(".");
}

function isLabelMember(name: string): boolean {
  return /\.(cls|json)$/.test(name);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf("/") + 1);
}

/** WebDataset's: everything before the first dot of the last part of the name. */
function sampleKey(name: string): string {
  const part = lastPart(name);
  const dot = part.indexOf(".");
  return dot < 0 ? name : name.slice(0, name.length - part.length + dot);
}

/** The integer of a `.cls` member, or `label` or `cls` of a JSON object; null if there is none. */
function parseLabel(name: string, bytes: Uint8Array): number | null {
  const text = new TextDecoder().decode(bytes).trim();
  if (name.endsWith(".cls")) return /^\d+$/.test(text) ? Number(text) : null;
  try {
    const value = JSON.parse(text);
    const label = value?.label ?? value?.cls;
    return Number.isSafeInteger(label) && label >= 0 ? label : null;
  } catch {
    return null;
  }
}

/** Looks at the first sample that holds an image, in the first shard that has one. */
async function isWebDataset(shards: readonly Shard[]): Promise<boolean> {
  for (const shard of shards) {
    let key = "";
    let images = 0;
    let labels = 0;
    let stream;
    try {
      stream = await openByteStream(shard.path);
      for await (const { name } of readTar(stream)) {
        if (sampleKey(name) !== key) {
          if (images > 0) break;
          key = sampleKey(name);
          labels = 0;
        }
        if (isImageMember(name)) images++;
        else if (isLabelMember(name)) labels++;
      }
    } catch {
      // Reading will report the damage in its place.
    } finally {
      stream?.close();
    }
    if (images > 0) return labels > 0;
  }
  return false;
}

async function scanShards(shards: readonly Shard[]): Promise<Scan> {
  const counts: number[] = [];
  const folders = new Set<string>();
  for (const shard of shards) {
    let count = 0;
    for await (const entry of readTarImages(shard, () => false)) {
      count++;
      if (!("unreadable" in entry)) folders.add(entry.name.slice(0, Math.max(entry.name.lastIndexOf("/"), 0)));
    }
    counts.push(count);
  }
  return { counts, folders };
}

interface ClassFolders {
  readonly names: readonly string[] | null;
  label(name: string): number | null;
}

/** Classes by the first folder that not all images share. */
function classFolders(folders: ReadonlySet<string>): ClassFolders {
  const paths = [...folders].map((folder) => folder === "" ? [] : folder.split("/"));
  let shared = paths[0]?.length ?? 0;
  for (const path of paths) {
    while (path.slice(0, shared).join("/") !== paths[0].slice(0, shared).join("/")) shared--;
  }
  // One folder alone is the one class.
  if (paths.length === 1 && shared > 0) shared--;
  const names = [...new Set(paths.filter((path) => path.length > shared).map((path) => path[shared]))];
  names.sort(compareNatural);
  const labels = new Map(names.map((name, label) => [name, label]));
  return {
    names: names.length > 0 ? names : null,
    label(name) {
      const parts = name.split("/");
      return parts.length > shared + 1 ? labels.get(parts[shared]) ?? null : null;
    },
  };
}

/** For the message when there is no image: what is wrong with the first shard, or what it holds instead. */
async function describeFirstMembers(shards: readonly Shard[]): Promise<string> {
  const names: string[] = [];
  const { name, path } = shards[0];
  let stream;
  try {
    stream = await openByteStream(path);
    for await (const member of readTar(stream)) {
      names.push(`"${member.name}"`);
      if (names.length === 3) break;
    }
  } catch (error) {
    return `tar shard "${name}": ${(error as Error).message}`;
  } finally {
    stream?.close();
  }
  return names.length > 0 ? `"${name}" begins with ${names.join(", ")}` : `"${name}" is an empty archive`;
}
