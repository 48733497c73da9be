/**
 * Scenes as pixels.
 *
 * @module
 */

import { addSmoothNoise } from "./background.ts";
import { SCENE_SIZE, type SceneObject } from "./scene_layout.ts";
import { sceneNumbers } from "./scene_numbers.ts";
import type { Scene } from "./scene.ts";

/** Standard deviation of the noise that is each pixel's own. */
const PIXEL_NOISE = 0.04;

/**
 * Paints a scene: background, objects from the back to the front, noise over all.
 *
 * @param scene The scene.
 * @returns RGB, `[H, W, 3]`.
 */
export function paintScene(scene: Scene): Uint8Array {
  const { background, objects, coverage } = scene;
  const random = sceneNumbers(scene.id, "noise");
  const image = new Float32Array(SCENE_SIZE ** 2 * 3);
  for (let sample = 0; sample < image.length; sample++) image[sample] = background[sample % 3];
  addSmoothNoise(image, random);
  for (let object = objects.length - 1; object >= 0; object--) paintObject(image, objects[object], coverage[object]);
  const pixels = new Uint8Array(image.length);
  for (let sample = 0; sample < image.length; sample++) {
    const value = image[sample] + PIXEL_NOISE * random.normal();
    pixels[sample] = Math.round(Math.min(Math.max(value, 0), 1) * 255);
  }
  return pixels;
}

function paintObject(image: Float32Array, object: SceneObject, coverage: Float32Array): void {
  const { colour, stripes } = object;
  for (let pixel = 0; pixel < coverage.length; pixel++) {
    const share = coverage[pixel];
    if (share === 0) continue;
    const dark = darkShare(object, pixel);
    for (let channel = 0; channel < 3; channel++) {
      const own = stripes ? colour[channel] + dark * (stripes.colour[channel] - colour[channel]) : colour[channel];
      image[pixel * 3 + channel] += share * (own - image[pixel * 3 + channel]);
    }
  }
}

/** How much of a pixel a dark stripe covers: half of each period is dark, with edges a pixel wide. */
function darkShare({ x, y, rotation, stripes }: SceneObject, pixel: number): number {
  if (!stripes) return 0;
  const right = pixel % SCENE_SIZE + 0.5 - x;
  const down = Math.floor(pixel / SCENE_SIZE) + 0.5 - y;
  const periods = (Math.cos(rotation) * right + Math.sin(rotation) * down) / stripes.period + stripes.phase;
  // From the middle of a dark stripe, 0 to half a period.
  const away = Math.abs(periods - Math.round(periods));
  return Math.min(Math.max(0.5 - (away - 0.25) * stripes.period, 0), 1);
}
