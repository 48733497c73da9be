import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { dequantise, openCropLabelFolder, openLabelMapFolder, openLabelMaps } from "../../../formats/labels/mod.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { askRows, folderOf, runQuery, TWELVE } from "./query_folder.ts";
import { runTask, taskCommand } from "../task.ts";

/** A folder of two parts with three rows each and one of none. */
function labelsFolder(changes: Parameters<typeof smallMetadata>[0] = {}): string {
  const path = Deno.makeTempDirSync();
  const metadata = smallMetadata(changes);
  const names = Array.from({ length: metadata.classes }, (_, index) => `it's "class", ${index}`);
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata }), {
    classes: { wnid: names.map((_, index) => `n${index}`), name: names },
    dataSetClasses: { name: ["kind"] },
  });
  for (let part = 0; part < 3; part++) {
    const writer = folder.startPart(part);
    for (let index = part * 4; index < part * 4 + 3 && part < 2; index++) writer.append(smallRow(index, metadata));
    writer.finish();
  }
  folder.close();
  return path;
}

Deno.test("query() prints a table with types, nulls, shortened lists and the number of rows", async () => {
  const sql = "SELECT key, label, width / 3 AS third, class FROM labels ORDER BY width LIMIT 2";
  const { code, out, error } = await runQuery(labelsFolder(), sql);
  const shown = [0, 1].map((index) => [...smallRow(index, smallMetadata()).class.slice(0, 8)].join(", "));
  const rule = ["-".repeat(10), "-".repeat(7), "-".repeat(18), "-".repeat(`[${shown[0]}, ... 24 values]`.length)];
  const lines = out.split("\n");
  assertEquals(error, "");
  assertEquals(code, 0);
  assertEquals(lines.length, 6);
  assertEquals(lines[0].split(/\s+/), ["key", "label", "third", "class"]);
  assertEquals(lines[1].split(/\s+/), ["VARCHAR", "INTEGER", "DOUBLE", "USMALLINT[]"]);
  assertEquals(
    lines[2].split("  ").map((dashes) => dashes.length).slice(0, 3),
    rule.map((dashes) => dashes.length).slice(0, 3),
  );
  assertEquals(lines[3], `kind/0.jpg     NULL  33.333333333333336  [${shown[0]}, ... 24 values]`);
  assertEquals(lines[4], `kind/1.jpg        1  33.666666666666664  [${shown[1]}, ... 24 values]`);
  assertEquals(lines[5], "(2 rows)");
});

Deno.test("query() prints CSV and JSON that hold the exact values", async () => {
  const path = labelsFolder();
  const sql = "SELECT label, key, top_probability AS p, count(*) OVER () AS n FROM labels ORDER BY key LIMIT 2";
  const json = await runQuery(path, sql, "--format", "json");
  const rows = json.out.split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ label, key, n }) => [label, key, n]), [[null, "kind/0.jpg", 6], [1, "kind/1.jpg", 6]]);
  rows.forEach(({ p }, index) => assertEquals(Float32Array.from(p), smallRow(index, smallMetadata()).topProbability));
  const csv = await runQuery(
    path,
    `SELECT name, NULL AS nothing, [1, 2] AS list FROM classes WHERE index = 3`,
    "--format=csv",
  );
  assertEquals(csv.out, 'name,nothing,list\n"it\'s ""class"", 3",,"[1,2]"');
});

Deno.test("query() knows the classes of the annotator and of the data set", async () => {
  const path = labelsFolder();
  const { out } = await runQuery(path, "SELECT * FROM classes WHERE index = 11", "--format", "json");
  assertEquals(JSON.parse(out), { index: 11, wnid: "n11", name: `it's "class", 11` });
  const other = await runQuery(path, "SELECT * FROM data_set_classes", "--format", "json");
  assertEquals(JSON.parse(other.out), { index: 0, wnid: null, name: "kind" });
});

Deno.test("query() decodes 8-bit scores as dequantise() does", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const dtype of ["fp8_e4m3", "fp8_e5m2"] as const) {
    const sql = `SELECT ${dtype}(x::UTINYINT) AS value FROM range(256) AS t(x)`;
    const { out } = await runQuery(labelsFolder({ dtype }), sql, "--format", "json");
    const values = out.split("\n").map((line) => Math.fround(JSON.parse(line).value));
    assertEquals(values.map((value) => value + 0), [...dequantise(bytes, dtype)].map((value) => value + 0));
  }
});

Deno.test("query() counts the rows a table does not show", async () => {
  const { out } = await runQuery(labelsFolder(), "SELECT * FROM range(1234)");
  assertEquals(out.split("\n").length, 104);
  assert(out.endsWith("(1234 rows, 100 shown (--format csv or json has all))"));
});

Deno.test("query() ends with 1 and one sentence if the SQL or the folder is wrong", async () => {
  const path = labelsFolder();
  const empty = Deno.makeTempDirSync();
  const cases: [string[], string][] = [
    [[path, "SELECT nope FROM labels"], 'Cannot run the query: Binder Error: Referenced column "nope" not found'],
    [[path, "SELEC 1"], 'Cannot run the query: Parser Error: syntax error at or near "SELEC"'],
    [[path, " "], "Cannot run the query: it is empty"],
    [[path, "SELECT 1; COPY (SELECT 1) TO 'x.csv'"], "Cannot run the query: Permission Error"],
    [[path, "SELECT * FROM read_csv('/etc/passwd')"], "Cannot run the query: Permission Error"],
    [[path, "SET enable_external_access = true"], "Cannot run the query: SET is refused but for SET VARIABLE"],
    [
      [join(path, "none"), "SELECT 1"],
      `Cannot read label maps from "${join(path, "none")}": no such file or directory`,
    ],
    [[empty, "SELECT 1"], `Cannot read label maps from "${empty}": it holds no manifest.json`],
    [
      [join(empty, "*.parquet"), "SELECT 1"],
      `Cannot read label maps from "${join(empty, "*.parquet")}": no file matches`,
    ],
  ];
  for (const [args, message] of cases) {
    const { code, out, error } = await runQuery(...args);
    assertEquals([code, out], [1, ""], message);
    assert(error.startsWith(message), `${error} does not start with ${message}`);
  }
});

Deno.test("query() ends with 2 and one sentence if it is used wrongly", async () => {
  const hint = "see deno task query --help";
  const names = "multi-label, suspicious, co-occurrence, per-class, balanced";
  const cases: [string[], string][] = [
    [["SELECT 1", "--format", "xml"], "Cannot use --format xml: known are table, csv, json"],
    [["SELECT 1", "--fast"], "Unknown option --fast: see deno task query --help"],
    [[], `Expected SQL or a report: ${hint}`],
    [["a", "b", "SELECT 1"], `Expected [FOLDER] and SQL or a report, found 3 arguments: ${hint}`],
    [["labels"], `Unknown report "labels": expected [FOLDER] and SQL or one of ${names}`],
    [
      ["multilabel"],
      `Unknown report "multilabel", did you mean multi-label? Expected [FOLDER] and SQL or one of ${names}`,
    ],
    [["balanced"], `Expected how many images of each class: balanced N, ${hint}`],
    [["labels", "balanced", "0"], "Cannot draw 0 images of each class: expected a positive integer"],
    [["balanced", "1.5"], "Cannot draw 1.5 images of each class: expected a positive integer"],
    [["multi-label", "--threshold", "10"], "Cannot use --threshold 10: expected a probability, 0 to 1"],
    [["multi-label", "--limit", "0"], "Cannot use --limit 0: expected a positive integer"],
    [["suspicious", "--threshold", "0.5"], `Cannot use --threshold with suspicious: ${hint}`],
    [["per-class", "--out", "x.txt"], `Cannot use --out with per-class: ${hint}`],
    [["SELECT 1", "--csv-safe"], `Expected --format csv with --csv-safe: ${hint}`],
    [["suspicious", "--csv-safe", "--format", "json"], `Expected --format csv with --csv-safe: ${hint}`],
    [["SELECT 1", "--limit", "3"], `Cannot use --limit with SQL: it is for reports, ${hint}`],
  ];
  for (const [args, message] of cases) {
    const { code, out, error } = await runQuery(...args);
    assertEquals([code, out], [2, ""], message);
    assert(error.startsWith(message), `${error} does not start with ${message}`);
    assert(!error.includes("\n"), error);
  }
});

Deno.test("query() runs what reads, or changes nothing but memory", async () => {
  const path = labelsFolder();
  for (
    const sql of [
      "EXPLAIN SELECT 1",
      "EXPLAIN ANALYZE SELECT count(*) FROM labels",
      "CREATE TABLE t AS SELECT 1 AS x; INSERT INTO t VALUES (2); UPDATE t SET x = 3; DELETE FROM t; FROM t",
      "CREATE MACRO double(x) AS 2 * x; SELECT double(width) FROM labels",
      "PIVOT image_labels ON rank IN (0, 1) USING count(*)",
      "EXPLAIN ANALYSE SELECT 1",
      "explain (analyze, format json) select * from labels, unnest(class)",
      "EXPLAIN (SELECT 1)",
      'SELECT \';\', $$a;b$$, "a;" FROM (SELECT 1 AS "a;") -- ; COPY\n/* ; /* ; */ */',
      "/* a */ SELECT e'it\\'s; -- ' ; ; -- b",
      "SELECT a$b$c FROM (SELECT 1 AS a$b$c); SELECT 2 AS b$c",
      "CALL pragma_version()",
      "SELECT * FROM (SELECT '[1, 2]'::JSON AS j), json_each(j)",
      "BEGIN; CREATE TABLE t (a INTEGER); ALTER TABLE t RENAME TO u; ROLLBACK; SELECT 1",
      "CREATE TYPE mood AS ENUM (SELECT 'a' UNION SELECT 'b'); SELECT 'a'::mood",
      "FROM query('SELECT 1; ')",
      "DESCRIBE labels",
      "SET VARIABLE x = 3; SELECT getvariable('x')",
      "SUMMARIZE labels",
      "SHOW TABLES",
    ]
  ) {
    const { code, error } = await runQuery(path, sql);
    assertEquals([code, error], [0, ""], sql);
  }
});

Deno.test("query() takes a file, of which it finds the names, a pattern, and a folder without a manifest", async () => {
  const path = labelsFolder();
  const count = async (of: string) => (await runQuery(of, "SELECT count(*) AS n FROM labels", "--format", "csv")).out;
  assertEquals(await count(join(path, "part-00001.parquet")), "n\n3");
  assertEquals(await count(join(path, "*.parquet")), "n\n6");
  const named = await runQuery(
    join(path, "part-00000.parquet"),
    "SELECT count(*) AS n FROM classes",
    "--format",
    "csv",
  );
  assertEquals(named.out, "n\n12");
  Deno.removeSync(join(path, "manifest.json"));
  assertEquals(await count(path), "n\n6");
});

Deno.test("query() takes a folder that several shards wrote", async () => {
  const path = Deno.makeTempDirSync();
  for (const index of [0, 1]) {
    const folder = openLabelMapFolder(path, smallConfiguration({ images: 8 }), { shard: { index, count: 2 } });
    const writer = folder.startPart(index);
    writer.append(smallRow(index * 4, smallMetadata()));
    writer.finish();
    folder.close();
  }
  const { out } = await runQuery(path, "SELECT key FROM labels", "--format", "csv");
  assertEquals(out, "key\nkind/0.jpg\nkind/4.jpg");
});

Deno.test("query() says of Arrow files that they must be converted, and of other files what they lack", async () => {
  const path = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(path, "a.arrow"), "");
  const arrow = await runQuery(path, "SELECT 1");
  assertEquals(arrow.code, 1);
  assertEquals(
    arrow.error,
    `Cannot ask "${path}" in SQL: DuckDB does not read Arrow files such as a.arrow, ` +
      `convert them first: deno task convert "${path}" OUTPUT --to parquet`,
  );
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const file = join(Deno.makeTempDirSync(), "b.parquet");
  await connection.run(`COPY (SELECT 'a' AS key, 1 AS label) TO '${file}'`);
  connection.closeSync();
  instance.closeSync();
  const other = await runQuery(file, "SELECT 1");
  assertEquals(
    other.error,
    `Cannot read label maps from "${file}": "${file}" has no column width, so it holds no label maps`,
  );
  Deno.writeTextFileSync(file, "not Parquet at all, but long enough to be");
  const broken = await runQuery(file, "SELECT 1");
  assertEquals(broken.code, 1);
  assert(broken.error.startsWith(`Cannot read label maps from "${file}": `), broken.error);
});

Deno.test("query() has crop-level labels as the table crop_labels", async () => {
  const path = Deno.makeTempDirSync();
  const { annotator } = smallMetadata();
  const folder = openCropLabelFolder(path, {
    metadata: { version: 1, kind: "crop_labels", annotator, classes: 12, k: 2, missing: "uniform" },
    rowsPerFile: 10,
  }, { classes: TWELVE });
  const part = folder.startPart(0);
  part.append({
    key: "a.jpg",
    label: 3,
    box: Float32Array.of(0, 0.25, 0.5, 0.5, 0, 0, 1, 1),
    flip: [1, 0],
    class: [3, 4, 5, 3],
    probability: Float32Array.of(0.5, 0.25, 0.75, 0.125),
  });
  part.finish();
  folder.close();
  const sql = 'SELECT crop, "left", flip, name FROM crop_labels JOIN classes ON class[1] = index ORDER BY crop';
  const { out } = await runQuery(path, sql, "--format", "csv");
  assertEquals(out, "crop,left,flip,name\n0,0.25,1,crane\n1,0,0,daisy");
  assertEquals(await runQuery(path, "multi-label"), {
    code: 1,
    out: "",
    error: `Cannot report on "${path}": it holds crop-level labels and no label maps`,
  });
});

Deno.test("the examples of query --help run, with the permissions of deno task query", async () => {
  const { code, out } = await runQuery("--help");
  assertEquals(code, 0);
  const metadata = smallMetadata({ dtype: "fp8_e4m3" });
  const keys = ["several/four.jpg", "kind/1.jpg", "kind/2.jpg"];
  const path = folderOf(keys.map((key, index) => ({ ...smallRow(index, metadata), key, label: index })), metadata);
  const examples = [...out.slice(out.indexOf("Examples")).matchAll(/deno task query (labels )?(.*)/g)];
  assertEquals(examples.length, 7);
  for (const [, , line] of examples) {
    const words = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare);
    const args = words.map((word) => word === "subset.txt" ? join(path, word) : word);
    const { code, error } = await runTask("query", path, ...args);
    assertEquals([code, error], [0, ""], line);
  }
  assertEquals(Deno.readTextFileSync(join(path, "subset.txt")).split("\n").length, 4);
});

Deno.test("query() leaves nothing behind in the folder", async () => {
  const path = labelsFolder();
  const list = () => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  const before = list();
  await runQuery(path, "SELECT count(*) FROM labels");
  assertEquals(list(), before);
});

/** A folder of the given name in a new one, with one part of two rows. */
function namedFolder(...names: string[]): string {
  const metadata = smallMetadata();
  const path = join(Deno.makeTempDirSync(), ...names);
  Deno.mkdirSync(join(path, ".."), { recursive: true });
  Deno.renameSync(folderOf([0, 1].map((index) => smallRow(index, metadata)), metadata), path);
  return path;
}

Deno.test("query() reads the columns of files, never those of folders' names", async () => {
  for (
    const names of [
      ["label=3"],
      ["key=cats"],
      ["class=7"],
      ["top_class=1", "top_probability=2"],
      ["filename=x"],
      ["extra=1", "labels"],
    ]
  ) {
    const path = namedFolder(...names);
    for (const asked of [path, join(path, "*.parquet"), join(path, "part-00000.parquet")]) {
      const rows = await askRows(asked, "FROM labels");
      const expected = [0, 1].map((index) => smallRow(index, smallMetadata()));
      assertEquals(rows.map(({ key, label }) => [key, label]), expected.map(({ key, label }) => [key, label]), asked);
      assertEquals(rows.map((row) => row.class), expected.map((row) => [...row.class]), asked);
      assertEquals(Object.keys(rows[0]).length, 8, asked);
      assertEquals((await askRows(asked, "FROM suspicious()")).map(({ key }) => key), ["kind/1.jpg"], asked);
    }
  }
});

Deno.test("query() takes characters of patterns in the names of files literally", async () => {
  for (
    const [name, ...siblings] of [
      ["a?b", "axb"],
      ["a*b", "axb", "ab"],
      ["a[xy]b", "axb"],
      ["a[!z]b", "axb"],
      ["a{x,y}b", "axb", "ayb"],
      ["**", "axb"],
      ["a[", "a"],
      ["it's", "its"],
      ['"a"', "a"],
      ["a\\b", "ab"],
      ["a\nb", "a b"],
      ["%3F", "?"],
    ]
  ) {
    const path = namedFolder(name);
    const metadata = smallMetadata();
    for (const sibling of siblings) {
      Deno.renameSync(folderOf([smallRow(5, metadata)], metadata), join(path, "..", sibling));
    }
    for (const asked of [path, join(path, "part-00000.parquet"), join(path, "part-*.parquet")]) {
      assertEquals(
        await askRows(asked, "SELECT list(DISTINCT key ORDER BY key) AS keys, count(*) AS entries FROM cells"),
        [{ keys: ["kind/0.jpg", "kind/1.jpg"], entries: 48 }],
        asked,
      );
      const maps = await openLabelMaps(asked);
      assertEquals(maps.length, 2, asked);
      maps.close();
    }
  }
  const path = namedFolder("a\\?b");
  assertEquals(
    (await runQuery(path, "FROM labels")).error,
    `Cannot read label maps from "${path}": DuckDB cannot open ${
      JSON.stringify(join(path, "part-00000.parquet"))
    }: its path holds a backslash beside *, ? or [, rename it`,
  );
});

Deno.test("query() refuses files in which a column has another type, which would be converted in silence", async () => {
  const metadata = smallMetadata();
  const path = folderOf([smallRow(1, metadata)], metadata);
  const [first, second] = ["part-00000.parquet", "part-00001.parquet"].map((name) => join(path, name));
  Deno.removeSync(join(path, "manifest.json"));
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (
    const [column, value, types] of [
      ["label", "1.5::DOUBLE", "DOUBLE", "INTEGER"],
      ["label", "'1'", "VARCHAR", "INTEGER"],
      ["key", "7", "INTEGER", "VARCHAR"],
      ["score", "[1.5]::DOUBLE[]", "DOUBLE", "FLOAT"],
      ["top_probability", "[1]::INTEGER[]", "INTEGER", "FLOAT"],
    ].map(([column, value, ...types]) => [column, value, types] as const)
  ) {
    await connection.run(
      `COPY (SELECT * REPLACE (${value} AS ${column}) FROM read_parquet('${first}')) TO '${second}'`,
    );
    assertEquals(
      (await runQuery(path, "FROM labels")).error,
      `Cannot read label maps from "${path}": column ${column} holds ${types[0]} in "${second}", and ${
        types[1]
      } in "${first}"`,
    );
  }
  connection.closeSync();
  instance.closeSync();
});

Deno.test("deno task query ends at a signal, whatever it is asked, and leaves no temporary files", async () => {
  const path = labelsFolder();
  for (
    const [sql, signal, expected] of [
      ["SELECT sleep_ms(100000)", "SIGINT", 130],
      [
        "SELECT count(*) FROM range(1000000) AS a, range(1000000) AS b WHERE a.range % 7 = b.range % 11",
        "SIGTERM",
        143,
      ],
      ["CREATE TABLE t AS FROM range(10); SELECT sleep_ms(100000); SELECT 1", "SIGINT", 130],
    ] as const
  ) {
    const temporary = Deno.makeTempDirSync();
    const child = taskCommand("query", [path, sql], { TMPDIR: temporary }).spawn();
    while ([...Deno.readDirSync(temporary)].length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill(signal);
    const { code, stdout, stderr } = await child.output();
    assertEquals([code, stdout.length, new TextDecoder().decode(stderr)], [expected, 0, ""], sql);
    assertEquals([...Deno.readDirSync(temporary)], [], sql);
  }
});

Deno.test("query() has a folder of its own for what does not fit into memory", async () => {
  const [{ spilled }] = await askRows(labelsFolder(), "SELECT current_setting('temp_directory') AS spilled");
  assert(spilled !== "");
  await assertRejects(() => Deno.stat(spilled), Deno.errors.NotFound);
});

/** Texts that a spreadsheet may run, as numbers or not, and what is safe. */
const FORMULAS: readonly (readonly [sql: string, plain: string, safe: string])[] = [
  ["'=1+1'", "=1+1", "'=1+1"],
  ['\'=HYPERLINK("http://a","b")\'', '"=HYPERLINK(""http://a"",""b"")"', '"\'=HYPERLINK(""http://a"",""b"")"'],
  ["'+1+cmd|'' /C calc''!A0'", "+1+cmd|' /C calc'!A0", "'+1+cmd|' /C calc'!A0"],
  ["'-2+3'", "-2+3", "'-2+3"],
  ["'@SUM(1)'", "@SUM(1)", "'@SUM(1)"],
  ["chr(9) || '=1'", "\t=1", "'\t=1"],
  ["chr(13) || '=1'", '"\r=1"', '"\'\r=1"'],
  ["'\uff1d1'", "\uff1d1", "'\uff1d1"],
  ["'-5'", "-5", "-5"],
  ["'+1.5e-3'", "+1.5e-3", "+1.5e-3"],
  ["-5", "-5", "-5"],
  ["-1.5::DOUBLE", "-1.5", "-1.5"],
  ["-9223372036854775807", "-9223372036854775807", "-9223372036854775807"],
  ["'a=1'", "a=1", "a=1"],
  ["['=1']", '"[""=1""]"', '"[""=1""]"'],
  ["NULL", "", ""],
];

Deno.test("query --csv-safe writes no text that a spreadsheet takes for a formula, and numbers as they are", async () => {
  const path = labelsFolder();
  const sql = `SELECT ${FORMULAS.map(([value], index) => `${value} AS "${index === 0 ? "=1+1" : index}"`).join(", ")}`;
  const heads = FORMULAS.slice(1).map((_, index) => String(index + 1));
  const lines = (fields: readonly string[], head: string) => `${[head, ...heads].join(",")}\n${fields.join(",")}`;
  const plain = await runQuery(path, sql, "--format", "csv");
  assertEquals(plain.out, lines(FORMULAS.map(([, plain]) => plain), "=1+1"));
  const safe = await runQuery(path, sql, "--format", "csv", "--csv-safe");
  assertEquals(safe.out, lines(FORMULAS.map(([, , safe]) => safe), "'=1+1"));
});

Deno.test("query --csv-safe is for reports too", async () => {
  const metadata = smallMetadata();
  const path = folderOf([{ ...smallRow(1, metadata), key: "=cmd.jpg", label: 3 }], metadata);
  const args = [path, "suspicious", "--format", "csv"];
  assertEquals((await runQuery(...args)).out.split("\n")[1].split(",")[0], "=cmd.jpg");
  assertEquals((await runQuery(...args, "--csv-safe")).out.split("\n")[1].split(",")[0], "'=cmd.jpg");
});
