/**
 * A scene with all that is known of it: its mask, the boxes of what is visible, and its single label.
 *
 * @module
 */

import type { Box } from "../pictures/boxes.ts";
import { sceneClasses } from "./classes.ts";
import { drawLayout, type Layout, SCENE_SIZE, type SceneObject } from "./scene_layout.ts";
import { type SceneId, type SceneNumbers, sceneNumbers } from "./scene_numbers.ts";
import { signedDistance } from "./shapes.ts";
import { visiblePart } from "./visible_part.ts";

/** What a scene shows, before it is painted. */
export interface Scene extends Layout {
  readonly id: SceneId;
  /** The share of each pixel that an object covers, as if it were alone, `[H, W]`; objects as in the layout. */
  readonly coverage: readonly Float32Array[];
  /** `[H, W]`: 0 for background, or 1 and the class of the object in front that covers half the pixel or more. */
  readonly mask: Uint8Array;
  /** Boxes around each class's pixels in the mask, objects as in the layout. */
  readonly boxes: readonly Box[];
  /** The probability that each object is the one that the label names. */
  readonly shares: readonly number[];
  /** The single label: a class index, drawn in proportion to the cubes of the areas in the mask. */
  readonly label: number;
}

/**
 * What a scene shows; it depends on its seed, split and index alone.
 *
 * @param id Seed, split and index of the scene.
 * @returns The scene.
 */
export function sceneOf(id: SceneId): Scene {
  const random = sceneNumbers(id, "layout");
  const layout = drawLayout(random, id.leastObjects);
  const coverage = layout.objects.map(coverageOf);
  const mask = new Uint8Array(SCENE_SIZE ** 2);
  for (let object = coverage.length - 1; object >= 0; object--) {
    const value = 1 + layout.objects[object].index;
    for (let pixel = 0; pixel < mask.length; pixel++) {
      if (coverage[object][pixel] >= 0.5) mask[pixel] = value;
    }
  }
  const parts = layout.objects.map(({ index }) => visiblePart(mask, index, SCENE_SIZE));
  const cubes = parts.map(({ area }) => area ** 3);
  const total = cubes.reduce((sum, cube) => sum + cube, 0);
  const shares = cubes.map((cube) => cube / total);
  return {
    id,
    ...layout,
    coverage,
    mask,
    boxes: parts.map(({ box }) => box),
    shares,
    label: layout.objects[drawObject(shares, random)].index,
  };
}

/**
 * A scene's image file under its split's folder of images.
 *
 * @param scene The scene.
 * @returns `disk_striped/00042.png`, which sorts as its index does.
 */
export function sceneKey({ id, label }: Scene): string {
  return `${sceneClasses[label].name}/${String(id.index).padStart(5, "0")}.png`;
}

/** The edge is a pixel wide: there the share is what the distance of the pixel's middle to the outline says. */
function coverageOf({ index, x, y, radius, rotation }: SceneObject): Float32Array {
  const { shape } = sceneClasses[index];
  const [cosine, sine] = [Math.cos(rotation), Math.sin(rotation)];
  const coverage = new Float32Array(SCENE_SIZE ** 2);
  for (let row = 0; row < SCENE_SIZE; row++) {
    for (let column = 0; column < SCENE_SIZE; column++) {
      const right = (column + 0.5 - x) / radius;
      const down = (row + 0.5 - y) / radius;
      // No shape reaches further than 1.25 radii, with its edge.
      if (right * right + down * down > 1.6) continue;
      const distance = signedDistance(shape, cosine * right + sine * down, cosine * down - sine * right) * radius;
      coverage[row * SCENE_SIZE + column] = Math.min(Math.max(0.5 - distance, 0), 1);
    }
  }
  return coverage;
}

function drawObject(shares: readonly number[], random: SceneNumbers): number {
  let left = random.uniform(0, 1);
  const object = shares.findIndex((share) => (left -= share) < 0);
  // Shares that sum to a little less than 1 may leave none.
  return object < 0 ? shares.length - 1 : object;
}
