/**
 * Images of a label-map folder with the boxes of a table.
 *
 * @module
 */

import type { LabelMaps } from "../../formats/labels/mod.ts";
import type { Box, BoxTable } from "../pictures/boxes.ts";
import type { BoxedImage } from "../charts/crops.ts";
import type { LabelDatabase } from "../query/database.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** Images whose crops are measured, 100 crops of each. */
const MOST_IMAGES = 200;

/** An image before its map is read. */
interface FoundImage {
  readonly index: number;
  readonly label: number;
  readonly boxes: readonly Box[];
}

/** Images with boxes. */
export interface BoxedImages {
  /** How many images have a box of the class that their label names, and of how many crops are measured. */
  readonly count: number;
  readonly measured: number;
  /** The latter, spread evenly over the former. */
  read(): AsyncGenerator<BoxedImage>;
}

/**
 * Finds the images that have a box of the class that their label names.
 *
 * @param labelMaps The label maps.
 * @param database The label maps in SQL.
 * @param options The `boxes`, the `table` they are of, for messages, and what gives the
 * annotator's class of a label.
 * @returns The images.
 * @throws {TypeError} If there is none.
 */
export async function findBoxedImages(
  labelMaps: LabelMaps,
  database: LabelDatabase,
  options: {
    readonly boxes: BoxTable;
    readonly table: string;
    readonly classOfLabel: (label: number) => number | null;
  },
): Promise<BoxedImages> {
  const { boxes, table, classOfLabel } = options;
  const found: FoundImage[] = [];
  let [index, withBoxes] = [0, 0];
  const write = ([key, label, width, height]: readonly unknown[]) => {
    const size = { width: width as number, height: height as number };
    const boxesHere = boxes.of(key as string, size.width > 0 && size.height > 0 ? size : undefined);
    const classHere = label === null ? null : classOfLabel(label as number);
    if (boxesHere) withBoxes++;
    if (boxesHere?.some((box) => box.index === classHere)) found.push({ index, label: classHere!, boxes: boxesHere });
    index++;
  };
  await database.answer("SELECT key, label, width, height FROM labels", () => ({ write, end() {} }));
  if (found.length === 0) {
    const subject = `Cannot use boxes "${table}" with "${labelMaps.path}"`;
    throw new TypeError(
      withBoxes > 0
        ? `${subject}: none of ${
          formatNumberOf(withBoxes, "image")
        } with boxes has one of the class that its label names`
        : `${subject}: no image of "${boxes.first ?? ""}" or another of its keys is there`,
    );
  }
  const measured = Math.min(found.length, MOST_IMAGES);
  return {
    count: found.length,
    measured,
    async *read() {
      for (let place = 0; place < measured; place++) {
        const image = found[Math.floor((place + 0.5) * found.length / measured)];
        const { width, height } = await labelMaps.get(image.index);
        const size = width > 0 && height > 0 ? { width, height } : { width: 1000, height: 1000 };
        yield { ...image, ...size, map: await labelMaps.batch([image.index]) };
      }
    },
  };
}
