/**
 * Rows as text: a table for the eye, CSV and JSON lines for programs.
 *
 * @module
 */

import type { Json } from "@duckdb/node-api";
import { formatCount, formatPercent } from "../command/numbers.ts";
import { csvField, layOut } from "../command/text_table.ts";
import { printData, printLine, printLines } from "../command/terminal.ts";

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
      printLines(layOut([names, types], rows, types.map(isNumber)));
      const shown = count > SHOWN_ROWS ? `, ${SHOWN_ROWS} shown (--format csv or json has all)` : "";
      printLine(`(${count} ${count === 1 ? "row" : "rows"}${shown})`);
    },
  };
};

/**
 * A report's table: without types, numbers as people write them, and a word if there are more rows.
 *
 * @param shown Rows it shows.
 * @returns The format.
 */
export function reportFormat(shown: number): RowFormat {
  return (names, types) => {
    const rows: string[][] = [];
    let more = false;
    return {
      write(row) {
        if (rows.length < shown) rows.push(row.map((value, column) => display(value, names[column], types[column])));
        else more = true;
      },
      end() {
        printLines(layOut([names.map((name) => name.replaceAll("_", " "))], rows, types.map(isNumber)));
        if (more) printLine("... --limit N shows more, --format csv or json all");
      },
    };
  };
}

/** Columns of shares, shown in per cent. */
const SHARES = ["share", "agreement"];

/** A value of a report: classes as they are, counts in thousands, other numbers with three or fewer decimals. */
function display(value: Json, name: string, type: string): string {
  if (value === null) return "-";
  if (typeof value !== "number") return shorten(value);
  if (/INT/.test(type)) return name.endsWith("class") ? String(value) : formatCount(value);
  if (SHARES.includes(name)) return formatPercent(value);
  return value.toFixed(name === "lift" ? 1 : 3);
}

function isNumber(type: string): boolean {
  return /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)$/.test(type);
}

/** RFC 4180 with a line of names, byte for byte except on a terminal; NULL is an empty field, lists and structures are JSON. */
export const csvFormat: RowFormat = csvRows((value) => value);

/** CSV in which a spreadsheet finds no formulas. */
export const safeCsvFormat: RowFormat = csvRows(withoutFormula);

function csvRows(prepare: (value: Json) => Json): RowFormat {
  return (names) => {
    const line = (cells: readonly Json[]) => printData(cells.map((cell) => csvField(prepare(cell))).join(","));
    line(names as string[]);
    return { write: line, end() {} };
  };
}

/** What spreadsheets take for the beginning of a formula, also in full width, and what they skip before one. */
const FORMULA = /^[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/;

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** A text that would be a formula with ' before it, which spreadsheets take for text; numbers stay numbers. */
function withoutFormula(value: Json): Json {
  return typeof value === "string" && FORMULA.test(value) && !NUMBER.test(value) ? `'${value}` : value;
}

/** One JSON object a line. */
export const jsonFormat: RowFormat = (names) => ({
  write: (row) => printLine(JSON.stringify(Object.fromEntries(names.map((name, column) => [name, row[column]])))),
  end() {},
});

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
