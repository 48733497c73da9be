/**
 * What the explorer's server tells its page.
 *
 * @module
 */

import type { LabelMapFormat } from "../../formats/base/label_map.ts";
import type { ScoredClass } from "../../formats/labels/multi_label.ts";
import type { LabelMapRow } from "../../formats/labels/types.ts";

/** A folder of label maps. */
export interface Folder extends LabelMapFormat {
  readonly path: string;
  readonly annotator: { readonly name: string; readonly inputSize: readonly [height: number, width: number] };
  readonly rows: number;
}

/** The answer of `api/folder`: what the page is opened on. */
export interface Folders {
  /** One, or the two that are compared. */
  readonly folders: readonly Folder[];
  /** Where the images are. */
  readonly images: string;
  /** Names of the annotator's classes. */
  readonly classNames: readonly string[];
  /** Names of the data set's own classes, null if they have none. */
  readonly labelNames: readonly string[] | null;
  /** The annotator's class of each class of the data set, null where it has none. */
  readonly labelClasses: readonly (number | null)[];
  /** The file that a selection goes to. */
  readonly selection: string;
}

/** An image in a list. */
export interface Row extends Pick<LabelMapRow, "key" | "label" | "width" | "height"> {
  readonly row: number;
  /** The best classes by how surely they are in the image, best first. */
  readonly best: readonly ScoredClass[];
  /** The score of its label's class, null where the annotator does not know the label. */
  readonly selfConfidence: number | null;
}

/** The answer of `api/rows`: some rows of those that a filter lets through. */
export interface Rows {
  /** How many rows the filter lets through. */
  readonly total: number;
  readonly rows: readonly Row[];
}
