/**
 * Label maps as tensors `[2, k, H, W]`: plane 0 the scores, plane 1 the class indices as numbers of the same type; axis 1
 * is the rank.
 *
 * ReLabel's are float32, logits before softmax. Whether their last axes are `[H, W]` or `[W, H]` is not settled in public: the
 * published code hands (top, left, bottom, right) to a RoIAlign that wants (x1, y1, x2, y2), which is right for maps that
 * are stored W-first. TokenLabeling's are float16 and, by their generator, `[H, W]`; float16 holds integers exactly up to
 * 2048 only.
 *
 * Sources: naver-ai/relabel_imagenet, `utils/relabel_functions.py`; zihangJiang/TokenLabeling, `generate_label.py`.
 *
 * @module
 */

import { type TorchTensor, torchTensorWriter } from "../weights/mod.ts";
import { numberOf } from "../base/number_of.ts";
import { classArray, type MapLayout } from "../base/label_map.ts";
import { unreadable } from "../base/files.ts";

/** Who published the maps. */
export type PublishedMapKind = "relabel" | "token-labeling";

/** A map as it is stored. */
export interface PublishedMap {
  readonly kind: PublishedMapKind;
  /** Classes in each cell. */
  readonly k: number;
  /** The last two axes, in the file's order. */
  readonly axes: readonly [number, number];
  /** `[2, k, ...axes]`. */
  readonly values: Float32Array;
}

/** The largest integer up to which float16 holds them all. */
const FLOAT16_INTEGERS = 2048;

/**
 * Reads a map.
 *
 * @param path Path of the file, for messages.
 * @param tensor The tensor.
 * @param read Reads its elements.
 * @returns The map.
 * @throws {TypeError} If shape or type is another's.
 */
export function readPublishedMap(
  path: string,
  tensor: TorchTensor,
  read: (tensor: TorchTensor) => Float32Array,
): PublishedMap {
  const { shape, dtype } = tensor;
  const kind = dtype === "F32" ? "relabel" : dtype === "F16" ? "token-labeling" : undefined;
  const [planes, k, first, second] = shape;
  if (!kind || shape.length !== 4 || planes !== 2 || k * first * second === 0) {
    throw unreadable(path, `it is a tensor ${dtype} [${shape.join(", ")}], expected F32 or F16 [2, k, H, W]`);
  }
  return { kind, k, axes: [first, second], values: read(tensor) };
}

/**
 * A stored map as scores and classes.
 *
 * @param map The map.
 * @param options `path` of the file for messages, number of `classes`, and how to read the last axes.
 * @returns Class indices and logits `[k, H, W]`.
 * @throws {RangeError} If a class index is no integer from 0 to `classes` - 1, or may be another one.
 */
export function mapOf(
  map: PublishedMap,
  options: { path: string; classes: number; layout: MapLayout },
): { class: Uint16Array | Uint32Array; score: Float32Array } {
  const { kind, k, axes: [first, second], values } = map;
  const { path, classes, layout } = options;
  if (kind === "token-labeling" && classes > FLOAT16_INTEGERS + 1) {
    throw new RangeError(
      `Cannot trust "${path}": its class indices are float16, exact up to ${FLOAT16_INTEGERS}, and there are ${
        numberOf(classes, "class", "classes")
      }`,
    );
  }
  const cells = first * second;
  const length = k * cells;
  const score = new Float32Array(length);
  const classAt = new (classArray(classes))(length);
  for (let rank = 0, from = 0; rank < k; rank++) {
    for (let a = 0; a < first; a++) {
      for (let b = 0; b < second; b++, from++) {
        const to = layout === "hw" ? from : rank * cells + b * first + a;
        const index = values[length + from];
        if (!(Number.isInteger(index) && index >= 0 && index < classes)) {
          throw new RangeError(
            `Cannot convert "${path}": cell [${rank}, ${a}, ${b}] has class ${index}, expected an integer from 0 to ${
              classes - 1
            }`,
          );
        }
        score[to] = values[from];
        classAt[to] = index;
      }
    }
  }
  return { class: classAt, score };
}

/**
 * Prepares to write maps as ReLabel's: float32, in the zip container.
 *
 * @param options `k` and `[H, W]` of the maps, and how to store the last axes.
 * @returns A function that makes the bytes of a file of class indices and logits `[k, H, W]`.
 */
export function publishedMapWriter(
  { k, grid: [height, width], layout }: { k: number; grid: readonly [number, number]; layout: MapLayout },
): (map: { class: ArrayLike<number>; score: Float32Array }) => Uint8Array<ArrayBuffer> {
  const length = k * height * width;
  const write = torchTensorWriter([2, k, ...(layout === "hw" ? [height, width] : [width, height])]);
  const values = new Float32Array(2 * length);
  return ({ class: classes, score }) => {
    if (layout === "hw") {
      values.set(score);
      values.set(classes, length);
    } else {
      for (let rank = 0, from = 0; rank < k; rank++) {
        for (let y = 0; y < height; y++) {
          for (let x = 0; x < width; x++, from++) {
            const to = (rank * width + x) * height + y;
            values[to] = score[from];
            values[length + to] = classes[from];
          }
        }
      }
    }
    return write(values);
  };
}
