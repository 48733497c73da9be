/**
 * The named tensors of a PyTorch checkpoint.
 *
 * @module
 */

import { type ByteSource, sha256OfFile } from "./byte_source.ts";
import type { PickleValue } from "./pickle.ts";
import type { TorchFile } from "./torch.ts";
import { isTorchTensor, type TorchTensor } from "./torch_objects.ts";
import { tensorNamed, type Weights } from "./weights.ts";

/** Keys under which training programs put the state dict; averaged weights first, as they are those that are evaluated. */
const stateDictKeys = ["state_dict_ema", "model_ema", "state_dict", "model_state_dict", "model_state", "model"];

/** What wrappers for several devices and for compilation put before every name. */
const wrapperPrefixes = ["module.", "_orig_mod."];

/**
 * Finds the state dict of a checkpoint: the object itself, or what lies under one of the usual keys.
 *
 * @param source The open file; it is closed with the weights.
 * @param file Its object.
 * @returns The weights, without the prefixes of wrappers.
 * @throws {TypeError} If there are no named tensors.
 */
export function readStateDict(source: ByteSource, file: TorchFile): Weights {
  const { path } = source;
  const tensors = unwrap(findTensors(path, file.value));
  return {
    path,
    names: [...tensors.keys()],
    shape: (name) => tensorNamed(path, tensors, name).shape,
    dtype: (name) => tensorNamed(path, tensors, name).dtype,
    read: (name) => Promise.try(() => file.read(tensorNamed(path, tensors, name))),
    sha256: () => sha256OfFile(path),
    close: () => source.close(),
  };
}

function findTensors(path: string, value: PickleValue): Map<string, TorchTensor> {
  if (!(value instanceof Map)) {
    const found = isTorchTensor(value) ? "a single tensor" : "no dictionary";
    throw new TypeError(`Cannot read "${path}": it holds ${found}, expected named tensors`);
  }
  for (const key of stateDictKeys) {
    const tensors = tensorsOf(value.get(key));
    if (tensors.size > 0) return tensors;
  }
  const tensors = tensorsOf(value);
  if (tensors.size === 0) {
    const keys = [...value.keys()].slice(0, 8).join(", ");
    throw new TypeError(`Cannot read "${path}": it holds no named tensors, only ${keys || "an empty dictionary"}`);
  }
  return tensors;
}

function tensorsOf(value: PickleValue | undefined): Map<string, TorchTensor> {
  const tensors = new Map<string, TorchTensor>();
  if (!(value instanceof Map)) return tensors;
  for (const [name, tensor] of value) {
    if (typeof name === "string" && isTorchTensor(tensor)) tensors.set(name, tensor);
  }
  return tensors;
}

function unwrap(tensors: Map<string, TorchTensor>): Map<string, TorchTensor> {
  for (const prefix of wrapperPrefixes) {
    if ([...tensors.keys()].every((name) => name.startsWith(prefix))) {
      return unwrap(new Map([...tensors].map(([name, tensor]) => [name.slice(prefix.length), tensor])));
    }
  }
  return tensors;
}
