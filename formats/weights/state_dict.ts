/**
 * The named tensors of a PyTorch checkpoint.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import type { ByteSource } from "../base/byte_source.ts";
import { hasKind, type PickleUnread, type PickleValue } from "./pickle_values.ts";
import type { TorchFile } from "./torch.ts";
import { isTorchTensor, type TorchTensor } from "./torch_objects.ts";
import { type Weights, weightsOf } from "./weights.ts";
import { choiceOf, weightKeys } from "./wrapped_names.ts";
import { unreadable } from "../base/files.ts";

/** Tensors by name, with those that cannot be used. */
type NamedTensors = Map<string, TorchTensor | PickleUnread>;

/** Tensors that were found, and how. */
interface Found {
  readonly tensors: NamedTensors;
  readonly choice?: string;
}

/** Dictionaries in dictionaries that are looked through: `{"checkpoint": {"model": {"state_dict": ...}}}` is deep already. */
const DEEPEST = 4;

/**
 * Finds the state dict of a checkpoint: the object itself, or what lies under one of the usual keys.
 *
 * @param source The open file; it is closed with the weights.
 * @param file The object that the file holds.
 * @returns The weights, under the names that they have there.
 * @throws {TypeError} If there are no named tensors, or one of them cannot be used.
 */
export function readStateDict(source: ByteSource, file: TorchFile): Weights {
  const { path } = source;
  const { tensors: named, choice } = findTensors(path, file.value);
  const tensors = new Map([...named].map(([name, tensor]) => [name, usable(path, name, tensor)]));
  return { ...weightsOf(source, tensors, file.read), ...(choice === undefined ? {} : { choice }) };
}

function usable(path: string, name: string, tensor: TorchTensor | PickleUnread): TorchTensor {
  if (isTorchTensor(tensor)) return tensor;
  throw unreadable(path, `${showValue(name)} is ${tensor.what}, which cannot be used`);
}

function findTensors(path: string, value: PickleValue): Found {
  if (!(value instanceof Map)) {
    const found = isTorchTensor(value) ? "a single tensor" : "no dictionary";
    throw unreadable(path, `it holds ${found}, expected named tensors`);
  }
  const found = search(path, value, new Set(), DEEPEST);
  if (found) return found;
  const keys = [...value.keys().filter((key) => typeof key === "string").take(8)].map((key) => showValue(key));
  const others = value.size > 0 ? "a dictionary whose keys are no texts" : "an empty dictionary";
  throw unreadable(path, `it holds no named tensors, only ${keys.join(", ") || others}`);
}

/** The dictionary under the first key that leads to tensors, else this one. */
function search(
  path: string,
  value: PickleValue | undefined,
  seen: Set<PickleValue>,
  depth: number,
): Found | undefined {
  if (!(value instanceof Map) || depth === 0 || seen.has(value)) return undefined;
  seen.add(value);
  const below = weightKeys
    .map((key) => ({ key, found: search(path, value.get(key), seen, depth - 1) }))
    .filter(({ found }) => found !== undefined);
  if (below.length > 0) {
    const [{ key, found }, ...others] = below;
    const choice = others.length > 0 ? choiceOf(path, key, others.map(({ key }) => key)) : found!.choice;
    return { tensors: found!.tensors, ...(choice === undefined ? {} : { choice }) };
  }
  const tensors: NamedTensors = new Map();
  for (const [name, tensor] of value) {
    if (typeof name === "string" && (isTorchTensor(tensor) || hasKind<PickleUnread>(tensor, "unread tensor"))) {
      tensors.set(name, tensor);
    }
  }
  return [...tensors.values()].some(isTorchTensor) ? { tensors } : undefined;
}
