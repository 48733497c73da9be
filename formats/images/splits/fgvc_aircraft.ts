/**
 * FGVC Aircraft (Maji et al., 2013): `data/images/1025794.jpg`, listed with their variants, `1025794 707-320`, in
 * `data/images_variant_train.txt` and the like; `data/variants.txt` has the 100 variants in order. The folder `data` may also be
 * opened by itself.
 *
 * @module
 */

import { classIndex, matchLine, numbered, readLines, type SplitLayout } from "./split_layout.ts";

const FOLDERS = ["data/", ""] as const;
const SPLITS = ["train", "val", "trainval", "test"] as const;

/** The data set. */
export const FGVC_AIRCRAFT: SplitLayout = {
  name: "FGVC Aircraft",
  forms: FOLDERS.map((folder) =>
    ["variants.txt", "images_variant_train.txt", "images_variant_test.txt", "images"].map((name) => `${folder}${name}`)
  ),
  splits: SPLITS,
  validation: { split: "val", both: "trainval" },
  async read(root, split, form) {
    const folder = FOLDERS[form];
    const names = (await readLines(`${root}/${folder}variants.txt`)).map(({ text }) => text);
    const classes = numbered(names, `Cannot read "${root}/${folder}variants.txt"`);
    const lines = await readLines(`${root}/${folder}images_variant_${split}.txt`);
    const images = lines.map((line) => {
      const [id, name] = matchLine(line, /^([^\s/]+) (.+)$/, "a number and a variant");
      return { key: `${folder}images/${id}.jpg`, label: classIndex(classes, name, line.subject) };
    });
    return { classes: names, images };
  },
};
