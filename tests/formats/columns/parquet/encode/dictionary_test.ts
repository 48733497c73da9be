import { assertEquals } from "@std/assert";
import { encodeDictionary, packIndices, shellCode } from "../../../../../formats/columns/parquet/encode/dictionary.ts";

Deno.test("shellCode() gives every rank a code of its own, frequent ones small bytes", () => {
  const codes = Array.from({ length: 65536 }, (_, rank) => shellCode(rank));
  assertEquals(codes.slice(0, 9), [0x0000, 0x0001, 0x0100, 0x0101, 0x0002, 0x0102, 0x0200, 0x0201, 0x0202]);
  assertEquals(new Set(codes).size, 65536);
  codes.forEach((code, rank) => assertEquals(Math.max(code >> 8, code & 255), Math.floor(Math.sqrt(rank))));
});

Deno.test("encodeDictionary() sorts by frequency, then by value", () => {
  const codes = Uint8Array.of(1, 0, 0, 2, 1);
  assertEquals(encodeDictionary(Uint16Array.of(7, 3, 3, 900, 7)), { dictionary: [3, 7, 900], codes });
  assertEquals(encodeDictionary(new Uint8Array(0)), { dictionary: [], codes: new Uint8Array(0) });
});

Deno.test("packIndices() pads the run to groups of 8", () => {
  assertEquals(packIndices(Uint8Array.of(1, 0, 0, 2, 1)), Uint8Array.of(8, 3, 1, 0, 0, 2, 1, 0, 0, 0));
  assertEquals(packIndices(Uint16Array.of(258)), Uint8Array.of(16, 3, 2, 1, ...new Array(14).fill(0)));
  assertEquals(packIndices(new Uint8Array(0)), Uint8Array.of(8, 1));
});

Deno.test("encodeDictionary() lays more than 256 values on the square of both bytes", () => {
  const { dictionary, codes } = encodeDictionary(Uint32Array.from({ length: 304 }, (_, index) => index * 1000))!;
  assertEquals(codes.slice(0, 4), Uint16Array.of(0, 1, 256, 257));
  codes.forEach((code, index) => assertEquals(dictionary[code], index * 1000));
});

Deno.test("encodeDictionary() has no codes for more than 65,536 values", () => {
  const values = Uint32Array.from({ length: 65537 }, (_, index) => index);
  assertEquals(encodeDictionary(values), undefined);
  assertEquals(encodeDictionary(values.subarray(1))!.codes.length, 65536);
});
