/**
 * Programs in Python's pickle language, made at random of what a hostile one is made of: known functions called with anything,
 * values remembered and used again and again, lists in lists, lengths that lie.
 *
 * @module
 */

import type { Random } from "./random.ts";
import type { Rewrite } from "./sample.ts";

/** Names of functions and classes that are known, and of some that are not. */
const NAMES = [
  ..."OrderedDict Counter defaultdict".split(" ").map((name) => `collections\n${name}`),
  ..."set frozenset bytearray bytes complex bool slice list".split(" ").map((name) => `__builtin__\n${name}`),
  ..."Size device float32 uint16 Tensor FloatStorage".split(" ").map((name) => `torch\n${name}`),
  ...[
    "_rebuild_tensor",
    "_rebuild_tensor_v2",
    "_rebuild_tensor_v3",
    "_rebuild_parameter",
    "_rebuild_parameter_with_state",
    "_rebuild_qtensor",
    "_rebuild_sparse_tensor",
    "_rebuild_device_tensor_from_cpu_tensor",
  ].map((name) => `torch._utils\n${name}`),
  "torch._tensor\n_rebuild_from_type_v2",
  "torch.nn.parameter\nParameter",
  "torch.serialization\n_get_layout",
  "torch.storage\nUntypedStorage",
  "numpy.core.multiarray\n_reconstruct",
  "numpy._core.multiarray\nscalar",
  "numpy._core.numeric\n_frombuffer",
  "numpy\ndtype",
  "numpy\nndarray",
  "_codecs\nencode",
  "argparse\nNamespace",
  "os\nsystem",
];

/** Texts that mean something to a reader. */
const TEXTS = [
  "storage",
  "0",
  "cpu",
  "latin1",
  "f4",
  "f8",
  "<",
  ">",
  "model",
  "state_dict",
  "module.weight",
  "\u00e4",
  "lol",
];

/** How many values a program remembers. */
const MEMORY = 8;

type Piece = readonly number[];

/** Pieces that are seldom right. */
const WRONG_ONCE_IN = 40;

/** Makes a piece of a program, that leaves a value on the stack if the reader takes it. */
type Make = (random: Random, depth: number) => Piece;

const bytesOf = (text: string) => [...new TextEncoder().encode(text)];
const uint32 = (value: number) => [value & 255, value >>> 8 & 255, value >>> 16 & 255, value >>> 24];

const number: Make = (random) =>
  random.one([
    [0x4e],
    [0x88],
    [0x89],
    [0x4b, random.below(256)],
    [0x4a, ...uint32(random.one([0, 1, -1, 4, 16, 2 ** 31 - 1, -(2 ** 31)]))],
    [0x8a, ...random.one([[0], [1, 255], [8, 255, 255, 255, 255, 255, 255, 255, 127], [9, 0, 0, 0, 0, 0, 0, 0, 0, 1]])],
    [0x47, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0],
  ]);

const text: Make = (random) => {
  const bytes = bytesOf(random.one(TEXTS));
  const length = random.once(100) ? random.one([0, 255, 2 ** 31 - 1, -1]) : bytes.length;
  return random.one([
    [0x58, ...uint32(length), ...bytes],
    [0x8c, length & 255, ...bytes],
    [0x55, length & 255, ...bytes],
    [0x43, length & 255, ...bytes],
    [0x8d, ...uint32(length), ...uint32(length < 0 ? -1 : 0), ...bytes],
  ]);
};

const global: Make = (random) => [0x63, ...bytesOf(`${random.one(NAMES)}\n`)];

const remembered: Make = (random) => [0x68, random.below(MEMORY)];

const container: Make = (random, depth) => {
  const inner = () => value(random, depth + 1);
  const items = () => Array.from({ length: random.below(6) }, inner).flat();
  const pairs = () => Array.from({ length: random.below(4) }, () => [...inner(), ...inner()]).flat();
  // Functions, as only the one that is taken may be made.
  return random.one([
    () => [0x28, ...items(), 0x74],
    () => [0x5d, 0x28, ...items(), 0x65],
    () => [0x8f, 0x28, ...items(), 0x90],
    () => [0x28, ...items(), 0x91],
    () => [0x7d, 0x28, ...pairs(), 0x75],
    () => [...inner(), 0x85],
    () => [...inner(), ...inner(), 0x86],
  ])();
};

const called: Make = (random, depth) => {
  const parameters = Array.from({ length: random.below(8) }, () => value(random, depth + 1)).flat();
  return [...global(random, depth), 0x28, ...parameters, 0x74, random.one([0x52, 0x81])];
};

/** Calls with what they are made for, as far as the values that are used again are that. */
const plausible: Make = (random, depth) => {
  const name = (text: string) => [0x63, ...bytesOf(`${text}\n`)];
  const list = () => [0x28, ...Array.from({ length: random.below(5) }, () => value(random, depth + 1)).flat(), 0x74];
  const pair = () => [...value(random, depth + 1), ...value(random, depth + 1), 0x86];
  const short = (text: string) => [0x55, text.length, ...bytesOf(text)];
  const bytes = () => [0x43, 4, 1, 2, 3, 4];
  const type = [...name("numpy\ndtype"), ...short(random.one(["f4", "i4", "u4", "O8"])), 0x85, 0x52];
  const ordered = [0x28, 0x4b, 3, ...short(random.one(["<", "<", ">"])), 0x4e, 0x4e, 0x4e, 0x74, 0x62];
  return random.one([
    () => [...name("collections\nOrderedDict"), 0x28, ...pair(), ...pair(), 0x74, 0x85, 0x52],
    () => [...name("collections\nOrderedDict"), ...remembered(random, depth), 0x85, 0x52],
    () => [...name("collections\nCounter"), 0x7d, ...text(random, depth), ...number(random, depth), 0x73, 0x85, 0x52],
    () => [...name("__builtin__\nset"), ...list(), 0x85, 0x52],
    () => [...name("torch\nSize"), ...list(), 0x85, 0x52],
    () => [...name("torch\ndevice"), ...list(), 0x52],
    () => [...name("_codecs\nencode"), ...text(random, depth), ...short("latin1"), 0x86, 0x52],
    () => [...name("argparse\nNamespace"), 0x29, 0x81, 0x7d, ...pair().slice(0, -1), 0x73, 0x62],
    () => [...type, ...ordered],
    () => [...name("numpy.core.multiarray\nscalar"), ...type, ...ordered, ...bytes(), 0x86, 0x52],
    () => [...name("torch._utils\n_rebuild_parameter"), ...tensor(random, depth), 0x89, 0x7d, 0x87, 0x52],
  ])();
};

const tensor: Make = (random) => {
  const size = random.one([0, 1, 4, 8, 15, 15, 15, 255]);
  return [
    ...bytesOf("ctorch._utils\n_rebuild_tensor_v2\n((U\u0007storagectorch\nFloatStorage\nU\u00010U\u0003cpu"),
    ...[
      0x4b,
      random.once(20) ? 17 : 16,
      0x74,
      0x51,
      0x4b,
      random.one([0, 1]),
      0x4b,
      size,
      0x85,
      0x4b,
      1,
      0x85,
      0x89,
      0x7d,
    ],
    ...[0x74, 0x52],
  ];
};

const built: Make = (random, depth) => [...value(random, depth + 1), ...value(random, depth + 1), 0x62];

const stored: Make = (random, depth) => [...value(random, depth + 1), 0x51];

/** A list of ten times the list before, and so on; or one piece thousands of times. */
const repeated: Make = (random, depth) => {
  if (random.once(2)) {
    const slot = random.below(MEMORY);
    const again = [0x68, slot, 0x68, slot, 0x68, slot];
    return [
      ...value(random, depth + 1),
      ...Array.from({ length: 30 }, () => [0x71, slot, 0x5d, 0x28, ...again, 0x65]).flat(),
    ];
  }
  const piece = value(random, depth + 1);
  const count = Math.floor(random.one([10, 1000, 20_000]) / Math.max(1, piece.length));
  return [0x28, ...Array.from({ length: count }, () => piece).flat(), 0x74];
};

const MAKES: readonly Make[] = [
  ...[number, number, text, text, text, global, remembered, remembered, remembered, container, container, container],
  ...[plausible, plausible, plausible, plausible, plausible, plausible, tensor, tensor, repeated, repeated],
];

function value(random: Random, depth: number): Piece {
  const wrong = random.once(WRONG_ONCE_IN) ? [called, built, stored] : MAKES;
  const make = depth > 5 ? random.one([number, text, remembered]) : random.one(wrong);
  const piece = make(random, depth);
  return random.once(4) ? [...piece, 0x71, random.below(MEMORY)] : piece;
}

/**
 * A program.
 *
 * @param random The case's choices.
 * @returns A pickle, and what it is.
 */
export function pickleProgram(random: Random): Rewrite {
  const simple = Array.from({ length: MEMORY }, (_, slot) => [0x5d, 0x71, slot, 0x30]).flat();
  const first = [...simple, ...Array.from({ length: MEMORY }, () => [...value(random, 3), 0x30]).flat()];
  const keys = ["weight", random.one(TEXTS)].flatMap((
    name,
  ) => [0x58, ...uint32(bytesOf(name).length), ...bytesOf(name)]);
  const name = keys.slice(0, 5 + "weight".length);
  const items = [...name, ...tensor(random, 0), ...keys.slice(name.length), ...value(random, 0)];
  const program = [0x80, random.one([2, 4, 5]), ...first, 0x7d, 0x28, ...items, 0x75, 0x2e];
  return { bytes: Uint8Array.from(program), what: `a pickle of ${program.length} bytes made at random` };
}
