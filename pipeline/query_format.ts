/**
 * Rows as text: a table for the eye, CSV and JSON lines for programs.
 *
 * @module
 */

import type { Json } from "@duckdb/node-api";

/** Begins to print rows of some columns. */
export type RowFormat = (names: readonly string[], types: readonly string[]) => {
  write(row: readonly Json[]): void;
  end(): void;
};

/** Rows a table shows; the rest are counted. */
const SHOWN_ROWS = 100;

/** Characters of a value a table shows. */
const SHOWN_CHARACTERS = 60;

/** Values of a list a table shows. */
const SHOWN_VALUES = 8;

/** A table with names, types and at most 100 rows, then the number of all rows. */
export const tableFormat: RowFormat = (names, types) => {
  const rows: string[][] = [];
  let count = 0;
  return {
    write(row) {
      if (count++ < SHOWN_ROWS) rows.push(row.map(shorten));
    },
    end() {
      const widths = names.map((name, column) => {
        return Math.max(...[name, types[column], ...rows.map((row) => row[column])].map(textWidth));
      });
      const isNumber = types.map((type) => /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/.test(type));
      const line = (cells: readonly string[]) =>
        cells.map((cell, column) => {
          const space = " ".repeat(widths[column] - textWidth(cell));
          return isNumber[column] ? space + cell : cell + space;
        }).join("  ").trimEnd();
      const rule = widths.map((width) => "-".repeat(width)).join("  ");
      console.log([line(names), line(types), rule, ...rows.map(line)].join("\n"));
      const shown = count > SHOWN_ROWS ? `, ${SHOWN_ROWS} shown (--format csv or json has all)` : "";
      console.log(`(${count} ${count === 1 ? "row" : "rows"}${shown})`);
    },
  };
};

/** RFC 4180 with a line of names; NULL is an empty field, lists and structures are JSON. */
export const csvFormat: RowFormat = (names) => {
  const line = (cells: readonly Json[]) => console.log(cells.map(csvField).join(","));
  line(names as string[]);
  return { write: line, end() {} };
};

/** One JSON object a line. */
export const jsonFormat: RowFormat = (names) => ({
  write: (row) => console.log(JSON.stringify(Object.fromEntries(names.map((name, column) => [name, row[column]])))),
  end() {},
});

function csvField(value: Json): string {
  if (value === null) return "";
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function shorten(value: Json): string {
  if (value === null) return "NULL";
  if (Array.isArray(value)) {
    const more = value.length > SHOWN_VALUES ? `, ... ${value.length} values` : "";
    return `[${value.slice(0, SHOWN_VALUES).map(shorten).join(", ")}${more}]`;
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const characters = [...text.replaceAll(/\s+/g, " ")];
  return characters.length > SHOWN_CHARACTERS
    ? characters.slice(0, SHOWN_CHARACTERS - 3).join("") + "..."
    : characters.join("");
}

function textWidth(text: string): number {
  return [...text].length;
}
