import { assertEquals, assertThrows } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "@std/path";
import {
  checkConfiguration,
  createCropLabelFile,
  type CropLabelImage,
  type CropLabelMetadata,
} from "../../../formats/labels/mod.ts";
import { fixtureMetadata } from "./fixture.ts";

const metadata: CropLabelMetadata = {
  version: 1,
  kind: "crop_labels",
  annotator: fixtureMetadata("fp32").annotator,
  classes: 70000,
  k: 2,
  missing: "uniform",
};

function image(key: string, crops: number): CropLabelImage {
  return {
    key,
    label: key === "b" ? null : 1,
    box: Float32Array.from({ length: crops * 4 }, (_, index) => index / 1e6),
    flip: Array.from({ length: crops }, (_, crop) => crop % 2),
    class: Array.from({ length: crops * 2 }, (_, index) => 69999 - index % 7),
    probability: Float32Array.from({ length: crops * 2 }, (_, index) => 1 / (index + 1)),
  };
}

Deno.test("createCropLabelFile() writes a row a crop, in row groups of some images", async () => {
  const path = join(Deno.makeTempDirSync(), "crops.parquet");
  const writer = createCropLabelFile(path, metadata);
  const images = [image("a", 30000), image("b", 20000), image("c", 1)];
  for (const each of images) writer.append(each);
  assertEquals(writer.finish().rows, 50001);
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const rows = (await connection.runAndReadAll(`FROM read_parquet('${path}')`)).getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  assertEquals(rows.length, 50001);
  let position = 0;
  for (const { key, label, box, flip, class: classes, probability } of images) {
    for (let crop = 0; crop < flip.length; crop += 999) {
      const [top, left, height, width] = box.subarray(crop * 4);
      assertEquals(rows[position + crop], {
        ...{ key, label, crop, top, left, height, width, flip: flip[crop] },
        class: [classes[crop * 2], classes[crop * 2 + 1]],
        probability: [...probability.subarray(crop * 2, crop * 2 + 2)],
      });
    }
    position += flip.length;
  }
});

Deno.test("createCropLabelFile() refuses images that do not fit the metadata", () => {
  const path = join(Deno.makeTempDirSync(), "crops.parquet");
  const writer = createCropLabelFile(path, metadata);
  const subject = `Cannot write crop labels "${path}": image "a"`;
  const good = image("a", 2);
  assertThrows(
    () => writer.append({ ...good, box: new Float32Array(4) }),
    TypeError,
    `${subject}: box has 4 values, expected 8`,
  );
  assertThrows(
    () => writer.append({ ...good, class: [1, 2, 3, 70000] }),
    RangeError,
    `${subject}: class holds 70000, expected an integer from 0 to 69999`,
  );
  assertThrows(
    () => writer.append({ ...good, probability: good.probability.with(1, NaN) }),
    RangeError,
    `${subject}: probability at position 1 is NaN, expected a number from 0 to 1`,
  );
  assertThrows(
    () => writer.append({ ...good, box: good.box.with(7, Infinity) }),
    RangeError,
    `${subject}: box at position 7 is Infinity, expected a finite number`,
  );
  assertThrows(
    () => writer.append({ ...good, label: 2 ** 31 }),
    RangeError,
    `${subject}: label is 2147483648, expected a 32-bit integer`,
  );
  writer.discard();
  assertEquals([...Deno.readDirSync(join(path, ".."))], []);
});

Deno.test("a folder's configuration is checked for what its kind needs", () => {
  const check = (changes: Record<string, unknown>) => () =>
    checkConfiguration({ metadata: { ...metadata, ...changes } as never, rowsPerFile: 4 }, "Cannot try");
  check({})();
  assertThrows(check({ k: 0 }), RangeError, "Cannot try: k is 0, expected 1 to 70000, the number of classes");
  assertThrows(check({ missing: "half" }), RangeError, 'missing is "half", expected zero, uniform or renormalise');
  assertThrows(check({ annotator: {} }), TypeError, "annotator is {}, expected an object with name and sha256");
  assertThrows(check({ kind: "others" }), TypeError, 'it holds "others", expected label maps');
});
