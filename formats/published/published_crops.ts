/**
 * FKD's soft labels: for each image random crops, and for each crop what the teacher said of it.
 *
 * A file is a list of three: coordinates `[N, 4]` (top, left, height, width as fractions of the image), flips `[N]`, and
 * labels, which are probabilities:
 *
 * | labels | mode | what the other classes get |
 * | --- | --- | --- |
 * | `[N]` integers | `hard` | nothing: the label is one class with probability 1 |
 * | `[N, 2]`: class, probability | `smoothing` | (1 - p) / (C - 1) each |
 * | `[N, 2, k]`: classes, probabilities | `marginal` | (1 - sum) / (C - k) each (`marginal_smoothing_k5`, `_k10`), or nothing after dividing by the sum (`marginal_renorm`, whose files are the same) |
 *
 * Arrays are NumPy's or tensors, float32 or float16. FerKD's files are alike.
 *
 * Source: szq0214/FKD, `FKD_SLG/generate_soft_label.py` and `utils_FKD.py` (`Recover_soft_label`).
 *
 * @module
 */

import {
  isNumpyArray,
  isTorchTensor,
  isUnread,
  numpyValues,
  type PickleValue,
  type TorchTensor,
} from "../weights/mod.ts";
import { unreadable } from "../base/files.ts";

/** How much of the teacher's answer is kept. */
export type CropLabelMode = "hard" | "smoothing" | "marginal";

/** The crops of one image and their labels. */
export interface CropLabels {
  readonly kind: "crop_labels";
  readonly mode: CropLabelMode;
  /** Number of crops. */
  readonly count: number;
  /** Classes kept for each crop. */
  readonly k: number;
  /** Top, left, height, width of each crop `[N, 4]`, fractions of the image. */
  readonly box: Float32Array;
  /** Whether each crop was mirrored after it was cut out `[N]`, 0 or 1. */
  readonly flip: Float32Array;
  /** Class indices `[N, k]`, as stored. */
  readonly class: Float32Array;
  /** Their probabilities `[N, k]`. */
  readonly probability: Float32Array;
  /** Whether class indices are float16, which holds integers exactly up to 2048 only. */
  readonly isHalf: boolean;
}

interface Elements {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly values: Float32Array;
}

/**
 * Reads the crops of a file.
 *
 * @param path Path of the file, for messages.
 * @param value Its list of three.
 * @param read Reads a tensor's elements.
 * @returns The crops.
 * @throws {TypeError} If an entry is no array or tensor, or their shapes do not belong together.
 */
export function readCropLabels(
  path: string,
  value: readonly PickleValue[],
  read: (tensor: TorchTensor) => Float32Array,
): CropLabels {
  const [box, flip, labels] = value.map((entry): Elements => {
    if (isNumpyArray(entry)) return { shape: entry.shape, dtype: entry.dtype, values: numpyValues(entry) };
    if (isTorchTensor(entry)) return { shape: entry.shape, dtype: entry.dtype, values: read(entry) };
    if (isUnread(entry)) {
      throw unreadable(path, `its list holds ${entry.what}, which cannot be used`);
    }
    throw unreadable(path, "its list holds something that is neither an array nor a tensor");
  });
  const [count = 0] = box.shape;
  const isHard = labels.shape.length === 1;
  const isPairs = labels.shape[1] === 2 && (labels.shape.length === 2 || labels.shape.length === 3);
  if (
    box.shape.length !== 2 || box.shape[1] !== 4 || flip.shape.length !== 1 || flip.shape[0] !== count ||
    labels.shape[0] !== count || count === 0 || !(isHard || isPairs)
  ) {
    const shapes = [box, flip, labels].map(({ shape }) => `[${shape.join(", ")}]`).join(", ");
    throw unreadable(path, `its arrays are ${shapes}, expected [N, 4], [N] and [N], [N, 2] or [N, 2, k]`);
  }
  const mode = isHard ? "hard" : labels.shape.length === 2 ? "smoothing" : "marginal";
  const k = labels.shape[2] ?? 1;
  const plane = (position: number) => {
    const values = new Float32Array(count * k);
    for (let crop = 0; crop < count; crop++) {
      const start = (crop * 2 + position) * k;
      values.set(labels.values.subarray(start, start + k), crop * k);
    }
    return values;
  };
  return {
    kind: "crop_labels",
    mode,
    count,
    k,
    box: box.values,
    flip: flip.values,
    class: isHard ? labels.values : plane(0),
    probability: isHard ? new Float32Array(count).fill(1) : plane(1),
    isHalf: labels.dtype === "F16",
  };
}
