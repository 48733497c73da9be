import { assertEquals, assertRejects } from "@std/assert";
import { readMultiLabels } from "../../../pipeline/evaluation/multi_label_reader.ts";
import { jsonFile } from "../../formats/evaluation/json_input.ts";

const subject = "Cannot read";
const IMAGES = { count: 2, first: "train/a.jpg" };
const COCO = jsonFile({
  images: [{ id: 3, file_name: "a.jpg" }, { id: 4, file_name: "b.jpg" }],
  annotations: [{ image_id: 3, category_id: 8 }],
  categories: [{ id: 8, name: "dog" }, { id: 2, name: "cat" }],
});
const present = (found?: { classes: { present: readonly number[] } }) => found?.classes.present;

Deno.test("readMultiLabels() takes the classes of COCO's annotations, and finds images by their last parts", async () => {
  const { classes, classNames, annotated, find } = await readMultiLabels(COCO, IMAGES, { subject });
  assertEquals([classes, classNames, annotated], [2, { name: ["cat", "dog"] }, 2]);
  assertEquals(find({ index: 0, key: "train/a.jpg" }), { classes: { present: [1], unknown: [] }, name: "a.jpg" });
  assertEquals(find({ index: 1, key: "c.jpg" }), undefined);
});

Deno.test("readMultiLabels() finds COCO's classes among a model's, and refuses those of another", async () => {
  const model = { classes: 3, classNames: { name: ["eel", "dog", "cat"] } };
  const { classes, find } = await readMultiLabels(COCO, IMAGES, { model, subject });
  assertEquals([classes, present(find({ index: 0, key: "a.jpg" }))], [3, [1]]);
  const other = { classes: 3, classNames: { name: ["eel", "dog", "cow"] } };
  await assertRejects(
    () => readMultiLabels(COCO, IMAGES, { model: other, subject }),
    TypeError,
    'Cannot read: class "cat" is none of the 3 classes of the model',
  );
});

Deno.test("readMultiLabels() takes lists by their keys before those by last parts, and counts classes that nobody names", async () => {
  const file = jsonFile({ "a.jpg": [0], "train/a.jpg": { classes: [1], unknown: [4] } });
  const { classes, annotated, find } = await readMultiLabels(file, IMAGES, { subject });
  assertEquals([classes, annotated], [5, 2]);
  const keys = ["train/a.jpg", "test/a.jpg"];
  assertEquals(keys.map((key) => present(find({ index: 0, key }))), [[1], [0]]);
});

Deno.test("readMultiLabels() takes lists in the order of the images, or of ImageNet's validation set", async () => {
  const { find } = await readMultiLabels(jsonFile([[0], [2]]), IMAGES, { subject });
  assertEquals(present(find({ index: 1, key: "b.jpg" })), [2]);
  const first = "ILSVRC2012_val_00000002.JPEG";
  const named = await readMultiLabels(jsonFile([[0], [2], [3]]), { count: 1, first }, { subject });
  assertEquals(present(named.find({ index: 0, key: first })), [2]);
  await assertRejects(
    () => readMultiLabels(jsonFile([[0]]), IMAGES, { subject }),
    TypeError,
    "Cannot read: it has 1 list, the data set 2 images",
  );
});
