import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { concatenate } from "../../../formats/base/bytes.ts";
import { openImages } from "../../../formats/images/mod.ts";
import { bytesOf, collect, makeFolder, reasonOf } from "./collect.ts";
import { imageColumns, textColumn, writeParquet, type WrittenColumn } from "./parquet_writer.ts";

const image = (index: number) => new TextEncoder().encode(`image ${index}`);
const images = (count: number) => imageColumns(Array.from({ length: count }, (_, index) => image(index)));

/** Labels, classes and survey of files of Parquet. */
async function labelsOf(files: Record<string, readonly WrittenColumn[]>, metadata?: Record<string, string>) {
  const bytes = Object.entries(files).map(([name, columns]) => [name, writeParquet(columns, { metadata })] as const);
  await using folder = await makeFolder(Object.fromEntries(bytes));
  const source = await openImages(folder.path);
  const labels = (await collect(source)).map(({ label }) => label);
  assertEquals((await Array.fromAsync(source.list())).map(({ label }) => label), labels);
  const { unlabelled, remarks } = await source.survey();
  return { labels, classes: source.classes, unlabelled: unlabelled.map(({ what, count }) => [count, what]), remarks };
}

/** The same of one file with images and a column. */
async function labelsOfColumn(column: WrittenColumn, metadata?: Record<string, string>) {
  return await labelsOf({ "a.parquet": [...images(column.values.length), column] }, metadata);
}

const CLASS_NAMES = {
  huggingface: JSON.stringify({
    info: { features: { image: { _type: "Image" }, label: { names: ["dog", "cat", "eel"], _type: "ClassLabel" } } },
  }),
};

Deno.test("Parquet's label column may be of any type of numbers, and has no label where the number is none", async () => {
  const type = (type: WrittenColumn["type"], values: WrittenColumn["values"], converted?: number) =>
    labelsOfColumn({ name: "label", type, converted, values });
  assertEquals((await type("int64", [2n, 0n, null])).labels, [2, 0, null]);
  assertEquals((await type("int32", [7, 3], 15)).labels, [7, 3]);
  assertEquals((await type("boolean", [1, 0, 1])).labels, [1, 0, 1]);
  const floats = await type("double", [1, 2, 1.5, -1, NaN, 2147483648]);
  assertEquals(floats.labels, [1, 2, null, null, null, null]);
  assertEquals(floats.unlabelled, [
    [2, "whose label is no whole number"],
    [1, "with a label beyond 2,147,483,647"],
    [1, "with a negative label"],
  ]);
  // uint64, of which the second is negative as int64, and the last of an int32.
  const unsigned = await type("int64", [5n, 2n ** 64n - 1n, 2n ** 31n, 2n ** 31n - 1n], 14);
  assertEquals(unsigned.labels, [5, null, null, 2147483647]);
  assertEquals(unsigned.unlabelled, [[2, "with a label beyond 2,147,483,647"]]);
  assertEquals((await type("int32", [4294967295, 4], 13)).unlabelled, [[1, "with a label beyond 2,147,483,647"]]);
  assertEquals((await type("int64", [-1n, 3n])).unlabelled, [[1, "with a negative label"]]);
});

Deno.test("texts in Parquet's label column are classes in natural order, over all files", async () => {
  const texts = (values: (string | null)[], isDictionary = false) => ({ ...textColumn("label", values), isDictionary });
  assertEquals(await labelsOfColumn(texts(["class 10", "class 9", "class 10", null, " "])), {
    labels: [1, 0, 1, null, null],
    classes: ["class 9", "class 10"],
    unlabelled: [[1, "with an empty label"], [1, "without a label"]],
    remarks: [],
  });
  const found = await labelsOf({
    "a.parquet": [...images(2), texts(["eel", "cat"])],
    "b.parquet": [...images(3), texts(["dog", "eel", "dog"], true)],
  });
  assertEquals([found.labels, found.classes], [[2, 0, 1, 2, 1], ["cat", "dog", "eel"]]);
  const invalid = { name: "label", type: "bytes", converted: 0, values: ["a", Uint8Array.of(0xff)] } as const;
  assertEquals((await labelsOfColumn(invalid)).unlabelled, [[1, "whose label is not UTF-8"]]);
});

Deno.test("names of classes in Parquet's metadata order texts and bound numbers", async () => {
  const texts = await labelsOfColumn(textColumn("label", ["cat", "dog", "bee"]), CLASS_NAMES);
  assertEquals(texts, {
    labels: [1, 0, null],
    classes: ["dog", "cat", "eel"],
    unlabelled: [[1, "whose label is none of the named classes"]],
    remarks: [],
  });
  const numbers = await labelsOfColumn({ name: "label", type: "int64", values: [2n, 3n, -1n] }, CLASS_NAMES);
  assertEquals(numbers.labels, [2, null, null]);
  assertEquals(numbers.unlabelled, [
    [1, "with a label beyond the 3 classes with a name"],
    [1, "with a negative label"],
  ]);
  const broken = await labelsOfColumn({ name: "label", type: "int64", values: [2n] }, { huggingface: "{" });
  assertEquals([broken.labels, broken.classes, broken.remarks.length], [[2], null, 1]);
});

Deno.test("Parquet's label column is found under its usual names, however they are written", async () => {
  for (
    const name of [
      "label",
      "Label",
      "LABELS",
      "class",
      "cls",
      "fine_label",
      "fineLabel",
      "Fine-Label",
      "target",
      "Category",
    ]
  ) {
    assertEquals((await labelsOfColumn({ name, type: "int64", values: [4n] })).labels, [4], name);
  }
  const int = (name: string, value: bigint): WrittenColumn => ({ name, type: "int64", values: [value] });
  assertEquals(await labelsOf({ "a.parquet": [...images(1), int("class", 1n), int("id", 5n), int("label", 2n)] }), {
    labels: [2],
    classes: null,
    unlabelled: [],
    remarks: ['Labels are of column "label", not of "class"'],
  });
  const none = await labelsOf({ "a.parquet": [...images(1), int("id", 5n), textColumn("caption", ["x"])] });
  assertEquals([none.labels, none.unlabelled, none.remarks], [
    [null],
    [[1, "in files without a label column"]],
    ['No column is taken for labels: there are "id" (int64), "caption" (utf8)'],
  ]);
  const date: WrittenColumn = { name: "label", type: "int32", converted: 6, values: [3] };
  const unusable = await labelsOf({ "a.parquet": [...images(1), date, int("class", 1n)] });
  assertEquals([unusable.labels, unusable.remarks], [[1], ['Labels cannot be of column "label" (date)']]);
  const nested = await labelsOf({ "a.parquet": [...images(1), { ...int("id", 1n), of: "labels" }] });
  assertEquals([nested.labels, nested.remarks], [
    [null],
    ['Labels cannot be of column "labels" (nested)', 'No column is taken for labels: there are "labels" (nested)'],
  ]);
  const decimal = await labelsOf({ "a.parquet": [...images(1), { ...int("Class", 1n), converted: 5 }] });
  assertEquals([decimal.labels, decimal.remarks[0]], [[null], 'Labels cannot be of column "Class" (decimal)']);
});

Deno.test("labels of Parquet files are of one column and one kind in all of them", async () => {
  const int = (name: string, value: bigint): WrittenColumn => ({ name, type: "int64", values: [value] });
  const found = await labelsOf({
    "a.parquet": [...images(1), int("label", 3n)],
    "b.parquet": [...images(1), int("Label", 4n), int("class", 9n)],
    "c.parquet": [...images(1), int("class", 5n)],
  });
  assertEquals([found.labels, found.unlabelled], [[3, 4, null], [[1, "in files without the label column"]]]);
  const error = await assertRejects(
    () =>
      labelsOf({
        "a.parquet": [...images(1), int("label", 3n)],
        "b.parquet": [...images(1), textColumn("label", ["x"])],
      }),
    TypeError,
  );
  assertEquals(
    error.message.replaceAll(/"[^"]*\/(\w+\.parquet)"/g, '"$1"'),
    'Cannot read labels of column "label": it is utf8 in "b.parquet", int64 in "a.parquet"',
  );
});

Deno.test("a label column that one file's metadata names is that of all files", async () => {
  const species: WrittenColumn = { name: "species", type: "int64", values: [1n] };
  const features = { species: { names: ["cat", "dog"], _type: "ClassLabel" } };
  const metadata = { huggingface: JSON.stringify({ info: { features } }) };
  await using folder = await makeFolder({
    "a.parquet": writeParquet([...images(1), species], { metadata }),
    "b.parquet": writeParquet([...images(1), { ...species, values: [0n] }]),
    "c.parquet": writeParquet([...images(1), { ...species, values: [2n] }]),
  });
  const source = await openImages(folder.path);
  assertEquals([(await collect(source)).map(({ label }) => label), source.classes], [[1, 0, null], ["cat", "dog"]]);
  await using other = await makeFolder({
    "a.parquet": writeParquet([...images(1), species], { metadata }),
    "b.parquet": writeParquet([...images(1), species], {
      metadata: { huggingface: metadata.huggingface.replace("cat", "eel") },
    }),
  });
  await assertRejects(
    () => openImages(other.path),
    TypeError,
    `Cannot read labels of column "species": its classes in "${other.path}/b.parquet" are not those of the files before it`,
  );
});

Deno.test("images in Parquet may be under other names, and in columns of bytes", async () => {
  for (const name of ["image", "Image", "img", "picture", "anything"]) {
    const columns = [...imageColumns([image(1)], name), { name: "label", type: "int64", values: [1n] } as const];
    assertEquals((await labelsOf({ "a.parquet": columns })).labels, [1], name);
  }
  const bytes = (name: string): WrittenColumn => ({ name, type: "bytes", values: [image(3)] });
  await using folder = await makeFolder({ "a.parquet": writeParquet([bytes("mask"), bytes("jpg")]) });
  const source = await openImages(folder.path);
  assertEquals(bytesOf((await collect(source))[0]), image(3));
  assertEquals((await source.survey()).remarks[0], 'Images are of column "jpg", not of "mask"');
  const features = { mask: { _type: "Image" }, image: { _type: "Image" } };
  const huggingface = JSON.stringify({ info: { features } });
  const both = writeParquet([...imageColumns([image(5)], "mask"), ...imageColumns([image(6)])], {
    metadata: { huggingface },
  });
  await using masked = await makeFolder({ "a.parquet": both });
  const named = await openImages(masked.path);
  assertEquals(bytesOf((await collect(named))[0]), image(6));
  assertEquals((await named.survey()).remarks[0], 'Images are of column "image", not of "mask"');
  await using unclear = await makeFolder({ "a.parquet": writeParquet([bytes("a"), bytes("b")]) });
  await assertRejects(
    () => openImages(unclear.path),
    TypeError,
    `Cannot tell the image column of "${unclear.path}/a.parquet": its columns are a (byte_array), b (byte_array)`,
  );
});

Deno.test("rows of Parquet that hold a path in place of an image are unreadable, and name the path", async () => {
  await using folder = await makeFolder({ "a.parquet": writeParquet(imageColumns([null, image(1)])) });
  const [first, second] = await collect(await openImages(folder.path));
  assertEquals(
    reasonOf(first),
    `Cannot read row 0 of "${folder.path}/a.parquet": it has no image bytes, only the path "0.png" in place of them`,
  );
  assertEquals(bytesOf(second), image(1));
});

Deno.test("images and labels of Parquet are the same in pages of any version, compression and encoding", async () => {
  const rows = 50;
  const stored = Array.from({ length: rows }, (_, index) => index % 7 === 3 ? null : image(index % 11));
  const labels = Array.from({ length: rows }, (_, index) => index % 5 === 2 ? null : BigInt(index % 9));
  for (const codec of ["none", "snappy", "gzip", "zstd"] as const) {
    for (const version of [1, 2] as const) {
      for (const isDictionary of [false, true]) {
        const columns = [...imageColumns(stored), { name: "label", type: "int64", values: labels } as const]
          .map((column) => ({ ...column, isDictionary }));
        const options = { codec, version, rowsPerGroup: 20, rowsPerPage: 6, hasChecksums: isDictionary };
        await using folder = await makeFolder({ "a.parquet": writeParquet(columns, options) });
        const source = await openImages(folder.path);
        for (const [start, end] of [[0, rows], [13, 42]]) {
          const found = await collect(source, { start, end });
          const what = `${codec} ${version} ${isDictionary}`;
          const expected = labels.slice(start, end).map((label) => label === null ? null : Number(label));
          assertEquals(found.map(({ label }) => label), expected, what);
          const bytes = found.map(({ bytes }) => bytes instanceof Uint8Array ? bytes : null);
          assertEquals(bytes, stored.slice(start, end), what);
        }
      }
    }
  }
});

Deno.test("a damaged page of Parquet costs its own rows, those of its label column too", async () => {
  const columns = [...images(12), {
    name: "label",
    type: "int64",
    values: Array.from({ length: 12 }, (_, i) => BigInt(i)),
  }];
  const bytes = writeParquet(columns as WrittenColumn[], { rowsPerPage: 4, hasChecksums: true });
  const label = bytes.findIndex((_, index) =>
    new DataView(bytes.buffer).getUint32(index, true) === 5 && bytes[index + 8] === 6
  );
  bytes[label] = 9;
  await using folder = await makeFolder({ "a.parquet": bytes });
  const source = await openImages(folder.path);
  const found = await collect(source);
  assertEquals(found.map(({ label }) => label), [0, 1, 2, 3, null, null, null, null, 8, 9, 10, 11]);
  assertEquals(found.map(({ bytes }) => "unreadable" in bytes), found.map(({ label }) => label === null));
  assertEquals(
    reasonOf(found[4]),
    `Cannot read rows 0 to 12 of "${folder.path}/a.parquet": a page is not what its checksum says`,
  );
  assertEquals((await source.survey()).unlabelled, [{ what: "that cannot be read", count: 4, first: "a.parquet/4" }]);
});

Deno.test("texts of which some cannot be read number no classes, unless the metadata names them", async () => {
  const columns = [...images(6), textColumn("label", ["cat", "dog", "eel", "cat", "dog", "eel"])];
  const damaged = (metadata: Record<string, string>) => {
    const bytes = writeParquet(columns, { rowsPerPage: 2, hasChecksums: true, metadata });
    const text = new TextDecoder("latin1").decode(bytes);
    bytes[text.indexOf("dog", text.indexOf("dog") + 1)]++;
    return bytes;
  };
  await using folder = await makeFolder({ "a.parquet": damaged({}), "names/a.parquet": damaged(CLASS_NAMES) });
  const error = await assertRejects(() => openImages(`${folder.path}/a.parquet`), TypeError);
  assertEquals(
    error.message,
    'Cannot read labels of column "label": its texts number the classes: ' +
      `Cannot read rows 0 to 6 of "${folder.path}/a.parquet": a page is not what its checksum says`,
  );
  const labels = (await collect(await openImages(`${folder.path}/names`))).map(({ label }) => label);
  assertEquals(labels, [1, 0, 2, 1, null, null]);
});

Deno.test("Parquet that DuckDB writes has the labels that were given to it", async () => {
  await using folder = await makeFolder({ "images": null });
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    for (const version of ["V1", "V2"]) {
      const path = `${folder.path}/images/${version}.parquet`;
      await connection.run(
        `COPY (SELECT {'bytes': ('image ' || i)::BLOB, 'path': i || '.jpg'} AS image, ` +
          `(i * 7 % 30)::UBIGINT AS Target FROM range(3000) t(i)) TO '${path}' (FORMAT parquet, PARQUET_VERSION ${version})`,
      );
      const found = await collect(await openImages(path));
      assertEquals(found.map(({ label }) => label), found.map(({ index }) => index * 7 % 30), version);
      assertEquals(found.map(bytesOf), found.map(({ index }) => image(index)), version);
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
});

Deno.test("Parquet whose footer claims what cannot be is refused in a sentence that names the file", async () => {
  const whole = writeParquet([...images(6), { name: "label", type: "int64", values: [1n, 2n, 3n, 1n, 2n, 3n] }]);
  const end = whole.length - 8;
  const length = new DataView(whole.buffer).getUint32(end, true);
  const footer = Array.from(whole.subarray(end - length, end));
  const replaced = (from: number[], to: Uint8Array) => {
    const at = footer.findIndex((_, index) => from.every((byte, offset) => footer[index + offset] === byte));
    const kept = whole.subarray(0, end - length + at);
    const bytes = concatenate([kept, to, whole.subarray(end - length + at + from.length)]);
    new DataView(bytes.buffer).setUint32(bytes.length - 8, length + to.length - from.length, true);
    return bytes;
  };
  // The number of rows, an i64 in field 3 after the list in field 2; that of children of the root, an i32 in field 5.
  const raw = (...bytes: number[]) => Uint8Array.from(bytes);
  const rows = [0x16, 12, 0x19];
  const children = [0x15, 4, 0];
  const deep = Array.from({ length: 40 }, () => 0x1c);
  // A hundred groups of one child each, and a field that no reader knows with a list of five million zeros.
  const group = [0x48, 1, 0x67, 0x15, 2, 0];
  const nested = [0x15, 4, 0x19, 0xfc, 100, ...Array.from({ length: 100 }, () => group).flat(), 0x16, 0, 0x19, 0x0c, 0];
  const many = concatenate([raw(0x15, 4, 0xe9, 0xf5, 0xc0, 0x96, 0xb1, 2), new Uint8Array(5_000_000), raw(0)]);
  const cases: [Uint8Array, string][] = [
    [replaced(footer, raw()), "its footer is empty"],
    [replaced(rows, raw(0x16, 11, 0x19)), "row groups have 6 rows, the file says -6"],
    [
      replaced(rows, raw(0x16, 128, 128, 128, 128, 128, 128, 128, 4, 0x19)),
      "row groups have 6 rows, the file says 1125899906842624",
    ],
    [replaced(children, raw(0x15, 254, 255, 255, 255, 15, 0)), 'column "schema" has 2147483647 children'],
    [replaced(children, raw(0x15, 3, 0)), "number of children is -2"],
    [replaced(footer, raw(...nested)), "schema is nested deeper than 64"],
    [replaced(footer, many), "there are more than 4194304 values"],
    [replaced(footer, raw(...deep)), "structures are nested deeper than 16"],
    [
      replaced(footer, raw(0x15, 4, 0x19, 0xfc, 255, 255, 255, 255, 15)),
      "list of 4294967295 expected, 0 bytes left",
    ],
  ];
  for (const [bytes, reason] of cases) {
    await using folder = await makeFolder({ "a.parquet": bytes });
    const error = await assertRejects(() => openImages(folder.path), TypeError);
    assertEquals(
      error.message,
      `Cannot read Parquet file "${folder.path}/a.parquet": it is not a whole Parquet file: ${reason}`,
    );
  }
});

Deno.test("Parquet pages that claim to become more than they do are refused before memory is asked for", async () => {
  for (
    const [codec, reason] of [
      ["none", /^a page has \d+ bytes, its header says 400000000$/],
      ["snappy", /^a page has \d+ bytes, its header says 400000000$/],
      ["gzip", /^a page has \d+ bytes, its header says 400000000$/],
      ["zstd", /^a page has \d+ bytes, its header says 400000000$/],
    ] as const
  ) {
    await using folder = await makeFolder({ "a.parquet": writeParquet(images(1), { codec, claimedBytes: 4e8 }) });
    const [first] = await collect(await openImages(folder.path));
    const subject = `Cannot read rows 0 to 1 of "${folder.path}/a.parquet": `;
    assertMatch(reasonOf(first).slice(subject.length), reason, codec);
  }
  await using folder = await makeFolder({ "a.parquet": writeParquet(images(1), { claimedBytes: 2 ** 30 }) });
  assertMatch(reasonOf((await collect(await openImages(folder.path)))[0]), /: a page has 1073741824 bytes$/);
});
