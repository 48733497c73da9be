/**
 * Models and data sets from the Hugging Face hub, or from a mirror of it.
 *
 * @module
 */

import { join } from "@std/path";
import { fileError, isSystemError } from "../../base/files.ts";
import { blobNameOf } from "./blob_hash.ts";
import {
  addToSnapshot,
  describeDamage,
  findDamage,
  findSnapshot,
  isCommit,
  modelFiles,
  repositoryFolder,
  type WantedFiles,
  writeRevision,
} from "./hub_cache.ts";
import { type HubReference, parseHubReference } from "./hub_reference.ts";
import { describeFile, type RemoteFile } from "./request.ts";
import { delay, HubUnreachableError, type Wait, withRetries } from "./retry.ts";
import { type HubSettings, readHubSettings } from "./hub_settings.ts";
import { downloadBlob, type DownloadProgress } from "./transfer.ts";

/** Milliseconds of a pause that is told. */
const LONG_PAUSE = 4000;

/** How files are downloaded. */
export interface DownloadOptions {
  /** Called as bytes arrive, and once at the start of each file. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Called with one sentence when a file of the cache is damaged and downloaded again, and before a long pause. */
  readonly onWarning?: (message: string) => void;
  /** Default those of the environment. */
  readonly settings?: HubSettings;
  /** Waits between attempts; default for real. */
  readonly wait?: Wait;
}

/** A model on disk. */
export interface HubSnapshot {
  /** Folder with `config.json` and the weights. */
  readonly path: string;
  /** The commit it is of. */
  readonly commit: string;
  /** Whether the hub could not be asked, so that a branch may have moved on. */
  readonly offline: boolean;
}

/** A download that is under way. */
interface Download {
  readonly settings: HubSettings;
  readonly reference: HubReference;
  /** Whether the cache will do if there is no network. */
  readonly isCached: boolean;
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly onWarning: (message: string) => void;
  readonly wait: Wait;
}

/**
 * Downloads an annotator's `config.json` and weights (`model.safetensors`, else `pytorch_model.bin`) into the cache.
 *
 * What the cache has is not downloaded again unless its hash is wrong, an interrupted download goes on where it was, and a
 * file counts only when its size and hash are right. Without a network the cache is enough.
 *
 * @param text `hf:owner/name` or `hf:owner/name@revision`.
 * @param options Progress and settings.
 * @returns Path of the downloaded folder or file.
 * @throws {TypeError} If `text` has another form.
 * @throws {Error} If there is no such model, it may not be read, lacks a file, arrives wrong, or cannot be reached; if the
 *   disk is full; if there is no network and the cache is damaged.
 */
export function downloadFromHub(text: string, options: DownloadOptions = {}): Promise<HubSnapshot> {
  return downloadFiles(parseHubReference(text), modelFiles, options);
}

/**
 * Downloads files of a repository into the cache, as {@linkcode downloadFromHub} does those of an annotator.
 *
 * @param reference The model or data set.
 * @param wanted Asks for the files.
 * @param options Progress and settings.
 * @returns Path of the folder that has them.
 * @throws {Error} As {@linkcode downloadFromHub}, and what `wanted` throws.
 */
export async function downloadFiles(
  reference: HubReference,
  wanted: WantedFiles,
  options: DownloadOptions = {},
): Promise<HubSnapshot> {
  const { settings = readHubSettings() } = options;
  try {
    return await findOrDownload(reference, wanted, settings, options);
  } catch (error) {
    throw isSystemError(error) ? fileError(`Cannot download "${reference.text}" to "${settings.cache}"`, error) : error;
  }
}

async function findOrDownload(
  reference: HubReference,
  wanted: WantedFiles,
  settings: HubSettings,
  { onProgress = () => {}, onWarning = () => {}, wait = delay }: DownloadOptions,
): Promise<HubSnapshot> {
  const { endpoint, cache, offline } = settings;
  const { text } = reference;
  const cached = await findSnapshot(cache, reference, wanted);
  const isEnough = offline || isCommit(reference.revision);
  const damage = cached && isEnough ? await findDamage(cached) : undefined;
  if (cached && isEnough && damage === undefined) return { path: cached.path, commit: cached.commit, offline };
  if (offline) {
    const reason = damage ?? `it is not in ${cache}`;
    throw new Error(
      `Cannot download "${text}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set, and ${reason}`,
    );
  }
  const isCached = cached !== undefined && damage === undefined;
  const waitAloud: Wait = (milliseconds) => {
    if (milliseconds >= LONG_PAUSE) onWarning(`Asking ${endpoint} again in ${milliseconds / 1000} s`);
    return wait(milliseconds);
  };
  try {
    return await downloadSnapshot({ settings, reference, isCached, onProgress, onWarning, wait: waitAloud }, wanted);
  } catch (error) {
    if (!(error instanceof HubUnreachableError)) throw error;
    const found = cached && (damage ?? await findDamage(cached));
    if (cached && found === undefined) return { path: cached.path, commit: cached.commit, offline: true };
    const reason = found === undefined ? "" : `, and ${found}`;
    throw new Error(`Cannot download "${text}": ${endpoint} cannot be reached (${error.message})${reason}`, {
      cause: error,
    });
  }
}

async function downloadSnapshot(download: Download, wanted: WantedFiles): Promise<HubSnapshot> {
  const { settings, reference } = download;
  const folder = repositoryFolder(settings.cache, reference);
  let commit: string | undefined;
  await wanted(async (names, missing) => {
    for (const name of names) {
      // What is said of the first file pins the commit of all.
      const remote = await describe(download, commit ?? reference.revision, name);
      if (!remote) continue;
      commit ??= remote.commit;
      const path = join(folder, "snapshots", commit, name);
      if (!await isDownloaded(download, path, remote)) {
        await downloadBlob(settings, reference, remote, join(folder, "blobs"), download);
        await addToSnapshot(folder, remote.hash, commit, name);
      }
      return path;
    }
    throw new Error(`Cannot download "${reference.text}": ${missing}`);
  });
  await writeRevision(folder, reference.revision, commit!);
  return { path: join(folder, "snapshots", commit!), commit: commit!, offline: false };
}

async function isDownloaded({ onWarning }: Download, path: string, { hash }: RemoteFile): Promise<boolean> {
  const found = await blobNameOf(path, hash);
  if (found !== undefined && found !== hash) onWarning(`Downloading again: ${describeDamage(path, found, hash)}`);
  return found === hash;
}

function describe(
  { settings, reference, isCached, wait }: Download,
  revision: string,
  name: string,
): Promise<RemoteFile | undefined> {
  return withRetries(() => describeFile(settings, reference, revision, name), { wait, hasOther: isCached });
}
