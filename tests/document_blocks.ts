/**
 * What documents show in blocks of `sh`, which tests run.
 *
 * A block that cannot be run here has a comment above it that says why: `<!-- not run here: COCO's images -->`.
 *
 * @module
 */

import { join } from "@std/path";
import { ROOT } from "./pipeline/task.ts";

/** A block of commands. */
export interface ShellBlock {
  readonly script: string;
  /** Why it cannot be run here; undefined if it can. */
  readonly reason: string | undefined;
}

/**
 * Reads the blocks of a document.
 *
 * @param path The document, from the project's folder.
 * @returns The blocks, in order.
 */
export function shellBlocks(path: string): ShellBlock[] {
  const text = Deno.readTextFileSync(join(ROOT, path));
  return Array.from(
    text.matchAll(/^(?:<!-- not run here: (.+) -->\n\n?)?```sh\n([\s\S]*?)^```$/gm),
    ([, reason, script]) => ({ script, reason }),
  );
}

/**
 * The command lines of a text, whatever stands before `deno task` and `relabel` in them.
 *
 * @param text Of a document or a block; a line that ends with a backslash goes on in the next one.
 * @returns The lines, from `deno` or `relabel` on.
 */
export function commandLines(text: string): string[] {
  return text.replaceAll(/ *\\\n\s*/g, " ").split("\n").flatMap((line) =>
    /^(?: {4})?(?:(?:\w+=|mpiexec|srun|npx|timeout)\S* .*)?((?:deno task|relabel) \S.*)$/.exec(line)?.[1] ?? []
  );
}

/** The words of a command line as a shell takes them, where it only quotes. */
export function wordsOf(line: string): string[] {
  const words = [...line.replace(/ (?:[|&;>]|#).*$/, "").matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)];
  return words.map(([, double, single, bare]) => double ?? single ?? bare);
}
