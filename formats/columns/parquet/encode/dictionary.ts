/**
 * Dictionary encoding with codes made for a byte-wise entropy coder.
 *
 * Parquet packs the indices into a dictionary with as few bits as they need, 10 for a thousand classes. Zstandard counts
 * bytes, and finds little in values that begin at every other bit. Here every index takes 8 or 16 bits, and the
 * dictionary is sorted by how often a value occurs, so that small bytes are frequent ones.
 *
 * With 16 bits both bytes share Zstandard's one table of symbols. Codes that count up (high byte 0, 1, 2, 3; low byte
 * anything) mix two unlike distributions in it. So ranks are laid on the square of (high, low) in growing shells,
 *
 *             low 0  1  2
 *     high 0      0  1  4
 *          1      2  3  5        rank 0 is the most frequent value
 *          2      6  7  8
 *
 * where both bytes alike are small for frequent values, and a thousand values use bytes below 32. Positions that no value
 * has hold 0. Bytes an image on the 256 maps of the fixture, Zstandard level 9: class
 * 1,372 packed, 1,208 in shells; float16 scores 1,891 packed, 1,812 in shells; E4M3 928 packed, 727 in bytes.
 *
 * @module
 */

import { bytesOf, concatenate } from "../../../base/bytes.ts";
import { pushVarint } from "./thrift.ts";

/** Integers that a dictionary is made for. */
export type IntegerArray = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** Values replaced by positions in a list of the different ones. */
export interface DictionaryEncoded {
  /** The values at each position. */
  readonly dictionary: number[];
  /** The position of each value's, in 8 or 16 bits. */
  readonly codes: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
}

/** More different values than this have no code of 16 bits. */
const MOST_VALUES = 65536;

/**
 * Makes the dictionary of some values and their places in it.
 *
 * @param values What to encode.
 * @returns The dictionary and the places, or undefined if there are more than 65,536 different values.
 */
export function encodeDictionary(values: IntegerArray): DictionaryEncoded | undefined {
  const counts = values.BYTES_PER_ELEMENT <= 2 ? countSmall(values) : countLarge(values);
  if (counts.length > MOST_VALUES) return undefined;
  const byFrequency = counts.sort(([a, countA], [b, countB]) => countB - countA || a - b);
  const wide = byFrequency.length > 256;
  const codes = values.BYTES_PER_ELEMENT <= 2 ? new Uint16Array(65536) : new Map<number, number>();
  const dictionary: number[] = [];
  byFrequency.forEach(([value], rank) => {
    const code = wide ? shellCode(rank) : rank;
    if (codes instanceof Map) codes.set(value, code);
    else codes[value] = code;
    while (dictionary.length <= code) dictionary.push(0);
    dictionary[code] = value;
  });

  const encoded = wide ? new Uint16Array(values.length) : new Uint8Array(values.length);
  if (codes instanceof Map) values.forEach((value, i) => encoded[i] = codes.get(value)!);
  else for (let i = 0; i < values.length; i++) encoded[i] = codes[values[i]];
  return { dictionary, codes: encoded };
}

/**
 * Indices as a data page holds them.
 *
 * @param codes Codes of the page's values.
 * @returns Bits of an index (8 or 16), then one bit-packed run, filled up with zeros to a multiple of 8.
 */
export function packIndices(codes: DictionaryEncoded["codes"]): Uint8Array<ArrayBuffer> {
  const groups = Math.ceil(codes.length / 8);
  const header = [codes.BYTES_PER_ELEMENT * 8];
  pushVarint(header, groups * 2 + 1);
  const padding = new Uint8Array((groups * 8 - codes.length) * codes.BYTES_PER_ELEMENT);
  return concatenate([Uint8Array.from(header), bytesOf(codes), padding]);
}

/** Each value and how often it occurs, for 8 and 16 bits: five times as fast as a map. */
function countSmall(values: IntegerArray): [value: number, count: number][] {
  const counts = new Uint32Array(65536);
  for (let i = 0; i < values.length; i++) counts[values[i]]++;
  return [...counts.entries()].filter(([, count]) => count > 0);
}

/** Each value and how often it occurs. */
function countLarge(values: IntegerArray): [value: number, count: number][] {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts];
}

/**
 * The code of 16 bits for the value that is the `rank`-th most frequent: the square of (high, low) in shells.
 *
 * @param rank Place of the value among all by frequency, from 0.
 * @returns `high * 256 + low`, the larger of the two being `floor(sqrt(rank))`.
 */
export function shellCode(rank: number): number {
  const shell = Math.floor(Math.sqrt(rank));
  const position = rank - shell * shell;
  return position < shell ? position * 256 + shell : shell * 256 + position - shell;
}
