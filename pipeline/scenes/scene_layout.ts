/**
 * What a scene shows and where: objects of distinct classes that hardly touch, the main one first.
 *
 * @module
 */

import { sceneClasses } from "./classes.ts";
import type { SceneNumbers } from "./scene_numbers.ts";

/** Width and height of a scene in pixels. */
export const SCENE_SIZE = 64;

/** Probabilities of 1, 2, 3 and 4 objects. */
const COUNT_PROBABILITIES = [0.25, 0.3, 0.25, 0.2];

/** The most objects of a scene. */
export const MOST_OBJECTS = COUNT_PROBABILITIES.length;

/** Tries to place an object; one that finds no room is left out. */
const TRIES = 30;

/** The least distance of an object's and the background's colour. */
const CONTRAST = 0.6;

/** Red, green and blue from 0 to 1. */
export type Colour = readonly [number, number, number];

/** A thing in a scene; lengths and places in pixels. */
export interface SceneObject {
  /** The class's index. */
  readonly index: number;
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  /** Radians. */
  readonly rotation: number;
  readonly colour: Colour;
  /** Stripes across the object's own x axis. */
  readonly stripes?: {
    readonly colour: Colour;
    readonly period: number;
    /** From 0 to 1. */
    readonly phase: number;
  };
}

/** Objects on a background. */
export interface Layout {
  readonly background: Colour;
  /** From the front to the back. */
  readonly objects: readonly SceneObject[];
}

/**
 * Draws a layout.
 *
 * @param random The random numbers to draw from.
 * @param leastObjects The fewest objects that are drawn, 1 to 4.
 * @returns The layout, of one to four objects.
 */
export function drawLayout(random: SceneNumbers, leastObjects = 1): Layout {
  const background: Colour = [random.uniform(0.1, 0.45), random.uniform(0.1, 0.45), random.uniform(0.1, 0.45)];
  const classes = drawClasses(random, leastObjects);
  const mainRadius = random.uniform(13, 20);
  const objects: SceneObject[] = [];
  for (const index of classes) {
    const radius = objects.length === 0 ? mainRadius : mainRadius * random.uniform(0.5, 0.85);
    const place = findPlace(radius, objects, random);
    if (!place) continue;
    const colour = drawColour(background, random);
    objects.push({
      index,
      ...place,
      radius,
      rotation: random.uniform(0, 2 * Math.PI),
      colour,
      ...sceneClasses[index].isStriped ? { stripes: drawStripes(colour, random) } : {},
    });
  }
  return { background, objects };
}

function drawClasses(random: SceneNumbers, least: number): number[] {
  const total = COUNT_PROBABILITIES.slice(least - 1).reduce((sum, probability) => sum + probability, 0);
  let left = random.uniform(0, 1) * total;
  let count = least;
  while (count < COUNT_PROBABILITIES.length && left >= COUNT_PROBABILITIES[count - 1]) {
    left -= COUNT_PROBABILITIES[count - 1];
    count++;
  }
  const classes = sceneClasses.map((_, index) => index);
  return Array.from({ length: count }, () => classes.splice(Math.floor(random.uniform(0, classes.length)), 1)[0]);
}

function findPlace(
  radius: number,
  others: readonly SceneObject[],
  random: SceneNumbers,
): { x: number; y: number } | undefined {
  const margin = 0.85 * radius;
  for (let attempt = 0; attempt < TRIES; attempt++) {
    const x = random.uniform(margin, SCENE_SIZE - margin);
    const y = random.uniform(margin, SCENE_SIZE - margin);
    const isFree = others.every((other) => Math.hypot(x - other.x, y - other.y) > 0.95 * (radius + other.radius));
    if (isFree) return { x, y };
  }
  return undefined;
}

function drawColour(background: Colour, random: SceneNumbers): Colour {
  while (true) {
    const colour: Colour = [random.uniform(0.3, 1), random.uniform(0.3, 1), random.uniform(0.3, 1)];
    if (Math.hypot(...colour.map((value, channel) => value - background[channel])) >= CONTRAST) return colour;
  }
}

function drawStripes([red, green, blue]: Colour, random: SceneNumbers): SceneObject["stripes"] {
  const dark = random.uniform(0.2, 0.45);
  return {
    colour: [red * dark, green * dark, blue * dark],
    period: random.uniform(5, 7.5),
    phase: random.uniform(0, 1),
  };
}
