/**
 * The download of one file: into `HASH.incomplete`, going on where it stopped, and into place once its hash is right.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { join } from "@std/path";
import { isFile } from "./cache.ts";
import type { HubReference } from "./reference.ts";
import { HubUnreachableError, reasonOf, refusal, type RemoteFile, request } from "./request.ts";
import type { HubSettings } from "./settings.ts";

/** How far the download of a file is. */
export interface DownloadProgress {
  readonly file: string;
  /** Bytes on disk. */
  readonly received: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** Failures in a row, without a byte received, after which to give up; the pauses between double from one second. */
const maximumFailures = 5;

/**
 * Downloads a file into `blobs`.
 *
 * Another process that downloads the same file is waited for.
 *
 * @param settings Where the hub is.
 * @param reference The model, for messages.
 * @param remote The file.
 * @param blobs The folder.
 * @param onProgress Called after each piece.
 * @throws {HubUnreachableError} If the connection fails again and again; what has arrived stays for the next time.
 * @throws {Error} If the content is not what the hub said.
 */
export async function downloadBlob(
  settings: HubSettings,
  reference: HubReference,
  remote: RemoteFile,
  blobs: string,
  onProgress: (progress: DownloadProgress) => void,
): Promise<void> {
  const path = join(blobs, remote.hash);
  if (await isFile(path, remote.size)) return;
  await Deno.mkdir(blobs, { recursive: true });
  const incomplete = `${path}.incomplete`;
  const file = await Deno.open(incomplete, { read: true, write: true, create: true });
  try {
    await file.lock(true);
    if (await isFile(path, remote.size)) {
      await removeIfThere(incomplete);
      return;
    }
    const { hash, size } = await fill(settings, reference, remote, file, onProgress);
    if (size !== remote.size || hash !== remote.hash) {
      await removeIfThere(incomplete);
      throw new Error(
        `Cannot download "${reference.text}": ${remote.name} has ${size} bytes and hash ${hash}, ` +
          `expected ${remote.size} and ${remote.hash}`,
      );
    }
    await file.sync();
  } finally {
    file.close();
  }
  try {
    await Deno.rename(incomplete, path);
  } catch (error) {
    // Who waited for the lock, and found the file whole, may have been first.
    if (!(error instanceof Deno.errors.NotFound && await isFile(path, remote.size))) throw error;
  }
}

/** Fetches until the file is as long as it should be, from where it ends. */
async function fill(
  settings: HubSettings,
  reference: HubReference,
  remote: RemoteFile,
  file: Deno.FsFile,
  onProgress: (progress: DownloadProgress) => void,
): Promise<{ hash: string; size: number }> {
  let hash = newHash(remote);
  let received = await hashExisting(file, remote.size, hash);
  const restart = async () => {
    await file.truncate(0);
    await file.seek(0, Deno.SeekMode.Start);
    hash = newHash(remote);
    received = 0;
  };
  let failures = 0;
  onProgress({ file: remote.name, received, total: remote.size });
  while (received < remote.size) {
    const before = received;
    try {
      const { response, keepAlive, done } = await request(settings, remote.url, { method: "GET", offset: received });
      try {
        if (response.status === 416 || (response.status === 200 && received > 0)) await restart();
        if (response.status !== 416 && !response.ok) throw refusal(settings, reference, response);
        if (response.status === 206 && !response.headers.get("content-range")?.startsWith(`bytes ${received}-`)) {
          throw new HubUnreachableError("it sends another part than the one asked for");
        }
        for await (const chunk of response.status === 416 ? [] : response.body ?? []) {
          keepAlive();
          await writeAll(file, chunk);
          hash.update(chunk);
          received += chunk.length;
          onProgress({ file: remote.name, received, total: remote.size });
          if (received > remote.size) return { hash: hash.digest("hex"), size: received };
        }
      } finally {
        done();
        if (!response.bodyUsed) await response.body?.cancel();
      }
      if (received < remote.size) throw new HubUnreachableError("the connection ended early");
    } catch (error) {
      // A dropped connection is a TypeError of the body's stream.
      if (!(error instanceof HubUnreachableError || error instanceof TypeError)) throw error;
      failures = received > before ? 0 : failures + 1;
      if (failures === maximumFailures) {
        throw new HubUnreachableError(`${received} of ${remote.size} bytes of ${remote.name}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
      if (failures > 0) await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** (failures - 1)));
    }
  }
  return { hash: hash.digest("hex"), size: received };
}

/** Git hashes a file after the header `blob SIZE\0`. */
function newHash({ hash, size }: RemoteFile): Hash {
  return hash.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/** Hashes what an interrupted download has left, and leaves the file at its end; more than the whole file is dropped. */
async function hashExisting(file: Deno.FsFile, size: number, hash: Hash): Promise<number> {
  const existing = (await file.stat()).size;
  if (existing > size) {
    await file.truncate(0);
    return 0;
  }
  const buffer = new Uint8Array(1 << 20);
  for (let count; (count = await file.read(buffer)) !== null;) hash.update(buffer.subarray(0, count));
  return existing;
}

async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) written += await file.write(bytes.subarray(written));
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
