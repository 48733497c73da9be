/**
 * Filters of pictures, by the rules of the libraries that made the published corrupted images: SciPy, OpenCV, and ImageMagick's
 * motion blur.
 *
 * @module
 */

import { type Edge, type Picture, placeWithin } from "./picture.ts";

/**
 * Weights of a Gaussian, of sum 1.
 *
 * @param sigma Its standard deviation, pixels.
 * @param radius Pixels to each side.
 * @returns `2 radius + 1` weights.
 */
function gaussianWeights(sigma: number, radius: number): number[] {
  const weights = Array.from(
    { length: 2 * radius + 1 },
    (_, index) => Math.exp(-((index - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** Sums along one axis. */
function filterAxis(picture: Picture, weights: readonly number[], axis: "x" | "y", edge: Edge): Picture {
  const { width, height, channels, values } = picture;
  const radius = (weights.length - 1) / 2;
  const result = new Float32Array(values.length);
  const [length, step] = axis === "x" ? [width, channels] : [height, width * channels];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const first = (y * width + x) * channels;
      const along = axis === "x" ? x : y;
      for (let channel = 0; channel < channels; channel++) {
        const start = first + channel - along * step;
        let sum = 0;
        for (let tap = 0; tap < weights.length; tap++) {
          sum += weights[tap] * values[start + placeWithin(along + tap - radius, length, edge) * step];
        }
        result[first + channel] = sum;
      }
    }
  }
  return { ...picture, values: result };
}

/**
 * Gaussian blur, as `scipy.ndimage.gaussian_filter`.
 *
 * @param picture The picture.
 * @param sigma Standard deviation, pixels, along x and y.
 * @param options `truncate`: standard deviations after which it ends, default 4; `edge`: default `nearest`.
 * @returns The blurred picture.
 */
export function gaussianBlur(
  picture: Picture,
  [sigmaX, sigmaY]: readonly [x: number, y: number],
  { truncate = 4, edge = "nearest" }: { readonly truncate?: number; readonly edge?: Edge } = {},
): Picture {
  const weights = (sigma: number) => gaussianWeights(sigma, Math.floor(truncate * sigma + 0.5));
  return filterAxis(filterAxis(picture, weights(sigmaY), "y", edge), weights(sigmaX), "x", edge);
}

/**
 * Correlation with a square of weights, as `cv2.filter2D`: mirrored about the last pixel.
 *
 * @param picture The picture.
 * @param weights `[side, side]`, row-major, of an odd side.
 * @returns The filtered picture.
 */
export function filterSquare(picture: Picture, weights: readonly number[]): Picture {
  const { width, height, channels, values } = picture;
  const side = Math.sqrt(weights.length);
  const radius = (side - 1) / 2;
  const taps = weights.flatMap((weight, index) =>
    weight === 0 ? [] : [{ weight, x: index % side - radius, y: Math.floor(index / side) - radius }]
  );
  const result = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const first = (y * width + x) * channels;
      for (const tap of taps) {
        const row = placeWithin(y + tap.y, height, "reflect-101");
        const from = (row * width + placeWithin(x + tap.x, width, "reflect-101")) * channels;
        for (let channel = 0; channel < channels; channel++) {
          result[first + channel] += tap.weight * values[from + channel];
        }
      }
    }
  }
  return { ...picture, values: result };
}

/**
 * The weights of a lens out of focus: a disk whose edge is softened, of sum 1.
 *
 * @param radius The disk's, pixels.
 * @param softness Standard deviation of the Gaussian that softens it, pixels.
 * @returns `[17, 17]`, or as many as the disk needs if that is more.
 */
export function diskWeights(radius: number, softness: number): number[] {
  const reach = Math.max(8, radius);
  const side = 2 * reach + 1;
  const disk = Float32Array.from({ length: side * side }, (_, index) => {
    const [x, y] = [index % side - reach, Math.floor(index / side) - reach];
    return x * x + y * y <= radius * radius ? 1 : 0;
  });
  const area = disk.reduce((sum, value) => sum + value, 0);
  const picture = { width: side, height: side, channels: 1, values: disk.map((value) => value / area) };
  const soft = gaussianWeights(softness, radius <= 8 ? 1 : 2);
  return Array.from(filterAxis(filterAxis(picture, soft, "x", "reflect-101"), soft, "y", "reflect-101").values);
}

/**
 * Motion blur, as ImageMagick's: moved copies whose weights fall off on one side, as half a Gaussian.
 *
 * @param picture The picture.
 * @param options `radius`: half of the number of copies; `sigma`: of the Gaussian, copies; `angle`: degrees.
 * @returns The blurred picture.
 */
export function motionBlur(
  picture: Picture,
  { radius, sigma, angle }: { readonly radius: number; readonly sigma: number; readonly angle: number },
): Picture {
  const { width, height, channels, values } = picture;
  const copies = 2 * radius + 1;
  const weights = Array.from({ length: copies }, (_, index) => Math.exp(-(index ** 2) / (2 * sigma ** 2)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  const [sine, cosine] = [Math.sin(angle * Math.PI / 180), Math.cos(angle * Math.PI / 180)];
  const result = new Float32Array(values.length);
  for (let copy = 0; copy < copies; copy++) {
    const [down, right] = [-Math.ceil(copy * sine - 0.5), -Math.ceil(copy * cosine - 0.5)];
    if (Math.abs(down) >= height || Math.abs(right) >= width) break;
    const weight = weights[copy] / sum;
    for (let y = 0; y < height; y++) {
      const row = placeWithin(y - down, height, "nearest") * width;
      for (let x = 0; x < width; x++) {
        const from = (row + placeWithin(x - right, width, "nearest")) * channels;
        const to = (y * width + x) * channels;
        for (let channel = 0; channel < channels; channel++) result[to + channel] += weight * values[from + channel];
      }
    }
  }
  return { ...picture, values: result };
}

/**
 * The middle of a picture enlarged to its whole, bilinearly as `scipy.ndimage.zoom` of order 1: corners stay corners.
 *
 * @param picture The picture.
 * @param factor 1 or more.
 * @returns A picture of the same size.
 */
export function zoomMiddle(picture: Picture, factor: number): Picture {
  const { width, height, channels, values } = picture;
  const axis = (length: number) => {
    const part = Math.ceil(length / factor);
    const enlarged = Math.round(part * factor);
    return { first: Math.floor((length - part) / 2), part, step: enlarged > 1 ? (part - 1) / (enlarged - 1) : 0 };
  };
  const [columns, rows] = [axis(width), axis(height)];
  const result = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = sampleBilinear(picture, columns.first + x * columns.step, rows.first + y * rows.step, "nearest");
      for (let channel = 0; channel < channels; channel++) result[(y * width + x) * channels + channel] = at(channel);
    }
  }
  return { ...picture, values: result };
}

/**
 * A picture between its pixels.
 *
 * @param picture The picture.
 * @param x Column, 0 in the middle of the first pixel.
 * @param y Row, 0 in the middle of the first pixel.
 * @param edge What is beyond the picture.
 * @returns The sample of a channel.
 */
export function sampleBilinear(
  { width, height, channels, values }: Picture,
  x: number,
  y: number,
  edge: Edge,
): (channel: number) => number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [right, down] = [x - left, y - top];
  const place = (column: number, row: number) =>
    (placeWithin(row, height, edge) * width + placeWithin(column, width, edge)) * channels;
  const [a, b] = [place(left, top), place(left + 1, top)];
  const [c, d] = [place(left, top + 1), place(left + 1, top + 1)];
  return (channel) =>
    (values[a + channel] * (1 - right) + values[b + channel] * right) * (1 - down) +
    (values[c + channel] * (1 - right) + values[d + channel] * right) * down;
}
