/**
 * The numbers of Arrow's IPC format, version 5.
 *
 * @module
 * @see https://github.com/apache/arrow/tree/main/format
 */

/** What an Arrow file begins and ends with. */
export const MAGIC: Uint8Array<ArrayBuffer> = new TextEncoder().encode("ARROW1");

/** What stands before the length of a message. */
export const CONTINUATION = 0xffffffff;

/** Version of the metadata that Arrow 1.0 and later write. */
export const VERSION_5 = 4;

/** What a message holds. */
export const HEADERS = { schema: 1, dictionaryBatch: 2, recordBatch: 3 } as const;

/** Types of fields. */
export const TYPES = {
  int: 2,
  float: 3,
  utf8: 5,
  list: 12,
  fixedSizeList: 16,
  largeUtf8: 20,
  largeList: 21,
} as const;

/** Precisions of floating point fields. */
export const PRECISIONS = { half: 0, single: 1 } as const;

/** Codecs of compressed buffers. */
export const CODECS = { lz4: 0, zstd: 1 } as const;
