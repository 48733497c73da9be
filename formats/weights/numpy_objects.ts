/**
 * NumPy's arrays in a pickle, which PyTorch's files may hold beside tensors: plain bytes with a shape and a type.
 *
 * An array is made empty by `_reconstruct(ndarray, (0,), b"b")` and then told its state, (version, shape, type, whether
 * it is in Fortran's order, bytes), or in protocol 5 made by `_frombuffer(bytes, type, shape, order)`; a number is made by
 * `scalar(type, bytes)`; a type is made by `dtype("f4", ...)` and then told its byte order.
 *
 * Source: NumPy's `ndarray.__reduce__`, `generic.__reduce__` and `dtype.__reduce__`.
 *
 * @module
 */

import { dataTypes, elementCount, isShape } from "./data_types.ts";
import {
  hasKind,
  type PickleFunctions,
  type PickleState,
  type PickleUnread,
  type PickleValue,
} from "./pickle_values.ts";
import { numberOf } from "../base/number_of.ts";
import { unreadable } from "../base/files.ts";

/** An array: its elements as they are stored, row-major. */
export interface NumpyArray {
  readonly kind: "array";
  readonly shape: readonly number[];
  /** Element type, named as in safetensors. */
  readonly dtype: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** A type of elements, and what it is if its elements are not read. */
interface NumpyType extends PickleState {
  readonly kind: "numpy type";
  readonly dtype: string;
  unread?: string;
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

/** NumPy's other names of types: integers, complex numbers, texts, dates, structures, objects. */
const otherNames = /^[iufcSUVMmO]\d{1,9}$/;

/** What a pickle may call to make arrays, by the names of NumPy 1; NumPy 2 renamed its modules. */
export const numpyFunctions: PickleFunctions = {
  "numpy.core.multiarray._reconstruct": emptyArray,
  "numpy.core.multiarray.scalar": scalar,
  "numpy.core.numeric._frombuffer": arrayOfBuffer,
  "numpy.dtype": numpyType,
};

/**
 * Tells an array from the other values of a pickle.
 *
 * @param value Any value.
 * @returns Whether it is an array that has its elements.
 */
export function isNumpyArray(value: PickleValue | undefined): value is NumpyArray {
  return hasKind(value, "array") && "bytes" in (value as object);
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
      Object.assign(array, arrayOf(path, { shape, type, isFortran: isFortran === true, bytes }));
    },
  };
  return array;
}

function arrayOfBuffer(path: string, [bytes, type, shape, order]: readonly PickleValue[]): PickleValue {
  return arrayOf(path, { shape, type, isFortran: order === "F", bytes });
}

/** An array without axes. */
function scalar(path: string, [type, bytes]: readonly PickleValue[]): PickleValue {
  return arrayOf(path, { shape: [], type, isFortran: false, bytes });
}

interface ArrayDescription {
  readonly shape: PickleValue | undefined;
  readonly type: PickleValue | undefined;
  readonly isFortran: boolean;
  readonly bytes: PickleValue | undefined;
}

function arrayOf(path: string, { shape, type, isFortran, bytes }: ArrayDescription): NumpyArray | PickleUnread {
  if (!isShape(shape) || !hasKind<NumpyType>(type, "numpy type")) {
    throw unreadable(path, "pickle describes an array in an unknown way");
  }
  if (type.unread !== undefined) return { kind: "unread array", what: `an array ${type.unread}` };
  if (isFortran && shape.length > 1) return { kind: "unread array", what: "an array in Fortran's order" };
  if (!(bytes instanceof Uint8Array)) {
    throw unreadable(path, "pickle describes an array in an unknown way");
  }
  const expected = elementCount(shape) * dataTypes[type.dtype].size;
  if (bytes.length !== expected) {
    throw unreadable(
      path,
      `an array of shape [${shape.join(", ")}] has ${numberOf(bytes.length, "byte")}, expected ${expected}`,
    );
  }
  return { kind: "array", shape, dtype: type.dtype, bytes: bytes as Uint8Array<ArrayBuffer> };
}

function numpyType(path: string, [name]: readonly PickleValue[]): NumpyType {
  if (typeof name !== "string" || !(Object.hasOwn(names, name) || otherNames.test(name))) {
    throw unreadable(path, "pickle describes the elements of an array in an unknown way");
  }
  const type: NumpyType = {
    kind: "numpy type",
    dtype: names[name],
    unread: Object.hasOwn(names, name) ? undefined : `of "${name}"`,
    setState(state) {
      const order = Array.isArray(state) ? state[1] : undefined;
      if (order === ">") type.unread ??= 'of byte order ">"';
      else if (order !== "<" && order !== "|" && order !== "=") {
        throw unreadable(path, "an array of it has an unknown byte order");
      }
    },
  };
  return type;
}
