/**
 * Images of a source in any order: decoded where they lie, out of a cache file, or out of memory.
 *
 * Without a cache file, decoded images are kept in memory as long as there is room. Images that cannot be read alone
 * (those in Parquet and in gzipped shards) are all decoded at the start, and must fit into the cache file or into memory.
 *
 * @module
 */

import { createHash } from "node:crypto";
import {
  type DecodedImage,
  decodeImages,
  type DecodePool,
  type ImageSource,
  type ImageSurvey,
  type ListedImage,
  openImages,
  releaseBytes,
} from "../../formats/images/mod.ts";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import { fileError } from "../../formats/base/files.ts";
import { leadsNowhere } from "../label_folder/listed_images.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { unlessAborted, untilAborted } from "../command/until_aborted.ts";
import { type ImageCache, openImageCache, writeImageCache } from "./image_cache.ts";

/** Images by position. */
export interface ImageStore extends Pick<Listing, "keys" | "labels" | "bytes"> {
  /** What the source is: `2 class folders`. */
  readonly description: string;
  /** Names of the classes, where the source knows them. */
  readonly classes: readonly string[] | null;
  /** What the source says of itself. */
  readonly survey: ImageSurvey;
  /**
   * One image. Its pixels may be read until it is given to `release`.
   *
   * @throws {Error} If it cannot be decoded; the message is the reason.
   * @throws {Deno.errors.NotSupported} If no image can be.
   */
  decode(index: number): Promise<DecodedImage>;
  /** How many images were decoded that carry an EXIF orientation other than 1, whether they were turned or not. */
  oriented(): number;
  /** Says that an image is of no more use for now. */
  release(index: number, image: DecodedImage): void;
  close(): void;
}

/** How a store is opened. */
export interface ImageStoreOptions {
  readonly pool: DecodePool;
  /** Whether the pool turns images as their EXIF orientation says: a cache of those is another one. */
  readonly exifOrientation?: boolean;
  /** A file for decoded images. */
  readonly cache?: string;
  /** Bytes of decoded images that are kept in memory, 1 GiB unless given. */
  readonly memory?: number;
  readonly signal?: AbortSignal;
  /** Told of images that are decoded before the store opens. */
  readonly onImage?: (done: number, total: number) => void;
  /** Told what the user should know: that a damaged cache is made anew. */
  readonly onWarning?: (sentence: string) => void;
}

/** Bytes of decoded images that are kept in memory. */
export const MEMORY = 2 ** 30;

/** What is known of a source's images without their bytes. */
interface Listing {
  readonly source: ImageSource;
  readonly keys: readonly string[];
  /** The data set's class of each image, -1 if unknown. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** Bytes of each image as it is stored, or of the file that holds it; -1 where there is none. */
  readonly bytes: Float64Array;
  readonly places: readonly ListedImage["place"][];
  /** SHA-256 of the keys, sizes and times of the files. */
  readonly identity: string;
}

/**
 * Opens a store.
 *
 * @param path What {@linkcode openImages} opens.
 * @param options Where to decode and to keep images.
 * @returns The store; close it. The pool stays open.
 * @throws {RangeError} If images cannot be read alone and do not fit into memory.
 * @throws {DOMException} If the signal ended it, an `AbortError`.
 * @throws {Error} If the source or the cache file cannot be read, or the cache file not be written.
 */
export async function openImageStore(path: string, options: ImageStoreOptions): Promise<ImageStore> {
  const listing = await listImages(path, options);
  const { keys, labels, bytes, source } = listing;
  const images = options.cache === undefined
    ? await openInMemory(path, listing, options)
    : readCache(await openCacheFile(options.cache, listing, options));
  const survey = await source.survey();
  return { description: source.description, keys, labels, bytes, classes: source.classes, survey, ...images };
}

type Images = Pick<ImageStore, "decode" | "oriented" | "release" | "close">;

async function listImages(
  path: string,
  { exifOrientation, signal }: Pick<ImageStoreOptions, "exifOrientation" | "signal">,
): Promise<Listing> {
  const source = await unlessAborted(openImages(path), signal);
  const keys: string[] = [];
  const labels: number[] = [];
  const places: ListedImage["place"][] = [];
  const bytes: number[] = [];
  const identity = createHash("sha256");
  if (exifOrientation) identity.update("EXIF orientation\n");
  if (source.commit !== undefined) identity.update(`${source.commit}\n`);
  const files = new Map<string, Awaited<ReturnType<typeof describeFile>>>();
  for await (const { key, label, path: file, place } of untilAborted(source.list(), signal)) {
    keys.push(key);
    labels.push(label ?? -1);
    places.push(place);
    await letEventsIn();
    signal?.throwIfAborted();
    // Many images of one shard, one after the other.
    if (!files.has(file)) {
      files.clear();
      files.set(file, await describeFile(file));
    }
    const { size, text } = files.get(file)!;
    bytes.push(place && "path" in place ? place.range?.length ?? size : size);
    identity.update(`${key}\0${text}\n`);
  }
  return {
    source,
    keys,
    labels: Int32Array.from(labels),
    bytes: Float64Array.from(bytes),
    places,
    identity: identity.digest("hex"),
  };
}

async function describeFile(path: string): Promise<{ size: number; text: string }> {
  try {
    const { size, mtime } = await Deno.stat(path);
    return { size, text: `${size} ${mtime?.getTime()}` };
  } catch (error) {
    if (!leadsNowhere(error)) throw fileError(`Cannot look at "${path}"`, error);
    // Its image is rejected when it is read.
    return { size: -1, text: "absent" };
  }
}

async function openCacheFile(
  path: string,
  { source, keys, identity }: Listing,
  { pool, signal, onImage, onWarning }: ImageStoreOptions,
): Promise<ImageCache> {
  const found = openImageCache(path, identity, onWarning);
  if (found) return found;
  const { length } = keys;
  await writeImageCache(path, { source, length, identity, pool }, {
    signal,
    onImage: (done) => onImage?.(done, length),
  });
  signal?.throwIfAborted();
  return openImageCache(path, identity)!;
}

function readCache(cache: ImageCache): Images {
  return {
    decode: (index) => Promise.try(() => cache.get(index)),
    oriented: () => cache.oriented,
    release: (_, { pixels }) => releaseBytes(pixels),
    close: cache.close,
  };
}

async function openInMemory(
  path: string,
  { source, keys, labels, places }: Listing,
  { pool, memory = MEMORY, signal, onImage }: ImageStoreOptions,
): Promise<Images> {
  const kept = new Map<number, DecodedImage>();
  const rejected = new Map<number, string>();
  const oriented = new Set<number>();
  const note = (index: number, { orientation }: DecodedImage) => {
    if (orientation !== undefined) oriented.add(index);
  };
  let room = memory;
  const images: Images = {
    async decode(index) {
      const image = kept.get(index);
      if (image) return image;
      const place = places[index];
      if (!place) throw new Error(rejected.get(index));
      const decoded = await pool.decode({ index, key: keys[index], label: labels[index], bytes: place });
      note(index, decoded);
      return decoded;
    },
    oriented: () => oriented.size,
    release(index, image) {
      if (kept.has(index)) return;
      if (image.pixels.length > room) return releaseBytes(image.pixels);
      room -= image.pixels.length;
      kept.set(index, image);
    },
    close: () => kept.clear(),
  };
  if (places.every((place) => place !== null)) return images;
  for await (const result of decodeImages(untilAborted(source.read(), signal), pool, { ahead: 32 })) {
    signal?.throwIfAborted();
    const { index } = result.image;
    if ("decoded" in result) note(index, result.decoded);
    if ("reason" in result) rejected.set(index, result.reason);
    else if (result.decoded.pixels.length <= room) images.release(index, result.decoded);
    else {
      throw new RangeError(
        `Cannot train on "${path}": its images can be read in order only, and ${
          formatNumberOf(keys.length, "image")
        } ` +
          `do not fit into ${Math.round(memory / 2 ** 20)} MiB of memory when decoded: name a file with --cache`,
      );
    }
    onImage?.(index + 1, keys.length);
  }
  return images;
}
