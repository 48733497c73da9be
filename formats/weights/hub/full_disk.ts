/**
 * A full disk, in words that say what to do about it.
 *
 * @module
 */

import { statfs } from "node:fs/promises";
import { numberOf } from "../../base/number_of.ts";

/** What a download is short of. */
export interface WantedSpace {
  /** What was being done: `Cannot download "hf:owner/name"`. */
  readonly subject: string;
  /** The folder. */
  readonly folder: string;
  /** The file, and the bytes that it still lacks. */
  readonly name: string;
  readonly missing: number;
}

/**
 * Tells a disk, or a quota, that is full from other failures.
 *
 * @param error What was thrown.
 * @returns Whether it is that.
 */
export function isFullDisk(error: unknown): boolean {
  return error instanceof Error && ["ENOSPC", "EDQUOT"].includes((error as { code?: string }).code ?? "");
}

/**
 * Says that a disk is full.
 *
 * @param wanted What it is too full for.
 * @param cause The failure.
 * @returns The error to throw.
 */
export async function fullDiskError({ subject, folder, name, missing }: WantedSpace, cause: unknown): Promise<Error> {
  const free = await freeBytes(folder);
  const left = free === undefined ? "" : `, ${free} are free`;
  return new Error(
    `${subject}: the disk of "${folder}" is full, ${name} wants ${numberOf(missing, "byte")} more${left}; ` +
      "what has arrived is kept for the next time",
    { cause },
  );
}

/** Undefined where it may not be asked. */
async function freeBytes(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch {
    return undefined;
  }
}
