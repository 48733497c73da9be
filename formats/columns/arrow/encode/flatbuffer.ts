/**
 * Flatbuffers, as far as Arrow's messages and footer need them: how tables become bytes.
 *
 * A table is a step back to its directory of slots, then its fields; what a field refers to stands behind it, so that
 * steps go forwards. Everything is little-endian, and stands at a multiple of its size.
 *
 * @module
 * @see https://flatbuffers.dev/internals/
 */

/** A value with its flatbuffer type. */
export type FlatValue =
  | { readonly type: "int"; readonly bytes: 1 | 2 | 4 | 8; readonly value: number }
  | { readonly type: "string"; readonly value: string }
  | { readonly type: "table"; readonly value: FlatFields }
  | { readonly type: "tables"; readonly value: readonly FlatFields[] }
  | { readonly type: "structs"; readonly value: readonly (readonly number[])[] };

/** The fields of a table by their slots. */
export type FlatFields = { readonly [slot: number]: FlatValue | undefined };

export const int8 = (value: number): FlatValue => ({ type: "int", bytes: 1, value });
export const int16 = (value: number): FlatValue => ({ type: "int", bytes: 2, value });
export const int32 = (value: number): FlatValue => ({ type: "int", bytes: 4, value });
export const int64 = (value: number): FlatValue => ({ type: "int", bytes: 8, value });
export const string = (value: string): FlatValue => ({ type: "string", value });
export const table = (value: FlatFields): FlatValue => ({ type: "table", value });
export const tables = (value: readonly FlatFields[]): FlatValue => ({ type: "tables", value });
/** A list of structures, each of them integers of 8 bytes. */
export const structs = (value: readonly (readonly number[])[]): FlatValue => ({ type: "structs", value });

/**
 * The bytes of a table.
 *
 * @param root Its fields; those that are undefined are left out.
 * @returns Bytes, a multiple of 8.
 */
export function encodeFlatbuffer(root: FlatFields): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [0, 0, 0, 0];
  setStep(bytes, 0, pushTable(bytes, root));
  align(bytes, 8);
  return Uint8Array.from(bytes);
}

/** Appends a table and what it refers to; where the table stands. */
function pushTable(bytes: number[], fields: FlatFields): number {
  const entries = Object.entries(fields).flatMap(([slot, value]) => value ? [{ slot: Number(slot), value }] : []);
  let size = 4;
  const places = entries.map(({ slot, value }) => {
    const width = value.type === "int" ? value.bytes : 4;
    const place = Math.ceil(size / width) * width;
    size = place + width;
    return { slot, value, place };
  });
  const slots = Math.max(-1, ...places.map(({ slot }) => slot)) + 1;
  const directory = bytes.length + bytes.length % 2;
  align(bytes, 2);
  pushInt(bytes, 4 + 2 * slots, 2);
  pushInt(bytes, size, 2);
  for (let slot = 0; slot < slots; slot++) pushInt(bytes, places.find((field) => field.slot === slot)?.place ?? 0, 2);
  align(bytes, 8);
  const start = bytes.length;
  pushInt(bytes, start - directory, 4);
  for (const { value, place } of places) {
    while (bytes.length < start + place) bytes.push(0);
    if (value.type === "int") pushInt(bytes, value.value, value.bytes);
    else pushInt(bytes, 0, 4);
  }
  for (const { value, place } of places) {
    if (value.type !== "int") setStep(bytes, start + place, pushReferred(bytes, value));
  }
  return start;
}

function pushReferred(bytes: number[], value: Exclude<FlatValue, { type: "int" }>): number {
  switch (value.type) {
    case "string": {
      const text = new TextEncoder().encode(value.value);
      align(bytes, 4);
      const start = bytes.length;
      pushInt(bytes, text.length, 4);
      for (const byte of text) bytes.push(byte);
      bytes.push(0);
      return start;
    }
    case "table":
      return pushTable(bytes, value.value);
    case "tables": {
      align(bytes, 4);
      const start = bytes.length;
      pushInt(bytes, value.value.length, 4);
      for (let index = 0; index < value.value.length; index++) pushInt(bytes, 0, 4);
      value.value.forEach((fields, index) => setStep(bytes, start + 4 + 4 * index, pushTable(bytes, fields)));
      return start;
    }
    case "structs": {
      while (bytes.length % 8 !== 4) bytes.push(0);
      const start = bytes.length;
      pushInt(bytes, value.value.length, 4);
      for (const integers of value.value) for (const integer of integers) pushInt(bytes, integer, 8);
      return start;
    }
  }
}

/** Appends an integer, its lowest byte first. */
function pushInt(bytes: number[], value: number, width: number): void {
  for (let index = 0; index < width; index++) {
    bytes.push(value % 256);
    value = Math.floor(value / 256);
  }
}

/** Writes the way from a place to what it refers to. */
function setStep(bytes: number[], place: number, target: number): void {
  const step = target - place;
  for (let index = 0; index < 4; index++) bytes[place + index] = step >>> 8 * index & 255;
}

function align(bytes: number[], width: number): void {
  while (bytes.length % width !== 0) bytes.push(0);
}
