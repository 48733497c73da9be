import { assertEquals } from "@std/assert";
import { sourceOfBytes } from "../../../formats/base/byte_source.ts";
import { readZipDirectory } from "../../../formats/weights/zip.ts";
import { writeZip } from "../../../formats/weights/zip_writer.ts";

Deno.test("writeZip() writes entries that the reader finds, with their checksums", () => {
  const contents = { "a/first": "123456789", "a/empty": "", "a/third": "z".repeat(100) };
  const encoder = new TextEncoder();
  const bytes = writeZip(Object.entries(contents).map(([name, text]) => [name, encoder.encode(text)]));
  const entries = readZipDirectory(sourceOfBytes("a.zip", bytes));
  assertEquals([...entries.keys()], Object.keys(contents));
  for (const [name, { offset, length }] of entries) {
    assertEquals(offset % 64, 0);
    const text = new TextDecoder().decode(bytes.subarray(offset, offset + length));
    assertEquals(text, contents[name as keyof typeof contents]);
  }
  // The CRC-32 of the nine digits is the one that its definition gives as its check.
  assertEquals(new DataView(bytes.buffer).getUint32(14, true), 0xcbf43926);
});

Deno.test("writeZip() gives the same bytes for the same entries", () => {
  const entry = ["a", Uint8Array.of(1, 2)] as const;
  assertEquals(writeZip([entry]), writeZip([entry]));
});
