/**
 * Tables of fixed width for results.
 *
 * @module
 */

/**
 * Lays out rows: the first column to the left, the others to the right.
 *
 * @param rows Cells; the first row is the header.
 * @returns One line a row.
 */
export function formatTable(rows: readonly (readonly (string | number)[])[]): string {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column] ?? "").length)));
  const format = (cell: string | number, column: number) =>
    column === 0 ? String(cell).padEnd(widths[column]) : String(cell).padStart(widths[column]);
  return rows.map((row) => `  ${row.map(format).join("  ")}`.trimEnd()).join("\n");
}
