/**
 * Decoded images in one file, for training runs that would decode them in every epoch.
 *
 * Eight bytes name the format; the pixels of all images follow in the source's order; then width and height of each as
 * 32-bit integers, both 0 for one that cannot be decoded; then JSON that says what the file is of and why those cannot be;
 * then its length in bytes, 32 bits, and the eight bytes again. All little-endian. The file has its name only when it is
 * whole.
 *
 * @module
 */

import {
  type DecodedImage,
  decodeImages,
  type DecodePool,
  type ImageSource,
  releaseBytes,
} from "../../formats/images/mod.ts";
import { bytesOf } from "../../formats/base/bytes.ts";
import { createWholeFile, ifThere, readInto, withSubject } from "../../formats/base/files.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { isAbort, untilAborted } from "../command/until_aborted.ts";
import { isCount } from "../../formats/base/json.ts";

const MAGIC = new TextEncoder().encode("relabelC");

/** Bytes after the JSON. */
const END = 4 + MAGIC.length;

/** The JSON. */
interface Description {
  /** SHA-256 of the list of images that were decoded. */
  readonly identity: string;
  readonly images: number;
  /** Images that carry an EXIF orientation other than 1; absent in caches of earlier versions. */
  readonly oriented?: number;
  /** Reasons by position. */
  readonly rejected: Readonly<Record<string, string>>;
}

/** A cache that is open for reading. */
export interface ImageCache {
  /**
   * @throws {Error} If the image cannot be decoded: the reason of the time when the cache was written.
   */
  get(index: number): DecodedImage;
  /** Images that carry an EXIF orientation other than 1. */
  readonly oriented: number;
  close(): void;
}

/**
 * Opens a cache.
 *
 * @param path The file.
 * @param identity Identity of the images that are wanted.
 * @param onDamage Told in a sentence of a cache that is damaged, which is of no more use.
 * @returns The cache; undefined if there is no file, it is of other images, or damaged.
 * @throws {TypeError} If the file is something else.
 */
export function openImageCache(
  path: string,
  identity: string,
  onDamage?: (sentence: string) => void,
): ImageCache | undefined {
  const subject = `Cannot use "${path}" as a cache of images`;
  using opened = new DisposableStack();
  const file = opened.use(withSubject(subject, () => ifThere(() => Deno.openSync(path))));
  const found = file && readEnd(file, subject);
  if (typeof found === "string") onDamage?.(`Making the cache of images "${path}" anew: ${found}`);
  if (typeof found !== "object" || found.description.identity !== identity) return undefined;
  opened.move();
  return cacheOf(file!, found, subject);
}

/** Sizes of all images, and where each begins. */
interface End {
  readonly description: Description;
  readonly sizes: Uint32Array;
  readonly starts: Float64Array;
}

/** What a cache says of itself at its end; a phrase if it is damaged. */
function readEnd(file: Deno.FsFile, subject: string): End | string {
  const { size, isFile } = file.statSync();
  if (!isFile) throw new TypeError(`${subject}: it is not a file`);
  if (size === 0) return "it is empty";
  const isMagic = (offset: number) =>
    offset >= 0 && offset + MAGIC.length <= size &&
    readAt(file, offset, MAGIC.length, subject).every((byte, index) => byte === MAGIC[index]);
  const isWhole = isMagic(size - MAGIC.length);
  if (!isMagic(0) && !isWhole) throw new TypeError(`${subject}: it is another file`);
  if (!isMagic(0)) return "its beginning is damaged, or of an earlier version";
  if (!isWhole || size < MAGIC.length + END) return "its end is missing";
  const length = new DataView(readAt(file, size - END, 4, subject).buffer).getUint32(0, true);
  const text = size - END - length;
  const description = text < MAGIC.length ? undefined : readDescription(readAt(file, text, length, subject));
  if (!description || text - MAGIC.length < description.images * 8) return "its end is damaged";
  const { images } = description;
  const sizes = new Uint32Array(readAt(file, text - images * 8, images * 8, subject).buffer);
  const starts = new Float64Array(images + 1).fill(MAGIC.length);
  for (let index = 0; index < images; index++) {
    starts[index + 1] = starts[index] + sizes[2 * index] * sizes[2 * index + 1] * 3;
  }
  return starts[images] === text - images * 8 ? { description, sizes, starts } : "the sizes of its images are damaged";
}

function readDescription(bytes: Uint8Array): Description | undefined {
  try {
    const description: Description = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const { identity, images, rejected } = description;
    const isDescription = typeof identity === "string" && isCount(images) &&
      typeof rejected === "object" && rejected !== null;
    return isDescription ? description : undefined;
  } catch {
    return undefined;
  }
}

function cacheOf(file: Deno.FsFile, { description, sizes, starts }: End, subject: string): ImageCache {
  return {
    get(index) {
      const reason = description.rejected[index];
      if (reason !== undefined) throw new Error(reason);
      const [width, height] = sizes.subarray(2 * index, 2 * index + 2);
      return { width, height, pixels: readAt(file, starts[index], width * height * 3, subject) };
    },
    oriented: description.oriented ?? 0,
    close: () => file.close(),
  };
}

function readAt(file: Deno.FsFile, offset: number, length: number, subject: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  file.seekSync(offset, Deno.SeekMode.Start);
  const filled = readInto(file, bytes);
  if (filled < length) throw new Deno.errors.UnexpectedEof(`${subject}: it ends at byte ${offset + filled}`);
  return bytes;
}

/**
 * Decodes all images of a source into a cache. A file of other images under that name is replaced.
 *
 * @param path The file.
 * @param images The images, their number and identity, and where to decode them.
 * @param watch A signal that ends it, and whom to tell how many are done.
 * @returns False if the signal ended it; there is no new file then.
 * @throws {Deno.errors.Busy} If another process writes it.
 * @throws {Error} If the file cannot be written.
 */
export async function writeImageCache(
  path: string,
  images: {
    readonly source: ImageSource;
    readonly length: number;
    readonly identity: string;
    readonly pool: DecodePool;
  },
  watch: { readonly signal?: AbortSignal; readonly onImage?: (done: number) => void } = {},
): Promise<boolean> {
  const { source, length, identity, pool } = images;
  const subject = `Cannot write "${path}"`;
  using lock = takeLock(`${path}.lock`, subject);
  try {
    using file = createWholeFile(path, subject);
    file.write([MAGIC]);
    const sizes = new Uint32Array(length * 2);
    const rejected: Record<string, string> = {};
    let oriented = 0;
    const stored = untilAborted(source.read(), watch.signal);
    for await (const result of decodeImages(stored, pool, { ahead: READ_AHEAD })) {
      if (watch.signal?.aborted) return false;
      const { index } = result.image;
      if ("reason" in result) rejected[index] = result.reason;
      else {
        const { width, height, pixels, orientation } = result.decoded;
        if (orientation !== undefined) oriented++;
        sizes.set([width, height], index * 2);
        file.write([pixels]);
        releaseBytes(pixels);
      }
      watch.onImage?.(index + 1);
    }
    const json = new TextEncoder().encode(
      JSON.stringify({ identity, images: length, oriented, rejected } satisfies Description),
    );
    file.write([bytesOf(sizes), json, bytesOf(Uint32Array.of(json.length)), MAGIC]);
    lock.keep();
    file.finish();
    return true;
  } catch (error) {
    if (isAbort(error, watch.signal)) return false;
    throw error;
  }
}

const READ_AHEAD = 32;
