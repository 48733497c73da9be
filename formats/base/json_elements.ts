/**
 * Elements of the lists in a large object of JSON, one after the other: what is kept in memory is one of them.
 *
 *     {"info": {...}, "images": [{...}, {...}], "annotations": [{...}, ...]}
 *
 * @module
 */

import { unreadable } from "./files.ts";

/** A value of the object: an element of one of its lists, or a member that is no list. */
export interface JsonElement {
  /** The name of the member. */
  readonly name: string;
  /** The element's place in the list; -1 for a list itself, which stands before its elements, or a member that is none. */
  readonly index: number;
  /** Where it stands in the file, bytes. */
  readonly offset: number;
  /** Its bytes; none for a list itself. */
  readonly length: number;
  /** The value; undefined for a list itself. */
  readonly value: unknown;
}

/** Bytes read at a time. */
const CHUNK = 2 ** 20;

/** Bytes of one element, at most: larger than any description of one thing. */
const MOST_BYTES = 2 ** 26;

const [QUOTE, COMMA, COLON, BACKSLASH] = [0x22, 0x2c, 0x3a, 0x5c];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Goes through a file.
 *
 * @param path The file.
 * @returns Its members and the elements of its lists, in the order of the file.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is no object of JSON, or has a name twice or a value of more than 64 MiB.
 */
export async function* readJsonElements(path: string): AsyncGenerator<JsonElement> {
  using reader = await openReader(path);
  const { peek, fail } = reader;
  if (await peek() !== OPEN_OBJECT) throw fail("it is no object of JSON");
  reader.skip();
  const names = new Set<string>();
  if (await peek() !== CLOSE_OBJECT) {
    for (;;) {
      const { value: name } = await reader.value();
      if (typeof name !== "string") throw fail("a member has no name");
      if (names.has(name)) throw fail(`it has ${JSON.stringify(name)} twice`);
      names.add(name);
      await reader.expect(COLON);
      if (await peek() === OPEN_LIST) yield* elements(name);
      else yield { name, index: -1, ...await reader.value() };
      if (await peek() !== COMMA) break;
      reader.skip();
    }
  }
  await reader.expect(CLOSE_OBJECT);
  if (await peek() !== undefined) throw fail("something follows its object");

  async function* elements(name: string): AsyncGenerator<JsonElement> {
    yield { name, index: -1, offset: reader.offset(), length: 0, value: undefined };
    reader.skip();
    if (await peek() !== CLOSE_LIST) {
      for (let index = 0;; index++) {
        yield { name, index, ...await reader.value() };
        if (await peek() !== COMMA) break;
        reader.skip();
      }
    }
    await reader.expect(CLOSE_LIST);
  }
}

async function openReader(path: string) {
  const file = await Deno.open(path).catch((error) => {
    throw error instanceof Deno.errors.NotFound
      ? new Deno.errors.NotFound(`Cannot read "${path}": there is no such file`)
      : error;
  });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = new Uint8Array(CHUNK);
  /** Place in the bytes, their end, and the place in the file of their first. */
  let [at, end, base] = [0, 0, 0];

  const fail = (reason: string, cause?: unknown) => unreadable(path, `${reason}, at byte ${base + at}`, cause);

  /** Reads on, with what is kept from a place moved to the front; false at the end of the file. */
  async function more(keep: number): Promise<boolean> {
    if (end - keep > MOST_BYTES) throw fail(`it has a value of more than ${MOST_BYTES} bytes`);
    const rest = bytes.subarray(keep, end);
    if (rest.length + CHUNK > bytes.length) {
      const larger = new Uint8Array(2 * (rest.length + CHUNK));
      larger.set(rest);
      bytes = larger;
    } else bytes.copyWithin(0, keep, end);
    [at, end, base] = [at - keep, rest.length, base + keep];
    const count = await file.read(bytes.subarray(end));
    if (count === null) return false;
    end += count;
    return true;
  }

  async function peek(): Promise<number | undefined> {
    for (;;) {
      while (at < end && bytes[at] <= 0x20) at++;
      if (at < end) return bytes[at];
      if (!await more(at)) return undefined;
    }
  }

  /** The value that begins here, parsed. */
  async function value(): Promise<{ offset: number; length: number; value: unknown }> {
    if (await peek() === undefined) throw fail("it ends early");
    let place = at;
    let depth = 0;
    let isText = false;
    for (;; place++) {
      while (place >= end) {
        const done = place - at;
        if (!await more(at)) throw fail("it ends early");
        place = at + done;
      }
      const byte = bytes[place];
      if (isText) {
        if (byte === BACKSLASH) place++;
        else if (byte === QUOTE) isText = false;
        if (isText || depth > 0) continue;
        place++;
        break;
      }
      if (byte === QUOTE) isText = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) depth++;
      else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (depth === 0) break;
        if (--depth > 0) continue;
        place++;
        break;
      } else if (depth === 0 && (byte === COMMA || byte === COLON)) break;
    }
    const text = bytes.subarray(at, place);
    try {
      const parsed = JSON.parse(decoder.decode(text));
      const offset = base + at;
      at = place;
      return { offset, length: text.length, value: parsed };
    } catch (error) {
      throw fail("it is not JSON", error);
    }
  }

  return {
    peek,
    value,
    fail,
    offset: () => base + at,
    skip: () => void at++,
    async expect(byte: number): Promise<void> {
      if (await peek() !== byte) throw fail("it is not JSON");
      at++;
    },
    [Symbol.dispose]: () => file.close(),
  };
}
