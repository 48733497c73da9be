/**
 * A list of images on disk: a line an image, then an index, which says where every thousandth line begins, so that a
 * stretch is read without what comes before it.
 *
 * | line | is |
 * | --- | --- |
 * | `["cat/1.jpg",0]` | key and label of an image that is a file |
 * | `["a.tar/1.jpg",0,1536,20480]` | of one that is a part of its shard: first byte, number of bytes |
 * | `["a.tgz/1.jpg",0,null]` | of one that can only be read after those before it, or is a row of a Parquet file |
 * | `["a.tar",null,"Cannot read ..."]` | what cannot be read, and why |
 * | the last but one | the index, a JSON object |
 * | the last | `relabel images 1` and where the index begins, in 16 digits |
 *
 * @module
 */

import { createWholeFile, failWith } from "../base/files.ts";
import { showValue } from "../base/show_value.ts";
import { readPart } from "./image_file.ts";
import type { ImageRange, ImageSource, ImageSurvey, Tally } from "./image_source.ts";
import { LARGEST_LABEL } from "./survey.ts";
import { areTexts, isCount, parseJson } from "../base/json.ts";

/** What is said of an image. */
export interface ListLine {
  readonly key: string;
  readonly label: number | null;
  /** A part of its shard, why it cannot be read, or null where only the shard's reader finds it; absent for a file. */
  readonly place?: { readonly offset: number; readonly length: number } | { readonly unreadable: string } | null;
}

/** A tar or Parquet file with images in it. */
export interface ListedShard {
  readonly path: string;
  readonly bytes: number;
  /** Lines that are of this file; they follow those of the shard before it. */
  readonly images: number;
}

/** What is said of all images. */
export interface ListIndex extends Pick<ImageSource, "path" | "description" | "classes"> {
  readonly images: number;
  /** What the keys of files are under; null where images are in shards. */
  readonly root: string | null;
  /** Empty where images are files. */
  readonly shards: readonly ListedShard[];
  /** What the source said of itself; absent in lists of earlier versions. */
  readonly survey?: ImageSurvey;
}

/** A list being written. */
export interface ListWriter extends Disposable {
  append(line: ListLine): void;
  /** Makes it whole and durable. */
  finish(index: ListIndex): void;
}

/** A list being read. */
export interface ListReader {
  readonly index: ListIndex;
  /** The lines of a range with their positions, as many at a time as are read at once. */
  lines(range?: ImageRange): AsyncGenerator<readonly (ListLine & { readonly position: number })[]>;
}

/** Lines from one offset of the index to the next. */
const BLOCK = 1000;
/** The last line. */
const END = /^relabel images 1 (\d{16})\n$/;
const END_LENGTH = "relabel images 1 ".length + 16 + 1;
/** Bytes that are written at once. */
const WRITE = 2 ** 16;

/**
 * Begins a list.
 *
 * @param path Where; a file of that name is replaced when the list is finished.
 * @returns The list; end with `finish` or `discard`.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 */
export function createListFile(path: string): ListWriter {
  const file = createWholeFile(path, `Cannot write list of images "${path}"`);
  const encoder = new TextEncoder();
  const offsets: number[] = [];
  let written = 0;
  let lines = 0;
  let text = "";
  const flush = () => {
    const bytes = encoder.encode(text);
    file.write([bytes]);
    written += bytes.length;
    text = "";
  };
  return {
    append(line) {
      const startsBlock = lines++ % BLOCK === 0;
      if (startsBlock || text.length > WRITE) flush();
      if (startsBlock) offsets.push(written);
      text += formatLine(line);
    },
    finish(index) {
      flush();
      text = `${JSON.stringify({ ...index, offsets })}\nrelabel images 1 ${String(written).padStart(16, "0")}\n`;
      flush();
      file.finish();
    },
    [Symbol.dispose]: file.discard,
  };
}

function formatLine({ key, label, place }: ListLine): string {
  const where = place === undefined
    ? []
    : place === null
    ? [null]
    : "unreadable" in place
    ? [place.unreadable]
    : [place.offset, place.length];
  return `${JSON.stringify([key, label, ...where])}\n`;
}

/** A line, undefined if it is none. */
function parseLine(text: string): ListLine | undefined {
  const values: unknown = JSON.parse(text);
  if (!Array.isArray(values)) return undefined;
  const [key, label, first, second] = values;
  if (typeof key !== "string" || !(label === null || isLabel(label))) return undefined;
  if (values.length === 2) return { key, label };
  if (values.length === 3 && first === null) return { key, label, place: null };
  if (values.length === 3 && typeof first === "string") return { key, label, place: { unreadable: first } };
  if (values.length !== 4 || !isCount(first) || !isCount(second)) return undefined;
  return { key, label, place: { offset: first, length: second } };
}

function isLabel(value: unknown): boolean {
  return isCount(value) && value <= LARGEST_LABEL;
}

function isSurvey({ images, labelled, unlabelled, passedOver, remarks }: Partial<ImageSurvey>): boolean {
  const isText = (value: unknown) => typeof value === "string";
  const isTally = (tally: Tally | null) => isText(tally?.what) && isCount(tally?.count) && isText(tally?.first);
  const areTallies = (tallies: unknown) => Array.isArray(tallies) && tallies.every(isTally);
  return isCount(images) && isCount(labelled) && areTallies(unlabelled) && areTallies(passedOver) && areTexts(remarks);
}

/**
 * Opens a list: reads its index.
 *
 * @param path The file.
 * @returns The list.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is no list of images, or not whole.
 */
export async function openListFile(path: string): Promise<ListReader> {
  const subject = `Cannot read list of images "${path}"`;
  using file = await Deno.open(path).catch(failWith(subject));
  const size = (await file.stat()).size;
  const decoder = new TextDecoder();
  const textOf = async (offset: number, end: number) =>
    decoder.decode(await readPart(file, path, { offset, length: end - offset }));
  const end = size < END_LENGTH ? null : END.exec(await textOf(size - END_LENGTH, size));
  const linesEnd = Number(end?.[1] ?? NaN);
  if (!(linesEnd <= size - END_LENGTH)) throw new TypeError(`${subject}: it is no such list, or not all of one`);
  const { offsets, ...index } = parseIndex(await textOf(linesEnd, size - END_LENGTH), linesEnd, subject);

  async function* lines({ start = 0, end = Infinity }: ImageRange = {}) {
    using file = await Deno.open(path).catch(failWith(subject));
    for (let first = start - start % BLOCK; first < Math.min(end, index.images); first += BLOCK) {
      const block = first / BLOCK;
      const [offset, next] = [offsets[block], offsets[block + 1] ?? linesEnd];
      const text = decoder.decode(await readPart(file, path, { offset, length: next - offset }));
      const count = Math.min(BLOCK, index.images - first);
      const all = text.split("\n");
      if (all.length !== count + 1) {
        throw new TypeError(
          `${subject}: it has ${all.length - 1} lines where ${first} to before ${first + count} should be`,
        );
      }
      const from = Math.max(start - first, 0);
      yield all.slice(from, Math.min(end - first, count)).map((line, place) => {
        const position = first + from + place;
        let parsed: ListLine | undefined;
        try {
          parsed = parseLine(line);
        } catch {
          // Told below.
        }
        if (!parsed) throw new TypeError(`${subject}: line ${position} is ${showValue(line)}`);
        return { ...parsed, position };
      });
    }
  }

  return { index, lines };
}

/** Where blocks of lines begin, and what is said of all images. */
type StoredIndex = ListIndex & { readonly offsets: readonly number[] };

function parseIndex(text: string, linesEnd: number, subject: string): StoredIndex {
  const index: StoredIndex = parseJson(text, `${subject}: its index is not JSON`);
  const { path, description, classes, images, root, shards, survey, offsets } = index ?? {};
  const isText = (value: unknown) => typeof value === "string";
  const isShard = (shard: ListedShard | null) => isText(shard?.path) && isCount(shard?.bytes) && isCount(shard?.images);
  const isShards = Array.isArray(shards) && shards.every(isShard);
  const isOffset = (offset: unknown, block: number) =>
    isCount(offset) && offset < linesEnd && (block === 0 || offset > offsets[block - 1]);
  const listed = isShards ? shards.reduce((sum, { images }) => sum + images, 0) : 0;
  const checks: [keyof StoredIndex, boolean][] = [
    ["path", isText(path)],
    ["description", isText(description)],
    ["classes", classes === null || areTexts(classes)],
    ["images", isCount(images) && images > 0],
    ["root", root === null || isText(root)],
    ["shards", isShards && listed === (root === null ? images : 0)],
    ["survey", survey === undefined || isSurvey(survey ?? {})],
    ["offsets", Array.isArray(offsets) && offsets.length === Math.ceil(images / BLOCK) && offsets.every(isOffset)],
  ];
  for (const [name, holds] of checks) {
    if (!holds) throw new TypeError(`${subject}: its index has ${name} ${showValue(index?.[name])}`);
  }
  return index;
}
