/**
 * What a data set on the hub has: the commit that a revision is at, and its files with their sizes.
 *
 * @module
 */

import { isCommit } from "./hub_cache.ts";
import { type HubReference, repositoryPath } from "./hub_reference.ts";
import type { HubSettings } from "./hub_settings.ts";
import { refusal, type RemoteFile, request } from "./request.ts";
import { delay, HubUnreachableError, type Wait, withRetries } from "./retry.ts";

/** The files of a data set at a commit. */
export interface DataSetFiles {
  readonly commit: string;
  readonly files: readonly Pick<RemoteFile, "name" | "url" | "size">[];
}

/**
 * Asks the hub for the files of a data set.
 *
 * @param settings Where the hub is.
 * @param reference The data set.
 * @param wait Waits between attempts; default for real.
 * @returns The commit and the files at it, whose addresses are of that commit.
 * @throws {Error} If there is no such data set or revision, it may not be read, or the hub cannot be reached.
 */
export async function listDataSet(
  settings: HubSettings,
  reference: HubReference,
  wait: Wait = delay,
): Promise<DataSetFiles> {
  const subject = `Cannot read images from "${reference.text}"`;
  if (settings.offline) {
    throw new Error(`${subject}: they are read over the network, and HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set`);
  }
  const { kind, repository, revision } = reference;
  const url = `${settings.endpoint}/api/${kind}s/${repository}/revision/${encodeURIComponent(revision)}?blobs=true`;
  try {
    return await withRetries(async () => {
      const answer = await request(settings, reference, url, { method: "GET" });
      try {
        if (!answer.response.ok) throw refusal(settings, reference, answer);
        return readListing(settings, reference, await answer.response.json().catch(() => undefined));
      } finally {
        answer.done();
        if (!answer.response.bodyUsed) await answer.response.body?.cancel();
      }
    }, { wait, hasOther: false });
  } catch (error) {
    if (!(error instanceof HubUnreachableError)) throw error;
    throw new Error(`${subject}: ${settings.endpoint} cannot be reached (${error.message})`, { cause: error });
  }
}

function readListing(settings: HubSettings, reference: HubReference, listing: unknown): DataSetFiles {
  const { sha, siblings } = (listing ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== "string" || !isCommit(sha) || !Array.isArray(siblings)) {
    throw new Error(
      `Cannot read images from "${reference.text}": ${settings.endpoint} does not answer as a hub, expected sha and siblings`,
    );
  }
  const start = `${settings.endpoint}/${repositoryPath(reference)}/resolve/${sha}`;
  const files = siblings.flatMap(({ rfilename, size, lfs }) => {
    const bytes = lfs?.size ?? size;
    if (typeof rfilename !== "string" || !Number.isSafeInteger(bytes)) return [];
    const path = rfilename.split("/").map(encodeURIComponent).join("/");
    return [{ name: rfilename, url: `${start}/${path}`, size: bytes as number }];
  });
  return { commit: sha, files };
}
