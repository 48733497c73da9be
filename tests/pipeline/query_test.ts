import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { dequantise, openLabelMapFolder } from "../../formats/labels/mod.ts";
import { query } from "../../pipeline/query.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../formats/labels/fixture.ts";

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

/** Runs the command and collects what it prints. */
async function run(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const { log, error } = console;
  const lines = { out: [] as string[], error: [] as string[] };
  console.log = (line: string) => lines.out.push(line);
  console.error = (line: string) => lines.error.push(line);
  try {
    return { code: await query(args), out: lines.out.join("\n"), error: lines.error.join("\n") };
  } finally {
    Object.assign(console, { log, error });
  }
}

Deno.test("query() prints a table with types, nulls, shortened lists and the number of rows", async () => {
  const sql = "SELECT key, label, width / 3 AS third, class FROM labels ORDER BY width LIMIT 2";
  const { code, out, error } = await run(labelsFolder(), sql);
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
  const json = await run(path, sql, "--format", "json");
  const rows = json.out.split("\n").map((line) => JSON.parse(line));
  assertEquals(rows.map(({ label, key, n }) => [label, key, n]), [[null, "kind/0.jpg", 6], [1, "kind/1.jpg", 6]]);
  rows.forEach(({ p }, index) => assertEquals(Float32Array.from(p), smallRow(index, smallMetadata()).topProbability));
  const csv = await run(
    path,
    `SELECT name, NULL AS nothing, [1, 2] AS list FROM classes WHERE index = 3`,
    "--format=csv",
  );
  assertEquals(csv.out, 'name,nothing,list\n"it\'s ""class"", 3",,"[1,2]"');
});

Deno.test("query() knows the classes of the annotator and of the data set", async () => {
  const path = labelsFolder();
  const { out } = await run(path, "SELECT * FROM classes WHERE index = 11", "--format", "json");
  assertEquals(JSON.parse(out), { index: 11, wnid: "n11", name: `it's "class", 11` });
  const other = await run(path, "SELECT * FROM data_set_classes", "--format", "json");
  assertEquals(JSON.parse(other.out), { index: 0, wnid: null, name: "kind" });
});

Deno.test("query() decodes 8-bit scores as dequantise() does", async () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  for (const dtype of ["fp8_e4m3", "fp8_e5m2"] as const) {
    const sql = `SELECT ${dtype}(x::UTINYINT) AS value FROM range(256) AS t(x)`;
    const { out } = await run(labelsFolder({ dtype }), sql, "--format", "json");
    const values = out.split("\n").map((line) => Math.fround(JSON.parse(line).value));
    assertEquals(values.map((value) => value + 0), [...dequantise(bytes, dtype)].map((value) => value + 0));
  }
});

Deno.test("query() counts the rows a table does not show", async () => {
  const { out } = await run(labelsFolder(), "SELECT * FROM range(1234)");
  assertEquals(out.split("\n").length, 104);
  assert(out.endsWith("(1234 rows, 100 shown (--format csv or json has all))"));
});

Deno.test("query() ends with 1 and one sentence if the SQL, the folder or an option is wrong", async () => {
  const path = labelsFolder();
  const cases: [string[], string][] = [
    [[path, "SELECT nope FROM labels"], 'Cannot run the query: Binder Error: Referenced column "nope" not found'],
    [[path, "SELEC 1"], 'Cannot run the query: Parser Error: syntax error at or near "SELEC"'],
    [[path, " "], "Cannot run the query: it is empty"],
    [[path, "SELECT 1; COPY (SELECT 1) TO 'x.csv'"], "Cannot run the query: Permission Error"],
    [[path, "ATTACH 'x.db'"], "Cannot run the query: Permission Error"],
    [[path, "SELECT * FROM read_csv('/etc/passwd')"], "Cannot run the query: Permission Error"],
    [[path, "SET enable_external_access = true"], "Cannot run the query: Invalid Input Error"],
    [[join(path, "none"), "SELECT 1"], `Cannot read label maps from "${join(path, "none")}": `],
    [[Deno.makeTempDirSync(), "SELECT 1"], "Cannot read label maps from "],
    [[path, "SELECT 1", "--format", "xml"], 'Unknown format "xml": expected table, csv or json'],
    [[path, "SELECT 1", "--fast"], "Unknown option --fast: see deno task query --help"],
    [[], 'Expected [FOLDER] "SQL", found 0 arguments: see deno task query --help'],
  ];
  for (const [args, message] of cases) {
    const { code, out, error } = await run(...args);
    assertEquals([code, out], [1, ""], message);
    assert(error.startsWith(message), `${error} does not start with ${message}`);
  }
});

Deno.test("query() refuses to overwrite a part even where DuckDB would", async () => {
  const path = labelsFolder();
  const part = join(path, "part-00000.parquet");
  const before = Deno.readFileSync(part);
  const { code, error } = await run(path, `COPY (SELECT 1) TO '${part}' (FORMAT parquet, USE_TMP_FILE false)`);
  assertEquals(code, 1);
  assertEquals(error, "Cannot run the query: COPY would write to the label maps, which query only reads");
  assertEquals(Deno.readFileSync(part), before);
});

Deno.test("the examples of query --help run, with the permissions of deno task query", async () => {
  const root = new URL("../../", import.meta.url).pathname;
  const { code, out } = await run("--help");
  assertEquals(code, 0);
  const examples = out.slice(out.indexOf("Examples")).matchAll(/deno task query( labels)? "([^"]*)"(.*)/g);
  const path = labelsFolder({ dtype: "fp8_e4m3" });
  const task: string = JSON.parse(Deno.readTextFileSync(join(root, "deno.json"))).tasks.query;
  let count = 0;
  for (const [, , sql, options] of examples) {
    const args = [
      ...task.split(" ").slice(1, -1),
      "--no-prompt",
      "pipeline/query.ts",
      path,
      sql,
      ...options.trim().split(" "),
    ];
    const command = new Deno.Command(Deno.execPath(), { args: args.filter((arg) => arg !== ""), cwd: root });
    const { success, stderr } = await command.output();
    assert(success, new TextDecoder().decode(stderr));
    count++;
  }
  assertEquals(count, 4);
});

Deno.test("query() leaves nothing behind in the folder", async () => {
  const path = labelsFolder();
  const list = () => [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  const before = list();
  await run(path, "SELECT count(*) FROM labels");
  assertEquals(list(), before);
});
