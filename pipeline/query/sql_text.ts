/**
 * Texts and files as DuckDB's SQL has them.
 *
 * @module
 */

/**
 * A text in SQL.
 *
 * @param text Any text.
 * @returns The text in single quotation marks.
 */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/**
 * Texts as a list in SQL.
 *
 * @param texts Any texts.
 * @returns The list.
 */
export function sqlList(texts: readonly string[]): string {
  return `[${texts.map(sqlText).join(", ")}]`;
}

/** What DuckDB takes for a pattern where a file is named. */
const PATTERN = /[*?[]/g;

/**
 * A pattern that matches one path alone, since DuckDB takes every path for a pattern.
 *
 * @param path The path of a file.
 * @returns The path, with each character that has a meaning in patterns in brackets.
 * @throws {TypeError} If it holds a backslash besides, which then cannot be written.
 */
export function literalPath(path: string): string {
  const pattern = path.replace(PATTERN, "[$&]");
  if (pattern !== path && path.includes("\\") && Deno.build.os !== "windows") {
    throw new TypeError(
      `DuckDB cannot open ${JSON.stringify(path)}: its path holds a backslash beside *, ? or [, rename it`,
    );
  }
  return pattern;
}

/**
 * The rows of Parquet files in SQL. Their columns are those of the files: folders named `label=3` add none.
 *
 * @param files Paths of the files.
 * @returns An expression for a FROM clause.
 * @throws {TypeError} If a path cannot be written in SQL.
 */
export function readParquet(files: readonly string[]): string {
  return `read_parquet(${sqlList(files.map(literalPath))}, hive_partitioning = false)`;
}
