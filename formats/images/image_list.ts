/**
 * A source that was looked through once: its images with their labels and places are in a file, so that of a thousand
 * processes each begins where its images are, without a walk over folders, headers or ends of files.
 *
 * What a range costs: of the list, its end and the lines of the range; of a folder, the images and whether they are
 * there; of plain tar shards, the images; of gzipped ones, all that comes before them in the same shard; of Parquet, the
 * ends and row groups of the files that hold the range.
 *
 * @module
 */

import { resolve } from "@std/path";
import { failWith, fileError } from "../base/files.ts";
import { readPart } from "./image_file.ts";
import {
  createListFile,
  type ListedShard,
  type ListLine,
  type ListReader,
  type ListWriter,
  openListFile,
} from "./image_list_file.ts";
import { readParquetImages } from "./parquet_source.ts";
import { findImages } from "./open_images.ts";
import type { ImageRange, ImageSource, ImageSurvey, ListedImage, ShardFile, StoredImage } from "./image_source.ts";
import { surveyImages } from "./survey.ts";
import { readTarImages } from "./tar_source.ts";
import { numberOf } from "../base/number_of.ts";

/**
 * Writes the list of a source's images.
 *
 * @param source The images; their names, headers and labels are read once.
 * @param path The file, which is replaced when the list is whole.
 * @param onImage Called with the number of images so far.
 * @returns How many images are listed.
 * @throws {TypeError} If the images are on the hub.
 * @throws {Error} If the list cannot be written, or a file of the source is gone.
 */
export async function writeImageList(
  source: ImageSource,
  path: string,
  onImage?: (images: number) => void,
): Promise<{ images: number }> {
  if (source.commit !== undefined) {
    throw new TypeError(`Cannot list images "${source.path}": they are on the hub, which lists them itself`);
  }
  using list = createListFile(path);
  return { images: await fillList(source, list, onImage) };
}

async function fillList(source: ImageSource, list: ListWriter, onImage?: (images: number) => void): Promise<number> {
  const shards: { path: string; bytes: number; images: number }[] = [];
  let root: string | null = null;
  let last: string | undefined;
  let images = 0;
  for await (const { key, label, path, place } of source.list()) {
    if (place && "path" in place && !place.range) {
      root ??= resolve(path).slice(0, -key.length - 1);
      list.append({ key, label });
    } else {
      if (path !== last) shards.push({ path: resolve(path), bytes: (await Deno.stat(path)).size, images: 0 });
      last = path;
      shards[shards.length - 1].images++;
      list.append({ key, label, place: place && "path" in place ? place.range! : place });
    }
    images++;
    onImage?.(images);
  }
  const { description, classes } = source;
  const survey = await source.survey();
  list.finish({ path: resolve(source.path), description, classes, images, root, shards, survey });
  return images;
}

/**
 * Opens a list of images, in place of the folder or files that it lists.
 *
 * @param path The file that {@linkcode writeImageList} wrote.
 * @returns A source of the same images. Reading it throws Deno.errors.NotFound for a file that is gone, and a TypeError
 *   for a tar or Parquet file that has another size than when it was listed.
 * @throws {Deno.errors.NotFound} If there is no such list.
 * @throws {TypeError} If it is no list, or not whole.
 */
export async function openImageList(path: string): Promise<ImageSource> {
  const list = await openListFile(path);
  const { index: { root, shards, images, ...described } } = list;
  let survey: Promise<ImageSurvey> | undefined = described.survey && Promise.resolve(described.survey);

  async function* listed(range?: ImageRange): AsyncGenerator<ListedImage> {
    const files = placed(shards);
    let file = files.next().value;
    for await (const lines of list.lines(range)) {
      for (const { position, key, label, place } of lines) {
        while (file && position >= file.end) file = files.next().value;
        const path = file?.path ?? `${root}/${key}`;
        yield { index: position, key, label, path, place: listedPlace(path, place) };
      }
    }
  }

  return {
    path: described.path,
    description: described.description,
    classes: described.classes,
    count: () => Promise.resolve(images),
    async *read({ start = 0, end = Infinity }: ImageRange = {}): AsyncGenerator<StoredImage> {
      if (root !== null) return yield* readFiles(list, root, path, { start, end });
      for (const shard of placed(shards)) {
        const range = { start: Math.max(start, shard.start), end: Math.min(end, shard.end) };
        if (range.start < range.end) yield* readShard(list, shard, path, range);
      }
    },
    list: listed,
    survey: () => survey ??= surveyImages(listed()),
  };
}

function listedPlace(path: string, place: ListLine["place"]): ListedImage["place"] {
  if (place === undefined) return { path };
  return place && "offset" in place ? { path, range: place } : place;
}

/** A shard and the positions of its images. */
interface PlacedShard extends ListedShard {
  readonly start: number;
  readonly end: number;
}

function* placed(shards: readonly ListedShard[]): Generator<PlacedShard, undefined> {
  let start = 0;
  for (const shard of shards) {
    yield { ...shard, start, end: start + shard.images };
    start += shard.images;
  }
}

/** Images that are files. They are looked for first: a file system that is not mounted must not reject all of them. */
async function* readFiles(
  list: ListReader,
  root: string,
  name: string,
  range: ImageRange,
): AsyncGenerator<StoredImage> {
  for await (const lines of list.lines(range)) {
    const images = lines.map(({ position, key, label }) => {
      return { index: position, key, label, bytes: { path: `${root}/${key}` } };
    });
    const looks = await Promise.allSettled(images.map(({ bytes: { path } }) => Deno.lstat(path)));
    looks.forEach((look, place) => {
      const { path } = images[place].bytes;
      if (look.status === "rejected") throw fileError(`${subject(name)}: "${path}" is listed`, look.reason);
    });
    yield* images;
  }
}

/** Images of a tar or Parquet file, from `start` to before `end`, which are all its. */
async function* readShard(
  list: ListReader,
  shard: PlacedShard,
  name: string,
  { start, end }: { readonly start: number; readonly end: number },
): AsyncGenerator<StoredImage> {
  using file = await openListed(shard, name);
  let packed: PackedImages | undefined;
  try {
    for await (const lines of list.lines({ start, end })) {
      for (const { position, key, label, place } of lines) {
        const image = { index: position, key, label };
        if (place && "offset" in place) yield { ...image, bytes: await readPart(file, shard.path, place) };
        else if (place) yield { ...image, bytes: place };
        else {
          packed ??= await readPacked(shard, { start: position - shard.start, end: end - shard.start });
          // Images that are listed as unreadable are among those that the shard's reader gives.
          let next;
          do next = (await packed.next()).value; while (next && next.position < position - shard.start);
          if (!next) throw new TypeError(`${subject(name)}: "${shard.path}" has fewer images than listed`);
          yield { ...image, bytes: next.bytes };
        }
      }
    }
  } finally {
    await packed?.return(undefined);
  }
}

/** What a shard's reader finds of an image by its position; labels are those of the list, which knows all shards. */
type PackedImage = Pick<StoredImage, "bytes"> & { readonly position: number };
type PackedImages = AsyncGenerator<PackedImage, undefined>;

async function readPacked(
  { path }: ListedShard,
  range: { readonly start: number; readonly end: number },
): Promise<PackedImages> {
  const { kind, shards } = await findImages(path);
  return kind === "parquet" ? readParquetImages(shards[0], range) : readMembers(shards[0], range);
}

async function* readMembers(shard: ShardFile, range: { readonly start: number; readonly end: number }): PackedImages {
  for await (const { position, content } of readTarImages(shard, { range, withBytes: true })) {
    yield { position, bytes: content! };
  }
}

async function openListed({ path, bytes }: ListedShard, name: string): Promise<Deno.FsFile> {
  const file = await Deno.open(path).catch(failWith(`${subject(name)}: "${path}" is listed`));
  const { size } = await file.stat();
  if (size === bytes) return file;
  file.close();
  throw new TypeError(`${subject(name)}: "${path}" has ${numberOf(size, "byte")}, and had ${bytes} when it was listed`);
}

function subject(list: string): string {
  return `Cannot read images by list "${list}"`;
}
