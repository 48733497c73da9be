/**
 * How many quadrants of collages an annotator names: photographs of one thing each, four in a picture.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import { type BenchAnnotator, readAnnotator } from "../default_annotator.ts";
import { type DenseMaps, denseMaps } from "../dense_maps.ts";
import { type KnownPicture, makeCollages } from "../presence/collages.ts";
import { readPhotographs } from "../presence/photographs.ts";

/** Every fifth picture that is made has four things. */
const PERIOD = 5;
/** Pictures whose logits are held at once. */
const CHUNK = 8;

/** Photographs of one thing, and pictures of four. */
export interface KnownPictures {
  readonly photographs: readonly KnownPicture[];
  readonly collages: readonly KnownPicture[];
}

/** What an annotator names, as shares from 0 to 1. */
export interface NamedPictures {
  readonly name: string;
  readonly size: number;
  readonly grid: readonly [height: number, width: number];
  /** Of the photographs of one thing, by the logits of the whole image. */
  readonly photographs: number;
  /** Of the quadrants, by the mean of the logits of their cells. */
  readonly quadrants: number;
  /** Of the cells that lie in one quadrant, each by itself. */
  readonly cells: number;
  /** Of the quadrants, by the logits of the whole image: a quarter at most, where a class is right for one of them. */
  readonly byTheImage: number;
}

/**
 * Makes the pictures.
 *
 * @param count How many of four things.
 * @returns The pictures.
 */
export async function readKnownPictures(count: number): Promise<KnownPictures> {
  const photographs = await readPhotographs();
  return {
    photographs: photographs.map(({ image, classes }) => ({ image, things: [classes] })),
    collages: makeCollages(photographs, 2 * PERIOD * Math.ceil(count / 2)).filter(({ things }) => things.length === 4)
      .slice(0, count),
  };
}

/**
 * Measures an annotator of ImageNet's 1,000 classes.
 *
 * @param device Where.
 * @param folder The annotator's folder; the one that is included, if left out.
 * @param scale Times its own size.
 * @param pictures What to name.
 * @returns The shares.
 * @throws {TypeError} If it has other classes.
 */
export async function namePictures(
  device: Device,
  folder: string | undefined,
  scale: number,
  { photographs, collages }: KnownPictures,
): Promise<NamedPictures> {
  const own = (await readAnnotator(folder)).inputSize[0];
  const size = own * scale;
  const [whole, annotator] = [await readAnnotator(folder, [own, own]), await readAnnotator(folder, [size, size])];
  const { outputChannels } = annotator.network.classifier;
  if (outputChannels !== 1000) {
    throw new TypeError(
      `Cannot measure "${annotator.name}": it has ${outputChannels} classes, expected ImageNet's 1000`,
    );
  }
  let grid: NamedPictures["grid"] = [1, 1];
  let [quadrants, cells, cellCount, image] = [0, 0, 0, 0];
  for (let first = 0; first < collages.length; first += CHUNK) {
    const chunk = collages.slice(first, first + CHUNK);
    const images = chunk.map(({ image }) => image);
    const maps = await denseMaps(device, annotator, size, images);
    const pooled = await denseMaps(device, annotator, size, images, "pooled");
    grid = maps.grid;
    chunk.forEach(({ things }, index) => {
      const said = largest(cellOf(pooled, index, 0));
      things.forEach((right, quadrant) => {
        const own = cellsOf(maps, index, quadrant);
        const sums = new Float64Array(maps.classes);
        for (const cell of own) cell.forEach((logit, name) => sums[name] += logit);
        quadrants += Number(right.includes(largest(sums)));
        cells += own.filter((cell) => right.includes(largest(cell))).length;
        cellCount += own.length;
        image += Number(right.includes(said));
      });
    });
  }
  return {
    name: annotator.name,
    size,
    grid,
    photographs: await photographsNamed(device, whole, own, photographs),
    quadrants: quadrants / (4 * collages.length),
    cells: cells / cellCount,
    byTheImage: image / (4 * collages.length),
  };
}

async function photographsNamed(
  device: Device,
  annotator: BenchAnnotator,
  size: number,
  photographs: readonly KnownPicture[],
): Promise<number> {
  const pooled = await denseMaps(device, annotator, size, photographs.map(({ image }) => image), "pooled");
  const right = photographs.filter(({ things }, index) => things[0].includes(largest(cellOf(pooled, index, 0))));
  return right.length / photographs.length;
}

function cellOf({ grid: [height, width], classes, logits }: DenseMaps, image: number, cell: number): Float32Array {
  const first = (image * height * width + cell) * classes;
  return logits.subarray(first, first + classes);
}

/** The cells that lie in a quadrant: of an odd number of rows, the one in the middle lies in none. */
function cellsOf(maps: DenseMaps, image: number, quadrant: number): Float32Array[] {
  const [height, width] = maps.grid;
  const [rows, columns] = [Math.floor(height / 2), Math.floor(width / 2)];
  const top = quadrant < 2 ? 0 : height - rows;
  const left = quadrant % 2 === 0 ? 0 : width - columns;
  return Array.from(
    { length: rows * columns },
    (_, at) => cellOf(maps, image, (top + Math.floor(at / columns)) * width + left + at % columns),
  );
}

function largest(logits: Float32Array | Float64Array): number {
  return logits.indexOf(Math.max(...logits));
}
