/**
 * Paths on a page that is sent to others: the folders of this machine, and whose home they are in, are no part of it.
 *
 * @module
 */

import { basename, isAbsolute, normalize, resolve } from "@std/path";

/**
 * What a page calls label maps.
 *
 * @param path The path that the user gave.
 * @returns The path if it leads from here further down, else its last name.
 */
export function publicName(path: string): string {
  const normal = normalize(path);
  const isBelow = !isAbsolute(normal) && !/^(\.|~)/.test(normal);
  return isBelow ? normal : basename(resolve(path));
}

/** An absolute path in quotes, and one without spaces in its folders; up to its last name. */
const QUOTED = /(?<=(["'`]))(?:file:\/\/|~|[a-z]:)?[\\/](?:(?!\1)[^\n])*[\\/](?=(?:(?!\1)[^\\/\n])+\1)/gi;
const BARE = /(?<=^|[\s(=:,])(?:file:\/\/|~|[a-z]:)?[\\/](?:[^\\/\s]+[\\/])+/gi;

/**
 * A sentence of an error without the folders that files are in.
 *
 * @param text The sentence.
 * @returns The text with absolute paths cut to their last names.
 */
export function withoutFolders(text: string): string {
  return text.replaceAll(QUOTED, "").replaceAll(BARE, "");
}
