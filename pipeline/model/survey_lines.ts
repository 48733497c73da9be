/**
 * What of a data set is used and what is not, for the eye.
 *
 * @module
 */

import type { ImageSurvey, Tally } from "../../formats/images/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";

/** Kinds to name. */
const SHOWN_KINDS = 8;

/**
 * A survey in sentences.
 *
 * @param survey What a source says of itself.
 * @returns `labels`: how many images have one, and why others have none; `files`: how many were passed over, undefined if
 *   none were; `notes`: what else there is to say.
 */
export function describeSurvey(
  { images, labelled, unlabelled, passedOver, remarks }: ImageSurvey,
): { labels: string; files?: string; notes: readonly string[] } {
  const without = images - labelled;
  const why = kinds(unlabelled, ({ what, count, first }) => `${formatCount(count)} ${what} (${showValue(first)})`);
  const labels = without === 0
    ? `${formatNumberOf(images, "image")}, ${images === 1 ? "with" : "each with"} a label`
    : labelled === 0
    ? `${images === 1 ? "1 image, without a label" : `none of ${formatCount(images)} images has a label`}: ${why}`
    : `${formatCount(labelled)} of ${formatCount(images)} images ${haveOrHas(labelled)} a label, ${
      formatCount(without)
    } ${haveOrHas(without)} none: ${why}`;
  if (passedOver.length === 0) return { labels, notes: remarks };
  const files = passedOver.reduce((sum, { count }) => sum + count, 0);
  const which = kinds(passedOver, ({ what, count }) => `${formatCount(count)} ${what}`);
  return { labels, files: `${formatNumberOf(files, "file")} passed over: ${which}`, notes: remarks };
}

function haveOrHas(count: number): string {
  return count === 1 ? "has" : "have";
}

function kinds(tallies: readonly Tally[], describe: (tally: Tally) => string): string {
  const rest = tallies.slice(SHOWN_KINDS).reduce((sum, { count }) => sum + count, 0);
  const more = rest > 0 ? [`${formatCount(rest)} of other kinds`] : [];
  return [...tallies.slice(0, SHOWN_KINDS).map(describe), ...more].join(", ");
}

/**
 * A survey as lines of a summary, whose topics are eleven characters wide.
 *
 * @param survey What a source says of itself.
 * @returns Indented lines.
 */
export function surveyLines(survey: ImageSurvey): string[] {
  const { labels, files, notes } = describeSurvey(survey);
  return [
    `  labels     ${labels}`,
    ...(files === undefined ? [] : [`  files      ${files}`]),
    ...notes.map((note) => `  note       ${note}`),
  ];
}
