import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type DuckDBConnection, DuckDBInstance, type Json } from "@duckdb/node-api";
import {
  dequantise,
  type LabelMapMetadata,
  type LabelMapRow,
  labelMapTypes,
  multiLabel,
  quantise,
  scoreClasses,
} from "../../../formats/labels/mod.ts";
import { type Crop, poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { fixtureMetadata, fixtureRows, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { poolingFixtures } from "../../kernels/operations/label_pooling/fixture.ts";
import { folderOf, TWELVE } from "./query_folder.ts";
import { ROOT } from "../task.ts";

/** DuckDB by itself with the SQL file loaded as its head says, and no way to fetch an extension. */
async function withDuckDB<Result>(
  path: string,
  use: (read: (sql: string) => Promise<Record<string, Json>[]>, connection: DuckDBConnection) => Promise<Result>,
): Promise<Result> {
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
  });
  const connection = await instance.connect();
  try {
    await connection.run(`SET VARIABLE labels = '${path}/*.parquet'`);
    await connection.run(Deno.readTextFileSync(join(ROOT, "pipeline/query/label_maps.sql")));
    const read = async (sql: string) =>
      (await connection.runAndReadAll(sql)).getRowObjectsJson() as Record<string, Json>[];
    return await use(read, connection);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

Deno.test("label_maps.sql loads in DuckDB without extensions, twice, and takes names from the manifest", async () => {
  const metadata = smallMetadata();
  const path = folderOf([smallRow(0, metadata), smallRow(1, metadata)], metadata, {
    classes: TWELVE,
    dataSetClasses: { name: ["Tabby", "pier"] },
  });
  await withDuckDB(path, async (read, connection) => {
    const head = Deno.readTextFileSync(join(ROOT, "pipeline/query/label_maps.sql")).split("\n");
    const inserts = head.filter((line) => line.startsWith("--   INSERT")).map((line) => line.slice(5));
    assertEquals(inserts.length, 2);
    for (const insert of inserts) {
      await connection.run(insert.replace("flowers/manifest.json", join(path, "manifest.json")));
    }
    await connection.run(head.join("\n"));
    assertEquals(await read("SELECT * FROM classes WHERE index = 5"), [{ index: 5, wnid: "n5", name: "daisy" }]);
    assertEquals(await read("FROM data_set_classes"), [
      { index: 0, wnid: null, name: "Tabby" },
      { index: 1, wnid: null, name: "pier" },
    ]);
    assertEquals((await read("FROM label_classes ORDER BY label")).map((row) => Number(row.class)), [0, 8]);
  });
});

for (const dtype of labelMapTypes) {
  Deno.test(`cells has every entry of every ${dtype} map where it stands`, async () => {
    const metadata = smallMetadata({ dtype });
    const rows = [0, 1, 2].map((index) => smallRow(index, metadata));
    const expected = rows.flatMap((row) => {
      const logits = dequantise(row.score, dtype);
      return [...row.class].map((value, place) => [
        row.key,
        Math.floor(place / 4) % 2,
        place % 4,
        Math.floor(place / 8),
        value,
        TWELVE.name[value],
        logits[place],
      ]);
    });
    await withDuckDB(folderOf(rows, metadata), async (read, connection) => {
      for (const [index, name] of TWELVE.name.entries()) {
        await connection.run("INSERT INTO classes VALUES ($1, NULL, $2)", [index, name]);
      }
      const cells = await read("FROM cells ORDER BY key, rank, y, x");
      assertEquals(cells.map((cell) => Object.values(cell)), expected);
    });
  });
}

Deno.test("image_labels and classifier_labels have the best classes of every image, by rank", async () => {
  const metadata = smallMetadata();
  const rows = [0, 1].map((index) => smallRow(index, metadata));
  await withDuckDB(folderOf(rows, metadata), async (read) => {
    const found = await read("SELECT key, label, rank, class, probability FROM classifier_labels ORDER BY key, rank");
    const expected = rows.flatMap((row) =>
      [...row.topClass].map((value, rank) => [row.key, row.label, rank, value, row.topProbability[rank]])
    );
    assertEquals(found.map((row) => Object.values(row)), expected);
    const best = await read("SELECT key, label, rank, class FROM image_labels ORDER BY key, rank");
    const scored = rows.flatMap((row) =>
      scoreClasses(row, metadata).slice(0, 5).map((one, rank) => [row.key, row.label, rank, one.class])
    );
    assertEquals(best.map((row) => Object.values(row)), scored);
  });
});

/** The target that pool() stands for: what it lists, and an equal share of the rest for all others. */
async function pooledTarget(
  read: (sql: string) => Promise<Record<string, Json>[]>,
  key: string,
  { top, left, height, width }: Crop,
  classes: number,
): Promise<Float64Array> {
  const rows = await read(`SELECT class, probability FROM pool('${key}', ${top}, ${left}, ${height}, ${width})`);
  const rest = rows.find((row) => row.class === null);
  const listed = rows.filter((row) => row.class !== null);
  const target = new Float64Array(classes).fill(Number(rest?.probability ?? 0) / (classes - listed.length));
  for (const row of listed) target[Number(row.class)] = Number(row.probability);
  return target;
}

Deno.test("pool() gives PyTorch's targets", async () => {
  for (const { name, maps, crops, targets } of await poolingFixtures()) {
    const { k, grid, classes, dtype } = maps;
    const metadata: LabelMapMetadata = { ...fixtureMetadata("fp32"), k, grid, classes, dtype };
    const length = k * grid[0] * grid[1];
    const rows = crops.map((_, index): LabelMapRow => ({
      ...smallRow(index, smallMetadata()),
      key: `${name}/${index}`,
      class: (maps.class as Uint16Array).slice(index * length, (index + 1) * length),
      score: (maps.score as Float32Array).slice(index * length, (index + 1) * length),
    }));
    await withDuckDB(folderOf(rows, metadata), async (read) => {
      for (const [index, crop] of crops.entries()) {
        const target = await pooledTarget(read, `${name}/${index}`, crop, classes);
        target.forEach((value, at) =>
          assertAlmostEquals(value, targets.hw[index * classes + at], 1e-5, `${name} ${at}`)
        );
      }
    });
  }
});

Deno.test("pool() is poolLabels() for crops of any kind, on real maps of every type", async () => {
  const crops: Crop[] = [
    { top: 0, left: 0, height: 1, width: 1 },
    { top: 0.2, left: 0.4, height: 0.2, width: 0.6 },
    { top: 1, left: 1, height: 0, width: 0 },
    { top: 0.5, left: 0.5, height: 0, width: 0.01 },
    { top: 4 / 15, left: 7 / 15, height: 1 / 15, width: 1 / 15 },
    { top: 0.123, left: 0.456, height: 0.321, width: 0.234 },
  ];
  for (const dtype of labelMapTypes) {
    const metadata = fixtureMetadata(dtype);
    const [row] = fixtureRows(dtype);
    const { k, grid, classes } = metadata;
    const maps = { count: 1, k, grid, classes, dtype, class: row.class, score: row.score };
    const expected = poolLabels(maps, crops.map((crop) => ({ ...crop, map: 0 })));
    await withDuckDB(folderOf([row], metadata), async (read) => {
      for (const [index, crop] of crops.entries()) {
        const target = await pooledTarget(read, row.key, crop, classes);
        target.forEach((value, at) =>
          assertAlmostEquals(value, expected[index * classes + at], 1e-7, `${dtype} ${index} ${at}`)
        );
      }
    });
  }
});

Deno.test("pool() has no row for the others where a crop holds all classes", async () => {
  const metadata = smallMetadata({ classes: 3 });
  const map = Uint16Array.from({ length: 24 }, (_, place) => Math.floor(place / 8));
  const row = { ...smallRow(0, metadata), class: map, score: quantise(new Float32Array(24).fill(1), "fp32") };
  await withDuckDB(folderOf([row], metadata), async (read) => {
    const rows = await read("FROM pool('kind/0.jpg', 0, 0, 1, 1)");
    assertEquals(rows.map((row) => row.class), [0, 1, 2]);
    for (const { probability } of rows) assertAlmostEquals(Number(probability), 1 / 3, 1e-12);
  });
});

Deno.test("pool() refuses a key that no image has, or more than one, and names it", async () => {
  const metadata = smallMetadata();
  const rows = [0, 1, 1].map((index) => smallRow(index, metadata));
  await withDuckDB(folderOf(rows, metadata), async (read) => {
    const cases = [
      ["'typo'", `no image has the key "typo"`],
      ["'KIND/0.jpg'", `no image has the key "KIND/0.jpg"`],
      ["''", `no image has the key ""`],
      ["NULL", `no image has the key "NULL"`],
      ["'kind/1.jpg'", `2 images have the key "kind/1.jpg"`],
    ];
    for (const [key, reason] of cases) {
      for (const crop of ["0, 0, 1, 1", "0.5, 0.5, 0.25, 0.1"]) {
        await assertRejects(() => read(`FROM pool(${key}, ${crop}) LIMIT 1`), Error, `Cannot pool: ${reason}`, key);
      }
    }
    for (const crop of ["0, 0, 1, 1", "0.5, 0.5, 0, 0", "0.9, 0, 0.1, 1"]) {
      assert((await read(`FROM pool('kind/0.jpg', ${crop})`)).length > 0, crop);
    }
  });
});

Deno.test("pool() refuses a crop that is not a part of the image", async () => {
  const metadata = smallMetadata();
  await withDuckDB(folderOf([smallRow(0, metadata)], metadata), async (read) => {
    for (
      const crop of [
        "0.5, 0, 0.6, 1",
        "-0.1, 0, 0.5, 0.5",
        "0, 0, 1, -1",
        "0, 0.9, 1, 0.2",
        "2, 0, 0, 1",
        ...["'nan'::FLOAT", "'infinity'::FLOAT", "'-infinity'::FLOAT", "NULL"].flatMap((value) => [
          `${value}, 0, 0.5, 0.5`,
          `0, ${value}, 0.5, 0.5`,
          `0, 0, ${value}, 0.5`,
          `0, 0, 0.5, ${value}`,
        ]),
      ]
    ) {
      await assertRejects(
        () => read(`FROM pool('kind/0.jpg', ${crop})`),
        Error,
        "Cannot pool: the crop is not a part of the image",
      );
    }
  });
});

Deno.test("cells and reports say when files are not of one format; labels work all the same", async () => {
  const one = folderOf([smallRow(0, smallMetadata())], smallMetadata());
  const other = smallMetadata({ k: 1 });
  const second = folderOf([smallRow(1, other)], other);
  Deno.copyFileSync(join(second, "part-00000.parquet"), join(one, "part-00001.parquet"));
  await withDuckDB(one, async (read) => {
    await assertRejects(() => read("FROM cells"), Error, "the files have 2 formats");
    await assertRejects(() => read("FROM multi_label()"), Error, "the files have 2 formats");
    assertEquals(await read("SELECT count(*)::INTEGER AS n FROM classifier_labels"), [{ n: 10 }]);
  });
});

Deno.test("label_maps.sql compares labels with classes only once it knows what both stand for", async () => {
  const metadata = smallMetadata();
  const rows = [0, 1, 2].map((index) => ({ ...smallRow(index, metadata), label: index === 0 ? null : index }));
  const names = { classes: TWELVE, dataSetClasses: { name: ["sofa", "Tabby", "pier"] } };
  const questions = ["suspicious()", "per_class()", "label_classes"];
  const refused = "Cannot compare labels with classes before both have names: INSERT INTO classes FROM manifest_names(";
  const insert = (path: string, table: string, entry: string) =>
    `INSERT INTO ${table} FROM manifest_names('${join(path, "manifest.json")}', '${entry}')`;
  const labelled = async (read: (sql: string) => Promise<Record<string, Json>[]>) =>
    (await read("SELECT class::INTEGER AS class FROM label_classes ORDER BY label")).map((row) => row.class);
  const path = folderOf(rows, metadata, names);
  await withDuckDB(path, async (read, connection) => {
    for (const question of questions) await assertRejects(() => read(`FROM ${question}`), Error, refused, question);
    await connection.run(insert(path, "data_set_classes", "dataSetClasses"));
    for (const question of questions) await assertRejects(() => read(`FROM ${question}`), Error, refused, question);
    await connection.run(insert(path, "classes", "classes"));
    assertEquals(await labelled(read), [null, 0, 8]);
    for (const question of questions) assert((await read(`FROM ${question}`)).length > 0, question);
  });
  const unnamed = folderOf(rows, metadata, { classes: TWELVE });
  await withDuckDB(unnamed, async (read, connection) => {
    await connection.run(insert(unnamed, "classes", "classes"));
    await connection.run(insert(unnamed, "data_set_classes", "dataSetClasses"));
    for (const question of questions) await assertRejects(() => read(`FROM ${question}`), Error, refused, question);
    await connection.run("SET VARIABLE labels_are_classes = true");
    assertEquals(await labelled(read), Array.from({ length: 12 }, (_, index) => index));
    assertEquals((await read("FROM suspicious()")).length, 2);
  });
  const strange = { classes: TWELVE, dataSetClasses: { name: ["sofa", "settee", "couch"] } };
  const unknown = folderOf(rows, metadata, strange);
  await withDuckDB(unknown, async (read, connection) => {
    await connection.run(insert(unknown, "classes", "classes"));
    await connection.run(insert(unknown, "data_set_classes", "dataSetClasses"));
    assertEquals(await labelled(read), [null, null, null]);
    for (const limited of ["", " LIMIT 1", " WHERE given = 'tabby'", " WHERE self_confidence < 0.01 LIMIT 5"]) {
      const message =
        "Cannot rank labels: none is of a class that has the wnid, name or number of one of the annotator's";
      await assertRejects(() => read(`FROM suspicious()${limited}`), Error, message, limited);
    }
    assert((await read("FROM per_class()")).length > 0);
  });
  const unlabelled = rows.map((row) => ({ ...row, label: null }));
  await withDuckDB(folderOf(unlabelled, metadata, names), async (read) => {
    assertEquals(await read("FROM suspicious()"), []);
    assert((await read("FROM per_class()")).length > 0);
  });
});

for (const dtype of labelMapTypes) {
  Deno.test(`image_scores and multi_label() of ${dtype} maps are those of scoreClasses() and multiLabel()`, async () => {
    const shapes = ([[1, [2, 4]], [3, [1, 1]], [5, [3, 5]], [7, [15, 15]]] as const)
      .map(([k, grid]) => smallMetadata({ dtype, k, grid }));
    const cases = [
      ...shapes.map((metadata) => ({ metadata, rows: [0, 1, 2, 3].map((index) => smallRow(index, metadata)) })),
      { metadata: fixtureMetadata(dtype), rows: fixtureRows(dtype).slice(0, 24) },
    ];
    for (const { metadata, rows } of cases) {
      await withDuckDB(folderOf(rows, metadata), async (read) => {
        const expected = rows.flatMap((row) =>
          scoreClasses(row, metadata).map(({ class: index, score }) => ({ key: row.key, index, score }))
        ).sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : b.score - a.score || a.index - b.index);
        const found = await read("SELECT key, class, score FROM multi_label(0)");
        assertEquals(
          found.map(({ key, class: index }) => [key, index]),
          expected.map(({ key, index }) => [key, index]),
        );
        found.forEach(({ score }, at) => assertAlmostEquals(Number(score), expected[at].score, 1e-9));
        const labelled = rows.flatMap((row) => multiLabel(row, metadata).map((one) => [row.key, one.class]));
        assertEquals(
          (await read("SELECT key, class FROM multi_label()")).map(({ key, class: index }) => `${key} ${index}`).sort(),
          labelled.map(([key, index]) => `${key} ${index}`).sort(),
        );
        const best = await read("SELECT key, class FROM image_labels WHERE rank = 0 ORDER BY key");
        assertEquals(best.length, new Set(expected.map(({ key }) => key)).size);
        assertEquals((await read("FROM carried_classes(1.1)")).length, rows.length);
      });
    }
  });
}

Deno.test("a table image_scores that is kept for a while is what multi_label() and its kin read", async () => {
  const metadata = fixtureMetadata("fp16");
  await withDuckDB(folderOf(fixtureRows("fp16").slice(0, 4), metadata), async (read, connection) => {
    const before = await read("FROM multi_label(0.1)");
    await connection.run("CREATE TEMP TABLE image_scores AS FROM image_scores");
    assertEquals(await read("FROM multi_label(0.1)"), before);
    await connection.run("DELETE FROM image_scores");
    assertEquals(await read("FROM multi_label(0.1)"), []);
    assertEquals(await read("FROM image_labels"), []);
  });
});

Deno.test("images of the same key have scores of their own", async () => {
  const metadata = fixtureMetadata("fp8_e4m3");
  const rows = fixtureRows("fp8_e4m3").slice(0, 3).map((row) => ({ ...row, key: "same.jpg" }));
  await withDuckDB(folderOf(rows, metadata), async (read) => {
    const found = await read("SELECT list_transform(scored, lambda c: c.class) AS classes FROM image_scores");
    const expected = rows.map((row) => scoreClasses(row, metadata).map((one) => one.class));
    assertEquals(found.map(({ classes }) => String(classes)).sort(), expected.map(String).sort());
  });
});

/** Rows of maps of independent classes, with distinct classes in each cell, the highest first. */
function independentRows(metadata: LabelMapMetadata): LabelMapRow[] {
  const { k, grid: [height, width], scores, dtype } = metadata;
  const cells = height * width;
  return [0, 1, 2].map((index) => {
    const row = smallRow(index, metadata);
    const classes = row.class.map((_, place) => (place % cells * 5 + index + Math.floor(place / cells)) % 12);
    const logits = dequantise(row.score, dtype).map((score) =>
      scores === "presence" ? (score + 10) / 40 : score / 4 - 2
    );
    const ranked = logits.slice();
    for (let cell = 0; cell < cells; cell++) {
      const own = Array.from({ length: k }, (_, rank) => logits[rank * cells + cell]).sort((a, b) => b - a);
      own.forEach((score, rank) => ranked[rank * cells + cell] = score);
    }
    return { ...row, class: classes, score: quantise(ranked, dtype) };
  });
}

const INDEPENDENT = [
  smallMetadata({ scores: "sigmoid", floor: -3.5 }),
  smallMetadata({ scores: "sigmoid", floor: -3.5, dtype: "fp16" }),
  smallMetadata({ scores: "presence" }),
];

for (const metadata of INDEPENDENT) {
  const { scores, dtype, k, grid, classes, floor } = metadata;
  Deno.test(`image_scores and pool() of ${scores} maps in ${dtype} are those of scoreClasses() and poolLabels()`, async () => {
    const rows = independentRows(metadata);
    await withDuckDB(folderOf(rows, metadata), async (read) => {
      const found = await read("FROM image_scores ORDER BY key");
      for (const [index, row] of rows.entries()) {
        const expected = scoreClasses(row, metadata);
        const scored = found[index].scored as unknown as { class: number; score: number }[];
        assertEquals(scored.map((one) => one.class), expected.map((one) => one.class));
        scored.forEach(({ score }, place) => assertAlmostEquals(Number(score), expected[place].score, 1e-6));

        const crop = { top: 0.1, left: 0.3, height: 0.6, width: 0.55 };
        const map = { count: 1, k, grid, classes, dtype, scores, floor, class: row.class, score: row.score };
        const target = poolLabels(map, [crop]);
        const pooled = await read(`FROM pool('${row.key}', 0.1, 0.3, 0.6, 0.55)`);
        const held = new Set(pooled.map((one) => one.class));
        const others = pooled.find((one) => one.class === null);
        for (const [index, probability] of target.entries()) {
          const own = pooled.find((one) => one.class === index) ?? others;
          assertAlmostEquals(Number(own!.probability), probability, 1e-6, `${held.has(index)}`);
        }
      }
    });
  });
}
