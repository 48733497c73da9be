import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { tableFromIPC } from "@uwdata/flechette";
import {
  createLabelMapFile,
  dequantise,
  type LabelMapMetadata,
  type LabelMapRow,
  labelMapTypes,
} from "../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows, smallMetadata, smallRow } from "../formats/labels/fixture.ts";

/** Writes rows to a new file and gives its bytes. */
function writeRows(rows: readonly LabelMapRow[], metadata: LabelMapMetadata): Uint8Array {
  const path = join(Deno.makeTempDirSync(), "part-00000.arrow");
  const writer = createLabelMapFile(path, metadata);
  for (const row of rows) writer.append(row);
  writer.finish();
  return Deno.readFileSync(path);
}

/** A row as flechette gives it. */
function plainRow(row: LabelMapRow, { dtype }: LabelMapMetadata) {
  return {
    key: row.key,
    label: row.label,
    width: row.width,
    height: row.height,
    class: row.class,
    score: dtype === "fp16" ? [...dequantise(row.score, dtype)] : row.score,
    top_class: row.topClass,
    top_probability: row.topProbability,
  };
}

for (const dtype of labelMapTypes) {
  Deno.test(`createLabelMapFile() writes an Arrow file of ${dtype} maps that flechette reads`, () => {
    const metadata = fixtureMetadata(dtype);
    const rows = fixtureRows(dtype).slice(0, 9);
    const table = tableFromIPC(writeRows(rows, metadata));
    assertEquals(JSON.parse(table.schema.metadata!.get("relabel")!), metadata);
    assertEquals([...table].map((row) => ({ ...row })), rows.map((row) => plainRow(row, metadata)));
  });
}

Deno.test("createLabelMapFile() writes Arrow record batches that do not grow with the file", () => {
  const metadata = smallMetadata({ grid: [64, 64] });
  const rows = Array.from({ length: 50 }, (_, index) => smallRow(index, metadata));
  const table = tableFromIPC(writeRows(rows, metadata));
  assertEquals(table.getChild("key")!.data.map(({ length }) => length), [23, 23, 4]);
  assertEquals([...table].map((row) => ({ ...row })), rows.map((row) => plainRow(row, metadata)));
});

Deno.test("createLabelMapFile() writes an Arrow file of no rows, and makes the same bytes of the same rows", () => {
  const metadata = smallMetadata();
  assertEquals(tableFromIPC(writeRows([], metadata)).numRows, 0);
  const rows = Array.from({ length: 20 }, (_, index) => smallRow(index, metadata));
  assertEquals(writeRows(rows, metadata), writeRows(rows, metadata));
});
