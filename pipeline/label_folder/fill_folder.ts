/**
 * Filling the parts that a folder lacks, in order, from anything that gives a row or a reason for each image.
 *
 * @module
 */

import { letEventsIn } from "../../formats/base/event_loop.ts";
import type { Manifest, RejectedImage, Shard, SourceHash, SourceImage } from "../../formats/labels/mod.ts";
import { createSourceHash, shardParts } from "../../formats/labels/mod.ts";
import { checkFinishedParts } from "./finished_images.ts";
import type { Filling, FillSource, ListedSourceImage, PartFolder } from "./part_folder.ts";
import { type Span, spansOf } from "./spans.ts";
import type { WriteProgress } from "../command/progress.ts";
import { isAbort } from "../command/until_aborted.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** Images of a part, unless asked for otherwise. */
export const DEFAULT_ROWS_PER_FILE = 1000;

/** What to fill it with. */
export interface FillOptions {
  /** Images of the source. */
  readonly images: number;
  readonly rowsPerFile: number;
  /** The share of the parts that this process writes. */
  readonly shard?: Shard;
  /** Stops the run; parts that are not whole are left open. */
  readonly signal?: AbortSignal;
  /** Called for each image, and once before the first. */
  readonly onProgress?: (progress: WriteProgress) => void;
  /** If given, an image without a row ends the run with this error. */
  readonly refuse?: (image: RejectedImage) => Error;
}

/** How far a folder was filled. */
export interface FillResult extends WriteProgress {
  /** What the folder's manifest, or this shard's, says now. */
  readonly manifest: Manifest;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** Milliseconds spent writing. */
  readonly write: number;
}

/**
 * Fills what a folder lacks, if what it has is of the images that the source lists now. A row that cannot be written is an
 * image with a reason.
 *
 * @param folder The open folder.
 * @param options How many images, which share, and whom to tell.
 * @param source The images.
 * @returns What was done.
 * @throws {TypeError} If images of a finished part are others now, or change while they are read.
 * @throws {Error} If an image has no row and `refuse` is given, or there are fewer images than was said.
 */
export async function fillFolder<Row>(
  folder: PartFolder<Row>,
  options: FillOptions,
  source: FillSource<Row>,
): Promise<FillResult> {
  const { images, rowsPerFile, shard, refuse, signal, onProgress } = options;
  const sizeOf = (part: number) => Math.min(images - part * rowsPerFile, rowsPerFile);
  const missing: number[] = [];
  let total = 0;
  const { start, end } = shardParts(shard, Math.ceil(images / rowsPerFile));
  for (let part = start; part < end; part++) {
    total += sizeOf(part);
    if (!folder.finishedParts.has(part)) missing.push(part);
  }
  const before = total - missing.reduce((sum, part) => sum + sizeOf(part), 0);
  let rejected = folder.manifest().parts.reduce((sum, part) => sum + part.rejected, 0);
  let done = before;
  let stopped = false;
  let write = 0;
  const result = () => ({ done, before, total, rejected, manifest: folder.manifest(), stopped, write });
  onProgress?.({ done, before, total, rejected });
  stopped = !await checkFinishedParts(folder, source, { rowsPerFile, images, signal }).catch((error) => {
    if (!isAbort(error, signal)) throw error;
  });
  if (stopped) return result();

  const spans = spansOf(missing, { rowsPerFile, images });
  const listed = listSpans(source, spans);
  let open:
    | { writer: ReturnType<PartFolder<Row>["startThreadedPart"]>; hash: SourceHash; left: number }
    | undefined;
  /** The end of the part before the open one, whose rows may still be with the thread that encodes them. */
  let finishing: Promise<unknown> | undefined;
  const store = async (image: Filling<Row>): Promise<void> => {
    const part = Math.floor(image.index / rowsPerFile);
    open ??= { writer: folder.startThreadedPart(part), hash: createSourceHash(), left: sizeOf(part) };
    const { writer, hash } = open;
    hash.add(await nextListed(listed, image, folder.path));
    const { index, key } = image;
    const reason = "row" in image ? reasonAgainst(writer.findError(image.row), key) : image.reason;
    if ("row" in image && reason === undefined) await writer.append(image.row);
    else if (reason !== undefined) {
      if (refuse) throw refuse({ index, key, reason });
      writer.reject({ index, key, reason });
      rejected++;
    }
    if (--open.left > 0) return;
    open = undefined;
    await finishing;
    finishing = writer.finish(hash.digest());
    // It is thrown where it is waited for.
    finishing.catch(() => {});
  };
  try {
    for await (const image of source.fill(spans)) {
      const start = performance.now();
      await store(image);
      write += performance.now() - start;
      done++;
      onProgress?.({ done, before, total, rejected });
      await letEventsIn();
      stopped = done < total && (signal?.aborted ?? false);
      if (stopped) break;
    }
  } catch (error) {
    // What gives the images may have heard the signal first.
    stopped = isAbort(error, signal);
    if (!stopped) throw error;
  } finally {
    await listed.return(undefined);
    await Promise.allSettled([finishing]);
  }
  await finishing;
  if (!stopped && done < total) {
    throw new Error(`Cannot finish "${folder.path}": the source gave ${done} of ${formatNumberOf(total, "image")}`);
  }
  return result();
}

function reasonAgainst(error: Error | undefined, key: string): string | undefined {
  return error && `Cannot write the row of "${key}": ${error.message}`;
}

/** The images of some spans as the source lists them. */
async function* listSpans(source: FillSource<unknown>, spans: readonly Span[]): AsyncGenerator<ListedSourceImage> {
  for (const span of spans) yield* source.list(span);
}

/** The next image that is listed, which must be the one that was read. */
async function nextListed(
  listed: AsyncGenerator<ListedSourceImage>,
  { index, key }: { readonly index: number; readonly key: string },
  path: string,
): Promise<SourceImage> {
  const { value } = await listed.next();
  if (value && value.key === key) return value;
  throw new TypeError(
    `Cannot fill "${path}": the images changed while they were read, image ${index} was ${JSON.stringify(key)} and ${
      value ? `is ${JSON.stringify(value.key)}` : "is gone"
    }; the same command tells what to do`,
  );
}
