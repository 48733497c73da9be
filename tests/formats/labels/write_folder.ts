/**
 * A program that fills a folder with small label maps, for tests that stop it: `write_folder.ts FOLDER IMAGES`.
 *
 * Every seventh image is rejected. Parts finish in pairs, the second one first.
 *
 * @module
 */

import { openLabelMapFolder, type PartWriter, shardParts } from "../../../formats/labels/mod.ts";
import { smallConfiguration, smallMetadata, smallRow } from "./fixture.ts";

/** Writes what is missing in a folder of 4 images a part. */
export function writeFolder(path: string, images: number, shard?: { index: number; count: number }): void {
  const metadata = smallMetadata({ grid: [16, 16] });
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata, images }), { shard });
  try {
    const missing: number[] = [];
    const { start, end } = shardParts(shard, Math.ceil(images / 4));
    for (let part = start; part < end; part++) {
      if (!folder.finishedParts.has(part)) missing.push(part);
    }
    for (let pair = 0; pair < missing.length; pair += 2) {
      const open: PartWriter[] = [];
      for (const part of missing.slice(pair, pair + 2)) {
        const writer = folder.startPart(part);
        open.push(writer);
        for (let index = part * 4; index < Math.min(part * 4 + 4, images); index++) {
          if (index % 7 === 3) writer.reject({ index, key: `kind/${index}.jpg`, reason: "Not an image" });
          else writer.append(smallRow(index, metadata));
        }
      }
      for (const writer of open.reverse()) writer.finish();
    }
  } finally {
    folder.close();
  }
}

if (import.meta.main) {
  try {
    writeFolder(Deno.args[0], Number(Deno.args[1]));
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
