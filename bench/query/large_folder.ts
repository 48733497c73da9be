/**
 * A folder of label maps as large as ImageNet's, in a minute.
 *
 * Maps repeat: they are those of `tests/fixtures/lite0/maps475.safetensors`, 256 in a row group, whose columns `class` and
 * `score` are encoded once and written again and again. The other columns differ from row to row: keys in natural order,
 * a thousand classes of equally many images, and for the whole image five classes of which the best is the label, except
 * in every tenth image. Their probabilities fall by a constant factor, 256 different ones: u, u (1 - u), u (1 - u)^2, ...
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { createWholeFile } from "../../formats/base/files.ts";
import {
  type ClassNames,
  type FinishedPart,
  formatManifest,
  type LabelMapMetadata,
  type LabelMapRow,
  partName,
} from "../../formats/labels/mod.ts";
import { type ColumnChunk, encodeColumn } from "../../formats/columns/parquet/encode/column.ts";
import { encodeFooter, type RowGroup } from "../../formats/columns/parquet/encode/footer.ts";
import { MAGIC } from "../../formats/columns/parquet/format.ts";
import { labelMapColumns, rowGroupColumns } from "../../formats/labels/label_map_columns.ts";
import { DEFAULT_ROWS_PER_FILE } from "../../pipeline/label_folder/fill_folder.ts";
import { fixtureMetadata, fixtureRows } from "../../tests/formats/labels/fixture.ts";

/** Rows of a row group, as many as there are different maps. */
const GROUP_ROWS = 256;

/** A folder that was written. */
export interface LargeFolder {
  readonly metadata: LabelMapMetadata;
  /** The row at an index, as it is in the folder. */
  row(index: number): LabelMapRow;
  /** Of all files. */
  readonly bytes: number;
}

/**
 * Writes a folder.
 *
 * @param path An empty folder.
 * @param rowCount Images, a thousand or more.
 * @param classes What the 1,000 classes are called, with WordNet identifiers.
 * @returns What was written.
 */
export function writeLargeFolder(path: string, rowCount: number, classes: ClassNames): LargeFolder {
  const metadata = fixtureMetadata("fp8_e4m3");
  const columns = labelMapColumns(metadata);
  const maps = fixtureRows(metadata.dtype);
  const row = (index: number): LabelMapRow => {
    const map = index % DEFAULT_ROWS_PER_FILE % GROUP_ROWS;
    const [best, ...others] = maps[map].topClass;
    const label = Math.floor(index * metadata.classes / rowCount);
    const shift = index % 10 === 9 ? 0 : metadata.classes + label - best;
    const confidence = (map * 7 % GROUP_ROWS + 1) / (GROUP_ROWS + 1);
    return {
      ...maps[map],
      key: `${classes.wnid![label]}/${classes.wnid![label]}_${index + 1}.JPEG`,
      label,
      topClass: Uint16Array.from([best, ...others], (value) => (value + shift) % metadata.classes),
      topProbability: Float32Array.from({ length: 5 }, (_, rank) => confidence * (1 - confidence) ** rank),
    };
  };

  const mapChunks = new Map<string, ColumnChunk>();
  const encodeGroup = (first: number, count: number): ColumnChunk[] => {
    const rows = Array.from({ length: count }, (_, index) => row(first + index));
    return rowGroupColumns(rows, metadata).map((column, index) => {
      const { name } = columns[index];
      if (name !== "class" && name !== "score") return encodeColumn(column);
      const chunk = mapChunks.get(`${name} ${count}`) ?? encodeColumn(column);
      mapChunks.set(`${name} ${count}`, chunk);
      return chunk;
    });
  };

  const writePart = (part: number): FinishedPart => {
    const first = part * DEFAULT_ROWS_PER_FILE;
    const end = Math.min(first + DEFAULT_ROWS_PER_FILE, rowCount);
    const name = partName(part);
    const file = createWholeFile(join(path, name), `Cannot write "${name}"`);
    const groups: RowGroup[] = [];
    const hash = createHash("sha256");
    let offset = 0;
    const write = (bytes: Uint8Array) => {
      file.write([bytes]);
      hash.update(bytes);
      offset += bytes.length;
    };
    write(MAGIC);
    for (let start = first; start < end; start += GROUP_ROWS) {
      const rows = Math.min(GROUP_ROWS, end - start);
      const chunks = encodeGroup(start, rows).map(({ bytes, ...chunk }) => {
        const position = { ...chunk, offset, compressedBytes: bytes.length };
        write(bytes);
        return position;
      });
      groups.push({ rows, chunks });
    }
    write(encodeFooter(columns, groups, [["relabel", JSON.stringify(metadata)]]));
    file.finish();
    return { part, file: name, rows: end - first, rejected: 0, bytes: offset, sha256: hash.digest("hex") };
  };

  const partCount = Math.ceil(rowCount / DEFAULT_ROWS_PER_FILE);
  const parts = Array.from({ length: partCount }, (_, part) => writePart(part));
  const manifest = formatManifest({
    version: 1,
    configuration: { metadata, rowsPerFile: DEFAULT_ROWS_PER_FILE },
    parts,
    classes,
    dataSetClasses: classes,
  });
  Deno.writeTextFileSync(join(path, "manifest.json"), manifest);
  return { metadata, row, bytes: parts.reduce((sum, { bytes }) => sum + bytes, manifest.length) };
}
