/**
 * The studies by name: a study is a file of this room and a line of this table.
 *
 * @module
 */

import type { Study } from "../study_plan.ts";
import { MULTI_LABEL_STUDY } from "./multi_label_study.ts";
import { TRANSFER_STUDY } from "./transfer_study.ts";
import { ANNOTATORS_STUDY } from "./annotators_study.ts";
import { DISTILLATION_STUDY } from "./distillation_study.ts";
import { RECIPES_STUDY } from "./recipes_study.ts";
import { STORAGE_STUDY } from "./storage_study.ts";
import { ROBUSTNESS_STUDY } from "./robustness_study.ts";
import { FACTORS_STUDY, SUPERVISIONS_STUDY } from "./supervisions_study.ts";

/** The studies. */
export const STUDIES = {
  supervisions: SUPERVISIONS_STUDY,
  factors: FACTORS_STUDY,
  transfer: TRANSFER_STUDY,
  "multi-label": MULTI_LABEL_STUDY,
  storage: STORAGE_STUDY,
  annotators: ANNOTATORS_STUDY,
  distillation: DISTILLATION_STUDY,
  robustness: ROBUSTNESS_STUDY,
  recipes: RECIPES_STUDY,
} as const satisfies Readonly<Record<string, Study>>;

/** The name of a study. */
export type StudyName = keyof typeof STUDIES;

/** Their names, in order. */
export const studyNames = Object.keys(STUDIES) as StudyName[];
