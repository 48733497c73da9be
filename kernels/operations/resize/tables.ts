/**
 * The weights of a resize: which input pixels make an output pixel, and how much of each.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import { FILTERS } from "./filters.ts";

/** How pixels are weighed; Pillow's names in lower case. */
export type ResizeFilter = "nearest" | keyof typeof FILTERS;

/** Versions of Pillow that differ in which pass comes first, up to 12 and from 13 on. */
export const RESIZE_RULES = ["Pillow 12", "Pillow 13"] as const;

/** The version of Pillow to whose bits a resize goes. */
export type ResizeRule = typeof RESIZE_RULES[number];

/** What people install today. */
export const DEFAULT_RESIZE_RULE: ResizeRule = "Pillow 13";

/** A part of an image in pixels, fractions allowed; right and bottom are where it ends. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** A part of an output in whole pixels. */
export interface Window {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** What to make of an image. */
export interface ResizeOptions {
  /** Size of the output. */
  readonly size: Pair;
  readonly filter: ResizeFilter;
  /** The part to resize; default: the whole image. */
  readonly box?: Box;
  /** The part of the output to compute, to the bits that a crop after the resize would leave; default: all of it. */
  readonly window?: Window;
  /** Whose order of the passes counts; default {@linkcode DEFAULT_RESIZE_RULE}. */
  readonly rule?: ResizeRule;
}

/** The weights for images of one size. */
export interface ResizeTables {
  /** Width of the input. */
  readonly width: number;
  readonly height: number;
  /** Size of the output, or of its window. */
  readonly size: Pair;
  /** Whether the vertical pass comes first. */
  readonly verticalFirst: boolean;
  /** The first input row that is read. */
  readonly firstRow: number;
  /** Height and width of the intermediate image. */
  readonly rows: number;
  readonly columns: number;
  /**
   * The horizontal table, then the vertical one; where this pass is the second, its rows count from `firstRow`. A table for n output pixels is n first
   * input pixels, n numbers of taps, and the weights as multiples of 2^-22: n of the first tap, n of the second, ... up
   * to a multiple of 4 taps, zeros after an output pixel's last, so that kernels may take {@linkcode GROUP} at a time.
   */
  readonly values: Int32Array<ArrayBuffer>;
  /** Where in `values` the vertical table begins. */
  readonly vertical: number;
}

/** Taps that the horizontal kernel takes at a time: 4 pixels of 3 bytes are 3 words. */
export const GROUP = 4;

/** Weights are multiples of 2^-22: 255 times their sum, with filters that overshoot, stays below 2^31. */
export const PRECISION = 22;

/**
 * The weights to resize images of one size. They depend on nothing else: callers keep them.
 *
 * @param width Width of the input, pixels.
 * @param height Height of the input, pixels.
 * @param options Size of the output, filter, box and window.
 * @returns The tables of both passes.
 * @throws {RangeError} If a size is not a positive integer, or the box or window is empty or reaches beyond its image.
 */
export function resizeTables(width: number, height: number, options: ResizeOptions): ResizeTables {
  const { size, filter, box = { left: 0, top: 0, right: width, bottom: height } } = options;
  const { window = { top: 0, left: 0, height: size[0], width: size[1] } } = options;
  for (const value of [width, height, ...size]) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Cannot resize ${width} x ${height} to ${size[1]} x ${size[0]}: not positive integers`);
    }
  }
  const { left, top, right, bottom } = box;
  if (!(left >= 0 && top >= 0 && right <= width && bottom <= height && left < right && top < bottom)) {
    throw new RangeError(
      `Cannot resize box (${left}, ${top}, ${right}, ${bottom}) of an image of ${width} x ${height}: empty or beyond it`,
    );
  }
  checkWindow(window, size);
  const across = { start: window.left, end: window.left + window.width };
  const down = { start: window.top, end: window.top + window.height };
  const horizontal = axisTaps(width, left, right, size[1], filter, across);
  const vertical = axisTaps(height, top, bottom, size[0], filter, down);
  const firstRow = vertical[0].first;
  const last = vertical[vertical.length - 1];
  const verticalFirst = filter !== "nearest" && isVerticalFirst([height, width], size, options.rule);
  const tables = [pack(horizontal, 0), pack(vertical, verticalFirst ? 0 : firstRow)];
  const values = new Int32Array(tables[0].length + tables[1].length);
  values.set(tables[0]);
  values.set(tables[1], tables[0].length);
  return {
    width,
    height,
    size: [window.height, window.width],
    verticalFirst,
    firstRow,
    rows: verticalFirst ? window.height : last.first + last.weights.length - firstRow,
    columns: verticalFirst ? width : window.width,
    values,
    vertical: tables[0].length,
  };
}

/**
 * Whether the vertical pass comes first. From Pillow 13 on it does where the height shrinks by more than twice as many pixels
 * as the width.
 *
 * @param image Height and width of the whole image, whatever the box.
 * @param size Size of the whole output, whatever the window.
 * @param rule The version of Pillow whose order counts.
 * @returns Never with Pillow 12.
 */
export function isVerticalFirst(image: Pair, size: Pair, rule: ResizeRule = DEFAULT_RESIZE_RULE): boolean {
  const [fewerRows, fewerColumns] = [image[0] - size[0], image[1] - size[1]];
  return rule === "Pillow 13" && fewerRows > 0 && fewerRows > 2 * fewerColumns;
}

function checkWindow({ top, left, height, width }: Window, size: Pair): void {
  if (
    ![top, left, height, width].every(Number.isInteger) || top < 0 || left < 0 || height < 1 || width < 1 ||
    top + height > size[0] || left + width > size[1]
  ) {
    throw new RangeError(
      `Cannot compute ${width} x ${height} pixels from (${left}, ${top}) on of an output of ${size[1]} x ${size[0]}`,
    );
  }
}

/** The input pixels of one output pixel. */
export interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/** Output pixels from `start` to before `end`. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

function axisTaps(
  input: number,
  low: number,
  high: number,
  output: number,
  filter: ResizeFilter,
  range: Range,
): Taps[] {
  if (low === 0 && high === input && output === input) return mapRange(range, (first) => ({ first, weights: [1] }));
  // Pillow holds boxes in single precision, and subtracts in it.
  const offset = Math.fround(low);
  const scale = Math.fround(Math.fround(high) - offset) / output;
  return filter === "nearest"
    ? nearestTaps(input, offset, scale, range)
    : filterTaps(input, offset, scale, filter, range);
}

function mapRange<T>({ start, end }: Range, make: (position: number) => T): T[] {
  return Array.from({ length: end - start }, (_, index) => make(start + index));
}

/** Pillow goes from pixel to pixel by adding up, not by multiplying: the last bits differ. */
function nearestTaps(input: number, offset: number, scale: number, range: Range): Taps[] {
  let center = offset + scale * 0.5;
  for (let skipped = 0; skipped < range.start; skipped++) center += scale;
  return mapRange(range, () => {
    const first = Math.min(Math.trunc(center), input - 1);
    center += scale;
    return { first, weights: [1] };
  });
}

/**
 * The taps of a filter, which is stretched where the axis shrinks. PyTorch's `interpolate` with `antialias` has the same.
 *
 * @param input Length of the axis, pixels.
 * @param offset Where the first output pixel begins, input pixels.
 * @param scale Input pixels per output pixel.
 * @param filter The filter.
 * @param range Which output pixels.
 * @returns For each of them its input pixels and their weights, whose sum is 1.
 */
export function filterTaps(
  input: number,
  offset: number,
  scale: number,
  filter: keyof typeof FILTERS,
  range: Range,
): Taps[] {
  const { support, weight } = FILTERS[filter];
  const stretch = Math.max(scale, 1);
  const reach = support * stretch;
  return mapRange(range, (x) => {
    const center = offset + (x + 0.5) * scale;
    const first = Math.max(Math.trunc(center - reach + 0.5), 0);
    const end = Math.min(Math.trunc(center + reach + 0.5), input);
    const weights: number[] = [];
    let sum = 0;
    for (let index = first; index < end; index++) {
      // One product with the reciprocal, as Pillow has it: a quotient may differ in the last bit.
      const value = weight((index - center + 0.5) * (1 / stretch));
      weights.push(value);
      sum += value;
    }
    return { first, weights: sum === 0 ? weights : weights.map((value) => value / sum) };
  });
}

function pack(taps: readonly Taps[], firstRow: number): Int32Array {
  const output = taps.length;
  const most = Math.ceil(Math.max(...taps.map(({ weights }) => weights.length)) / GROUP) * GROUP;
  const table = new Int32Array((2 + most) * output);
  taps.forEach(({ first, weights }, index) => {
    table[index] = first - firstRow;
    table[output + index] = weights.length;
    weights.forEach((weight, tap) => {
      // Rounds halves away from zero.
      table[(2 + tap) * output + index] = Math.trunc(weight * 2 ** PRECISION + (weight < 0 ? -0.5 : 0.5));
    });
  });
  return table;
}
