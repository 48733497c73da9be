import { assertEquals, assertThrows } from "@std/assert";
import { openBoxes, readBoxes } from "../../../pipeline/pictures/boxes.ts";

const classOf = (text: string) => text === "cat, tabby" ? 3 : undefined;

function withTable<Result>(text: string, test: (path: string) => Result): Result {
  const path = Deno.makeTempFileSync();
  Deno.writeTextFileSync(path, text);
  try {
    return test(path);
  } finally {
    Deno.removeSync(path);
  }
}

Deno.test("readBoxes() reads columns in any order, quoted fields, and keys with and without an extension", () => {
  const text = 'left,key,class,"top",width,height,note\r\n0.5,n1/a.b.JPEG,"cat, tabby",0,0.5,1,x\r\n\r\n' +
    '0,n1/a.b,"cat, tabby",0.25,1,0.75,"a ""b"""\r\n';
  assertEquals(
    withTable(text, (path) => readBoxes(path, classOf)),
    new Map([["n1/a.b", [
      { index: 3, top: 0, left: 0.5, height: 1, width: 0.5 },
      { index: 3, top: 0.25, left: 0, height: 0.75, width: 1 },
    ]]]),
  );
});

Deno.test("readBoxes() refuses a table that is wrong, and says where", () => {
  const header = "key,class,top,left,height,width\n";
  const cases: [string, typeof TypeError | typeof RangeError, string][] = [
    ["key,class,top,left\n", TypeError, 'its header is "key,class,top,left", without height, width'],
    [`${header}a,dog,0,0,1,1`, TypeError, 'line 2 has class "dog", which is no wnid, name or index'],
    [`${header}a,"cat, tabby",0,0,1,30`, RangeError, "line 2 has box 0, 0, 1, 30, expected fractions"],
    [`${header}a,"cat, tabby",0,0,1`, RangeError, "line 2 has box 0, 0, 1, , expected fractions"],
  ];
  for (const [text, Kind, message] of cases) {
    withTable(text, (path) => {
      assertThrows(() => readBoxes(path, classOf), Kind, `Cannot read boxes from "${path}": ${message}`);
    });
  }
  assertThrows(() => readBoxes("nowhere.csv", classOf), Deno.errors.NotFound, "there is no such file");
});

Deno.test("openBoxes() finds published boxes by path or name, as fractions of the image, and counts other classes", async () => {
  const folder = Deno.makeTempDirSync();
  const path = `${folder}/LOC_val_solution.csv`;
  Deno.writeTextFileSync(
    path,
    "ImageId,PredictionString\nval_1,n1 10 20 50 100 n2 0 0 9 9\nval_2,n2 1 1 2 2\nval_3,n1 -5 0 200 50\n",
  );
  const boxes = await openBoxes(path, (text) => text === "n1" ? 0 : undefined);
  assertEquals([boxes.images, boxes.first, boxes.passedOver], [2, "val_1", 2]);
  const size = { width: 100, height: 200 };
  assertEquals(boxes.of("n1/val_1.JPEG", size), [{ index: 0, top: 0.1, left: 0.1, height: 0.4, width: 0.4 }]);
  assertEquals(boxes.of("val_3", size), [{ index: 0, top: 0, left: 0, height: 0.25, width: 1 }]);
  assertEquals(boxes.of("n1/val_2.JPEG", size), undefined);
  assertThrows(() => boxes.of("val_1"), TypeError, 'they are in pixels, and the size of "val_1" is not known');
  // Two images of one name are told apart by their path alone.
  const twice = `${folder}/instances.json`;
  const images = ["a/1.jpg", "b/1.jpg"].map((name, id) => ({ id, file_name: name, width: 10, height: 10 }));
  const annotations = [0, 1].map((id) => ({ id, image_id: id, category_id: 1, bbox: [0, 0, 5, 5 + id] }));
  Deno.writeTextFileSync(twice, JSON.stringify({ images, annotations, categories: [{ id: 1, name: "n1" }] }));
  const coco = await openBoxes(twice, () => 0);
  assertEquals(coco.of("1.jpg"), undefined);
  assertEquals(coco.of("b/1.jpg"), [{ index: 0, top: 0, left: 0, height: 0.6, width: 0.5 }]);
});
