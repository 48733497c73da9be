/**
 * The files of published soft labels: a folder of class folders, or a tar archive of one, plain or gzipped.
 *
 * Labels are the folders that directly hold the files, numbered in natural order. Folders that all files share are set
 * aside, so that `imagenet/train/n01440764/n01440764_10026.tar` is `n01440764/n01440764_10026`.
 *
 * @module
 */

import { basename, dirname } from "@std/path";
import { openByteStream } from "../images/byte_stream.ts";
import { walkFolder } from "../images/folder_walk.ts";
import { compareNatural } from "../base/natural_sort.ts";
import type { ImageRange } from "../images/image_source.ts";
import { failWith } from "../base/files.ts";
import { readTar } from "../images/tar.ts";
import { closing } from "../base/closing.ts";

/** One file of labels. */
export interface PublishedFile extends Pick<Found, "path" | "bytes"> {
  /** Position in the source's order, from 0. */
  readonly index: number;
  /** Path under the root without its extension, `/`-separated. */
  readonly stem: string;
  /** Position of its class folder, null if it is in none. */
  readonly label: number | null;
  /**
   * Its content, to be asked for before the next file is.
   *
   * @throws {Error} If it cannot be read.
   */
  read(): Uint8Array | Promise<Uint8Array>;
}

/** Files in a fixed order. */
export interface PublishedSource {
  /** Where the files are, to be read after their number: `in 2 class folders`. */
  readonly description: string;
  readonly count: number;
  /** The first and the last of its stems, which tell another source. */
  readonly firstStem: string;
  readonly lastStem: string;
  /** Names of the class folders that labels index. */
  readonly classes: readonly string[] | null;
  /** The files from position `start` to before `end` without their content. */
  list(range?: ImageRange): AsyncIterable<Omit<PublishedFile, "read">>;
  /** The files from position `start` to before `end`, or those at some positions, in order. */
  files(wanted?: ImageRange | ReadonlySet<number>): AsyncIterable<PublishedFile>;
}

/** A file before its position and label are known. */
interface Found {
  /** For messages; of an archive's member the archive's path and the member's name. */
  readonly path: string;
  /** Under what was named, with its extension; null for the damage of an archive. */
  readonly key: string | null;
  /** Size of an archive's member. */
  readonly bytes?: number;
  read(): Uint8Array | Promise<Uint8Array>;
}

/**
 * Whether a name ends as a file of soft labels does. FKD's are called `.tar` and are PyTorch's all the same.
 *
 * @param name A file name.
 * @returns True for `.pt` and `.tar`.
 */
export function isPublishedName(name: string): boolean {
  return /\.(pt|tar)$/i.test(name) && !name.startsWith(".");
}

/**
 * Opens published labels, and looks through the names once.
 *
 * @param path A folder, a tar archive, or one file of labels.
 * @returns The source.
 * @throws {Deno.errors.NotFound} If there is nothing there, or no file of labels in it.
 * @throws {Error} If a folder cannot be listed, or the archive is damaged before its first file.
 */
export async function openPublished(path: string): Promise<PublishedSource> {
  const find = await finderOf(path);
  const folders = new Set<string>();
  let count = 0;
  let [first, last] = ["", ""];
  for await (const { path, key, read } of find(() => false)) {
    last = key ?? basename(path);
    if (count++ === 0) first = last;
    if (key !== null) folders.add(folderOf(key));
    else if (folders.size === 0) await read(); // says what is wrong with the archive
  }
  if (folders.size === 0) {
    throw new Deno.errors.NotFound(`Cannot find labels in "${path}": no file in it ends in .pt or .tar`);
  }
  const shared = sharedFolders([...folders]);
  const classes = [...new Set([...folders].map(classOf).filter((name) => name !== ""))].sort(compareNatural);
  const labels = new Map(classes.map((name, label) => [name, label]));

  async function* pass(
    { start = 0, end = Infinity }: ImageRange,
    { isListed, isRead }: Record<"isListed" | "isRead", (index: number) => boolean>,
  ): AsyncGenerator<PublishedFile> {
    let index = 0;
    for await (const { path, key, bytes, read } of find(isRead)) {
      if (index >= end) return;
      if (index >= start && isListed(index)) {
        const label = key === null ? null : labels.get(classOf(folderOf(key))) ?? null;
        yield { index, path, stem: key === null ? basename(path) : stemOf(key, shared), label, bytes, read };
      }
      index++;
    }
  }

  return {
    description: classes.length === 0
      ? "without a class folder"
      : `in ${classes.length} class folder${classes.length === 1 ? "" : "s"}`,
    count,
    firstStem: stemOf(first, shared),
    lastStem: stemOf(last, shared),
    classes: classes.length > 0 ? classes : null,
    list: (range = {}) => pass(range, { isListed: () => true, isRead: () => false }),
    files(wanted = {}) {
      if (wanted instanceof Set) {
        const isListed = (index: number) => wanted.has(index);
        return pass({}, { isListed, isRead: isListed });
      }
      const range = wanted as ImageRange;
      return pass(range, { isListed: () => true, isRead: (index) => index >= (range.start ?? 0) });
    },
  };
}

/** How to go through the files; those at positions that are not wanted need not be readable. */
type Finder = (isWanted: (position: number) => boolean) => AsyncIterable<Found>;

async function finderOf(path: string): Promise<Finder> {
  const info = await Deno.stat(path)
    .catch(failWith(`Cannot open labels "${path}"`, "there is no such file or folder"));
  if (info.isDirectory) {
    const root = path.replace(/(?<=.)\/+$/, "");
    const ancestors = [await Deno.realPath(root)];
    return async function* () {
      for await (const file of walkFolder(root, "", ancestors, { isWanted: isPublishedName })) {
        yield { ...file, read: () => Deno.readFileSync(file.path) };
      }
    };
  }
  if (await isArchive(path)) return (isWanted) => archiveFiles(path, isWanted);
  return async function* () {
    yield { path, key: basename(path), read: () => Deno.readFileSync(path) };
  };
}

/** Whether a file is a tar archive or gzipped, and not one of PyTorch's, which may be called `.tar` too. */
async function isArchive(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const head = new Uint8Array(512);
  const length = await file.read(head) ?? 0;
  const text = String.fromCharCode(...head.subarray(0, length));
  return text.slice(257, 262) === "ustar" || text.startsWith("\x1f\x8b");
}

/** The files in an archive. One that is damaged ends early: with an entry that stands for the rest, whose reading fails. */
async function* archiveFiles(path: string, isWanted: (position: number) => boolean): AsyncGenerator<Found> {
  using stream = closing(await openByteStream(path));
  try {
    let position = 0;
    for await (const member of readTar(stream)) {
      if (member.kind !== "file" || !isPublishedName(basename(member.name))) continue;
      // A member counts only if all of it is there, read or not: otherwise positions would depend on where reading starts.
      let bytes: Uint8Array | undefined;
      if (isWanted(position++)) bytes = await member.read();
      else await member.skip();
      yield { path: `${path}/${member.name}`, key: member.name, bytes: member.size, read: () => bytes! };
    }
  } catch (error) {
    const damage = new Error(`Cannot read archive "${path}": ${(error as Error).message}`);
    yield { path, key: null, read: () => Promise.reject(damage) };
  }
}

/** A key without the folders above the class folders, and without its extension. */
function stemOf(key: string, shared: number): string {
  return key.slice(shared).replace(/\.\w+$/, "");
}

/** The folder of a key, empty at the root. */
function folderOf(key: string): string {
  const folder = dirname(key);
  return folder === "." ? "" : folder;
}

function classOf(folder: string): string {
  return folder.slice(folder.lastIndexOf("/") + 1);
}

/** Characters of the folders above the class folders that all files share, with the slash behind them. */
function sharedFolders(folders: readonly string[]): number {
  const parents = folders.map((folder) => folder.slice(0, folder.lastIndexOf("/") + 1));
  let shared = parents[0];
  while (!parents.every((parent) => parent.startsWith(shared))) {
    shared = shared.slice(0, shared.slice(0, -1).lastIndexOf("/") + 1);
  }
  return shared.length;
}
