import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { decodeFlatbuffer } from "../../../formats/columns/arrow/decode/flatbuffer.ts";
import { decodeFooter } from "../../../formats/columns/parquet/decode/footer.ts";
import { createLabelMapFile, openLabelMaps } from "../../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "./fixture.ts";

const METADATA = smallMetadata();

function smallFile(): string {
  const path = join(Deno.makeTempDirSync(), "a.parquet");
  const writer = createLabelMapFile(path, METADATA);
  for (let index = 0; index < 4; index++) writer.append(smallRow(index, METADATA));
  writer.finish();
  return path;
}

async function read(path: string): Promise<unknown[]> {
  const labelMaps = await openLabelMaps(path);
  try {
    return await Array.fromAsync(labelMaps.rows());
  } finally {
    labelMaps.close();
  }
}

Deno.test("LabelMaps refuses a null where only labels may be null", async () => {
  const from = smallFile();
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  for (const column of ["key", "width", "height"]) {
    const path = join(Deno.makeTempDirSync(), "b.parquet");
    await connection.run(
      `COPY (SELECT * REPLACE (CASE WHEN width = 102 THEN NULL ELSE ${column} END AS ${column}) FROM read_parquet('${from}'))
      TO '${path}' (FORMAT parquet, KV_METADATA {relabel: '${JSON.stringify(METADATA)}'})`,
    );
    await assertRejects(
      () => read(path),
      TypeError,
      `Cannot read label map "${path}": column "${column}" of row group 0 is damaged: a value is null`,
    );
  }
  connection.closeSync();
  instance.closeSync();
});

Deno.test("LabelMaps sees any bit that is flipped in a page, by the checksum at its end", async () => {
  const path = smallFile();
  const whole = Deno.readFileSync(path);
  const rows = await read(path);
  const footer = whole.length - 8 - new DataView(whole.buffer).getUint32(whole.length - 8, true);
  const { offset, compressedBytes } = decodeFooter(whole.subarray(footer, -8), footer).groups.at(-1)!.chunks.at(-1)!;
  // The offset index, between pages and footer, is for others.
  const pages = offset + compressedBytes;
  let refused = 0;
  for (let position = 4; position < footer; position++) {
    const damaged = whole.slice();
    damaged[position] ^= 1 << position % 8;
    Deno.writeFileSync(path, damaged);
    // What is not refused was read as it is: some bits say nothing.
    const found = await read(path).catch((error: Error) => error);
    if (found instanceof Error && position < pages) refused++;
    else assertEquals(found, rows, `byte ${position}`);
  }
  assertEquals(refused > 0.9 * (pages - 4), true, `${refused} of ${pages - 4} damaged bytes were refused`);
});

Deno.test("decodeFlatbuffer() refuses what refers to bytes outside", () => {
  const refusal = (bytes: number[]) => assertThrows(() => decodeFlatbuffer(Uint8Array.from(bytes)), RangeError).message;
  assertEquals(refusal([]), "byte 0 of a flatbuffer of 0 bytes is referred to");
  assertEquals(refusal([200, 0, 0, 0]), "byte 200 of a flatbuffer of 4 bytes is referred to");
  assertEquals(refusal([4, 0, 0, 0, 9, 0, 0, 0]), "byte -5 of a flatbuffer of 8 bytes is referred to");
});
