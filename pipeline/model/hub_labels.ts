/**
 * Label maps that are published on the hub: downloaded into its cache, and read from there.
 *
 * @module
 */

import { parseManifest } from "../../formats/labels/mod.ts";
import { downloadFiles, isHubReference, parseDataSetReference } from "../../formats/weights/mod.ts";
import { unlessAborted } from "../command/until_aborted.ts";
import type { DownloadWatch } from "./model.ts";

/**
 * Where label maps are on this machine, once they are.
 *
 * @param labels A path, which is given back, or `hf:datasets/owner/name[@revision]`: a folder that was published.
 * @param watch Whom to tell of a download.
 * @returns The path of a folder of label maps in the hub's cache, or what was given.
 * @throws {unknown} The signal's reason, as soon as it is aborted.
 * @throws {Error} If there is no such data set, it is none of label maps, or it cannot be had.
 */
export async function localLabels(labels: string, { onDownload, onWarning, signal }: DownloadWatch): Promise<string> {
  if (!isHubReference(labels)) return labels;
  const download = downloadFiles(parseDataSetReference(labels), async (get) => {
    const path = await get(["manifest.json"], "it has no manifest.json, which published label maps have");
    const { parts } = parseManifest(await Deno.readTextFile(path), path);
    for (const { file } of parts) await get([file], `its manifest.json lists "${file}", which it does not have`);
    if (parts.some(({ rejected }) => rejected > 0)) await get(["rejected.jsonl"], "it has no rejected.jsonl");
  }, { onProgress: onDownload, onWarning });
  const { path, commit, offline } = await unlessAborted(download, signal);
  if (offline) onWarning?.(`The hub was not asked: using "${labels}" as downloaded before (commit ${commit})`);
  return path;
}
