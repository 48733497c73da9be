import { assertEquals, assertThrows } from "@std/assert";
import { parseCocoLabels } from "../../../formats/evaluation/mod.ts";

const FILE = {
  images: [{ id: 9, file_name: "a.jpg" }, { id: 4, file_name: "val2017/b.jpg" }, { id: 5, file_name: "c.jpg" }],
  annotations: [
    { image_id: 9, category_id: 90 },
    { image_id: 9, category_id: 3 },
    { image_id: 9, category_id: 90, iscrowd: 1 },
    { image_id: 4, category_id: 7 },
  ],
  categories: [{ id: 90, name: "toothbrush" }, { id: 3, name: "car" }, { id: 7, name: "train" }],
};

Deno.test("parseCocoLabels() numbers categories by their identifiers and joins annotations by image", () => {
  assertEquals(parseCocoLabels(FILE, "Cannot read"), {
    categories: ["car", "train", "toothbrush"],
    labels: new Map([["a.jpg", [0, 2]], ["b.jpg", [1]], ["c.jpg", []]]),
  });
});

Deno.test("parseCocoLabels() names the row that is something else", () => {
  const cases: [unknown, string][] = [
    [3, "images is missing, expected a list"],
    [{ ...FILE, categories: {} }, "categories is {}, expected a list"],
    [{ ...FILE, images: [{ id: "9", file_name: "a.jpg" }] }, 'id of images[0] is "9", expected a number'],
    [{ ...FILE, images: [{ id: 9 }] }, "file_name of images[0] is missing, expected a string"],
    [{ ...FILE, annotations: [7] }, "image_id of annotations[0] is 7, expected a number"],
    [
      { ...FILE, annotations: [{ image_id: 9, category_id: 4 }] },
      "annotations[0] is of category 4, which is not in the file",
    ],
    [
      { ...FILE, annotations: [{ image_id: 8, category_id: 3 }] },
      "annotations[0] is of image 8, which is not in the file",
    ],
    [
      { ...FILE, images: [...FILE.images, { id: 77, file_name: "train2017/a.jpg" }] },
      'two images are called "a.jpg"',
    ],
  ];
  for (const [value, message] of cases) {
    assertThrows(() => parseCocoLabels(value, "Cannot read"), TypeError, `Cannot read: ${message}`);
  }
});
