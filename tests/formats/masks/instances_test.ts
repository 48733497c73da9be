import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openInstances, polygonRuns } from "../../../formats/masks/mod.ts";

/** Annotations in which images follow what is said of them, and identifiers have gaps. */
function annotations() {
  return {
    info: { year: 2017 },
    annotations: [
      {
        id: 5,
        image_id: 90,
        category_id: 44,
        iscrowd: 0,
        segmentation: [[0, 0, 4, 0, 4, 4, 0, 4], [1, 1, 5, 1, 5, 5]],
      },
      { id: 1, image_id: 7, category_id: 3, iscrowd: 1, segmentation: { size: [6, 8], counts: [10, 5, 33] } },
      { id: 2, image_id: 90, category_id: 3, iscrowd: 0, segmentation: { size: [5, 9], counts: "5:n0" } },
    ] as Record<string, unknown>[],
    images: [
      { id: 90, file_name: "b.jpg", height: 5, width: 9 },
      { id: 7, file_name: "a.jpg", height: 6, width: 8 },
      { id: 8, file_name: "none.jpg", height: 6, width: 8 },
    ] as Record<string, unknown>[],
    categories: [{ id: 44, name: "fork" }, { id: 3, name: "car" }] as Record<string, unknown>[],
  };
}

/** Writes annotations and gives the file's name. */
function fileOf(value: unknown): string {
  const path = join(Deno.makeTempDirSync(), "instances.json");
  Deno.writeTextFileSync(path, JSON.stringify(value));
  return path;
}

Deno.test("openInstances() joins annotations with images and classes, wherever in the file they stand", async () => {
  const instances = await openInstances(fileOf(annotations()));
  assertEquals(instances.images, [
    { key: "b.jpg", height: 5, width: 9 },
    { key: "a.jpg", height: 6, width: 8 },
    { key: "none.jpg", height: 6, width: 8 },
  ]);
  assertEquals([instances.categories, instances.annotations, instances.crowds], [["car", "fork"], 3, 1]);
  const image = instances.images[0];
  assertEquals(instances.of(0), [
    { class: 1, masks: [polygonRuns([0, 0, 4, 0, 4, 4, 0, 4], image), polygonRuns([1, 1, 5, 1, 5, 5], image)] },
    { class: 0, masks: [[5, 15]] },
  ]);
  assertEquals(instances.of(1), [{ class: 0, masks: [[10, 15]] }]);
  assertEquals(instances.of(2), []);
  instances.close();
});

Deno.test("openInstances() refuses a file whose fields are missing, of another kind, or there twice", async () => {
  type Annotations = ReturnType<typeof annotations>;
  const refusals: [(value: Annotations) => unknown, string][] = [
    [({ images, categories }) => ({ images, categories }), "it has no list of annotations"],
    [(value) => ({ ...value, images: { a: 1 } }), 'images is {"a":1}, expected a list'],
    [(value) => ({ ...value, images: [...value.images, 3] }), "images[3] is 3, expected an object"],
    [(value) => void delete value.images[1].height, "height of images[1] is missing, expected a number"],
    [(value) => void (value.images[1].width = -8), "width of images[1] is -8, expected 1 to 65535 pixels"],
    [(value) => void (value.images[1].height = 2.5), "height of images[1] is 2.5, expected 1 to 65535 pixels"],
    [(value) => void (value.images[1].file_name = ""), 'file_name of images[1] is "", expected a text'],
    [(value) => void (value.images[1].id = 90), "images[1] has id 90, as images[0]"],
    [(value) => void (value.images[1].file_name = "b.jpg"), 'images[1] is called "b.jpg", as one before it'],
    [(value) => void (value.categories[1].id = 44), "categories[1] has id 44, as one before it"],
    [(value) => void (value.categories[1].name = "fork"), 'categories[1] is called "fork", as one before it'],
    [(value) => void (value.annotations[2].id = 5), "two of its annotations have id 5"],
    [(value) => void (value.annotations[2].image_id = 91), "annotations[2] is of image 91, which is not in the file"],
    [(value) => void (value.annotations[0].category_id = 4), "annotations[0] is of category 4, which is not in the"],
    [(value) => void delete value.annotations[0].category_id, "category_id of annotations[0] is missing"],
  ];
  for (const [change, message] of refusals) {
    const value = annotations();
    const path = fileOf(change(value) ?? value);
    const error = await assertRejects(() => openInstances(path), TypeError, message);
    assert(error.message.includes(`"${path}"`));
  }
});

Deno.test("a segmentation that cannot be understood is an error of its image, and names its annotation", async () => {
  const segmentations: [unknown, string][] = [
    [undefined, "its segmentation is missing, expected polygons or run lengths"],
    [[], "its segmentation is [], expected polygons or run lengths"],
    [[7], "a polygon is 7, expected a list of numbers"],
    [[[1, 2, 3]], "a polygon has 3 numbers"],
    [{ size: [9, 5], counts: [45] }, "its mask is of size [9,5], expected [5, 9], height and width of the image"],
    [{ size: [5, 9], counts: [46] }, "its counts are of more than 45 pixels"],
    [{ size: [5, 9] }, "its counts are missing"],
  ];
  for (const [segmentation, message] of segmentations) {
    const value = annotations();
    value.annotations[2].segmentation = segmentation;
    const path = fileOf(value);
    const instances = await openInstances(path);
    const error = assertThrows(() => instances.of(0), Error, message);
    assert(error.message.startsWith(`Cannot use annotations[2] (id 2) of "${path}": `), error.message);
    assertEquals(instances.of(1).length, 1);
    instances.close();
  }
});
