/**
 * Where links of an archive lead to: members before or behind them, whose content is theirs.
 *
 * @module
 */

import { openByteStream } from "./byte_stream.ts";
import type { FilePlace, Shard } from "./source.ts";
import { readTar, type TarMember } from "./tar.ts";

/** Links by where their headers begin: the content that each leads to, or why there is none. */
export type LinkPlaces = ReadonlyMap<number, FilePlace | { readonly unreadable: string }>;

/** Links from one to the next that are followed, as many as Linux follows. */
const MOST_STEPS = 40;
/** Characters of names of links that are kept, with {@linkcode OVERHEAD} for each. */
const MOST_NAMES = 2 ** 26;
const OVERHEAD = 64;

/** A link, its target as a path from the archive's root, null if that is outside. */
interface Link {
  readonly start: number;
  readonly name: string | null;
  readonly target: string | null;
}

/**
 * Finds where the links of an archive that is not gzipped lead to: one pass over the headers for them, one for what they
 * lead to. Damage ends a pass; who reads the archive reports it.
 *
 * @param shard The file.
 * @returns All links.
 */
export async function findLinks(shard: Shard): Promise<LinkPlaces> {
  const links: Link[] = [];
  let held = 0;
  for await (const { kind, start, name, target } of headers(shard)) {
    if (kind !== "hard link" && kind !== "symbolic link") continue;
    held += name.length + target.length + OVERHEAD;
    if (held > MOST_NAMES) break;
    const path = kind === "hard link" ? target : target.startsWith("/") ? "/.." : `${name}/../${target}`;
    links.push({ start, name: normalPath(name), target: normalPath(path) });
  }
  const byName = new Map(links.map((link) => [link.name, link]));
  const ends = links.map((link) => ({ ...link, end: lastTarget(link, byName) }));
  const wanted = new Set(ends.map(({ end }) => end));
  const found = new Map<string, FilePlace | "several">();
  for await (const { kind, name, offset, size } of headers(shard)) {
    const path = kind === "file" ? normalPath(name) : null;
    if (path === null || !wanted.has(path)) continue;
    const place = { path: shard.path, range: { offset, length: size } };
    found.set(path, found.has(path) ? "several" : place);
  }
  return new Map(ends.map(({ start, end, target }) => [start, placeOf(end, target)]));

  function placeOf(end: string | null, target: string | null): FilePlace | { readonly unreadable: string } {
    const place = end === null ? undefined : found.get(end);
    if (place && place !== "several") return place;
    const reason = place ? "of which there are several" : "which is no file of the archive";
    return {
      unreadable: target === null ? "it is a link out of the archive" : `it is a link to "${target}", ${reason}`,
    };
  }
}

/** Where a link leads in the end, null if that is outside or the link itself. */
function lastTarget({ target }: Link, byName: ReadonlyMap<string | null, Link>): string | null {
  let end = target;
  for (let steps = 0; end !== null && byName.has(end); steps++) {
    if (steps === MOST_STEPS) return null;
    end = byName.get(end)!.target;
  }
  return end;
}

async function* headers({ path }: Shard): AsyncGenerator<TarMember> {
  const stream = await openByteStream(path);
  try {
    yield* readTar(stream);
  } catch {
    // Told by who reads the archive.
  } finally {
    stream.close();
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
