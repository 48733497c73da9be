/**
 * What a pickle can hold here.
 *
 * @module
 */

import type { PickleBudget } from "./pickle_budget.ts";

/**
 * A value of a pickle. Tuples, lists and sets are arrays; dictionaries are maps, so no key can reach a prototype. A key that
 * is no text stands in a {@linkcode PickleKey}.
 */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleValue[]
  | Map<PickleValue, PickleValue>
  | PickleGlobal
  | PickleRecord
  | PickleKey
  | PickleUnread
  | PickleState
  | PickleObject;

/** A function or class that a pickle refers to and the caller knows. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
  /** What calling it gives; absent if it is only referred to. */
  readonly call?: (parameters: readonly PickleValue[], budget: PickleBudget) => PickleValue;
}

/** Functions that a pickle may call, by `module.name`. */
export type PickleFunctions = Readonly<
  Record<string, (path: string, parameters: readonly PickleValue[], budget: PickleBudget) => PickleValue>
>;

/** An object that is nothing but its attributes. */
export interface PickleRecord {
  readonly kind: "record";
  readonly attributes: Map<PickleValue, PickleValue>;
}

/**
 * A key of a dictionary that is no text. Engines hash numbers without a seed, so a file could choose thousands that collide;
 * objects have random hashes.
 */
export interface PickleKey {
  readonly kind: "key";
  readonly value: PickleValue;
}

/** A tensor or an array that nobody here can use: it may stand beside the weights, not among them. */
export interface PickleUnread {
  readonly kind: "unread tensor" | "unread array";
  /** With its article: `a sparse tensor`. */
  readonly what: string;
}

/** A value of the caller's own that is told what it holds after it was made, such as an array. */
export interface PickleState {
  readonly kind: string;
  setState(state: PickleValue): void;
}

/** A value of the caller's own, such as a tensor. */
export interface PickleObject {
  readonly kind: string;
}

/** Tells a function or class from other values. */
export function isGlobal(value: PickleValue | undefined): value is PickleGlobal {
  return hasKind(value, "global");
}

/** Tells an object of attributes from other values. */
export function isRecord(value: PickleValue | undefined): value is PickleRecord {
  return hasKind(value, "record");
}

/** Tells a tensor or an array that nobody can use from other values. */
export function isUnread(value: PickleValue | undefined): value is PickleUnread {
  return hasKind(value, "unread tensor") || hasKind(value, "unread array");
}

/** Tells a value that is told what it holds from other values. */
export function hasState(value: PickleValue | undefined): value is PickleState {
  return typeof value === "object" && value !== null && "setState" in value;
}

/**
 * Puts an item into a dictionary.
 *
 * @param dictionary The dictionary.
 * @param key The item's key, of any kind.
 * @param value The item's value.
 */
export function setItem(dictionary: Map<PickleValue, PickleValue>, key: PickleValue, value: PickleValue): void {
  dictionary.set(typeof key === "string" ? key : { kind: "key", value: key }, value);
}

/**
 * Tells the values of one kind from the others.
 *
 * @param value Any value.
 * @param kind The kind.
 * @returns Whether it is one.
 */
export function hasKind<Value extends PickleObject>(
  value: PickleValue | undefined,
  kind: Value["kind"],
): value is Value {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === kind;
}
