/**
 * Random crops of images with boxes, for the paper's figures 2 and 5.
 *
 * @module
 */

import type { ImageSource, ListedImage } from "../../formats/images/mod.ts";
import { imageSize } from "../../formats/images/image_size.ts";
import type { LabelMaps } from "../../formats/labels/mod.ts";
import { type BoxedImage, type CropSampling, measureCrops, type SampledCrops } from "../charts/crops.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { classFinder } from "../model/class_names.ts";
import type { BoxTable } from "../pictures/boxes.ts";
import { openBoxes } from "../pictures/boxes.ts";
import type { ImageReader } from "../pictures/image_reader.ts";

/** Where crops are drawn. */
export interface CropSources {
  readonly source: ImageSource;
  /** Reads images whose size is not known otherwise. */
  readonly reader: ImageReader;
  readonly labelMaps?: LabelMaps;
  /** Path of the boxes. */
  readonly boxes: string;
}

/** How many crops to draw, and how. */
export interface CropRequest extends CropSampling {
  /** Images of which crops are drawn, at most. */
  readonly sample: number;
  /** Told of each image. */
  readonly onImage: (done: number, total: number) => void;
}

/** Crops that were drawn, and of which images. */
export interface DrawnCrops {
  readonly crops: SampledCrops;
  /** Images that have boxes, of how many of these crops were drawn, and how many have no box of the class of their label. */
  readonly boxed: number;
  readonly measured: number;
  readonly otherwise: number;
  /** Boxes of classes that label maps do not know. */
  readonly passedOver: number;
}

/**
 * Draws crops of images that have boxes.
 *
 * @param sources The images, their label maps if there are any, and the boxes.
 * @param request How many, and how a training draws them.
 * @returns The crops, with the confidence of pooled labels where there are maps.
 * @throws {TypeError} If no image has a box of the class that its label names.
 * @throws {Error} If boxes, maps or images cannot be read.
 */
export async function drawBoxedCrops(sources: CropSources, request: CropRequest): Promise<DrawnCrops> {
  const { source, labelMaps } = sources;
  const classOf = labelMaps ? classFinder(labelMaps.classes, labelMaps.metadata.classes) : numbered();
  const boxes = await openBoxes(sources.boxes, classOf);
  const found: ListedImage[] = [];
  for await (const image of source.list()) if (boxes.has(image.key)) found.push(image);
  if (found.length === 0) {
    throw new TypeError(
      `Cannot use boxes "${sources.boxes}" with "${source.path}": no image of "${
        boxes.first ?? ""
      }" or another of its ` +
        `${formatNumberOf(boxes.images, "image")} is there`,
    );
  }
  const sampled = Math.min(request.sample, found.length);
  let [measured, otherwise] = [0, 0];
  async function* images(): AsyncGenerator<BoxedImage> {
    for (let place = 0; place < sampled; place++) {
      const image = found[Math.floor((place + 0.5) * found.length / sampled)];
      const boxed = await boxedImage(image, sources, boxes, classOf);
      if (boxed) measured++;
      else otherwise++;
      if (boxed) yield boxed;
      request.onImage(place + 1, sampled);
    }
  }
  const crops = await measureCrops(images(), request);
  if (measured === 0) {
    throw new TypeError(
      `Cannot use boxes "${sources.boxes}" with "${source.path}": none of ${
        formatNumberOf(sampled, "image")
      } with boxes has one of the class that its label names`,
    );
  }
  return { crops, boxed: found.length, measured, otherwise, passedOver: boxes.passedOver };
}

/** The image with its boxes; undefined if none is of the class that its label names, or it has no label map. */
async function boxedImage(
  { index, key, label }: ListedImage,
  { source, reader, labelMaps }: CropSources,
  boxes: BoxTable,
  classOf: (text: string) => number | undefined,
): Promise<BoxedImage | undefined> {
  const row = labelMaps && await labelMaps.indexOf(key);
  if (labelMaps && row === undefined) return undefined;
  const map = row === undefined ? undefined : await labelMaps!.batch([row]);
  const size = await sizeOf(row);
  const here = boxes.of(key, size);
  // Classes without names are taken to be those of the data set, in its order.
  const name = labelMaps && labelMaps.classes === undefined ? undefined : source.classes?.[label ?? -1];
  const named = label === null ? null : classOf(name ?? `${label}`);
  if (!here || here.length === 0 || named === undefined) return undefined;
  if (named !== null && !here.some((box) => box.index === named)) return undefined;
  return { index, ...size, boxes: here, label: named, ...(map ? { map } : {}) };

  async function sizeOf(row: number | undefined): Promise<{ width: number; height: number }> {
    const { width = 0, height = 0 } = row === undefined ? {} : await labelMaps!.get(row);
    return width > 0 && height > 0 ? { width, height } : imageSize(await reader.read(key));
  }
}

/** Numbers classes as they come. */
function numbered(): (text: string) => number {
  const indices = new Map<string, number>();
  return (text) => {
    const index = indices.get(text) ?? indices.size;
    indices.set(text, index);
    return index;
  };
}
