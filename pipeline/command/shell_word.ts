/**
 * Commands to be copied into a shell.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";

/**
 * Writes an argument so that a shell reads it as one word.
 *
 * @param text The argument.
 * @returns The argument, in quotes where it needs them; control characters are written as `$'\\u001b'`, as bash and zsh read them.
 */
export function shellWord(text: string): string {
  if (/^[\w./:@%+,=-]+$/.test(text)) return text;
  if (printable(text) !== text) return `$'${printable(text.replaceAll(/[\\']/g, "\\$&"))}'`;
  return `'${text.replaceAll("'", "'\\''")}'`;
}
