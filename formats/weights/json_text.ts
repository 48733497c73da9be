/**
 * What JSON allows and no file here has: values deeper than any description, which take far more time and memory than bytes;
 * more of them than any network has; and a name twice, of which JavaScript keeps the last and other readers another.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { unreadable } from "../base/files.ts";
import { isObject } from "../base/json.ts";

/** Names, lists and objects of a text. */
const MOST = 300_000;

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);

/**
 * Looks for them before a text is parsed. Of a text that is no JSON it may say nothing.
 *
 * @param bytes The text.
 * @param deepest Objects and lists in each other, at most.
 * @returns What was found, as in "it has ..."; undefined if nothing.
 */
export function excessOfJson(bytes: Uint8Array, deepest: number): string | undefined {
  const names: Set<string>[] = [];
  let depth = 0;
  let count = 0;
  const tooMany = `more than ${MOST} names, lists and objects`;
  for (let position = 0; position < bytes.length; position++) {
    const byte = bytes[position];
    if (OPENING.has(byte)) {
      if (++depth > deepest) return `values more than ${deepest} deep`;
      if (++count > MOST) return tooMany;
      names[depth] = new Set();
    } else if (CLOSING.has(byte)) {
      depth--;
    } else if (byte === QUOTE) {
      const end = endOfText(bytes, position);
      const name = isName(bytes, end) ? textOf(bytes.subarray(position, end)) : undefined;
      if (name !== undefined) {
        if (++count > MOST) return tooMany;
        if (names[depth]?.has(name)) return `${showValue(name)} twice`;
        names[depth]?.add(name);
      }
      position = end - 1;
    }
  }
}

/**
 * Reads an object of JSON that a program wrote.
 *
 * @param path The file, for messages.
 * @param bytes The text.
 * @param options `what` it is of the file: `its safetensors header`; how many objects and lists may be in each other.
 * @returns The object.
 * @throws {TypeError} If it is not one, or has what {@linkcode excessOfJson} finds.
 */
export function parseObject(
  path: string,
  bytes: Uint8Array,
  { what, deepest }: { readonly what: string; readonly deepest: number },
): Readonly<Record<string, unknown>> {
  const excess = excessOfJson(bytes, deepest);
  if (excess !== undefined) throw unreadable(path, `${what} has ${excess}`);
  try {
    const value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch (error) {
    throw unreadable(path, `${what} is not JSON`, error);
  }
  throw unreadable(path, `${what} is not a JSON object`);
}

/** The byte after the closing quotation mark. */
function endOfText(bytes: Uint8Array, start: number): number {
  let position = start + 1;
  while (position < bytes.length && bytes[position] !== QUOTE) position += bytes[position] === BACKSLASH ? 2 : 1;
  return Math.min(position + 1, bytes.length);
}

/** Whether a colon follows. */
function isName(bytes: Uint8Array, end: number): boolean {
  let position = end;
  while (bytes[position] <= 0x20) position++;
  return bytes[position] === COLON;
}

const utf8 = new TextDecoder();

function textOf(bytes: Uint8Array): string | undefined {
  if (!bytes.includes(BACKSLASH)) return utf8.decode(bytes.subarray(1, -1));
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined; // the whole text will be refused for it
  }
}
