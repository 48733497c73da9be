/**
 * Scenes of known truth that a small transformer learns in minutes: one to three disks on noise, each filled with stripes
 * of one of four directions and two widths, in two colours of its own.
 *
 * The label of an image is the class of its largest disk. Shapes, as in `deno task scenes`, take a transformer far more
 * images than a convolutional network.
 *
 * @module
 */

import { randomKey, randomNumbers } from "../../formats/base/random.ts";

/** Height and width, pixels. */
export const SIDE = 64;

/** Directions times widths. */
export const CLASSES = 8;

/** Pixels from stripe to stripe. */
const PERIODS = [4, 8];

/** An image, and what it shows. */
export interface TextureScene {
  /** RGB, `[64, 64, 3]`. */
  readonly pixels: Uint8ClampedArray;
  /** Class of each pixel, or -1 for the background. */
  readonly truth: Int8Array;
  /** Class of the largest disk. */
  readonly label: number;
}

interface Disk {
  readonly x: number;
  readonly y: number;
  readonly radius: number;
  readonly class: number;
}

type Numbers = ReturnType<typeof randomNumbers>;

/**
 * Draws a scene.
 *
 * @param seed Which data set.
 * @param index Which of its scenes; the same seed and index draw the same one.
 * @returns The scene.
 */
export function textureScene(seed: number, index: number): TextureScene {
  return draw(randomNumbers(randomKey([seed, index])), placeDisks);
}

/**
 * Draws a disk of about one size in each quadrant, all of different classes.
 *
 * @param seed Which data set.
 * @param index Which of its scenes.
 * @returns The scene; its label says nothing.
 */
export function textureQuadrants(seed: number, index: number): TextureScene {
  return draw(randomNumbers(randomKey([seed, index])), placeInQuadrants);
}

function draw(numbers: Numbers, place: (numbers: Numbers) => Disk[]): TextureScene {
  const pixels = new Uint8ClampedArray(SIDE * SIDE * 3);
  const truth = new Int8Array(SIDE * SIDE).fill(-1);
  const base = [0, 1, 2].map(() => numbers.uniform(60, 190));
  for (let at = 0; at < pixels.length; at++) pixels[at] = base[at % 3] + 22 * numbers.normal();
  const disks = place(numbers);
  for (const disk of disks) fill(pixels, truth, disk, numbers);
  return { pixels, truth, label: disks[0].class };
}

/** Disks that do not meet, of different classes, the largest first. */
function placeDisks(numbers: Numbers): Disk[] {
  const disks: Disk[] = [];
  const count = 1 + Math.floor(numbers.uniform(0, 3));
  for (let attempt = 0; disks.length < count && attempt < 40; attempt++) {
    const radius = disks.length === 0 ? numbers.uniform(13, 20) : numbers.uniform(8, 12);
    const [x, y] = [0, 1].map(() => numbers.uniform(radius, SIDE - radius));
    const disk = { x, y, radius, class: Math.floor(numbers.uniform(0, CLASSES)) };
    const isFree = disks.every((other) =>
      other.class !== disk.class && Math.hypot(other.x - x, other.y - y) > other.radius + radius
    );
    if (isFree) disks.push(disk);
  }
  return disks;
}

function placeInQuadrants(numbers: Numbers): Disk[] {
  const classes = Array.from({ length: CLASSES }, (_, index) => [numbers.uniform(0, 1), index]);
  const drawn = classes.sort(([a], [b]) => a - b).map(([, index]) => index);
  return [0, 1, 2, 3].map((quadrant) => ({
    x: SIDE / 4 * (1 + 2 * (quadrant % 2)),
    y: SIDE / 4 * (1 + 2 * Math.floor(quadrant / 2)),
    radius: numbers.uniform(12, 15),
    class: drawn[quadrant],
  }));
}

function fill(pixels: Uint8ClampedArray, truth: Int8Array, disk: Disk, numbers: Numbers): void {
  const angle = Math.PI / 4 * (disk.class % 4);
  const period = PERIODS[Math.floor(disk.class / 4)];
  const phase = numbers.uniform(0, 2 * Math.PI);
  const middle = [0, 1, 2].map(() => numbers.uniform(80, 175));
  const swing = [0, 1, 2].map(() => numbers.uniform(45, 75));
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      if (Math.hypot(x + 0.5 - disk.x, y + 0.5 - disk.y) > disk.radius) continue;
      const along = x * Math.cos(angle) + y * Math.sin(angle);
      const wave = Math.sin(2 * Math.PI * along / period + phase);
      const at = y * SIDE + x;
      truth[at] = disk.class;
      for (let channel = 0; channel < 3; channel++) {
        pixels[at * 3 + channel] = middle[channel] + swing[channel] * wave + 12 * numbers.normal();
      }
    }
  }
}
