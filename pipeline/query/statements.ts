/**
 * What a query may do: read label maps, and change tables in memory.
 *
 * DuckDB's settings keep it from files other than the label maps, but it may write where it may read, some functions write
 * or end the process (`enable_logging`, `enable_profiling`), and a view, a macro or a text that is put together may call
 * them. So DuckDB is asked of each statement what it is, by its kind, and what it would do, by its plan, before it runs.
 * No words are looked for, and what runs is the text that was asked about.
 *
 * @module
 */

import { type DuckDBConnection, type DuckDBPreparedStatement, StatementType } from "@duckdb/node-api";

/** Statements that read, or change what is in memory. */
const ALLOWED = new Set([
  StatementType.SELECT,
  StatementType.EXPLAIN,
  StatementType.INSERT,
  StatementType.UPDATE,
  StatementType.DELETE,
  StatementType.MERGE_INTO,
  StatementType.CREATE,
  StatementType.ALTER,
  StatementType.DROP,
  StatementType.TRANSACTION,
  StatementType.SET,
  StatementType.CALL,
]);

/** Functions in FROM that only read: label maps, values, and what DuckDB knows of itself. */
const READING =
  /^(parquet_\w+|read_parquet|range|generate_series|unnest|repeat|repeat_row|json_each|json_tree|summary|test_all_types|(duckdb|pragma|pg|icu)_\w+)$/i;

const ONLY_READS = "query only reads the label maps";

/** What DuckDB's messages begin with where a statement is not parsed. */
export const EXTRACTING = /^Failed to extract statements: /;

/** An operator of a plan, as EXPLAIN has it in JSON. */
interface Operator {
  readonly name: string;
  readonly children: readonly Operator[];
  // deno-lint-ignore camelcase -- DuckDB's name
  readonly extra_info: Readonly<Record<string, unknown>>;
}

/**
 * Runs statements in order, each after it was found to do nothing but read, or change tables in memory.
 *
 * @param connection The connection that they run on.
 * @param sql The statements.
 * @param last Runs the last one.
 * @throws {Error} If one is wrong, or refused; those before it have run.
 */
export async function runStatements(
  connection: DuckDBConnection,
  sql: string,
  last: (statement: DuckDBPreparedStatement) => Promise<void>,
): Promise<void> {
  const texts = splitStatements(sql);
  if (texts.length === 0) throw new TypeError("it is empty");
  const { count } = await connection.extractStatements(sql);
  if (texts.length > count) throw new TypeError("it cannot be split into statements");
  for (const [index, text] of texts.entries()) {
    const statement = await connection.prepare(await checkStatement(connection, text));
    if (index < texts.length - 1) await statement.run();
    else await last(statement);
  }
}

/**
 * Checks that a statement does nothing but read, or change tables in memory.
 *
 * @param connection Knows the tables; nothing runs.
 * @param text The statement.
 * @returns What to run.
 * @throws {Error} If it is wrong, or refused.
 */
export async function checkStatement(connection: DuckDBConnection, text: string): Promise<string> {
  const { count } = await connection.extractStatements(text);
  if (count !== 1) {
    throw new TypeError(
      `DuckDB makes ${count} statements of one, which cannot be looked at before they run; of PIVOT it does so unless ` +
        "the values are there: PIVOT image_labels ON rank IN (0, 1) USING count(*)",
    );
  }
  const { statementType } = await connection.prepare(text);
  if (!ALLOWED.has(statementType)) throw new TypeError(`${StatementType[statementType]} is refused, ${ONLY_READS}`);
  if (statementType === StatementType.EXPLAIN) {
    const { options, explained } = splitExplain(text);
    return `EXPLAIN ${options}\n${await checkStatement(connection, explained)}`;
  }
  const plan = await planOf(connection, text);
  if (statementType === StatementType.SET && plan.name !== "SET_VARIABLE") {
    throw new TypeError(`SET is refused but for SET VARIABLE, ${ONLY_READS}`);
  }
  const refused = functionsOf(plan).find((name) => !READING.test(name));
  if (refused !== undefined) throw new TypeError(`the function ${refused.toLowerCase()} is refused, ${ONLY_READS}`);
  return text;
}

async function planOf(connection: DuckDBConnection, text: string): Promise<Operator> {
  let rows: readonly (readonly unknown[])[];
  try {
    rows = (await connection.runAndReadAll(`EXPLAIN (FORMAT json)\n${text}`)).getRows();
  } catch (error) {
    const [reason] = (error as Error).message.replace(EXTRACTING, "").split("\n");
    throw new TypeError(`it is refused, since DuckDB does not say what it would do: ${reason}`, { cause: error });
  }
  const [plan]: Operator[] = JSON.parse(String(rows[0][1]));
  return plan;
}

/** The names of the functions that a plan calls in FROM. */
function functionsOf({ name, children, extra_info: info }: Operator): string[] {
  const called = name === "INOUT_FUNCTION" ? info.Name : info.Function;
  return [...called === undefined ? [] : [String(called)], ...children.flatMap(functionsOf)];
}

/** EXPLAIN with its options: those in brackets, or ANALYZE. */
const EXPLAIN = /^explain\b\s*(?:\(\s*((?:analy[sz]e|format)\b[\w\s,]*)\)|(analy[sz]e)\b)?/i;

function splitExplain(text: string): { readonly options: string; readonly explained: string } {
  const [{ length }, bracketed, analyze] = EXPLAIN.exec(text)!;
  const options = bracketed ?? analyze;
  return { options: options === undefined ? "" : `(${options})`, explained: text.slice(length) };
}

/** A text, a name, a word, a comment of one line, or one more character. */
const TOKEN =
  /e'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$(?:[a-z_\x80-\uffff][\w\x80-\uffff]*)?\$).*?\1|[\w\x80-\uffff][\w$\x80-\uffff]*|--[^\r\n]*|./giys;

/** The texts between semicolons that hold more than comments, each from its first word on. */
function splitStatements(sql: string): string[] {
  const texts: string[] = [];
  let start: number | undefined;
  for (let place = 0; place < sql.length;) {
    const length = sql.startsWith("/*", place) ? commentLength(sql, place) : tokenLength(sql, place);
    if (sql[place] === ";") {
      if (start !== undefined) texts.push(sql.slice(start, place));
      start = undefined;
    } else if (!/^(\s|--|\/\*)/.test(sql.slice(place, place + 2))) start ??= place;
    place += length;
  }
  if (start !== undefined) texts.push(sql.slice(start));
  return texts;
}

function tokenLength(sql: string, place: number): number {
  TOKEN.lastIndex = place;
  return TOKEN.exec(sql)![0].length;
}

/** Comments between slashes and stars hold others. */
function commentLength(sql: string, start: number): number {
  let depth = 0;
  for (const { 0: mark, index } of sql.slice(start).matchAll(/\/\*|\*\//g)) {
    depth += mark === "/*" ? 1 : -1;
    if (depth === 0) return index + 2;
  }
  return sql.length - start;
}
