/**
 * The few Python objects that a checkpoint is made of, and where their bytes are.
 *
 * @module
 */

import { elementCount } from "./data_types.ts";
import { numpyFunctions } from "./numpy_objects.ts";
import type { PickleGlobal, PickleRecord, PickleValue } from "./pickle.ts";

/** A run of elements in the file, which tensors are views of. */
export interface TorchStorage {
  readonly kind: "storage";
  readonly key: string;
  /** Element type, named as in safetensors. */
  readonly dtype: string;
  /** Number of elements. */
  readonly count: number;
}

/** A tensor: a strided view of a storage. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  readonly dtype: string;
  /** First element in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one index to the next, by axis. */
  readonly strides: readonly number[];
}

const storageTypes: Readonly<Record<string, string>> = {
  "torch.DoubleStorage": "F64",
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ShortStorage": "I16",
  "torch.CharStorage": "I8",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

/** `argparse.Namespace` holds the options of a training run, and is as harmless as a dictionary. */
const functions: Readonly<Record<string, (path: string, parameters: readonly PickleValue[]) => PickleValue>> = {
  "collections.OrderedDict": orderedDict,
  "argparse.Namespace": (): PickleRecord => ({ kind: "record", attributes: new Map() }),
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": (_, [tensor]) => tensor,
  ...numpyFunctions,
};

/**
 * Looks up a global of a checkpoint's pickle.
 *
 * @param path The file, for messages.
 * @param name `module.name`.
 * @returns What it stands for, undefined if it has no place in a checkpoint.
 */
export function torchGlobal(path: string, name: string): PickleGlobal | undefined {
  if (Object.hasOwn(storageTypes, name) || name === "numpy.ndarray") return { kind: "global", name };
  if (!Object.hasOwn(functions, name)) return undefined;
  return { kind: "global", name, call: (parameters) => functions[name](path, parameters) };
}

/**
 * Resolves PyTorch's persistent identifier `("storage", type, key, location, count[, view])`.
 *
 * @param path The file, for messages.
 * @param identifier The identifier.
 * @returns The storage.
 * @throws {TypeError} If it is something else.
 */
export function torchStorage(path: string, identifier: PickleValue): TorchStorage {
  if (Array.isArray(identifier)) {
    const [tag, type, key, , count, view] = identifier;
    const name = typeof type === "object" && type !== null && "name" in type ? type.name : "";
    if (
      tag === "storage" && Object.hasOwn(storageTypes, name) && typeof key === "string" && isSize(count) &&
      (view === undefined || view === null)
    ) {
      return { kind: "storage", key, dtype: storageTypes[name], count };
    }
  }
  throw new TypeError(`Cannot read "${path}": pickle refers to a storage of an unknown kind`);
}

/**
 * Tells a tensor from the other values of a pickle.
 *
 * @param value Any value.
 * @returns Whether it is a tensor.
 */
export function isTorchTensor(value: PickleValue | undefined): value is TorchTensor {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "tensor";
}

function orderedDict(path: string, [items]: readonly PickleValue[]): PickleValue {
  const dictionary = new Map<PickleValue, PickleValue>();
  if (items === undefined) return dictionary;
  if (!Array.isArray(items)) throw new TypeError(`Cannot read "${path}": pickle makes a dictionary of something else`);
  for (const item of items) {
    if (!Array.isArray(item)) throw new TypeError(`Cannot read "${path}": pickle makes a dictionary of something else`);
    dictionary.set(item[0], item[1]);
  }
  return dictionary;
}

function rebuildTensor(path: string, parameters: readonly PickleValue[]): TorchTensor {
  const [storage, offset, shape, strides] = parameters;
  if (!isStorage(storage) || !isSize(offset) || !isSizes(shape) || !isSizes(strides)) {
    throw new TypeError(`Cannot read "${path}": pickle describes a tensor in an unknown way`);
  }
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset);
  if (shape.length !== strides.length || (elementCount(shape) > 0 && last >= storage.count)) {
    throw new TypeError(
      `Cannot read "${path}": a tensor of shape [${shape.join(", ")}] and strides [${strides.join(", ")}] ` +
        `does not fit its ${storage.count} elements`,
    );
  }
  // With strides of 0 a few stored elements could stand for more than memory holds.
  if (elementCount(shape) > storage.count) {
    throw new TypeError(
      `Cannot read "${path}": a tensor of shape [${shape.join(", ")}] repeats its ${storage.count} elements`,
    );
  }
  return { kind: "tensor", storage, dtype: storage.dtype, offset, shape, strides };
}

function isStorage(value: PickleValue): value is TorchStorage {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "storage";
}

function isSize(value: PickleValue | undefined): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isSizes(value: PickleValue | undefined): value is number[] {
  return Array.isArray(value) && value.every(isSize);
}
