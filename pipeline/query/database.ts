// deno-lint-ignore-file camelcase -- DuckDB calls its settings so

/**
 * Label maps as tables of a DuckDB in memory, which loads nothing from the network and sees their files alone, and a
 * folder of its own for what does not fit into memory.
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
} from "@duckdb/node-api";
import type { ClassNames } from "../../formats/labels/mod.ts";
import type { QueryFiles } from "./query_files.ts";
import type { RowFormat } from "./row_format.ts";
import { EXTRACTING, runStatements } from "./statements.ts";
import { literalPath, readParquet, sqlList } from "./sql_text.ts";

const LABEL_MAPS_SQL = new URL("./label_maps.sql", import.meta.url);

/** Columns of a file of label maps. */
const MAP_COLUMNS = ["key", "label", "width", "height", "class", "score", "top_class", "top_probability"];

/** Columns of a file of crop-level labels. */
const CROP_COLUMNS = ["key", "label", "crop", "top", "left", "height", "width", "flip", "class", "probability"];

/** A database to ask. */
export interface LabelDatabase {
  /** Whether there are label maps, and not crop-level labels alone. */
  readonly hasMaps: boolean;
  /**
   * Runs statements in order and hands the rows of the last to a format.
   *
   * @throws {TypeError} If one is wrong, or could write.
   */
  answer(sql: string, format: RowFormat): Promise<void>;
  /** The rows of one statement of this project's own, by the names of their columns. */
  rows(sql: string): Promise<Record<string, Json>[]>;
  /** Computes `image_scores` once for all later statements: it looks at every cell of every map. */
  keepScores(): Promise<void>;
  /**
   * Runs a statement on the label maps of some files after those of others: what groups cells takes kilobytes of memory for
   * each image.
   *
   * @param statement What to run, given the number of images in the files before.
   */
  eachPart(statement: (before: number) => string): Promise<void>;
  /** A connection of its own for statements of this project, which can be interrupted; it has no variables. */
  connect(): Promise<DuckDBConnection>;
  close(): void;
}

/** How a database is opened. */
export interface OpenDatabaseOptions {
  /** Interrupts what runs. */
  readonly signal?: AbortSignal;
  /** Files that `read_parquet` may read besides. */
  readonly otherFiles?: readonly string[];
  /** Whether what was read of files is kept in memory; unless false. */
  readonly keepFiles?: boolean;
}

/** DuckDB by itself: no extensions, no secrets, nothing of the user's home. Files follow once they are known. */
const SAFE_SETTINGS = {
  allow_community_extensions: "false",
  allow_persistent_secrets: "false",
  autoinstall_known_extensions: "false",
  autoload_known_extensions: "false",
};

/**
 * Opens files as a database: the tables, views and macros of `label_maps.sql` where they are label maps, the view
 * `crop_labels` where they are that.
 *
 * @param files The files.
 * @param path What the user called them, for messages.
 * @param options Other files, and whether to keep what was read.
 * @returns The database; call `close` when done.
 * @throws {TypeError} If a file is not whole, or has columns of neither kind.
 */
export async function openLabelDatabase(
  files: QueryFiles,
  path: string,
  { otherFiles = [], keepFiles = true, signal }: OpenDatabaseOptions = {},
): Promise<LabelDatabase> {
  const spillFolder = makeSpillFolder();
  const instance = await DuckDBInstance.create(":memory:", {
    ...SAFE_SETTINGS,
    enable_external_file_cache: String(keepFiles),
    temp_directory: spillFolder,
  });
  const connection = await instance.connect();
  const stopInterrupting = signal && interruptOn(signal, connection);
  const close = () => {
    stopInterrupting?.();
    connection.closeSync();
    instance.closeSync();
    if (spillFolder !== "") Deno.removeSync(spillFolder, { recursive: true });
  };
  try {
    const maps = await createTables(connection, files, otherFiles);
    const eachPart: LabelDatabase["eachPart"] = (statement) => runOnEachPart(connection, maps, statement);
    return {
      hasMaps: maps.length > 0,
      answer: (sql, format) => answer(connection, sql, format),
      rows: (sql) => readRows(connection, sql),
      async keepScores() {
        await connection.run("CREATE TEMP TABLE image_scores AS FROM image_scores WITH NO DATA");
        await eachPart(() => "INSERT INTO temp.image_scores FROM memory.main.image_scores");
      },
      eachPart,
      connect: () => instance.connect(),
      close,
    };
  } catch (error) {
    close();
    throw new TypeError(`Cannot read label maps from "${path}": ${(error as Error).message.trim()}`, { cause: error });
  }
}

/** A folder of this process alone for what does not fit into memory; none where none can be made. */
function makeSpillFolder(): string {
  try {
    return Deno.makeTempDirSync({ prefix: "relabel-" });
  } catch {
    return "";
  }
}

/** Between two attempts to interrupt a statement. */
const INTERRUPT_MILLISECONDS = 50;

/**
 * Interrupts what a connection runs once a signal is aborted; a statement that has not begun by then is interrupted when it
 * does.
 *
 * @param signal The signal.
 * @param connection The connection.
 * @returns Ends that; to be called before the connection is closed.
 */
export function interruptOn(signal: AbortSignal, connection: DuckDBConnection): () => void {
  let again: ReturnType<typeof setInterval> | undefined;
  const interrupt = () => {
    connection.interrupt();
    again ??= setInterval(interrupt, INTERRUPT_MILLISECONDS);
  };
  if (signal.aborted) interrupt();
  else signal.addEventListener("abort", interrupt);
  return () => {
    signal.removeEventListener("abort", interrupt);
    clearInterval(again);
  };
}

async function createTables(
  connection: DuckDBConnection,
  { files, ...names }: QueryFiles,
  otherFiles: readonly string[],
): Promise<readonly string[]> {
  const all = [...files, ...otherFiles];
  const allowed = sqlList([...new Set([...all, ...all.map(literalPath)])]);
  await connection.run(`SET allowed_paths = ${allowed}; SET enable_external_access = false`);
  const { maps, crops } = await sortFiles(connection, files);
  await createClassTable(connection, "classes", names.classes);
  await createClassTable(connection, "data_set_classes", names.dataSetClasses);
  if (crops.length > 0) await connection.run(`CREATE VIEW crop_labels AS FROM ${readParquet(crops)}`);
  if (maps.length > 0) {
    await connection.run(`SET VARIABLE labels = ${sqlList(maps.map(literalPath))}`);
    if (names.labelsAreClasses) await connection.run("SET VARIABLE labels_are_classes = true");
    await connection.run(await Deno.readTextFile(LABEL_MAPS_SQL));
  }
  await connection.run("SET lock_configuration = true");
  return maps;
}

/** Images of the files that are looked at together, unless one file has more. */
const PART_IMAGES = 10_000;

async function runOnEachPart(
  connection: DuckDBConnection,
  files: readonly string[],
  statement: (before: number) => string,
): Promise<void> {
  const paths = files.map(literalPath);
  const counts = await readRows(
    connection,
    `SELECT file_name AS file, num_rows AS images FROM parquet_file_metadata(${sqlList(paths)})`,
  );
  const images = new Map(counts.map(({ file, images }) => [file, images as number]));
  try {
    for (let [first, before] = [0, 0]; first < files.length;) {
      let [end, length] = [first, 0];
      do length += images.get(files[end++])!; while (
        end < files.length && length + images.get(files[end])! <= PART_IMAGES
      );
      await connection.run(`SET VARIABLE labels = ${sqlList(paths.slice(first, end))}`);
      await connection.run(statement(before));
      [first, before] = [end, before + length];
    }
  } finally {
    await connection.run(`SET VARIABLE labels = ${sqlList(paths)}`);
  }
}

/** Tells files of maps from files of crops, by their columns. */
async function sortFiles(connection: DuckDBConnection, files: readonly string[]) {
  const columns = await columnTypes(connection, files);
  const missing = (file: string, wanted: readonly string[]) => wanted.find((name) => !columns.get(file)!.has(name));
  const crops = files.filter((file) => missing(file, CROP_COLUMNS) === undefined);
  const maps = files.filter((file) => !crops.includes(file));
  for (const file of maps) {
    const column = missing(file, MAP_COLUMNS);
    if (column !== undefined) throw new TypeError(`"${file}" has no column ${column}, so it holds no label maps`);
  }
  checkTypes(columns, maps, MAP_COLUMNS);
  checkTypes(columns, crops, CROP_COLUMNS);
  return { maps, crops };
}

/** Refuses columns that DuckDB would convert to the type they have in the first file: 1.5 to 2 without a word. */
function checkTypes(
  columns: ReadonlyMap<string, ReadonlyMap<string, string>>,
  [first, ...others]: readonly string[],
  names: readonly string[],
): void {
  for (const file of others) {
    for (const name of names) {
      const [type, expected] = [columns.get(file)!.get(name)!, columns.get(first)!.get(name)!];
      if (type !== expected) {
        throw new TypeError(`column ${name} holds ${type} in "${file}", and ${expected} in "${first}"`);
      }
    }
  }
}

/** The columns of each file, and the type of the values in each. */
async function columnTypes(connection: DuckDBConnection, files: readonly string[]) {
  const rows = await readRows(
    connection,
    `SELECT file_name AS file, list({
      'name': name, 'children': coalesce(num_children, 0), 'type': duckdb_type
    } ORDER BY column_id) AS elements FROM parquet_schema(${sqlList(files.map(literalPath))}) GROUP BY ALL`,
  );
  return new Map(rows.map(({ file, elements }) => [
    file as string,
    topColumns(elements as unknown as SchemaElement[]),
  ]));
}

/** An element of a Parquet schema, whose children follow it. */
interface SchemaElement {
  readonly name: string;
  readonly children: number;
  readonly type: string | null;
}

function topColumns([root, ...elements]: readonly SchemaElement[]): ReadonlyMap<string, string> {
  let place = 0;
  const types = ({ children, type }: SchemaElement): string[] =>
    children === 0 ? [String(type)] : Array.from({ length: children }, () => types(elements[place++])).flat();
  return new Map(Array.from({ length: root.children }, () => {
    const element = elements[place++];
    return [element.name, types(element).join(" and ")];
  }));
}

async function createClassTable(connection: DuckDBConnection, table: string, names?: ClassNames): Promise<void> {
  await connection.run(`CREATE TABLE ${table} (index INTEGER PRIMARY KEY, wnid VARCHAR, name VARCHAR)`);
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

async function readRows(connection: DuckDBConnection, sql: string): Promise<Record<string, Json>[]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.convertRowObjects<Json>(plainValue) as Record<string, Json>[];
}

async function answer(connection: DuckDBConnection, sql: string, format: RowFormat): Promise<void> {
  try {
    await runStatements(connection, sql, (statement) => print(statement, format));
  } catch (error) {
    const reason = (error as Error).message.replace(EXTRACTING, "").trim();
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
