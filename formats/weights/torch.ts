/**
 * PyTorch's files (`.pth`, `.pt`, `.bin`, `.pth.tar`): a pickle of strided tensors beside the bytes of their storages.
 *
 * Two containers exist. Since PyTorch 1.6 it is a zip file with `NAME/data.pkl` and one stored entry `NAME/data/KEY` a
 * storage. The one before is a stream: pickles of a magic number, the protocol, the writer's machine, the object and the
 * list of storage keys, then each storage as an int64 element count and its elements.
 *
 * Source: PyTorch's `torch/serialization.py`.
 *
 * @module
 */

import type { ByteSource } from "./byte_source.ts";
import { dataTypes, elementCount } from "./data_types.ts";
import { type PickleContext, type PickleValue, readPickle } from "./pickle.ts";
import { torchGlobal, type TorchStorage, torchStorage, type TorchTensor } from "./torch_objects.ts";
import { checkZipEntry, readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";

/** An open PyTorch file. */
export interface TorchFile {
  /** The pickled object, whose tensors are not read yet. */
  readonly value: PickleValue;
  /**
   * Reads a tensor.
   *
   * @param tensor A tensor of `value`.
   * @returns Its elements as float32, row-major whatever its strides.
   * @throws {Deno.errors.UnexpectedEof} If the file has shrunk since it was opened.
   */
  read(tensor: TorchTensor): Float32Array<ArrayBuffer>;
}

/** Where the bytes of a storage are: its first byte, and in the zip container its entry. */
interface StoragePlace {
  readonly offset: number;
  readonly entry?: ZipEntry;
}

/** Places by the storages' keys. */
type StoragePlaces = Map<string, StoragePlace>;

const streamMagic = 0x1950a86a20f9469cfc6cn;
/** Far above what the pickles of a stream take, which hold no elements. */
const maximumStreamPickles = 16 << 20;

/**
 * Reads a PyTorch file in the zip container.
 *
 * @param source The open file.
 * @returns Its object.
 * @throws {TypeError} If the file is damaged, big-endian, or refers to anything but tensors.
 */
export function readTorchZip(source: ByteSource): TorchFile {
  const { path } = source;
  const entries = readZipDirectory(source);
  const pickles = [...entries.keys()].filter((name) => name.endsWith("/data.pkl"));
  if (pickles.length !== 1) {
    throw new TypeError(`Cannot read "${path}": it is a zip file with ${pickles.length} data.pkl, PyTorch's have one`);
  }
  const prefix = pickles[0].slice(0, -"data.pkl".length);
  const byteOrder = entries.get(`${prefix}byteorder`);
  if (byteOrder) {
    const order = new TextDecoder().decode(readZipEntry(source, `${prefix}byteorder`, byteOrder));
    if (order !== "little") throw new TypeError(`Cannot read "${path}": its byte order is ${order}`);
  }
  const places: StoragePlaces = new Map();
  const { value } = readPickle(readZipEntry(source, pickles[0], entries.get(pickles[0])!), 0, {
    path,
    global: (name) => torchGlobal(path, name),
    persistent(identifier) {
      const storage = torchStorage(path, identifier);
      const entry = entries.get(`${prefix}data/${storage.key}`);
      const expected = storage.count * dataTypes[storage.dtype].size;
      if (!entry || entry.length < expected) {
        throw new TypeError(
          `Cannot read "${path}": storage ${JSON.stringify(storage.key)} has ${
            entry?.length ?? 0
          } bytes, expected ${expected}`,
        );
      }
      places.set(storage.key, { offset: entry.offset, entry });
      return storage;
    },
  });
  return { value, read: (tensor) => readTensor(source, places, tensor) };
}

/**
 * Reads a PyTorch file in the older container.
 *
 * @param source The open file.
 * @returns Its object.
 * @throws {TypeError} If the file is damaged, big-endian, or refers to anything but tensors.
 */
export function readTorchStream(source: ByteSource): TorchFile {
  const { path } = source;
  const head = source.read(0, Math.min(source.size, maximumStreamPickles));
  const storages = new Map<string, TorchStorage>();
  const context: PickleContext = {
    path,
    global: (name) => torchGlobal(path, name),
    persistent(identifier) {
      const storage = torchStorage(path, identifier);
      storages.set(storage.key, storage);
      return storage;
    },
  };
  let position = 0;
  const next = () => {
    const { value, end } = readPickle(head, position, context);
    position = end;
    return value;
  };
  if (next() !== streamMagic) throw new TypeError(`Cannot read "${path}": it is a pickle, but not PyTorch's`);
  next(); // the protocol, always 1001
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) {
    throw new TypeError(`Cannot read "${path}": its byte order is big`);
  }
  const value = next();
  const keys = next();
  const places = locateStorages(source, position, keys, storages);
  return { value, read: (tensor) => readTensor(source, places, tensor) };
}

/** The storages of a stream follow each other, each after its element count. */
function locateStorages(
  source: ByteSource,
  start: number,
  keys: PickleValue,
  storages: ReadonlyMap<string, TorchStorage>,
): StoragePlaces {
  const { path, size } = source;
  const places: StoragePlaces = new Map();
  let position = start;
  for (const key of Array.isArray(keys) ? keys : []) {
    const storage = typeof key === "string" ? storages.get(key) : undefined;
    if (!storage) {
      const found = typeof key === "string" ? JSON.stringify(key) : "something else than a storage";
      throw new TypeError(`Cannot read "${path}": its list of storages names ${found}, which no tensor uses`);
    }
    const end = position + 8 + storage.count * dataTypes[storage.dtype].size;
    if (end > size) {
      throw new TypeError(
        `Cannot read "${path}": storage ${JSON.stringify(key)} ends at byte ${end}, the file at ${size} (truncated?)`,
      );
    }
    const count = Number(new DataView(source.read(position, 8).buffer).getBigInt64(0, true));
    if (count !== storage.count) {
      throw new TypeError(
        `Cannot read "${path}": storage ${JSON.stringify(key)} has ${count} elements, expected ${storage.count}`,
      );
    }
    places.set(storage.key, { offset: position + 8 });
    position = end;
  }
  for (const key of storages.keys()) {
    if (!places.has(key)) throw new TypeError(`Cannot read "${path}": storage ${JSON.stringify(key)} is missing`);
  }
  return places;
}

/**
 * Reads the elements from the first to the last that a tensor sees, and puts them in order if they are not. Those of a whole
 * entry are held to its checksum; of a tensor that sees a part, only the part is read.
 */
function readTensor(source: ByteSource, places: StoragePlaces, tensor: TorchTensor): Float32Array<ArrayBuffer> {
  const { shape, strides, storage } = tensor;
  const { size, toFloat32 } = dataTypes[tensor.dtype];
  const count = elementCount(shape);
  if (count === 0) return new Float32Array(0);
  const span = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 1);
  const { offset, entry } = places.get(storage.key)!;
  const bytes = source.read(offset + tensor.offset * size, span * size);
  if (bytes.length === entry?.length) checkZipEntry(source, `data/${storage.key}`, entry, bytes);
  const elements = toFloat32(bytes);
  return isContiguous(tensor) ? elements : gather(elements, shape, strides, count);
}

function isContiguous({ shape, strides }: TorchTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

function gather(
  elements: Float32Array,
  shape: readonly number[],
  strides: readonly number[],
  count: number,
): Float32Array<ArrayBuffer> {
  const ordered = new Float32Array(count);
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < count; to++) {
    ordered[to] = elements[from];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      from += strides[axis];
      if (index[axis] < shape[axis]) break;
      from -= index[axis] * strides[axis];
      index[axis] = 0;
    }
  }
  return ordered;
}
