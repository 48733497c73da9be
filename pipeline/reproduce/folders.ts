/**
 * Where things are in the miniature's folder:
 *
 * | name | |
 * | --- | --- |
 * | `test/` | images of the test split |
 * | `validation/` | images of the validation split, where a temperature is chosen on it |
 * | `singles/`, `annotator/` | images of one object each, and the annotator that learned them, where none is at hand |
 * | `seed-<S>/scenes/` | scenes of the training split, which this seed has for itself |
 * | `seed-<S>/maps/` | their label maps |
 * | `seed-<S>/<kind>/` | a student of a kind, such as `local-multi`, as `deno task train` leaves it, and `predictions.json` for the test scenes |
 *
 * @module
 */

import { join } from "@std/path";

/** The folders of a seed. */
export interface SeedFolders {
  /** The scenes, as `deno task scenes` writes a split. */
  readonly scenes: string;
  /** Images of the scenes. */
  readonly images: string;
  readonly masks: string;
  readonly maps: string;
  /** The folder of a student. */
  student(name: string): string;
}

/**
 * The folders that a seed's scenes, label maps and students are in.
 *
 * @param output The miniature's folder.
 * @param seed The seed.
 * @returns The seed's folders.
 */
export function seedFolders(output: string, seed: number): SeedFolders {
  const folder = join(output, `seed-${seed}`);
  const scenes = join(folder, "scenes");
  return {
    scenes,
    images: join(scenes, "images"),
    masks: join(scenes, "masks"),
    maps: join(folder, "maps"),
    student: (name) => join(folder, name),
  };
}
