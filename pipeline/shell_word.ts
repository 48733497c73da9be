/**
 * Commands to be copied into a shell.
 *
 * @module
 */

/**
 * An argument as it is to be written.
 *
 * @param text The argument.
 * @returns It, in quotes where it needs them.
 */
export function shellWord(text: string): string {
  return /^[\w./:@%+,=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
