/**
 * The loss that the scores of label maps ask for.
 *
 * @module
 */

import { readLabelMapMetadata } from "../../formats/labels/mod.ts";
import type { GivenSettings } from "./settings.ts";

/**
 * The loss of a training on label maps, where none was given.
 *
 * @param given The settings.
 * @returns `bce` where the maps are the targets and their classes independent; nothing else, and nothing where they cannot be
 * read, which is said once they are opened.
 */
export function lossOfMaps({ labels, maps, cleaned, loss }: GivenSettings): Pick<GivenSettings, "loss"> {
  const areTargets = labels === undefined ? cleaned === undefined : ["relabel", "mix"].includes(labels);
  if (loss !== undefined || maps === undefined || !areTargets) return {};
  try {
    const { scores = "softmax" } = readLabelMapMetadata(maps);
    return scores === "softmax" ? {} : { loss: "bce" };
  } catch {
    return {};
  }
}
