/**
 * Python's own objects that stand beside the weights of a checkpoint.
 *
 * In protocol 2, which PyTorch writes, bytes are text that `_codecs.encode(text, "latin1")` turns back. A set is a list here.
 *
 * Source: CPython's `Lib/pickle.py` (`save_bytes`, `save_bytearray`) and the `__reduce__` of each class.
 *
 * @module
 */

import { PICKLE_COSTS, type PickleBudget } from "./pickle_budget.ts";
import type { PickleFunctions, PickleObject, PickleValue } from "./pickle_values.ts";
import { unreadable } from "../base/files.ts";

/** Classes that a pickle refers to and does not call. */
export const pythonNames: ReadonlySet<string> = new Set(
  ["dict", "float", "int", "list", "object", "str", "tuple"].map((name) => `builtins.${name}`),
);

/** Objects of which nothing is kept. */
const passedOver = [
  ...["builtins.range", "builtins.slice", "builtins.xrange"],
  ...["datetime.date", "datetime.datetime", "datetime.timedelta"],
  ...["PosixPath", "PurePosixPath", "PureWindowsPath", "WindowsPath"].flatMap((name) => [
    `pathlib.${name}`,
    `pathlib._local.${name}`,
  ]),
];

/** What a pickle may call. */
export const pythonFunctions: PickleFunctions = {
  "_codecs.encode": latin1Bytes,
  "builtins.bytes": bytesOf,
  "builtins.bytearray": bytesOf,
  "builtins.bool": truthOf,
  "builtins.complex": (): PickleObject => ({ kind: "complex" }),
  "builtins.frozenset": itemsOf,
  "builtins.set": itemsOf,
  "collections.defaultdict": () => new Map(),
  ...Object.fromEntries(passedOver.map((name) => [name, (): PickleObject => ({ kind: name })])),
};

/** Python's `bytes()` of nothing, of bytes, or of text and its encoding. */
function bytesOf(path: string, parameters: readonly PickleValue[], budget: PickleBudget): Uint8Array {
  const [content] = parameters;
  if (content === undefined) return new Uint8Array(0);
  return content instanceof Uint8Array ? content : latin1Bytes(path, parameters, budget);
}

function latin1Bytes(path: string, [text, encoding]: readonly PickleValue[], budget: PickleBudget): Uint8Array {
  const wrong = () => unreadable(path, "pickle encodes something that is not bytes");
  if (typeof text !== "string" || (encoding !== "latin1" && encoding !== "latin-1")) throw wrong();
  budget.spend(PICKLE_COSTS.bytes + text.length);
  const bytes = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 255) throw wrong();
    bytes[index] = code;
  }
  return bytes;
}

function truthOf(path: string, [value]: readonly PickleValue[]): boolean {
  if (typeof value === "number" || typeof value === "boolean") return Boolean(value);
  throw unreadable(path, "pickle makes a bool of something else");
}

function itemsOf(path: string, [items = []]: readonly PickleValue[]): PickleValue {
  if (Array.isArray(items)) return items;
  throw unreadable(path, "pickle makes a set of something else");
}
