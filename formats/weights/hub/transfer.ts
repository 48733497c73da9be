/**
 * The download of one file: into `HASH.incomplete`, going on where it stopped, and into place once its hash is right.
 *
 * @module
 */

import type { Hash } from "node:crypto";
import { join } from "@std/path";
import { blobNameOf, startHash } from "./blob_hash.ts";
import { isFile } from "./hub_cache.ts";
import { fullDiskError, isFullDisk } from "./full_disk.ts";
import type { HubReference } from "./hub_reference.ts";
import { refusal, type RemoteFile, request } from "./request.ts";
import { HubUnreachableError, pauseAfter, reasonOf, type Wait } from "./retry.ts";
import type { HubSettings } from "./hub_settings.ts";
import { numberOf } from "../../base/number_of.ts";
import { absent } from "../../base/files.ts";

/** How far the download of a file is. */
export interface DownloadProgress {
  /** Name of the file in the model's repository. */
  readonly file: string;
  /** Bytes that have arrived. */
  readonly received: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** Whom to tell of a download, and how to wait. */
export interface TransferWatch {
  readonly onProgress: (progress: DownloadProgress) => void;
  readonly wait: Wait;
}

/**
 * Downloads a file into `blobs`.
 *
 * Another process that downloads the same file is waited for.
 *
 * @param settings Where the hub is.
 * @param reference The model, for messages.
 * @param remote The file.
 * @param blobs The folder.
 * @param watch `onProgress`, called after each piece; `wait`, between attempts.
 * @throws {HubUnreachableError} If the connection fails again and again; what has arrived stays for the next time.
 * @throws {Error} If the content is not what the hub said, or the disk is full.
 */
export async function downloadBlob(
  settings: HubSettings,
  reference: HubReference,
  remote: RemoteFile,
  blobs: string,
  watch: TransferWatch,
): Promise<void> {
  const path = join(blobs, remote.hash);
  const subject = `Cannot download "${reference.text}"`;
  if (await hasContent(path, remote)) return;
  try {
    await Deno.mkdir(blobs, { recursive: true });
    using file = await openLocked(`${path}.incomplete`);
    if (await hasContent(path, remote)) return await Deno.remove(`${path}.incomplete`).catch(absent);
    const { hash, size } = await fill(settings, reference, remote, file, watch);
    if (size !== remote.size || hash !== remote.hash) {
      await Deno.remove(`${path}.incomplete`).catch(absent);
      throw new Error(
        `${subject}: ${remote.name} has ${
          numberOf(size, "byte")
        } and hash ${hash}, expected ${remote.size} and ${remote.hash}`,
      );
    }
    await file.sync();
    // Before the lock is given up: who waits for it finds the file in its place.
    await Deno.rename(`${path}.incomplete`, path);
  } catch (error) {
    if (!isFullDisk(error)) throw error;
    const missing = remote.size - ((await Deno.stat(`${path}.incomplete`).catch(absent))?.size ?? 0);
    throw await fullDiskError({ subject, folder: blobs, name: remote.name, missing }, error);
  }
}

async function hasContent(path: string, { hash, size }: RemoteFile): Promise<boolean> {
  return await isFile(path, size) && await blobNameOf(path, hash) === hash;
}

/**
 * Opens a file that no other process writes. Who had the lock before may have renamed or removed the file that was waited
 * for, so that it is no longer the one of that name.
 */
async function openLocked(path: string): Promise<Deno.FsFile> {
  for (;;) {
    using opened = new DisposableStack();
    const file = opened.use(await Deno.open(path, { read: true, write: true, create: true }));
    await file.lock(true);
    if (!await isNamed(file, path)) continue;
    opened.move();
    return file;
  }
}

/** Whether a path still names an open file; true where the system does not number files. */
async function isNamed(file: Deno.FsFile, path: string): Promise<boolean> {
  return (await file.stat()).ino === (await Deno.stat(path).catch(absent))?.ino;
}

/** Fetches until the file is as long as it should be, from where it ends. */
async function fill(
  settings: HubSettings,
  reference: HubReference,
  remote: RemoteFile,
  file: Deno.FsFile,
  { onProgress, wait }: TransferWatch,
): Promise<{ hash: string; size: number }> {
  let hash = startHash(remote.hash, remote.size);
  let received = await hashExisting(file, remote.size, hash);
  const restart = async () => {
    await file.truncate(0);
    await file.seek(0, Deno.SeekMode.Start);
    hash = startHash(remote.hash, remote.size);
    received = 0;
  };
  let failures = 0;
  onProgress({ file: remote.name, received, total: remote.size });
  while (received < remote.size) {
    const before = received;
    try {
      const answer = await request(settings, reference, remote.url, { method: "GET", offset: received });
      const { response, keepAlive, done } = answer;
      try {
        if (response.status === 416 || (response.status === 200 && received > 0)) await restart();
        if (response.status !== 416 && !response.ok) throw refusal(settings, reference, answer);
        if (response.headers.get("content-type")?.startsWith("text/html")) {
          throw new Error(
            `Cannot download "${reference.text}": ${answer.host ?? settings.endpoint} sends a page of text/html, ` +
              `expected ${remote.name}`,
          );
        }
        if (response.status === 206 && !response.headers.get("content-range")?.startsWith(`bytes ${received}-`)) {
          throw new HubUnreachableError("it sends another part than the one asked for");
        }
        for await (const chunk of response.status === 416 ? [] : bodyOf(response)) {
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
      if (!(error instanceof HubUnreachableError)) throw error;
      failures = received > before ? 0 : failures + 1;
      const { status, retryAfter } = error.answer;
      const message = `${received} of ${numberOf(remote.size, "byte")} of ${remote.name}: ${error.message}`;
      if (failures > 0) {
        await pauseAfter(new HubUnreachableError(message, { cause: error, status, retryAfter }), failures, wait);
      }
    }
  }
  return { hash: hash.digest("hex"), size: received };
}

/** The pieces of a body; a connection that breaks is one that may pass. */
async function* bodyOf(response: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  try {
    yield* response.body ?? [];
  } catch (error) {
    throw new HubUnreachableError(reasonOf(error), { cause: error });
  }
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
