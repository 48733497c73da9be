// deno-lint-ignore-file no-console -- all that commands print goes through here

/**
 * All that commands print. Names of files, keys of images, names of classes and messages of libraries are others' texts and
 * may hold what steers a terminal: it is escaped here, and only here are lines written, so that no text gets past it.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";

/** A line; `coloured` holds colours of ours, and whoever makes it has escaped all else in it. */
export type Line = string | { readonly coloured: string };

/**
 * Prints lines on standard output.
 *
 * @param lines Each is one line: a line's end in a name is escaped too.
 */
export function printLines(lines: readonly Line[]): void {
  console.log(lines.map((line) => typeof line === "string" ? printable(line) : line.coloured).join("\n"));
}

/**
 * Prints one line on standard output.
 *
 * @param line The line's text.
 */
export function printLine(line: string): void {
  printLines([line]);
}

/**
 * Prints a text of ours, such as a help, on standard output.
 *
 * @param text The text, with its line breaks.
 */
export function printText(text: string): void {
  printLines(text.split("\n"));
}

/**
 * Prints rows for a program on standard output: byte for byte into a file or a pipe, escaped on a terminal.
 *
 * @param text A row.
 * @param isTerminal Whether a terminal reads it.
 */
export function printData(text: string, isTerminal = Deno.stdout.isTerminal()): void {
  console.log(isTerminal ? printable(text) : text);
}

/**
 * Prints a message on standard error. Libraries' messages have several lines, which are kept.
 *
 * @param message An error's, or a sentence.
 */
export function printError(message: string): void {
  console.error(message.split("\n").map(printable).join("\n"));
}
