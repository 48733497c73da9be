/**
 * Images in tar shards: WebDataset's, or plain archives of class folders.
 *
 * If an image has a `.cls` of its name in the same shard, or a `.json` with a label, the shards are a **WebDataset**, and
 * labels come from those (`webdataset.ts` says which is whose); an image without one has no label.
 *
 * Otherwise they are **plain archives**: folders that all images share are set aside (`train/` of `train/cat/1.jpg`), the
 * next folder is the class, and classes are numbered in natural order over all shards, as in a folder of class folders.
 * Images in no class folder have no label.
 *
 * Images are the members whose names end as an image's does, hidden ones (`._1.jpg`, `__MACOSX/`) apart. Links are read where
 * they lead, unless the shard is gzipped. Those that cannot be read stand in their place with the reason: a link that leads
 * nowhere, a sparse file, a second member of the same name, of which it is not known which one is meant.
 *
 * A pass over the headers of each shard comes before its images are read, and is made once. A shard that is damaged ends
 * early: its images up to the damage are given, then one entry named as the shard, whose `unreadable` says what was found
 * at which byte, then the next shard.
 *
 * @module
 */

import { openByteStream } from "./byte_stream.ts";
import { refusalOf } from "./image_file.ts";
import { compareNatural } from "../base/natural_sort.ts";
import type { ImageRange, ImageSource, ImageSurvey, ListedImage, ShardFile, StoredImage } from "./image_source.ts";
import { createTallies, type FoundLabel } from "./survey.ts";
import { readTar, type TarMember } from "./tar.ts";
import { damageOf, folderOf, imageMembers, indexShard, OUTSIDE, type ShardIndex } from "./tar_index.ts";
import { numberOf } from "../base/number_of.ts";
import { closing } from "../base/closing.ts";

/**
 * Opens tar shards.
 *
 * @param path What the user named, for messages.
 * @param shards The files in order.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If the shards hold no image.
 */
export async function openTarShards(path: string, shards: readonly ShardFile[]): Promise<ImageSource> {
  const passes: Promise<ShardIndex>[] = [];
  const indexOf = (shard: number) => passes[shard] ??= indexShard(shards[shard]);
  // The first shard with a label beside an image settles what the shards are; without one, all are looked through.
  let isWebDataset = false;
  const folders: string[] = [];
  for (let shard = 0; shard < shards.length && !isWebDataset; shard++) {
    const index = await indexOf(shard);
    ({ isWebDataset } = index);
    for (const folder of index.folders.keys()) folders.push(folder);
  }
  if (!isWebDataset && folders.length === 0) {
    throw new Deno.errors.NotFound(`Cannot find images in "${path}": ${await describeFirstMembers(shards)}`);
  }
  const classes = classFolders(isWebDataset ? [] : folders);

  /** The label of an image, by what is beside it or by its folder. */
  function labelled(name: string, beside: FoundLabel): FoundLabel {
    if (classes.names === null) return beside;
    const label = classes.label(folderOf(name));
    return label === null ? { label, unlabelled: IN_NO_CLASS } : { label };
  }

  /** The entries of a range; shards that come before it are passed over. */
  async function* entries({ start = 0, end = Infinity }: ImageRange, withBytes: boolean): AsyncGenerator<Entry> {
    let first = 0;
    for (let number = 0; number < shards.length && first < end; number++) {
      const shard = shards[number];
      const index = await indexOf(number);
      const range = { start: Math.max(start - first, 0), end: Math.min(end - first, index.count) };
      if (range.start < range.end) {
        for await (const { position, name, content } of readTarImages(shard, { index, range, withBytes })) {
          const verdict = index.verdictOf(position);
          const place = { index: first + position, path: shard.path, content };
          if (name === null) yield { ...place, key: shard.name, label: null };
          else {
            const found = "unreadable" in verdict ? { label: null } : labelled(name, verdict);
            yield { ...place, key: `${shard.name}/${name}`, ...found };
          }
        }
      }
      first += index.count;
    }
  }

  async function survey(): Promise<ImageSurvey> {
    const indices: ShardIndex[] = [];
    for (let shard = 0; shard < shards.length; shard++) indices.push(await indexOf(shard));
    return surveyShards(shards, indices, classes);
  }

  return {
    path,
    description: `${shards.length} tar shard${shards.length === 1 ? "" : "s"}`,
    classes: classes.names,
    count: async () => (await survey()).images,
    async *read(range: ImageRange = {}): AsyncGenerator<StoredImage> {
      for await (const { index, key, label, content } of entries(range, true)) {
        yield { index, key, label, bytes: content! };
      }
    },
    async *list(range: ImageRange = {}): AsyncGenerator<ListedImage> {
      for await (const { content, ...image } of entries(range, false)) {
        yield { ...image, place: content as ListedImage["place"] };
      }
    },
    survey,
  };
}

interface Entry extends Omit<ListedImage, "place"> {
  readonly content: TarImage["content"];
}

const IN_NO_CLASS = "in no class folder";

/** What the shards hold, from what was found in each. */
function surveyShards(
  shards: readonly ShardFile[],
  indices: readonly ShardIndex[],
  classes: ClassFolders,
): ImageSurvey {
  const unlabelled = createTallies();
  const passedOver = createTallies();
  const remarks: string[] = [];
  let [images, labelled, contradicted] = [0, 0, 0];
  for (const [number, index] of indices.entries()) {
    const { path, name } = shards[number];
    images += index.count;
    contradicted += index.contradicted;
    if (index.unreadable) unlabelled.add(index.unreadable.what, index.unreadable.first, index.unreadable.count);
    if (classes.names === null) {
      labelled += index.labelled;
      for (const { what, first, count } of index.unlabelled) unlabelled.add(what, first, count);
    } else {
      for (const { what, first, count } of index.folders.values()) {
        if (classes.label(what) === null) unlabelled.add(IN_NO_CLASS, first, count);
        else labelled += count;
      }
    }
    for (const { what, first, count } of index.passedOver) passedOver.add(what, first, count);
    if (index.unusedLabels > 0) passedOver.add("with a label of no image in the shard", name, index.unusedLabels);
    if (index.isContinued) remarks.push(`"${path}" has another archive behind its end, which is not read`);
  }
  if (contradicted > 0) {
    const images = contradicted === 1 ? "1 image has" : `${numberOf(contradicted, "image")} have`;
    remarks.push(`${images} another label in .json than in .cls, which counts`);
  }
  return { images, labelled, unlabelled: unlabelled.list(), passedOver: passedOver.list(), remarks };
}

/** An image of a shard, or its damage. */
export interface TarImage {
  readonly position: number;
  /** Null for the damage. */
  readonly name: string | null;
  /** Its bytes, or where they are; null if they were not asked for and can only be read after those before them. */
  readonly content: StoredImage["bytes"] | null;
}

/**
 * The images of one shard, without their labels.
 *
 * @param shard The file.
 * @param options Positions, and whether bytes are wanted; what a pass over the shard found, without which images that that
 *   pass refuses are read all the same.
 * @returns The images in order, and at the end the damage if there is any.
 */
export async function* readTarImages(
  shard: ShardFile,
  options: { readonly range: Required<ImageRange>; readonly withBytes: boolean; readonly index?: ShardIndex },
): AsyncGenerator<TarImage> {
  const { range: { start, end }, withBytes, index } = options;
  let position = 0;
  try {
    using stream = closing(await openByteStream(shard.path));
    for await (const member of imageMembers(stream)) {
      if (position >= end) return;
      const { name, offset, size } = member;
      const known = index && position >= start ? knownContent(index, position, member) : undefined;
      const isRead = position >= start && withBytes && !known;
      // A member counts only if all of it is there, read or not: otherwise positions would depend on where reading starts.
      const bytes = isRead ? await readImage(member) : await member.skip();
      const place = stream.isPlain ? { path: shard.path, range: { offset, length: size } } : null;
      if (position >= start) yield { position, name, content: known ?? bytes ?? place };
      position++;
    }
    // That found what is wrong behind the last image, too.
    if (index?.damage && position >= start && position < end) {
      yield { position, name: null, content: { unreadable: index.damage } };
    }
  } catch (error) {
    const content = { unreadable: damageOf(shard, error) };
    if (position >= start && position < end) yield { position, name: null, content };
  }
}

/** Why an image cannot be read, or where the content of a link is; undefined where it is that of the member. */
function knownContent(index: ShardIndex, position: number, { start }: TarMember): TarImage["content"] | undefined {
  const verdict = index.verdictOf(position);
  return "unreadable" in verdict ? verdict : index.links.get(start);
}

async function readImage(member: TarMember): Promise<Uint8Array<ArrayBuffer> | { readonly unreadable: string }> {
  const unreadable = await refusalOf(member.size, member.peek);
  if (unreadable === undefined) return await member.read();
  await member.skip();
  return { unreadable };
}

/** Classes by the first folder that not all images share. */
interface ClassFolders {
  readonly names: readonly string[] | null;
  /** The class of a folder's images. */
  label(folder: string): number | null;
}

/** Classes by the first folder that not all images share. */
function classFolders(folders: readonly string[]): ClassFolders {
  const paths = [...new Set(folders)].filter((folder) => folder !== OUTSIDE)
    .map((folder) => folder === "" ? [] : folder.split("/"));
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
    label: (folder) => labels.get(folder.split("/")[shared]) ?? null,
  };
}

/** What is wrong with the first shard, or what it holds instead of images, for the message where there is no image. */
async function describeFirstMembers(shards: readonly ShardFile[]): Promise<string> {
  const names: string[] = [];
  const { name, path } = shards[0];
  try {
    using stream = closing(await openByteStream(path));
    for await (const member of readTar(stream)) {
      names.push(`"${member.name}"`);
      if (names.length === 3) break;
    }
  } catch (error) {
    return `tar shard "${name}": ${(error as Error).message}`;
  }
  return names.length > 0 ? `"${name}" begins with ${names.join(", ")}` : `"${name}" is an empty archive`;
}
