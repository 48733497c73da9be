/**
 * What every weight file is to its readers: named tensors, read one at a time.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { dataTypes } from "./data_types.ts";
import { unreadable } from "../base/files.ts";
import { type ByteSource, sha256OfFile } from "../base/byte_source.ts";

/** An open weight file. */
export interface Weights {
  /** Path of the file. */
  readonly path: string;
  /** Names of its tensors, in the file's order. */
  readonly names: readonly string[];
  /** One sentence on which weights these are, where the file holds several and one had to be chosen. */
  readonly choice?: string;
  /**
   * @param name A tensor.
   * @returns Its shape, in PyTorch's axis order.
   * @throws {RangeError} If there is no such tensor.
   */
  shape(name: string): readonly number[];
  /**
   * @param name A tensor.
   * @returns Its element type as stored, named as in safetensors: `F32`, `F16`, `BF16`, ...
   * @throws {RangeError} If there is no such tensor.
   */
  dtype(name: string): string;
  /**
   * Reads a tensor, leaving the others on disk.
   *
   * @param name A tensor.
   * @returns Its elements as float32, row-major.
   * @throws {RangeError} If there is no such tensor.
   * @throws {TypeError} If its element type cannot be read.
   * @throws {Deno.errors.UnexpectedEof} If the file has shrunk since it was opened.
   */
  read(name: string): Promise<Float32Array<ArrayBuffer>>;
  /** What {@linkcode read} does, at once: for what cannot wait, such as weights that are packed for a device. */
  readNow(name: string): Float32Array<ArrayBuffer>;
  /**
   * @returns SHA-256 of the whole file, in hexadecimal.
   */
  sha256(): Promise<string>;
  /** Closes the file. */
  close(): void;
}

/** A tensor in a file. */
export interface StoredTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
}

/**
 * Finds a tensor.
 *
 * @param path The file, for the message.
 * @param tensors The file's tensors, by name.
 * @param name Name of the wanted tensor.
 * @returns The tensor.
 * @throws {RangeError} If there is none of that name.
 */
export function tensorNamed<T extends StoredTensor | string>(
  path: string,
  tensors: ReadonlyMap<string, T>,
  name: string,
): T {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new RangeError(`Cannot read "${path}": it has no tensor ${showValue(name)}`);
  return tensor;
}

/**
 * Makes weights of the tensors of a file.
 *
 * @param source The open file; it is closed with the weights.
 * @param tensors Its tensors, by name, in the file's order.
 * @param read Gives the elements of one as float32, row-major.
 * @returns The weights.
 */
export function weightsOf<Tensor extends StoredTensor>(
  source: ByteSource,
  tensors: ReadonlyMap<string, Tensor>,
  read: (tensor: Tensor) => Float32Array<ArrayBuffer>,
): Weights {
  const { path } = source;
  const readNow = (name: string) => {
    const tensor = tensorNamed(path, tensors, name);
    if (Object.hasOwn(dataTypes, tensor.dtype)) return read(tensor);
    throw unreadable(path, `tensor ${showValue(name)} is ${tensor.dtype}`);
  };
  return {
    path,
    names: [...tensors.keys()],
    shape: (name) => tensorNamed(path, tensors, name).shape,
    dtype: (name) => tensorNamed(path, tensors, name).dtype,
    read: (name) => Promise.try(() => readNow(name)),
    readNow,
    sha256: () => sha256OfFile(path),
    close: () => source.close(),
  };
}

/**
 * Weights under other names.
 *
 * @param weights The weights, which are closed with these.
 * @param names The names.
 * @param storedName What a tensor is called in `weights`.
 * @returns The weights of these names.
 */
export function renamed(weights: Weights, names: readonly string[], storedName: (name: string) => string): Weights {
  return {
    ...weights,
    names,
    shape: (name) => weights.shape(storedName(name)),
    dtype: (name) => weights.dtype(storedName(name)),
    read: (name) => Promise.try(() => weights.read(storedName(name))),
    readNow: (name) => weights.readNow(storedName(name)),
  };
}
