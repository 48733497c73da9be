/**
 * What a report shows.
 *
 * @module
 */

import type { SampledCrops } from "../charts/crops.ts";
import type { FolderFacts } from "./facts.ts";
import type { GalleryImage } from "./gallery.ts";
import type { LabelFindings } from "./findings.ts";
import type { Picture } from "./pictures.ts";

/** What a report shows. */
export interface ReportContent {
  readonly facts: FolderFacts;
  readonly findings: LabelFindings;
  /** Pictures of images, by key. */
  readonly thumbnails: ReadonlyMap<string, Picture>;
  readonly gallery: readonly GalleryImage[];
  readonly seed: number;
  /** Names a class of the annotator, and a label; undefined where the latter has no name. */
  readonly className: (index: number) => string;
  readonly labelName: (label: number) => string;
  /** Where boxes were given: how many images have them, and the crops of those that were measured. */
  readonly boxes?: {
    readonly crops: SampledCrops;
    readonly images: number;
    readonly measured: number;
  };
}
