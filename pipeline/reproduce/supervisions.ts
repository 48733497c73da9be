/**
 * The supervisions that students are trained with, all else equal.
 *
 * @module
 */

import type { Pair } from "../../kernels/operations/shared/window.ts";
import type { GivenSettings } from "../training/settings.ts";

/** Where the targets of a training come from. */
export interface TargetSources {
  /** Label maps of the training images. */
  readonly maps: string;
  /** Masks of the training images. */
  readonly masks: string;
  /** The network that made the maps. */
  readonly teacher: string;
  /** What the logits of maps are divided by. */
  readonly temperature: number;
  /** Number of classes. */
  readonly classes: number;
  /** Pixels of the student's input. */
  readonly size: Pair;
}

/** A supervision. */
interface SupervisionDescription {
  /** Its name in tables and charts. */
  readonly title: string;
  /** The settings that make it. */
  options(sources: TargetSources): GivenSettings;
}

function pooled(mode: NonNullable<GivenSettings["mode"]>) {
  return ({ maps, temperature }: TargetSources): GivenSettings => ({ labels: "relabel", maps, temperature, mode });
}

/**
 * Masks are trained on by binary cross-entropy, a mean over the classes. So its steps are made as many times longer as there
 * are classes, and the weights decay as for the others; of scenes, with 16 classes, that is 55.6 % top-1 on the validation
 * split, and 26.2 % of the test split without it.
 */
function oracleRate(classes: number): GivenSettings {
  return { lr: 0.1 * classes, weightDecay: 3e-5 * 16 / classes };
}

/** Supervisions by name; the four of the paper's table 2 are together. */
export const SUPERVISIONS = {
  original: { title: "original labels", options: () => ({ labels: "original" }) },
  smoothing: { title: "label smoothing", options: () => ({ labels: "smoothing" }) },
  cleaned: { title: "cleaned labels", options: ({ maps }) => ({ labels: "cleaned", maps }) },
  "global-single": { title: "global single labels", options: pooled("global-single") },
  "global-multi": { title: "global multi-labels", options: pooled("global-multi") },
  "local-single": { title: "localized single labels", options: pooled("local-single") },
  "local-multi": { title: "ReLabel (localized multi-labels)", options: pooled("local-multi") },
  mix: {
    title: "half ReLabel, half original",
    options: ({ maps, temperature }) => ({ labels: "mix", maps, temperature }),
  },
  distill: {
    title: "distillation",
    // At the teacher's own size it is the study of distillation.
    options: ({ teacher, size }) => ({ labels: "distill", teacher, teacherSize: size }),
  },
  oracle: {
    title: "masks (oracle)",
    options: ({ masks, classes }) => ({ labels: "oracle", masks, ...oracleRate(classes) }),
  },
} as const satisfies Readonly<Record<string, SupervisionDescription>>;

/** The name of a supervision. */
export type SupervisionName = keyof typeof SUPERVISIONS;

/** Their names, in order. */
export const supervisionNames = Object.keys(SUPERVISIONS) as SupervisionName[];
