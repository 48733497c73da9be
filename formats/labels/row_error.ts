/**
 * What a row must be for its file to hold it: asked by writers before they take a row, and by those who fill a folder, for
 * whom a row that cannot be written is an image with a reason and not the end of the run.
 *
 * @module
 */

import { expectedScore, findWrongScore, scoreNumber } from "../base/scores.ts";
import { classArray, type Classes, SCORE_ARRAYS, type Scores, topLength } from "../base/label_map.ts";
import { type LabelMapMetadata, type LabelMapRow, mapLength } from "./types.ts";
import { numberOf } from "../base/number_of.ts";

/** Why a row cannot be written: of types and lengths a TypeError, of values a RangeError. The message is a phrase. */
export type RowError = TypeError | RangeError;

/** Names and values of a row's arrays, and what they are to be. */
type ArrayCheck = readonly [
  name: string,
  array: Classes | Scores,
  // deno-lint-ignore no-explicit-any
  Type: abstract new (...parameters: any) => Classes | Scores,
  length: number,
];

/**
 * Finds the first reason why a label map's row cannot be written.
 *
 * @param row The row.
 * @param metadata Metadata of its file.
 * @returns The reason, undefined if there is none.
 */
export function findRowError(row: LabelMapRow, metadata: LabelMapMetadata): RowError | undefined {
  const { classes, dtype } = metadata;
  const ClassArray = classArray(classes);
  const [length, top] = [mapLength(metadata), topLength(metadata)];
  const arrays: readonly ArrayCheck[] = [
    ["class", row.class, ClassArray, length],
    ["score", row.score, SCORE_ARRAYS[dtype], length],
    ["topClass", row.topClass, ClassArray, top],
    ["topProbability", row.topProbability, Float32Array, top],
  ];
  return integersError({ label: row.label ?? 0, width: row.width, height: row.height }) ??
    firstOf(arrays, arrayError) ??
    classesError("class", row.class, classes) ??
    classesError("topClass", row.topClass, classes) ??
    scoresError(row, metadata) ??
    probabilitiesError("topProbability", row.topProbability);
}

function scoresError({ score }: LabelMapRow, { dtype, scores }: LabelMapMetadata): RangeError | undefined {
  const place = findWrongScore(score, { dtype, scores });
  if (place < 0) return undefined;
  const found = scoreNumber(score[place], dtype);
  return new RangeError(`score at position ${place} is ${found}, expected ${expectedScore(scores)}`);
}

/** The first error that is found of some things. */
function firstOf<Thing>(things: readonly Thing[], find: (thing: Thing) => RowError | undefined): RowError | undefined {
  for (const thing of things) {
    const error = find(thing);
    if (error) return error;
  }
}

/**
 * Finds an integer that no int32 column holds.
 *
 * @param integers Values by name.
 * @returns The reason, undefined if all fit.
 */
export function integersError(integers: Readonly<Record<string, number>>): RangeError | undefined {
  const found = Object.entries(integers).find(([, value]) => (value | 0) !== value);
  return found && new RangeError(`${found[0]} is ${found[1]}, expected a 32-bit integer`);
}

/**
 * Finds a class index that is none.
 *
 * @param name Name of the column.
 * @param values Its values in the row.
 * @param classes How many classes there are.
 * @returns The reason, undefined if all are integers from 0 to below that.
 */
export function classesError(name: string, values: ArrayLike<number>, classes: number): RangeError | undefined {
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (Number.isInteger(value) && value >= 0 && value < classes) continue;
    return new RangeError(`${name} holds ${value}, expected an integer from 0 to ${classes - 1}`);
  }
}

/**
 * Finds a value that is not a number, or infinite.
 *
 * @param name Name of the column.
 * @param values Its values in the row.
 * @returns The reason, undefined if all are finite.
 */
export function finiteError(name: string, values: ArrayLike<number>): RangeError | undefined {
  for (let index = 0; index < values.length; index++) {
    if (!Number.isFinite(values[index])) {
      return new RangeError(`${name} at position ${index} is ${values[index]}, expected a finite number`);
    }
  }
}

/**
 * Finds a value that is no probability.
 *
 * @param name Name of the column.
 * @param values Its values in the row.
 * @returns The reason, undefined if all are from 0 to 1, or as little above as rounding makes them.
 */
export function probabilitiesError(name: string, values: ArrayLike<number>): RangeError | undefined {
  for (let index = 0; index < values.length; index++) {
    if (values[index] >= 0 && values[index] <= MOST_PROBABILITY) continue;
    return new RangeError(`${name} at position ${index} is ${values[index]}, expected a number from 0 to 1`);
  }
}

/** 1 as sums in 16 bits make it. */
const MOST_PROBABILITY = 1 + 2 ** -8;

function arrayError([name, array, Type, length]: ArrayCheck): TypeError | undefined {
  if (!(array instanceof Type)) {
    return new TypeError(`${name} is ${array.constructor.name}, expected ${Type.name}`);
  }
  if (array.length !== length) {
    return new TypeError(`${name} has ${numberOf(array.length, "value")}, expected ${length}`);
  }
}
