/**
 * What processing does: brightness, contrast, a bent picture, large pixels, and JPEG.
 *
 * @module
 */

import { decodeImage } from "../../formats/images/mod.ts";
import type { Corruption } from "./corruption.ts";
import { encodeJpeg } from "./encode.ts";
import { gaussianBlur, sampleBilinear } from "./picture_filters.ts";
import { mapSamples, type Picture, pictureOf, pixelsOf } from "./picture.ts";

/** The value of hue, saturation and value raised: colours of a pixel keep their ratios. */
export const brightness: Corruption = (picture, severity) => {
  const more = [0.1, 0.2, 0.3, 0.4, 0.5][severity - 1] * 255;
  const { values } = picture;
  return mapSamples(picture, (sample, index) => {
    const first = index - index % 3;
    const value = Math.max(values[first], values[first + 1], values[first + 2]);
    const raised = Math.min(value + more, 255);
    return value === 0 ? raised : sample * raised / value;
  });
};

/** Samples nearer to the mean of their channel. */
export const contrast: Corruption = (picture, severity) => {
  const kept = [0.4, 0.3, 0.2, 0.1, 0.05][severity - 1];
  const { width, height, values } = picture;
  const means = [0, 0, 0];
  values.forEach((value, index) => means[index % 3] += value / (width * height));
  return mapSamples(picture, (value, index) => (value - means[index % 3]) * kept + means[index % 3]);
};

/** Pixels moved by smooth noise. */
export const elasticTransform: Corruption = (picture, severity, random) => {
  const strength = 250 * [0.05, 0.065, 0.085, 0.1, 0.12][severity - 1];
  const { width, height, values } = picture;
  const most = height * 0.005;
  const displacement = () => {
    const noise = Float32Array.from({ length: width * height }, () => random.uniform(-most, most));
    const sigma = [width * 0.01, height * 0.01] as const;
    const blurred = gaussianBlur({ width, height, channels: 1, values: noise }, sigma, {
      truncate: 3,
      edge: "reflect",
    });
    return blurred.values.map((value) => value * strength);
  };
  const [right, down] = [displacement(), displacement()];
  const bent = new Float32Array(values.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const pixel = y * width + x;
      const at = sampleBilinear(picture, x + right[pixel], y + down[pixel], "reflect");
      for (let channel = 0; channel < 3; channel++) bent[pixel * 3 + channel] = at(channel);
    }
  }
  return { ...picture, values: bent };
};

/** Shrunk by Pillow's box filter and enlarged again by repeating pixels. */
export const pixelate: Corruption = (picture, severity) => {
  const share = [0.6, 0.5, 0.4, 0.3, 0.25][severity - 1];
  const { width, height } = picture;
  const [columns, rows] = [width, height].map((length) => Math.max(1, Math.trunc(length * share)));
  const small = averageRows(averageColumns(picture, columns), rows);
  const enlarged = new Float32Array(picture.values.length);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y + 0.5) * rows / height) * columns;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor((x + 0.5) * columns / width)) * 3;
      enlarged.set(small.values.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { ...picture, values: enlarged };
};

/** Encoded as a small JPEG file and decoded again. */
export const jpegCompression: Corruption = async (picture, severity) => {
  const quality = [25, 18, 15, 10, 7][severity - 1];
  return pictureOf(await decodeImage(await encodeJpeg(pixelsOf(picture), quality)));
};

/** The first pixel that a shrunk one is the mean of, and the one after the last. */
function boxOf(place: number, length: number, shrunk: number): [first: number, end: number] {
  const scale = length / shrunk;
  const edge = (at: number) => Math.floor(at * scale + 0.5);
  return [edge(place), edge(place + 1)];
}

function averageColumns({ width, height, values }: Picture, columns: number): Picture {
  const result = new Float32Array(columns * height * 3);
  for (let x = 0; x < columns; x++) {
    const [first, end] = boxOf(x, width, columns);
    for (let y = 0; y < height; y++) {
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (let from = first; from < end; from++) sum += values[(y * width + from) * 3 + channel];
        result[(y * columns + x) * 3 + channel] = Math.round(sum / (end - first));
      }
    }
  }
  return { width: columns, height, channels: 3, values: result };
}

function averageRows({ width, height, values }: Picture, rows: number): Picture {
  const result = new Float32Array(width * rows * 3);
  for (let y = 0; y < rows; y++) {
    const [first, end] = boxOf(y, height, rows);
    for (let sample = 0; sample < width * 3; sample++) {
      let sum = 0;
      for (let from = first; from < end; from++) sum += values[from * width * 3 + sample];
      result[y * width * 3 + sample] = Math.round(sum / (end - first));
    }
  }
  return { width, height: rows, channels: 3, values: result };
}
