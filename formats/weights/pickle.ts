/**
 * A reader of the part of Python's pickle language that tensors are written in.
 *
 * A pickle is a program for a stack machine, and its `GLOBAL`, `REDUCE` and `BUILD` can call anything Python can import. Here
 * a global is looked up in a table that the caller gives and that holds plain functions of this project; whatever else a
 * pickle refers to, and every opcode without a use in a checkpoint, ends the reading. Nothing is ever executed. What a program
 * costs is bounded by a {@linkcode PickleBudget}, and no text is made of a value before its type is known: a list that holds
 * a list ten times, that holds a list ten times, is a few bytes and a text of gigabytes.
 *
 * Source: CPython's `Lib/pickletools.py`, protocols 0 to 5; PyTorch writes protocol 2 unless told otherwise.
 *
 * @module
 */

import { unreadable } from "../base/files.ts";
import { PICKLE_COSTS, type PickleBudget } from "./pickle_budget.ts";
import {
  type PickleInput,
  take,
  takeByte,
  takeBytes,
  takeInteger,
  takeLine,
  takeText,
  takeUint32,
  takeUint64,
} from "./pickle_input.ts";
import { hasState, isGlobal, isRecord, type PickleGlobal, type PickleValue, setItem } from "./pickle_values.ts";

/** What the caller knows. */
export interface PickleContext {
  /** The file, for messages. */
  readonly path: string;
  /** What reading may cost, all pickles of the file together. */
  readonly budget: PickleBudget;
  /** What is wrong if the bytes end in the pickle; default that the file is cut off. */
  readonly cut?: string;
  /** Looks up `module.name`; undefined refuses it. */
  global(name: string): PickleGlobal | undefined;
  /** Resolves a persistent identifier, PyTorch's way of referring to a storage. */
  persistent(identifier: PickleValue): PickleValue;
}

/** The stack machine. */
interface Machine {
  readonly input: PickleInput;
  readonly context: PickleContext;
  /** The values after the last mark. */
  stack: PickleValue[];
  /** The values before each mark. */
  readonly marked: PickleValue[][];
  readonly memo: PickleValue[];
}

type Opcode = (machine: Machine) => void;

/** Characters of the longest name of a function. */
const LONGEST_NAME = 200;

/** Python stores values in turn, from 0 or, in its version 2, from 1 on. */
const LARGEST_STEP = 1000;

/**
 * Reads one pickle.
 *
 * @param bytes Bytes that hold it.
 * @param start Its first byte.
 * @param context What the caller knows.
 * @returns The value, and the byte after the pickle.
 * @throws {TypeError} If it refers to something that the caller does not know, is damaged, or costs too much.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  context: PickleContext,
): { value: PickleValue; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { path, cut = "it ends in the middle of its pickle (a truncated file?)" } = context;
  const input: PickleInput = { path, bytes, view, cut, position: start };
  const machine: Machine = { input, context, stack: [], marked: [], memo: [] };
  for (;;) {
    const opcode = takeByte(input);
    if (opcode === STOP) return { value: pop(machine), end: input.position };
    const step = opcodes[opcode];
    if (!step) {
      const code = opcode.toString(16).padStart(2, "0");
      throw unreadable(
        input.path,
        `its pickle has opcode 0x${code} at byte ${input.position - 1}, which no checkpoint needs`,
      );
    }
    context.budget.spend(PICKLE_COSTS.opcode);
    step(machine);
  }
}

const STOP = 0x2e;

const numbers: Record<number, Opcode> = {
  0x4e: ({ stack }) => stack.push(null), // NONE
  0x88: ({ stack }) => stack.push(true), // NEWTRUE
  0x89: ({ stack }) => stack.push(false), // NEWFALSE
  0x4a: ({ stack, input }) => stack.push(input.view.getInt32(take(input, 4), true)), // BININT
  0x4b: ({ stack, input }) => stack.push(takeByte(input)), // BININT1
  0x4d: ({ stack, input }) => stack.push(input.view.getUint16(take(input, 2), true)), // BININT2
  0x8a: ({ stack, input, context }) => { // LONG1
    context.budget.spend(PICKLE_COSTS.bytes);
    stack.push(takeInteger(input, takeByte(input)));
  },
  0x47: ({ stack, input }) => stack.push(input.view.getFloat64(take(input, 8), false)), // BINFLOAT
};

const texts: Record<number, Opcode> = {
  0x58: (machine) => pushText(machine, takeUint32(machine.input)), // BINUNICODE
  0x8c: (machine) => pushText(machine, takeByte(machine.input)), // SHORT_BINUNICODE
  0x8d: (machine) => pushText(machine, takeUint64(machine.input)), // BINUNICODE8
  0x54: (machine) => pushText(machine, takeUint32(machine.input)), // BINSTRING, Python 2's
  0x55: (machine) => pushText(machine, takeByte(machine.input)), // SHORT_BINSTRING, Python 2's
  0x42: (machine) => pushBytes(machine, takeUint32(machine.input)), // BINBYTES
  0x43: (machine) => pushBytes(machine, takeByte(machine.input)), // SHORT_BINBYTES
  0x8e: (machine) => pushBytes(machine, takeUint64(machine.input)), // BINBYTES8
  0x96: (machine) => pushBytes(machine, takeUint64(machine.input)), // BYTEARRAY8
};

const containers: Record<number, Opcode> = {
  0x29: (machine) => pushList(machine, []), // EMPTY_TUPLE
  0x5d: (machine) => pushList(machine, []), // EMPTY_LIST
  0x8f: (machine) => pushList(machine, []), // EMPTY_SET
  0x85: (machine) => pushList(machine, [pop(machine)]), // TUPLE1
  0x86: (machine) => { // TUPLE2
    const [second, first] = [pop(machine), pop(machine)];
    pushList(machine, [first, second]);
  },
  0x87: (machine) => { // TUPLE3
    const [third, second, first] = [pop(machine), pop(machine), pop(machine)];
    pushList(machine, [first, second, third]);
  },
  0x74: (machine) => pushList(machine, popMarked(machine)), // TUPLE
  0x91: (machine) => pushList(machine, popMarked(machine)), // FROZENSET
  0x61: (machine) => append(machine, [pop(machine)]), // APPEND
  0x65: (machine) => append(machine, popMarked(machine)), // APPENDS
  0x90: (machine) => append(machine, popMarked(machine)), // ADDITEMS
  0x7d: ({ stack, context }) => { // EMPTY_DICT
    context.budget.spend(PICKLE_COSTS.dictionary);
    stack.push(new Map());
  },
  0x73: (machine) => { // SETITEM
    const [value, key] = [pop(machine), pop(machine)];
    setItems(machine, [key, value]);
  },
  0x75: (machine) => setItems(machine, popMarked(machine)), // SETITEMS
};

const stackAndMemo: Record<number, Opcode> = {
  0x80: ({ input }) => { // PROTO
    const protocol = takeByte(input);
    if (protocol > 5) throw unreadable(input.path, `its pickle has protocol ${protocol}, PyTorch writes 2`);
  },
  0x95: ({ input }) => take(input, 8), // FRAME
  0x28: (machine) => { // MARK
    machine.context.budget.spend(PICKLE_COSTS.object);
    machine.marked.push(machine.stack);
    machine.stack = [];
  },
  0x30: pop, // POP
  0x31: popMarked, // POP_MARK
  0x71: (machine) => remember(machine, takeByte(machine.input)), // BINPUT
  0x72: (machine) => remember(machine, takeUint32(machine.input)), // LONG_BINPUT
  0x94: (machine) => remember(machine, machine.memo.length), // MEMOIZE
  0x68: (machine) => recall(machine, takeByte(machine.input)), // BINGET
  0x6a: (machine) => recall(machine, takeUint32(machine.input)), // LONG_BINGET
};

const objects: Record<number, Opcode> = {
  0x51: (machine) => { // BINPERSID
    machine.context.budget.spend(PICKLE_COSTS.object);
    machine.stack.push(machine.context.persistent(pop(machine)));
  },
  0x63: (machine) => pushGlobal(machine, takeLine(machine.input), takeLine(machine.input)), // GLOBAL
  0x93: (machine) => { // STACK_GLOBAL
    const [name, module] = [pop(machine), pop(machine)];
    pushGlobal(machine, module, name);
  },
  0x52: call, // REDUCE
  0x81: call, // NEWOBJ
  0x62: build, // BUILD
};

/** Opcodes by their byte. */
const opcodes: readonly (Opcode | undefined)[] = Object.assign(
  new Array<Opcode | undefined>(256).fill(undefined),
  numbers,
  texts,
  containers,
  stackAndMemo,
  objects,
);

/** An error of the step that was taken last. */
function wrongStep({ input }: Machine, what: string): TypeError {
  return unreadable(input.path, `its pickle ${what} at byte ${input.position}`);
}

function pop(machine: Machine): PickleValue {
  if (machine.stack.length === 0) throw wrongStep(machine, "takes from an empty stack");
  return machine.stack.pop()!;
}

function top(machine: Machine): PickleValue {
  const value = pop(machine);
  machine.stack.push(value);
  return value;
}

function popMarked(machine: Machine): PickleValue[] {
  const items = machine.stack;
  const below = machine.marked.pop();
  if (!below) throw unreadable(machine.input.path, `its pickle has no mark for byte ${machine.input.position}`);
  machine.stack = below;
  return items;
}

function remember(machine: Machine, index: number): void {
  const { memo, input, context } = machine;
  if (index > memo.length + LARGEST_STEP) {
    throw unreadable(input.path, `its pickle stores value ${index} after ${memo.length} others`);
  }
  context.budget.spend(PICKLE_COSTS.opcode * Math.max(1, index - memo.length));
  memo[index] = top(machine);
}

function recall({ memo, stack, input }: Machine, index: number): void {
  const value = memo[index];
  if (value === undefined) throw unreadable(input.path, `its pickle recalls value ${index}, which it never stored`);
  stack.push(value);
}

function pushText({ stack, input, context }: Machine, length: number): void {
  context.budget.spend(PICKLE_COSTS.text + Math.min(length, input.bytes.length));
  stack.push(takeText(input, length));
}

function pushBytes({ stack, input, context }: Machine, length: number): void {
  context.budget.spend(PICKLE_COSTS.bytes + Math.min(length, input.bytes.length));
  stack.push(takeBytes(input, length));
}

function pushList({ stack, context }: Machine, items: PickleValue[]): void {
  context.budget.spend(PICKLE_COSTS.object);
  stack.push(items);
}

function append(machine: Machine, items: PickleValue[]): void {
  const target = top(machine);
  if (!Array.isArray(target)) throw wrongStep(machine, "appends to something not a list");
  for (const item of items) target.push(item);
}

function setItems(machine: Machine, items: PickleValue[]): void {
  const target = top(machine);
  if (!(target instanceof Map) || items.length % 2 !== 0) {
    throw wrongStep(machine, "sets items of something that is not a dictionary");
  }
  machine.context.budget.spend(PICKLE_COSTS.item * items.length);
  for (let index = 0; index < items.length; index += 2) setItem(target, items[index], items[index + 1]);
}

function pushGlobal({ stack, input, context }: Machine, module: PickleValue, member: PickleValue): void {
  const isName = (text: PickleValue) =>
    typeof text === "string" && text.length <= LONGEST_NAME && /^[\w.]+$/.test(text);
  if (!isName(module) || !isName(member)) {
    throw unreadable(input.path, `its pickle refers to something without a name at byte ${input.position}`);
  }
  context.budget.spend(PICKLE_COSTS.name);
  const name = `${module}.${member}`;
  const known = context.global(name);
  if (!known) throw unreadable(input.path, `pickle refers to ${name}, which is not a tensor`);
  stack.push(known);
}

function call(machine: Machine): void {
  const { stack, context } = machine;
  const [parameters, callee] = [pop(machine), pop(machine)];
  if (!isGlobal(callee) || !callee.call || !Array.isArray(parameters)) {
    throw wrongStep(machine, "calls a value that cannot be called");
  }
  context.budget.spend(PICKLE_COSTS.object);
  stack.push(callee.call(parameters, context.budget));
}

/** A record's state is its attributes; that of a dictionary (`_metadata`) says nothing about tensors. */
function build(machine: Machine): void {
  const [state, target] = [pop(machine), top(machine)];
  if (hasState(target)) return target.setState(state);
  if (!(state instanceof Map) || !(target instanceof Map || isRecord(target))) {
    throw wrongStep(machine, "sets the state of something that has none");
  }
  if (!isRecord(target)) return;
  machine.context.budget.spend(PICKLE_COSTS.item * state.size);
  for (const [key, value] of state) target.attributes.set(key, value);
}
