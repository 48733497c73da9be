/**
 * The manifest of a label-map folder: the configuration that made it, its finished parts, and the names of the classes.
 *
 * `manifest.json` is one JSON object, with a line for each finished part. A process that writes one shard of the folder
 * keeps a manifest and a list of rejected images of its own, `manifest-00003-of-00016.json` and
 * `rejected-00003-of-00016.jsonl`; part files are numbered across all shards.
 *
 * A part's entry `images` is the SHA-256 of what the source's images of that part were, which `source_images.ts` describes.
 * It is optional: manifests of earlier versions have none. The parts of a folder that was published for the hub are called
 * `data/train-00000-of-00012.parquet`.
 *
 * @module
 */

import { join } from "@std/path";
import { type Container, containers } from "../columns/container.ts";
import { checkCropLabelMetadata, isCropLabelMetadata } from "./crop_labels.ts";
import { namesIn, readText } from "../base/files.ts";
import { showValue } from "../base/show_value.ts";
import { isCount, isObject, type Json, parseJson } from "../base/json.ts";
import { checkMetadata, type LabelMapMetadata } from "./types.ts";

/** What must be equal for a run to go on where another stopped. */
export interface LabelMapConfiguration<Metadata extends { [entry: string]: Json | undefined } = LabelMapMetadata> {
  /** Metadata of every part file. */
  readonly metadata: Metadata;
  /** Part p is made of the source's images from p * rowsPerFile up to, but not including, (p + 1) * rowsPerFile. */
  readonly rowsPerFile: number;
  /** Container of every part file; absent: `parquet`. */
  readonly container?: Container;
  /** Further entries of the caller, compared like the others. */
  readonly [entry: string]: Json | Metadata | undefined;
}

/** Names of classes, by class index. */
export interface ClassNames {
  /** WordNet identifiers (`n01440764`), where they are known. */
  readonly wnid?: readonly string[];
  /** Names for people, such as `tench`. */
  readonly name: readonly string[];
}

/** Names of classes that a folder may say. */
export interface FolderClasses {
  /** The annotator's classes. */
  readonly classes?: ClassNames;
  /** The data set's own classes, which `label` indexes. */
  readonly dataSetClasses?: ClassNames;
}

/** The share of a folder that one of several processes writes: the parts that {@linkcode shardParts} gives. */
export interface Shard {
  /** Which share, from 0. */
  readonly index: number;
  /** Number of shares. */
  readonly count: number;
}

/** A part file that is whole. */
export interface FinishedPart {
  /** Number of the part, from 0. */
  readonly part: number;
  /** Name of its file in the folder. */
  readonly file: string;
  /** Number of rows in the file. */
  readonly rows: number;
  /** How many of the part's images are in the list of rejected images instead. */
  readonly rejected: number;
  /** Length of the file. */
  readonly bytes: number;
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
  /** What the source's images of this part were, as `SourceHash` says; absent where that was not kept. */
  readonly images?: string;
}

/** The content of `manifest.json`. */
export interface Manifest extends FolderClasses {
  /** Version of the format; readers refuse others. */
  readonly version: 1;
  /** What the parts were made with. */
  readonly configuration: LabelMapConfiguration;
  /** The share that this manifest is of; absent in that of a whole folder. */
  readonly shard?: Shard;
  /** Finished parts, ascending by number. */
  readonly parts: readonly FinishedPart[];
}

/** An image that could not be decoded: one line of `rejected.jsonl`. */
export interface RejectedImage {
  /** Position in the source, from 0. */
  readonly index: number;
  readonly key: string;
  readonly reason: string;
}

/** What manifests are called; the group is the number of shards. */
export const MANIFEST_NAME = /^manifest(?:-\d+-of-(\d+))?\.json$/;

/** The name of a part file: `part-00000.parquet`, `part-00000.arrow`. */
export function partName(part: number, container: Container = "parquet"): string {
  return `part-${String(part).padStart(5, "0")}.${container}`;
}

/**
 * The name of a part file in a folder that is published, as the hub's viewer looks for it.
 *
 * @param split What the images are for: `train`.
 * @param place Place of the part among those listed, from 0.
 * @param count How many are listed.
 * @returns The name, such as `data/train-00000-of-00012.parquet`.
 */
export function publishedPartName(split: string, place: number, count: number): string {
  const [index, all] = [place, count].map((number) => String(number).padStart(5, "0"));
  return `data/${split}-${index}-of-${all}.parquet`;
}

const PUBLISHED_PART = /^data\/(\w+)-\d{5,}-of-\d{5,}\.parquet$/;

/**
 * Whether a file is a part of a folder that was published.
 *
 * @param path Path of the file in the folder, `/`-separated.
 * @param split What the part's images are for; default any.
 * @returns Whether its name is that of a part.
 */
export function isPublishedPart(path: string, split?: string): boolean {
  const found = PUBLISHED_PART.exec(path);
  return found !== null && (split === undefined || found[1] === split);
}

/** The name of a shard's manifest. */
export function manifestName(shard: Shard | undefined): string {
  return `manifest${shardSuffix(shard)}.json`;
}

/** The name of a shard's list of rejected images. */
export function rejectedName(shard: Shard | undefined): string {
  return `rejected${shardSuffix(shard)}.jsonl`;
}

/** The name of the file that a process holds while it writes a shard. */
export function lockName(shard: Shard | undefined): string {
  return `.manifest${shardSuffix(shard)}.lock`;
}

/** What a shard's files have in their names: `-00003-of-00016`, or nothing for a whole folder. */
function shardSuffix(shard: Shard | undefined): string {
  if (!shard) return "";
  return `-${String(shard.index).padStart(5, "0")}-of-${String(shard.count).padStart(5, "0")}`;
}

/**
 * The parts that a shard writes. They are consecutive, so that it reads one stretch of the source, and shards differ by
 * one part at most.
 *
 * @param shard The shard; undefined for all parts.
 * @param parts How many parts the folder has.
 * @returns Its first part, and the one after its last: for shard i of n, floor(i parts / n) and floor((i + 1) parts / n).
 */
export function shardParts(shard: Shard | undefined, parts: number): { start: number; end: number } {
  if (!shard) return { start: 0, end: parts };
  const startOf = (index: number) => Math.floor(index * parts / shard.count);
  return { start: startOf(shard.index), end: startOf(shard.index + 1) };
}

/** How many images a folder's source has; undefined where its configuration does not say. */
export function imageCount({ source }: LabelMapConfiguration): number | undefined {
  const images = (source as { images?: unknown } | null | undefined)?.images;
  return isCount(images) ? images : undefined;
}

/**
 * Formats a manifest: each entry is a line, and each part is one.
 *
 * @param manifest What to write.
 * @returns The manifest as JSON.
 */
export function formatManifest(manifest: Manifest): string {
  const entries = Object.entries(manifest).filter(([, value]) => value !== undefined).map(([name, value]) => {
    const text = name === "parts" && manifest.parts.length > 0
      ? `[\n${manifest.parts.map((part) => JSON.stringify(part)).join(",\n")}\n]`
      : JSON.stringify(value);
    return `${JSON.stringify(name)}: ${text}`;
  });
  return `{\n${entries.join(",\n")}\n}\n`;
}

/**
 * Reads a manifest.
 *
 * @param text The manifest as JSON.
 * @param path Path of the file, for messages.
 * @returns The manifest.
 * @throws {TypeError | RangeError} If it is not one.
 */
export function parseManifest(text: string, path: string): Manifest {
  const subject = `Cannot read manifest "${path}"`;
  const manifest: Manifest = parseJson(text, `${subject}: it is not JSON`);
  if (manifest?.version !== 1) {
    throw new RangeError(`${subject}: version is ${showValue(manifest?.version)}, expected 1`);
  }
  checkConfiguration(manifest.configuration, subject);
  if (!Array.isArray(manifest.parts)) throw new TypeError(`${subject}: parts is not a list`);
  const { container } = manifest.configuration;
  for (const [position, entry] of manifest.parts.entries()) {
    checkPart(entry, `${subject}: entry ${position} of parts`, container);
    if (position > 0 && entry.part <= manifest.parts[position - 1].part) {
      throw new TypeError(`${subject}: part ${entry.part} is listed after part ${manifest.parts[position - 1].part}`);
    }
  }
  checkClassNames(manifest.classes, `${subject}: classes`, manifest.configuration.metadata.classes);
  checkClassNames(manifest.dataSetClasses, `${subject}: dataSetClasses`);
  return manifest;
}

function checkPart(entry: FinishedPart, subject: string, container?: Container): void {
  for (const name of ["part", "rows", "rejected", "bytes"] as const) {
    const count = entry?.[name];
    if (!isCount(count)) {
      throw new TypeError(`${subject} has ${name} ${showValue(count)}, expected a count`);
    }
  }
  const { part, file, sha256, images = sha256 } = entry;
  if (file !== partName(part, container) && !(typeof file === "string" && isPublishedPart(file))) {
    throw new TypeError(`${subject} has file ${showValue(file)}, expected "${partName(part, container)}"`);
  }
  for (const [name, value] of Object.entries({ sha256, images })) {
    if (typeof value !== "string" || !/^[0-9a-f]{64}$/.test(value)) {
      throw new TypeError(`${subject} has ${name} ${showValue(value)}, expected 64 hexadecimal digits`);
    }
  }
}

/**
 * Checks names of classes.
 *
 * @param classes The names, if there are any.
 * @param subject How the message starts.
 * @param count How many classes there are, where that is known.
 * @throws {TypeError} If a name is not a text, or there are not as many as classes.
 */
export function checkClassNames(classes: ClassNames | undefined, subject: string, count?: number): void {
  if (classes === undefined) return;
  const length = count ?? classes?.name?.length;
  for (const column of ["name", "wnid"] as const) {
    const texts: unknown = classes?.[column];
    if (texts === undefined && column === "wnid") continue;
    if (!Array.isArray(texts)) throw new TypeError(`${subject} has ${column} ${showValue(texts)}, expected a list`);
    if (texts.length !== length) {
      throw new TypeError(`${subject} has ${texts.length} in the list ${column}, expected ${length}`);
    }
    const position = texts.findIndex((text) => typeof text !== "string");
    if (position >= 0) {
      throw new TypeError(`${subject} has ${showValue(texts[position])} as ${column} ${position}, expected a text`);
    }
  }
}

/**
 * What manifests of one run have in common.
 *
 * @param manifest One of them.
 * @returns Its configuration, the shard and the names of classes, to be compared with another's.
 */
export function commonEntries(
  { configuration, shard, classes, dataSetClasses }: Omit<Manifest, "version" | "parts">,
): Readonly<Record<string, unknown>> {
  return { ...configuration, shard, classes, dataSetClasses };
}

/**
 * Reads the manifests of a folder that may have none.
 *
 * @param path The folder.
 * @param subject What messages begin with where it cannot be listed.
 * @returns The manifests, as {@linkcode readManifests} gives them; none where there is none.
 * @throws {TypeError | RangeError} If a manifest is not valid.
 */
export function manifestsIn(path: string, subject: string): Manifest[] {
  return namesIn(path, subject).some((name) => MANIFEST_NAME.test(name)) ? readManifests(path) : [];
}

/**
 * Reads the manifests of a folder: one, or one for each shard that has begun. Once the shards were joined, the manifest of
 * the whole folder counts alone.
 *
 * @param path The folder.
 * @returns The manifests, in the order of their files' names.
 * @throws {Deno.errors.NotFound} If there is no such folder, or no manifest in it.
 * @throws {TypeError | RangeError} If a manifest is not valid.
 */
export function readManifests(path: string): Manifest[] {
  const subject = `Cannot read label maps from "${path}"`;
  let names = namesIn(path, subject).filter((name) => MANIFEST_NAME.test(name)).sort();
  if (names.length === 0) throw new Deno.errors.NotFound(`${subject}: it holds no manifest.json`);
  if (names.includes("manifest.json")) names = ["manifest.json"];
  const listed = new Map<number, string>();
  let first: Manifest | undefined;
  return names.map((name) => {
    const file = join(path, name);
    const manifest = shareNames(parseManifest(readText(file), file), first);
    first ??= manifest;
    for (const { part } of manifest.parts) {
      if (listed.has(part)) throw new TypeError(`${subject}: ${listed.get(part)} and ${name} both list part ${part}`);
      listed.set(part, name);
    }
    return manifest;
  });
}

/** A manifest with another's names of classes where they are equal: a thousand shards each have them, in their thousands. */
function shareNames(manifest: Manifest, other: Manifest | undefined): Manifest {
  const shared: { -readonly [Name in keyof FolderClasses]: ClassNames } = {};
  for (const name of ["classes", "dataSetClasses"] as const) {
    const names = other?.[name];
    if (names && differences(names, manifest[name]).length === 0) shared[name] = names;
  }
  return { ...manifest, ...shared };
}

/**
 * Checks a configuration.
 *
 * @param configuration What to check.
 * @param subject How the message starts.
 * @throws {TypeError | RangeError} If it has no valid metadata, number of rows or container.
 */
export function checkConfiguration(configuration: LabelMapConfiguration, subject: string): void {
  const { metadata } = configuration ?? {};
  if (isCropLabelMetadata(metadata)) checkCropLabelMetadata(metadata, subject);
  else checkMetadata(metadata, subject);
  const { rowsPerFile, container } = configuration;
  if (!Number.isInteger(rowsPerFile) || rowsPerFile < 1) {
    throw new RangeError(`${subject}: rowsPerFile is ${showValue(rowsPerFile)}, expected a positive integer`);
  }
  if (container !== undefined && !containers.includes(container)) {
    throw new RangeError(`${subject}: container is ${showValue(container)}, expected ${containers.join(" or ")}`);
  }
}

/** An entry of two JSON values that differs; undefined where one of them lacks it. */
export interface Difference {
  /** The names that lead to it, with dots between: `metadata.k`. */
  readonly path: string;
  readonly before: unknown;
  readonly after: unknown;
}

/** A folder that was begun with another configuration. */
export class OtherConfigurationError extends TypeError {
  /**
   * @param subject How the message starts: what cannot be gone on with.
   * @param found Where the configuration of the folder, `before`, and that of this run differ.
   */
  constructor(subject: string, readonly found: readonly Difference[]) {
    super(`${subject}: repeat their options or choose another folder, since ${found.map(phrase).join("; ")}`);
  }
}

/**
 * Where two JSON values differ.
 *
 * @param before The one value.
 * @param after The other.
 * @param path Name of the entry compared, empty for the whole.
 * @returns Each entry that differs, none if they are equal.
 */
export function findDifferences(before: unknown, after: unknown, path = ""): Difference[] {
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => findDifferences(before[name], after[name], path ? `${path}.${name}` : name));
  }
  return JSON.stringify(before) === JSON.stringify(after) ? [] : [{ path, before, after }];
}

/**
 * Where two JSON values differ, in words: `metadata.k was 5, is 3`.
 *
 * @param before The one value.
 * @param after The other.
 * @returns One phrase for each entry that differs, none if they are equal.
 */
export function differences(before: unknown, after: unknown): string[] {
  return findDifferences(before, after).map(phrase);
}

function phrase({ path, before, after }: Difference): string {
  return `${path} was ${showValue(before, "absent")}, is ${showValue(after, "absent")}`;
}
