/**
 * Names of contents in the hub's cache: SHA-256 of large files, git's hash of the others.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { absent } from "../../base/files.ts";

/**
 * Begins to hash a content.
 *
 * @param name The name that its hash is to be: 64 hexadecimal digits of SHA-256, or 40 of git's SHA-1.
 * @param size The content's size in bytes.
 * @returns The hash, to be told the content.
 */
export function startHash(name: string, size: number): Hash {
  // Git hashes a file after this header.
  return name.length === 64 ? createHash("sha256") : createHash("sha1").update(`blob ${size}\0`);
}

/**
 * Whether a text may name a content.
 *
 * @param name Any text.
 * @returns Whether it is one of the two hashes.
 */
export function isBlobName(name: string): boolean {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(name);
}

/**
 * The name that a file's content has.
 *
 * @param path The file; links are followed.
 * @param like A name of the wanted kind.
 * @returns Its hash; undefined if there is no such file.
 */
export async function blobNameOf(path: string, like: string): Promise<string | undefined> {
  const file = await Deno.open(path).catch(absent);
  if (!file) return undefined;
  const hash = startHash(like, (await file.stat()).size);
  for await (const chunk of file.readable) hash.update(chunk);
  return hash.digest("hex");
}
