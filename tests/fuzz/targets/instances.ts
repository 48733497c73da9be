/**
 * COCO's annotations: what is read are images with objects whose pixels lie in them.
 *
 * @module
 */

import { openInstances } from "../../../formats/masks/mod.ts";
import { jsonSample } from "../json_mutations.ts";
import { promise, type Sample, type Target } from "../sample.ts";

/** Files of images, classes and objects, in `instances_*.json`. */
export const instances: Target = {
  samples: () => [sampleOf("instances_small.json", 3), sampleOf("instances_large.json", 40)],
  async read(path) {
    const { images, categories, annotations, of, close } = await openInstances(path);
    try {
      const objects = images.map((_, index) => of(index));
      promise(objects.flat().length === annotations, `it gives ${objects.flat().length} of ${annotations} objects`);
      objects.forEach((some, index) => {
        const { height, width } = images[index];
        for (const { class: kind, masks } of some) {
          promise(kind >= 0 && kind < categories.length, `image ${index} has class ${kind}`);
          for (const mask of masks) {
            const runs = [...Array.from(mask), height * width];
            promise(runs.every((place, at) => at === 0 || place >= runs[at - 1]), `image ${index} has runs ${runs}`);
          }
        }
      });
      return { images, categories, objects };
    } finally {
      close();
    }
  },
};

function sampleOf(name: string, count: number): Sample {
  const images = Array.from({ length: count }, (_, id) => ({ id, file_name: `${id}.jpg`, height: 5, width: 9 }));
  const segmentations = [
    [[0.5, 0.25, 7, 1, 6.5, 4.75, 1, 4]],
    { size: [5, 9], counts: "5:n0" },
    { size: [5, 9], counts: [0, 7, 38] },
  ];
  const annotations = Array.from({ length: 2 * count }, (_, id) => ({
    id,
    image_id: id % count,
    category_id: 1 + 2 * (id % 2),
    iscrowd: id % 3 === 2 ? 1 : 0,
    segmentation: segmentations[id % 3],
  }));
  const categories = [{ id: 1, name: "person" }, { id: 3, name: "car" }];
  const sample = jsonSample(name, { info: { year: 2017 }, images, annotations, categories });
  const text = new TextDecoder().decode(sample.bytes);
  const [start, end] = [text.indexOf('"annotations"'), text.indexOf('"categories"')];
  const regions = [
    { name: "images", start: 0, end: start },
    { name: "first annotation", start, end: text.indexOf("},{", start) },
    { name: "annotations", start, end },
    { name: "categories", start: end, end: text.length },
  ];
  return { ...sample, regions };
}
