/**
 * Describable Textures, DTD (Cimpoi et al., 2014): `images/banded/banded_0002.jpg`, listed in `labels/train1.txt`,
 * `val1.txt` and `test1.txt`, and so on to 10, the partitions of the data set; the first one is the usual one. Classes are the
 * folders, in alphabetical order.
 *
 * @module
 */

import { classIndex, matchLine, readLines, type SplitLayout } from "./split_layout.ts";

const LISTS = ["train", "val", "test"] as const;

/** The data set. */
export const DTD: SplitLayout = {
  name: "DTD",
  forms: [["labels/train1.txt", "labels/val1.txt", "labels/test1.txt", "images"]],
  splits: ["train", "val", "trainval", "test"],
  otherSplits: /^(?:train|val|trainval|test)(?:[1-9]|10)$/,
  validation: { split: "val", both: "trainval" },
  async read(root, split) {
    const [, part, partition] = /^(\D+)(\d*)$/.exec(split)!;
    // One after the other: of several lists that are missing the first is named.
    const lists = await Array.fromAsync(LISTS, async (list) => {
      const lines = await readLines(`${root}/labels/${list}${partition || 1}.txt`);
      return lines.map((line) => {
        const [name] = matchLine(line, /^([^/]+)\/[^/]+$/, "class/image");
        return { list, name, key: `images/${line.text}`, subject: line.subject };
      });
    });
    // Of all lists, so that each split counts classes alike.
    const names = [...new Set(lists.flat().map(({ name }) => name))].sort();
    const classes = new Map(names.map((name, index) => [name, index]));
    const images = lists.flat().filter(({ list }) => part === list || part === "trainval" && list !== "test")
      .map(({ key, name, subject }) => ({ key, label: classIndex(classes, name, subject) }));
    return { classes: names, images };
  },
};
