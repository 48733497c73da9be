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

/** A template without its common indentation. */
interface Template {
  readonly literals: readonly string[];
  /** The spaces before each piece that stands alone on its line. */
  readonly indentations: readonly (string | undefined)[];
}

/** Templates by their literals, which are the same object whenever their place in the source is reached. */
const templates = new WeakMap<TemplateStringsArray, Template>();

/** Joins WGSL; see the module. */
export function wgsl(strings: TemplateStringsArray, ...pieces: readonly Piece[]): string {
  let template = templates.get(strings);
  if (!template) templates.set(strings, template = readTemplate(strings));
  const { literals, indentations } = template;
  const parts = [literals[0]];
  pieces.forEach((piece, index) => {
    const value = typeof piece === "object" ? piece.join("\n") : piece === false ? "" : `${piece ?? ""}`;
    const next = literals[index + 1];
    const indentation = indentations[index];
    if (indentation !== undefined && value === "") {
      // The line goes: what is before the piece, and the end of the line behind it or, of the last line, before it.
      const before = parts.pop()!.slice(0, -indentation.length || undefined);
      if (next === "") parts.push(before.replace(/\n$/, ""));
      else parts.push(before, next.slice(1));
    } else parts.push(indentation ? indented(value, indentation) : value, next);
  });
  return parts.join("");
}

function indented(text: string, indentation: string): string {
  return text.split("\n").map((line, index) => index === 0 || line === "" ? line : indentation + line).join("\n");
}

/** Stands for a piece where literals are looked at together. */
const PIECE = "\0";

function readTemplate(strings: readonly string[]): Template {
  const [first, ...lines] = strings.join(PIECE).split("\n");
  const depths = lines.filter((line) => line.trim() !== "").map((line) => line.search(/[^ ]/));
  const common = Math.min(...depths, Infinity);
  const left = [first, ...lines.map((line) => line.trim() === "" ? "" : line.slice(common))].join("\n");
  const whole = left.replace(/^\n/, "").replace(/\n$/, "");
  const indentations = whole.split("\n").flatMap((line) =>
    /^ *\0$/.test(line) ? [line.slice(0, -1)] : new Array<undefined>(line.split(PIECE).length - 1).fill(undefined)
  );
  return { literals: whole.split(PIECE), indentations };
}

/** The numbers from 0 to `length` - 1, which lines of an unrolled loop are made for. */
export function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}
