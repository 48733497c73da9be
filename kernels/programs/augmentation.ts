/**
 * Augmentation as a program, and what it is fed.
 *
 *     images, what happens to each -> cut out, resized, mirrored -> operations -> normalised, lit, erased -> mixed
 *
 * In the GPU profile the cut-out parts are uploaded, 3 bytes per pixel, end to end, and one kernel resizes all of them. In
 * the software profile, where kernels run on the same cores but pay 25 ns and more for each byte's load, the packer
 * resizes, to the same bits, and 4 bytes per pixel of the result are uploaded. All that comes after runs in kernels.
 *
 * @module
 */

import type { Pieces } from "../../formats/base/event_loop.ts";
import { stretchCorrections } from "../operations/augmentation/auto_contrast.ts";
import { cropResizeKernel } from "../operations/augmentation/crop_resize.ts";
import { normaliseKernel } from "../operations/augmentation/finish.ts";
import {
  type Augmentation,
  type AugmentationSettings,
  checkAugmentation,
  type Mix,
  type PixelBox,
} from "../operations/augmentation/mod.ts";
import { mixImagesKernel, mixTargetsKernel, mixWords, packMix } from "../operations/augmentation/mix_kernels.ts";
import { imageOperationKernel, operationTablesKernel } from "../operations/augmentation/operation_kernels.ts";
import { operationSlots, packRecord, type PixelPlace, recordVectors } from "../operations/augmentation/records.ts";
import { cutOut, MOST_REDUCTION, reducedTables, reductionFactors } from "../operations/augmentation/reduce.ts";
import { FILTERS } from "../operations/resize/filters.ts";
import { isVerticalFirst, resizeInPieces, type ResizeTables } from "../operations/resize/mod.ts";
import { GROUP } from "../operations/resize/tables.ts";
import { channelVectors, type Shape, type Target, tensorBytes } from "../operations/shared/tensor.ts";
import type { Profile } from "../engine/kernel.ts";
import { remember } from "./remember.ts";
import type { Pair } from "../operations/shared/window.ts";
import type { Program, Step } from "../engine/program.ts";
import type { Pixels } from "../../formats/base/pixels.ts";

/** What is augmented, and for which device. */
export interface AugmentationOptions extends Target {
  /** Images of a step. */
  readonly batch: number;
  readonly settings: AugmentationSettings;
  /**
   * Bytes for the parts of all images of a step. Each image has an equal share of them: the part of an image that is
   * larger is reduced, whatever else is in the step.
   */
  readonly pixelBytes: number;
}

/** Fills the inputs of the program of {@linkcode lowerAugmentation}, piece by piece. */
export type AugmentationPacker = (
  images: readonly Pixels[],
  samples: readonly Augmentation[],
  mix?: Mix,
) => Pieces<ReadonlyMap<string, Uint8Array<ArrayBuffer>>>;

/** Tensors of the program. */
const NAMES = {
  pixels: "augmentation pixels",
  tables: "augmentation resize tables",
  records: "augmentation records",
  mixing: "augmentation mixing",
  image: "augmented image",
  operationTables: "augmentation operation tables",
  corrections: "augmentation contrast corrections",
  unmixed: "unmixed images",
} as const;

/** Pixels that are read past the last one: the kernel takes taps in groups. */
const PIXELS_AFTER = 16;

/** Whether the program resizes. */
function resizes({ profile }: Target): boolean {
  return profile === "gpu";
}

/** Whether a kernel of the program reads the images' records. */
function readsRecords(options: AugmentationOptions): boolean {
  const { lighting = 0, erasing } = options.settings;
  return resizes(options) || operationSlots(options.settings) > 0 || lighting > 0 || erasing !== undefined;
}

function mixes({ mixup, cutmix }: AugmentationSettings): boolean {
  return mixup !== undefined || cutmix !== undefined;
}

/** Bytes of an image's pixels, whole words. */
function shareBytes({ batch, pixelBytes }: AugmentationOptions): number {
  return Math.floor(pixelBytes / batch / 4) * 4;
}

/** Words of the largest resize table of an axis. */
function tableWords({ interpolation }: AugmentationSettings, length: number): number {
  const taps = 2 * FILTERS[interpolation].support * MOST_REDUCTION + 2;
  return (2 + Math.ceil(taps / GROUP) * GROUP) * length;
}

/**
 * Lowers augmentation.
 *
 * @param options What is augmented; `output` names the result, `[N, H, W, 3]`, zeros where there is no image.
 * @returns The program, and the names of its `inputs`, which {@linkcode createAugmentationPacker} fills.
 * @throws {TypeError | RangeError} If a setting is not valid.
 */
export function lowerAugmentation(
  options: AugmentationOptions & { output: string },
): Program & { readonly inputs: readonly string[] } {
  const { batch, settings, output, profile, storage } = options;
  checkOptions(options);
  const { size } = settings;
  const shape: Shape = [batch, ...size, 3];
  const tensors = new Map<string, number>();
  const steps: Step[] = [];
  const inputs: string[] = [];
  const input = (name: string, bytes: number) => {
    tensors.set(name, bytes);
    inputs.push(name);
  };
  const { records, pixels, tables, mixing, unmixed, operationTables } = NAMES;
  if (readsRecords(options)) input(records, batch * recordVectors(settings) * 16);
  const slots = operationSlots(settings);
  const { lighting, erasing, randAugment, colourJitter } = settings;
  const imageBytes = batch * size[0] * size[1] * 4;
  const imageName = (slot: number) => `${NAMES.image} ${slot}`;
  const normalised = mixes(settings) ? unmixed : output;
  tensors.set(normalised, tensorBytes(shape, storage));
  if (resizes(options)) {
    input(pixels, batch * shareBytes(options) + PIXELS_AFTER);
    input(tables, batch * (tableWords(settings, size[0]) + tableWords(settings, size[1])) * 4);
    if (slots > 0) tensors.set(imageName(0), imageBytes);
    steps.push({
      kernel: cropResizeKernel({ batch, settings, normalised: slots === 0, storage }),
      bindings: { pixels, tables, records, output: slots === 0 ? normalised : imageName(0) },
    });
  } else input(imageName(0), imageBytes);
  const hasTables = randAugment !== undefined || (colourJitter?.contrast ?? 0) > 0;
  if (hasTables) tensors.set(operationTables, batch * 256 * 4);
  for (let slot = 0; slot < slots; slot++) {
    const [image, result] = [imageName(slot), imageName(slot + 1)];
    tensors.set(result, imageBytes);
    if (hasTables) {
      steps.push({
        kernel: operationTablesKernel({ batch, settings, slot, profile }),
        bindings: { image, records, corrections: NAMES.corrections, tables: operationTables },
      });
    }
    steps.push({
      kernel: imageOperationKernel({ batch, settings, slot, profile, tables: hasTables }),
      bindings: { image, records, tables: operationTables, output: result },
    });
  }
  if (slots > 0 || !resizes(options)) {
    steps.push({
      kernel: normaliseKernel({ batch, settings, profile, storage }),
      bindings: {
        image: imageName(slots),
        ...(lighting ?? 0) > 0 || erasing ? { records } : {},
        output: normalised,
      },
    });
  }
  if (mixes(settings)) {
    input(mixing, mixWords(batch) * 4);
    tensors.set(output, tensorBytes(shape, storage));
    steps.push({
      kernel: mixImagesKernel({ shape, profile, storage }),
      bindings: { input: normalised, mixing, output },
    });
  }
  const constants = new Map(hasTables ? [[NAMES.corrections, stretchCorrections] as const] : []);
  return { tensors, constants, steps, inputs };
}

/**
 * Lowers the mixing of targets, for settings with `mixup` or `cutmix`. It goes into one program with
 * {@linkcode lowerAugmentation}'s and reads one of its inputs.
 *
 * @param options Rows of a `batch`, of `classes` each; names of the targets before and after, f32 `[N, C]`.
 * @returns The program.
 */
export function lowerTargetMixing(
  options: { batch: number; classes: number; input: string; output: string; profile: Profile },
): Program {
  const { batch, classes, input, output, profile } = options;
  const bytes = batch * channelVectors(classes) * 16;
  const { mixing } = NAMES;
  return {
    tensors: new Map([[input, bytes], [output, bytes], [mixing, mixWords(batch) * 4]]),
    constants: new Map(),
    steps: [{ kernel: mixTargetsKernel({ batch, classes, profile }), bindings: { input, mixing, output } }],
  };
}

/**
 * Makes what fills the inputs of {@linkcode lowerAugmentation}'s program.
 *
 * @param options The program's.
 * @returns The packer: of images, what happens to each, and how the batch is mixed, it makes the bytes of each input, to
 * be written to where that begins. They are its own, and valid until the next call. It throws a RangeError if there are
 * more images than places, or an augmentation is not of its image or of these settings, and a TypeError if there is not
 * one for each image, or an image's pixels are not as many as its size says.
 * @throws {TypeError | RangeError} If a setting is not valid.
 */
export function createAugmentationPacker(options: AugmentationOptions): AugmentationPacker {
  checkOptions(options);
  const { batch, settings } = options;
  const records = new Uint32Array(batch * recordVectors(settings) * 4);
  const recordOf = (sample: number) => {
    const words = recordVectors(settings) * 4;
    return records.subarray(sample * words, (sample + 1) * words);
  };
  const mixing = new Uint32Array(mixWords(batch));
  const packPixels = resizes(options) ? partPacker(options) : imagePacker(options);
  return function* (images, samples, mix) {
    checkImages(images, samples, options);
    const bytes = new Map<string, Uint8Array<ArrayBuffer>>();
    const places = yield* packPixels(images, samples, bytes);
    if (readsRecords(options)) {
      records.fill(0);
      samples.forEach((sample, index) => packRecord(recordOf(index), sample, settings, places[index]));
      bytes.set(NAMES.records, new Uint8Array(records.buffer));
    }
    if (mixes(settings)) {
      packMix(mixing, mix);
      bytes.set(NAMES.mixing, new Uint8Array(mixing.buffer));
    }
    return bytes;
  };
}

/** Puts what depends on pixels among the bytes, and gives the places of the parts, where there are parts. */
type PixelPacker = (
  images: readonly Pixels[],
  samples: readonly Augmentation[],
  bytes: Map<string, Uint8Array<ArrayBuffer>>,
) => Pieces<readonly PixelPlace[]>;

/** Packs parts and the tables to resize them. */
function partPacker(options: AugmentationOptions): PixelPacker {
  const { batch, settings } = options;
  const { size } = settings;
  const share = shareBytes(options);
  const tablesFor = axisTableCache(settings);
  const pixels = new Uint8Array(batch * share);
  const tables = new Int32Array(batch * (tableWords(settings, size[0]) + tableWords(settings, size[1])));
  return function* (images, samples, bytes) {
    let pixelsEnd = 0;
    let tablesEnd = 0;
    const placed = new Map<Int32Array, number>();
    const place = (values: Int32Array) => {
      const known = placed.get(values);
      if (known !== undefined) return known;
      const offset = tablesEnd;
      tables.set(values, offset);
      placed.set(values, offset);
      tablesEnd += values.length;
      return offset;
    };
    const places: PixelPlace[] = [];
    for (const [index, image] of images.entries()) {
      const { box } = samples[index];
      const factors = reductionFactors(box, size, share);
      const [height, width] = [Math.ceil(box.height / factors[0]), Math.ceil(box.width / factors[1])];
      const start = pixelsEnd;
      yield* cutOut(image, box, factors, pixels.subarray(start, start + height * width * 3));
      pixelsEnd += Math.ceil(height * width * 3 / 4) * 4;
      places.push({
        pixels: start / 4,
        width,
        horizontal: place(tablesFor(box.width, factors[1]).horizontal),
        vertical: place(tablesFor(box.height, factors[0]).vertical),
        verticalFirst: isVerticalFirst([height, width], size),
      });
    }
    bytes.set(NAMES.pixels, pixels.subarray(0, pixelsEnd));
    bytes.set(NAMES.tables, new Uint8Array(tables.buffer, 0, tablesEnd * 4));
    return places;
  };
}

/** Packs parts that it has resized. */
function imagePacker(options: AugmentationOptions): PixelPacker {
  const { batch, settings } = options;
  const { size } = settings;
  const share = shareBytes(options);
  const tablesFor = axisTableCache(settings);
  const [height, width] = size;
  const partTables = (box: PixelBox, [down, across]: Pair): ResizeTables => {
    const [{ horizontal }, { vertical }] = [tablesFor(box.width, across), tablesFor(box.height, down)];
    const values = new Int32Array(horizontal.length + vertical.length);
    values.set(horizontal);
    values.set(vertical, horizontal.length);
    const [rows, columns] = [Math.ceil(box.height / down), Math.ceil(box.width / across)];
    const verticalFirst = isVerticalFirst([rows, columns], size);
    const between = verticalFirst ? { rows: height, columns } : { rows, columns: width };
    const shape = { width: columns, height: rows, size, verticalFirst, firstRow: 0, ...between };
    return { ...shape, values, vertical: horizontal.length };
  };
  const words = new Uint32Array(batch * height * width);
  let part = new Uint8Array(0);
  return function* (images, samples, bytes) {
    words.fill(0, images.length * height * width);
    for (const [index, image] of images.entries()) {
      const { box, flip } = samples[index];
      const factors = reductionFactors(box, size, share);
      const [rows, columns] = [Math.ceil(box.height / factors[0]), Math.ceil(box.width / factors[1])];
      const length = rows * columns * 3;
      if (part.length < length) part = new Uint8Array(length);
      const cut = part.subarray(0, length);
      yield* cutOut(image, box, factors, cut);
      const resized = yield* resizeInPieces(cut, columns, rows, partTables(box, factors));
      let from = 0;
      for (let y = 0; y < height; y++) {
        const row = (index * height + y) * width;
        for (let x = 0; x < width; x++, from += 3) {
          const word = resized[from] | resized[from + 1] << 8 | resized[from + 2] << 16 | 0xff000000;
          words[row + (flip ? width - 1 - x : x)] = word;
        }
      }
    }
    bytes.set(`${NAMES.image} 0`, new Uint8Array(words.buffer));
    return [];
  };
}

/** The resize tables of a length, for either axis. */
interface AxisTables {
  readonly horizontal: Int32Array;
  readonly vertical: Int32Array;
}

/** Tables by length and factor of the part, made once for each of the last that were seen. */
function axisTableCache({ size, interpolation }: AugmentationSettings): (length: number, factor: number) => AxisTables {
  return remember(TABLES_KEPT, (length, factor) => {
    const { values, vertical } = reducedTables(length, factor, size, interpolation);
    const horizontal = values.subarray(0, vertical);
    return { horizontal, vertical: size[0] === size[1] ? horizontal : values.subarray(vertical) };
  });
}

/** Lengths of parts whose tables are kept: 40 KB each for a result of 224 pixels. */
const TABLES_KEPT = 1024;

function checkOptions({ batch, settings, pixelBytes }: AugmentationOptions): void {
  checkAugmentation(settings);
  if (!Number.isInteger(batch) || batch < 1) {
    throw new RangeError(`Cannot augment: batch is ${batch}, expected a positive integer`);
  }
  if (!(pixelBytes >= 4 * batch)) {
    throw new RangeError(`Cannot augment: ${pixelBytes} bytes for the pixels of ${batch} images, expected 4 an image`);
  }
}

function checkImages(
  images: readonly Pixels[],
  samples: readonly Augmentation[],
  { batch, settings }: AugmentationOptions,
): void {
  const slots = operationSlots(settings);
  if (images.length > batch) throw new RangeError(`Cannot augment ${images.length} images: the step has ${batch}`);
  if (samples.length !== images.length) {
    throw new TypeError(`Cannot augment ${images.length} images: there are ${samples.length} augmentations`);
  }
  images.forEach(({ width, height, pixels }, index) => {
    const { box: { top, left, ...box }, operations } = samples[index];
    if (pixels.length !== width * height * 3) {
      throw new TypeError(
        `Cannot augment image ${index} of ${width} x ${height}: it has ${pixels.length} bytes, expected ${
          width * height * 3
        }`,
      );
    }
    if (top + box.height > height || left + box.width > width) {
      throw new RangeError(
        `Cannot augment image ${index} of ${width} x ${height}: its part of ${box.width} x ${box.height} at ` +
          `(${left}, ${top}) reaches beyond it`,
      );
    }
    if (operations.length > slots) {
      throw new RangeError(
        `Cannot augment image ${index}: it has ${operations.length} operations, the settings allow ${slots}`,
      );
    }
  });
}
