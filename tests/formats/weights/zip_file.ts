/** How a zip file is written. */
export interface ZipOptions {
  /** Sizes and offsets in zip64 records; default false. */
  readonly zip64?: boolean;
  /** The compression method that is claimed; default 0, stored. */
  readonly method?: number;
}

/** Numbers of 2, 4 or 8 bytes, little-endian. */
function words(...values: readonly (readonly [bytes: 2 | 4 | 8, value: number])[]): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(values.reduce((sum, [bytes]) => sum + bytes, 0));
  const view = new DataView(result.buffer);
  let position = 0;
  for (const [bytes, value] of values) {
    if (bytes === 2) view.setUint16(position, value, true);
    else if (bytes === 4) view.setUint32(position, value, true);
    else view.setBigUint64(position, BigInt(value), true);
    position += bytes;
  }
  return result;
}

/**
 * Writes a zip file of stored entries, without checksums.
 *
 * @param entries Contents by name.
 * @param options How.
 * @returns Its bytes.
 */
export function zipFile(entries: Record<string, Uint8Array>, options: ZipOptions = {}): Uint8Array<ArrayBuffer> {
  const { zip64 = false, method = 0 } = options;
  const full = 0xffffffff;
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  const push = (...pieces: Uint8Array[]) => {
    for (const piece of pieces) {
      parts.push(piece);
      offset += piece.length;
    }
  };
  for (const [name, content] of Object.entries(entries)) {
    const bytes = new TextEncoder().encode(name);
    const extra = zip64
      ? words([2, 1], [2, 24], [8, content.length], [8, content.length], [8, offset])
      : new Uint8Array(0);
    const size = zip64 ? full : content.length;
    directory.push(
      words([4, 0x02014b50], [2, 45], [2, 45], [2, 0], [2, method], [4, 0], [4, 0], [4, size], [4, size]),
      words([2, bytes.length], [2, extra.length], [2, 0], [2, 0], [2, 0], [4, 0], [4, zip64 ? full : offset]),
      bytes,
      extra,
    );
    push(
      words([4, 0x04034b50], [2, 45], [2, 0], [2, method], [4, 0], [4, 0], [4, size], [4, size]),
      words([2, bytes.length], [2, 5]),
      bytes,
      new Uint8Array(5), // an extra field that only the local header has, as PyTorch's padding
      content,
    );
  }
  const start = offset;
  push(...directory);
  const length = offset - start;
  const count = Object.keys(entries).length;
  if (zip64) {
    const record = offset;
    push(
      words([4, 0x06064b50], [8, 44], [2, 45], [2, 45], [4, 0], [4, 0], [8, count], [8, count], [8, length], [
        8,
        start,
      ]),
      words([4, 0x07064b50], [4, 0], [8, record], [4, 1]),
    );
  }
  const [entryCount, bytes, position] = zip64 ? [0xffff, full, full] : [count, length, start];
  push(words([4, 0x06054b50], [2, 0], [2, 0], [2, entryCount], [2, entryCount], [4, bytes], [4, position], [2, 0]));
  const result = new Uint8Array(offset);
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
