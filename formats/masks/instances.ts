/**
 * Objects of images as COCO's `instances_*.json` has them: which class, and which pixels.
 *
 *     {"images": [{"id": 9, "file_name": "a.jpg", "height": 480, "width": 640}],
 *      "annotations": [{"id": 1, "image_id": 9, "category_id": 18, "iscrowd": 0, "segmentation": [[x, y, ...], ...]}],
 *      "categories": [{"id": 18, "name": "dog"}]}
 *
 * A segmentation is a list of polygons, or `{"size": [height, width], "counts": ...}`, run lengths as a list or a text. Classes
 * are the categories in the order of their identifiers, which have gaps. A crowd (`iscrowd`: 1) counts as its class, as any
 * object does.
 *
 * The file is gone through once, and where annotations stand is kept, 24 bytes of each; their polygons are read again image by
 * image, so that a file of any size is read in the memory of its images' names.
 *
 * @module
 */

import { openBytes } from "../base/byte_source.ts";
import { unreadable, withSubject } from "../base/files.ts";
import { isObject } from "../base/json.ts";
import { readJsonElements } from "../base/json_elements.ts";
import { showValue } from "../base/show_value.ts";
import type { MaskRuns, Size } from "./mask_runs.ts";
import { polygonRuns } from "./polygon_mask.ts";
import { runLengthRuns } from "./run_length_mask.ts";

/** An image that objects are known of. */
export interface InstancesImage extends Size {
  /** The image's file, as it is named. */
  readonly key: string;
}

/** An object. */
export interface Instance {
  /** Index of its class. */
  readonly class: number;
  /** Its masks, which together are its pixels; they may overlap. */
  readonly masks: readonly MaskRuns[];
}

/** An open file of objects. */
export interface Instances {
  readonly path: string;
  readonly images: readonly InstancesImage[];
  /** Names of the categories, in the order of their identifiers. */
  readonly categories: readonly string[];
  /** Number of annotations, and how many of them are crowds. */
  readonly annotations: number;
  readonly crowds: number;
  /**
   * The objects of an image.
   *
   * @throws {TypeError | RangeError} If one cannot be understood: the message names its annotation.
   */
  of(image: number): Instance[];
  close(): void;
}

/** Pixels of a side, at most. */
const LONGEST_SIDE = 65_535;

/** Values of annotations in the order of the file. */
interface AnnotationColumns {
  readonly ids: number[];
  readonly images: number[];
  readonly categories: number[];
  readonly offsets: number[];
  readonly lengths: number[];
}

/**
 * Opens a file of objects.
 *
 * @param path The file.
 * @returns Its images, classes and objects; call `close` when done.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is something else; a field is missing or of another kind; an annotation is of an image or of a
 * category that it does not have; or images, categories or annotations have an identifier or a name twice.
 */
export async function openInstances(path: string): Promise<Instances> {
  const columns: AnnotationColumns = { ids: [], images: [], categories: [], offsets: [], lengths: [] };
  const images: InstancesImage[] = [];
  const imageIds = new Map<number, number>();
  const keys = new Set<string>();
  const categories = new Map<number, string>();
  const lists = new Set<string>();
  let crowds = 0;
  for await (const { name, index, value, offset, length } of readJsonElements(path)) {
    if (!["images", "annotations", "categories"].includes(name)) continue;
    if (index < 0) {
      if (value !== undefined) throw unreadable(path, `${name} is ${showValue(value)}, expected a list`);
      lists.add(name);
      continue;
    }
    const place = `${name}[${index}]`;
    const field = <Type extends "number" | "string">(field: string, type: Type) =>
      fieldOf(value, field, type, path, place);
    const sideOf = (name: "height" | "width") => {
      const side = field(name, "number");
      if (Number.isInteger(side) && side >= 1 && side <= LONGEST_SIDE) return side;
      throw unreadable(path, `${name} of ${place} is ${side}, expected 1 to ${LONGEST_SIDE} pixels`);
    };
    if (name === "images") {
      const [id, key] = [field("id", "number"), field("file_name", "string")];
      const [height, width] = [sideOf("height"), sideOf("width")];
      if (imageIds.has(id)) throw unreadable(path, `${place} has id ${id}, as images[${imageIds.get(id)}]`);
      if (keys.has(key)) throw unreadable(path, `${place} is called ${JSON.stringify(key)}, as one before it`);
      keys.add(key);
      imageIds.set(id, images.length);
      images.push({ key, height, width });
    } else if (name === "categories") {
      const [id, text] = [field("id", "number"), field("name", "string")];
      if (categories.has(id)) throw unreadable(path, `${place} has id ${id}, as one before it`);
      if ([...categories.values()].includes(text)) {
        throw unreadable(path, `${place} is called ${JSON.stringify(text)}, as one before it`);
      }
      categories.set(id, text);
    } else {
      columns.ids.push(field("id", "number"));
      columns.images.push(field("image_id", "number"));
      columns.categories.push(field("category_id", "number"));
      columns.offsets.push(offset);
      columns.lengths.push(length);
      if ((value as { iscrowd?: unknown }).iscrowd === 1) crowds++;
    }
  }
  const missing = ["images", "annotations", "categories"].find((name) => !lists.has(name));
  if (missing !== undefined) throw unreadable(path, `it has no list of ${missing}`);
  const ordered = [...categories].sort(([a], [b]) => a - b);
  const classes = new Map(ordered.map(([id], index) => [id, index]));
  return await joined(path, images, ordered.map(([, name]) => name), columns, { imageIds, classes, crowds });
}

function fieldOf<Type extends "number" | "string">(
  value: unknown,
  name: string,
  type: Type,
  path: string,
  place: string,
): Type extends "number" ? number : string {
  if (!isObject(value)) throw unreadable(path, `${place} is ${showValue(value)}, expected an object`);
  const found = value[name];
  if (typeof found === type && found !== "") return found as Type extends "number" ? number : string;
  throw unreadable(path, `${name} of ${place} is ${showValue(found)}, expected a ${type === "string" ? "text" : type}`);
}

/** Brings annotations to their images. */
async function joined(
  path: string,
  images: readonly InstancesImage[],
  categories: readonly string[],
  { ids, images: of, categories: kinds, offsets, lengths }: AnnotationColumns,
  { imageIds, classes, crowds }: {
    readonly imageIds: ReadonlyMap<number, number>;
    readonly classes: ReadonlyMap<number, number>;
    readonly crowds: number;
  },
): Promise<Instances> {
  const sorted = Float64Array.from(ids).sort();
  const twice = sorted.findIndex((id, place) => place > 0 && id === sorted[place - 1]);
  if (twice >= 0) throw unreadable(path, `two of its annotations have id ${sorted[twice]}`);
  const starts = new Uint32Array(images.length + 1);
  of.forEach((id, place) => {
    const image = imageIds.get(id);
    const missing = image === undefined
      ? `image ${id}`
      : classes.has(kinds[place])
      ? undefined
      : `category ${kinds[place]}`;
    if (missing !== undefined) {
      throw unreadable(path, `annotations[${place}] is of ${missing}, which is not in the file`);
    }
    starts[image! + 1]++;
  });
  for (let image = 0; image < images.length; image++) starts[image + 1] += starts[image];
  const next = starts.slice();
  const order = new Uint32Array(of.length);
  of.forEach((id, place) => order[next[imageIds.get(id)!]++] = place);
  const source = await openBytes(path);
  const decoder = new TextDecoder();
  return {
    path,
    images,
    categories,
    annotations: of.length,
    crowds,
    of(image) {
      return Array.from(order.subarray(starts[image], starts[image + 1]), (place): Instance => {
        const bytes = withSubject(`Cannot read "${path}"`, () => source.read(offsets[place], lengths[place]));
        try {
          const { segmentation } = JSON.parse(decoder.decode(bytes));
          return { class: classes.get(kinds[place])!, masks: masksOf(segmentation, images[image]) };
        } catch (error) {
          const Kind = error instanceof RangeError ? RangeError : TypeError;
          throw new Kind(
            `Cannot use annotations[${place}] (id ${ids[place]}) of "${path}": ${(error as Error).message}`,
            { cause: error },
          );
        }
      });
    },
    close: () => source.close(),
  };
}

/** The masks of a segmentation. */
function masksOf(segmentation: unknown, image: Size): MaskRuns[] {
  if (Array.isArray(segmentation) && segmentation.length > 0) {
    return segmentation.map((polygon) => {
      if (Array.isArray(polygon)) return polygonRuns(polygon, image);
      throw new TypeError(`a polygon is ${showValue(polygon)}, expected a list of numbers`);
    });
  }
  if (!isObject(segmentation)) {
    throw new TypeError(`its segmentation is ${showValue(segmentation)}, expected polygons or run lengths`);
  }
  const { size, counts } = segmentation;
  if (!Array.isArray(size) || size.length !== 2 || size[0] !== image.height || size[1] !== image.width) {
    throw new RangeError(
      `its mask is of size ${
        showValue(size)
      }, expected [${image.height}, ${image.width}], height and width of the image`,
    );
  }
  return [runLengthRuns(counts, image)];
}
