// deno-lint-ignore-file camelcase -- the data set calls its folders so

/**
 * ImageNet-C: how much worse a classifier gets on corrupted images.
 *
 * The corruption error of a corruption c is the classifier's error over AlexNet's, both summed over five severities, and mCE
 * the mean over fifteen corruptions:
 *
 *     CE(c) = sum over s of E(s, c) / sum over s of E_AlexNet(s, c)
 *
 * (Hendrycks and Dietterich, "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations", 2019,
 * section 4.1.)
 *
 * @module
 */

import { type CountedImages, type Figure, shareFigure } from "./figures.ts";

/** AlexNet's mean error over the severities of each corruption, as published with ImageNet-C. */
export const ALEXNET_ERRORS: Readonly<Record<string, number>> = {
  gaussian_noise: 0.886428,
  shot_noise: 0.894468,
  impulse_noise: 0.922640,
  defocus_blur: 0.819880,
  glass_blur: 0.826268,
  motion_blur: 0.785948,
  zoom_blur: 0.798360,
  snow: 0.866816,
  frost: 0.826572,
  fog: 0.819324,
  brightness: 0.564592,
  contrast: 0.853204,
  elastic_transform: 0.646056,
  pixelate: 0.717840,
  jpeg_compression: 0.606500,
};

/** Corruptions that come with ImageNet-C and are not in mCE. */
export const EXTRA_CORRUPTIONS: readonly string[] = ["speckle_noise", "gaussian_blur", "spatter", "saturate"];

/** From the mildest to the strongest. */
export const SEVERITIES: readonly number[] = [1, 2, 3, 4, 5];

/** Images of each corruption and severity, and how many of them were classified wrongly. */
export type CorruptionTallies = ReadonlyMap<string, ReadonlyMap<number, CountedImages>>;

/**
 * The errors of a classifier on corrupted images.
 *
 * @param tallies Counts by corruption and severity, `right` being the errors.
 * @returns mCE and the mean error, over those of the fifteen corruptions that are there, if any; then for each corruption its
 *   error at each severity, their mean and, if it is one of the fifteen, its CE.
 */
export function corruptionFigures(tallies: CorruptionTallies): { overall: Figure[]; each: Figure[] } {
  const corruptions = [...Object.keys(ALEXNET_ERRORS), ...EXTRA_CORRUPTIONS].filter((name) => tallies.has(name));
  const counted: { error: number; relative: number; images: number }[] = [];
  const each = corruptions.flatMap((of) => {
    const severities = [...tallies.get(of)!].sort(([a], [b]) => a - b);
    const errors = severities.map(([severity, tally]) => shareFigure(`severity ${severity}`, tally, of));
    const images = errors.reduce((sum, { images }) => sum + images, 0);
    const error = mean(errors.map(({ value }) => value));
    const figures: Figure[] = [...errors, { measure: "error", of, value: error, images }];
    if (of in ALEXNET_ERRORS) {
      const relative = error / ALEXNET_ERRORS[of];
      figures.push({ measure: "CE", of, value: relative, images });
      counted.push({ error, relative, images });
    }
    return figures;
  });
  const images = counted.reduce((sum, { images }) => sum + images, 0);
  const overall: Figure[] = counted.length === 0 ? [] : [
    { measure: "mCE", value: mean(counted.map(({ relative }) => relative)), images },
    { measure: "mean error", value: mean(counted.map(({ error }) => error)), images },
  ];
  return { overall, each };
}

/**
 * What keeps mCE from being that of the paper.
 *
 * @param tallies Counts by corruption and severity.
 * @returns Sentences; none if all of the fifteen corruptions are there at all severities.
 */
export function missingCorruptions(tallies: CorruptionTallies): string[] {
  const all = Object.keys(ALEXNET_ERRORS);
  const missing = all.filter((name) => !tallies.has(name));
  const partial = all.flatMap((name) => {
    const lacking = SEVERITIES.filter((severity) => tallies.has(name) && !tallies.get(name)!.has(severity));
    return lacking.length > 0 ? [`${name} at severity ${lacking.join(", ")}`] : [];
  });
  return [
    ...(missing.length > 0
      ? [
        `mCE is over ${all.length - missing.length} of ${all.length} corruptions: ${missing.join(", ")} ${
          missing.length === 1 ? "is" : "are"
        } missing`,
      ]
      : []),
    ...(partial.length > 0 ? [`mCE lacks ${partial.join("; ")}`] : []),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
