/**
 * Where images come from: a folder, a split of a published data set, tar shards, Parquet files or one image file, all read the
 * same way.
 *
 * What a path is:
 *
 * | path | read as |
 * | --- | --- |
 * | a file | by its content: Parquet, tar (also gzipped), otherwise one image |
 * | a pattern with braces, `train-{0000..0146}.tar` | the files it names |
 * | a folder with `.parquet` files in it | Parquet |
 * | a folder with `.tar`, `.tar.gz` or `.tgz` files in it | tar shards |
 * | any other folder | images in class folders, or flat |
 * | such a folder and a split, `food-101:train` | the images that a published data set lists for it |
 * | `hf:datasets/owner/name`, with `@revision` and `:split` if need be | Parquet files of the hub, read over the network |
 *
 * A folder that directly holds more than one of these kinds is refused, since each kind numbers its own classes.
 *
 * @module
 */

import { basename } from "@std/path";
import { absent, failWith, fileError } from "../base/files.ts";
import { expandBraces } from "../base/brace_pattern.ts";
import { isHubReference } from "../weights/mod.ts";
import { findHubShards } from "./hub_shards.ts";
import { openImageFile, openImageFolder } from "./folder_source.ts";
import { isImageName } from "./image_names.ts";
import { compareNatural } from "../base/natural_sort.ts";
import { openParquetImages } from "./parquet_source.ts";
import { createTallies, extensionOf, joinTallies } from "./survey.ts";
import type { ImageSource, ShardFile, Tally } from "./image_source.ts";
import { findLayout, findSplit, type FoundSplit, openSplit, splitNeeded } from "./splits/split_source.ts";
import { openTarShards } from "./tar_source.ts";

type Kind = "image" | "tar" | "parquet";

/** What a path of images names. */
export interface FoundImages {
  /** A folder of images (or of class folders), a split of a data set, one image file, or shards that hold images. */
  readonly kind: "folder" | "split" | "file" | "tar" | "parquet";
  /** The split. */
  readonly split?: FoundSplit;
  /** The files of the last three kinds. */
  readonly shards: readonly ShardFile[];
  /** Files beside the shards of a folder, by kind. */
  readonly passedOver?: readonly Tally[];
  /** The commit of the hub that shards are of, where they are read from it. */
  readonly commit?: string;
}

/**
 * Opens the images that a path names.
 *
 * @param path An image, a folder of images or of class folders, a data set with a split (`food-101:train`), tar or Parquet
 *   files or a folder of them, a pattern with braces, `train-{000..146}.tar`, or a data set of the hub.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If there is nothing there, or nothing in it that could be an image.
 * @throws {TypeError} If a folder holds several kinds, or a data set whose split is not named, or a Parquet file no image
 *   column, or if a split's lists cannot be understood.
 */
export async function openImages(path: string): Promise<ImageSource> {
  const { kind, shards, split, commit, passedOver = [] } = await findImages(path);
  switch (kind) {
    case "split":
      return await openSplit(path, split!);
    case "folder":
      return await openImageFolder(path);
    case "file":
      return openImageFile(path);
    case "tar":
      return withPassedOver(await openTarShards(path, shards), passedOver);
    case "parquet":
      return withPassedOver({ ...await openParquetImages(path, shards), ...commit ? { commit } : {} }, passedOver);
  }
}

/** A source that also tells what stands beside its shards. */
function withPassedOver(source: ImageSource, beside: readonly Tally[]): ImageSource {
  return {
    ...source,
    async survey() {
      const survey = await source.survey();
      return { ...survey, passedOver: joinTallies(beside, survey.passedOver) };
    },
  };
}

/**
 * Tells what `path` names, without a look at the images.
 *
 * @param path A file, a folder, a folder with a split, or a pattern with braces.
 * @returns Its kind and files.
 * @throws {Deno.errors.NotFound} If there is nothing there.
 * @throws {TypeError} If a folder holds several kinds, or a data set whose split is not named or unknown.
 */
export async function findImages(path: string): Promise<FoundImages> {
  if (isHubReference(path)) return { kind: "parquet", ...await findHubShards(path) };
  const info = await lookAt(path);
  if (info?.isDirectory) {
    const found = await findInFolder(path);
    const known = found.kind === "folder" ? await findLayout(path) : undefined;
    if (known) throw splitNeeded(path, known.layout);
    return found;
  }
  if (info) return await findShards(path, [{ path, name: basename(path) }]);
  const split = await findSplit(path);
  if (split) return { kind: "split", shards: [], split };
  const names = expandBraces(path);
  if (names.length === 1) throw new Deno.errors.NotFound(`Cannot open images "${path}": no such file or folder`);
  const root = path.slice(0, path.slice(0, path.indexOf("{")).lastIndexOf("/") + 1);
  const shards = names.map((name) => ({ path: name, name: name.slice(root.length) }));
  for (const shard of shards) {
    if (!(await lookAt(shard.path))?.isFile) {
      throw new Deno.errors.NotFound(`Cannot open images "${path}": there is no file "${shard.path}"`);
    }
  }
  return await findShards(path, shards);
}

async function findInFolder(path: string): Promise<FoundImages> {
  const shards: Record<Kind, ShardFile[]> = { image: [], tar: [], parquet: [] };
  const others: (readonly [what: string, name: string])[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(path)) {
      const kind = isDirectory || name.startsWith(".") ? null : kindByName(name);
      if (kind) shards[kind].push({ path: `${path.replace(/\/+$/, "")}/${name}`, name });
      else others.push([name.startsWith(".") ? "hidden" : isDirectory ? "of type folder" : extensionOf(name), name]);
    }
  } catch (error) {
    throw fileError(`Cannot list folder "${path}"`, error);
  }
  const kinds = (Object.keys(shards) as Kind[]).filter((kind) => shards[kind].length > 0);
  if (kinds.length > 1) {
    const found = kinds.map((kind) => `${shards[kind].length} ${kind}`).join(" and ");
    throw new TypeError(
      `Cannot read images from "${path}": it holds ${found} files, name those of one kind`,
    );
  }
  const [kind = "image"] = kinds;
  if (kind === "image") return { kind: "folder", shards: [] };
  const passedOver = createTallies();
  for (const [what, name] of others.sort((a, b) => compareNatural(a[1], b[1]))) passedOver.add(what, name);
  return {
    kind,
    shards: shards[kind].sort((a, b) => compareNatural(a.name, b.name)),
    passedOver: passedOver.list(),
  };
}

function kindByName(name: string): Kind | null {
  if (isImageName(name)) return "image";
  if (/\.(tar|tar\.gz|tgz)$/i.test(name)) return "tar";
  return /\.parquet$/i.test(name) ? "parquet" : null;
}

async function findShards(path: string, shards: readonly ShardFile[]): Promise<FoundImages> {
  const kind = await kindByContent(shards[0].path);
  if (kind !== "image") return { kind, shards };
  if (shards.length === 1) return { kind: "file", shards };
  throw new TypeError(`Cannot read images from "${path}": "${shards[0].path}" is neither a tar nor a Parquet file`);
}

async function kindByContent(path: string): Promise<Kind> {
  using file = await Deno.open(path).catch(failWith(`Cannot open images "${path}"`));
  const head = new Uint8Array(512);
  const length = await file.read(head) ?? 0;
  const text = String.fromCharCode(...head.subarray(0, length));
  if (text.startsWith("PAR1")) return "parquet";
  // A shard that is damaged or compressed in another way is still a shard by its name, and is then reported as one.
  if (text.slice(257, 262) === "ustar" || text.startsWith("\x1f\x8b")) return "tar";
  return kindByName(path) ?? "image";
}

async function lookAt(path: string): Promise<Deno.FileInfo | undefined> {
  return await Deno.stat(path).catch(absent).catch(failWith(`Cannot open images "${path}"`));
}
