/**
 * The Parquet files of a data set on the hub as shards of images, read over the network.
 *
 * Files of a split are called `data/train-00000-of-00005.parquet`, and where the hub has converted them, on the branch
 * `refs/convert/parquet`, `default/train/0000.parquet`.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { compareNatural } from "../base/natural_sort.ts";
import { type HubSettings, parseDataSetReference, readHubSettings } from "../weights/mod.ts";
import { type DataSetFiles, listDataSet } from "../weights/hub/data_set_files.ts";
import { openRemoteFile, type RangedFile } from "../weights/hub/remote_file.ts";
import type { ShardFile } from "./image_source.ts";

/** Shards of a data set on the hub. */
export interface HubShards {
  /** The commit that they are of. */
  readonly commit: string;
  readonly shards: readonly ShardFile[];
}

/** Bytes of a file's end that are fetched first: the footer is among them, but where row groups are many. */
const END = 2 ** 16;

/** Files whose ends are fetched at the same time. */
const FETCHED_TOGETHER = 8;

/**
 * Finds the shards of a split, and fetches their ends.
 *
 * @param text `hf:datasets/owner/name[@revision][:split]`; the split may be left out where there is one, or `train`.
 * @param settings Where the hub is; default that of the environment.
 * @returns The commit and the shards in natural order.
 * @throws {TypeError} If the text has another form, or which split is meant is not clear.
 * @throws {Deno.errors.NotFound} If the data set has no Parquet files.
 * @throws {Deno.errors.NotCapable} If the environment is asked for the hub, and may not be read.
 * @throws {Error} If there is no such data set, it may not be read, or the hub cannot be reached.
 */
export async function findHubShards(
  text: string,
  settings: HubSettings = settingsOfProcess(text),
): Promise<HubShards> {
  const [, name, split] = /^(hf:[^:]*)(?::(.*))?$/.exec(text) ?? [];
  const reference = parseDataSetReference(name ?? text);
  const { commit, files } = await listDataSet(settings, { ...reference, text });
  const chosen = chooseSplit(text, files, split);
  const shards: ShardFile[] = [];
  for (let start = 0; start < chosen.length; start += FETCHED_TOGETHER) {
    shards.push(
      ...await Promise.all(
        chosen.slice(start, start + FETCHED_TOGETHER).map(async (file) => {
          const ends = await fetchEnds(openRemoteFile(settings, reference, file));
          const open = () => withEnds(openRemoteFile(settings, reference, file), ends);
          return { path: `${name}/${file.name}`, name: file.name, open };
        }),
      ),
    );
  }
  return { commit, shards };
}

/** The settings of the environment, which a command without a network may not read. */
function settingsOfProcess(text: string): HubSettings {
  try {
    return readHubSettings();
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new Deno.errors.NotCapable(`Cannot read images from "${text}": this command may not ask the hub`, {
      cause: error,
    });
  }
}

/** The Parquet files of a split, in natural order. */
function chooseSplit(text: string, files: DataSetFiles["files"], split: string | undefined): DataSetFiles["files"] {
  const subject = `Cannot read images from "${text}"`;
  const parquet = files.filter(({ name }) => name.endsWith(".parquet")).sort((a, b) => compareNatural(a.name, b.name));
  if (parquet.length === 0) {
    throw new Deno.errors.NotFound(
      `${subject}: it has no Parquet files; the hub converts many data sets: try @refs/convert/parquet`,
    );
  }
  const splits = Map.groupBy(parquet, ({ name }) => splitOf(name));
  const isMeant = (found: string) => found === split || found.endsWith(`/${split}`);
  const meant = [...splits.keys()].filter(split === undefined ? () => true : isMeant);
  const trains = meant.filter((found) => /(^|\/)train$/.test(found));
  const [only] = meant.length === 1 ? meant : split === undefined && trains.length === 1 ? trains : [];
  if (only !== undefined) return splits.get(only)!;
  const found = [...splits.keys()].map((name) => showValue(name)).join(", ");
  throw new TypeError(`${subject}: name one of its splits behind a colon, which are ${found}`);
}

/** What a file is a shard of: `data/train`, `default/test`. */
function splitOf(name: string): string {
  return name.replace(/\.parquet$/, "").replace(/-\d{5,}-of-\d{5,}(-[0-9a-f]+)?$/, "").replace(/\/\d+$/, "");
}

/** Parts of a file that are here for as long as it is a shard. */
type Ends = readonly { readonly offset: number; readonly bytes: Uint8Array<ArrayBuffer> }[];

/** Fetches the first bytes of a file, which say what it is, and its footer. */
async function fetchEnds(file: RangedFile): Promise<Ends> {
  const { size } = file;
  const length = Math.min(END, size);
  const ranges = [{ offset: 0, length: Math.min(4, size) }, { offset: size - length, length }];
  await file.prepare(ranges);
  const footer = size < 8 ? 0 : new DataView(file.read(size - 8, 4).buffer).getUint32(0, true) + 8;
  if (footer > length && footer <= size) {
    ranges[1] = { offset: size - footer, length: footer };
    await file.prepare(ranges.slice(1));
  }
  return ranges.map(({ offset, length }) => ({ offset, bytes: file.read(offset, length) }));
}

/** A file that need not fetch its ends. */
function withEnds(file: RangedFile, ends: Ends): RangedFile {
  return {
    ...file,
    read(offset, length) {
      const end = ends.find((end) => offset >= end.offset && offset + length <= end.offset + end.bytes.length);
      if (end) return end.bytes.slice(offset - end.offset, offset - end.offset + length);
      return file.read(offset, length);
    },
  };
}
