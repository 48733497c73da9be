/**
 * Weather: snow, frost and fog.
 *
 * @module
 */

import { decodeImage } from "../../formats/images/mod.ts";
import { loadDecoder } from "../../formats/images/load_decoder.ts";
import type { DecodedImage, Pixels } from "../../formats/base/pixels.ts";
import type { Corruption } from "./corruption.ts";
import { motionBlur, zoomMiddle } from "./picture_filters.ts";
import { mapSamples, type Picture } from "./picture.ts";
import { plasma } from "./plasma.ts";

/** The share of each colour in grey, as OpenCV has it. */
const GREY = [0.299, 0.587, 0.114] as const;

/** Pictures of frost on glass (`ATTRIBUTIONS.md` says whose); of the published five the second and third are one. */
const FROST = [1, 2, 2, 3, 4].map((number) => new URL(`../../assets/frost/${number}.webp`, import.meta.url));

/** Flakes that fall slantwise, twice, over a whitened picture. */
export const snow: Corruption = (picture, severity, random) => {
  const { width, height, values } = picture;
  const [mean, deviation, enlarged, least, radius, sigma, kept] = [
    [0.1, 0.3, 3, 0.5, 10, 4, 0.8],
    [0.2, 0.3, 2, 0.5, 12, 4, 0.7],
    [0.55, 0.3, 4, 0.9, 12, 8, 0.7],
    [0.55, 0.3, 4.5, 0.85, 12, 8, 0.65],
    [0.55, 0.3, 2.5, 0.85, 12, 12, 0.55],
  ][severity - 1];
  const noise = Float32Array.from({ length: width * height }, () => (mean + deviation * random.normal()) * 255);
  const flakes = mapSamples(
    zoomMiddle({ width, height, channels: 1, values: noise }, enlarged),
    (value) => value < least * 255 ? 0 : Math.min(value, 255),
  );
  const { values: layer } = mapSamples(
    motionBlur(flakes, { radius, sigma, angle: random.uniform(-135, -45) }),
    Math.round,
  );
  return mapSamples(picture, (value, index) => {
    const pixel = Math.floor(index / 3);
    const grey = GREY.reduce((sum, share, channel) => sum + share * values[pixel * 3 + channel], 0);
    const whitened = kept * value + (1 - kept) * Math.max(value, grey * 1.5 + 127.5);
    return whitened + layer[pixel] + layer[layer.length - 1 - pixel];
  });
};

/** A picture of frost added to a darker one. */
export const frost: Corruption = async (picture, severity, random) => {
  const [kept, added] = [[1, 0.4], [0.8, 0.6], [0.7, 0.7], [0.65, 0.7], [0.6, 0.75]][severity - 1];
  const ice = await frostPart(picture, random.integer(FROST.length), () => random.uniform(0, 1));
  return mapSamples(picture, (value, index) => kept * value + added * ice[index]);
};

/** Clouds, brighter than all that shines through them. */
export const fog: Corruption = (picture, severity, random) => {
  const [amount, decay] = [[1.5, 2], [2, 2], [2.5, 1.7], [2.5, 1.5], [3, 1.4]][severity - 1];
  const { width, height, values } = picture;
  const side = 2 ** Math.ceil(Math.log2(Math.max(width, height, 2)));
  const clouds = plasma(side, decay, random);
  const most = values.reduce((most, value) => Math.max(most, value)) / 255;
  return mapSamples(picture, (value, index) => {
    const pixel = Math.floor(index / 3);
    const cloud = clouds[Math.floor(pixel / width) * side + pixel % width];
    return (value + amount * 255 * cloud) * most / (most + amount);
  });
};

const decodedFrost = new Map<number, Promise<DecodedImage>>();

/** The pictures as they were last enlarged, which is alike for all images that they cover. */
const enlargedFrost = new Map<number, Pixels>();

/** A part of a frost picture as large as a picture; the frost is enlarged by a tenth at least, and so as to cover it. */
async function frostPart({ width, height }: Picture, number: number, place: () => number): Promise<Float32Array> {
  if (!decodedFrost.has(number)) {
    decodedFrost.set(number, Deno.readFile(FROST[number]).then((bytes) => decodeImage(bytes)));
  }
  const stored = await decodedFrost.get(number)!;
  const scale = 1.1 * Math.max(1, width / stored.width, height / stored.height);
  const [columns, rows] = [Math.ceil(stored.width * scale), Math.ceil(stored.height * scale)];
  let enlarged = enlargedFrost.get(number);
  if (enlarged?.width !== columns || enlarged.height !== rows) {
    const sharp = await loadDecoder();
    const pixels = await sharp(stored.pixels, { raw: { width: stored.width, height: stored.height, channels: 3 } })
      .resize(columns, rows, { fit: "fill", kernel: "cubic" }).raw().toBuffer();
    enlarged = { width: columns, height: rows, pixels: new Uint8Array(pixels) };
    enlargedFrost.set(number, enlarged);
  }
  const [top, left] = [Math.floor(place() * (rows - height)), Math.floor(place() * (columns - width))];
  const part = new Float32Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const first = ((top + y) * columns + left) * 3;
    part.set(enlarged.pixels.subarray(first, first + width * 3), y * width * 3);
  }
  return part;
}
