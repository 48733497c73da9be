/**
 * A condition in SQL that comes from the page: one expression that is true or false of an image, and nothing else.
 *
 * It stands in brackets behind WHERE, so what could leave the brackets must not pass. DuckDB's own parser decides: with
 * brackets and without, what it reads must be one SELECT of one expression and no other clause. `1) UNION SELECT (1` is
 * no expression without the brackets, `true FROM t` none within them, and a comment ends with its line. Subqueries are
 * refused, since they could read something else than the image. What is left still cannot see a file
 * (pipeline/query/database.ts), and its plan is looked at as that of any query is (pipeline/query/statements.ts).
 *
 * @module
 */

import { type DuckDBConnection, DuckDBTypeId } from "@duckdb/node-api";
import { checkStatement } from "../query/statements.ts";
import { RequestError } from "./request_error.ts";

/** What json_serialize_sql makes of statements. */
interface Serialized {
  readonly error: boolean;
  // deno-lint-ignore camelcase -- DuckDB's name
  readonly error_message?: string;
  readonly statements?: readonly { readonly node: { readonly select_list?: readonly unknown[] } }[];
}

/**
 * Checks a condition.
 *
 * @param connection Parses it, and knows the columns.
 * @param condition The user's condition in SQL.
 * @param images The table that it is about, as FROM names it.
 * @returns The condition in brackets.
 * @throws {RequestError} If it is not one expression, has a subquery, names what is not there, or is not true or false.
 */
export async function checkCondition(connection: DuckDBConnection, condition: string, images: string): Promise<string> {
  const bracketed = `(\n${condition}\n)`;
  const [inside, alone] = [await parse(connection, bracketed), await parse(connection, `\n${condition}\n`)];
  const wrong = inside.error ? inside : alone;
  if (wrong.error) throw refusal(wrong.error_message ?? "it cannot be parsed");
  const bare = clauses(await parse(connection, "(true)"));
  if ([inside, alone].some((parsed) => clauses(parsed) !== bare)) throw refusal("expected one expression");
  if (containsSubquery(inside.statements)) throw refusal("subqueries are refused");
  const sql = `SELECT ${bracketed} FROM ${images} WHERE ${bracketed}`;
  const refuse = ({ message }: Error) => {
    throw refusal(message);
  };
  const statement = await connection.prepare(sql).catch(refuse);
  if (statement.parameterCount > 0) throw refusal("it has a parameter, ? or $1, without a value");
  await checkStatement(connection, sql).catch(refuse);
  const type = statement.columnTypeId(0);
  if (type !== DuckDBTypeId.BOOLEAN) {
    throw refusal(`it is a value of type ${DuckDBTypeId[type]}, expected what is true or false`);
  }
  return bracketed;
}

/** The error of a condition, with DuckDB's first line. */
export function refusal(reason: string): RequestError {
  return new RequestError(400, `Cannot use the condition: ${reason.trim().split("\n")[0]}`);
}

async function parse(connection: DuckDBConnection, expression: string): Promise<Serialized> {
  const reader = await connection.runAndReadAll("SELECT json_serialize_sql($1::VARCHAR)", [`SELECT ${expression}`]);
  return JSON.parse(String(reader.getRows()[0][0]));
}

/** What statements say besides the one expression; empty if there is not one. */
function clauses({ statements = [] }: Serialized): string {
  const counts = statements.map(({ node }) => node.select_list?.length);
  return counts.every((count) => count === 1)
    ? JSON.stringify(statements.map(({ node }) => ({ ...node, select_list: null })))
    : "";
}

function containsSubquery(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Reflect.get(value, "class") === "SUBQUERY" || Object.values(value).some(containsSubquery);
}
