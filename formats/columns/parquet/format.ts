/**
 * The numbers of the Parquet format.
 *
 * @module
 * @see https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
 */

/** What a Parquet file begins and ends with. */
export const MAGIC: Uint8Array<ArrayBuffer> = new TextEncoder().encode("PAR1");

/** How values are stored. */
export const PHYSICAL_TYPES = {
  BOOLEAN: 0,
  INT32: 1,
  INT64: 2,
  INT96: 3,
  FLOAT: 4,
  DOUBLE: 5,
  BYTE_ARRAY: 6,
  FIXED_LEN_BYTE_ARRAY: 7,
} as const;

/** Names of all of them, for messages. */
export const PHYSICAL_NAMES: readonly string[] = Object.keys(PHYSICAL_TYPES).map((name) => name.toLowerCase());

/** Encodings of values and levels. */
export const ENCODINGS = {
  PLAIN: 0,
  PLAIN_DICTIONARY: 2,
  RLE: 3,
  DELTA_BINARY_PACKED: 5,
  DELTA_LENGTH_BYTE_ARRAY: 6,
  DELTA_BYTE_ARRAY: 7,
  RLE_DICTIONARY: 8,
  BYTE_STREAM_SPLIT: 9,
} as const;

/** Kinds of pages. */
export const PAGES = { DATA: 0, DICTIONARY: 2, DATA_V2: 3 } as const;

/** Whether a value must be there, may be, or is repeated. */
export const REPETITION = { required: 0, optional: 1, repeated: 2 } as const;

/** Compression codecs. */
export const CODECS = { UNCOMPRESSED: 0, SNAPPY: 1, GZIP: 2, BROTLI: 4, LZ4: 5, ZSTD: 6, LZ4_RAW: 7 } as const;
