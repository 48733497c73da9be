/**
 * `deno task query`: SQL over a folder of label maps.
 *
 * DuckDB runs in memory, loads nothing from the network, and sees the folder's part files alone. Its settings let it
 * write where it may read, so COPY is refused.
 *
 * @module
 */

import {
  type DuckDBConnection,
  DuckDBInstance,
  type DuckDBPreparedStatement,
  DuckDBTypeId,
  type DuckDBValueConverter,
  type Json,
  JsonDuckDBValueConverter,
  StatementType,
} from "@duckdb/node-api";
import { parseArgs } from "@std/cli/parse-args";
import { join } from "@std/path";
import { type ClassNames, type Manifest, readManifests } from "../formats/labels/mod.ts";
import { csvFormat, jsonFormat, type RowFormat, tableFormat } from "./query_format.ts";

const HELP = `Ask a folder of label maps in SQL (DuckDB)

Usage: deno task query [FOLDER] "SQL" [--format table|csv|json]

FOLDER is "labels" unless given. It has the tables
  labels            key, label, width, height, class, score, top_class, top_probability; a row an image. class and
                    score are the map [k, H, W] as one list: the best class of each cell first, row by row
  classes           index, wnid, name of the annotator's classes
  data_set_classes  index, wnid, name of the data set's own classes: what label counts
and the functions
  fp8_e4m3(x)       the number that an 8-bit score stands for, where dtype is fp8_e4m3; NULL for NULL
  fp8_e5m2(x)       the same where dtype is fp8_e5m2

Options
  --format          table (default), csv or json (a line a row)
  --help            this text

Examples
  deno task query "SELECT count(*) FROM labels"
  deno task query "SELECT key, name, top_probability[1] AS p FROM labels JOIN classes ON index = top_class[1] ORDER BY p"
  deno task query labels "SELECT name, count(*) AS cells FROM (SELECT unnest(class) AS index FROM labels)
    JOIN classes USING (index) GROUP BY name ORDER BY cells DESC LIMIT 10" --format csv
  deno task query "SELECT key, [fp8_e4m3(x) FOR x IN score[1:3]] AS best FROM labels LIMIT 5" --format json
`;

/**
 * Runs the command.
 *
 * @param args Its arguments.
 * @returns The exit code: 0, or 1 after one sentence on standard error.
 */
export async function query(args: string[]): Promise<number> {
  try {
    const options = readOptions(args);
    if (options === "help") console.log(HELP.trimEnd());
    else await runQuery(options);
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return 1;
  }
}

interface QueryOptions {
  readonly folder: string;
  readonly sql: string;
  readonly format: RowFormat;
}

const FORMATS = { table: tableFormat, csv: csvFormat, json: jsonFormat } as const;

function readOptions(args: string[]): QueryOptions | "help" {
  const unknown: string[] = [];
  const { _: words, help, format } = parseArgs(args, {
    boolean: ["help"],
    string: ["format", "_"],
    default: { format: "table" },
    unknown: (name: string, key?: string) => {
      if (key !== undefined) unknown.push(name);
      return key === undefined;
    },
  });
  if (help) return "help";
  const hint = "see deno task query --help";
  if (unknown.length > 0) throw new TypeError(`Unknown option ${unknown[0]}: ${hint}`);
  if (words.length < 1 || words.length > 2) {
    throw new TypeError(`Expected [FOLDER] "SQL", found ${words.length} arguments: ${hint}`);
  }
  if (!Object.hasOwn(FORMATS, format)) throw new TypeError(`Unknown format "${format}": expected table, csv or json`);
  return {
    folder: words.length === 2 ? String(words[0]) : "labels",
    sql: String(words.at(-1)),
    format: FORMATS[format as keyof typeof FORMATS],
  };
}

async function runQuery({ folder, sql, format }: QueryOptions): Promise<void> {
  const manifests = readManifests(folder);
  const files = manifests.flatMap(({ parts }) => parts)
    .sort((a, b) => a.part - b.part)
    .map(({ file }) => join(Deno.realPathSync(folder), file));
  if (files.length === 0) {
    throw new Deno.errors.NotFound(`Cannot read label maps from "${folder}": no part is finished yet`);
  }
  const instance = await DuckDBInstance.create(":memory:", {
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    temp_directory: "",
  });
  const connection = await instance.connect();
  try {
    await createTables(connection, files, manifests[0]);
    await answer(connection, sql, format);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

async function createTables(connection: DuckDBConnection, files: readonly string[], manifest: Manifest): Promise<void> {
  const list = `[${files.map(quote).join(", ")}]`;
  await connection.run(`SET allowed_paths = ${list}; SET enable_external_access = false`);
  await connection.run(`CREATE VIEW labels AS SELECT * FROM read_parquet(${list})`);
  await connection.run(FP8_MACROS);
  await createClassTable(connection, "classes", manifest.classes);
  await createClassTable(connection, "data_set_classes", manifest.dataSetClasses);
  await connection.run("SET lock_configuration = true");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The OCP 8-bit formats (see formats/labels/float8.ts) in SQL. */
const FP8_MACROS = `
  CREATE MACRO fp8_magnitude(x, mantissa_bits, bias) AS
    CASE WHEN x >> mantissa_bits = 0 THEN x ELSE x % (1 << mantissa_bits) + (1 << mantissa_bits) END
    * 2.0::DOUBLE ** (greatest(x >> mantissa_bits, 1) - bias - mantissa_bits);
  CREATE MACRO fp8_e4m3(x) AS (CASE WHEN x >= 128 THEN -1 ELSE 1 END *
    CASE WHEN x % 128 = 127 THEN 'nan'::DOUBLE ELSE fp8_magnitude(x::INTEGER % 128, 3, 7) END)::FLOAT;
  CREATE MACRO fp8_e5m2(x) AS (CASE WHEN x >= 128 THEN -1 ELSE 1 END *
    CASE WHEN x % 128 > 124 THEN 'nan'::DOUBLE WHEN x % 128 = 124 THEN 'infinity'::DOUBLE
    ELSE fp8_magnitude(x::INTEGER % 128, 2, 15) END)::FLOAT`;

async function createClassTable(connection: DuckDBConnection, table: string, names?: ClassNames): Promise<void> {
  await connection.run(`CREATE TABLE ${table} (index INTEGER, wnid VARCHAR, name VARCHAR)`);
  const appender = await connection.createAppender(table);
  names?.name.forEach((name, index) => {
    appender.appendInteger(index);
    if (names.wnid) appender.appendVarchar(names.wnid[index]);
    else appender.appendNull();
    appender.appendVarchar(name);
    appender.endRow();
  });
  appender.closeSync();
}

/** Runs the statements in order and prints the rows of the last. */
async function answer(connection: DuckDBConnection, sql: string, format: RowFormat): Promise<void> {
  if (sql.trim() === "") throw new TypeError("Cannot run the query: it is empty");
  try {
    const statements = await connection.extractStatements(sql);
    for (let index = 0; index < statements.count; index++) {
      const statement = await statements.prepare(index);
      if (statement.statementType === StatementType.COPY) {
        throw new TypeError("COPY would write to the label maps, which query only reads");
      }
      if (index < statements.count - 1) await statement.run();
      else await print(statement, format);
    }
  } catch (error) {
    const reason = (error as Error).message.replace(/^Failed to extract statements: /, "").trim();
    throw new TypeError(`Cannot run the query: ${reason}`, { cause: error });
  }
}

async function print(statement: DuckDBPreparedStatement, format: RowFormat): Promise<void> {
  const result = await statement.stream();
  const { write, end } = format(result.deduplicatedColumnNames(), result.columnTypes().map(String));
  for await (const rows of result.yieldConvertedRows<Json>(plainValue)) {
    for (const row of rows) write(row);
  }
  end();
}

/** Values as JSON has them; integers of 64 bits as numbers where that is exact, floats with no more digits than they have. */
const plainValue: DuckDBValueConverter<Json> = (value, type, converter) => {
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  if (type.typeId === DuckDBTypeId.FLOAT && typeof value === "number" && Number.isFinite(value)) return shortest(value);
  return JsonDuckDBValueConverter(value, type, converter);
};

/** The shortest decimal that is the same float32. */
function shortest(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

if (import.meta.main) Deno.exit(await query(Deno.args));
