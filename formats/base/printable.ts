/**
 * Texts of others on a screen: names in files, keys, options and messages of libraries may hold what steers a terminal.
 *
 * @module
 */

/**
 * C0 and C1 control characters and DEL, which begin a terminal's commands; line and paragraph separators; marks that turn
 * the direction of what follows, so that `gpj.exe` is read as `exe.jpg`; and halves of surrogate pairs, which are no
 * characters.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

const SHORT: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * A text with its control characters escaped as JSON does, so that JSON stays the same JSON.
 *
 * @param text Any text.
 * @returns One line: `a\u001b[31m.jpg` for an escape character, `\n` for a line's end.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (character) => SHORT[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
