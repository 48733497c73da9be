/**
 * Tensors to safetensors: eight bytes of header length, a JSON header padded with spaces to a multiple of eight, then the
 * tensors' bytes in the order of the header.
 *
 * @module
 */

import { bytesOf } from "../base/bytes.ts";
import { replaceFile } from "../base/files.ts";
import { elementCount } from "./data_types.ts";
import type { TensorData } from "../base/tensor_data.ts";
import { numberOf } from "../base/number_of.ts";

/**
 * Writes a file of float32 tensors: what is read under its name, even after a power cut, is the old file or the new one.
 *
 * @param path The file; it need not exist.
 * @param tensors The tensors by name, written in this order.
 * @param metadata Texts that describe the file.
 * @throws {TypeError} If a tensor has not as many elements as its shape says.
 * @throws {Error} If the file cannot be written; the old one is kept.
 */
export function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const header = headerOf(path, tensors, metadata);
  replaceFile(path, [header, ...tensors.values().map(({ data }) => bytesOf(data))]);
}

function headerOf(
  path: string,
  tensors: ReadonlyMap<string, TensorData>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const entries: Record<string, unknown> = {};
  if (Object.keys(metadata).length > 0) entries.__metadata__ = metadata;
  let offset = 0;
  for (const [name, { shape, data }] of tensors) {
    if (data.length !== elementCount(shape)) {
      throw new TypeError(
        `Cannot write "${path}": tensor "${name}" has ${numberOf(data.length, "element")}, its shape is [${
          shape.join(", ")
        }]`,
      );
    }
    entries[name] = { dtype: "F32", shape, data_offsets: [offset, offset += data.byteLength] };
  }
  const json = new TextEncoder().encode(JSON.stringify(entries));
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}
