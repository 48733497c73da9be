/**
 * A reader of the part of Python's pickle language that tensors are written in.
 *
 * A pickle is a program for a stack machine, and its `GLOBAL`, `REDUCE` and `BUILD` can call anything Python can import. Here
 * a global is looked up in a table that the caller gives and that holds plain functions of this project; whatever else a
 * pickle refers to, and every opcode without a use in a checkpoint, ends the reading. Nothing is ever executed.
 *
 * Source: CPython's `Lib/pickletools.py`, protocols 0 to 4; PyTorch writes protocol 2.
 *
 * @module
 */

/** What a pickle can hold here. Tuples and lists are arrays; dictionaries are maps, so no key can reach a prototype. */
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
  | PickleState
  | PickleObject;

/** A function or class that a pickle refers to and the caller knows. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
  /** What calling it gives; absent if it is only referred to. */
  readonly call?: (parameters: readonly PickleValue[]) => PickleValue;
}

/** An object that is nothing but its attributes. */
export interface PickleRecord {
  readonly kind: "record";
  readonly attributes: Map<PickleValue, PickleValue>;
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

/** What the caller knows. */
export interface PickleContext {
  /** The file, for messages. */
  readonly path: string;
  /** Looks up `module.name`; undefined refuses it. */
  global(name: string): PickleGlobal | undefined;
  /** Resolves a persistent identifier, PyTorch's way of referring to a storage. */
  persistent(identifier: PickleValue): PickleValue;
}

/**
 * Reads one pickle.
 *
 * @param bytes Bytes that hold it.
 * @param start Its first byte.
 * @param context What the caller knows.
 * @returns The value, and the byte after the pickle.
 * @throws {TypeError} If it refers to something that the caller does not know, or is damaged.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  context: PickleContext,
): { value: PickleValue; end: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { path } = context;
  let stack: PickleValue[] = [];
  const marked: PickleValue[][] = [];
  const memo = new Map<number, PickleValue>();
  let position = start;

  const take = (length: number) => {
    if (position + length > bytes.length) {
      throw damaged(path, "it ends in the middle of its pickle (a truncated file?)");
    }
    position += length;
    return position - length;
  };
  const pop = () => {
    if (stack.length === 0) throw damaged(path, `its pickle takes from an empty stack at byte ${position}`);
    return stack.pop()!;
  };
  const popMarked = () => {
    const items = stack;
    const below = marked.pop();
    if (!below) throw damaged(path, `its pickle has no mark for byte ${position}`);
    stack = below;
    return items;
  };
  const top = () => {
    const value = pop();
    stack.push(value);
    return value;
  };
  const line = () => {
    const begin = position;
    while (bytes[take(1)] !== 0x0a);
    return text(begin, position - 1 - begin);
  };
  const text = (offset: number, length: number) => new TextDecoder().decode(bytes.subarray(offset, offset + length));
  const remember = (index: number) => memo.set(index, top());
  const recall = (index: number) => {
    const value = memo.get(index);
    if (value === undefined) throw damaged(path, `its pickle recalls value ${index}, which it never stored`);
    stack.push(value);
  };
  const global = (module: PickleValue, member: PickleValue) => {
    const name = `${module}.${member}`;
    if (typeof module !== "string" || typeof member !== "string" || !/^[\w.]+$/.test(name)) {
      throw damaged(path, `its pickle refers to something without a name at byte ${position}`);
    }
    const known = context.global(name);
    if (!known) {
      throw new TypeError(`Cannot read "${path}": pickle refers to ${name}, which is not a tensor`);
    }
    stack.push(known);
  };
  const call = () => {
    const parameters = pop();
    const callee = pop();
    if (!isGlobal(callee) || !callee.call || !Array.isArray(parameters)) {
      throw damaged(path, `its pickle calls a value that cannot be called at byte ${position}`);
    }
    stack.push(callee.call(parameters));
  };
  const setItems = (items: PickleValue[]) => {
    const target = top();
    if (!(target instanceof Map) || items.length % 2 !== 0) {
      throw damaged(path, `its pickle sets items of something that is not a dictionary at byte ${position}`);
    }
    for (let index = 0; index < items.length; index += 2) target.set(items[index], items[index + 1]);
  };
  const append = (items: PickleValue[]) => {
    const target = top();
    if (!Array.isArray(target)) throw damaged(path, `its pickle appends to something not a list at byte ${position}`);
    for (const item of items) target.push(item);
  };

  const opcodes: Record<number, () => void> = {
    0x80: () => { // PROTO
      const protocol = bytes[take(1)];
      if (protocol > 4) throw damaged(path, `its pickle has protocol ${protocol}, PyTorch writes 2`);
    },
    0x95: () => take(8), // FRAME
    0x28: () => { // MARK
      marked.push(stack);
      stack = [];
    },
    0x30: pop, // POP
    0x4e: () => stack.push(null), // NONE
    0x88: () => stack.push(true), // NEWTRUE
    0x89: () => stack.push(false), // NEWFALSE
    0x4a: () => stack.push(view.getInt32(take(4), true)), // BININT
    0x4b: () => stack.push(bytes[take(1)]), // BININT1
    0x4d: () => stack.push(view.getUint16(take(2), true)), // BININT2
    0x8a: () => { // LONG1
      const length = bytes[take(1)];
      stack.push(integer(bytes.subarray(take(length), position)));
    },
    0x47: () => stack.push(view.getFloat64(take(8), false)), // BINFLOAT
    0x58: () => { // BINUNICODE
      const length = view.getUint32(take(4), true);
      stack.push(text(take(length), length));
    },
    0x8c: () => { // SHORT_BINUNICODE
      const length = bytes[take(1)];
      stack.push(text(take(length), length));
    },
    0x54: () => { // BINSTRING, Python 2's
      const length = view.getUint32(take(4), true);
      stack.push(text(take(length), length));
    },
    0x55: () => { // SHORT_BINSTRING, Python 2's
      const length = bytes[take(1)];
      stack.push(text(take(length), length));
    },
    0x42: () => { // BINBYTES
      const length = view.getUint32(take(4), true);
      stack.push(bytes.slice(take(length), position));
    },
    0x43: () => { // SHORT_BINBYTES
      const length = bytes[take(1)];
      stack.push(bytes.slice(take(length), position));
    },
    0x29: () => stack.push([]), // EMPTY_TUPLE
    0x74: () => { // TUPLE
      const items = popMarked();
      stack.push(items);
    },
    0x85: () => stack.push([pop()]), // TUPLE1
    0x86: () => { // TUPLE2
      const [second, first] = [pop(), pop()];
      stack.push([first, second]);
    },
    0x87: () => { // TUPLE3
      const [third, second, first] = [pop(), pop(), pop()];
      stack.push([first, second, third]);
    },
    0x5d: () => stack.push([]), // EMPTY_LIST
    0x61: () => append([pop()]), // APPEND
    0x65: () => append(popMarked()), // APPENDS
    0x7d: () => stack.push(new Map()), // EMPTY_DICT
    0x73: () => { // SETITEM
      const [value, key] = [pop(), pop()];
      setItems([key, value]);
    },
    0x75: () => setItems(popMarked()), // SETITEMS
    0x71: () => remember(bytes[take(1)]), // BINPUT
    0x72: () => remember(view.getUint32(take(4), true)), // LONG_BINPUT
    0x94: () => remember(memo.size), // MEMOIZE
    0x68: () => recall(bytes[take(1)]), // BINGET
    0x6a: () => recall(view.getUint32(take(4), true)), // LONG_BINGET
    0x51: () => stack.push(context.persistent(pop())), // BINPERSID
    0x63: () => global(line(), line()), // GLOBAL
    0x93: () => { // STACK_GLOBAL
      const [name, module] = [pop(), pop()];
      global(module, name);
    },
    0x52: call, // REDUCE
    0x81: call, // NEWOBJ
    0x62: () => build(pop(), top()), // BUILD
  };

  /** A record's state is its attributes; that of a dictionary (`_metadata`) says nothing about tensors. */
  const build = (state: PickleValue, target: PickleValue) => {
    if (hasState(target)) return target.setState(state);
    if (!(state instanceof Map) || !(target instanceof Map || isRecord(target))) {
      throw damaged(path, `its pickle sets the state of something that has none at byte ${position}`);
    }
    if (isRecord(target)) { for (const [key, value] of state) target.attributes.set(key, value); }
  };

  for (;;) {
    const opcode = bytes[take(1)];
    if (opcode === 0x2e) return { value: pop(), end: position }; // STOP
    const step = opcodes[opcode];
    if (!step) {
      throw damaged(
        path,
        `its pickle has opcode 0x${opcode.toString(16).padStart(2, "0")} at byte ${position - 1}, ` +
          "which no checkpoint needs",
      );
    }
    step();
  }
}

function isGlobal(value: PickleValue): value is PickleGlobal {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "global";
}

function isRecord(value: PickleValue): value is PickleRecord {
  return typeof value === "object" && value !== null && "kind" in value && value.kind === "record";
}

function hasState(value: PickleValue): value is PickleState {
  return typeof value === "object" && value !== null && "setState" in value;
}

/** A little-endian two's complement number of any length. */
function integer(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) value = value << 8n | BigInt(bytes[index]);
  value = BigInt.asIntN(bytes.length * 8, value);
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}

function damaged(path: string, found: string): TypeError {
  return new TypeError(`Cannot read "${path}": ${found}`);
}
