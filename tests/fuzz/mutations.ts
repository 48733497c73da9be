/**
 * Changes to a file: what disks, networks and hands do to bytes, and what somebody does who knows the format.
 *
 * @module
 */

import type { Random } from "./random.ts";
import type { Region, Rewrite, Sample } from "./sample.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** A change to some bytes in a region. */
type Edit = (bytes: Bytes, region: Region, random: Random, samples: readonly Sample[]) => Rewrite;

/** Integers at which programs go wrong; signed ones as two's complement. */
const EXTREMES = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x20_0000_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0xffff_ffff_ffff_ffffn,
];

const EDITS: readonly Edit[] = [
  flipBit,
  flipBit,
  setByte,
  setByte,
  setInteger,
  setInteger,
  addToInteger,
  setVarint,
  setDigit,
  fill,
  truncate,
  remove,
  duplicate,
  insert,
  swap,
  splice,
  graft,
];

/**
 * Changes a sample: one edit in two cases of three, else up to four, half of them in a region that means something; and
 * where a format has rewrites, one of those in a third of all cases.
 *
 * @param samples All samples of the format.
 * @param random The case's choices.
 * @returns The sample that was changed, its bytes now, and what was done.
 */
export function mutate(samples: readonly Sample[], random: Random): Rewrite & { sample: Sample } {
  const sample = random.one(samples);
  if (sample.rewrites.length > 0 && random.once(3)) return { sample, ...random.one(sample.rewrites)(random) };
  const count = random.once(3) ? 2 + random.below(3) : 1;
  let { bytes } = sample;
  const done: string[] = [];
  for (let index = 0; index < count && bytes.length > 0; index++) {
    const whole = { name: "file", start: 0, end: bytes.length };
    const aimed = random.once(2) ? whole : random.one([...sample.regions, whole]);
    const region = { ...aimed, end: Math.min(aimed.end, bytes.length) };
    const edit = random.one(EDITS);
    const { what, bytes: changed } = edit(bytes.slice(), region.start < region.end ? region : whole, random, samples);
    bytes = changed;
    done.push(what);
  }
  return { sample, bytes, what: done.join(", then ") };
}

function at({ start, end }: Region, random: Random): number {
  return start + random.below(end - start);
}

function flipBit(bytes: Bytes, region: Region, random: Random): Rewrite {
  const position = at(region, random);
  const bit = random.below(8);
  bytes[position] ^= 1 << bit;
  return { bytes, what: `bit ${bit} of byte ${position} (${region.name}) flipped` };
}

function setByte(bytes: Bytes, region: Region, random: Random): Rewrite {
  const position = at(region, random);
  bytes[position] = random.one([0, 1, 0x7f, 0x80, 0xff, random.below(256)]);
  return { bytes, what: `byte ${position} (${region.name}) set to ${bytes[position]}` };
}

/** Overwrites 1 to 8 bytes, as far as there are so many. */
function overwrite(bytes: Bytes, position: number, width: number, value: bigint): void {
  for (let index = 0; index < width && position + index < bytes.length; index++) {
    bytes[position + index] = Number(value >> BigInt(8 * index) & 0xffn);
  }
}

function setInteger(bytes: Bytes, region: Region, random: Random): Rewrite {
  const width = random.one([2, 4, 8]);
  const position = at(region, random);
  const value = random.one([...EXTREMES, BigInt(bytes.length), BigInt(bytes.length - 1)]);
  overwrite(bytes, position, width, value);
  return { bytes, what: `${width} bytes at ${position} (${region.name}) set to ${value}` };
}

function addToInteger(bytes: Bytes, region: Region, random: Random): Rewrite {
  const width = random.one([1, 2, 4]);
  const position = at(region, random);
  const change = random.one([-16, -8, -4, -1, 1, 2, 4, 8, 256, 65536]);
  let value = 0n;
  for (let index = 0; index < width; index++) value |= BigInt(bytes[position + index] ?? 0) << BigInt(8 * index);
  overwrite(bytes, position, width, BigInt.asUintN(8 * width, value + BigInt(change)));
  return { bytes, what: `${width} bytes at ${position} (${region.name}) changed by ${change}` };
}

/** A number in seven bits a byte, as Thrift and RLE runs have them, of a size that no file has. */
function setVarint(bytes: Bytes, region: Region, random: Random): Rewrite {
  const position = at(region, random);
  const width = random.one([3, 5, 9]);
  for (let index = 0; index < width && position + index < bytes.length; index++) {
    bytes[position + index] = index < width - 1 ? 0xff : random.one([0x01, 0x0f, 0x7f]);
  }
  return { bytes, what: `a varint of ${width} bytes at ${position} (${region.name})` };
}

/** Digits are edited by hand, and leave JSON valid. */
function setDigit(bytes: Bytes, region: Region, random: Random): Rewrite {
  const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
  const first = at(region, random);
  const position = bytes.subarray(first, region.end).findIndex(isDigit);
  if (position < 0) return flipBit(bytes, region, random);
  bytes[first + position] = 0x30 + random.below(10);
  return { bytes, what: `digit at ${first + position} (${region.name}) set to ${bytes[first + position] - 0x30}` };
}

/** Some bytes in a region, short ones more often. */
function range(region: Region, random: Random): { start: number; end: number } {
  const start = at(region, random);
  const longest = Math.min(region.end - start, random.one([1, 4, 16, 64, 1024, Infinity]));
  return { start, end: start + 1 + random.below(longest) };
}

function fill(bytes: Bytes, region: Region, random: Random): Rewrite {
  const { start, end } = range(region, random);
  const value = random.one([0, 0xff, 0x55]);
  bytes.fill(value, start, end);
  return { bytes, what: `bytes ${start} to ${end} (${region.name}) filled with ${value}` };
}

function truncate(bytes: Bytes, region: Region, random: Random): Rewrite {
  const end = at(region, random);
  return { bytes: bytes.slice(0, end), what: `cut off at ${end} (${region.name})` };
}

function remove(bytes: Bytes, region: Region, random: Random): Rewrite {
  const { start, end } = range(region, random);
  return {
    bytes: joined(bytes.subarray(0, start), bytes.subarray(end)),
    what: `bytes ${start} to ${end} (${region.name}) removed`,
  };
}

function duplicate(bytes: Bytes, region: Region, random: Random): Rewrite {
  const { start, end } = range(region, random);
  return {
    bytes: joined(bytes.subarray(0, end), bytes.subarray(start)),
    what: `bytes ${start} to ${end} (${region.name}) doubled`,
  };
}

function insert(bytes: Bytes, region: Region, random: Random): Rewrite {
  const position = at(region, random);
  const piece = new Uint8Array(random.one([1, 2, 4, 8, 100])).map(() => random.below(256));
  return {
    bytes: joined(bytes.subarray(0, position), piece, bytes.subarray(position)),
    what: `${piece.length} bytes put in at ${position} (${region.name})`,
  };
}

function swap(bytes: Bytes, region: Region, random: Random): Rewrite {
  const width = random.one([1, 4, 8, 32, 256]);
  const [first, second] = [at(region, random), at(region, random)].sort((a, b) => a - b);
  const length = Math.min(width, second - first, bytes.length - second);
  const piece = bytes.slice(first, first + length);
  bytes.copyWithin(first, second, second + length);
  bytes.set(piece, second);
  return { bytes, what: `${length} bytes at ${first} and ${second} (${region.name}) swapped` };
}

/** The head of this file and the tail of another. */
function splice(bytes: Bytes, region: Region, random: Random, samples: readonly Sample[]): Rewrite {
  const other = random.one(samples);
  const [end, start] = [at(region, random), random.below(other.bytes.length)];
  return {
    bytes: joined(bytes.subarray(0, end), other.bytes.subarray(start)),
    what: `cut off at ${end} (${region.name}) and gone on with "${other.name}" from ${start}`,
  };
}

/** Bytes of another file over those of this one. */
function graft(bytes: Bytes, region: Region, random: Random, samples: readonly Sample[]): Rewrite {
  const other = random.one(samples);
  const { start, end } = range(random.one([...other.regions, { name: "", start: 0, end: other.bytes.length }]), random);
  const position = at(region, random);
  const piece = other.bytes.subarray(start, Math.min(end, start + bytes.length - position));
  bytes.set(piece, position);
  return { bytes, what: `${piece.length} bytes of "${other.name}" from ${start} over ${position} (${region.name})` };
}

function joined(...pieces: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(pieces.reduce((length, piece) => length + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}
