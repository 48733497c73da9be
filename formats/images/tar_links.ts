/**
 * Where links of an archive lead to: members before or behind them, whose content is theirs.
 *
 * @module
 */

import { openByteStream } from "./byte_stream.ts";
import type { FilePlace, ShardFile } from "./image_source.ts";
import { readTar, type TarMember } from "./tar.ts";
import { closing } from "../base/closing.ts";

/** Links by where their headers begin: the content that each leads to, or why there is none. */
export type LinkPlaces = ReadonlyMap<number, FilePlace | { readonly unreadable: string }>;

/** Links from one to the next that are followed, as many as Linux follows. */
const MOST_STEPS = 40;
/** Characters of names of links that are kept, with {@linkcode OVERHEAD} for each. */
const MOST_NAMES = 2 ** 26;
const OVERHEAD = 64;
/** A path that leads out of an archive. */
const OUTSIDE = "..";

/** A link, its target as a path from the archive's root, null if that is outside. */
interface Link {
  readonly start: number;
  readonly target: string | null;
}

/**
 * Finds where the links of an archive that is not gzipped lead to: one pass over the headers for them, one for what they
 * lead to. Damage ends a pass; who reads the archive reports it.
 *
 * @param shard The file.
 * @returns Where each link leads to.
 */
export async function findLinks(shard: ShardFile): Promise<LinkPlaces> {
  const links: Link[] = [];
  const targets = new Map<string | null, string | null>();
  const members = new Map<string, FilePlace | "unclear">();
  let held = 0;
  for await (const { kind, start, name, target } of headers(shard)) {
    if (kind !== "hard link" && kind !== "symbolic link") continue;
    held += name.length + target.length + OVERHEAD;
    if (held > MOST_NAMES) break;
    const path = kind === "hard link" ? target : target.startsWith("/") ? OUTSIDE : `${name}/../${target}`;
    const link = { start, target: normalPath(path) };
    const own = normalPath(name);
    if (own !== null && targets.has(own)) members.set(own, "unclear");
    links.push(link);
    targets.set(own, link.target);
  }
  const paths = links.map(({ target }) => follow(target, targets));
  const wanted = new Set(paths.flat());
  for await (const { kind, name, offset, size } of headers(shard)) {
    const path = kind === "hard link" || kind === "symbolic link" ? null : normalPath(name);
    if (path === null || !wanted.has(path)) continue;
    const isClear = kind === "file" && !members.has(path) && !targets.has(path);
    members.set(path, isClear ? { path: shard.path, range: { offset, length: size } } : "unclear");
  }
  return new Map(links.map(({ start, target }, number) => [start, placeOf(target, paths[number])]));

  function placeOf(target: string | null, path: readonly string[]): FilePlace | { readonly unreadable: string } {
    if (target === null) return { unreadable: "it is a link out of the archive" };
    const found = path.map((name) => members.get(name));
    const last = found[found.length - 1];
    if (last && !found.includes("unclear")) return last as FilePlace;
    const what = found.includes("unclear") ? "which is not one file of the archive" : "which is no file of the archive";
    return { unreadable: `it is a link to "${target}", ${what}` };
  }
}

/** What a link leads to, and what that leads to if it is a link, and so on. */
function follow(target: string | null, targets: ReadonlyMap<string | null, string | null>): string[] {
  const path: string[] = [];
  for (let next = target; next !== null && path.length < MOST_STEPS; next = targets.get(next) ?? null) path.push(next);
  return path;
}

async function* headers({ path }: ShardFile): AsyncGenerator<TarMember> {
  using stream = closing(await openByteStream(path));
  try {
    yield* readTar(stream);
  } catch {
    // Told by who reads the archive.
  }
}

/** A path from the root without `.` and `..`; null if it leads out. */
function normalPath(path: string): string | null {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) return null;
    } else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}
