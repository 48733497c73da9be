import { assertEquals, assertRejects } from "@std/assert";
import { parseImageClasses, readImageClasses } from "../../../formats/evaluation/mod.ts";
import { jsonFile } from "./json_input.ts";

const subject = "Cannot read";

Deno.test("readImageClasses() gives what is parsed of the whole, lists, entries by name and annotations of COCO", async () => {
  const values: unknown[] = [
    [[1], []],
    {},
    { "a.png": [1], "constructor": [], "b.png": { classes: [2], unknown: [0] } },
    {
      info: { year: 2014 },
      annotations: [{ id: 1, image_id: 4, category_id: 2, bbox: [0, 0, 1, 1], segmentation: [[0, 0, 1, 0, 1, 1]] }],
      images: [{ id: 4, file_name: "a.jpg" }, { id: 5, file_name: "b.jpg" }],
      licenses: [{ id: 1 }],
      categories: [{ id: 2, name: "dog" }],
    },
  ];
  for (const value of values) {
    assertEquals(await readImageClasses(jsonFile(value), { subject }), parseImageClasses(value, { subject }));
  }
});

Deno.test("readImageClasses() names the file or what is wrong in it", async () => {
  const cases: [unknown, string][] = [
    ["3", "Cannot read: it is 3, expected lists"],
    ["", "Cannot read: it is not JSON"],
    ['{"a": [1]', "it is not JSON, at byte 9"],
    ['{"a": [1], "a": []}', 'it has "a" twice'],
    ['{"images": [], "annotations": {}, "categories": []}', "annotations is {}, expected a list"],
    ['{"images": [7], "annotations": [], "categories": []}', "id of images[0] is 7, expected a number"],
    ['{"a.png": 7}', 'entry "a.png" is 7, expected a list'],
  ];
  for (const [text, message] of cases) {
    await assertRejects(() => readImageClasses(jsonFile(text), { subject }), TypeError, message);
  }
  await assertRejects(() => readImageClasses("/nowhere", { subject }), Deno.errors.NotFound, "there is no such file");
});
