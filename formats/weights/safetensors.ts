/**
 * Safetensors: eight bytes of header length, a JSON header, then the tensors' bytes, little-endian and row-major.
 *
 * The header is not trusted: the tensors must tile the rest of the file without a gap or an overlap, each exactly as long
 * as its shape and type say.
 *
 * Source: https://github.com/huggingface/safetensors, "Format".
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { dataTypes, elementCount, isShape, otherSizes } from "./data_types.ts";
import { parseObject } from "./json_text.ts";
import { type StoredTensor, type Weights, weightsOf } from "./weights.ts";
import { numberOf } from "../base/number_of.ts";
import { isCount } from "../base/json.ts";
import { unreadable } from "../base/files.ts";
import { releaseBytes } from "../base/pixels.ts";

/** What `huggingface_hub` takes; the format itself allows four times as much, which JSON may blow up to gigabytes. */
const maximumHeaderLength = 25_000_000;

/** The header, a tensor's description, and its list of sizes. */
const DEEPEST = 3;

interface SafetensorsTensor extends StoredTensor {
  /** First byte in the file. */
  readonly offset: number;
  readonly length: number;
}

/** An open safetensors file. */
export interface Safetensors extends Weights {
  /** What its writer says of it, texts by name; empty if nothing. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Reads the header of a safetensors file and leaves the tensors on disk.
 *
 * @param source The open file; it is closed with the weights.
 * @returns The weights.
 * @throws {TypeError} If the header or the length of the file is wrong.
 */
export function readSafetensors(source: ByteSource): Safetensors {
  const { tensors, metadata } = readHeader(source);
  const read = ({ dtype, offset, length }: SafetensorsTensor) => {
    const bytes = source.read(offset, length);
    const elements = dataTypes[dtype].toFloat32(bytes);
    if (elements.buffer !== bytes.buffer) releaseBytes(bytes);
    return elements;
  };
  return { ...weightsOf(source, tensors, read), metadata };
}

function readHeader(
  source: ByteSource,
): { tensors: Map<string, SafetensorsTensor>; metadata: Readonly<Record<string, string>> } {
  const { path, size } = source;
  const length = Number(new DataView(source.read(0, 8).buffer).getBigUint64(0, true));
  if (length > size - 8 || length > maximumHeaderLength) {
    const expected = length > size - 8 ? `${size - 8} are left in the file` : `at most ${maximumHeaderLength} are read`;
    throw unreadable(path, `its safetensors header is said to have ${numberOf(length, "byte")}, ${expected}`);
  }
  const header = parseObject(path, source.read(8, length), { what: "its safetensors header", deepest: DEEPEST });
  const dataLength = size - 8 - length;
  const tensors = Object.entries(header)
    .filter(([name]) => name !== "__metadata__")
    .map(([name, entry]) => [name, tensorFrom(path, name, entry, 8 + length)] as const)
    .sort(([, a], [, b]) => a.offset - b.offset || a.length - b.length);
  let end = 8 + length;
  for (const [name, tensor] of tensors) {
    if (tensor.offset !== end) {
      throw unreadable(
        path,
        `tensor ${showValue(name)} starts at byte ${tensor.offset}, ` +
          `${tensor.offset < end ? "inside the tensor before it, which ends at" : "a gap after"} ${end}`,
      );
    }
    end += tensor.length;
  }
  if (end !== size) {
    throw unreadable(
      path,
      `its header describes ${numberOf(end - 8 - length, "byte")} of tensors, the file holds ${dataLength}` +
        (end > size ? " (a truncated file?)" : ""),
    );
  }
  return { tensors: new Map(tensors), metadata: metadataOf(path, header.__metadata__) };
}

function metadataOf(path: string, value: unknown = {}): Readonly<Record<string, string>> {
  const isTexts = typeof value === "object" && value !== null &&
    Object.values(value).every((text) => typeof text === "string");
  if (isTexts) return value as Record<string, string>;
  throw unreadable(path, `its __metadata__ is ${showValue(value)}, expected texts by name`);
}

function tensorFrom(path: string, name: string, entry: unknown, dataOffset: number): SafetensorsTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (
    typeof dtype !== "string" || !isShape(shape) ||
    !Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)
  ) {
    throw unreadable(path, `tensor ${showValue(name)} is described as ${showValue(entry)}`);
  }
  const size = Object.hasOwn(dataTypes, dtype)
    ? dataTypes[dtype].size
    : Object.hasOwn(otherSizes, dtype)
    ? otherSizes[dtype]
    : undefined;
  if (size === undefined) {
    throw unreadable(path, `tensor ${showValue(name)} has unknown type ${showValue(dtype)}`);
  }
  const [begin, end] = offsets;
  if (end - begin !== elementCount(shape) * size) {
    throw unreadable(
      path,
      `tensor ${showValue(name)} is ${dtype} [${shape.join(", ")}], ` +
        `${numberOf(elementCount(shape) * size, "byte")}, but has ${end - begin}`,
    );
  }
  return { dtype, shape, offset: dataOffset + begin, length: end - begin };
}
