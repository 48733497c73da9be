/**
 * Encoded images by their keys, wherever they are: what a page shows of a few of them.
 *
 * A folder is not listed: a key is the path under it. Of shards, a key names its own, which alone is listed when it is first
 * asked for.
 *
 * @module
 */

import { join } from "@std/path";
import { fileError } from "../../formats/base/files.ts";
import { keepLatest } from "../../formats/base/keep_latest.ts";
import { readImageFile } from "../../formats/images/image_file.ts";
import { type ImageSource, type ListedImage, openImages } from "../../formats/images/mod.ts";
import { findImages } from "../../formats/images/open_images.ts";
import type { ShardFile } from "../../formats/images/image_source.ts";
import { openParquetImages } from "../../formats/images/parquet_source.ts";

/** Images by key. */
export interface ImageReader {
  /**
   * Reads an image.
   *
   * @param key The image's key, as its label map has it.
   * @returns The image's file.
   * @throws {Error} If there is none, or it cannot be read; the message is the reason.
   */
  read(key: string): Promise<Uint8Array<ArrayBuffer>>;
  close(): void;
}

/** Lists of shards that are kept. */
const KEPT_SHARDS = 8;

/**
 * Opens images.
 *
 * @param path What `openImages` opens: a folder, tar shards, Parquet or one image.
 * @returns What reads the images; call `close` when done.
 * @throws {Deno.errors.NotFound} If there is nothing there.
 * @throws {TypeError} If a folder holds several kinds.
 */
export async function openImageReader(path: string): Promise<ImageReader> {
  const { kind, shards, split } = await findImages(path);
  if (split) return readFolder(await Deno.realPath(split.root));
  if (kind === "folder") return readFolder(await Deno.realPath(path));
  if (kind === "file") return readSingle(shards[0]);
  return readShards(shards);
}

function readFolder(root: string): ImageReader {
  return { read: async (key) => await readImageFile({ path: await safePath(root, key) }), close() {} };
}

/** The real path of a key, which is under the root whatever the key says and links do. */
async function safePath(root: string, key: string): Promise<string> {
  const refuse = (reason: string) => new Deno.errors.PermissionDenied(`Cannot read image: ${reason}`);
  const parts = key.split(/[/\\]/);
  if (key === "" || parts[0] === "" || parts.includes("..") || key.includes("\0") || /^[a-z]:/i.test(key)) {
    throw refuse("its key is not a path under the folder of images");
  }
  let real: string;
  try {
    real = await Deno.realPath(join(root, key));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw noImage();
    throw fileError("Cannot read image", error);
  }
  if (!real.startsWith(root.endsWith("/") ? root : `${root}/`)) {
    throw refuse("it is a link out of the folder of images");
  }
  if (!(await Deno.stat(real)).isFile) throw refuse("its key names no file");
  return real;
}

function noImage(): Error {
  return new Deno.errors.NotFound("Cannot read image: there is none of this key");
}

function readSingle({ path, name }: ShardFile): ImageReader {
  return {
    async read(key) {
      if (key !== name) throw noImage();
      return await readImageFile({ path });
    },
    close() {},
  };
}

/** A shard's images and their places. */
interface Listing {
  readonly source: ImageSource;
  readonly images: ReadonlyMap<string, Pick<ListedImage, "index" | "place">>;
}

function readShards(shards: readonly ShardFile[]): ImageReader {
  const listings = new Map<string, Promise<Listing>>();

  const listingOf = (shard: ShardFile) =>
    keepLatest(listings, shard.name, listings.get(shard.name) ?? listShard(shard), KEPT_SHARDS);

  return {
    async read(key) {
      const shard = shards.find(({ name }) => key.startsWith(`${name}/`));
      if (!shard) throw noImage();
      const { source, images } = await listingOf(shard);
      // The list has the shard's own name, and the key that which the shards' folder gives it.
      const image = images.get(key.slice(shard.name.length + 1));
      if (!image) throw noImage();
      const { index, place } = image;
      if (place && "unreadable" in place) throw new Error(place.unreadable);
      if (place) return await readImageFile(place);
      for await (const { bytes } of source.read({ start: index, end: index + 1 })) {
        if (bytes instanceof Uint8Array) return bytes;
        if ("unreadable" in bytes) throw new Error(bytes.unreadable);
      }
      throw noImage();
    },
    close: () => listings.clear(),
  };
}

async function listShard(shard: ShardFile): Promise<Listing> {
  const { path } = shard;
  // A shard of the hub has no path to open.
  const source = shard.open ? await openParquetImages(path, [shard]) : await openImages(path);
  const images = new Map<string, Pick<ListedImage, "index" | "place">>();
  for await (const { key, index, place } of source.list()) {
    const name = key.slice(shard.open ? shard.name.length + 1 : key.indexOf("/") + 1);
    if (!images.has(name)) images.set(name, { index, place });
  }
  return { source, images };
}
