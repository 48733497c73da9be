/**
 * From the shards of a folder to one data set: what several processes wrote becomes, byte for byte, what one writes.
 *
 * Part files stay where they are. Shards are contiguous, so that the manifest's list of parts and `rejected.jsonl` are
 * those of the shards one after the other. `manifest.json` is replaced as a whole when everything else is in place, and
 * counts alone from then on; what the shards kept is removed last. Killed at any point, a join can be repeated.
 *
 * @module
 */

import { join } from "@std/path";
import { sha256OfFile } from "../base/byte_source.ts";
import { namesIn, readIfThere, removeIfThere, replaceFile } from "../base/files.ts";
import { checkPartSize, readRejected } from "./folder.ts";
import { takeLock } from "../base/lock.ts";
import {
  commonEntries,
  differences,
  type FinishedPart,
  formatManifest,
  lockName,
  type Manifest,
  manifestName,
  parseManifest,
  rejectedName,
  type Shard,
} from "./manifest.ts";
import {
  imagesOfParts,
  type ManifestHead,
  partsOfShard,
  readManifestHead,
  shardCount,
  splitManifest,
} from "./shards.ts";
import { numberOf } from "../base/number_of.ts";

/** What to look at beyond names and sizes. */
export interface JoinOptions {
  /** Whether every part file is read and its SHA-256 compared. */
  readonly hashes?: boolean;
  /** Called before the first part file is looked at, and after each. */
  readonly onPart?: (done: number, total: number) => void;
}

/** A data set that is one. */
export interface JoinedFolder {
  readonly manifest: Manifest;
  /** How many shards were joined; 0 if they were before. */
  readonly shards: number;
}

/** Shards that a message names; the others are counted. */
const NAMED = 3;

/**
 * Joins the shards of a folder, or finishes a join that was killed.
 *
 * @param path The folder.
 * @param options What to look at.
 * @returns What the folder is now.
 * @throws {Deno.errors.NotFound} If there is no folder of label maps.
 * @throws {Deno.errors.Busy} If a process writes there.
 * @throws {TypeError} If shards are missing or not whole, are not of one configuration, or a part is not as listed.
 */
export async function joinShards(path: string, options: JoinOptions = {}): Promise<JoinedFolder> {
  const subject = `Cannot join label maps in "${path}"`;
  const names = namesIn(path, subject);
  const count = shardCount(names, subject);
  const shards = Array.from({ length: count ?? 0 }, (_, index): Shard => ({ index, count: count! }));
  // Keeps writers out: of the whole folder and of each shard.
  using held = new DisposableStack();
  const locks = [undefined, ...shards].map((shard) => held.use(takeLock(join(path, lockName(shard)), subject)));
  const text = readIfThere(join(path, "manifest.json"));
  if (text === undefined && count === undefined) {
    throw new Deno.errors.NotFound(`${subject}: it holds no manifest.json, and no manifest of a shard`);
  }
  const before = text === undefined ? undefined : parseManifest(text, join(path, "manifest.json"));
  const manifest = before ?? joinManifests(path, shards, subject);
  if (before) checkLeftovers(path, before, shards, subject);
  await checkParts(path, manifest, options, subject);
  for (const lock of locks) lock.keep();
  if (!before) {
    const rejected = shards.map((shard) => readIfThere(join(path, rejectedName(shard))) ?? "");
    replaceOrRemove(join(path, "rejected.jsonl"), rejected.join(""));
    replaceFile(join(path, "manifest.json"), formatManifest(manifest));
  }
  // Manifests last: they tell the next join what there is to remove.
  for (const shard of shards) {
    removeIfThere(join(path, rejectedName(shard)));
    removeIfThere(join(path, manifestName(shard)));
  }
  return { manifest, shards: before ? 0 : shards.length };
}

/** The manifest that one process would have written. */
function joinManifests(path: string, shards: readonly Shard[], subject: string): Manifest {
  const parts: FinishedPart[] = [];
  const lacking: string[] = [];
  let first: string | undefined;
  for (const shard of shards) {
    const name = manifestName(shard);
    const text = readIfThere(join(path, name));
    if (text === undefined) {
      lacking.push(`shard ${shard.index} has not begun`);
      continue;
    }
    first ??= text;
    const manifest = parseShard(text, first, { path: join(path, name), subject: `${subject}: ${name}` });
    const { start, end } = partsOfShard(manifest, shard);
    const finished = new Set(manifest.parts.map(({ part }) => part));
    const missing = Array.from({ length: end - start }, (_, index) => start + index).filter((part) =>
      !finished.has(part)
    );
    if (missing.length > 0) {
      lacking.push(`shard ${shard.index} has ${finished.size} of ${numberOf(end - start, "part")}`);
    }
    if (finished.size > end - start) throw new TypeError(`${subject}: ${name} lists parts of other shards`);
    readRejected(join(path, rejectedName(shard)), manifest);
    parts.push(...manifest.parts);
  }
  if (lacking.length > 0) {
    const more = lacking.length > NAMED ? `, and ${lacking.length - NAMED} more` : "";
    throw new TypeError(
      `${subject}: ${lacking.length} of ${numberOf(shards.length, "shard")} ${
        lacking.length === 1 ? "is" : "are"
      } not whole: ` +
        `${lacking.slice(0, NAMED).join(", ")}${more}`,
    );
  }
  const { version, configuration, classes, dataSetClasses } = parseManifest(first!, path);
  return { version, configuration, parts, classes, dataSetClasses };
}

/** The manifest of a shard without the names of classes, once it is known to be of the first one's run. */
function parseShard(text: string, first: string, { path, subject }: { path: string; subject: string }): ManifestHead {
  const [split, firstSplit] = [splitManifest(text), splitManifest(first)];
  const isSameEnd = split !== undefined && split.rest === firstSplit?.rest;
  const manifest = parseManifest(isSameEnd ? split.head : text, path);
  if (text === first) return manifest;
  const other = parseManifest(isSameEnd ? firstSplit!.head : first, path);
  const same = (shard: Manifest) => commonEntries({ ...shard, shard: undefined });
  const [found] = differences(same(other), same(manifest));
  if (found !== undefined) throw new TypeError(`${subject} is of another run: ${found}`);
  return manifest;
}

/** What a killed join left must be what it joined. */
function checkLeftovers(path: string, { parts }: Manifest, shards: readonly Shard[], subject: string): void {
  const joined = new Set(parts.map((part) => JSON.stringify(part)));
  for (const shard of shards) {
    const name = manifestName(shard);
    const left = readManifestHead(join(path, name));
    const other = left?.parts.find((part) => !joined.has(JSON.stringify(part)));
    if (other) {
      throw new TypeError(`${subject}: ${name} lists ${other.file}, manifest.json another file or none`);
    }
  }
}

/** Every image is in a part, and every part is there. */
async function checkParts(path: string, manifest: Manifest, options: JoinOptions, subject: string): Promise<void> {
  const { hashes, onPart } = options;
  const expected = imagesOfParts(manifest);
  if (expected.length !== manifest.parts.length) {
    throw new TypeError(`${subject}: ${manifest.parts.length} of ${numberOf(expected.length, "part")} are finished`);
  }
  onPart?.(0, expected.length);
  for (const [position, part] of manifest.parts.entries()) {
    const { file, rows, rejected, sha256 } = part;
    if (rows + rejected !== expected[position]) {
      throw new TypeError(
        `${subject}: "${file}" is listed with ${rows + rejected} of ${numberOf(expected[position], "image")}`,
      );
    }
    checkPartSize(path, part, subject);
    const found = hashes ? await sha256OfFile(join(path, file)) : sha256;
    if (found !== sha256) {
      throw new TypeError(`${subject}: "${file}" has SHA-256 ${found}, its manifest says ${sha256}`);
    }
    onPart?.(position + 1, expected.length);
  }
}

function replaceOrRemove(path: string, text: string): void {
  if (text === "") removeIfThere(path);
  else replaceFile(path, text);
}
