/**
 * Whether published maps are stored `[H, W]` or `[W, H]`, measured on some of them.
 *
 * Both readings of each map are compared with something that knows where things are: what the annotator says of the image
 * (the share of cells whose best class is the same), or boxes (the mean score of the box's class inside it, less that
 * outside). A reading is right if it is better by more than {@linkcode SEPARATION} standard errors of the difference,
 * which is taken pairwise, image by image or box by box.
 *
 * @module
 */

import { mapOf, type PublishedMap, type PublishedSource, readPublished } from "../../formats/published/mod.ts";
import { loadAnnotator } from "../model/load_annotator.ts";
import type { Box, BoxTable } from "../pictures/boxes.ts";
import { imageFinder, readImage } from "./image_finder.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { closing } from "../../formats/base/closing.ts";
import type { MapLayout } from "../../formats/base/label_map.ts";

/** Standard errors that the readings must differ by. */
const SEPARATION = 3;

/** Figures below which an error is not known well enough. */
const FEWEST = 5;

/** What was measured: a figure a reading for each image or box, the larger the better. */
export interface LayoutEvidence {
  /** What a figure is, for the eye: `cells that agree with the annotator`. */
  readonly what: string;
  /** What was looked at: `images`, `boxes`. */
  readonly noun: string;
  readonly figures: readonly Readonly<Record<MapLayout, number>>[];
}

/** What follows from it. */
export interface LayoutVerdict {
  /** Means over the images or boxes. */
  readonly hw: number;
  readonly wh: number;
  /** Standard error of the mean difference; NaN for fewer than two. */
  readonly error: number;
  /** Undefined if the figures do not separate. */
  readonly layout?: MapLayout;
}

/**
 * Decides.
 *
 * @param evidence What was measured.
 * @returns The means, and the layout if they separate.
 */
export function judgeLayout({ figures }: LayoutEvidence): LayoutVerdict {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [hw, wh] = [mean(figures.map(({ hw }) => hw)), mean(figures.map(({ wh }) => wh))];
  const squares = figures.map((figure) => (figure.hw - figure.wh - (hw - wh)) ** 2);
  const variance = squares.reduce((sum, square) => sum + square, 0) / (figures.length - 1);
  const error = Math.sqrt(variance / figures.length);
  const separates = figures.length >= FEWEST && Math.abs(hw - wh) > SEPARATION * error;
  return { hw, wh, error, ...(separates ? { layout: hw > wh ? "hw" : "wh" } : {}) };
}

/**
 * What was found, in a sentence.
 *
 * @param evidence What was measured.
 * @param verdict The layout that follows from it.
 * @returns `32 images, cells that agree with the annotator: 0.612 as hw, 0.347 as wh: the maps are hw`.
 */
export function describeVerdict(
  { what, noun, figures }: LayoutEvidence,
  { hw, wh, error, layout }: LayoutVerdict,
): string {
  const figure = `${figures.length} ${noun}, ${what}: ${hw.toFixed(3)} as hw, ${wh.toFixed(3)} as wh`;
  if (layout) return `${figure}: the maps are ${layout}`;
  if (hw === wh) return `${figure}; they are the same`;
  const apart = `${figure}; they are ${Math.abs(hw - wh).toFixed(3)} apart`;
  if (figures.length < FEWEST) return `${apart}, and ${FEWEST} ${noun} at least would tell`;
  return `${apart}, ${(Math.abs(hw - wh) / error).toFixed(1)} standard errors, and more than ${SEPARATION} would tell`;
}

/** Sources of the maps and of what they are compared with. */
export interface LayoutSource {
  readonly source: PublishedSource;
  readonly classes: number;
}

/**
 * Compares maps with what an annotator says of their images.
 *
 * The annotator sees squares, with 32 pixels per cell of the longer axis. Where its grid is another, its nearest cell counts.
 *
 * @param published The maps.
 * @param options The annotator, the folder of images, and how many to look at.
 * @returns What was measured.
 * @throws {Error} If the annotator cannot be loaded, tells other classes apart, or no sampled map has an image.
 */
export async function agreementWithAnnotator(
  { source, classes }: LayoutSource,
  options: { annotator: string; images: string; sample: number; axes: readonly [number, number] },
): Promise<LayoutEvidence> {
  const { images, sample, axes } = options;
  const side = 32 * Math.max(...axes);
  using annotator = closing(await loadAnnotator(options.annotator, { size: [side, side], k: 1, batch: 1 }));
  const { metadata } = annotator;
  if (metadata.classes !== classes) {
    throw new TypeError(
      `Cannot compare with annotator "${metadata.annotator.name}": it has ${
        formatNumberOf(metadata.classes, "class", "classes")
      }, the maps ${classes}`,
    );
  }
  const find = imageFinder(images);
  const figures: Record<MapLayout, number>[] = [];
  let failure: Error | undefined;
  for await (const file of source.files(evenly(sample, source.count))) {
    try {
      const published = mapIn(file.path, await file.read());
      if (!published) continue;
      const image = await readImage(find(file.stem));
      const [map] = await annotator.annotate([image]);
      figures.push(agreement(published, map.class, metadata.grid, { path: file.path, classes }));
    } catch (error) {
      failure = error as Error;
    }
  }
  if (figures.length === 0) throw failure ?? new TypeError(`Cannot compare with the annotator: no map was read`);
  return { what: "cells that agree with the annotator", noun: "images", figures };
}

function agreement(
  published: PublishedMap,
  theirs: ArrayLike<number>,
  grid: readonly [number, number],
  options: { path: string; classes: number },
): Record<MapLayout, number> {
  return bothReadings(published, options, ({ class: classes }, [height, width]) => {
    let same = 0;
    for (let y = 0; y < height; y++) {
      const row = Math.floor((y + 0.5) / height * grid[0]);
      for (let x = 0; x < width; x++) {
        const column = Math.floor((x + 0.5) / width * grid[1]);
        if (classes[y * width + x] === theirs[row * grid[1] + column]) same++;
      }
    }
    return same / (height * width);
  });
}

/**
 * Compares maps with boxes: in which reading a class scores higher inside its box than outside.
 *
 * @param published The maps.
 * @param boxes The boxes, which say the sizes of their images or are fractions.
 * @param sample How many maps with boxes to look at.
 * @returns What was measured.
 * @throws {TypeError} If no map has a box.
 */
export async function scoresInBoxes(
  { source, classes }: LayoutSource,
  boxes: BoxTable,
  sample: number,
): Promise<LayoutEvidence> {
  const figures: Record<MapLayout, number>[] = [];
  let maps = 0;
  for await (const file of source.files()) {
    const here = boxes.of(file.stem);
    if (!here) continue;
    const published = mapIn(file.path, await file.read());
    if (!published) continue;
    for (const box of here) {
      const figure = bothReadings(published, { path: file.path, classes }, (map, grid) => contrast(map, grid, box));
      if (!Number.isNaN(figure.hw) && !Number.isNaN(figure.wh)) figures.push(figure);
    }
    if (++maps === sample) break;
  }
  if (figures.length === 0) throw new TypeError("Cannot compare with boxes: none is of an image that has a map");
  return { what: "mean score of the class inside its box less that outside", noun: "boxes", figures };
}

/** A class that a cell does not hold counts 0. NaN if the box holds all middles of cells, or none. */
function contrast(
  { class: classes, score }: { class: ArrayLike<number>; score: Float32Array },
  [height, width]: readonly [number, number],
  { index, top, left, height: boxHeight, width: boxWidth }: Box,
): number {
  const cells = height * width;
  const sums = { inside: 0, outside: 0 };
  let inside = 0;
  for (let cell = 0; cell < cells; cell++) {
    const y = (Math.floor(cell / width) + 0.5) / height;
    const x = (cell % width + 0.5) / width;
    const isInside = y >= top && y < top + boxHeight && x >= left && x < left + boxWidth;
    if (isInside) inside++;
    for (let position = cell; position < classes.length; position += cells) {
      if (classes[position] === index) sums[isInside ? "inside" : "outside"] += score[position];
    }
  }
  return sums.inside / inside - sums.outside / (cells - inside);
}

function bothReadings(
  published: PublishedMap,
  options: { path: string; classes: number },
  measure: (map: ReturnType<typeof mapOf>, grid: readonly [number, number]) => number,
): Record<MapLayout, number> {
  const { axes: [first, second] } = published;
  return {
    hw: measure(mapOf(published, { ...options, layout: "hw" }), [first, second]),
    wh: measure(mapOf(published, { ...options, layout: "wh" }), [second, first]),
  };
}

/** The map in a file, undefined if it holds crops or cannot be read: converting will say so. */
function mapIn(path: string, bytes: Uint8Array): PublishedMap | undefined {
  try {
    const published = readPublished(path, bytes);
    return published.kind === "crop_labels" ? undefined : published;
  } catch {
    return undefined;
  }
}

/** Positions spread evenly, so that all classes have their share. */
function evenly(sample: number, count: number): Set<number> {
  const wanted = Math.min(sample, count);
  return new Set(Array.from({ length: wanted }, (_, index) => Math.floor((index + 0.5) * count / wanted)));
}
