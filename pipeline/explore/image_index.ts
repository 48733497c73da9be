/**
 * All that is said of images but their maps, as tables in memory that answer filters in a fraction of a second: what their
 * rows say, read at once, and the scores of their classes, for which every map is looked at.
 *
 * What a filter finds are numbers of rows in its order, 4 bytes
 * each; those of the last filters are kept, so that paging runs no query. Each query has a connection of its own and is
 * interrupted when nobody waits for it any more.
 *
 * @module
 */

import { type DuckDBConnection, type DuckDBType, type DuckDBValue, LIST, listValue, VARCHAR } from "@duckdb/node-api";
import { keepLatest } from "../../formats/base/keep_latest.ts";
import type { LabelDatabase } from "../query/database.ts";
import { readParquet, sqlText } from "../query/sql_text.ts";
import { unlessAborted } from "../command/until_aborted.ts";
import { checkCondition, refusal } from "./condition.ts";
import { type Connections, connectionsTo } from "./connections.ts";
import type { ImageFilter } from "./filter.ts";
import { RequestError } from "./request_error.ts";
import { createTurns } from "./turns.ts";

/** The tables, made in the background. */
export interface ImageIndex {
  /** Settled when all tables are made. */
  readonly ready: Promise<void>;
  /** Whether the scores are there, which filters that name one wait for. */
  isScored(): boolean;
  /**
   * The rows that a filter lets through.
   *
   * @param filter The filter.
   * @param signal Interrupts it.
   * @returns Numbers of rows in the folder, in the filter's order.
   * @throws {RequestError} If its condition is wrong, or there is no second folder where one is asked for.
   */
  find(filter: ImageFilter, signal: AbortSignal): Promise<RowList>;
  /** The keys of those images in the same order, some at a time; errors as there. */
  keys(filter: ImageFilter, signal: AbortSignal): AsyncIterable<readonly string[]>;
  /** The first row with a key, undefined if there is none. */
  rowOf(folder: FolderNumber, key: string): Promise<number | undefined>;
  /** The first of some keys that the folder lacks. */
  firstUnknown(keys: readonly string[]): Promise<string | undefined>;
  /** Interrupts what is running; the database may be closed then. */
  close(): Promise<void>;
}

/** The folder that is explored, or the one it is compared with. */
export type FolderNumber = 0 | 1;

/** Numbers of rows. */
export interface RowList {
  readonly length: number;
  at(position: number): number;
}

/** Filters whose rows are kept. */
const KEPT_FILTERS = 2;

/** Filters that run at once; the threads that they wait in are few, and serve pictures too. */
const MOST_RUNNING = 2;

const TABLES = ["explored", "compared"] as const;

/** What rows say of images by themselves, one row for each image. `place` is its row in the folder, from 0. */
const ROWS = `
  CREATE VIEW explored_rows AS
    SELECT explored.rowid AS place, key, label, name AS given, width, height, top_class, top_probability
    FROM explored LEFT JOIN data_set_classes ON label = index`;

/**
 * What conditions may name: the same, and what follows from scores. The table `explored_label_classes` is there before:
 * label_classes needs a variable, which this connection lacks.
 */
const IMAGES = `
  CREATE MACRO explored_images(threshold) AS TABLE
    SELECT place, key, label, given, width, height, class, score, top_class, top_probability, name, self_confidence,
      self_confidence - coalesce(CASE WHEN class[1] = label_class THEN score[2] ELSE score[1] END, 0) AS margin,
      length(list_filter(score, lambda s: s >= threshold)) AS classes
    FROM (
      SELECT place, key, label, given, width, height, found.class, score, top_class, top_probability, says.name AS name,
        stands.class AS label_class,
        CASE WHEN stands.class IS NOT NULL
          THEN coalesce(score[list_position(found.class, stands.class)], 0::FLOAT) END AS self_confidence
      FROM explored_rows LEFT JOIN explored_scores AS found USING (place)
        LEFT JOIN explored_label_classes AS stands USING (label)
        LEFT JOIN classes AS says ON found.class[1] = says.index
    )`;

/** What sorts first; equals are in the folder's order. */
const ORDERS = {
  key: "",
  suspicious: "self_confidence NULLS LAST, margin, ",
  "least-confident": "score[1] NULLS FIRST, ",
  "most-classes": "classes DESC, ",
} as const;

/** Scores below this are not kept. */
const LEAST_SCORE = 0.01;

/** The scores of the classes of each image; only the database's own connection can read the maps. */
const scoresAfter = (before: number) => `
    SELECT place, list_transform(coalesce(scored, []), lambda c: c.class) AS class,
      list_transform(coalesce(scored, []), lambda c: c.score::FLOAT) AS score
    FROM (
      SELECT row, list_filter(scored, lambda c: c.score >= ${LEAST_SCORE}) AS scored FROM numbered_scores
    ) RIGHT JOIN (SELECT row, ${before} + row_number() OVER (ORDER BY row) - 1 AS place FROM numbered_labels) USING (row)`;

/**
 * Begins to make the tables.
 *
 * @param database Label maps.
 * @param files Files of the label maps.
 * @param rows How many there are.
 * @param compared The files of a second folder, which the database may read.
 * @returns The index; the database is to stay open, and what it runs by itself to be interrupted when the index is closed.
 */
export function indexImages(
  database: LabelDatabase,
  files: readonly string[],
  rows: number,
  compared?: readonly string[],
): ImageIndex {
  const connections = connectionsTo(database);
  const { closing } = connections;
  const read = createTables(database, connections, tables(files, compared));
  let isScored = false;
  const ready = read.then(async () => {
    if (closing.aborted) return;
    await database.eachPart((before) => `INSERT INTO explored_scores ${scoresAfter(before)}`);
    isScored = true;
  });
  // Whoever asks gets the error; nobody may.
  ready.catch(() => {});
  const turns = createTurns(MOST_RUNNING);

  /** A filter as SQL, once the tables that it reads are made. */
  async function answerable(filter: ImageFilter, signal: AbortSignal): Promise<string> {
    await unlessAborted(read, signal);
    const { sql, usesScores } = await connections.use((connection) =>
      filterSql(connection, filter, compared !== undefined)
    );
    if (usesScores) await unlessAborted(ready, signal);
    return sql;
  }

  async function* query<Value>(select: string, filter: ImageFilter, signal: AbortSignal): AsyncIterable<Value[]> {
    const sql = await answerable(filter, signal);
    // Of the statement only the condition is the user's: a value that cannot be converted shows when it runs.
    const refusalOf = (error: unknown) => filter.where === undefined ? error : refusal((error as Error).message);
    yield* connections.stream<Value>(`SELECT ${select} ${sql}`, signal, refusalOf);
  }

  const places = keepLast(KEPT_FILTERS, async (filter: ImageFilter, signal) => {
    let length = 0;
    const all = new Uint32Array(rows);
    for await (const values of query<number>("place::UINTEGER", filter, signal)) {
      for (const value of values) all[length++] = value;
    }
    return all.slice(0, length);
  });

  async function ask(sql: string, value: DuckDBValue, type: DuckDBType): Promise<unknown> {
    await read;
    return await connections.ask(sql, value, type);
  }

  return {
    ready,
    isScored: () => isScored,
    async find(filter, signal) {
      if (isEverything(filter)) return { length: rows, at: (position) => position };
      // Who waits for the scores holds up nobody who does not need them.
      await answerable(filter, signal);
      const found = await turns(signal, () => places(filter, signal));
      return { length: found.length, at: (position) => found[position] };
    },
    keys: (filter, signal) => query<string>("key", filter, signal),
    async rowOf(folder, key) {
      const row = await ask(`SELECT min(rowid) FROM ${TABLES[folder]} WHERE key = $1`, key, VARCHAR);
      return typeof row === "bigint" ? Number(row) : undefined;
    },
    async firstUnknown(keys) {
      const unknown = "SELECT key FROM (SELECT unnest($1::VARCHAR[]) AS key) ANTI JOIN explored USING (key) LIMIT 1";
      return await ask(unknown, listValue(keys), LIST(VARCHAR)) as string | undefined;
    },
    async close() {
      connections.interrupt();
      await ready.catch(() => {});
      await connections.ended();
    },
  };
}

/** Makes the tables of rows, and that of scores, which is empty. */
async function createTables(
  database: LabelDatabase,
  { closing, use }: Connections,
  statements: readonly string[],
): Promise<void> {
  await use(async (connection) => {
    for (const statement of [...statements, "CHECKPOINT"]) {
      if (!closing.aborted) await connection.run(statement);
    }
  });
  for (const statement of [`CREATE TABLE explored_scores AS ${scoresAfter(0)} WITH NO DATA`, ROWS, IMAGES]) {
    if (!closing.aborted) await database.rows(statement);
  }
}

/** Keeps the results of the last `most` different questions. */
function keepLast<Question, Result>(
  most: number,
  answer: (question: Question, signal: AbortSignal) => Promise<Result>,
): (question: Question, signal: AbortSignal) => Promise<Result> {
  const kept = new Map<string, Result>();
  return async (question, signal) => {
    const name = JSON.stringify(question);
    return keepLatest(kept, name, kept.get(name) ?? await answer(question, signal), most);
  };
}

/** The statements that make the tables. */
function tables(files: readonly string[], compared?: readonly string[]): string[] {
  return [
    `CREATE TABLE explored AS
      SELECT key, label, width, height, top_class, top_probability FROM ${readParquet(files)}`,
    ...(compared === undefined ? [] : [
      `CREATE TABLE compared AS SELECT key, top_class[1] AS best FROM ${readParquet(compared)}`,
      `CREATE TABLE differing AS SELECT explored.rowid AS place
        FROM explored JOIN compared USING (key) WHERE top_class[1] <> best`,
    ]),
  ];
}

/** Whether a filter is the folder itself. */
function isEverything(filter: ImageFilter): boolean {
  const { order, differs, class: index, label, key, where } = filter;
  return order === "key" && !differs && [index, label, key, where].every((part) => part === undefined);
}

/** A filter as FROM, WHERE and ORDER BY, and whether it needs the scores. */
async function filterSql(
  connection: DuckDBConnection,
  filter: ImageFilter,
  canCompare: boolean,
): Promise<{ sql: string; usesScores: boolean }> {
  const { class: index, label, key, where, differs, threshold, order } = filter;
  if (differs && !canCompare) throw new RequestError(400, "Cannot compare: explore was started without --compare");
  const images = `explored_images(${threshold})`;
  const condition = where === undefined ? undefined : await checkCondition(connection, where, images);
  const usesScores = index !== undefined || order !== "key" ||
    (condition !== undefined && !await isOf(connection, "explored_rows", condition));
  const conditions = [
    ...(index === undefined ? [] : [`score[list_position(class, ${index})] >= ${threshold}`]),
    ...(label === undefined ? [] : [`label = ${label}`]),
    ...(key === undefined ? [] : [`contains(lower(key), lower(${sqlText(key)}))`]),
    ...(differs ? ["place IN (FROM differing)"] : []),
    ...(condition === undefined ? [] : [condition]),
  ];
  const sql = `FROM ${usesScores ? images : "explored_rows"} ` +
    `${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")}` : ""} ORDER BY ${ORDERS[order]}place`;
  return { sql, usesScores };
}

/** Whether a condition names nothing but columns of a table. */
async function isOf(connection: DuckDBConnection, table: string, condition: string): Promise<boolean> {
  try {
    (await connection.prepare(`SELECT ${condition} FROM ${table}`)).destroySync();
    return true;
  } catch {
    return false;
  }
}
