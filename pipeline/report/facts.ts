/**
 * What a folder of label maps is: its annotator and settings, its size, and what was rejected.
 *
 * @module
 */

import { join } from "@std/path";
import { ifThere, withSubject } from "../../formats/base/files.ts";
import { sizeOf } from "../label_folder/listed_images.ts";
import { type LabelMapMetadata, manifestsIn, type RejectedImage, rejectedName } from "../../formats/labels/mod.ts";
import { publicName, withoutFolders } from "./private_paths.ts";

/** The facts. */
export interface FolderFacts {
  /** What the page calls it. */
  readonly name: string;
  readonly metadata: LabelMapMetadata;
  readonly files: number;
  /** Bytes of all part files. */
  readonly bytes: number;
  readonly rejected: number;
  /** The first of them. */
  readonly rejectedImages: readonly Pick<RejectedImage, "key" | "reason">[];
}

/** Rejected images that are named. */
const SHOWN_REJECTED = 8;

/** Bytes that are read of a list of rejected images. */
const READ_BYTES = 2 ** 18;

/**
 * Collects the facts.
 *
 * @param path What the user named.
 * @param files The files of label maps.
 * @param metadata What they say of themselves.
 * @returns The facts; nothing counts as rejected where there is no manifest.
 */
export async function folderFacts(
  path: string,
  files: readonly string[],
  metadata: LabelMapMetadata,
): Promise<FolderFacts> {
  let bytes = 0;
  for (const file of files) bytes += await sizeOf(file) ?? 0;
  return { name: publicName(path), metadata, files: files.length, bytes, ...rejectedIn(path) };
}

function rejectedIn(path: string): Pick<FolderFacts, "rejected" | "rejectedImages"> {
  const manifests = isFolder(path) ? manifestsIn(path, `Cannot report on "${path}"`) : [];
  const rejected = manifests.reduce(
    (sum, { parts }) => parts.reduce((count, part) => count + part.rejected, sum),
    0,
  );
  const rejectedImages = rejected === 0
    ? []
    : manifests.flatMap(({ shard }) => firstRejected(join(path, rejectedName(shard))));
  return { rejected, rejectedImages: rejectedImages.slice(0, SHOWN_REJECTED) };
}

/**
 * Whether a path is a folder; a pattern is none.
 *
 * @param path The path.
 */
export function isFolder(path: string): boolean {
  return ifThere(() => Deno.statSync(path).isDirectory) ?? false;
}

/** The first images of a list that may be as long as the data set; what cannot be read of it is left out. */
function firstRejected(path: string): RejectedImage[] {
  const bytes = new Uint8Array(READ_BYTES);
  const read = () => {
    using file = Deno.openSync(path);
    return file.readSync(bytes) ?? 0;
  };
  const length = withSubject(`Cannot read "${path}"`, () => ifThere(read));
  // The last line may be cut; a whole file ends with a line break.
  const lines = new TextDecoder().decode(bytes.subarray(0, length)).split("\n").slice(0, -1);
  return lines.slice(0, SHOWN_REJECTED).map((line): RejectedImage => JSON.parse(line)).map((image) => ({
    ...image,
    reason: withoutFolders(image.reason),
  }));
}
