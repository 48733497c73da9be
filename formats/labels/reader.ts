/**
 * Reads label-map files: those written here, and those that hold the same columns and metadata.
 *
 * @module
 */

import { zstdDecompressSync } from "node:zlib";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { fileError } from "./files.ts";
import { toFloat16 } from "./float16.ts";
import { type Column, labelMapColumns } from "./columns.ts";
import {
  checkMetadata,
  classBits,
  type Classes,
  type LabelMapMetadata,
  type LabelMapRow,
  mapLength,
  type Scores,
} from "./types.ts";

/** A label-map file that is open for reading. */
export interface LabelMapReader {
  readonly path: string;
  readonly metadata: LabelMapMetadata;
  /** Number of rows. */
  readonly length: number;
  /**
   * One row. Rows near it come cheap: the row group it is in is kept until another is asked for.
   *
   * @throws {RangeError} If there is no such row.
   * @throws {TypeError} If a list of it has the wrong length.
   */
  row(index: number): Promise<LabelMapRow>;
  /** All rows in order. */
  rows(): AsyncIterable<LabelMapRow>;
  close(): void;
}

/**
 * Opens a label-map file.
 *
 * @param path The Parquet file.
 * @returns The reader; call `close` when done.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError | RangeError} If it is not a whole Parquet file, does not say that it holds label maps, or its
 * columns are not what its metadata says.
 */
export async function openLabelMapFile(path: string): Promise<LabelMapReader> {
  const subject = `Cannot read label map "${path}"`;
  const { file, buffer } = openBuffer(path, subject);
  try {
    const footer = await readFooter(buffer, subject);
    const metadata = readMetadata(footer, subject);
    checkColumns(footer, labelMapColumns(metadata), subject);
    return reader({ path, file, buffer, footer, metadata, subject });
  } catch (error) {
    file.close();
    throw error;
  }
}

/** A file as hyparquet reads it. */
function openBuffer(path: string, subject: string): { file: Deno.FsFile; buffer: AsyncBuffer } {
  try {
    const file = Deno.openSync(path);
    const byteLength = file.statSync().size;
    return {
      file,
      buffer: {
        byteLength,
        slice(start, end = byteLength) {
          const bytes = new Uint8Array(end - start);
          file.seekSync(start, Deno.SeekMode.Start);
          for (let read = 0; read < bytes.length;) {
            const count = file.readSync(bytes.subarray(read));
            if (count === null) throw new RangeError(`${subject}: it ends at byte ${start + read}, expected ${end}`);
            read += count;
          }
          return bytes.buffer;
        },
      },
    };
  } catch (error) {
    throw fileError(subject, error);
  }
}

async function readFooter(buffer: AsyncBuffer, subject: string): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer);
  } catch (error) {
    throw new TypeError(`${subject}: it is not a whole Parquet file: ${(error as Error).message}`, { cause: error });
  }
}

function readMetadata(footer: FileMetaData, subject: string): LabelMapMetadata {
  const text = footer.key_value_metadata?.find(({ key }) => key === "relabel")?.value;
  if (text === undefined) throw new TypeError(`${subject}: it has no metadata entry "relabel"`);
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new TypeError(`${subject}: its metadata entry "relabel" is not JSON`);
  }
  return checkMetadata(value, subject);
}

type SchemaTree = ReturnType<typeof parquetSchema>;

/** Refuses a file whose columns are not the expected ones. */
function checkColumns(footer: FileMetaData, columns: readonly Column[], subject: string): void {
  const { children } = parquetSchema(footer);
  for (const { name, type, shape } of columns) {
    const found = children.find(({ element }) => element.name === name);
    if (!found) throw new TypeError(`${subject}: column "${name}" is missing`);
    const expected = shape === "list" ? `list of ${type}` : type;
    const actual = describeType(found);
    if (actual !== expected) throw new TypeError(`${subject}: column "${name}" is ${actual}, expected ${expected}`);
  }
}

/** A column's type in this format's words, or in Parquet's where it has none: `list of uint16`, `int64`. */
function describeType({ element, children }: SchemaTree): string {
  const { type, logical_type: logical, converted_type: converted } = element;
  if (children.length > 0) {
    const leaf = children[0].children[0];
    return leaf && leaf.children.length === 0 ? `list of ${describeType(leaf)}` : "a structure";
  }
  if (type === "FLOAT") return "float32";
  if (type === "BYTE_ARRAY" && (logical?.type === "STRING" || converted === "UTF8")) return "utf8";
  if (type === "FIXED_LEN_BYTE_ARRAY" && logical?.type === "FLOAT16") return "float16";
  if (type === "INT32" && logical?.type === "INTEGER") return `${logical.isSigned ? "" : "u"}int${logical.bitWidth}`;
  if (type === "INT32" && converted?.includes("INT")) return converted.replace("_", "").toLowerCase();
  return String(type).toLowerCase();
}

function reader({ path, file, buffer, footer, metadata, subject }: {
  path: string;
  file: Deno.FsFile;
  buffer: AsyncBuffer;
  footer: FileMetaData;
  metadata: LabelMapMetadata;
  subject: string;
}): LabelMapReader {
  const ends: number[] = [];
  for (const group of footer.row_groups) ends.push((ends.at(-1) ?? 0) + Number(group.num_rows));
  const length = ends.at(-1) ?? 0;
  let group: { start: number; rows: Record<string, unknown>[] } = { start: 0, rows: [] };

  async function readGroup(index: number): Promise<typeof group> {
    const position = ends.findIndex((end) => index < end);
    const start = position === 0 ? 0 : ends[position - 1];
    try {
      const rows = await parquetReadObjects({
        file: buffer,
        metadata: footer,
        rowStart: start,
        rowEnd: ends[position],
        compressors: { ZSTD: (input) => new Uint8Array(zstdDecompressSync(input)) },
      });
      return { start, rows };
    } catch (error) {
      throw new TypeError(`${subject}: row group ${position} is damaged: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  async function row(index: number): Promise<LabelMapRow> {
    if (!Number.isInteger(index) || index < 0 || index >= length) {
      throw new RangeError(`${subject}: row ${index} is not among its ${length}`);
    }
    if (index < group.start || index >= group.start + group.rows.length) group = await readGroup(index);
    return typedRow(group.rows[index - group.start], metadata, subject);
  }

  return {
    path,
    metadata,
    length,
    row,
    async *rows() {
      for (let index = 0; index < length; index++) yield await row(index);
    },
    close: () => file.close(),
  };
}

/** A row of plain arrays as one of typed arrays. */
function typedRow(row: Record<string, unknown>, metadata: LabelMapMetadata, subject: string): LabelMapRow {
  const classes = (values: number[]): Classes =>
    classBits(metadata) === 16 ? Uint16Array.from(values) : Uint32Array.from(values);
  for (const name of ["class", "score"]) {
    const { length } = row[name] as number[];
    if (length !== mapLength(metadata)) {
      throw new TypeError(
        `${subject}: ${name} of row "${row.key}" has ${length} values, expected ${mapLength(metadata)}`,
      );
    }
  }
  return {
    key: row.key as string,
    label: row.label as number ?? null,
    width: row.width as number,
    height: row.height as number,
    class: classes(row.class as number[]),
    score: typedScores(row.score as number[], metadata),
    topClass: classes(row.top_class as number[]),
    topProbability: Float32Array.from(row.top_probability as number[]),
  };
}

function typedScores(values: number[], { dtype }: LabelMapMetadata): Scores {
  switch (dtype) {
    case "fp32":
      return Float32Array.from(values);
    case "fp16":
      return toFloat16(Float32Array.from(values));
    case "fp8_e4m3":
    case "fp8_e5m2":
      return Uint8Array.from(values);
  }
}
