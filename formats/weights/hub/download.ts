/**
 * Models from the Hugging Face hub, or from a mirror of it.
 *
 * @module
 */

import { join } from "@std/path";
import {
  addToSnapshot,
  configFile,
  findSnapshot,
  isCommit,
  isFile,
  modelFolder,
  weightFiles,
  writeRevision,
} from "./cache.ts";
import { type HubReference, parseHubReference } from "./reference.ts";
import { describeFile, HubUnreachableError, type RemoteFile } from "./request.ts";
import { type HubSettings, readHubSettings } from "./settings.ts";
import { downloadBlob, type DownloadProgress } from "./transfer.ts";

/** How to download. */
export interface DownloadOptions {
  /** Called as bytes arrive, and once at the start of each file. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Default those of the environment. */
  readonly settings?: HubSettings;
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

/**
 * Downloads an annotator's `config.json` and weights (`model.safetensors`, else `pytorch_model.bin`) into the cache.
 *
 * What the cache has is not downloaded again, an interrupted download goes on where it was, and a file counts only when its
 * size and hash are right. Without a network the cache is enough.
 *
 * @param text `hf:owner/name` or `hf:owner/name@revision`.
 * @param options Progress and settings.
 * @returns Where it is.
 * @throws {TypeError} If `text` has another form.
 * @throws {Error} If there is no such model, it may not be read, lacks a file, arrives wrong, or cannot be reached.
 */
export async function downloadFromHub(text: string, options: DownloadOptions = {}): Promise<HubSnapshot> {
  const reference = parseHubReference(text);
  const { settings = readHubSettings(), onProgress = () => {} } = options;
  const cached = await findSnapshot(settings.cache, reference);
  if (cached && (settings.offline || isCommit(reference.revision))) return { ...cached, offline: settings.offline };
  if (settings.offline) {
    throw new Error(`Cannot download "${text}": HF_HUB_OFFLINE is set, and it is not in ${settings.cache}`);
  }
  try {
    return await downloadSnapshot(settings, reference, onProgress);
  } catch (error) {
    if (!(error instanceof HubUnreachableError)) throw error;
    if (cached) return { ...cached, offline: true };
    throw new Error(`Cannot download "${text}": ${settings.endpoint} cannot be reached (${error.message})`, {
      cause: error,
    });
  }
}

async function downloadSnapshot(
  settings: HubSettings,
  reference: HubReference,
  onProgress: (progress: DownloadProgress) => void,
): Promise<HubSnapshot> {
  const config = await describeFile(settings, reference, reference.revision, configFile);
  if (!config) throw new Error(`Cannot download "${reference.text}": it has no ${configFile}`);
  const { commit } = config;
  const folder = modelFolder(settings.cache, reference.repository);
  const snapshot = join(folder, "snapshots", commit);
  for (const remote of [config, await describeWeights(settings, reference, commit)]) {
    if (await isFile(join(snapshot, remote.name), remote.size)) continue;
    await downloadBlob(settings, reference, remote, join(folder, "blobs"), onProgress);
    await addToSnapshot(folder, remote.hash, commit, remote.name);
  }
  await writeRevision(folder, reference.revision, commit);
  return { path: snapshot, commit, offline: false };
}

async function describeWeights(settings: HubSettings, reference: HubReference, commit: string): Promise<RemoteFile> {
  for (const file of weightFiles) {
    const remote = await describeFile(settings, reference, commit, file);
    if (remote) return remote;
  }
  throw new Error(`Cannot download "${reference.text}": it has neither ${weightFiles.join(" nor ")}`);
}
