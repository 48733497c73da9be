/**
 * Files of a data set on the hub that are read in parts, without having them here.
 *
 * A part is asked for before it is read: what reads Parquet does not wait for a network.
 *
 * @module
 */

import type { RandomAccessFile } from "../../base/random_access.ts";
import type { HubReference } from "./hub_reference.ts";
import type { HubSettings } from "./hub_settings.ts";
import { refusal, type RemoteFile, request } from "./request.ts";
import { delay, HubUnreachableError, pauseAfter, reasonOf, type Wait } from "./retry.ts";

/** Bytes of a file, by their place in it. */
export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

/** A file of which parts can be had. */
export interface RangedFile extends RandomAccessFile {
  /**
   * Fetches parts that are to be read; they are kept until they are let go.
   *
   * @throws {Error} If the hub refuses, or cannot be reached again and again.
   */
  prepare(ranges: readonly ByteRange[]): Promise<void>;
  /** Lets parts go that were prepared. */
  release(ranges: readonly ByteRange[]): void;
}

/** Bytes of a part, at most: a row group of images is some hundred megabytes where it is large. */
const LARGEST_PART = 2 ** 31 - 1;

/**
 * Opens a file of the hub.
 *
 * @param settings Where the hub is.
 * @param reference The data set, for messages.
 * @param remote The file.
 * @param wait Waits between attempts; default for real.
 * @returns The file, of which nothing is here yet.
 */
export function openRemoteFile(
  settings: HubSettings,
  reference: HubReference,
  remote: Pick<RemoteFile, "name" | "url" | "size">,
  wait: Wait = delay,
): RangedFile {
  const parts = new Map<string, { readonly range: ByteRange; readonly bytes: Promise<Uint8Array<ArrayBuffer>> }>();
  const here = new Map<string, { readonly range: ByteRange; readonly bytes: Uint8Array<ArrayBuffer> }>();
  const nameOf = ({ offset, length }: ByteRange) => `${offset} ${length}`;

  async function fetchPart(range: ByteRange): Promise<Uint8Array<ArrayBuffer>> {
    if (range.length > LARGEST_PART) {
      throw new Error(`Cannot download "${reference.text}": a part of ${remote.name} has ${range.length} bytes`);
    }
    const bytes = new Uint8Array(range.length);
    let filled = 0;
    for (let failures = 0; filled < bytes.length;) {
      const before = filled;
      try {
        for await (
          const chunk of rangeOf(settings, reference, remote, range.offset + filled, range.offset + range.length)
        ) {
          bytes.set(chunk.subarray(0, bytes.length - filled), filled);
          filled = Math.min(filled + chunk.length, bytes.length);
        }
        if (filled < bytes.length) throw new HubUnreachableError("the connection ended early");
      } catch (error) {
        if (!(error instanceof HubUnreachableError)) throw error;
        failures = filled > before ? 0 : failures + 1;
        const message = `Cannot download "${reference.text}": ${settings.endpoint} cannot be reached for ` +
          `${remote.name} (${error.message})`;
        if (failures > 0) {
          await pauseAfter(new HubUnreachableError(message, { cause: error, ...error.answer }), failures, wait);
        }
      }
    }
    return bytes;
  }

  return {
    size: remote.size,
    async prepare(ranges) {
      await Promise.all(ranges.map(async (range) => {
        const name = nameOf(range);
        if (here.has(name)) return;
        const part = parts.get(name) ?? { range, bytes: fetchPart(range) };
        parts.set(name, part);
        try {
          const bytes = await part.bytes;
          // It may have been let go meanwhile.
          if (parts.get(name) === part) here.set(name, { range, bytes });
        } catch (error) {
          parts.delete(name);
          throw error;
        }
      }));
    },
    release(ranges) {
      for (const name of ranges.map(nameOf)) {
        parts.delete(name);
        here.delete(name);
      }
    },
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > remote.size) {
        throw new RangeError(`bytes ${offset} to ${offset + length} are not among the file's ${remote.size}`);
      }
      for (const { range, bytes } of here.values()) {
        const start = offset - range.offset;
        if (start >= 0 && start + length <= range.length) return bytes.slice(start, start + length);
      }
      throw new RangeError(`bytes ${offset} to ${offset + length} were not fetched`);
    },
    close() {
      parts.clear();
      here.clear();
    },
  };
}

/** The bytes of a file from `start` to before `end`, as they come. */
async function* rangeOf(
  settings: HubSettings,
  reference: HubReference,
  { url, name }: Pick<RemoteFile, "name" | "url">,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const answer = await request(settings, reference, url, { method: "GET", offset: start, end });
  const { response, keepAlive, done } = answer;
  try {
    if (!response.ok) throw refusal(settings, reference, answer);
    if (response.status !== 206) {
      throw new Error(
        `Cannot download "${reference.text}": ${
          answer.host ?? settings.endpoint
        } sends all of ${name}, expected a part`,
      );
    }
    if (!response.headers.get("content-range")?.startsWith(`bytes ${start}-`)) {
      throw new HubUnreachableError("it sends another part than the one asked for");
    }
    try {
      for await (const chunk of response.body ?? []) {
        keepAlive();
        yield chunk;
      }
    } catch (error) {
      throw new HubUnreachableError(reasonOf(error), { cause: error });
    }
  } finally {
    done();
    if (!response.bodyUsed) await response.body?.cancel();
  }
}
