/**
 * Label maps in Arrow IPC: files of this project, one without its footer, which is a stream, and one of Flechette, whose
 * lists have offsets.
 *
 * @module
 */

import {
  columnFromArray,
  float32,
  int32,
  list,
  tableFromColumns,
  tableToIPC,
  uint16,
  uint8,
  utf8,
} from "@uwdata/flechette";
import type { LabelMapMetadata, LabelMapRow } from "../../../formats/labels/mod.ts";
import type { Region, Sample, Target } from "../sample.ts";
import { labelMapFile, readLabelMaps, smallLabelMaps } from "./label_maps.ts";
import { positionOf, rewriteJsonInPlace } from "./parquet.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Label maps in Arrow. */
export const arrow: Target = {
  samples() {
    const small = smallLabelMaps();
    const own = small.map(({ name, metadata, rows }) => ({
      name,
      metadata,
      bytes: labelMapFile(metadata, rows, "arrow"),
    }));
    const [fp32, , fp8] = own;
    const { start } = footerOf(fp32.bytes);
    const others = [
      { ...fp32, name: "stream", bytes: fp32.bytes.slice(8, start) },
      { ...fp8, name: "flechette", bytes: writeWithFlechette(fp8.metadata, small[2].rows) },
    ];
    return [...own, ...others].map(({ name, metadata, bytes }): Sample => {
      const json = new TextEncoder().encode(JSON.stringify(metadata));
      const position = positionOf(bytes, json);
      return {
        name: `${name}.arrow`,
        bytes,
        regions: regionsOf(bytes),
        rewrites: [(random) => rewriteJsonInPlace(bytes, { start: position, end: position + json.length }, random)],
      };
    });
  },
  read: readLabelMaps,
};

/** The same columns, of which those of lists have lists of any length. */
function writeWithFlechette(metadata: LabelMapMetadata, rows: readonly LabelMapRow[]): Bytes {
  const column = <Value>(type: Parameters<typeof columnFromArray>[1], value: (row: LabelMapRow) => Value) =>
    columnFromArray(rows.map(value), type);
  const table = tableFromColumns({
    key: column(utf8(), ({ key }) => key),
    label: column(int32(), ({ label }) => label),
    width: column(int32(), ({ width }) => width),
    height: column(int32(), ({ height }) => height),
    class: column(list(uint16()), (row) => row.class),
    score: column(list(uint8()), ({ score }) => score),
    top_class: column(list(uint16()), ({ topClass }) => topClass),
    top_probability: column(list(float32()), ({ topProbability }) => topProbability),
  });
  table.schema.metadata = new Map([["relabel", JSON.stringify(metadata)]]);
  return Uint8Array.from(tableToIPC(table, { format: "file" })!);
}

/** Of a file; a stream has none. */
function footerOf(bytes: Bytes): Region {
  const end = bytes.length - 10;
  return { name: "footer", start: end - new DataView(bytes.buffer).getInt32(end, true), end };
}

/** The messages, which begin with four bytes of ones and a length, and the footer. */
function regionsOf(bytes: Bytes): Region[] {
  const view = new DataView(bytes.buffer);
  const isFile = bytes[0] === "A".charCodeAt(0);
  const footer = isFile ? [footerOf(bytes), { name: "end", start: bytes.length - 10, end: bytes.length }] : [];
  const end = isFile ? footer[0].start : bytes.length;
  const messages: Region[] = [];
  for (let position = isFile ? 8 : 0; position + 8 < end; position += 8) {
    if (view.getUint32(position, true) !== 0xffffffff) continue;
    const length = view.getInt32(position + 4, true);
    if (length <= 0 || position + 8 + length > end) continue;
    messages.push({ name: `message ${messages.length}`, start: position, end: position + 8 + length });
  }
  return [...footer, ...messages];
}
