/**
 * The settings that the scores of label maps ask for.
 *
 * @module
 */

import { readLabelMapMetadata } from "../../formats/labels/mod.ts";
import type { GivenSettings } from "./settings.ts";

/** The share of a crop from which on maps of masks say that a class is in it; docs/multi_label.md has what was measured. */
export const PRESENCE_THRESHOLD = 0.05;

/**
 * Settings of a training on label maps that were not given: the loss, and the threshold of presence.
 *
 * @param given The settings.
 * @returns `bce` where the maps are the targets and their classes independent, and a threshold where they say what masks show;
 * nothing else, and nothing where they cannot be read, which is said once they are opened.
 */
export function settingsOfMaps(
  { labels, maps, cleaned, mode, loss, presenceThreshold }: GivenSettings,
): Pick<GivenSettings, "loss" | "presenceThreshold"> {
  const areTargets = labels === undefined ? cleaned === undefined : ["relabel", "mix"].includes(labels);
  if (maps === undefined || !areTargets) return {};
  try {
    const { scores = "softmax" } = readLabelMapMetadata(maps);
    const isOfSeveral = !mode?.endsWith("single");
    return {
      ...(loss === undefined && scores !== "softmax" ? { loss: "bce" } : {}),
      ...(presenceThreshold === undefined && scores === "presence" && isOfSeveral
        ? { presenceThreshold: PRESENCE_THRESHOLD }
        : {}),
    };
  } catch {
    return {};
  }
}
