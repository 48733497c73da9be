/**
 * Tables as lines of text, as Markdown and as CSV.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";

/**
 * Lines of a table: heads, a rule, and rows; numbers to the right.
 *
 * @param heads Rows above the rule.
 * @param rows Rows below it.
 * @param areNumbers Whether each column holds numbers.
 * @returns The lines.
 */
export function layOut(
  heads: readonly (readonly string[])[],
  rows: readonly (readonly string[])[],
  areNumbers: readonly boolean[],
): string[] {
  const [above, below] = [heads, rows].map((part) => part.map((row) => row.map(printable)));
  const widths = areNumbers.map((_, column) => Math.max(...[...above, ...below].map((row) => textWidth(row[column]))));
  const line = (cells: readonly string[]) =>
    cells.map((cell, column) => {
      const space = " ".repeat(widths[column] - textWidth(cell));
      return areNumbers[column] ? space + cell : cell + space;
    }).join("  ").trimEnd();
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [...above.map(line), rule, ...below.map(line)];
}

/**
 * A value as a field of CSV.
 *
 * @param value NULL is an empty field, lists and structures are JSON.
 * @returns The field, in quotation marks where it needs them.
 */
export function csvField(value: unknown): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A table as CSV.
 *
 * @param names The columns' names.
 * @param rows Values in the order of the columns; null is an empty field.
 * @returns RFC 4180 with a line of names.
 */
export function csv(names: readonly string[], rows: readonly (readonly (string | number | null)[])[]): string {
  return [names, ...rows].map((row) => `${row.map(csvField).join(",")}\n`).join("");
}

/**
 * A table as Markdown: the first column to the left, numbers to the right.
 *
 * @param heads The columns' names.
 * @param rows Texts in the order of the columns.
 * @returns The lines.
 */
export function markdownTable(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(heads), line(heads.map((_, column) => column === 0 ? "---" : "--:")), ...rows.map(line)];
}

function textWidth(text: string): number {
  return [...text].length;
}
