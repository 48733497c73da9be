/**
 * Kernels as one reads them. The tag `wgsl` lets a kernel's text stand in its function as deep as the function's own lines,
 * with the loops and pieces that are unrolled at the place where they go:
 *
 * ```ts
 * import { wgsl } from "./wgsl.ts";
 *
 * const lanes = [0, 1].map((lane) => `sum += input[at + ${lane}u];`);
 * const scaled = false;
 * console.log(wgsl`
 *   for (var at = 0u; at < end; at += 2u) {
 *     ${lanes}
 *     ${scaled && "sum *= scale;"}
 *   }
 * `);
 * ```
 *
 * What stands alone on its line takes the line's indentation, each line of it; what is an array is one piece per line; and
 * what is empty or false leaves no line. The common indentation goes, and the lines of the backquotes.
 *
 * @module
 */

/** What a kernel's text is put together from. */
export type Piece = string | number | false | undefined | readonly string[];

/** Joins WGSL; see the module. */
export function wgsl(strings: TemplateStringsArray, ...pieces: readonly Piece[]): string {
  const [first, ...literals] = withoutIndentation(strings);
  return literals.reduce((text, next, index) => {
    const piece = pieces[index];
    const value = typeof piece === "object" ? piece.join("\n") : piece === false ? "" : `${piece ?? ""}`;
    const begun = text.slice(text.lastIndexOf("\n") + 1);
    const isAlone = begun.trim() === "" && (next === "" || next.startsWith("\n"));
    if (!isAlone) return text + value + next;
    if (value !== "") return text + value.replaceAll(/\n(?!\n|$)/g, `\n${begun}`) + next;
    return next === "" ? text.replace(/\n *$/, "") : text.slice(0, text.length - begun.length) + next.slice(1);
  }, first);
}

/** Stands for a piece where literals are looked at together. */
const PIECE = "\0";

function withoutIndentation(strings: readonly string[]): string[] {
  const [first, ...lines] = strings.join(PIECE).split("\n");
  const indentations = lines.filter((line) => line.trim() !== "").map((line) => line.search(/[^ ]/));
  const common = Math.min(...indentations, Infinity);
  const left = [first, ...lines.map((line) => line.trim() === "" ? "" : line.slice(common))].join("\n");
  return left.replace(/^\n/, "").replace(/\n$/, "").split(PIECE);
}

/** The numbers from 0 to `length` - 1, which lines of an unrolled loop are made for. */
export function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
