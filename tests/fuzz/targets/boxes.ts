/**
 * Boxes of objects as data sets publish them: what is read are boxes of named classes that have an area.
 *
 * @module
 */

import { openPublishedBoxes } from "../../../formats/boxes/mod.ts";
import { parseVocBoxes } from "../../../formats/boxes/voc_xml.ts";
import { jsonSample } from "../json_mutations.ts";
import { promise, type Sample, type Target } from "../sample.ts";

const XML = `<annotation><filename>n01440764_10040</filename><size><width>500</width><height>375</height></size>
<object><name>n01440764</name><bndbox><xmin>4</xmin><ymin>9</ymin><xmax>480</xmax><ymax>370</ymax></bndbox>
<part><name>fin</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></part></object>
<!-- two --><object><name>salt &amp; pepper</name><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>5.5</xmax><ymax>6</ymax>
</bndbox></object></annotation>`;

const TABLE = `ImageId,PredictionString
ILSVRC2012_val_00000001,n01978287 240 170 260 240 n01440764 0 0 9 9
ILSVRC2012_val_00000002,n01978287 1 2.5 3 4
`;

/** XML of Pascal VOC, ImageNet's tables, and COCO's annotations. */
export const boxes: Target = {
  samples: () => [
    textSample("n01440764_10040.xml", XML),
    textSample("LOC_val_solution.csv", TABLE),
    jsonSample("instances.json", {
      images: [{ id: 7, file_name: "a.jpg", width: 64, height: 48 }, {
        id: 9,
        file_name: "b.jpg",
        width: 9,
        height: 9,
      }],
      annotations: [
        { id: 1, image_id: 9, category_id: 3, bbox: [1, 2, 3.5, 4] },
        { id: 2, image_id: 7, category_id: 1, bbox: [0, 0, 64, 0] },
        { id: 3, image_id: 7, category_id: 1, bbox: [0, 0, 64, 48] },
      ],
      categories: [{ id: 3, name: "car" }, { id: 1, name: "person" }],
    }),
  ],
  async read(path) {
    const images = await imagesOf(path);
    for (const { size, boxes } of images) {
      promise(size === undefined || size.width > 0 && size.height > 0, `an image is ${size?.width} x ${size?.height}`);
      for (const { class: name, left, top, right, bottom } of boxes) {
        const edges = [left, top, right, bottom];
        promise(name !== "" && edges.every(Number.isFinite) && right > left && bottom > top, `${name} is at ${edges}`);
      }
    }
    return images;
  },
};

async function imagesOf(path: string) {
  if (path.endsWith(".xml")) return [parseVocBoxes(await Deno.readTextFile(path), `Cannot read boxes from "${path}"`)];
  const images = openPublishedBoxes(path);
  if (images === undefined) throw new TypeError(`Cannot read boxes from "${path}": it is of no form that is known`);
  return await Array.fromAsync(images);
}

function textSample(name: string, text: string): Sample {
  const regions = [...text.matchAll(/\S+/g)].map(({ 0: word, index }) => ({
    name: "word",
    start: index,
    end: index + word.length,
  }));
  return { name, bytes: new TextEncoder().encode(text), regions, rewrites: [] };
}
