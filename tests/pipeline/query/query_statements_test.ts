import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import type { Answer } from "../ask_each.ts";
import { openExplorer } from "../../../pipeline/explore/explorer.ts";
import { writeReport } from "../../../pipeline/report/write_report.ts";
import { folderOf, runQuery } from "./query_folder.ts";
import { contents, ROOT } from "../task.ts";

/** Folders of a process that may not write: its label maps, home, folder for temporary files, and where it runs. */
function makeSandbox(): { readonly sandbox: string; readonly labels: string; readonly part: string } {
  const sandbox = Deno.makeTempDirSync();
  const metadata = smallMetadata();
  const labels = join(sandbox, "labels");
  Deno.renameSync(folderOf([0, 1].map((index) => smallRow(index, metadata)), metadata), labels);
  for (const name of ["home", "temporary", "work"]) Deno.mkdirSync(join(sandbox, name));
  Deno.writeTextFileSync(join(sandbox, "work", "secret.txt"), "a secret");
  Deno.writeTextFileSync(join(sandbox, "work", "secret.csv"), "a,secret");
  Deno.copyFileSync(join(labels, "part-00000.parquet"), join(sandbox, "work", "secret.parquet"));
  return { sandbox, labels, part: join(labels, "part-00000.parquet") };
}

/** Asks questions in a process of its own. */
async function askEach(sandbox: string, labels: string, questions: readonly string[]): Promise<Answer[]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--config", join(ROOT, "deno.json"), "--no-prompt", "--allow-read", "--allow-write", "--allow-ffi"],
      ...[join(ROOT, "tests/pipeline/ask_each.ts"), sandbox, labels],
    ],
    cwd: join(sandbox, "work"),
    env: { DENO_DIR: denoFolder(), HOME: join(sandbox, "home"), TMPDIR: join(sandbox, "temporary") },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(questions)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const lines = new TextDecoder().decode(stdout).split("\n").filter((line) => line.startsWith("{"));
  const answers: Answer[] = lines.map((line) => JSON.parse(line));
  assertEquals(code, 0, `after ${questions[answers.length]}: ${new TextDecoder().decode(stderr)}`);
  assertEquals(answers.length, questions.length);
  return answers;
}

/** Where Deno keeps what it downloaded, which another home must not hide. */
function denoFolder(): string {
  const { stdout } = new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).outputSync();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** What could write to a label map, to another file, or end the process. */
function writing(part: string): string[] {
  const copy = `COPY (SELECT 1 AS a) TO '${part}' (FORMAT parquet, USE_TMP_FILE false)`;
  const log = `enable_logging(storage = 'file', storage_path = '${part}')`;
  return [
    copy,
    "COPY (SELECT 1) TO 'out.csv'",
    "COPY labels TO 'out.parquet' (FORMAT parquet)",
    "COPY (SELECT 1) TO '/dev/stdout'",
    `COPY classes FROM '${part}'`,
    `SELECT 1; ${copy}; SELECT 2`,
    `BEGIN; ${copy}; COMMIT`,
    `/* SELECT 1 */ ${copy}`,
    `SELECT ';' AS a; -- '\n${copy}`,
    `EXPLAIN ANALYSE ${copy}`,
    `EXPLAIN ANALYZE ${copy}`,
    `explain(analyse) ${copy}`,
    `EXPLAIN (ANALYZE, FORMAT json) ${copy}`,
    `EXPLAIN (FORMAT json, ANALYSE) ${copy}`,
    `EXPLAIN /* SELECT */ ANALYSE ${copy}`,
    `EXPLAIN -- SELECT\nANALYSE ${copy}`,
    ` -- EXPLAIN SELECT\n/* /* */ */ EXPLAIN ANALYSE ${copy}`,
    `EXPLAIN ${copy}`,
    `EXPLAIN EXPLAIN ANALYSE ${copy}`,
    `EXPLAIN ANALYSE PREPARE p AS ${copy}`,
    `PREPARE p AS ${copy}; EXECUTE p`,
    `PREPARE p AS SELECT 1; EXECUTE p`,
    `CREATE MACRO m() AS TABLE ${copy}`,
    `FROM query('${copy.replaceAll("'", "''")}')`,
    `WITH a AS (${copy}) FROM a`,
    "EXPORT DATABASE 'out'",
    `EXPORT DATABASE '${part}'`,
    "IMPORT DATABASE 'out'",
    "PRAGMA import_database('out')",
    "PRAGMA copy_database('memory', 'out')",
    "COPY FROM DATABASE memory TO temp",
    "ATTACH 'out.db'",
    `ATTACH '${part}' AS p`,
    "ATTACH 'out.db' AS o; CREATE TABLE o.t AS SELECT 1",
    "ATTACH ':memory:' AS other",
    "CREATE TABLE out.t AS SELECT 1",
    `CALL enable_logging(storage = 'file', storage_config = {'path': 'out'})`,
    `CALL ${log}`,
    `FROM ${log}`,
    `SELECT * FROM range(3), ${log}`,
    `SELECT (SELECT count(*) FROM ${log})`,
    `SELECT (SELECT count(*) FROM enable_logging(storage = 'stdout'))`,
    `CREATE VIEW v AS FROM ${log}; FROM v`,
    `CREATE OR REPLACE VIEW labels AS FROM ${log}; FROM classifier_labels`,
    `CREATE MACRO m() AS TABLE FROM ${log}; FROM m()`,
    `CREATE MACRO m() AS (SELECT count(*) FROM ${log}); SELECT m()`,
    `FROM query('FROM enable_' || 'logging(storage = ''file'', storage_path = ''${part}'')')`,
    `FROM json_execute_serialized_sql(json_serialize_sql('FROM ${log.replaceAll("'", "''")}'))`,
    `PRAGMA json_execute_serialized_sql(json_serialize_sql('FROM ${log.replaceAll("'", "''")}'))`,
    `SET VARIABLE x = (SELECT count(*) FROM ${log})`,
    `CREATE TABLE t AS FROM ${log}`,
    `CREATE TABLE t (a BIGINT); INSERT INTO t SELECT count(*) FROM ${log}`,
    `CREATE TABLE t AS SELECT 1 AS a; UPDATE t SET a = (SELECT count(*) FROM ${log})`,
    `CREATE TABLE t AS SELECT 1 AS a; DELETE FROM t WHERE a IN (SELECT count(*) FROM ${log})`,
    `CREATE TABLE t AS SELECT 1 AS a; MERGE INTO t USING (SELECT count(*) AS a FROM ${log}) s ON s.a = t.a ` +
    "WHEN MATCHED THEN DELETE",
    `CREATE TYPE e AS ENUM (SELECT 'a' FROM ${log})`,
    `WITH a AS MATERIALIZED (FROM ${log}) SELECT * FROM a, a AS b`,
    `WITH RECURSIVE c(n) AS (SELECT 1::BIGINT UNION ALL SELECT count(*) FROM c, ${log}) FROM c`,
    `PIVOT (SELECT 1 AS a, 2 AS b FROM ${log}) ON a USING sum(b)`,
    `PIVOT (SELECT 1 AS a, 2 AS b FROM ${log}) ON a IN (1) USING sum(b)`,
    `EXPLAIN PIVOT (SELECT 1 AS a, 2 AS b FROM ${log}) ON a USING sum(b)`,
    `EXPLAIN ANALYZE FROM ${log}`,
    `EXPLAIN ANALYZE CREATE TABLE t AS FROM ${log}`,
    `SUMMARIZE FROM ${log}`,
    `CALL enable_profiling(format = 'json', save_location = 'out.json'); SELECT 1`,
    `FROM enable_profiling(format = 'json', save_location = 'out.json'); SELECT 1`,
    "PRAGMA enable_profiling; SELECT 1",
    "PRAGMA enable_profiling = 'json'; SELECT 1",
    "SET profiling_output = 'out.json'",
    "PRAGMA profiling_output = 'out.json'",
    "SET enable_profiling = 'json'",
    "SET temp_directory = 'out'",
    "SET GLOBAL log_query_path = 'out.log'",
    "SET enable_external_access = true",
    "SET allowed_directories = ['.']",
    "SET lock_configuration = false",
    "RESET lock_configuration",
    "SET secret_directory = '.'",
    "SET home_directory = '.'",
    "SET autoinstall_known_extensions = true",
    "CREATE PERSISTENT SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "CREATE SECRET s (TYPE http, BEARER_TOKEN 'x')",
    "INSTALL httpfs",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1:1'",
    "LOAD httpfs",
    `LOAD '${part}'`,
    "UPDATE EXTENSIONS",
    "CHECKPOINT;",
    "FORCE CHECKPOINT",
    "CALL force_checkpoint()",
    "VACUUM;",
    "ANALYZE;",
    "USE temp",
    "CALL truncate_duckdb_logs()",
    "CALL disable_logging()",
    "PRAGMA add_parquet_key('a', '0123456789abcdef')",
    "PRAGMA verify_external",
    "PRAGMA version",
  ];
}

/** What could read another file than label maps, the environment or the network. */
const READING = [
  "FROM read_csv('secret.csv')",
  "FROM 'secret.csv'",
  "FROM read_text('secret.txt')",
  "FROM read_blob('/etc/passwd')",
  "FROM read_text('/proc/self/environ')",
  "FROM read_json('secret.txt')",
  "FROM sniff_csv('secret.csv')",
  "FROM read_parquet('secret.parquet')",
  "FROM 'secret.parquet'",
  "FROM parquet_schema('secret.parquet')",
  "FROM parquet_kv_metadata('../work/secret.parquet')",
  "FROM glob('*')",
  "FROM glob('/etc/*')",
  "FROM read_parquet('../labels/../work/*.parquet')",
  "FROM read_parquet('http://127.0.0.1:1/a.parquet')",
  "FROM 's3://bucket/a.parquet'",
  "FROM read_duckdb('secret.txt')",
  "SELECT getenv('HOME')",
  "CREATE TABLE t AS FROM read_text('secret.txt'); FROM t",
  "SET VARIABLE labels = 'secret.parquet'; FROM labels",
  "FROM query_table('secret.csv')",
];

Deno.test("query() refuses what could write, read another file or end the process, and nothing is changed", async () => {
  const { sandbox, labels, part } = makeSandbox();
  const questions = ["SELECT 1", ...writing(part), ...READING];
  assert(questions.length > 110);
  const [first, ...answers] = await askEach(sandbox, labels, questions);
  assertEquals([first.code, Object.keys(first.files).length], [0, 5]);
  for (const { question, code, out, error, files } of answers) {
    assertEquals(files, first.files, question);
    assertEquals([code, out], [1, ""], question);
    assert(error.startsWith("Cannot run the query: "), `${question}: ${error}`);
  }
});

Deno.test("query() says of a refused statement what it is", async () => {
  const { sandbox, labels, part } = makeSandbox();
  const only = ", query only reads the label maps";
  const cases: readonly (readonly [string, string])[] = [
    [`COPY (SELECT 1) TO '${part}'`, `COPY is refused${only}`],
    [`EXPLAIN ANALYSE COPY (SELECT 1) TO '${part}'`, `COPY is refused${only}`],
    ["PREPARE p AS SELECT 1", `PREPARE is refused${only}`],
    ["CALL enable_logging()", `the function enable_logging is refused${only}`],
    ["CREATE VIEW v AS FROM enable_profiling(); FROM v", `the function enable_profiling is refused${only}`],
    [`FROM read_blob('${part}')`, `the function read_blob is refused${only}`],
    ["SET VARIABLE a = 1; SET threads = 1", `SET is refused but for SET VARIABLE${only}`],
    [
      "PIVOT image_labels ON rank USING count(*)",
      "DuckDB makes 2 statements of one, which cannot be looked at before they run; of PIVOT it does so unless the " +
      "values are there: PIVOT image_labels ON rank IN (0, 1) USING count(*)",
    ],
    [
      "PRAGMA version",
      "it is refused, since DuckDB does not say what it would do: Binder Error: PRAGMA function does not have a " +
      "function specified",
    ],
    [" -- nothing", "it is empty"],
  ];
  const answers = await askEach(sandbox, labels, cases.map(([question]) => question));
  assertEquals(
    answers.map(({ question, error }) => [question, error]),
    cases.map(([question, reason]) => [question, `Cannot run the query: ${reason}`]),
  );
});

Deno.test("query, report and explore refuse to write over the label maps that they read", async () => {
  const { sandbox, labels, part } = makeSandbox();
  const images = join(sandbox, "images");
  Deno.mkdirSync(images);
  const before = contents(labels);
  const link = join(sandbox, "link.txt");
  Deno.symlinkSync(part, link);
  for (const out of [part, join(labels, "manifest.json"), join(labels, "..", "labels", "part-00000.parquet"), link]) {
    const message = `Cannot write "${out}": it belongs to the label maps`;
    assertEquals(await runQuery(labels, "balanced", "3", "--out", out), { code: 1, out: "", error: message });
    const request = { labels, images, out, threshold: 0.1, seed: 0 };
    await assertRejects(() => writeReport(request), TypeError, message);
    await assertRejects(() => openExplorer({ labels, images, selection: out }), TypeError, message);
    assertEquals(contents(labels), before);
  }
});
