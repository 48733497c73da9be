/**
 * NumPy's arrays in a pickle, which PyTorch's files may hold beside tensors: plain bytes with a shape and a type.
 *
 * An array is made empty by `_reconstruct(ndarray, (0,), b"b")` and then told its state, (version, shape, type, whether
 * it is in Fortran's order, bytes); a type is made by `dtype("f4", ...)` and then told its byte order. In protocol 2, which
 * PyTorch writes, bytes are text that `_codecs.encode(text, "latin1")` turns back.
 *
 * Source: NumPy's `ndarray.__reduce__` and `dtype.__reduce__`, CPython's `Lib/pickle.py`, `save_bytes`.
 *
 * @module
 */

import { dataTypes, elementCount } from "./data_types.ts";
import type { PickleState, PickleValue } from "./pickle.ts";

/** An array: its elements as they are stored, row-major. */
export interface NumpyArray {
  readonly kind: "array";
  readonly shape: readonly number[];
  /** Element type, named as in safetensors. */
  readonly dtype: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

interface NumpyType extends PickleState {
  readonly kind: "numpy type";
  readonly dtype: string;
}

/** NumPy's names of types, and safetensors'. */
const names: Readonly<Record<string, string>> = {
  f8: "F64",
  f4: "F32",
  f2: "F16",
  i8: "I64",
  i4: "I32",
  i2: "I16",
  i1: "I8",
  u1: "U8",
  b1: "BOOL",
};

/** What a pickle may call to make arrays. NumPy 2 renamed its modules. */
export const numpyFunctions: Readonly<
  Record<string, (path: string, parameters: readonly PickleValue[]) => PickleValue>
> = {
  "numpy.core.multiarray._reconstruct": emptyArray,
  "numpy._core.multiarray._reconstruct": emptyArray,
  "numpy.dtype": numpyType,
  "_codecs.encode": latin1Bytes,
};

/**
 * Tells an array from the other values of a pickle.
 *
 * @param value Any value.
 * @returns Whether it is an array that has its elements.
 */
export function isNumpyArray(value: PickleValue | undefined): value is NumpyArray {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "array" && "bytes" in value;
}

/**
 * The elements of an array.
 *
 * @param array The array.
 * @returns Its elements as float32, row-major.
 */
export function numpyValues({ dtype, bytes }: NumpyArray): Float32Array<ArrayBuffer> {
  return dataTypes[dtype].toFloat32(bytes.slice());
}

function emptyArray(path: string): PickleState {
  const array: PickleState = {
    kind: "array",
    setState(state) {
      const [, shape, type, isFortran, bytes] = Array.isArray(state) ? state : [];
      const isShape = Array.isArray(shape) && shape.every((size) => Number.isSafeInteger(size) && size as number >= 0);
      if (!isShape || !isNumpyType(type) || !(bytes instanceof Uint8Array)) {
        throw new TypeError(`Cannot read "${path}": pickle describes an array in an unknown way`);
      }
      if (isFortran === true && shape.length > 1) {
        throw new TypeError(`Cannot read "${path}": an array of it is in Fortran's order`);
      }
      const expected = elementCount(shape as number[]) * dataTypes[type.dtype].size;
      if (bytes.length !== expected) {
        throw new TypeError(
          `Cannot read "${path}": an array of shape [${
            shape.join(", ")
          }] has ${bytes.length} bytes, expected ${expected}`,
        );
      }
      Object.assign(array, { shape, dtype: type.dtype, bytes });
    },
  };
  return array;
}

function numpyType(path: string, [name]: readonly PickleValue[]): NumpyType {
  if (typeof name !== "string" || !Object.hasOwn(names, name)) {
    throw new TypeError(`Cannot read "${path}": an array of it has elements of type ${show(name)}`);
  }
  return {
    kind: "numpy type",
    dtype: names[name],
    setState(state) {
      const order = Array.isArray(state) ? state[1] : undefined;
      if (order !== "<" && order !== "|") {
        throw new TypeError(`Cannot read "${path}": an array of it has byte order ${show(order)}, expected <`);
      }
    },
  };
}

function show(value: PickleValue | undefined): string {
  return typeof value === "string" ? JSON.stringify(value) : "that is no text";
}

function isNumpyType(value: PickleValue | undefined): value is NumpyType {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "numpy type";
}

function latin1Bytes(path: string, [text, encoding]: readonly PickleValue[]): Uint8Array {
  if (typeof text !== "string" || encoding !== "latin1") {
    throw new TypeError(`Cannot read "${path}": pickle encodes something that is not bytes`);
  }
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255) throw new TypeError(`Cannot read "${path}": pickle encodes something that is not bytes`);
    bytes[index] = code;
  }
  return bytes;
}
