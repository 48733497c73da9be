import { assertEquals, assertThrows } from "@std/assert";
import { decodeDeltas, decodeWideDeltas } from "../../../../../formats/columns/parquet/decode/delta.ts";

/** The example of the format's specification: 7, 5, 3, 1, 2, 3, 4, 5 in a block of 128 in 4 parts. */
const EXAMPLE = Uint8Array.of(0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0xc0, 0x3f, 0, 0, 0, 0, 0, 0);
const VALUES = [7, 5, 3, 1, 2, 3, 4, 5];

Deno.test("decodeDeltas() and decodeWideDeltas() read the specification's example", () => {
  assertEquals([...decodeDeltas(EXAMPLE, 8).values], VALUES);
  assertEquals([...decodeWideDeltas(EXAMPLE, 8)], VALUES.map(BigInt));
});

Deno.test("decodeWideDeltas() reads differences of 64 bits, modulo 2^64", () => {
  const [first, second] = [-(2n ** 63n), 2n ** 63n - 1n];
  // A block of 8 in one part: the least difference is 0, the one stored 2^64 - 1 in 64 bits, which is -1.
  const zigzag = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];
  const packed = [...Array(8).fill(0xff), ...Array(56).fill(0)];
  const bytes = Uint8Array.of(8, 1, 2, ...zigzag, 0, 64, ...packed);
  assertEquals([...decodeWideDeltas(bytes, 2)], [first, second]);
});

Deno.test("decodeWideDeltas() refuses other numbers, widths and ends", () => {
  const changed = (index: number, value: number) => EXAMPLE.with(index, value);
  assertThrows(() => decodeWideDeltas(EXAMPLE, 9), RangeError, "8 differences, expected 9");
  assertThrows(() => decodeWideDeltas(changed(6, 65), 8), RangeError, "differences of 65 bits");
  assertThrows(() => decodeWideDeltas(EXAMPLE.subarray(0, 11), 8), RangeError, "a block ends too early");
  assertThrows(() => decodeWideDeltas(EXAMPLE.subarray(0, 5), 8), RangeError, "a block ends too early");
  assertThrows(() => decodeWideDeltas(changed(2, 3), 8), RangeError, "blocks of 128 differences in 3 parts");
});
