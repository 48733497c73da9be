/**
 * The images that a run has no rows of, told in its summary.
 *
 * @module
 */

import { join } from "@std/path";
import { readText } from "../../formats/base/files.ts";
import { type RejectedImage, rejectedName, type Shard } from "../../formats/labels/mod.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";

/** Rejected images to name. */
const SHOWN_REJECTED = 3;

/**
 * The images that a folder, or a shard of it, has no rows of.
 *
 * @param path The folder.
 * @param shard The shard, undefined if it has none.
 * @returns Their keys and reasons.
 */
export function rejectedImages(path: string, shard?: Shard): RejectedImage[] {
  return readText(join(path, rejectedName(shard))).trimEnd().split("\n").map((line) => JSON.parse(line));
}

/**
 * Says which images were rejected.
 *
 * @param path The folder of label maps.
 * @param shard The shard that was written, undefined if the folder has none.
 * @param rejected How many images were rejected.
 * @param describe What is said of one.
 * @returns Lines of a summary; none if no image was rejected.
 */
export function rejectedLines(
  path: string,
  shard: Shard | undefined,
  rejected: number,
  describe: (image: RejectedImage) => string,
): string[] {
  if (rejected === 0) return [];
  const images = rejectedImages(path, shard);
  return [
    `  rejected   ${formatNumberOf(rejected, "image")}, listed in ${join(path, rejectedName(shard))}`,
    ...images.slice(0, SHOWN_REJECTED).map((image) => `    ${describe(image)}`),
    ...(images.length > SHOWN_REJECTED ? [`    and ${formatCount(images.length - SHOWN_REJECTED)} more`] : []),
  ];
}
