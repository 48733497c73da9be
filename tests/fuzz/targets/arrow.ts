/**
 * Label maps in Arrow IPC: files of this project, one without its footer, which is a stream, and a stream of pyarrow, whose
 * lists have offsets.
 *
 * @module
 */

import type { Region, Sample, Target } from "../sample.ts";
import { labelMapFile, readLabelMaps, smallLabelMaps } from "./label_maps.ts";
import { positionOf, rewriteJsonInPlace } from "./parquet.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Where a file's metadata begins and how it ends. */
const [METADATA_START, METADATA_END] = ['{"version":1', '"layout":"hw"}'].map((text) => new TextEncoder().encode(text));

/** Label maps in Arrow. */
export const arrow: Target = {
  samples() {
    const own = smallLabelMaps().map(({ name, metadata, rows }) => ({
      name,
      bytes: labelMapFile(metadata, rows, "arrow"),
    }));
    const [fp32] = own;
    const others = [
      { name: "stream", bytes: fp32.bytes.slice(8, footerOf(fp32.bytes).start) },
      { name: "pyarrow", bytes: Deno.readFileSync(PYARROW) },
    ];
    return [...own, ...others].map(({ name, bytes }): Sample => {
      const place = {
        start: positionOf(bytes, METADATA_START),
        end: positionOf(bytes, METADATA_END) + METADATA_END.length,
      };
      return {
        name: `${name}.arrow`,
        bytes,
        regions: regionsOf(bytes),
        rewrites: [(random) => rewriteJsonInPlace(bytes, place, random)],
      };
    });
  },
  read: readLabelMaps,
};

const PYARROW = new URL("../../formats/labels/fixtures/pyarrow_lists.arrows", import.meta.url);

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
