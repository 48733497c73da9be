/**
 * A file that is written piece by piece and has its name only when it is whole.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { fileError, PARTIAL, removeIfThere, renameDurably } from "./files.ts";

/** A file being written. */
export interface WholeFile {
  /**
   * Adds bytes.
   *
   * @throws {TypeError} If it is finished or discarded.
   * @throws {Error} If the disk is full, or the file cannot be written for another reason; nothing is left behind.
   */
  write(bytes: Uint8Array): void;
  /** Makes it durable and gives it its name. */
  finish(): { readonly bytes: number; readonly sha256: string };
  /** Removes what was written. */
  discard(): void;
}

/**
 * Begins a file. It is written as `${path}.partial` and renamed when finished; a file of that name is replaced.
 *
 * @param path Path of the file.
 * @param subject How messages start: `Cannot write label map "a.parquet"`.
 * @returns The file; end with `finish` or `discard`.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createWholeFile(path: string, subject: string): WholeFile {
  const partial = path + PARTIAL;
  const file = openFile(partial, subject);
  const hash = createHash("sha256");
  let length = 0;
  let open = true;

  function discard(): void {
    if (!open) return;
    open = false;
    file.close();
    removeIfThere(partial);
  }

  /** Runs what touches the disk; if it fails, nothing is left behind. */
  function attempt(action: () => void): void {
    if (!open) throw new TypeError(`${subject}: it is closed`);
    try {
      action();
    } catch (error) {
      discard();
      throw fileError(subject, error);
    }
  }

  return {
    write(bytes) {
      attempt(() => {
        for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
      });
      hash.update(bytes);
      length += bytes.length;
    },
    finish() {
      attempt(() => {
        file.syncSync();
        renameDurably(partial, path);
      });
      open = false;
      file.close();
      return { bytes: length, sha256: hash.digest("hex") };
    },
    discard,
  };
}

function openFile(path: string, subject: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw fileError(subject, error);
  }
}
