/**
 * The first directory of a TIFF, which is also how EXIF data are written: fields by number, each with its values. The
 * format: Adobe, "TIFF Revision 6.0"; BigTIFF as libtiff writes it.
 *
 * @module
 */

/** Fields of a directory. */
export interface TiffDirectory {
  readonly littleEndian: boolean;
  readonly big: boolean;
  /**
   * Values of a field, quotients where it holds fractions.
   *
   * @param tag Number of the field.
   * @returns The values; undefined if it is not there.
   * @throws {RangeError} If they are not in the bytes.
   */
  values(tag: number): readonly number[] | undefined;
}

/** Reads a value of each type, by the type's number. */
const TYPES: Readonly<Record<number, { size: number; read: (view: DataView, at: number, little: boolean) => number }>> =
  {
    1: { size: 1, read: (view, at) => view.getUint8(at) },
    3: { size: 2, read: (view, at, little) => view.getUint16(at, little) },
    4: { size: 4, read: (view, at, little) => view.getUint32(at, little) },
    5: { size: 8, read: (view, at, little) => view.getUint32(at, little) / view.getUint32(at + 4, little) },
    6: { size: 1, read: (view, at) => view.getInt8(at) },
    8: { size: 2, read: (view, at, little) => view.getInt16(at, little) },
    9: { size: 4, read: (view, at, little) => view.getInt32(at, little) },
    11: { size: 4, read: (view, at, little) => view.getFloat32(at, little) },
    12: { size: 8, read: (view, at, little) => view.getFloat64(at, little) },
    16: { size: 8, read: (view, at, little) => Number(view.getBigUint64(at, little)) },
  };

/** Values of a field; those of an image's colours and samples are fewer. */
const MOST_VALUES = 2 ** 18;

/**
 * Reads the first directory.
 *
 * @param bytes A TIFF, or EXIF data from their byte order on.
 * @returns Its fields; values are read when they are asked for.
 * @throws {RangeError} If it is not in the bytes.
 */
export function readTiffDirectory(bytes: Uint8Array): TiffDirectory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const littleEndian = view.getUint8(0) === 0x49;
  const big = view.getUint16(2, littleEndian) === 43;
  const readOffset = (at: number) =>
    big ? Number(view.getBigUint64(at, littleEndian)) : view.getUint32(at, littleEndian);
  const start = readOffset(big ? 8 : 4);
  const count = big ? readOffset(start) : view.getUint16(start, littleEndian);
  const first = start + (big ? 8 : 2);
  const entryBytes = big ? 20 : 12;
  const offsets = new Map<number, number>();
  if (first + count * entryBytes > bytes.length) throw new RangeError(`a directory of ${count} fields ends early`);
  for (let entry = first; entry < first + count * entryBytes; entry += entryBytes) {
    offsets.set(view.getUint16(entry, littleEndian), entry);
  }
  return {
    littleEndian,
    big,
    values(tag) {
      const entry = offsets.get(tag);
      if (entry === undefined) return undefined;
      const type = TYPES[view.getUint16(entry + 2, littleEndian)];
      const length = readOffset(entry + 4);
      if (!type || length > MOST_VALUES) throw new RangeError(`field ${tag} holds what it cannot`);
      const place = entry + (big ? 12 : 8);
      const from = type.size * length <= (big ? 8 : 4) ? place : readOffset(place);
      return Array.from({ length }, (_, index) => type.read(view, from + index * type.size, littleEndian));
    },
  };
}
