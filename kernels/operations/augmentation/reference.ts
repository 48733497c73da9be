/**
 * Augmentation on the CPU: the kernels' reference.
 *
 * @module
 */

import { atOnce } from "../../../formats/base/event_loop.ts";
import type { Pair } from "../shared/window.ts";
import { resizeReference } from "../resize/mod.ts";
import { stretch } from "./auto_contrast.ts";
import { fixedMatrix, type ImageOperation } from "./image_operation.ts";
import { boxMuller, randomWord } from "../../../formats/base/random.ts";
import { cutOut, reductionFactors } from "./reduce.ts";
import type { Augmentation } from "./sample.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/**
 * Augments one image.
 *
 * @param image RGB of 8 bits.
 * @param augmentation What happens to it.
 * @param settings What is made of images.
 * @param share Bytes that the part may have before it is resized; see `reductionFactors`.
 * @returns `[height, width, 3]`, normalised.
 */
export function augmentReference(
  image: { readonly width: number; readonly height: number; readonly pixels: Uint8Array },
  augmentation: Augmentation,
  settings: AugmentationSettings,
  share = Infinity,
): Float64Array {
  const { size } = settings;
  const pixels = augmentation.operations.reduce<Uint8Array>(
    (pixels, operation) => operateReference(pixels, size, operation),
    cropReference(image, augmentation, settings, share),
  );
  return normaliseReference(pixels, augmentation, settings);
}

/**
 * Cuts out, resizes and flips, all in 8 bits.
 *
 * @param image As for {@linkcode augmentReference}, like the rest.
 * @returns `[height, width, 3]`.
 */
export function cropReference(
  image: { readonly width: number; readonly pixels: Uint8Array },
  { box, flip }: Pick<Augmentation, "box" | "flip">,
  { size, interpolation }: Pick<AugmentationSettings, "size" | "interpolation">,
  share = Infinity,
): Uint8Array<ArrayBuffer> {
  const factors = reductionFactors(box, size, share);
  const [height, width] = [Math.ceil(box.height / factors[0]), Math.ceil(box.width / factors[1])];
  const part = new Uint8Array(height * width * 3);
  atOnce(cutOut(image, box, factors, part));
  const resized = resizeReference(part, width, height, {
    size,
    filter: interpolation,
    box: { left: 0, top: 0, right: box.width / factors[1], bottom: box.height / factors[0] },
  });
  return flip ? mapPixels(resized, size, (x, y) => y * size[1] + size[1] - 1 - x) : resized;
}

/** Each pixel that of another place, or black. */
function mapPixels(
  pixels: Uint8Array,
  [height, width]: Pair,
  placeOf: (x: number, y: number) => number | undefined,
): Uint8Array<ArrayBuffer> {
  const result = new Uint8Array(pixels.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const place = placeOf(x, y);
      if (place === undefined) continue;
      for (let colour = 0; colour < 3; colour++) result[(y * width + x) * 3 + colour] = pixels[place * 3 + colour];
    }
  }
  return result;
}

/**
 * Applies one operation to an image, on the CPU.
 *
 * @param pixels `[height, width, 3]`.
 * @param size Height and width.
 * @param operation The operation.
 * @returns The image after it.
 */
export function operateReference(
  pixels: Uint8Array,
  size: Pair,
  operation: ImageOperation,
): Uint8Array<ArrayBuffer> {
  const [height, width] = size;
  const each = (change: (value: number, colour: number, index: number) => number) =>
    Uint8Array.from(pixels, (value, index) => change(value, index % 3, index));
  switch (operation.type) {
    case "brightness":
      return each((value) => blend(0, value, operation.factor));
    case "contrast": {
      let sum = 0;
      for (let index = 0; index < pixels.length; index += 3) sum += grey(pixels, index);
      const mean = Math.floor(sum / (height * width) + 0.5);
      return each((value) => blend(mean, value, operation.factor));
    }
    case "saturation":
      return each((value, colour, index) => blend(grey(pixels, index - colour), value, operation.factor));
    case "sharpness":
      return each((value, _colour, index) => blend(smooth(pixels, size, index), value, operation.factor));
    case "posterize":
      return each((value) => value & (0xff << (8 - operation.bits)));
    case "solarize":
      return each((value) => value < operation.threshold ? value : 255 - value);
    case "autoContrast": {
      const ends = [0, 1, 2].map((colour) => {
        const own = pixels.filter((_, index) => index % 3 === colour);
        return own.reduce(({ low, high }, value) => ({ low: Math.min(low, value), high: Math.max(high, value) }), {
          low: 255,
          high: 0,
        });
      });
      return each((value, colour) => {
        const { low, high } = ends[colour];
        return stretch(value, low, high);
      });
    }
    case "equalize": {
      const tables = [0, 1, 2].map((colour) => equalizeTable(pixels.filter((_, index) => index % 3 === colour)));
      return each((value, colour) => tables[colour][value]);
    }
    case "affine": {
      const [a, b, c, d, e, f] = fixedMatrix(operation.matrix);
      return mapPixels(pixels, size, (x, y) => {
        const [column, row] = [(a * x + b * y + c) >> 16, (d * x + e * y + f) >> 16];
        return column >= 0 && column < width && row >= 0 && row < height ? row * width + column : undefined;
      });
    }
  }
}

/** Between a degenerate value and a pixel's, or past it; cut off and in single precision, as Pillow does it. */
function blend(degenerate: number, value: number, factor: number): number {
  const blended = Math.fround(degenerate + Math.fround(Math.fround(factor) * (value - degenerate)));
  return Math.min(Math.max(Math.trunc(blended), 0), 255);
}

function grey(pixels: Uint8Array, index: number): number {
  return (pixels[index] * 19595 + pixels[index + 1] * 38470 + pixels[index + 2] * 7471 + 0x8000) >> 16;
}

/** The mean about an element, the element itself counting 5 of 13; itself at the image's edge. */
function smooth(pixels: Uint8Array, [height, width]: Pair, index: number): number {
  const x = Math.floor(index / 3) % width;
  const y = Math.floor(index / 3 / width);
  if (x === 0 || y === 0 || x === width - 1 || y === height - 1) return pixels[index];
  let sum = 4 * pixels[index];
  for (const row of [-1, 0, 1]) {
    for (const column of [-1, 0, 1]) sum += pixels[index + (row * width + column) * 3];
  }
  return Math.floor(sum / 13 + 0.5);
}

function equalizeTable(values: Uint8Array): number[] {
  const counts = new Array<number>(256).fill(0);
  values.forEach((value) => counts[value]++);
  const last = counts.findLast((count) => count > 0)!;
  const step = Math.floor((values.length - last) / 255);
  if (step === 0) return counts.map((_, value) => value);
  let before = step >> 1;
  return counts.map((count) => {
    const rank = Math.min(Math.floor(before / step), 255);
    before += count;
    return rank;
  });
}

/**
 * Normalises, adds the lighting, and erases.
 *
 * @param pixels `[height, width, 3]`.
 * @param augmentation What happens to the image.
 * @param settings Mean, standard deviation, and what erased pixels become.
 * @returns The values, of the same shape.
 */
export function normaliseReference(
  pixels: Uint8Array,
  { lighting, erasing }: Pick<Augmentation, "lighting" | "erasing">,
  { size, mean, std, erasing: settings }: Pick<AugmentationSettings, "size" | "mean" | "std" | "erasing">,
): Float64Array {
  return Float64Array.from(pixels, (value, index) => {
    const colour = index % 3;
    const pixel = Math.floor(index / 3);
    if (erasing) {
      const y = Math.floor(pixel / size[1]) - erasing.top;
      const x = pixel % size[1] - erasing.left;
      if (y >= 0 && y < erasing.height && x >= 0 && x < erasing.width) {
        if (settings?.value !== "random") return 0;
        return boxMuller(randomWord(erasing.key, 2 * index), randomWord(erasing.key, 2 * index + 1));
      }
    }
    return (value / 255 + lighting[colour] - mean[colour]) / std[colour];
  });
}
