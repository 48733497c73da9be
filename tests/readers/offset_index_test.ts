import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parquetMetadata, parquetReadObjects } from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { createLabelMapFile, labelMapTypes } from "../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "../formats/labels/fixture.ts";

for (const dtype of labelMapTypes) {
  Deno.test(`hyparquet reads of one row of ${dtype} maps one page a column, by the offset index`, async () => {
    const path = join(Deno.makeTempDirSync(), "part-00000.parquet");
    const writer = createLabelMapFile(path, fixtureMetadata(dtype));
    const rows = fixtureRows(dtype);
    for (const row of [...rows, ...rows]) writer.append(row);
    writer.finish();
    const { buffer } = Deno.readFileSync(path);
    const metadata = parquetMetadata(buffer);
    for (const { columns } of metadata.row_groups) {
      assertEquals(columns.map(({ offset_index_length }) => offset_index_length! > 0), columns.map(() => true));
    }
    let read = 0;
    const file = {
      byteLength: buffer.byteLength,
      slice(start: number, end?: number) {
        const bytes = buffer.slice(start, end);
        read += bytes.byteLength;
        return bytes;
      },
    };
    const options = { file, metadata, compressors, useOffsetIndex: true };
    for (const index of [0, 300, 511]) {
      read = 0;
      const [row] = await parquetReadObjects({ ...options, rowStart: index, rowEnd: index + 1 });
      const { key, label, class: classes, topClass } = rows[index % 256];
      assertEquals([row.key, row.label, row.class, row.top_class], [key, label, [...classes], [...topClass]]);
      // Scores of float32 have one page in a group of 256 rows, half of the file.
      assert(read < buffer.byteLength * (dtype === "fp32" ? 1 / 2 : 1 / 8), `${read} of ${buffer.byteLength} bytes`);
    }
  });
}
