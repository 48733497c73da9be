/**
 * How the parts of a folder are shared between the processes that fill it.
 *
 * @module
 */

import { imageCount, type Manifest, type Shard, shardParts } from "./manifest.ts";

/**
 * How many shards a folder has.
 *
 * @param names Of the files in it.
 * @param subject How the message starts.
 * @returns The number in the names of manifests and locks of shards, undefined if there are none.
 * @throws {TypeError} If they are of different numbers.
 */
export function shardCount(names: readonly string[], subject: string): number | undefined {
  const counts = new Set(names.flatMap((name) => {
    const match = /^\.?manifest-\d+-of-(\d+)\.(json|lock)$/.exec(name);
    return match ? [Number(match[1])] : [];
  }));
  if (counts.size > 1) {
    throw new TypeError(
      `${subject}: it holds manifests of ${[...counts].sort((a, b) => a - b).join(" and of ")} shards`,
    );
  }
  return [...counts][0];
}

/**
 * The images of each part of a data set, those with a row and those rejected.
 *
 * @param manifest Its manifest or a shard's, whose configuration says how many images there are.
 * @returns A number for each part.
 * @throws {TypeError} If the configuration does not say it.
 */
export function imagesOfParts({ configuration }: Pick<Manifest, "configuration">): number[] {
  const { rowsPerFile } = configuration;
  const images = imageCount(configuration);
  if (images === undefined) {
    throw new TypeError("Cannot tell the parts of a folder: its manifest does not say how many images there are");
  }
  const parts = Math.ceil(images / rowsPerFile);
  return Array.from({ length: parts }, (_, part) => Math.min(rowsPerFile, images - part * rowsPerFile));
}

/**
 * The parts that a shard writes.
 *
 * @param manifest As above.
 * @param shard Which.
 * @returns Part numbers, from `start` to before `end`.
 * @throws {TypeError} As above.
 */
export function partsOfShard(manifest: Pick<Manifest, "configuration">, shard: Shard): { start: number; end: number } {
  return shardParts(shard, imagesOfParts(manifest).length);
}
