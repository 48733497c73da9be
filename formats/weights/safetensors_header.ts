/**
 * What JSON allows and a safetensors header must not have: values deeper than those of a tensor's description, more of them
 * than any network has, and a name twice, of which JavaScript keeps the last and other readers another.
 *
 * @module
 */

import { showValue } from "../show_value.ts";

/** The header, a tensor's description, and its list of sizes. */
const DEEPEST = 3;

/** Names, lists and objects of a header: each takes far more memory than bytes. */
const MOST = 1_000_000;

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const OPENING = new Set([0x7b, 0x5b]);
const CLOSING = new Set([0x7d, 0x5d]);

/**
 * Refuses such a header before it is parsed. Of a text that is no JSON it may say nothing.
 *
 * @param path The file, for messages.
 * @param bytes The header.
 * @throws {TypeError} If a value lies too deep, there are too many, or an object has a name twice.
 */
export function checkHeaderText(path: string, bytes: Uint8Array): void {
  const names: Set<string>[] = [];
  let depth = 0;
  let count = 0;
  const found = (what: string) => new TypeError(`Cannot read "${path}": its safetensors header has ${what}`);
  for (let position = 0; position < bytes.length; position++) {
    const byte = bytes[position];
    if (OPENING.has(byte)) {
      if (++depth > DEEPEST) throw found(`values more than ${DEEPEST} deep`);
      if (++count > MOST) throw found(`more than ${MOST} names, lists and objects`);
      names[depth] = new Set();
    } else if (CLOSING.has(byte)) {
      depth--;
    } else if (byte === QUOTE) {
      const end = endOfText(bytes, position);
      const name = isName(bytes, end) ? textOf(bytes.subarray(position, end)) : undefined;
      if (name !== undefined) {
        if (++count > MOST) throw found(`more than ${MOST} names, lists and objects`);
        if (names[depth]?.has(name)) throw found(`${showValue(name)} twice`);
        names[depth]?.add(name);
      }
      position = end - 1;
    }
  }
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

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined; // the whole header will be refused for it
  }
}
