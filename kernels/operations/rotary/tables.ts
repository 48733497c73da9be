/**
 * Tables of cosines and sines of networks with rotary position embedding: each of a grid's two coordinates turns half of the
 * pairs of a head, each pair with a frequency of its own.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { RotaryOptions, RotaryTable } from "./kernels.ts";

/** What all tables are made for. */
export interface RotaryGrid {
  /** Rows and columns of the grid. */
  readonly grid: Pair;
  /** Channels of a head, a multiple of 4. */
  readonly headChannels: number;
  /** How the angles of pairs stand side by side; "interleaved" unless given. */
  readonly rotation?: RotaryOptions["rotation"];
  /** Whether rows come before columns, as unless given, or after them. */
  readonly indexing?: "ij" | "xy";
  /** What is added to rows and columns; 0 unless given. */
  readonly offset?: number;
}

/** A table of the coordinates of each position and the frequencies of each pair. */
function makeTable(
  { grid: [height, width], headChannels, rotation = "interleaved", indexing = "ij" }: RotaryGrid,
  coordinates: Readonly<Record<"rows" | "columns", readonly number[]>>,
  frequencies: readonly number[],
): RotaryTable {
  const pairs = headChannels / 2;
  const cosine = new Float32Array(height * width * headChannels);
  const sine = new Float32Array(height * width * headChannels);
  for (let position = 0; position < height * width; position++) {
    const place = [coordinates.rows[Math.floor(position / width)], coordinates.columns[position % width]];
    if (indexing === "xy") place.reverse();
    for (let pair = 0; pair < pairs; pair++) {
      const angle = Math.fround(place[Math.floor(2 * pair / pairs)] * frequencies[pair % frequencies.length]);
      const channels = rotation === "halves" ? [pair, pair + pairs] : [2 * pair, 2 * pair + 1];
      for (const channel of channels) {
        cosine[position * headChannels + channel] = Math.cos(angle);
        sine[position * headChannels + channel] = Math.sin(angle);
      }
    }
  }
  return { cosine, sine };
}

/** Numbers rounded to f32, as PyTorch computes them. */
function rounded(length: number, make: (index: number) => number): number[] {
  return Array.from({ length }, (_, index) => Math.fround(make(index)));
}

/** `steps` numbers from `first` to `last`, evenly spaced. */
function spaced(first: number, last: number, steps: number): (index: number) => number {
  return (index) => steps === 1 ? first : first + (last - first) * index / (steps - 1);
}

/**
 * The table of EVA-02 and of timm's ViTs with `rope` in their names: timm's RotaryEmbeddingCat.
 *
 * Unless `inPixels`, coordinates are rows and columns, scaled to the grid that the network was first trained on where
 * `reference` is given, and the frequencies those of language, 1 / temperature^(i / n) of the n for each coordinate. With
 * `inPixels` coordinates run from -1 to 1, and frequencies from pi to pi largest / 2, evenly in their logarithm, or
 * evenly with `linear`.
 *
 * @param options The grid and how it is indexed; `temperature`, 10,000 unless given; `reference` rows and columns of the first
 * grid; `inPixels` the largest resolution, 224 in timm, and whether frequencies are `linear`.
 * @returns Cosines and sines, `[rows * columns, headChannels]`.
 */
export function rotaryTable(
  options: RotaryGrid & {
    temperature?: number;
    reference?: Pair;
    inPixels?: { largest: number; linear?: boolean };
  },
): RotaryTable {
  const { grid: [height, width], headChannels, offset = 0, temperature = 10000, reference, inPixels } = options;
  const count = headChannels / 4;
  const axis = (size: number, referenceSize: number) => {
    const place = inPixels ? spaced(-1, 1, size) : (index: number) => index + offset;
    const places = rounded(size, place);
    return reference ? rounded(size, (index) => Math.fround(places[index] / size) * referenceSize) : places;
  };
  const frequencies = inPixels
    ? rounded(count, (index) =>
      Math.PI * Math.fround(
        inPixels.linear
          ? spaced(1, inPixels.largest / 2, count)(index)
          : 2 ** spaced(0, Math.log2(inPixels.largest) - 1, count)(index),
      ))
    : rounded(count, (index) => 1 / Math.fround(temperature ** Math.fround(index / count)));
  const [rows, columns] = reference ?? [height, width];
  return makeTable(options, { rows: axis(height, rows), columns: axis(width, columns) }, frequencies);
}

/**
 * The table of DINOv3: timm's RotaryEmbeddingDinoV3. Coordinates are the centres of cells in [-1, 1], frequencies
 * 2 pi / temperature^(i / n) of the n for each coordinate.
 *
 * @param options The grid and how it is indexed; `temperature`, 100 unless given; what coordinates are divided by: the size of
 * each axis ("separate", as unless given), or the smaller or larger of both.
 * @returns Cosines and sines, `[rows * columns, headChannels]`.
 */
export function centredRotaryTable(
  options: RotaryGrid & { temperature?: number; normalisation?: "separate" | "min" | "max" },
): RotaryTable {
  const { grid: [height, width], headChannels, offset = 0, temperature = 100, normalisation = "separate" } = options;
  const count = headChannels / 4;
  const axis = (size: number) => {
    const whole = normalisation === "separate" ? size : Math[normalisation](height, width);
    return rounded(size, (index) => 2 * Math.fround((index + 0.5 + offset) / whole) - 1);
  };
  const periods = rounded(count, (index) => temperature ** Math.fround(2 * index / (headChannels / 2)));
  const coordinates = { rows: axis(height), columns: axis(width) };
  return makeTable(options, coordinates, periods.map((period) => 2 * Math.PI / period));
}
