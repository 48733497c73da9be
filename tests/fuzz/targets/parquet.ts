/**
 * Label maps in Parquet: files of this project, and the same columns written by DuckDB, whose pages are not compressed, so
 * that levels, dictionaries and values are reached behind their headers.
 *
 * @module
 */

import { DuckDBInstance } from "@duckdb/node-api";
import { join } from "@std/path";
import { decodeFileMetadata } from "../../../formats/columns/parquet/decode/footer.ts";
import { findPages } from "../../../formats/columns/parquet/decode/page.ts";
import { mutateJson } from "../json_mutations.ts";
import type { Random } from "../random.ts";
import type { Region, Rewrite, Sample, Target } from "../sample.ts";
import { labelMapFile, readLabelMaps, smallLabelMaps } from "./label_maps.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Label maps in Parquet. */
export const parquet: Target = {
  async samples() {
    const own = smallLabelMaps().map(({ name, metadata, rows }) => ({
      name,
      bytes: labelMapFile(metadata, rows, "parquet"),
    }));
    const [fp32, , fp8] = own;
    const others = [
      await rewriteWithDuckDB(fp32.bytes, "COMPRESSION uncompressed"),
      await rewriteWithDuckDB(fp8.bytes, "COMPRESSION uncompressed, PARQUET_VERSION V2"),
      await rewriteWithDuckDB(fp32.bytes, "COMPRESSION snappy, PARQUET_VERSION V2"),
    ].map((bytes, index) => ({ name: `duckdb ${index}`, bytes }));
    return [...own, ...others].map(({ name, bytes }): Sample => ({
      name: `${name}.parquet`,
      bytes,
      regions: regionsOf(bytes),
      rewrites: [(random) => rewriteMetadata(bytes, random), (random) => resizeFooter(bytes, random)],
    }));
  },
  read: readLabelMaps,
};

/** The same table as DuckDB writes it. */
async function rewriteWithDuckDB(bytes: Bytes, options: string): Promise<Bytes> {
  const entry = metadataOf(bytes).entries.get("relabel")!;
  const folder = Deno.makeTempDirSync();
  const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  const connection = await instance.connect();
  try {
    const [from, to] = [join(folder, "a.parquet"), join(folder, "b.parquet")];
    Deno.writeFileSync(from, bytes);
    await connection.run(
      `COPY (SELECT * FROM read_parquet('${from}')) TO '${to}' ` +
        `(FORMAT parquet, ${options}, KV_METADATA {relabel: '${entry.replaceAll("'", "''")}'})`,
    );
    return Deno.readFileSync(to);
  } finally {
    connection.closeSync();
    instance.closeSync();
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Bytes that a page header may have. */
const HEADER = 24;

/** Where the footer of a file is. */
export function footerOf(bytes: Bytes): Region {
  const end = bytes.length - 8;
  return { name: "footer", start: end - new DataView(bytes.buffer).getUint32(end, true), end };
}

function metadataOf(bytes: Bytes) {
  const { start, end } = footerOf(bytes);
  return decodeFileMetadata(bytes.subarray(start, end), start);
}

function regionsOf(bytes: Bytes): Region[] {
  const footer = footerOf(bytes);
  const regions = [footer, footer, { name: "footer length", start: footer.end, end: footer.end + 4 }];
  const { columns, groups } = metadataOf(bytes);
  const file = {
    size: bytes.length,
    read: (offset: number, length: number) => bytes.slice(offset, offset + length),
    close: () => {},
  };
  for (const { chunks } of groups) {
    for (const [column, chunk] of chunks.entries()) {
      const { name } = columns[column];
      const [start, end] = [chunk.offset, chunk.offset + chunk.compressedBytes];
      regions.push({ name: `header of ${name}`, start, end: start + HEADER });
      const { dictionary } = findPages(file, chunk);
      if (dictionary) {
        const start = dictionary.offset + dictionary.compressedBytes;
        regions.push({ name: `data header of ${name}`, start, end: start + HEADER });
      }
      regions.push({ name: `pages of ${name}`, start, end });
    }
  }
  return regions;
}

/** Other values in the metadata's JSON, padded so that no length changes. */
function rewriteMetadata(bytes: Bytes, random: Random): Rewrite {
  const entry = metadataOf(bytes).entries.get("relabel")!;
  const position = positionOf(bytes, new TextEncoder().encode(entry));
  return rewriteJsonInPlace(bytes, { start: position, end: position + entry.length }, random);
}

/**
 * Other values in JSON that stands in a file, padded with spaces so that no length around it changes.
 *
 * @param bytes The file.
 * @param place Where the JSON is.
 * @param random The case's choices.
 * @returns The file with other JSON.
 */
export function rewriteJsonInPlace(
  bytes: Bytes,
  { start, end }: { start: number; end: number },
  random: Random,
): Rewrite {
  const { text, what } = mutateJson(new TextDecoder().decode(bytes.subarray(start, end)), random);
  const changed = bytes.slice();
  changed.set(new TextEncoder().encode(text.padEnd(end - start)).subarray(0, end - start), start);
  return { bytes: changed, what };
}

/** Where some bytes last stand among others. */
export function positionOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let position = bytes.length - wanted.length; position >= 0; position--) {
    if (wanted.every((byte, index) => bytes[position + index] === byte)) return position;
  }
  throw new RangeError(`Cannot find ${wanted.length} bytes in a sample`);
}

/** Some bytes of the footer removed or doubled, and its length put right. */
export function resizeFooter(bytes: Bytes, random: Random): Rewrite {
  const { start, end } = footerOf(bytes);
  const first = start + random.below(end - start);
  const last = first + 1 + random.below(Math.min(40, end - first));
  const isRemoved = random.once(2);
  const footer = [
    ...bytes.subarray(start, isRemoved ? first : last),
    ...bytes.subarray(isRemoved ? last : first, end),
  ];
  const changed = new Uint8Array(start + footer.length + 8);
  changed.set(bytes.subarray(0, start));
  changed.set(footer, start);
  changed.set(bytes.subarray(end), start + footer.length);
  new DataView(changed.buffer).setUint32(start + footer.length, footer.length, true);
  return { bytes: changed, what: `bytes ${first} to ${last} of the footer ${isRemoved ? "removed" : "doubled"}` };
}
