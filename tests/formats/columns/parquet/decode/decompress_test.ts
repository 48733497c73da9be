import { assertEquals, assertThrows } from "@std/assert";
import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { decompress } from "../../../../../formats/columns/parquet/decode/decompress.ts";
import { CODECS } from "../../../../../formats/columns/parquet/format.ts";

const bytesOf = (...bytes: number[]) => Uint8Array.from(bytes);
const A = "a".charCodeAt(0);
const TEN = new Uint8Array(10).fill(A);
const TWENTY = new Uint8Array(20).fill(A);
/** One literal, and a copy of nine bytes from one before. */
const SNAPPY = bytesOf(10, 0, A, 21, 1);
/** One literal, a match of fourteen bytes from one before, and five literals. */
const LZ4 = bytesOf(0x1a, A, 1, 0, 0x50, A, A, A, A, A);

Deno.test("decompress() reads each codec, copies that overlap what they write among them", () => {
  assertEquals(decompress(SNAPPY, CODECS.SNAPPY, 10), TEN);
  // Literals of a length in a byte of its own, and copies with distances of two and four bytes.
  const literal = Array.from({ length: 70 }, (_, index) => index);
  const long = bytesOf(78, 0xf0, 69, ...literal, 0x0e, 70, 0, 0x0f, 4, 0, 0, 0);
  assertEquals(decompress(long, CODECS.SNAPPY, 78), bytesOf(...literal, 0, 1, 2, 3, 0, 1, 2, 3));
  assertEquals(decompress(LZ4, CODECS.LZ4_RAW, 20), TWENTY);
  assertEquals(decompress(LZ4, CODECS.LZ4, 20), TWENTY);
  // As Hadoop writes it, in two blocks with their sizes.
  const block = [0, 0, 0, 20, 0, 0, 0, LZ4.length, ...LZ4];
  assertEquals(decompress(bytesOf(...block, ...block), CODECS.LZ4, 40), new Uint8Array(40).fill(A));
  assertEquals(decompress(new Uint8Array(zstdCompressSync(TEN)), CODECS.ZSTD, 10), TEN);
  assertEquals(decompress(new Uint8Array(gzipSync(TEN)), CODECS.GZIP, 10), TEN);
  assertEquals(decompress(new Uint8Array(brotliCompressSync(TEN)), CODECS.BROTLI, 10), TEN);
  assertEquals(decompress(TEN, CODECS.UNCOMPRESSED, 10), TEN);
});

Deno.test("decompress() refuses what becomes more or less than the header says, before it asks for the memory", () => {
  const huge = 2 ** 52;
  for (const codec of [CODECS.ZSTD, CODECS.GZIP, CODECS.BROTLI] as const) {
    const pack =
      { [CODECS.ZSTD]: zstdCompressSync, [CODECS.GZIP]: gzipSync, [CODECS.BROTLI]: brotliCompressSync }[codec];
    const packed = new Uint8Array(pack(TEN));
    assertThrows(() => decompress(packed, codec, 9), RangeError);
    assertThrows(() => decompress(packed, codec, 11), RangeError, "a page has 10 bytes, its header says 11");
    assertThrows(() => decompress(packed.subarray(0, packed.length - 1), codec, 10), RangeError);
  }
  const cases: [Uint8Array, number, number, string][] = [
    [SNAPPY, CODECS.SNAPPY, 11, "a page has 10 bytes, its header says 11"],
    [bytesOf(0xff, 0xff, 0xff, 0xff, 0x7f, 0, A), CODECS.SNAPPY, 2 ** 35 - 1, "a page of 7 bytes cannot become"],
    [SNAPPY.subarray(0, 4), CODECS.SNAPPY, 10, "a compressed page ends too early"],
    [SNAPPY.subarray(0, 3), CODECS.SNAPPY, 10, "a page has 1 byte, its header says 10"],
    [bytesOf(10, 0, A, 21, 2), CODECS.SNAPPY, 10, "refers to what is before its beginning"],
    [bytesOf(10, 0, A, 21, 0), CODECS.SNAPPY, 10, "refers to what is before its beginning"],
    [bytesOf(9, 0, A, 21, 1), CODECS.SNAPPY, 9, "is longer than its header says"],
    [bytesOf(128, 128, 128, 128, 128, 1), CODECS.SNAPPY, 10, "a compressed page has no length"],
    [bytesOf(), CODECS.SNAPPY, 10, "a compressed page has no length"],
    [LZ4, CODECS.LZ4_RAW, 21, "a page has 20 bytes, its header says 21"],
    [LZ4, CODECS.LZ4_RAW, 19, "is longer than its header says"],
    [LZ4, CODECS.LZ4_RAW, huge, "a page of 10 bytes cannot become"],
    [LZ4.subarray(0, 7), CODECS.LZ4_RAW, 20, "a compressed page ends too early"],
    [bytesOf(0x1a, A, 2, 0, 0x50, A, A, A, A, A), CODECS.LZ4_RAW, 20, "refers to what is before its beginning"],
    [TEN, CODECS.UNCOMPRESSED, 11, "a page has 10 bytes, its header says 11"],
    [TEN, 3, 10, "compression codec 3 is not read here"],
  ];
  for (const [bytes, codec, size, message] of cases) {
    assertThrows(() => decompress(bytes, codec, size), RangeError, message);
  }
});
