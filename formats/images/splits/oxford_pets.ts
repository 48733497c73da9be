/**
 * Oxford-IIIT Pets (Parkhi et al., 2012): `images/Abyssinian_100.jpg`, listed in `annotations/trainval.txt` and `test.txt` as
 * `Abyssinian_100 1 1 1`: name, class from 1, species, breed of the species. A class is named as its images are, without their
 * number.
 *
 * @module
 */

import { showValue } from "../../base/show_value.ts";
import { matchLine, readLines, type SplitLayout } from "./split_layout.ts";

const SPLITS = ["trainval", "test"] as const;

/** Classes; the data set has 37. */
const MOST_CLASSES = 1000;

/** The data set. */
export const OXFORD_PETS: SplitLayout = {
  name: "Oxford Pets",
  forms: [["annotations/trainval.txt", "annotations/test.txt", "images"]],
  splits: SPLITS,
  async read(root, split) {
    const names: string[] = [];
    const lists = await Array.fromAsync(SPLITS, (list) => readLines(`${root}/annotations/${list}.txt`));
    const images = lists.flatMap((lines, list) =>
      lines.filter(({ text }) => !text.startsWith("#")).map((line) => {
        const [image, name, number] = matchLine(
          line,
          /^((\S+)_\d+) (\d+) \d+ \d+$/,
          "a name with a number, and three numbers",
        );
        const label = Number(number) - 1;
        if (label < 0 || label >= MOST_CLASSES) {
          throw new TypeError(`${line.subject} has class ${number}, expected 1 to ${MOST_CLASSES}`);
        }
        names[label] ??= name;
        if (names[label] !== name) {
          throw new TypeError(
            `${line.subject} has ${showValue(name)} as class ${number}, which was ${showValue(names[label])}`,
          );
        }
        return { split: SPLITS[list], key: `images/${image}.jpg`, label };
      })
    );
    const missing = Array.from(names, (name) => name === undefined).indexOf(true);
    if (missing >= 0) {
      throw new TypeError(
        `Cannot read "${root}/annotations/${split}.txt": no image is of class ${missing + 1} of ${names.length}`,
      );
    }
    return {
      classes: names,
      images: images.filter((image) => image.split === split).map(({ key, label }) => ({ key, label })),
    };
  },
};
