/**
 * Folders to publish, and what is read of them again.
 *
 * @module
 */

import { type LabelMapRow, openLabelMapFolder, openLabelMaps } from "../../../formats/labels/mod.ts";
import { type LabelPublication, publishLabels } from "../../../pipeline/publish/publish_labels.ts";
import { writeFiles } from "../../../pipeline/publish/write_files.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { TWELVE } from "../query/query_folder.ts";

/** Names of the labels that {@linkcode partsFolder} has: two are called the same, and one would be no text in YAML. */
export const LABELS = { name: ["crane", "no", 'a "b": c', "crane", "e", "f", "g", "h"] };

/** A folder of eight images in parts of four, of which the fourth was rejected. */
export function partsFolder(changes: Parameters<typeof smallConfiguration>[0] = {}, images = 8): string {
  const path = Deno.makeTempDirSync();
  const metadata = smallMetadata();
  const configuration = smallConfiguration({ metadata, images: 8, ...changes });
  const folder = openLabelMapFolder(path, configuration, { classes: TWELVE, dataSetClasses: LABELS });
  for (let part = 0; part * 4 < images; part++) {
    const writer = folder.startPart(part);
    for (let index = part * 4; index < part * 4 + 4; index++) {
      if (index === 3) {
        writer.reject({ index, key: "kind/3.jpg", reason: 'Cannot decode "/home/someone/pictures/kind/3.jpg"' });
      } else writer.append(smallRow(index, metadata));
    }
    writer.finish();
  }
  folder.close();
  return path;
}

/** What is asked for where nothing else is said. */
export const PUBLICATION: Omit<LabelPublication, "labels"> = { split: "train", threshold: 0.3, seed: 0 };

/** Publishes a folder into another one, which is given. */
export async function published(labels: string, options: Partial<LabelPublication> = {}): Promise<string> {
  const folder = Deno.makeTempDirSync();
  const { files } = await publishLabels({ ...PUBLICATION, labels, ...options });
  await writeFiles(folder, files);
  return folder;
}

/** All rows of a folder. */
export async function allRows(path: string): Promise<LabelMapRow[]> {
  const labelMaps = await openLabelMaps(path);
  try {
    return await Array.fromAsync(labelMaps.rows());
  } finally {
    labelMaps.close();
  }
}
