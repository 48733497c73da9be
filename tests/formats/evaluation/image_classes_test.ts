import { assertEquals, assertThrows } from "@std/assert";
import { parseImageClasses } from "../../../formats/evaluation/mod.ts";

const subject = "Cannot read";
const of = (...present: number[]) => ({ present, unknown: [] });

Deno.test("parseImageClasses() takes lists in the order of images, or by their names", () => {
  assertEquals(parseImageClasses([[], [9, 0]], { subject }), { entries: [of(), of(9, 0)] });
  assertEquals(parseImageClasses({ "a/1.png": [3], "2.png": [] }, { subject }), {
    entries: new Map([["a/1.png", of(3)], ["2.png", of()]]),
  });
});

Deno.test("parseImageClasses() takes classes of which nothing is known", () => {
  const entries = [{ classes: [1], unknown: [0, 2] }, { classes: [] }];
  assertEquals(parseImageClasses(entries, { subject }).entries, [{ present: [1], unknown: [0, 2] }, of()]);
});

Deno.test("parseImageClasses() takes annotations of COCO, and images without any", () => {
  const file = {
    images: [{ id: 3, file_name: "a.jpg" }, { id: 4, file_name: "b.jpg" }],
    annotations: [{ image_id: 3, category_id: 90 }, { image_id: 3, category_id: 7 }, { image_id: 3, category_id: 90 }],
    categories: [{ id: 90, name: "toothbrush" }, { id: 7, name: "train" }],
  };
  assertEquals(parseImageClasses(file, { subject, classes: 1 }), {
    categories: ["train", "toothbrush"],
    entries: new Map([["a.jpg", of(0, 1)], ["b.jpg", of()]]),
  });
});

Deno.test("parseImageClasses() names the entry that is something else", () => {
  const cases: [unknown, string][] = [
    [3, "it is 3, expected lists of classes or annotations of COCO"],
    [null, "it is null, expected lists of classes or annotations of COCO"],
    [[[1], "dog"], 'entry 1 is "dog", expected a list of class indices'],
    [{ "a.png": 1 }, 'entry "a.png" is 1, expected a list of class indices'],
    [{ "a.png": [1, 5] }, 'entry "a.png" has 5, expected classes from 0 to 4'],
    [[{ classes: [1], ignored: [2] }], 'entry 0 has "ignored", expected "classes" and "unknown"'],
    [[{ classes: [1], unknown: [-1] }], "entry 0 has -1, expected classes from 0 to 4"],
    [[{ unknown: [1] }], "entry 0 is missing, expected a list of class indices"],
    [[{ classes: [2, 1], unknown: [1] }], "entry 0 has 1 among its classes and as unknown"],
    [{ images: [] }, "annotations is missing, expected a list"],
  ];
  for (const [value, message] of cases) {
    assertThrows(() => parseImageClasses(value, { classes: 5, subject }), TypeError, `${subject}: ${message}`);
  }
  assertThrows(
    () => parseImageClasses([[2e9]], { subject }),
    TypeError,
    "has 2000000000, expected classes from 0 to 999999",
  );
});
