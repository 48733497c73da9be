/**
 * Scenes as the data of a study.
 *
 * @module
 */

import { sceneClasses } from "../scenes/classes.ts";
import { SCENE_SIZE } from "../scenes/scene_layout.ts";
import { writeScenes } from "../scenes/write_scenes.ts";
import type { MiniatureData } from "./study_plan.ts";

/** Drawn scenes of one to four objects. */
export const SCENES_DATA: MiniatureData = {
  classes: sceneClasses.map(({ name }) => name),
  side: SCENE_SIZE,
  labelRule: "a label names one of up to four objects, drawn at random",
  async write(folder, range, { signal, counter }) {
    const written = await writeScenes(folder, { seed: 0, ...range }, { signal, onProgress: counter() });
    signal.throwIfAborted();
    return written;
  },
};
