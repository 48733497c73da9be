/**
 * From the name of a trained model to its open folder, and on to a device: what annotators and classifiers share.
 *
 * @module
 */

import type { ClassNames } from "../../formats/labels/mod.ts";
import {
  type AnnotatorFolder,
  downloadFromHub,
  type DownloadProgress,
  isHubReference,
  openAnnotatorFolder,
} from "../../formats/weights/mod.ts";
import type { Capabilities } from "../../kernels/engine/device.ts";
import { imageNetClassNames } from "./class_names.ts";
import { unlessAborted } from "../command/until_aborted.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** Whom to tell of a download. */
export interface DownloadWatch {
  /** Called while an `hf:` model is downloaded. */
  readonly onDownload?: (progress: DownloadProgress) => void;
  /** Called with one sentence on each choice that was made, such as which of several weights of a file are used. */
  readonly onWarning?: (message: string) => void;
  /** Ends the waiting for a download, of which what has arrived is kept. */
  readonly signal?: AbortSignal;
}

/**
 * Images of a step, unless asked for otherwise. In software a batch of 4 is as fast as any (3.5, 4.1, 4.1 and 3.7 images/s
 * at 1, 2, 4 and 8), and the last step, which is always whole, wastes little.
 */
const DEFAULT_BATCH = { software: 4, gpu: 32 } as const;

/**
 * Opens a model, after downloading it where it is on the hub.
 *
 * @param reference A folder with `config.json` and weights, a weight file beside its `config.json`, or
 *   `hf:owner/name[@revision]`.
 * @param watch Whom to tell of a download.
 * @returns Its folder, the weights open.
 * @throws {unknown} The signal's reason, as soon as it is aborted.
 * @throws {Deno.errors.NotFound} If there is no such model.
 * @throws {TypeError} If a file of it is wrong.
 */
export async function openModel(reference: string, watch: DownloadWatch): Promise<AnnotatorFolder> {
  const folder = await openAnnotatorFolder(await localPath(reference, watch));
  if (folder.weights.choice !== undefined) watch.onWarning?.(folder.weights.choice);
  return folder;
}

async function localPath(reference: string, { onDownload, onWarning, signal }: DownloadWatch): Promise<string> {
  if (!isHubReference(reference)) return reference;
  const download = downloadFromHub(reference, { onProgress: onDownload, onWarning });
  const { path, commit, offline } = await unlessAborted(download, signal);
  if (offline) onWarning?.(`The hub was not asked: using "${reference}" as downloaded before (commit ${commit})`);
  return path;
}

/**
 * The names of a model's classes. A folder without names and with 1,000 classes is taken for one that was trained on
 * ImageNet, as nearly all are.
 *
 * @param folder The model.
 * @param given Names that replace the folder's.
 * @returns The names, undefined if there are none.
 * @throws {TypeError} If there are not as many names as classes.
 */
export async function classNamesOf(
  { name, classes, classNames }: AnnotatorFolder,
  given?: ClassNames,
): Promise<ClassNames | undefined> {
  const names = given ??
    (classNames ? { name: classNames } : classes === 1000 ? await imageNetClassNames() : undefined);
  if (names && names.name.length !== classes) {
    throw new TypeError(
      `Cannot load annotator "${name}": it has ${formatNumberOf(classes, "class", "classes")}, but ${
        formatNumberOf(names.name.length, "name")
      }`,
    );
  }
  return names;
}

/**
 * Makes something of the wanted batch, or of the largest one up to the profile's default that the adapter can hold.
 *
 * @param capabilities Capabilities of the adapter.
 * @param create Makes it.
 * @param wanted The batch, if the user named one.
 * @returns What was made.
 * @throws {RangeError} If the adapter cannot hold it, even a batch of 1 where none was named.
 */
export async function createFitting<T>(
  { profile }: Capabilities,
  create: (batch: number) => Promise<T>,
  wanted?: number,
): Promise<T> {
  for (let batch = wanted ?? DEFAULT_BATCH[profile];; batch = batch >> 1) {
    try {
      return await create(batch);
    } catch (error) {
      if (!(error instanceof RangeError) || wanted !== undefined || batch === 1) throw error;
    }
  }
}
