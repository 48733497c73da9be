/**
 * Files that say which classes images show: what is read are indices of classes, none of which an image both shows and may show.
 *
 * @module
 */

import { readImageClasses } from "../../../formats/evaluation/mod.ts";
import { jsonSample } from "../json_mutations.ts";
import { promise, type Target } from "../sample.ts";

const CLASSES = 5;

/** Lists in the order of images, entries by their names, and annotations of COCO. */
export const multiLabels: Target = {
  samples: () => [
    jsonSample("lists.json", [[3], [], [0, 2], { classes: [1], unknown: [4] }]),
    jsonSample("entries.json", { "a.png": [3], "b/c.png": [], "d.png": { classes: [1], unknown: [4, 0] } }),
    jsonSample("instances.json", {
      info: { year: 2017 },
      images: [{ id: 7, file_name: "a.jpg" }, { id: 9, file_name: "val/b.jpg" }],
      annotations: [{ id: 1, image_id: 9, category_id: 3 }, { id: 2, image_id: 9, category_id: 1, iscrowd: 1 }],
      categories: [{ id: 3, name: "car" }, { id: 1, name: "person" }],
    }),
  ],
  async read(path) {
    const { categories, entries } = await readImageClasses(path, {
      classes: CLASSES,
      subject: `Cannot read "${path}"`,
    });
    const count = categories?.length ?? CLASSES;
    for (const { present, unknown } of entries.values()) {
      const isClass = (label: number) => Number.isInteger(label) && label >= 0 && label < count;
      promise([...present, ...unknown].every(isClass), `an image has classes ${present} and ${unknown}`);
      promise(!present.some((label) => unknown.includes(label)), `an image shows ${present}, and maybe ${unknown}`);
    }
    return { categories, entries };
  },
};
