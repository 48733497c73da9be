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

import { showValue } from "../base/show_value.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { dataTypes, elementCount } from "./data_types.ts";
import { type PickleContext, readPickle } from "./pickle.ts";
import { pickleBudget } from "./pickle_budget.ts";
import type { PickleValue } from "./pickle_values.ts";
import { torchGlobal, type TorchStorage, torchStorage, type TorchTensor } from "./torch_objects.ts";
import { checkWholeZipEntry, checkZipEntry, readZipDirectory, readZipEntry, type ZipEntry } from "./zip.ts";
import { numberOf } from "../base/number_of.ts";
import { unreadable } from "../base/files.ts";

/** An open PyTorch file. */
export interface TorchFile {
  /** The pickled object, whose tensors are not read yet. */
  readonly value: PickleValue;
  /**
   * Reads a tensor.
   *
   * @param tensor A tensor of `value`.
   * @returns Its elements as float32, row-major whatever its strides.
   * @throws {TypeError} If elements of its type cannot be read, or are not those of their checksum.
   * @throws {Deno.errors.UnexpectedEof} If the file has shrunk since it was opened.
   */
  read(tensor: TorchTensor): Float32Array<ArrayBuffer>;
}

/** Where the bytes of a storage are: its first byte, and in the zip container its entry. */
interface StoragePlace {
  readonly offset: number;
  readonly entry?: ZipEntry;
  /** Whether its bytes were held to its checksum. */
  isChecked?: boolean;
}

/** Places by the storages' keys. */
type StoragePlaces = Map<string, StoragePlace>;

/** The storages of a file. */
interface Storages {
  readonly places: StoragePlaces;
  /** Whether elements have their highest byte first. */
  readonly isBigEndian: boolean;
}

const streamMagic = 0x1950a86a20f9469cfc6cn;
/** Bytes of pickles, far above what they take: they hold no elements. */
const MAXIMUM_PICKLE = 64 << 20;

/**
 * Reads a PyTorch file in the zip container.
 *
 * @param source The open file.
 * @returns The object that the file holds.
 * @throws {TypeError} If the file is damaged, or refers to anything but tensors and plain data.
 */
export function readTorchZip(source: ByteSource): TorchFile {
  const { path } = source;
  const entries = readZipDirectory(source);
  const pickles = [...entries.keys()].filter((name) => name.endsWith("/data.pkl"));
  if (pickles.length !== 1) {
    throw unreadable(path, `it is a zip file with ${pickles.length} data.pkl, PyTorch's have one`);
  }
  const prefix = pickles[0].slice(0, -"data.pkl".length);
  const pickle = entries.get(pickles[0])!;
  if (pickle.length > MAXIMUM_PICKLE) {
    throw unreadable(path, `its pickle has ${numberOf(pickle.length, "byte")}, at most ${MAXIMUM_PICKLE} are read`);
  }
  const isBigEndian = readByteOrder(source, `${prefix}byteorder`, entries) === "big";
  const places: StoragePlaces = new Map();
  const { value } = readPickle(readZipEntry(source, pickles[0], pickle), 0, {
    path,
    budget: pickleBudget(path),
    global: (name) => torchGlobal(path, name),
    persistent(identifier) {
      const storage = torchStorage(path, identifier);
      const entry = entries.get(`${prefix}data/${storage.key}`);
      const expected = storage.count * storage.type.size;
      if (!entry || entry.length < expected) {
        throw unreadable(
          path,
          `storage ${showValue(storage.key)} has ${entry?.length ?? 0} bytes, expected ${expected}`,
        );
      }
      places.set(storage.key, { offset: entry.offset, entry });
      return storage;
    },
  });
  return { value, read: (tensor) => readTensor(source, { places, isBigEndian }, tensor) };
}

function readByteOrder(source: ByteSource, name: string, entries: ReadonlyMap<string, ZipEntry>): string {
  const entry = entries.get(name);
  const order = entry && entry.length <= "little".length
    ? new TextDecoder().decode(readZipEntry(source, name, entry))
    : undefined;
  if (entry && order !== "little" && order !== "big") {
    throw unreadable(source.path, "its byte order is neither little nor big");
  }
  return order ?? "little";
}

/**
 * Reads a PyTorch file in the older container.
 *
 * @param source The open file.
 * @returns The object that the file holds.
 * @throws {TypeError} If the file is damaged, big-endian, or refers to anything but tensors and plain data.
 */
export function readTorchStream(source: ByteSource): TorchFile {
  const { path } = source;
  const head = source.read(0, Math.min(source.size, MAXIMUM_PICKLE));
  const storages = new Map<string, TorchStorage>();
  const context: PickleContext = {
    path,
    budget: pickleBudget(path),
    ...(head.length < source.size ? { cut: `its pickles have more than ${MAXIMUM_PICKLE} bytes` } : {}),
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
  if (next() !== streamMagic) throw unreadable(path, "it is a pickle, but not PyTorch's");
  next(); // the protocol, always 1001
  const machine = next();
  if (machine instanceof Map && machine.get("little_endian") === false) {
    throw unreadable(path, "its byte order is big");
  }
  const value = next();
  const keys = next();
  const places = locateStorages(source, position, keys, storages);
  return { value, read: (tensor) => readTensor(source, { places, isBigEndian: false }, tensor) };
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
      const found = typeof key === "string" ? showValue(key) : "something else than a storage";
      throw unreadable(path, `its list of storages names ${found}, which no tensor uses`);
    }
    if (places.has(storage.key)) {
      throw unreadable(path, `its list of storages names ${showValue(storage.key)} more than once`);
    }
    const end = position + 8 + storage.count * storage.type.size;
    if (end > size) {
      throw unreadable(path, `storage ${showValue(key)} ends at byte ${end}, the file at ${size} (truncated?)`);
    }
    const count = Number(new DataView(source.read(position, 8).buffer).getBigInt64(0, true));
    if (count !== storage.count) {
      throw unreadable(path, `storage ${showValue(key)} has ${numberOf(count, "element")}, expected ${storage.count}`);
    }
    places.set(storage.key, { offset: position + 8 });
    position = end;
  }
  // Without checksums this is all that tells of bytes that were put in before.
  if (position !== size) {
    throw unreadable(path, `its storages end at byte ${position}, the file at ${size}`);
  }
  for (const key of storages.keys()) {
    if (!places.has(key)) throw unreadable(path, `storage ${showValue(key)} is missing`);
  }
  return places;
}

/**
 * Reads the elements from the first to the last that a tensor sees, and puts them in order if they are not. Before a part of
 * an entry is used, the whole entry is held to its checksum once.
 */
function readTensor(
  source: ByteSource,
  { places, isBigEndian }: Storages,
  tensor: TorchTensor,
): Float32Array<ArrayBuffer> {
  const { shape, strides, storage, dtype } = tensor;
  if (!Object.hasOwn(dataTypes, dtype)) {
    throw unreadable(source.path, `a tensor of it has elements of type ${dtype}`);
  }
  const { size, toFloat32 } = dataTypes[dtype];
  const count = elementCount(shape);
  if (count === 0) return new Float32Array(0);
  const span = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], 1);
  const place = places.get(storage.key)!;
  const bytes = source.read(place.offset + tensor.offset * size, span * size);
  checkPlace(source, storage.key, place, bytes);
  if (isBigEndian) reverseElements(bytes, size);
  const elements = toFloat32(bytes);
  return isContiguous(tensor) ? elements : gather(elements, shape, strides, count);
}

function checkPlace(source: ByteSource, key: string, place: StoragePlace, bytes: Uint8Array): void {
  const { entry } = place;
  if (!entry || place.isChecked) return;
  const name = `data/${key}`;
  if (bytes.length === entry.length) checkZipEntry(source, name, entry, bytes);
  else checkWholeZipEntry(source, name, entry);
  place.isChecked = true;
}

function reverseElements(bytes: Uint8Array, size: number): void {
  if (size === 1) return;
  for (let start = 0; start < bytes.length; start += size) bytes.subarray(start, start + size).reverse();
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
