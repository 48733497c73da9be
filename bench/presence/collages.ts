/**
 * Pictures of two to six known things: windows of photographs beside each other.
 *
 * @module
 */

import type { DecodedImage } from "../../formats/images/mod.ts";
import { resizeReference } from "../../kernels/operations/resize/mod.ts";
import { generator } from "../../tests/formats/labels/fixture.ts";
import type { Photograph } from "./photographs.ts";

/** A picture, and the classes that are right for each thing in it. */
export interface KnownPicture {
  readonly image: DecodedImage;
  readonly things: readonly (readonly number[])[];
}

/** A part of a picture, in fractions of its sides. */
type Tile = readonly [left: number, top: number, right: number, bottom: number];

const [HALF, THIRD] = [1 / 2, 1 / 3];

/** Where two to six photographs go. */
const LAYOUTS: readonly (readonly Tile[])[] = [
  [[0, 0, HALF, 1], [HALF, 0, 1, 1]],
  [[0, 0, HALF, 1], [HALF, 0, 1, HALF], [HALF, HALF, 1, 1]],
  [[0, 0, HALF, HALF], [HALF, 0, 1, HALF], [0, HALF, HALF, 1], [HALF, HALF, 1, 1]],
  [[0, 0, HALF, HALF], [HALF, 0, 1, HALF], [0, HALF, THIRD, 1], [THIRD, HALF, 2 * THIRD, 1], [2 * THIRD, HALF, 1, 1]],
  [0, HALF].flatMap((top) => [0, THIRD, 2 * THIRD].map((left): Tile => [left, top, left + THIRD, top + HALF])),
];

/** Width and heights of pictures, pixels: lower where there are two tiles, so that these are not narrow. */
const WIDTH = 640;
const HEIGHTS = [400, 480, 480, 480, 480];

/**
 * Makes pictures: as many of each number of things, each of another photograph with classes of its own.
 *
 * @param photographs What to make them of; half of the pictures of every second one, half of the others.
 * @param count How many, from a fixed seed.
 * @returns They.
 */
export function makeCollages(photographs: readonly Photograph[], count: number): KnownPicture[] {
  const random = generator(1);
  const halves = [0, 1].map((half) => photographs.filter((_, index) => index % 2 === half));
  return Array.from({ length: count }, (_, index) => {
    const layout = Math.floor(index / 2) % LAYOUTS.length;
    const chosen = choose(halves[index % 2], LAYOUTS[layout].length, random);
    return {
      image: paint(chosen.map(({ image }) => image), LAYOUTS[layout], HEIGHTS[layout], random),
      things: chosen.map(({ classes }) => classes),
    };
  });
}

/** Some photographs, no two of one class. */
function choose(photographs: readonly Photograph[], count: number, random: () => number): Photograph[] {
  const left = [...photographs];
  const chosen: Photograph[] = [];
  while (chosen.length < count) {
    const [photograph] = left.splice(Math.floor(random() * left.length), 1);
    if (chosen.every(({ classes }) => classes.every((one) => !photograph.classes.includes(one)))) {
      chosen.push(photograph);
    }
  }
  return chosen;
}

/** Fills each tile with the largest window of its photograph, or one up to 15 % smaller, near the middle. */
function paint(
  images: readonly DecodedImage[],
  tiles: readonly Tile[],
  height: number,
  random: () => number,
): DecodedImage {
  const pixels = new Uint8Array(WIDTH * height * 3);
  tiles.forEach((tile, index) => {
    const [left, top, right, bottom] = tile.map((edge, side) => Math.round(edge * (side % 2 === 0 ? WIDTH : height)));
    const { width: sourceWidth, height: sourceHeight, pixels: source } = images[index];
    const [tileWidth, tileHeight] = [right - left, bottom - top];
    const scale = Math.min(sourceWidth / tileWidth, sourceHeight / tileHeight) * (0.85 + 0.15 * random());
    const [windowWidth, windowHeight] = [tileWidth * scale, tileHeight * scale];
    const [x, y] = [
      (sourceWidth - windowWidth) * (0.3 + 0.4 * random()),
      (sourceHeight - windowHeight) * (0.3 + 0.4 * random()),
    ];
    const part = resizeReference(source, sourceWidth, sourceHeight, {
      size: [tileHeight, tileWidth],
      filter: "bicubic",
      box: { left: x, top: y, right: x + windowWidth, bottom: y + windowHeight },
    });
    for (let row = 0; row < tileHeight; row++) {
      const from = row * tileWidth * 3;
      pixels.set(part.subarray(from, from + tileWidth * 3), ((top + row) * WIDTH + left) * 3);
    }
  });
  return { width: WIDTH, height, pixels };
}
