/**
 * Flatbuffers, as far as Arrow's messages and footer need them: how bytes become tables.
 *
 * @module
 * @see https://flatbuffers.dev/internals/
 */

import { numberOf } from "../../../base/number_of.ts";

/** A table in its bytes. Slots that are not there have defaults; what lies beyond the bytes is a RangeError. */
export interface FlatTable {
  /** An integer of 1, 2, 4 or 8 bytes, signed, 0 if it is not there. */
  int(slot: number, bytes: 1 | 2 | 4 | 8): number;
  string(slot: number): string | undefined;
  table(slot: number): FlatTable | undefined;
  /** A list of tables, empty if it is not there. */
  tables(slot: number): FlatTable[];
  /** A list of structures of integers of 8 bytes, empty if it is not there. */
  structs(slot: number, integers: number): number[][];
}

/**
 * Reads the table that a flatbuffer holds.
 *
 * @param bytes The flatbuffer.
 * @returns The table.
 * @throws {RangeError} If there is none.
 */
export function decodeFlatbuffer({ buffer, byteOffset, byteLength }: Uint8Array): FlatTable {
  const view = new DataView(buffer, byteOffset, byteLength);
  return tableAt(view, unsigned(view, 0, 4));
}

function tableAt(view: DataView, start: number): FlatTable {
  const directory = start - integer(view, start, 4);
  const directoryBytes = unsigned(view, directory, 2);

  /** Where a field is, undefined if it is not there. */
  function place(slot: number): number | undefined {
    if (4 + 2 * slot >= directoryBytes) return undefined;
    const step = unsigned(view, directory + 4 + 2 * slot, 2);
    return step === 0 ? undefined : start + step;
  }

  /** Where what a field refers to is. */
  function target(slot: number): number | undefined {
    const field = place(slot);
    return field === undefined ? undefined : field + unsigned(view, field, 4);
  }

  /** Where a list's elements begin, and their number. */
  function elements(slot: number, width: number): { first: number; count: number } {
    const start = target(slot);
    if (start === undefined) return { first: 0, count: 0 };
    const count = unsigned(view, start, 4);
    const first = start + 4;
    if (first + count * width > view.byteLength) throw new RangeError(`a list of ${count} ends after its bytes`);
    return { first, count };
  }

  return {
    int(slot, bytes) {
      const field = place(slot);
      return field === undefined ? 0 : integer(view, field, bytes);
    },
    string(slot) {
      if (place(slot) === undefined) return undefined;
      const { first, count } = elements(slot, 1);
      return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + first, count));
    },
    table(slot) {
      const start = target(slot);
      return start === undefined ? undefined : tableAt(view, start);
    },
    tables(slot) {
      const { first, count } = elements(slot, 4);
      return Array.from({ length: count }, (_, index) => {
        const field = first + 4 * index;
        return tableAt(view, field + unsigned(view, field, 4));
      });
    },
    structs(slot, integers) {
      const { first, count } = elements(slot, 8 * integers);
      return Array.from(
        { length: count },
        (_, index) =>
          Array.from({ length: integers }, (_, part) => integer(view, first + 8 * (index * integers + part), 8)),
      );
    },
  };
}

/** What reads signed integers of so many bytes. */
const READERS = { 1: "getInt8", 2: "getInt16", 4: "getInt32", 8: "getBigInt64" } as const;

function integer(view: DataView, place: number, bytes: 1 | 2 | 4 | 8): number {
  check(view, place, bytes);
  return Number(view[READERS[bytes]](place, true));
}

function unsigned(view: DataView, place: number, bytes: 2 | 4): number {
  check(view, place, bytes);
  return bytes === 2 ? view.getUint16(place, true) : view.getUint32(place, true);
}

function check({ byteLength }: DataView, place: number, bytes: number): void {
  if (place < 0 || place + bytes > byteLength) {
    throw new RangeError(`byte ${place} of a flatbuffer of ${numberOf(byteLength, "byte")} is referred to`);
  }
}
