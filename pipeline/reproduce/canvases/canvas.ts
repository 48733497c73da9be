/**
 * Canvases: photographs of garments, or other things, at random places and in random sizes on a background of noise, with all
 * that is known of them. The label names one of the things, each as likely, so that random crops lose it.
 *
 * @module
 */

import { addSmoothNoise } from "../../scenes/background.ts";
import { SCENE_SIZE } from "../../scenes/scene_layout.ts";
import { type SceneId, type SceneNumbers, sceneNumbers } from "../../scenes/scene_numbers.ts";
import type { KnownImage } from "../../scenes/split_folder.ts";
import { visiblePart } from "../../scenes/visible_part.ts";
import type { Photographs } from "./photographs.ts";

/** Width and height of a canvas in pixels. */
export const CANVAS_SIDE = SCENE_SIZE;

/** The most things on a canvas. */
const MOST_THINGS = 4;

/** Pixels of a thing's sides, from and to. */
const SIZES = [20, 30] as const;

/** Tries to place a thing; one that finds no room is left out. */
const TRIES = 50;

/** The share of the smaller of two things' squares that may lie in the other. */
const OVERLAP = 0.2;

/** From this brightness on, of 1, nothing of the background shines through. */
const OPAQUE = 0.2;

/** A thing's place in pixels. */
interface Placed {
  /** The thing's place among the photographs. */
  readonly photograph: number;
  readonly index: number;
  readonly top: number;
  readonly left: number;
  readonly size: number;
}

/** What a canvas shows. */
export interface CanvasRequest extends SceneId {
  /** Photographs to draw from. */
  readonly photographs: Photographs;
  /** The part of the photographs that are drawn from: the first, and the one after the last. */
  readonly range: readonly [start: number, end: number];
  /** Width and height in pixels, {@linkcode CANVAS_SIDE} at most. */
  readonly side: number;
  readonly mostObjects?: number;
}

/**
 * Draws a canvas; it depends on seed, split, index, the numbers of things and the photographs alone.
 *
 * @param request What names it, and the photographs.
 * @returns The canvas.
 */
export function canvasOf(request: CanvasRequest): KnownImage {
  const { photographs, side, index } = request;
  const random = sceneNumbers(request, "layout");
  const placed = placeThings(request, random);
  const label = placed[Math.floor(random.uniform(0, placed.length))].index;
  const brightness = random.uniform(0.1, 0.6);
  const layers = placed.map((thing) => ({ thing, values: enlarged(photographs, thing) }));
  const mask = new Uint8Array(side * side);
  // The first is in front.
  for (const { thing, values } of layers.toReversed()) {
    for (const { pixel, value } of pixelsOf(thing, values, side)) {
      if (value >= OPAQUE / 2) mask[pixel] = 1 + thing.index;
    }
  }
  return {
    key: `${photographs.names[label]}/${String(index).padStart(5, "0")}.png`,
    mask,
    label,
    boxes: placed.map(({ index }) => visiblePart(mask, index, side).box),
    shares: placed.map(() => 1 / placed.length),
    paint() {
      const grey = background(brightness, sceneNumbers(request, "noise"), side);
      for (const { thing, values } of layers.toReversed()) {
        for (const { pixel, value } of pixelsOf(thing, values, side)) {
          const share = Math.min(value / OPAQUE, 1);
          grey[pixel] = share * value + (1 - share) * grey[pixel];
        }
      }
      const pixels = new Uint8Array(side * side * 3);
      for (let sample = 0; sample < pixels.length; sample++) {
        pixels[sample] = Math.round(255 * Math.min(Math.max(grey[Math.floor(sample / 3)], 0), 1));
      }
      return pixels;
    },
  };
}

function placeThings(
  { photographs, range: [start, end], side, leastObjects = 1, mostObjects = MOST_THINGS }: CanvasRequest,
  random: SceneNumbers,
): Placed[] {
  const wanted = Math.floor(random.uniform(leastObjects, mostObjects + 1));
  const placed: Placed[] = [];
  for (let tries = 0; placed.length < wanted && tries < TRIES * wanted; tries++) {
    const photograph = Math.floor(random.uniform(start, end));
    const size = Math.floor(random.uniform(SIZES[0], SIZES[1] + 1));
    const [top, left] = [0, 1].map(() => Math.floor(random.uniform(0, side - size + 1)));
    const thing = { photograph, index: photographs.classes[photograph], top, left, size };
    if (placed.every((other) => other.index !== thing.index && overlapOf(other, thing) <= OVERLAP)) {
      placed.push(thing);
    }
  }
  return placed;
}

function overlapOf(one: Placed, other: Placed): number {
  const along = (axis: "top" | "left") =>
    Math.max(0, Math.min(one[axis] + one.size, other[axis] + other.size) - Math.max(one[axis], other[axis]));
  return along("top") * along("left") / Math.min(one.size, other.size) ** 2;
}

/** A photograph in another size, bilinearly: values of 0 to 1. */
function enlarged({ values: all, side }: Photographs, { photograph, size }: Placed): Float32Array {
  const first = photograph * side ** 2;
  const taps = Array.from({ length: size }, (_, place) => {
    const at = Math.min(Math.max((place + 0.5) * side / size - 0.5, 0), side - 1);
    const low = Math.min(Math.floor(at), side - 2);
    return { low, share: at - low };
  });
  const values = new Float32Array(size * size);
  taps.forEach(({ low: row, share: down }, y) => {
    taps.forEach(({ low: column, share: right }, x) => {
      const at = (dy: number, dx: number) => all[first + (row + dy) * side + column + dx];
      const upper = (1 - right) * at(0, 0) + right * at(0, 1);
      const lower = (1 - right) * at(1, 0) + right * at(1, 1);
      values[y * size + x] = ((1 - down) * upper + down * lower) / 255;
    });
  });
  return values;
}

function* pixelsOf({ top, left, size }: Placed, values: Float32Array, side: number) {
  for (let place = 0; place < values.length; place++) {
    yield { pixel: (top + Math.floor(place / size)) * side + left + place % size, value: values[place] };
  }
}

/** Grey noise `[side, side]`, the corner of a scene's background. */
function background(brightness: number, random: SceneNumbers, side: number): Float32Array {
  const noise = new Float32Array(SCENE_SIZE ** 2 * 3).fill(brightness);
  addSmoothNoise(noise, random);
  return Float32Array.from({ length: side * side }, (_, pixel) => {
    const [row, column] = [Math.floor(pixel / side), pixel % side];
    return noise[(row * SCENE_SIZE + column) * 3];
  });
}
