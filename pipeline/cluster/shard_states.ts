/**
 * How far each shard of a folder is, told from the folder alone: by manifests, locks, and the times of part files.
 *
 * @module
 */

import { join } from "@std/path";
import { namesIn } from "../../formats/base/files.ts";
import { lockHeldSince } from "../../formats/base/lock.ts";
import { imageCount, lockName, type Manifest, manifestName, type Shard, shardParts } from "../../formats/labels/mod.ts";
import { imagesOfParts, type ManifestHead, readManifestHead, shardCount } from "../../formats/labels/shards.ts";
import { readPlan } from "./cluster_plan.ts";

/** One shard. Images count when their part file is whole. */
export interface ShardState {
  readonly index: number;
  /** Stopped: begun, not whole, and no process holds it, as after a kill. Missing: not begun. */
  readonly state: "whole" | "running" | "stopped" | "missing";
  readonly parts: { readonly done: number; readonly total: number };
  readonly images: { readonly done: number; readonly total: number };
  readonly rejected: number;
  /** Images a second of the last part files, where it runs and has finished one. */
  readonly rate?: number;
}

/** All shards of a folder, or the one data set that they became. */
export interface FolderState {
  readonly images: number;
  readonly rowsPerFile: number;
  /** Empty if the folder is one data set. */
  readonly shards: readonly ShardState[];
  /** The state of a folder that is one data set. */
  readonly joined?: ShardState;
}

/** Part files that a rate is taken from. */
const RECENT = 4;

/**
 * Looks at a folder.
 *
 * @param path The folder of label maps.
 * @returns What is there.
 * @throws {Deno.errors.NotFound} If it holds no label maps and no plan of them.
 * @throws {TypeError} If a manifest is not valid, or they are of different numbers of shards.
 */
export function readFolderState(path: string): FolderState {
  const subject = `Cannot tell the state of "${path}"`;
  const names = namesIn(path, subject);
  const whole = readShard(path, undefined);
  if (whole) {
    const images = imageCount(whole.configuration) ?? 0;
    return {
      images,
      rowsPerFile: whole.configuration.rowsPerFile,
      shards: [],
      joined: stateOf(path, whole, { index: 0, count: 1 }, undefined, imagesOfParts(whole)),
    };
  }
  const plan = readPlan(path);
  const count = shardCount(names, subject) ?? plan?.shards;
  if (count === undefined) {
    throw new Deno.errors.NotFound(`${subject}: no shard has begun, and there is no cluster/plan.json`);
  }
  const manifests = Array.from({ length: count }, (_, index) => readShard(path, { index, count }));
  const first = manifests.find((manifest) => manifest !== undefined);
  const sizes = first ? imagesOfParts(first) : plan ? partSizes(plan) : [];
  return {
    images: sizes.reduce((sum, size) => sum + size, 0),
    rowsPerFile: first?.configuration.rowsPerFile ?? plan?.rowsPerFile ?? 0,
    shards: manifests.map((manifest, index) => {
      const shard = { index, count };
      return stateOf(path, manifest, shard, shard, sizes);
    }),
  };
}

function readShard(path: string, shard: Shard | undefined): ManifestHead | undefined {
  return readManifestHead(join(path, manifestName(shard)));
}

function partSizes({ images, rowsPerFile }: { images: number; rowsPerFile: number }): number[] {
  return Array.from(
    { length: Math.ceil(images / rowsPerFile) },
    (_, part) => Math.min(rowsPerFile, images - part * rowsPerFile),
  );
}

/** The state of a shard; `shard` names its files and `share` its parts. */
function stateOf(
  path: string,
  manifest: Pick<Manifest, "parts"> | undefined,
  share: Shard,
  shard: Shard | undefined,
  sizes: readonly number[],
): ShardState {
  const { start, end } = shardParts(share, sizes.length);
  const done = manifest?.parts ?? [];
  const total = end - start;
  const heldSince = lockHeldSince(join(path, lockName(shard)));
  const isWhole = manifest !== undefined && done.length >= total;
  return {
    index: share.index,
    state: isWhole ? "whole" : heldSince ? "running" : manifest ? "stopped" : "missing",
    parts: { done: done.length, total },
    images: {
      done: done.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0),
      total: sizes.slice(start, end).reduce((sum, size) => sum + size, 0),
    },
    rejected: done.reduce((sum, { rejected }) => sum + rejected, 0),
    rate: heldSince && !isWhole ? rateSince(path, done, heldSince.getTime()) : undefined,
  };
}

/** Images a second of the last part files that a process finished since it began. */
function rateSince(path: string, parts: Manifest["parts"], began: number): number | undefined {
  const times = parts.slice(-RECENT - 1).map(({ file }) => Deno.statSync(join(path, file)).mtime?.getTime() ?? 0);
  const recent = parts.slice(-times.length);
  const firstNew = times.findIndex((time) => time >= began);
  if (firstNew < 0) return undefined;
  const isOldest = firstNew === 0 && parts.length > times.length;
  const from = isOldest ? times[0] : began;
  const counted = recent.slice(isOldest ? 1 : firstNew);
  const images = counted.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0);
  const seconds = (times[times.length - 1] - from) / 1000;
  return images > 0 && seconds > 0 ? images / seconds : undefined;
}
