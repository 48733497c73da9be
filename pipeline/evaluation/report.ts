/**
 * An evaluation as a table for the eye, and as CSV and JSON for programs.
 *
 * @module
 */

import { formatCount, formatNumberOf, formatPercent, formatSize } from "../command/numbers.ts";
import { csvField, layOut } from "../command/text_table.ts";
import { engineVersion } from "../command/version.ts";
import type { ClassifierDescription } from "./load_classifier.ts";
import type { UnevaluatedImage } from "./evaluate_images.ts";
import type { Figure } from "./figures.ts";

/** What was done and found. */
export interface Evaluation {
  readonly model: ClassifierDescription;
  /** Name of the adapter that computed. */
  readonly adapter: string;
  readonly data: { readonly path: string; readonly kind: string; readonly images: number };
  readonly rejected: readonly UnevaluatedImage[];
  readonly figures: readonly Figure[];
  /** Figures of classes and corruptions. */
  readonly parts: readonly Figure[];
  readonly notes: readonly string[];
}

/** Rejected images to name. */
const SHOWN_REJECTED = 3;

/**
 * Says what is evaluated.
 *
 * @param model The classifier.
 * @param adapter Name of the adapter.
 * @returns `resnet18 at 224 x 224, the centre of 256 x 256, on llvmpipe`.
 */
export function describeModel({ name, weights, size, cover, fgsm }: ClassifierDescription, adapter: string): string {
  const chosen = weights === null ? "" : weights === "average" ? " (averaged weights)" : " (trained weights)";
  const seen = cover === null ? "the whole image" : `the centre of ${formatSize(cover)}`;
  const attack = fgsm === null ? "" : `, attacked by FGSM with epsilon ${Number(fgsm.toPrecision(4))}`;
  return `${name}${chosen} at ${formatSize(size)}, ${seen}${attack}, on ${adapter}`;
}

/**
 * An evaluation as a table for people.
 *
 * @param evaluation What was found.
 * @returns The table's lines.
 */
export function reportLines({ data, rejected, figures, parts, notes }: Evaluation): string[] {
  const rows = figures.map(({ measure, value, standardError, images }) => [
    measure,
    formatPercent(value, 2),
    standardError === undefined ? "" : (100 * standardError).toFixed(2),
    formatCount(images),
  ]);
  const more = rejected.length > SHOWN_REJECTED ? [`  and ${formatCount(rejected.length - SHOWN_REJECTED)} more`] : [];
  return [
    ...(parts.length > 0 ? [...partTable(parts, data.kind === "imagenet-c" ? "corruption" : "class"), ""] : []),
    ...layOut([["measure", "value", "standard error", "images"]], rows, [false, true, true, true]),
    ...notes.map((note) => `  ${note}`),
    ...(rejected.length > 0
      ? [
        `  ${formatNumberOf(rejected.length, "image")} of "${data.path}" cannot be decoded:`,
        ...rejected.slice(0, SHOWN_REJECTED).map(({ key, reason }) => `    ${key}: ${reason}`),
        ...more.map((line) => `  ${line}`),
      ]
      : []),
  ];
}

/** A row for each class or corruption, a column for each measure and the images of the last. */
function partTable(parts: readonly Figure[], kind: string): string[] {
  const measures = [...new Set(parts.map(({ measure }) => measure))];
  const names = [...new Set(parts.map(({ of }) => of!))];
  const found = new Map(parts.map((figure) => [`${figure.of}\n${figure.measure}`, figure]));
  const rows = names.map((name) => {
    const figures = measures.map((measure) => found.get(`${name}\n${measure}`));
    const images = figures.findLast((figure) => figure !== undefined)!.images;
    return [name, ...figures.map((figure) => figure ? formatPercent(figure.value, 2) : "-"), formatCount(images)];
  });
  return layOut([[kind, ...measures, "images"]], rows, [false, ...measures.map(() => true), true]);
}

/**
 * An evaluation as CSV, one line a figure: measure, of, value, standard_error, images.
 *
 * @param evaluation What was found.
 * @returns RFC 4180 with a line of names; values are shares of 1.
 */
export function reportCsv({ figures, parts }: Evaluation): string {
  const lines = [...figures, ...parts].map(({ measure, of, value, standardError, images }) =>
    [measure, of ?? null, value, standardError ?? null, images].map(csvField).join(",")
  );
  return `${["measure,of,value,standard_error,images", ...lines].join("\n")}\n`;
}

/**
 * An evaluation as JSON.
 *
 * @param evaluation What was found.
 * @returns JSON with all figures, as shares of 1, and this project's version.
 */
export function reportJson(evaluation: Evaluation): string {
  return `${JSON.stringify({ ...evaluation, version: engineVersion }, null, 2)}\n`;
}
