/**
 * The files of a folder of label maps as they are published: its parts under the names that the hub's viewer looks for, with
 * the schema that `datasets` reads, and a manifest that makes a folder of label maps of them again.
 *
 * @module
 */

import { join } from "@std/path";
import { closing } from "../../formats/base/closing.ts";
import { type PiecedFile, piecedFile, sha256OfPieces } from "../../formats/base/pieced_file.ts";
import { createFilePool } from "../../formats/base/random_access.ts";
import { replaceEntries } from "../../formats/columns/parquet/replace_entries.ts";
import { readRejected } from "../../formats/labels/folder.ts";
import { labelMapColumns } from "../../formats/labels/label_map_columns.ts";
import {
  type FinishedPart,
  formatManifest,
  imageCount,
  isCropLabelMetadata,
  type LabelMaps,
  type Manifest,
  publishedPartName,
  readManifests,
  rejectedName,
} from "../../formats/labels/mod.ts";
import { calledAs } from "../command/called_as.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { shellWord } from "../command/shell_word.ts";
import { withoutFolders } from "../report/private_paths.ts";
import { distinctNames, type Feature, featuresOf, schemaEntry } from "./features.ts";

/** A folder of label maps as it is published. */
export interface LabelFiles {
  /** Parts, manifest and the list of rejected images. */
  readonly files: readonly PiecedFile[];
  readonly features: readonly Feature[];
  readonly manifest: Manifest;
}

/** What is known of labels. */
export interface LabelCounts {
  /** Rows with a label. */
  readonly labelled: number;
  /** The largest label and the smallest; undefined without any. */
  readonly largest?: number;
  readonly smallest?: number;
  /** Bytes of all keys in UTF-8. */
  readonly keyBytes: number;
}

/**
 * The manifest of a folder that is whole: of one that shards have filled, theirs in one.
 *
 * @param path The folder.
 * @returns The manifest.
 * @throws {Deno.errors.NotFound} If it is no folder with a manifest.
 * @throws {TypeError} If it is not whole, holds crops, or its parts are Arrow files.
 */
export function wholeManifest(path: string): Manifest {
  const subject = `Cannot publish "${path}"`;
  const manifests = readManifests(path);
  const [{ configuration, classes, dataSetClasses }] = manifests;
  if (isCropLabelMetadata(configuration.metadata)) {
    throw new TypeError(`${subject}: it holds labels of crops, not maps`);
  }
  if (configuration.container === "arrow") {
    throw new TypeError(
      `${subject}: its parts are Arrow files, convert them first: ${calledAs("convert")} ${
        shellWord(path)
      } OUTPUT --to parquet`,
    );
  }
  const parts = manifests.flatMap(({ parts }) => parts).sort((a, b) => a.part - b.part);
  const images = imageCount(configuration);
  const done = parts.reduce((sum, { rows, rejected }) => sum + rows + rejected, 0);
  if (parts.length === 0 || (images !== undefined && done < images)) {
    throw new TypeError(
      `${subject}: it is not whole, ${formatCount(done)} of ${formatNumberOf(images ?? 0, "image")} ${
        done === 1 ? "is" : "are"
      } labelled, go on with it first`,
    );
  }
  return { version: 1, configuration, parts, classes, dataSetClasses };
}

/**
 * Counts labels, and the bytes of keys.
 *
 * @param labelMaps The rows.
 * @param signal Ends it.
 * @returns How many rows have a label, and the range of these.
 */
export async function countLabels(labelMaps: LabelMaps, signal?: AbortSignal): Promise<LabelCounts> {
  const encoder = new TextEncoder();
  let [labelled, keyBytes] = [0, 0];
  let [smallest, largest] = [Infinity, -Infinity];
  for await (const { key, label } of labelMaps.list()) {
    signal?.throwIfAborted();
    keyBytes += encoder.encode(key).length;
    if (label === null) continue;
    labelled++;
    smallest = Math.min(smallest, label);
    largest = Math.max(largest, label);
  }
  return labelled === 0 ? { labelled, keyBytes } : { labelled, smallest, largest, keyBytes };
}

/**
 * The names that labels have.
 *
 * @param manifest What names classes. Without names of the data set's own, labels are numbers of the annotator's classes.
 * @param counts The labels that there are.
 * @returns Names by label, each once; undefined if there are no labels, or some without a name.
 */
export function labelNames({ classes, dataSetClasses }: Manifest, counts: LabelCounts): string[] | undefined {
  const { smallest = -1, largest = Infinity } = counts;
  const named = dataSetClasses ?? classes;
  if (!named || smallest < 0 || largest >= named.name.length) return undefined;
  return distinctNames(named.name, named.wnid);
}

/**
 * Prepares the files of a folder.
 *
 * @param path The folder.
 * @param manifest What {@linkcode wholeManifest} gave.
 * @param options The split that the parts are called by, names of labels, and whom to tell of each part.
 * @returns The files; the parts are read once, for their hashes.
 * @throws {TypeError} If a part is not a whole Parquet file.
 */
export async function labelFiles(
  path: string,
  manifest: Manifest,
  { split, names, onPart, signal }: {
    readonly split: string;
    readonly names: readonly string[] | undefined;
    readonly onPart?: (done: number, total: number) => void;
    readonly signal?: AbortSignal;
  },
): Promise<LabelFiles> {
  const { configuration, parts } = manifest;
  const columns = labelMapColumns(configuration.metadata);
  const features = featuresOf(columns, names);
  const files: PiecedFile[] = [];
  const published: FinishedPart[] = [];
  const entry = schemaEntry(features);
  for (const [place, part] of parts.entries()) {
    signal?.throwIfAborted();
    const source = join(path, part.file);
    const subject = `Cannot publish "${source}"`;
    using file = closing(createFilePool().open(source, subject));
    const end = replaceEntries(file, subject, columns, (entries) => [
      ["relabel", entries.get("relabel") ?? JSON.stringify(configuration.metadata)],
      ["huggingface", entry],
    ]);
    const name = publishedPartName(split, place, parts.length);
    const made = piecedFile(name, [{ path: source, offset: 0, length: end.start }, end.bytes]);
    files.push(made);
    published.push({ ...part, file: name, bytes: made.size, sha256: await sha256OfPieces(made) });
    onPart?.(place + 1, parts.length);
  }
  const whole: Manifest = { ...manifest, parts: published };
  const rejected = rejectedLines(path);
  return {
    files: [
      ...files,
      piecedFile("manifest.json", [formatManifest(whole)]),
      ...(rejected === "" ? [] : [piecedFile(rejectedName(undefined), [rejected])]),
    ],
    features,
    manifest: whole,
  };
}

/** The rejected images of all shards, in order, without the folders of this machine. */
function rejectedLines(path: string): string {
  const images = readManifests(path).flatMap((manifest) =>
    readRejected(join(path, rejectedName(manifest.shard)), manifest)
  );
  return images.sort((a, b) => a.index - b.index)
    .map((image) => `${JSON.stringify({ ...image, reason: withoutFolders(image.reason) })}\n`).join("");
}
