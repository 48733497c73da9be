/**
 * Writes an array of bytes in the idx format, as MNIST has it.
 *
 * @param shape Length of each dimension.
 * @param values The values, the last dimension fastest.
 * @returns The file.
 */
export function idxFile(shape: readonly number[], values: Uint8Array): Uint8Array<ArrayBuffer> {
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + values.length);
  bytes.set([0, 0, 0x08, shape.length]);
  const view = new DataView(bytes.buffer);
  shape.forEach((size, dimension) => view.setUint32(4 + 4 * dimension, size));
  bytes.set(values, header);
  return bytes;
}
