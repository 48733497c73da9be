import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeFileMetadata } from "../../../formats/columns/parquet/decode/footer.ts";
import { decodeImage, openImages } from "../../../formats/images/mod.ts";
import { bytesOf, collect, list, makeFolder, reasonOf } from "./collect.ts";

const FIXTURES = "tests/fixtures/images/parquet";
const TRAIN = `${FIXTURES}/train-{00000..00001}-of-00002.parquet`;

Deno.test("openImages() reads Hugging Face Parquet: images, labels and class names by field name", async () => {
  const source = await openImages(TRAIN);
  assertEquals(source.description, "2 Parquet files");
  assertEquals(source.classes, ["cat", "dog", "eel"]);
  assertEquals(await source.count(), 11);
  const images = await collect(source);
  assertEquals(images.map(({ index }) => index), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  // The last row's label is -1 in the file: unknown.
  assertEquals(images.map(({ label }) => label), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0, null]);
  assertEquals(images[6].key, "train-00000-of-00002.parquet/6");
  assertEquals(images[7].key, "train-00001-of-00002.parquet/0");
  for (const image of images) {
    const { index } = image;
    const bytes = bytesOf(image);
    assertEquals(bytes.buffer.byteLength, bytes.length);
    const { width, height, pixels } = await decodeImage(bytes);
    assertEquals([width, height, ...pixels.subarray(0, 3)], [4, 3, index, 255 - index, 7]);
  }
});

Deno.test("read() of Parquet gives any range as it is in the whole, across row groups and files", async () => {
  const source = await openImages(TRAIN);
  const whole = await collect(source);
  for (let start = 0; start <= 11; start++) {
    for (const end of [start, start + 1, start + 4, 99]) {
      assertEquals(await collect(source, { start, end }), whole.slice(start, end));
    }
  }
});

Deno.test("openImages() takes other usual names of the columns", async () => {
  assertEquals(await list(await openImages(`${FIXTURES}/cifar.parquet`)), ["cifar.parquet/0 5", "cifar.parquet/1 6"]);
  const binary = await openImages(`${FIXTURES}/binary.parquet`);
  assertEquals(await list(binary), ["binary.parquet/0 3", "binary.parquet/1 4"]);
  const [first] = await collect(binary);
  assertEquals((await decodeImage(bytesOf(first))).pixels[0], 30);
});

Deno.test("read() of Parquet lists rows without bytes as unreadable", async () => {
  const images = await collect(await openImages(`${FIXTURES}/holes.parquet`));
  assertEquals(images.length, 3);
  assertEquals((await decodeImage(bytesOf(images[0]))).pixels[0], 40);
  for (const [row, more] of [[1, ', only the path "elsewhere.png" in place of them'], [2, ""]] as const) {
    const reason = `Cannot read row ${row} of "${FIXTURES}/holes.parquet": it has no image bytes${more}`;
    assertEquals(images[row], { index: row, key: `holes.parquet/${row}`, label: row, bytes: { unreadable: reason } });
  }
});

Deno.test("read() of Parquet lists the rows of a damaged row group as unreadable and goes on after it", async () => {
  const bytes = await Deno.readFile(`${FIXTURES}/train-00000-of-00002.parquet`);
  const source = await collect(await openImages(`${FIXTURES}/train-00000-of-00002.parquet`));
  const footer = bytes.length - 8 - new DataView(bytes.buffer).getUint32(bytes.length - 8, true);
  const { columns, groups } = decodeFileMetadata(bytes.subarray(footer, -8), footer);
  const [image] = columns.flatMap(({ children }) => children).filter(({ name }) => name === "bytes");
  const { offset: firstPage } = groups[0].chunks[image.leavesBefore];
  bytes.fill(0xff, firstPage, firstPage + 40);
  await using folder = await makeFolder({ "a.parquet": bytes });
  const images = await collect(await openImages(folder.path));
  assertEquals(images.length, 7);
  for (const row of [0, 1, 2]) {
    const reason = reasonOf(images[row]);
    assert(reason.startsWith(`Cannot read rows 0 to 3 of "${folder.path}/a.parquet": `), reason);
  }
  assertEquals(images.slice(3).map(({ bytes }) => bytes), source.slice(3).map(({ bytes }) => bytes));
});

Deno.test("openImages() refuses Parquet without images, and names the columns found", async () => {
  for (
    const [name, type, message] of [
      [
        "no_image",
        TypeError,
        `Cannot find an image column in "${FIXTURES}/no_image.parquet": its columns are text (utf8), label (int64), embedding (nested)`,
      ],
      [
        "label_map",
        TypeError,
        `Cannot read images from "${FIXTURES}/label_map.parquet": it is a label map, not images`,
      ],
      [
        "no_rows",
        Deno.errors.NotFound,
        `Cannot find images in "${FIXTURES}/no_rows.parquet": the Parquet files have no rows`,
      ],
    ] as const
  ) {
    const error = await assertRejects(() => openImages(`${FIXTURES}/${name}.parquet`), type);
    assertEquals(error.message, message);
  }
});

Deno.test("openImages() refuses a file that only claims to be Parquet, or was cut", async () => {
  const bytes = await Deno.readFile(`${FIXTURES}/cifar.parquet`);
  for (
    const [content, message] of [[bytes.slice(0, 900), 'it does not end with "PAR1"'], [
      "PAR1",
      "it has 4 bytes",
    ]] as const
  ) {
    await using folder = await makeFolder({ "a.parquet": content });
    await assertRejects(() => openImages(folder.path), Error, `Cannot read Parquet file "${folder.path}/a.parquet": `);
    await assertRejects(() => openImages(`${folder.path}/a.parquet`), Error, message);
  }
});
