/**
 * Images whose objects are known pixel by pixel: COCO's annotations, or a folder of masks.
 *
 * @module
 */

import { basename } from "@std/path";
import { type Instances, openInstances } from "../../formats/masks/mod.ts";
import { type DecodedImage, decodeImage, type ImageSource } from "../../formats/images/mod.ts";
import { readImageFile } from "../../formats/images/image_file.ts";
import type { ClassNames } from "../../formats/labels/mod.ts";
import { sha256OfFile } from "../../formats/base/byte_source.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { listImages, sizeOf } from "../label_folder/listed_images.ts";
import type { FillSource } from "../label_folder/part_folder.ts";
import type { Span } from "../label_folder/spans.ts";
import { dataSetClassNames } from "../model/class_names.ts";
import type { ClassList } from "./convert_published.ts";
import { imageFinder } from "./image_finder.ts";
import { type ClassShares, classShares } from "./presence_map.ts";

/** What cells of an image show. */
export interface SharedCells {
  readonly key: string;
  readonly label: number | null;
  readonly width: number;
  readonly height: number;
  readonly shares: ClassShares;
}

/** An image of which the objects are asked for. */
export interface ObjectsImage {
  readonly index: number;
  readonly key: string;
  /**
   * Looks at its objects.
   *
   * @throws {Error} Why it has no map.
   */
  read(): Promise<SharedCells>;
}

/** Images with their objects. */
export interface ObjectSource extends Pick<FillSource<unknown>, "list"> {
  readonly count: number;
  /** What it is, for the eye. */
  readonly description: string;
  /** What the metadata call it. */
  readonly name: string;
  /** SHA-256 of the file that says it all; `unknown` where there are many. */
  readonly sha256: string;
  readonly classes: ClassList;
  readonly dataSetClasses?: ClassNames;
  images(span: Span): AsyncIterable<ObjectsImage>;
  close(): void;
}

/**
 * COCO's annotations.
 *
 * @param path The file of annotations.
 * @param grid `[H, W]` of the maps.
 * @returns Its images in the order of the file. They have no single label.
 * @throws {Error} If it cannot be read.
 */
export async function instancesSource(path: string, grid: readonly [number, number]): Promise<ObjectSource> {
  const instances = await openInstances(path);
  const { images, categories, annotations, crowds, close } = instances;
  const bytes = await sizeOf(path);
  return {
    count: images.length,
    description: `${formatNumberOf(images.length, "image")} with ${formatNumberOf(annotations, "object")} (${
      formatNumberOf(crowds, "crowd")
    }, counted as their class) of ${formatNumberOf(categories.length, "category", "categories")}`,
    name: basename(path, ".json"),
    sha256: await sha256OfFile(path),
    classes: { count: categories.length, names: { name: categories } },
    dataSetClasses: { name: categories },
    async *list({ start, end }) {
      for (const { key } of images.slice(start, end)) yield { key, label: null, path, bytes };
    },
    async *images({ start, end }) {
      for (let index = start; index < Math.min(end, images.length); index++) {
        yield { index, key: images[index].key, read: () => Promise.resolve(cellsOf(instances, index, grid)) };
      }
    },
    close,
  };
}

function cellsOf({ images, of }: Instances, index: number, grid: readonly [number, number]): SharedCells {
  const image = images[index];
  return { ...image, label: null, shares: classShares(of(index), image, grid) };
}

/** How a folder of masks is read. */
export interface MaskOptions {
  readonly grid: readonly [height: number, width: number];
  readonly classes: ClassList;
  /** The folder of the images, for their real names. */
  readonly images?: string;
}

/**
 * Masks as `deno task train --masks` takes them: grey images, 0 for background, or 1 and the index of the class.
 *
 * @param source The masks, named as their images.
 * @param options Grid and classes, and where the images are.
 * @returns The images in the order of the masks; labels are those of the masks' folders.
 */
export async function masksSource(
  source: ImageSource,
  { grid, classes, images }: MaskOptions,
): Promise<ObjectSource> {
  const count = await source.count();
  const find = images === undefined ? undefined : imageFinder(images);
  const keyOf = (key: string) => {
    try {
      return find ? find(withoutExtension(key)).key : key;
    } catch {
      // Its row has that as its reason.
      return key;
    }
  };
  return {
    count,
    description: `${formatNumberOf(count, "mask")} in ${source.description} of ${
      formatNumberOf(classes.count, "class", "classes")
    }`,
    name: "masks",
    sha256: "unknown",
    classes,
    dataSetClasses: await dataSetClassNames(source.classes),
    async *list(span) {
      for await (const image of listImages(source, span)) yield { ...image, key: keyOf(image.key) };
    },
    async *images(span) {
      for await (const { index, key: name, label, bytes } of source.read(span)) {
        const read = async () => {
          const key = find ? find(withoutExtension(name)).key : name;
          if ("unreadable" in bytes) throw new TypeError(bytes.unreadable);
          const encoded = bytes instanceof Uint8Array ? bytes : await readImageFile(bytes);
          const mask = await decodeImage(encoded);
          const { width, height } = mask;
          return { key, label, width, height, shares: classShares(maskObjects(mask, classes.count), mask, grid) };
        };
        yield { index, key: keyOf(name), read };
      }
    },
    close() {},
  };
}

function withoutExtension(key: string): string {
  const dot = key.lastIndexOf(".");
  return dot > key.lastIndexOf("/") ? key.slice(0, dot) : key;
}

/** The pixels of each class that a mask shows. */
function maskObjects(
  { width, height, pixels }: DecodedImage,
  classes: number,
): { readonly class: number; readonly masks: readonly number[][] }[] {
  const runs = new Map<number, number[]>();
  let before = 0;
  for (let place = 0; place <= width * height; place++) {
    const at = 3 * ((place % height) * width + Math.floor(place / height));
    const value = place === width * height ? 0 : pixels[at];
    if (place < width * height && (pixels[at + 1] !== value || pixels[at + 2] !== value)) {
      throw new TypeError(`Cannot use its mask: pixel ${Math.floor(place / height)}, ${place % height} is not grey`);
    }
    if (value === before) continue;
    if (value > classes) {
      throw new RangeError(
        `Cannot use its mask: it has ${value} at row ${place % height}, column ${
          Math.floor(place / height)
        }, and there are ${formatNumberOf(classes, "class", "classes")}`,
      );
    }
    if (before > 0) runs.get(before)!.push(place);
    if (value > 0) runs.set(value, [...runs.get(value) ?? [], place]);
    before = value;
  }
  return [...runs].map(([value, mask]) => ({ class: value - 1, masks: [mask] }));
}
