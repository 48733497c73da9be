/**
 * Whether label maps are whole: manifests, part files and their hashes, rows, keys.
 *
 * @module
 */

import { basename, join } from "@std/path";
import {
  type ClassNames,
  commonEntries,
  differences,
  type FinishedPart,
  imageCount,
  type LabelMapMetadata,
  type Manifest,
  MANIFEST_NAME,
  manifestName,
  openLabelMaps,
  readManifests,
  readRejected,
  type RejectedImage,
  rejectedName,
  shardParts,
} from "../../formats/labels/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { sha256OfFile } from "../../formats/base/byte_source.ts";
import { compareNatural } from "../../formats/base/natural_sort.ts";
import { isFileThere, namesIn, withSubject } from "../../formats/base/files.ts";
import { sizeOf } from "../label_folder/listed_images.ts";
import type { Defects } from "./defects.ts";
import { formatCells, formatCount, formatNumberOf } from "../command/numbers.ts";
import { createKeyHashes } from "./repeated_keys.ts";
import { rowDefect } from "./row.ts";
import { numberOf } from "../../formats/base/number_of.ts";
import { hashText } from "../../formats/base/text_hash.ts";

/** A file of label maps that was looked at. */
export interface VerifiedFile {
  readonly path: string;
  /** Name of the folder, for messages. */
  readonly name: string;
  /** Rows that could be read. */
  readonly rows: number;
  /** What its manifest says of it. */
  readonly part?: FinishedPart;
}

/** What was found to be there. */
export interface Structure {
  /** What the files are, as far as that could be read. */
  readonly metadata?: LabelMapMetadata;
  readonly manifest?: Manifest;
  readonly files: readonly VerifiedFile[];
  /** Images that have no row, by the folder's lists. */
  readonly rejected: readonly RejectedImage[];
  /** What was checked, a line each. */
  readonly lines: readonly string[];
}

/** A file, and what is known of it before it is read. */
type Candidate = Omit<VerifiedFile, "rows">;

/** Files that belong to a folder of label maps, whether listed or not. */
const LABEL_MAP_FILE = /\.(parquet|arrow)(\.partial)?$/;

/**
 * Looks at all that is on disk.
 *
 * @param path A folder, or a file of label maps.
 * @param defects Where defects are added.
 * @param onRows Called with the rows read so far, and how many there are to be.
 * @returns What is there.
 * @throws {Deno.errors.NotFound} If there is no such file or folder, or nothing in it.
 * @throws {TypeError} If it is a folder of something else, such as crop labels.
 */
export async function verifyStructure(
  path: string,
  defects: Defects,
  onRows: (done: number, total: number) => void,
): Promise<Structure> {
  const isFolder = withSubject(`Cannot verify "${path}"`, () => Deno.statSync(path).isDirectory);
  const names = isFolder ? namesIn(path, `Cannot verify "${path}"`).sort(compareNatural) : [];
  if (names.some((name) => MANIFEST_NAME.test(name))) return await verifyFolder(path, names, defects, onRows);
  const files = isFolder
    ? names.filter((name) => LABEL_MAP_FILE.test(name)).map((name) => ({ name, path: join(path, name) }))
    : [{ name: basename(path), path }];
  if (files.length === 0) {
    throw new Deno.errors.NotFound(`Cannot verify "${path}": it holds no manifest.json and no label maps`);
  }
  const verified = await verifyFiles(files, { defects, onRows });
  return {
    ...verified,
    rejected: [],
    lines: [
      "  manifest     none: whether files are missing, and their hashes, cannot be checked",
      ...verified.lines,
    ],
  };
}

async function verifyFolder(
  path: string,
  names: readonly string[],
  defects: Defects,
  onRows: (done: number, total: number) => void,
): Promise<Structure> {
  let manifests: Manifest[];
  try {
    manifests = readManifests(path);
  } catch (error) {
    defects.add((error as Error).message);
    return { files: [], rejected: [], lines: [] };
  }
  const [manifest] = manifests;
  const { metadata } = manifest.configuration;
  if (metadata.kind !== undefined) {
    throw new TypeError(`Cannot verify "${path}": it holds ${showValue(metadata.kind)}, expected label maps`);
  }
  checkManifests(manifests, defects);
  const parts = manifests.flatMap(({ parts }) => parts).sort((a, b) => a.part - b.part);
  checkCompleteness(manifest, parts, defects);
  const rejected = manifests.flatMap((manifest) => rejectedOf(path, manifest, defects));
  const listed = new Set(parts.map(({ file }) => file));
  for (const name of names) {
    if (LABEL_MAP_FILE.test(name) && !listed.has(name)) defects.add(`${name} is listed in no manifest`);
  }
  const files = parts.filter(({ file }) => {
    const isThere = isFileThere(join(path, file));
    if (!isThere) defects.add(`${file} is missing, though a manifest lists it`);
    return isThere;
  }).map((part) => ({ name: part.file, path: join(path, part.file), part }));
  const bytes = await checkHashes(files, defects);
  const { classes, dataSetClasses } = manifest;
  const verified = await verifyFiles(files, { defects, onRows, metadata, dataSetClasses });
  const counts = [
    formatNumberOf(manifests.length, "manifest"),
    formatNumberOf(parts.length, "finished part"),
    formatNumberOf(rejected.length, "rejected image"),
    ...(classes ? [`${formatCount(classes.name.length)} class names`] : []),
  ];
  return {
    ...verified,
    metadata,
    manifest,
    rejected,
    lines: [
      `  manifest     ${counts.join(", ")}`,
      `  hashes       SHA-256 of ${formatNumberOf(files.length, "part file")}, ${formatCount(bytes)} bytes`,
      ...verified.lines,
    ],
  };
}

/** Shards of one run have one configuration, and each has its manifest. */
function checkManifests(manifests: readonly Manifest[], defects: Defects): void {
  const [first] = manifests;
  const nameOf = ({ shard }: Manifest) => manifestName(shard);
  for (const other of manifests.slice(1)) {
    const [before, after] = [first, other].map((manifest) => commonEntries({ ...manifest, shard: undefined }));
    const found = differences(before, after);
    for (const difference of found) defects.add(`${nameOf(other)} is not like ${nameOf(first)}: ${difference}`);
  }
  for (const manifest of manifests) checkShardParts(manifest, nameOf(manifest), defects);
  const count = first.shard?.count ?? 1;
  for (const { shard } of manifests) {
    if ((shard?.count ?? 1) !== count) defects.add(`${nameOf({ ...first, shard })} is of another number of shards`);
  }
  for (let index = 0; index < (first.shard ? count : 0); index++) {
    if (manifests.some(({ shard }) => shard?.index === index)) continue;
    defects.add(`${manifestName({ index, count })} is missing: that shard has not begun`);
  }
}

/** A shard lists its own parts. */
function checkShardParts({ configuration, shard, parts }: Manifest, name: string, defects: Defects): void {
  const images = imageCount(configuration);
  if (!shard || images === undefined) return;
  const { start, end } = shardParts(shard, Math.ceil(images / configuration.rowsPerFile));
  for (const { part } of parts) {
    if (part >= start && part < end) continue;
    defects.add(`${name} lists part ${part}, and its shard has parts ${start} to before ${end}`);
  }
}

/** Where the number of images is recorded, every one of them has a row or a reason why not. */
function checkCompleteness({ configuration }: Manifest, parts: readonly FinishedPart[], defects: Defects): void {
  const { rowsPerFile } = configuration;
  const images = imageCount(configuration);
  const last = images === undefined ? parts.at(-1)?.part ?? -1 : Math.ceil(images / rowsPerFile) - 1;
  const finished = new Set(parts.map(({ part }) => part));
  for (let part = 0; part <= last; part++) {
    if (!finished.has(part)) {
      defects.add(`part ${part} of 0 to ${last} is not finished: the run that writes it has not ended`);
    }
  }
  for (const { file, part, rows, rejected } of parts) {
    const expected = Math.min(rowsPerFile, (images ?? Infinity) - part * rowsPerFile);
    if (images === undefined ? rows + rejected > expected : rows + rejected !== expected) {
      defects.add(
        `${file} is listed with ${numberOf(rows, "row")} and ${numberOf(rejected, "rejected image")}, of ${
          numberOf(Math.max(expected, 0), "image")
        }`,
      );
    }
  }
}

function rejectedOf(path: string, manifest: Manifest, defects: Defects): RejectedImage[] {
  try {
    return readRejected(join(path, rejectedName(manifest.shard)), manifest);
  } catch (error) {
    defects.add((error as Error).message);
    return [];
  }
}

/** Sizes and SHA-256 of part files; returns how many bytes they have. */
async function checkHashes(files: readonly Candidate[], defects: Defects): Promise<number> {
  let sum = 0;
  for (const { name, path, part } of files) {
    const size = await sizeOf(path) ?? 0;
    sum += size;
    if (size !== part!.bytes) defects.add(`${name} has ${numberOf(size, "byte")}, its manifest says ${part!.bytes}`);
    const sha256 = await sha256OfFile(path);
    if (sha256 !== part!.sha256) defects.add(`${name} has SHA-256 ${sha256}, its manifest says ${part!.sha256}`);
  }
  return sum;
}

interface FileOptions {
  readonly defects: Defects;
  readonly onRows: (done: number, total: number) => void;
  /** What the manifest says; default what the first file says. */
  readonly metadata?: LabelMapMetadata;
  readonly dataSetClasses?: ClassNames;
}

async function verifyFiles(
  candidates: readonly Candidate[],
  { defects, onRows, metadata, dataSetClasses }: FileOptions,
): Promise<Pick<Structure, "metadata" | "files" | "lines">> {
  const files: VerifiedFile[] = [];
  const keys = createKeyHashes();
  /** As the manifest says; without one, as far as the files have been opened. */
  const total = candidates.reduce((sum, { part }) => sum + (part?.rows ?? 0), 0);
  let done = 0;
  for (const candidate of candidates) {
    const { name, path, part } = candidate;
    let rows = 0;
    try {
      using labelMaps = closing(await openLabelMaps(path));
      metadata ??= labelMaps.metadata;
      for (const difference of differences(metadata, labelMaps.metadata)) {
        defects.add(`${name} is not like ${part ? "its manifest" : candidates[0].name}: ${difference}`);
      }
      if (part && labelMaps.length !== part.rows) {
        defects.add(`${name} has ${numberOf(labelMaps.length, "row")}, its manifest says ${part.rows}`);
      }
      const end = done + labelMaps.length;
      for await (const row of labelMaps.rows()) {
        const defect = rowDefect(row, labelMaps.metadata, dataSetClasses?.name.length);
        if (defect) defects.add(`${name}, row ${rows} (${JSON.stringify(row.key)}): ${defect}`);
        keys.add(row.key);
        rows++;
        onRows(++done, Math.max(total, end));
      }
    } catch (error) {
      defects.add((error as Error).message);
    }
    files.push({ ...candidate, rows });
  }
  await nameRepeatedKeys(files, keys.repeated(), defects);
  const lines = metadata
    ? [
      `  maps         ${formatCells(metadata.grid)}, ${formatNumberOf(metadata.k, "class", "classes")} per cell of ` +
      `${formatCount(metadata.classes)}, ${metadata.dtype}`,
      `  rows         ${formatCount(done)} read: lengths, classes, scores, probabilities, labels, sizes, each key once`,
    ]
    : [];
  return { metadata, files, lines };
}

/** Reads the files again for the few keys whose hashes are there twice, and names those that are equal. */
async function nameRepeatedKeys(files: readonly VerifiedFile[], hashes: ReadonlySet<number>, defects: Defects) {
  if (hashes.size === 0) return;
  const places = new Map<string, string>();
  for (const { name, path, rows } of files.filter(({ rows }) => rows > 0)) {
    using labelMaps = closing(await openLabelMaps(path));
    for (let index = 0; index < rows; index++) {
      const { key } = await labelMaps.get(index);
      if (!hashes.has(hashText(key))) continue;
      const before = places.get(key);
      if (before === undefined) places.set(key, `${name}, row ${index}`);
      else defects.add(`${name}, row ${index} has the key ${JSON.stringify(key)}, as ${before} has`);
    }
  }
}
