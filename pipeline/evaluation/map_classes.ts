/**
 * Which class of a model each class of a data set is.
 *
 * @module
 */

import type { ClassNames } from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatNumberOf } from "../command/numbers.ts";

/** A model's classes. */
export interface ModelClasses {
  readonly classes: number;
  readonly classNames?: ClassNames;
}

/**
 * Finds the classes of a data set among those of a model: by WordNet identifier, by name, or by the first synonym of a name
 * that no other class has.
 *
 * @param names The data set's classes.
 * @param model The model's.
 * @param options `subject`: what is being done, for messages; `isOrdered`: whether the data set numbers its classes in the
 *   order given, so that a model that has as many, and names none of these, is taken to number them so too.
 * @returns The model's index of each.
 * @throws {TypeError} If one is not among them.
 */
export function mapClasses(
  names: readonly string[],
  model: ModelClasses,
  options: { readonly subject: string; readonly isOrdered?: boolean },
): number[] {
  const { subject, isOrdered = false } = options;
  const known = knownNames(model);
  const indices = names.map((name) => known.get(name));
  const unknown = names.filter((_, position) => indices[position] === undefined);
  if (unknown.length === 0) return indices as number[];
  if (isOrdered && unknown.length === names.length && names.length === model.classes) return names.map((_, at) => at);
  const which = `class ${showValue(unknown[0])}${unknown.length > 1 ? ` (and ${unknown.length - 1} more)` : ""}`;
  throw new TypeError(
    known.size === 0
      ? `${subject}: it has ${
        formatNumberOf(names.length, "class", "classes")
      } and the model ${model.classes}, without names to find them by`
      : `${subject}: ${which} is none of the ${formatNumberOf(model.classes, "class", "classes")} of the model`,
  );
}

/** What classes may be called, by the model's index. A name of two classes is none. */
function knownNames({ classNames }: ModelClasses): Map<string, number> {
  if (!classNames) return new Map();
  const { name: names, wnid = [] } = classNames;
  return new Map([
    ...uniqueNames(names.map((name) => name.split(",")[0].trim())),
    ...uniqueNames(names),
    ...wnid.map((identifier, index) => [identifier, index] as const),
  ]);
}

function uniqueNames(names: readonly string[]): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return names.map((name, index) => [name, index] as const).filter(([name]) => counts.get(name) === 1);
}
