/**
 * The Python objects that a checkpoint is made of, and where the bytes of its tensors are.
 *
 * What `torch.load(weights_only=True)` makes of a file is made here as data, and nothing else. Of what stands beside the
 * weights (the state of a schedule, options, counters) only what is needed to go on reading is kept.
 *
 * Source: PyTorch's `torch/_weights_only_unpickler.py` (`_get_allowed_globals`), `torch/_utils.py`, `torch/_tensor.py`.
 *
 * @module
 */

import { areSizes, elementCount } from "./data_types.ts";
import { numpyFunctions } from "./numpy_objects.ts";
import { PICKLE_COSTS, type PickleBudget } from "./pickle_budget.ts";
import {
  hasKind,
  isGlobal,
  type PickleFunctions,
  type PickleGlobal,
  type PickleObject,
  type PickleRecord,
  type PickleUnread,
  type PickleValue,
  setItem,
} from "./pickle_values.ts";
import { pythonFunctions, pythonNames } from "./python_objects.ts";
import { type ElementType, elementType, isElementTypeName, storageType } from "./torch_types.ts";
import { numberOf } from "../base/number_of.ts";
import { isCount } from "../base/json.ts";
import { unreadable } from "../base/files.ts";

/** A run of elements in the file, which tensors are views of. */
export interface TorchStorage {
  readonly kind: "storage";
  readonly key: string;
  /** Type of its elements; that of a tensor may be another one. */
  readonly type: ElementType;
  /** Number of elements. */
  readonly count: number;
}

/** A tensor: a strided view of a storage. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  /** Element type, named as in safetensors. */
  readonly dtype: string;
  /** Bytes an element. */
  readonly size: number;
  /** First element in the storage. */
  readonly offset: number;
  readonly shape: readonly number[];
  /** Elements from one index to the next, by axis. */
  readonly strides: readonly number[];
}

const rebuildFunctions: PickleFunctions = {
  "torch._utils._rebuild_tensor": rebuildTensor,
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_tensor_v3": rebuildTypedTensor,
  "torch._utils._rebuild_parameter": sameTensor,
  "torch._utils._rebuild_parameter_with_state": sameTensor,
  "torch._utils._rebuild_device_tensor_from_cpu_tensor": rebuildDeviceTensor,
  "torch._utils._rebuild_device_tensor_from_numpy": () => unread("a tensor of another device, stored as an array"),
  "torch._utils._rebuild_xla_tensor": () => unread("a tensor of another device, stored as an array"),
  "torch._utils._rebuild_qtensor": () => unread("a quantised tensor"),
  "torch._utils._rebuild_sparse_tensor": () => unread("a sparse tensor"),
  "torch._utils._rebuild_nested_tensor": () => unread("a nested tensor"),
  "torch._utils._rebuild_meta_tensor_no_storage": () => unread("a tensor without elements (device meta)"),
  "torch._utils._rebuild_wrapper_subclass": () => unread("a tensor of a class of its own"),
};

const functions: PickleFunctions = {
  ...rebuildFunctions,
  ...pythonFunctions,
  ...numpyFunctions,
  "collections.OrderedDict": orderedDictionary,
  "collections.Counter": orderedDictionary,
  // The options of a training run, as harmless as a dictionary.
  "argparse.Namespace": (): PickleRecord => ({ kind: "record", attributes: new Map() }),
  "torch._tensor._rebuild_from_type_v2": rebuildFromType,
  "torch.nn.parameter.Parameter": sameTensor,
  "torch.serialization._get_layout": (_, [name = null]) => name,
  "torch.Size": (_, [sizes = []]) => sizes,
  "torch.device": (): PickleObject => ({ kind: "device" }),
};

/** Classes that a pickle refers to and does not call. */
const tensorClass = /^torch\.(cuda\.)?(sparse\.)?(BFloat16|Bool|Byte|Char|Double|Float|Half|Int|Long|Short)?Tensor$/;

/** Names that Python's modules have had. */
const renamedModules: readonly (readonly [old: string, now: string])[] = [
  ["__builtin__.", "builtins."],
  ["numpy._core.", "numpy.core."],
];

/**
 * Looks up a global of a checkpoint's pickle.
 *
 * @param path The file, for messages.
 * @param name The global, as `module.name`.
 * @returns This project's function for the global, undefined if it has no place in a checkpoint.
 */
export function torchGlobal(path: string, name: string): PickleGlobal | undefined {
  const [old, now] = renamedModules.find(([old]) => name.startsWith(old)) ?? ["", ""];
  const current = now + name.slice(old.length);
  if (Object.hasOwn(functions, current)) {
    return {
      kind: "global",
      name: current,
      call: (parameters, budget) => functions[current](path, parameters, budget),
    };
  }
  const isName = storageType(current) !== undefined || isElementTypeName(current) || pythonNames.has(current) ||
    tensorClass.test(current) || current === "numpy.ndarray" || current === "torch.storage.TypedStorage";
  return isName ? { kind: "global", name: current } : undefined;
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
    const [tag, storageClass, key, , count, view] = identifier;
    const type = isGlobal(storageClass) ? storageType(storageClass.name) : undefined;
    if (
      tag === "storage" && type && typeof key === "string" && isCount(count) && (view === undefined || view === null)
    ) {
      return { kind: "storage", key, type, count };
    }
  }
  throw unreadable(path, "pickle refers to a storage of an unknown kind");
}

/**
 * Tells a tensor from the other values of a pickle.
 *
 * @param value Any value.
 * @returns Whether it is a tensor.
 */
export function isTorchTensor(value: PickleValue | undefined): value is TorchTensor {
  return hasKind(value, "tensor");
}

function unread(what: string): PickleUnread {
  return { kind: "unread tensor", what };
}

/** Python's `OrderedDict` of pairs, of another dictionary, or of nothing. */
function orderedDictionary(path: string, [items]: readonly PickleValue[], budget: PickleBudget): PickleValue {
  if (items instanceof Map) return items;
  const dictionary = new Map<PickleValue, PickleValue>();
  if (items === undefined) return dictionary;
  if (!Array.isArray(items)) throw unreadable(path, "pickle makes a dictionary of something else");
  budget.spend(PICKLE_COSTS.item * items.length);
  for (const item of items) {
    if (!Array.isArray(item)) throw unreadable(path, "pickle makes a dictionary of something else");
    setItem(dictionary, item[0], item[1]);
  }
  return dictionary;
}

function sameTensor(_: string, [tensor = null]: readonly PickleValue[]): PickleValue {
  return tensor;
}

/** `(storage, offset, shape, strides[, needs gradient, hooks[, metadata]])` */
function rebuildTensor(path: string, parameters: readonly PickleValue[]): PickleValue {
  const [storage, offset, shape, strides, , , metadata] = parameters;
  return viewOf(path, [storage, offset, shape, strides, metadata]);
}

/** `(storage, offset, shape, strides, needs gradient, hooks, type[, metadata])`, of types without a storage of their own. */
function rebuildTypedTensor(path: string, parameters: readonly PickleValue[]): PickleValue {
  const [storage, offset, shape, strides, , , typeName, metadata] = parameters;
  const name = isGlobal(typeName) ? typeName.name : "";
  const type = elementType(name);
  if (!type && isElementTypeName(name)) return unread(`a tensor of ${name}`);
  if (!type) throw unreadable(path, "pickle describes a tensor in an unknown way");
  return viewOf(path, [storage, offset, shape, strides, metadata], type);
}

function viewOf(
  path: string,
  [storage, offset, shape, strides, metadata]: readonly (PickleValue | undefined)[],
  type?: ElementType,
): TorchTensor | PickleUnread {
  if (!hasKind<TorchStorage>(storage, "storage") || !isCount(offset) || !areSizes(shape) || !areSizes(strides)) {
    throw unreadable(path, "pickle describes a tensor in an unknown way");
  }
  // PyTorch may leave it to the reader to negate, or conjugate, what is stored.
  if (metadata instanceof Map && metadata.values().some((bit) => bit === true)) {
    return unread("a tensor that is stored negated or conjugated");
  }
  const { dtype, size } = type ?? storage.type;
  const available = Math.floor(storage.count * storage.type.size / size);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset);
  if (shape.length !== strides.length || (elementCount(shape) > 0 && last >= available)) {
    throw unreadable(
      path,
      `a tensor of shape [${shape.join(", ")}] and strides [${strides.join(", ")}] ` +
        `does not fit its ${numberOf(available, "element")}`,
    );
  }
  // With strides of 0 a few stored elements could stand for more than memory holds.
  if (elementCount(shape) > available) {
    throw unreadable(path, `a tensor of shape [${shape.join(", ")}] repeats its ${numberOf(available, "element")}`);
  }
  return { kind: "tensor", storage, dtype, size, offset, shape, strides } satisfies TorchTensor;
}

/** `(tensor, type, device, needs gradient)`: a tensor of another device, brought to the host to be stored. */
function rebuildDeviceTensor(_: string, [tensor, type]: readonly PickleValue[]): PickleValue {
  const isSameType = isTorchTensor(tensor) && isGlobal(type) && elementType(type.name)?.dtype === tensor.dtype;
  return isSameType ? tensor : unread("a tensor stored as another type than its own");
}

/** `(function, class, its parameters, attributes)`: a tensor with attributes, which are left out. */
function rebuildFromType(
  path: string,
  [rebuild, , parameters]: readonly PickleValue[],
  budget: PickleBudget,
): PickleValue {
  if (!isGlobal(rebuild) || !Object.hasOwn(rebuildFunctions, rebuild.name) || !Array.isArray(parameters)) {
    throw unreadable(path, "pickle describes a tensor in an unknown way");
  }
  return rebuildFunctions[rebuild.name](path, parameters, budget);
}
