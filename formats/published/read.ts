/**
 * One file of soft labels, told by what is in it.
 *
 * | object | what it is |
 * | --- | --- |
 * | a float32 tensor `[2, k, H, W]` | ReLabel's map |
 * | a float16 tensor `[2, k, H, W]` | TokenLabeling's map |
 * | a list of coordinates `[N, 4]`, flips `[N]` and labels | FKD's crops, also FerKD's |
 *
 * @module
 */

import { isTorchTensor, isUnread, type PickleValue, readTorch } from "../weights/mod.ts";
import { type CropLabels, readCropLabels } from "./published_crops.ts";
import { type PublishedMap, readPublishedMap } from "./published_map.ts";
import { unreadable } from "../base/files.ts";

/** What a file holds. */
export type Published = PublishedMap | CropLabels;

/**
 * Reads a file of soft labels.
 *
 * @param path Its path, for messages.
 * @param bytes The file's bytes.
 * @returns The map or the crops that the file holds.
 * @throws {TypeError} If it is no file of PyTorch's, refers to anything but tensors and arrays, or holds something else.
 */
export function readPublished(path: string, bytes: Uint8Array): Published {
  const file = readTorch(path, bytes);
  const { value } = file;
  if (isTorchTensor(value)) return readPublishedMap(path, value, file.read);
  if (Array.isArray(value) && value.length === 3) return readCropLabels(path, value, file.read);
  throw unreadable(
    path,
    `it holds ${describe(value)}, expected a tensor [2, k, H, W] or coordinates, flips and labels`,
  );
}

function describe(value: PickleValue): string {
  if (isUnread(value)) return value.what;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof Map) return "a dictionary";
  return value === null ? "None" : typeof value === "object" ? "an object" : `a ${typeof value}`;
}
