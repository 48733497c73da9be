/**
 * Batches in the order of the training, read and decoded ahead of the device.
 *
 * What a batch holds depends on order and data alone, whatever the number of workers and how quick they are; a rank of
 * several loads its share of each batch, and the shares of all are the whole. An image that
 * cannot be decoded is replaced by the one that follows it in the epoch's order, and reported.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import type { LabelMapBatch, RejectedImage } from "../../formats/labels/mod.ts";
import type { TrainingData } from "./training_data.ts";
import type { Order } from "./order.ts";

/** A step's inputs. */
export interface LoadedBatch {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Step of the epoch, from 0. */
  readonly step: number;
  /** Positions of the images in the source: what crops are drawn by. */
  readonly indices: Uint32Array;
  readonly keys: readonly string[];
  readonly images: readonly DecodedImage[];
  /** Labels of the images as the network's class indices, -1 where unknown. */
  readonly labels: Int32Array<ArrayBuffer>;
  /** One map per image, where the data has maps. */
  readonly maps?: LabelMapBatch;
  /** One mask per image, where the data has masks. */
  readonly masks?: readonly DecodedImage[];
  /** The classes of each image, where the data has several for one. */
  readonly multiLabels?: readonly ImageClasses[];
  /** Says that the images have been used. */
  release(): void;
}

/** Which batches are loaded, and from where on. */
export interface LoaderOptions {
  readonly data: Pick<TrainingData, "images" | "used" | "labels" | "maps" | "masks" | "multiLabels">;
  readonly order: Order;
  readonly batch: number;
  /** The part of each batch that is loaded, by places in it; default all of it. */
  readonly share?: { readonly start: number; readonly end: number };
  readonly epochs: number;
  /** The first step to load. */
  readonly start: { readonly epoch: number; readonly step: number };
  /** Batches that are read ahead of the one given out, as far as their images take no more than a GiB together. */
  readonly ahead: number;
  /** Told once of each image that cannot be used. */
  readonly onRejected?: (image: RejectedImage) => void;
}

/** Bytes of decoded images that batches read ahead may have; one is read ahead whatever it has. */
const BYTES_AHEAD = 2 ** 30;

/**
 * Loads batches.
 *
 * @param options What to load, and from where on.
 * @returns The batches to the end of the last epoch.
 * @throws {Error} If no image can be decoded, a mask cannot, or a map cannot be read.
 */
export async function* loadBatches(options: LoaderOptions): AsyncGenerator<LoadedBatch> {
  const { order, epochs, start, ahead } = options;
  const load = batchLoader(options);
  const pending: Promise<LoadedBatch>[] = [];
  let { epoch, step } = start;
  // Not known before the first batch is there.
  let largest = Infinity;
  const readAhead = () => {
    const isWanted = () =>
      pending.length === 0 || (pending.length < ahead && (pending.length + 1) * largest <= BYTES_AHEAD);
    while (epoch < epochs && isWanted()) {
      if (step === order.stepsIn(epoch)) {
        [epoch, step] = [epoch + 1, 0];
        continue;
      }
      const batch = load(epoch, step++);
      // It is thrown in its turn.
      batch.catch(() => {});
      pending.push(batch);
    }
  };
  readAhead();
  while (true) {
    const next = pending.shift();
    if (!next) return;
    const loaded = await next;
    const bytes = [...loaded.images, ...loaded.masks ?? []].reduce((sum, { pixels }) => sum + pixels.length, 0);
    largest = Number.isFinite(largest) ? Math.max(largest, bytes) : bytes;
    readAhead();
    yield loaded;
  }
}

/** An image of a batch with its place in the source. */
interface Loaded {
  readonly index: number;
  readonly image: DecodedImage;
}

function batchLoader(
  { data, order, batch, share = { start: 0, end: batch }, onRejected }: LoaderOptions,
): (epoch: number, step: number) => Promise<LoadedBatch> {
  const { images, used, labels, maps, masks, multiLabels } = data;
  const rejected = new Set<number>();

  /** The image at a position of an epoch, or the first after it that can be decoded. */
  async function loadImage(epoch: number, position: number): Promise<Loaded> {
    let reason = "";
    for (let offset = 0; offset < used.length; offset++) {
      const index = used[order.at(epoch, position + offset)];
      try {
        return { index, image: await images.decode(index) };
      } catch (error) {
        if (error instanceof Deno.errors.NotSupported) throw error;
        reason = (error as Error).message;
        if (!rejected.has(index)) onRejected?.({ index, key: images.keys[index], reason });
        rejected.add(index);
      }
    }
    throw new Error(`Cannot train: no image can be decoded, the last one since: ${reason}`);
  }

  async function loadMask(index: number): Promise<{ place: number; mask: DecodedImage }> {
    const place = masks!.places[index];
    try {
      return { place, mask: await masks!.images.decode(place) };
    } catch (error) {
      throw new Error(`Cannot read mask "${masks!.images.keys[place]}": ${(error as Error).message}`);
    }
  }

  return async (epoch, step) => {
    const first = step * batch + share.start;
    const length = share.end - share.start;
    const loaded = await Promise.all(Array.from({ length }, (_, place) => loadImage(epoch, first + place)));
    const indices = Uint32Array.from(loaded, ({ index }) => index);
    const ofMasks = masks && await Promise.all(Array.from(indices, loadMask));
    return {
      epoch,
      step,
      indices,
      keys: Array.from(indices, (index) => images.keys[index]),
      images: loaded.map(({ image }) => image),
      labels: Int32Array.from(indices, (index) => labels[index]),
      ...(maps ? { maps: await maps.maps.batch(indices.map((index) => maps.rows[index])) } : {}),
      ...(ofMasks ? { masks: ofMasks.map(({ mask }) => mask) } : {}),
      ...(multiLabels ? { multiLabels: Array.from(indices, (index) => multiLabels[index]!) } : {}),
      release() {
        for (const { index, image } of loaded) images.release(index, image);
        for (const { place, mask } of ofMasks ?? []) masks!.images.release(place, mask);
      },
    };
  };
}
