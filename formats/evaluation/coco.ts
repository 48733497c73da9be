/**
 * Annotations of COCO, `instances_*.json`, as the classes that each image shows.
 *
 *     {"images": [{"id": 9, "file_name": "a.jpg"}], "annotations": [{"image_id": 9, "category_id": 1}],
 *      "categories": [{"id": 1, "name": "person"}]}
 *
 * Identifiers of categories have gaps (COCO's 80 go up to 90): classes are the categories in the order of their
 * identifiers. Images without annotations show none of them; crowds count as objects.
 *
 * @module
 */

import { basename } from "@std/path";
import { showValue } from "../base/show_value.ts";
import { isObject } from "../base/json.ts";

/** What a file of annotations says. */
export interface CocoLabels {
  /** Names of the categories, in the order of their identifiers. */
  readonly categories: readonly string[];
  /** Indices of the categories that each image shows, ascending, by the image's base name. */
  readonly labels: ReadonlyMap<string, readonly number[]>;
}

/** What is read of the rows of each list, and of which type it is. */
const FIELDS = {
  images: { id: "number", file_name: "string" },
  annotations: { image_id: "number", category_id: "number" },
  categories: { id: "number", name: "string" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, "number" | "string">>>>;

/** The lists of a file, any of which makes it one of annotations. */
export const cocoLists: readonly string[] = Object.keys(FIELDS);

/**
 * What is read of a row.
 *
 * @param list The list that it is of; rows of others are left as they are.
 * @param row The row.
 * @returns The row without boxes, masks and what else is not read.
 */
export function cocoRow(list: string, row: unknown): unknown {
  if (!cocoLists.includes(list) || !isObject(row)) return row;
  return Object.fromEntries(Object.keys(FIELDS[list as keyof typeof FIELDS]).map((field) => [field, row[field]]));
}

/**
 * Checks annotations and joins them by image.
 *
 * @param value What the file holds.
 * @param subject What is being done, for messages.
 * @returns The classes of each image.
 * @throws {TypeError} If it is something else, or refers to an image or a category that it does not have.
 */
export function parseCocoLabels(value: unknown, subject: string): CocoLabels {
  const images = rows(value, "images", subject);
  const annotations = rows(value, "annotations", subject);
  const categories = rows(value, "categories", subject)
    .toSorted((a, b) => Number(a.id) - Number(b.id));
  const indices = new Map(categories.map(({ id }, index) => [id, index]));
  const found = new Map(images.map(({ id }) => [id, new Set<number>()]));
  annotations.forEach(({ image_id: image, category_id: category }, position) => {
    const [ofImage, index] = [found.get(image), indices.get(category)];
    if (!ofImage || index === undefined) {
      const missing = ofImage ? `category ${category}` : `image ${image}`;
      throw new TypeError(`${subject}: annotations[${position}] is of ${missing}, which is not in the file`);
    }
    ofImage.add(index);
  });
  const labels = new Map<string, number[]>();
  for (const { id, file_name: file } of images) {
    const name = basename(String(file));
    if (labels.has(name)) throw new TypeError(`${subject}: two images are called "${name}"`);
    labels.set(name, [...found.get(id)!].sort((a, b) => a - b));
  }
  return { categories: categories.map(({ name }) => String(name)), labels };
}

function rows(
  value: unknown,
  name: keyof typeof FIELDS,
  subject: string,
): Readonly<Record<string, unknown>>[] {
  const list = isObject(value) ? value[name] : undefined;
  if (!Array.isArray(list)) throw new TypeError(`${subject}: ${name} is ${showValue(list)}, expected a list`);
  list.forEach((row, index) => {
    const wrong = Object.entries(FIELDS[name]).find(([field, type]) => !isObject(row) || typeof row[field] !== type);
    if (!wrong) return;
    const found = showValue(isObject(row) ? row[wrong[0]] : row);
    throw new TypeError(`${subject}: ${wrong[0]} of ${name}[${index}] is ${found}, expected a ${wrong[1]}`);
  });
  return list;
}
