/**
 * Scenes of a split as a folder.
 *
 * @module
 */

import { sceneClasses } from "./classes.ts";
import { SCENE_SIZE } from "./scene_layout.ts";
import { paintScene } from "./paint.ts";
import { sceneKey, sceneOf } from "./scene.ts";
import type { SceneId } from "./scene_numbers.ts";
import { type SplitWatch, type SplitWritten, writeSplit } from "./split_folder.ts";

/** Raised when the same seed gives other scenes. */
const VERSION = 1;

/** A range of a split's scenes. */
export interface SceneRange extends Pick<SceneId, "seed" | "split" | "leastObjects"> {
  /** The index of the first. */
  readonly start: number;
  /** Number of scenes. */
  readonly images: number;
}

/**
 * Writes scenes, or what of them is not there yet.
 *
 * @param folder The folder; it is made if it is not there.
 * @param range Seed, splits and indices of the scenes.
 * @param watch A signal that stops the run, and whom to tell of each image.
 * @returns How many were written, and what they hold.
 * @throws {Deno.errors.AlreadyExists} If the folder was begun with other scenes, or holds something else.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Error} If a file cannot be written.
 */
export function writeScenes(folder: string, range: SceneRange, watch?: SplitWatch): Promise<SplitWritten> {
  const { start, images, ...id } = range;
  const { seed, split, leastObjects = 1 } = id;
  return writeSplit(folder, {
    name: "scenes",
    version: VERSION,
    configuration: { seed, split, leastObjects },
    classes: sceneClasses.map(({ name }) => name),
    side: SCENE_SIZE,
    start,
    images,
    imageOf(index) {
      const scene = sceneOf({ ...id, index });
      return { ...scene, key: sceneKey(scene), paint: () => paintScene(scene) };
    },
  }, watch);
}
