/**
 * What a label map must be beyond its lists' types: what training and queries take for granted.
 *
 * @module
 */

import { dequantise, type LabelMapMetadata, type LabelMapRow, mapLength, topLength } from "../../formats/labels/mod.ts";
import { MOST_PIXELS } from "../../formats/images/mod.ts";
import { expectedScore, findWrongScore } from "../../formats/base/scores.ts";
import { numberOf } from "../../formats/base/number_of.ts";

/** Probabilities are float32: five of them may add up to a little more than 1. */
const MOST_PROBABILITY = 1 + 1e-5;

/**
 * Finds the first defect of a row.
 *
 * @param row The row.
 * @param metadata Metadata of its file.
 * @param labels How many classes the data set has, where that is known.
 * @returns A phrase, or undefined if there is none.
 */
export function rowDefect(row: LabelMapRow, metadata: LabelMapMetadata, labels?: number): string | undefined {
  return sizeDefect(row, metadata) ?? labelDefect(row, labels) ?? mapDefect(row, metadata) ?? topDefect(row, metadata);
}

/** Maps that were converted from others may come without their images, and have no size. */
function sizeDefect({ key, width, height }: LabelMapRow, { converted }: LabelMapMetadata): string | undefined {
  if (key === "") return "its key is empty";
  if (converted !== undefined && width === 0 && height === 0) return undefined;
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) return `its image has ${width} x ${height} pixels`;
}

function labelDefect({ label }: LabelMapRow, labels = 2 ** 31): string | undefined {
  if (label !== null && (label < 0 || label >= labels)) return `its label is ${label}, expected less than ${labels}`;
}

function mapDefect(row: LabelMapRow, metadata: LabelMapMetadata): string | undefined {
  const { classes, grid: [height, width], dtype } = metadata;
  const cells = height * width;
  const [found, expected] = [[row.class.length, row.score.length], mapLength(metadata)];
  if (found.some((length) => length !== expected)) {
    return `it has ${numberOf(found[0], "class", "classes")} and ${numberOf(found[1], "score")}, expected ${expected}`;
  }
  const score = dequantise(row.score, dtype);
  const wrong = findWrongScore(row.score, metadata);
  for (let index = 0; index < expected; index++) {
    const place = () =>
      `of cell (${Math.floor(index % cells / width)}, ${index % width}), rank ${Math.floor(index / cells)}`;
    if (row.class[index] >= classes) {
      return `the class ${place()} is ${row.class[index]}, expected less than ${classes}`;
    }
    if (index === wrong) return `the score ${place()} is ${score[index]}, expected ${expectedScore(metadata.scores)}`;
    if (index < cells) continue;
    const above = index - cells;
    if (score[index] > score[above]) {
      return `the score ${place()} is ${score[index]}, more than the ${score[above]} of the rank before`;
    }
    for (let other = above; other >= 0; other -= cells) {
      if (row.class[other] === row.class[index]) {
        return `the class ${place()} is ${row.class[index]}, as at another rank`;
      }
    }
  }
}

function topDefect({ topClass, topProbability }: LabelMapRow, metadata: LabelMapMetadata): string | undefined {
  const expected = topLength(metadata);
  if (topClass.length !== expected || topProbability.length !== expected) {
    return `it has ${topClass.length} top classes and ${topProbability.length} probabilities, expected ${expected}`;
  }
  let sum = 0;
  for (let rank = 0; rank < expected; rank++) {
    const [index, probability] = [topClass[rank], topProbability[rank]];
    if (index >= metadata.classes) return `its top class ${rank} is ${index}, expected less than ${metadata.classes}`;
    if (topClass.indexOf(index) < rank) return `its top class ${rank} is ${index}, as at another rank`;
    if (!(probability >= 0 && probability <= 1)) return `its top probability ${rank} is ${probability}`;
    if (rank > 0 && probability > topProbability[rank - 1]) {
      return `its top probability ${rank} is ${probability}, more than the ${topProbability[rank - 1]} before`;
    }
    sum += probability;
  }
  // Independent classes may each be sure.
  if ((metadata.scores ?? "softmax") === "softmax" && sum > MOST_PROBABILITY) {
    return `its top probabilities add up to ${sum}`;
  }
}
