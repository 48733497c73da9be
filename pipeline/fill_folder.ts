/**
 * Filling the parts that a folder lacks, in order, from anything that gives a row or a reason for each image.
 *
 * @module
 */

import type { FinishedPart, Manifest, RejectedImage, Shard } from "../formats/labels/mod.ts";
import { shardParts } from "../formats/labels/mod.ts";

/** How far a run is. */
export interface WriteProgress {
  /** Images that have a row or were rejected, with those of earlier runs. */
  readonly done: number;
  /** Those of them that earlier runs did. */
  readonly before: number;
  /** Images this process is to do, with those of earlier runs. */
  readonly total: number;
  /** Images without a row, with those of earlier runs. */
  readonly rejected: number;
}

/** An image with its row, or with the reason why it has none. */
export type Filling<Row> = { readonly index: number; readonly key: string } & ({ row: Row } | { reason: string });

/** A folder of parts, such as a `LabelMapFolder`. */
export interface PartFolder<Row> {
  readonly path: string;
  readonly finishedParts: ReadonlySet<number>;
  manifest(): Manifest;
  startPart(part: number): {
    append(row: Row): void;
    reject(image: RejectedImage): void;
    finish(): FinishedPart;
  };
}

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

/** What was done. */
export interface FillResult extends WriteProgress {
  /** What the folder's manifest, or this shard's, says now. */
  readonly manifest: Manifest;
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** Milliseconds spent writing. */
  readonly write: number;
}

/** Positions from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * Fills what a folder lacks.
 *
 * @param folder The open folder.
 * @param options How many images, which share, and whom to tell.
 * @param produce Gives the images of some spans, in order.
 * @returns What was done.
 * @throws {Error} If an image has no row and `refuse` is given, or there are fewer images than was said.
 */
export async function fillFolder<Row>(
  folder: PartFolder<Row>,
  options: FillOptions,
  produce: (spans: readonly Span[]) => AsyncIterable<Filling<Row>>,
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
  onProgress?.({ done, before, total, rejected });

  let open: { writer: ReturnType<PartFolder<Row>["startPart"]>; left: number } | undefined;
  const store = (image: Filling<Row>): void => {
    const part = Math.floor(image.index / rowsPerFile);
    open ??= { writer: folder.startPart(part), left: sizeOf(part) };
    if ("row" in image) open.writer.append(image.row);
    else open.writer.reject(image);
    if (--open.left > 0) return;
    open.writer.finish();
    open = undefined;
  };
  for await (const image of produce(spansOf(missing, { rowsPerFile, images }))) {
    if (refuse && "reason" in image) throw refuse(image);
    const start = performance.now();
    store(image);
    write += performance.now() - start;
    done++;
    if ("reason" in image) rejected++;
    onProgress?.({ done, before, total, rejected });
    stopped = done < total && (signal?.aborted ?? false);
    if (stopped) break;
  }
  if (!stopped && done < total) {
    throw new Error(`Cannot finish "${folder.path}": the source gave ${done} of ${total} images`);
  }
  return { done, before, total, rejected, manifest: folder.manifest(), stopped, write };
}

/** The images of some parts, those of consecutive parts in one span. */
function spansOf(
  parts: readonly number[],
  { rowsPerFile, images }: { rowsPerFile: number; images: number },
): Span[] {
  const spans: Span[] = [];
  for (let first = 0; first < parts.length;) {
    let end = first + 1;
    while (end < parts.length && parts[end] === parts[end - 1] + 1) end++;
    spans.push({ start: parts[first] * rowsPerFile, end: Math.min((parts[end - 1] + 1) * rowsPerFile, images) });
    first = end;
  }
  return spans;
}
