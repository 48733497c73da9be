/**
 * The hub's cache on disk, in the layout of `huggingface_hub`, so that the two share what either has downloaded. Data sets
 * are in `datasets--OWNER--NAME`.
 *
 *     models--OWNER--NAME/refs/REVISION                  the commit that a branch or tag was at
 *     models--OWNER--NAME/blobs/HASH                     contents, by SHA-256 or git's blob hash
 *     models--OWNER--NAME/snapshots/COMMIT/FILE          links to them
 *
 * A file is in a snapshot only when it is whole.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { blobNameOf, isBlobName } from "./blob_hash.ts";
import type { HubReference } from "./hub_reference.ts";
import { absent, isSystemError } from "../../base/files.ts";
import { INDEX, readShardIndex } from "../sharded.ts";

/** Files that hold the weights, the preferred one first. */
export const weightFiles: readonly string[] = ["model.safetensors", `model${INDEX}`, "pytorch_model.bin"];
/** The file that describes an annotator. */
export const configFile = "config.json";

/** Whether a revision is a whole commit, which never changes. */
export function isCommit(revision: string): boolean {
  return /^[0-9a-f]{40}$/.test(revision);
}

/**
 * The folder of a model or a data set.
 *
 * @param cache Folder of the cache.
 * @param reference What it is of.
 * @returns The folder's path.
 */
export function repositoryFolder(cache: string, { kind, repository }: HubReference): string {
  return join(cache, `${kind}s--${repository.replace("/", "--")}`);
}

/** A model or a data set that was downloaded before. */
export interface CachedSnapshot {
  readonly commit: string;
  /** The folder of its files. */
  readonly path: string;
  /** Names of the files that are used. */
  readonly files: readonly string[];
}

/**
 * Gives the path of the first of some files that there is.
 *
 * @param names The files, the preferred one first.
 * @param missing What to say if there is none.
 */
export type GetFile = (names: readonly string[], missing: string) => Promise<string>;

/** Asks for each file that is wanted of a repository, since one may tell of others. */
export type WantedFiles = (get: GetFile) => Promise<void>;

/** The files of an annotator: `config.json` and the weights, `model.safetensors` before `pytorch_model.bin`. */
export const modelFiles: WantedFiles = async (get) => {
  await get([configFile], `it has no ${configFile}`);
  const weights = await get(weightFiles, `it has neither ${weightFiles.join(" nor ")}`);
  for (const shard of await shardsOf(weights)) {
    await get([shard], `its ${basename(weights)} names "${shard}", which it does not have`);
  }
};

/**
 * Finds what was downloaded before.
 *
 * @param cache Folder of the cache.
 * @param reference The model or data set.
 * @param wanted Which files of it.
 * @returns The snapshot, undefined if its files are not all there.
 */
export async function findSnapshot(
  cache: string,
  reference: HubReference,
  wanted: WantedFiles,
): Promise<CachedSnapshot | undefined> {
  const folder = repositoryFolder(cache, reference);
  const commit = isCommit(reference.revision)
    ? reference.revision
    : (await Deno.readTextFile(join(folder, "refs", reference.revision)).catch(absent))?.trim();
  if (!commit || !isCommit(commit)) return undefined;
  const path = join(folder, "snapshots", commit);
  const files: string[] = [];
  try {
    await wanted(async (names) => {
      for (const name of names) {
        if (!await isFile(join(path, name))) continue;
        files.push(name);
        return join(path, name);
      }
      throw new Deno.errors.NotFound();
    });
  } catch (error) {
    // What cannot be understood of it is downloaded again.
    if (isSystemError(error) && !(error instanceof Deno.errors.NotFound)) throw error;
    return undefined;
  }
  return { commit, path, files };
}

/**
 * The files that an index names.
 *
 * @param path A weight file.
 * @returns Names of the shards, none if it is no index, or one that cannot be read.
 */
export async function shardsOf(path: string): Promise<string[]> {
  if (!path.endsWith(INDEX)) return [];
  try {
    return [...new Set((await readShardIndex(path)).values())].sort();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return [];
  }
}

/**
 * Compares the contents of a snapshot with their names in `blobs`, which are their hashes. Where files are no links, as where
 * links cannot be made, there is nothing to compare them with.
 *
 * @param snapshot The snapshot.
 * @returns What is wrong, in a phrase; undefined if nothing is.
 */
export async function findDamage({ path, files }: CachedSnapshot): Promise<string | undefined> {
  for (const file of files) {
    const content = await Deno.realPath(join(path, file));
    const name = basename(content);
    if (!isBlobName(name)) continue;
    const hash = await blobNameOf(content, name);
    if (hash !== name) return describeDamage(join(path, file), hash, name);
  }
}

/**
 * Says that a file of the cache is not what it was.
 *
 * @param path The file.
 * @param found The hash of what is there.
 * @param expected What it should be.
 * @returns A phrase.
 */
export function describeDamage(path: string, found: string | undefined, expected: string): string {
  return `"${path}" has changed since it was downloaded (hash ${found}, expected ${expected})`;
}

/**
 * Notes the commit of a branch or tag.
 *
 * @param folder The model's folder.
 * @param revision The branch or tag; a commit needs no note.
 * @param commit The commit.
 */
export async function writeRevision(folder: string, revision: string, commit: string): Promise<void> {
  if (isCommit(revision)) return;
  const path = join(folder, "refs", revision);
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}`;
  await Deno.writeTextFile(temporary, commit);
  await Deno.rename(temporary, path);
}

/**
 * Puts a content into a snapshot, in place of a file that is there: as a link, or where links cannot be made (Windows, or a
 * permission for some folders only) by moving it there, as `huggingface_hub` does.
 *
 * @param folder The model's folder.
 * @param hash Name of the content in `blobs`.
 * @param commit The snapshot.
 * @param file Name of the file in it.
 */
export async function addToSnapshot(folder: string, hash: string, commit: string, file: string): Promise<void> {
  const path = join(folder, "snapshots", commit, file);
  await Deno.mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    const up = file.split("/").map(() => "..");
    await Deno.symlink(join("..", ...up, "blobs", hash), temporary);
  } catch {
    return await moveToSnapshot(join(folder, "blobs", hash), path);
  }
  await Deno.rename(temporary, path);
}

async function moveToSnapshot(content: string, path: string): Promise<void> {
  try {
    await Deno.rename(content, path);
  } catch (error) {
    // Another process may have been first.
    if (!(error instanceof Deno.errors.NotFound && await isFile(path))) throw error;
  }
}

/**
 * Whether there is a file, following links.
 *
 * @param path Path of the file.
 * @param size Its expected size, if that matters.
 * @returns Whether it is there and of that size.
 */
export async function isFile(path: string, size?: number): Promise<boolean> {
  const info = await Deno.stat(path).catch(absent);
  return info !== undefined && info.isFile && (size === undefined || info.size === size);
}
