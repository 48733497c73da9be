/**
 * A folder of label maps that is being written, with its promise: a run that was killed, at whatever point, and started
 * again leaves the bytes that an uninterrupted run leaves.
 *
 * The manifest is the one truth. A part counts when the manifest lists it, and it is listed last:
 *
 * 1. the part is written as `part-00007.parquet.partial`, made durable, and renamed;
 * 2. the images rejected in it join `rejected.jsonl`, which is replaced as a whole;
 * 3. the part joins `manifest.json`, which is replaced as a whole.
 *
 * Whoever opens the folder next removes what the steps before 3 left of a part that is not listed.
 *
 * @module
 */

import { join } from "@std/path";
import {
  makeFolder,
  namesIn,
  PARTIAL,
  readIfThere,
  readText,
  removeIfThere,
  replaceFile,
  unreadable,
  withSubject,
} from "../base/files.ts";
import { type Lock, takeLock } from "../base/lock.ts";
import {
  checkClassNames,
  checkConfiguration,
  commonEntries,
  findDifferences,
  type FinishedPart,
  type FolderClasses,
  formatManifest,
  imageCount,
  type LabelMapConfiguration,
  lockName,
  type Manifest,
  MANIFEST_NAME,
  manifestName,
  OtherConfigurationError,
  parseManifest,
  partName,
  type RejectedImage,
  rejectedName,
  type Shard,
  shardParts,
} from "./manifest.ts";
import { type PartImage, readPartImages } from "./part_images.ts";
import {
  createCropLabelFile,
  createThreadedCropLabelFile,
  type CropLabelImage,
  type CropLabelMetadata,
} from "./crop_labels.ts";
import type { LabelMapRow } from "./types.ts";
import type { RowWriter, ThreadedRowWriter, WrittenFile } from "./row_file.ts";
import { createLabelMapFile, createThreadedLabelMapFile } from "./writer.ts";
import { numberOf } from "../base/number_of.ts";
import { parseJson } from "../base/json.ts";

/** A folder that this process writes to. */
export interface LabelMapFolder<Row = LabelMapRow> {
  readonly path: string;
  /** Parts that are whole, of earlier runs too. */
  readonly finishedParts: ReadonlySet<number>;
  /** What the manifest says now. */
  manifest(): Manifest;
  /** The images of a finished part as far as the part tells, by their positions in the source. */
  imagesOf(part: number): ReadonlyMap<number, PartImage>;
  /** Notes what the images of a finished part are, where that was not kept; written with the next part. */
  noteImages(part: number, images: string): void;
  /**
   * Begins a part. Several can be open together, and finish in any order.
   *
   * @throws {RangeError} If the part is finished or begun, or another shard's.
   */
  startPart(part: number): PartWriter<Row>;
  /** What {@linkcode startPart} does, with rows that a thread encodes while more come. */
  startThreadedPart(part: number): ThreadedPartWriter<Row>;
  /** Discards the parts that are not finished and lets other processes in. */
  close(): void;
}

/** A part being written. */
export interface PartWriter<Row = LabelMapRow> extends Pick<RowWriter<Row>, "findError" | "append" | "discard"> {
  /**
   * Notes an image that has no row.
   *
   * @throws {RangeError} If its index is not among the part's.
   */
  reject(image: RejectedImage): void;
  /**
   * Makes the part whole and durable, and lists it in the manifest. A part of rejected images alone has no rows.
   *
   * @param images Hash of the source's images, for the manifest.
   */
  finish(images?: string): FinishedPart;
}

/** A part being written whose rows a thread encodes: the same bytes. */
export interface ThreadedPartWriter<Row = LabelMapRow>
  extends Pick<ThreadedRowWriter<Row>, "findError" | "append">, Pick<PartWriter<Row>, "reject" | "discard"> {
  /** As {@linkcode PartWriter.finish} does. */
  finish(images?: string): Promise<FinishedPart>;
}

/** What else a folder is told when it is opened. */
export interface LabelMapFolderOptions extends FolderClasses {
  /** Which share of the parts this process writes, where several processes fill one folder. */
  readonly shard?: Shard;
}

/**
 * Creates a folder for label maps, or goes on with one that an earlier run of the same configuration began.
 *
 * @param path The folder; it is made if it is not there.
 * @param configuration What the parts depend on.
 * @param options Shard and class names.
 * @returns The folder; call `close` when done.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Deno.errors.AlreadyExists} If the folder holds something else.
 * @throws {TypeError} If it was begun with another configuration, or finished parts are not as the manifest says.
 * @throws {RangeError} If the configuration or the shard is not valid, or a shard is given and the configuration does not
 * say how many images its source has.
 */
export function openLabelMapFolder(
  path: string,
  configuration: LabelMapConfiguration,
  options: LabelMapFolderOptions = {},
): LabelMapFolder {
  const { metadata } = configuration;
  return openFolder(path, configuration, options, {
    file: (path) => createLabelMapFile(path, metadata),
    threaded: (path) => createThreadedLabelMapFile(path, metadata),
  });
}

/**
 * Creates a folder for crop labels, or goes on with one, as {@linkcode openLabelMapFolder} does for label maps. Its parts
 * have a row per crop, and are counted in images.
 *
 * @param path The folder; it is made if it is not there.
 * @param configuration What the parts depend on; they are Parquet.
 * @param options Shard and class names.
 * @returns The folder; call `close` when done.
 * @throws {Error} For the reasons that {@linkcode openLabelMapFolder} names.
 */
export function openCropLabelFolder(
  path: string,
  configuration: LabelMapConfiguration<CropLabelMetadata>,
  options: LabelMapFolderOptions = {},
): LabelMapFolder<CropLabelImage> {
  const { metadata } = configuration;
  return openFolder(path, configuration, options, {
    file: (path) => createCropLabelFile(path, metadata),
    threaded: (path) => createThreadedCropLabelFile(path, metadata),
  });
}

/** Where `deno task cluster` keeps its scripts and logs, before the first shard begins. */
const CLUSTER_FOLDER = "cluster";

/** How a part's file is begun. */
interface Create<Row> {
  file(path: string): RowWriter<Row>;
  threaded(path: string): ThreadedRowWriter<Row>;
}

function openFolder<Row>(
  path: string,
  given: LabelMapConfiguration | LabelMapConfiguration<CropLabelMetadata>,
  options: LabelMapFolderOptions,
  create: Create<Row>,
): LabelMapFolder<Row> {
  // What differs between the kinds is the metadata's business; here it is compared and written.
  const configuration = given as LabelMapConfiguration;
  const { shard, classes, dataSetClasses } = options;
  const subject = `Cannot write label maps to "${path}"`;
  checkConfiguration(configuration, subject);
  checkClassNames(classes, `${subject}: classes`, configuration.metadata.classes);
  checkClassNames(dataSetClasses, `${subject}: dataSetClasses`);
  if (
    shard &&
    !(Number.isInteger(shard.count) && Number.isInteger(shard.index) && shard.index >= 0 && shard.index < shard.count)
  ) {
    throw new RangeError(`${subject}: shard is ${shard.index}/${shard.count}, expected 0/n to n-1/n`);
  }
  if (shard && imageCount(configuration) === undefined) {
    throw new RangeError(`${subject}: the configuration has no source.images, which shards need`);
  }
  const wanted: Manifest = { version: 1, configuration, shard, parts: [], classes, dataSetClasses };
  makeFolder(path, subject);
  using held = new DisposableStack();
  const lock = held.use(takeLock(join(path, lockName(shard)), subject));
  const folder = openLocked(path, wanted, lock, create);
  held.move();
  return folder;
}

function openLocked<Row>(
  path: string,
  wanted: Manifest,
  lock: Lock,
  create: Create<Row>,
): LabelMapFolder<Row> {
  const { configuration: { rowsPerFile, container }, shard } = wanted;
  const { start, end } = partsOf(wanted);
  const manifestPath = join(path, manifestName(shard));
  const rejectedPath = join(path, rejectedName(shard));
  const names = namesIn(path, `Cannot write label maps to "${path}"`).sort();
  checkShardCounts(path, names, wanted);
  const text = readIfThere(manifestPath);
  if (text === undefined) {
    checkNeighbour(path, names, wanted);
    checkNoParts(path, names, wanted);
  }
  let manifest = text === undefined ? wanted : parseManifest(text, manifestPath);
  checkSame(path, manifest, wanted);
  for (const part of manifest.parts) checkPartSize(path, part, `Cannot resume label maps in "${path}"`);
  const finished = new Set(manifest.parts.map(({ part }) => part));
  let rejected = readRejected(rejectedPath, manifest);

  removeIfThere(manifestPath + PARTIAL);
  removeIfThere(rejectedPath + PARTIAL);
  for (const name of names) {
    const part = partOf(name);
    const isOurs = part !== undefined && part >= start && part < end;
    if (isOurs && !(finished.has(part) && name === partName(part, container))) removeIfThere(join(path, name));
  }
  writeRejected(rejectedPath, rejected);
  if (text === undefined) replaceFile(manifestPath, formatManifest(manifest));

  const open = new Map<number, { discard(): void }>();
  /** Begins a part with the writer of its file; `list` lists it when that is written. */
  const beginPart = <Writer extends { discard(): void }>(part: number, begin: (path: string) => Writer) => {
    const subject = `Cannot write part ${part} of "${path}"`;
    if (!Number.isInteger(part) || part < 0) throw new RangeError(`${subject}: not a part number`);
    if (finished.has(part)) throw new RangeError(`${subject}: it is finished`);
    if (open.has(part)) throw new RangeError(`${subject}: it is being written`);
    if (part < start || part >= end) {
      throw new RangeError(`${subject}: shard ${shard!.index}/${shard!.count} has parts ${start} to before ${end}`);
    }
    const file = partName(part, container);
    const writer = begin(join(path, file));
    const rejectedHere: RejectedImage[] = [];
    const discard = () => {
      writer.discard();
      open.delete(part);
    };
    open.set(part, { discard });
    return {
      writer,
      discard,
      reject(image: RejectedImage) {
        if (Math.floor(image.index / rowsPerFile) !== part) {
          throw new RangeError(
            `${subject}: image ${image.index} belongs to part ${Math.floor(image.index / rowsPerFile)}`,
          );
        }
        rejectedHere.push(image);
      },
      list({ rows, bytes, sha256 }: WrittenFile, images: string | undefined): FinishedPart {
        const entry: FinishedPart = { part, file, rows, rejected: rejectedHere.length, bytes, sha256, images };
        if (rejectedHere.length > 0) {
          rejected = [...rejected, ...rejectedHere].sort((a, b) => a.index - b.index);
          writeRejected(rejectedPath, rejected);
        }
        const parts = [...manifest.parts, entry].sort((a, b) => a.part - b.part);
        replaceFile(manifestPath, formatManifest({ ...manifest, parts }));
        manifest = { ...manifest, parts };
        finished.add(part);
        open.delete(part);
        return entry;
      },
    };
  };
  return {
    path,
    finishedParts: finished,
    manifest: () => manifest,
    imagesOf(part) {
      const { file } = manifest.parts.find((entry) => entry.part === part)!;
      const rejectedHere = rejected.filter(({ index }) => Math.floor(index / rowsPerFile) === part);
      return readPartImages(join(path, file), part * rowsPerFile, rejectedHere);
    },
    noteImages(part, images) {
      const parts = manifest.parts.map((entry) => entry.part === part ? { ...entry, images } : entry);
      manifest = { ...manifest, parts };
    },
    startPart(part) {
      const { writer: { findError, append, finish }, reject, discard, list } = beginPart(part, create.file);
      return {
        findError,
        append,
        reject,
        discard,
        finish(images) {
          lock.keep();
          return list(finish(), images);
        },
      };
    },
    startThreadedPart(part) {
      const { writer: { findError, append, finish }, reject, discard, list } = beginPart(part, create.threaded);
      return {
        findError,
        append,
        reject,
        discard,
        async finish(images) {
          lock.keep();
          return list(await finish(), images);
        },
      };
    },
    close() {
      try {
        for (const part of [...open.values()]) part.discard();
      } finally {
        lock.release();
      }
    },
  };
}

/** The parts that a manifest can list; a whole folder's may be of a source whose length is not known. */
function partsOf({ configuration, shard }: Manifest): { start: number; end: number } {
  const parts = shard ? Math.ceil(imageCount(configuration)! / configuration.rowsPerFile) : Infinity;
  return shardParts(shard, parts);
}

/** The number in a part file's name, also while it is partial. */
function partOf(name: string): number | undefined {
  const match = /^part-(\d{5,})\.(parquet|arrow)(\.partial)?$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

/** Refuses a folder that another way of sharding writes to; names tell it. */
function checkShardCounts(path: string, names: readonly string[], { shard }: Manifest): void {
  for (const name of names) {
    const match = MANIFEST_NAME.exec(name);
    if (!match) continue;
    const count = match[1] === undefined ? undefined : Number(match[1]);
    if (count === shard?.count) continue;
    const [theirs, ours] = [count, shard?.count].map((count) =>
      count === undefined ? "one process" : `${numberOf(count, "shard")}`
    );
    throw new TypeError(`Cannot write label maps to "${path}": ${name} is of ${theirs}, this run is of ${ours}`);
  }
}

/**
 * Refuses to begin a shard of a folder whose others have another configuration. They were compared when they were begun, so
 * that one of them is enough: a thousand processes do not read a thousand manifests each.
 */
function checkNeighbour(path: string, names: readonly string[], wanted: Manifest): void {
  const name = names.find((name) => MANIFEST_NAME.test(name));
  if (name === undefined) return;
  const file = join(path, name);
  const neighbour = parseManifest(readText(file), file);
  checkSame(path, { ...neighbour, shard: wanted.shard }, wanted);
}

/** Refuses a folder that no run of this kind began: what is in it may be somebody's only copy. */
function checkNoParts(path: string, names: readonly string[], wanted: Manifest): void {
  const { shard } = wanted;
  const { start, end } = partsOf(wanted);
  const isShared = shard !== undefined && names.some((name) => /^manifest-/.test(name));
  const isOfAnotherShard = (name: string) => {
    const part = partOf(name);
    return part === undefined ? /^(manifest|rejected)-/.test(name) : part < start || part >= end;
  };
  const isOurs = (name: string) =>
    name === CLUSTER_FOLDER || /^\.manifest.*\.lock$/.test(name) || /^(manifest|rejected).*\.partial$/.test(name) ||
    (isShared && isOfAnotherShard(name));
  const foreign = names.find((name) => !isOurs(name));
  if (foreign !== undefined) {
    throw new Deno.errors.AlreadyExists(
      `Cannot write label maps to "${path}": it holds "${foreign}" and no ${manifestName(shard)}`,
    );
  }
}

/** Refuses to go on with what was begun differently. */
function checkSame(path: string, before: Manifest, wanted: Manifest): void {
  const found = findDifferences(commonEntries(before), JSON.parse(JSON.stringify(commonEntries(wanted))));
  if (found.length > 0) throw new OtherConfigurationError(`Cannot resume label maps in "${path}"`, found);
}

/**
 * Checks that a finished part is there as a whole, by its size.
 *
 * @param path The folder.
 * @param part What the manifest says of it.
 * @param subject How the message starts.
 * @throws {Error} If there is no such file.
 * @throws {TypeError} If it has another size.
 */
export function checkPartSize(path: string, { file, bytes }: FinishedPart, subject: string): void {
  const { size } = withSubject(`${subject}: "${file}" is listed as finished`, () => Deno.statSync(join(path, file)));
  if (size !== bytes) {
    throw new TypeError(`${subject}: "${file}" has ${numberOf(size, "byte")}, its manifest says ${bytes}`);
  }
}

/** The rejected images of finished parts; a run that was killed may have left others. */
export function readRejected(path: string, { parts, configuration: { rowsPerFile } }: Manifest): RejectedImage[] {
  const images = (readIfThere(path) ?? "").split("\n").filter((line) => line !== "").map((line): RejectedImage =>
    parseJson(line, `Cannot read "${path}": ${JSON.stringify(line)} is not JSON`)
  );
  const byPart = Map.groupBy(images, ({ index }) => Math.floor(index / rowsPerFile));
  return parts.flatMap(({ part, rejected }) => {
    const images = byPart.get(part) ?? [];
    if (images.length !== rejected) {
      throw unreadable(path, `it lists ${numberOf(images.length, "image")} of part ${part}, the manifest ${rejected}`);
    }
    return images;
  });
}

/** A line for each image; no file if there are none. */
function writeRejected(path: string, images: readonly RejectedImage[]): void {
  const text = images.map(({ index, key, reason }) => JSON.stringify({ index, key, reason }) + "\n").join("");
  if (text === (readIfThere(path) ?? "")) return;
  if (text === "") removeIfThere(path);
  else replaceFile(path, text);
}
