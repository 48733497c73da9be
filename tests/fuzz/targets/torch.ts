/**
 * PyTorch's files in both containers: published label maps, checkpoints, and every type and stride.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { fromFileUrl } from "@std/path";
import { dataTypes } from "../../../formats/weights/data_types.ts";
import {
  isNumpyArray,
  isTorchTensor,
  isUnread,
  type NumpyArray,
  numpyValues,
  openTorch,
  openWeights,
  type PickleValue,
  type TorchTensor,
} from "../../../formats/weights/mod.ts";
import { zipFile } from "../../formats/weights/zip_file.ts";
import { unclearness } from "../clear_error.ts";
import { pickleProgram } from "../pickle_program.ts";
import type { Random } from "../random.ts";
import { promise, type Region, type Rewrite, type Sample, type Target } from "../sample.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const TESTS = fromFileUrl(new URL("../../", import.meta.url));
const FILES = [
  "fixtures/published/n01440764/n01440764_10026.pt",
  "fixtures/published/n01440764/n01440764_10027.pt",
  "formats/weights/fixtures/averaged.pth",
  "formats/weights/fixtures/beside.protocol4.pth",
  "formats/weights/fixtures/beside.protocol5.pth",
  "formats/weights/fixtures/beside.stream.pth",
  "formats/weights/fixtures/beside.zip.pth",
  "formats/weights/fixtures/checkpoint.pth.tar",
  "formats/weights/fixtures/single.stream.pt",
  "formats/weights/fixtures/tensors.stream.pt",
  "formats/weights/fixtures/tensors.zip.pt",
  "formats/published/fixtures/marginal.tar",
  "formats/published/fixtures/marginal.stream.tar",
  "formats/published/fixtures/token_labels.pt",
];

/** Opcodes of pickles, those that checkpoints have and those that they must not have. */
const OPCODES = [..."(.0N1234]})adeghjiIlLprtuXcobRsQPFSUVTKMJG\x80\x81\x82\x85\x86\x87\x88\x8a\x8b\x8c\x93\x94\x95"]
  .map(
    (letter) => letter.charCodeAt(0),
  );

/** PyTorch's files. */
export const torch: Target = {
  samples: () =>
    FILES.map((name): Sample => {
      const bytes = Deno.readFileSync(TESTS + name);
      const isZip = bytes[0] === 0x50;
      return {
        name,
        bytes,
        regions: isZip ? zipRegions(bytes) : [{ name: "pickles", start: 0, end: Math.min(bytes.length, 400) }],
        rewrites: [(random) => isZip ? rewriteZip(bytes, random) : rewriteStream(bytes, random), rewriteProgram],
      };
    }),
  async read(path) {
    const file = await openTorch(path);
    try {
      const tensors: unknown[] = [];
      const others: string[] = [];
      for (const { name, value } of leaves(file.value)) {
        if (isNumpyArray(value)) tensors.push({ name, shape: value.shape, elements: readArray(value) });
        else if (!isTorchTensor(value)) others.push(`${name}: ${describe(value)}`);
        else if (value.dtype in dataTypes) tensors.push({ name, ...value, elements: readTensor(file, value) });
        else others.push(`${name}: ${value.dtype} [${value.shape}]`);
      }
      if (tensors.length > 0) checkChecksums(Deno.readFileSync(path));
      return { tensors, others, weights: await readWeights(path) };
    } finally {
      file.close();
    }
  },
};

/** The weights that are found in the object, or the sentence which says that there are none. */
async function readWeights(path: string): Promise<unknown> {
  try {
    const weights = await openWeights(path);
    try {
      const { names, choice } = weights;
      return { names, choice, shapes: names.map(weights.shape), types: names.map(weights.dtype) };
    } finally {
      weights.close();
    }
  } catch (error) {
    if (unclearness(error, path) !== undefined) throw error;
    return (error as Error).message.replace(path, "");
  }
}

function describe(value: PickleValue): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (isUnread(value)) return value.what;
  return "kind" in value ? value.kind : value.constructor.name;
}

/** Where the directory has checksums, what was read of a zip file has them. */
function checkChecksums(bytes: Bytes): void {
  if (bytes[0] !== 0x50) return;
  const entries = zipEntries(bytes);
  for (const { name, start, end, checksum } of entries.filter(({ name }) => name.endsWith("/data.pkl"))) {
    promise(checksum === 0 || crc32(bytes.subarray(start, end)) === checksum, `entry ${name} is another than it was`);
  }
}

function readTensor(file: { read(tensor: TorchTensor): Float32Array }, tensor: TorchTensor): Float32Array {
  const elements = file.read(tensor);
  const count = tensor.shape.reduce((product, size) => product * size, 1);
  promise(elements.length === count, `a tensor of [${tensor.shape}] has ${elements.length} elements`);
  return elements;
}

function readArray(array: NumpyArray): Float32Array {
  const elements = numpyValues(array);
  const count = array.shape.reduce((product, size) => product * size, 1);
  promise(elements.length === count, `an array of [${array.shape}] has ${elements.length} elements`);
  return elements;
}

interface Leaf {
  readonly name: string;
  readonly value: PickleValue;
}

/** All that a pickled object holds, without walking in circles. */
function leaves(root: PickleValue): Leaf[] {
  const found: Leaf[] = [];
  const seen = new Set<PickleValue>();
  const open: Leaf[] = [{ name: "", value: root }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { name, value } = next;
    const isHolder = Array.isArray(value) || value instanceof Map;
    if (!isHolder || seen.has(value)) {
      found.push(next);
      continue;
    }
    seen.add(value);
    for (const [key, item] of value.entries()) {
      // Cut off, as lists may lie a million deep.
      open.push({ name: `${name}/${typeof key === "object" ? "key" : String(key)}`.slice(0, 200), value: item });
    }
  }
  return found;
}

interface ZipPlace {
  readonly name: string;
  /** First byte, and the one after the last. */
  readonly start: number;
  readonly end: number;
  /** First byte of its header. */
  readonly header: number;
  /** CRC-32, 0 if there is none. */
  readonly checksum: number;
}

/** The entries of a zip file of less than 4 GB, by its directory and shorter end record. */
function zipEntries(bytes: Bytes): ZipPlace[] {
  const view = new DataView(bytes.buffer);
  let last = bytes.length - 22;
  while (view.getUint32(last, true) !== 0x06054b50) last--;
  const entries = [];
  let position = view.getUint32(last + 16, true);
  for (let index = 0; index < view.getUint16(last + 10, true); index++) {
    const nameLength = view.getUint16(position + 28, true);
    const header = view.getUint32(position + 42, true);
    const start = header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(position + 46, position + 46 + nameLength)),
      start,
      end: start + view.getUint32(position + 24, true),
      header,
      checksum: view.getUint32(position + 16, true),
    });
    position += 46 + nameLength + view.getUint16(position + 30, true) + view.getUint16(position + 32, true);
  }
  return entries;
}

function zipRegions(bytes: Bytes): Region[] {
  const last = bytes.length - 22;
  const directory = new DataView(bytes.buffer).getUint32(last + 16, true);
  const entries = zipEntries(bytes);
  const pickle = entries.find(({ name }) => name.endsWith("data.pkl"))!;
  return [
    { name: "zip directory", start: directory, end: last },
    { name: "end of zip directory", start: last, end: bytes.length },
    { name: "pickle", start: pickle.start, end: pickle.end },
    { name: "pickle", start: pickle.start, end: pickle.end },
    ...entries.map(({ name, header }) => ({ name: `header of ${name}`, start: header, end: header + 30 })),
  ];
}

/** Another program in the pickle of a zip file, which is put together again around it. */
function rewriteZip(bytes: Bytes, random: Random): Rewrite {
  const entries = Object.fromEntries(zipEntries(bytes).map(({ name, start, end }) => [name, bytes.slice(start, end)]));
  const name = Object.keys(entries).find((name) => name.endsWith("data.pkl"))!;
  const { bytes: pickle, what } = rewritePickle(entries[name], random);
  return { bytes: zipFile({ ...entries, [name]: pickle }), what };
}

/** Another program altogether. */
function rewriteProgram(random: Random): Rewrite {
  const { bytes, what } = pickleProgram(random);
  return { bytes: zipFile({ "a/data.pkl": bytes, "a/data/0": new Uint8Array(64) }), what };
}

function rewriteStream(bytes: Bytes, random: Random): Rewrite {
  const pickles = Math.min(bytes.length, 400);
  const { bytes: head, what } = rewritePickle(bytes.slice(0, pickles), random);
  const changed = new Uint8Array(head.length + bytes.length - pickles);
  changed.set(head);
  changed.set(bytes.subarray(pickles), head.length);
  return { bytes: changed, what };
}

/** An opcode replaced, or some put in; in one case of three another number after an opcode for integers. */
function rewritePickle(pickle: Bytes, random: Random): Rewrite {
  const position = 2 + random.below(pickle.length - 2);
  if (random.once(3)) {
    const integers = [...pickle.keys()].filter((index) => [0x4a, 0x4b, 0x4d].includes(pickle[index]));
    const at = integers.length > 0 ? random.one(integers) : position;
    const value = random.one([0, 1, 2 ** 31 - 1, -1, 2 ** 30, 65535, 1000]);
    const opcode = [0x4a, value & 255, value >> 8 & 255, value >> 16 & 255, value >> 24 & 255];
    const width = { 0x4a: 5, 0x4b: 2, 0x4d: 3 }[pickle[at]] ?? 1;
    return {
      bytes: Uint8Array.from([...pickle.subarray(0, at), ...opcode, ...pickle.subarray(at + width)]),
      what: `integer at ${at} of the pickle set to ${value}`,
    };
  }
  const opcodes = Array.from({ length: 1 + random.below(3) }, () => random.one(OPCODES));
  const replaced = random.once(2) ? 1 : 0;
  return {
    bytes: Uint8Array.from([...pickle.subarray(0, position), ...opcodes, ...pickle.subarray(position + replaced)]),
    what: `opcodes ${opcodes.map((code) => code.toString(16))} ${
      replaced ? "over" : "before"
    } ${position} of the pickle`,
  };
}
