/**
 * Food-101 (Bossard, Guillaumin and Van Gool, 2014): `images/apple_pie/1005649.jpg`, listed without their ending in
 * `meta/train.txt` and `meta/test.txt`; `meta/classes.txt` has the classes in order.
 *
 * @module
 */

import { classIndex, matchLine, numbered, readLines, type SplitLayout } from "./split_layout.ts";

/** The data set. */
export const FOOD_101: SplitLayout = {
  name: "Food-101",
  forms: [["meta/classes.txt", "meta/train.txt", "meta/test.txt", "images"]],
  splits: ["train", "test"],
  async read(root, split) {
    const names = (await readLines(`${root}/meta/classes.txt`)).map(({ text }) => text);
    const classes = numbered(names, `Cannot read "${root}/meta/classes.txt"`);
    const lines = await readLines(`${root}/meta/${split}.txt`);
    const images = lines.map((line) => {
      const [name, id] = matchLine(line, /^([^/]+)\/([^/]+)$/, "class/number");
      return { key: `images/${name}/${id}.jpg`, label: classIndex(classes, name, line.subject) };
    });
    return { classes: names, images };
  },
};
