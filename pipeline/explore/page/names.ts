/**
 * What classes and numbers are called on the page.
 *
 * @module
 */

import { printable } from "../../../formats/base/printable.ts";

/** Names of classes, which a person types too. */
export interface NameList {
  /** A class's name for the eye: the first of its synonyms, or its number. */
  short(index: number): string;
  /** A class as it stands in a field: number and short name, since names need not be unique. */
  field(index: number): string;
  /** The class that a text names: by number, number and name, or a name that only one has. */
  find(text: string): number | null;
  /** Indices of the names that contain a text; those that begin with it are first. */
  matches(text: string, most: number): number[];
}

/**
 * Makes names findable.
 *
 * @param names Names by class, synonyms between commas.
 * @param options What a class without a name is called (`kind`), and how many there are.
 * @returns The list.
 */
export function nameList(
  names: readonly string[],
  { kind, count }: { readonly kind: string; readonly count: number },
): NameList {
  const short = (index: number) => printable(names[index]?.split(",")[0].trim() || `${kind} ${index}`);
  const plain = Array.from({ length: count }, (_, index) => (names[index] || short(index)).toLowerCase());
  return {
    short,
    field: (index) => names[index] ? `${index} ${short(index)}` : String(index),
    find(text) {
      const sought = text.trim().toLowerCase();
      const number = /^(\d+)(?:\s|$)/.exec(sought);
      if (number && Number(number[1]) < count) return Number(number[1]);
      const found = plain.flatMap((name, index) =>
        name.split(",").some((part) => part.trim() === sought) ? [index] : []
      );
      return found.length === 1 ? found[0] : null;
    },
    matches(text, most) {
      const sought = text.trim().toLowerCase();
      const begin: number[] = [];
      const contain: number[] = [];
      for (let index = 0; index < count && begin.length < most; index++) {
        const place = plain[index].indexOf(sought);
        if (place === 0 || String(index).startsWith(sought)) begin.push(index);
        else if (place > 0 && contain.length < most) contain.push(index);
      }
      return [...begin, ...contain].slice(0, most);
    },
  };
}

/** A probability in percent, as everywhere on the page: `83.1 %`. */
export function percent(probability: number): string {
  return `${(probability * 100).toFixed(1)} %`;
}

/** A difference of probabilities in percentage points, with its sign: `+0.3`. */
export function points(difference: number): string {
  const text = (difference * 100).toFixed(1);
  return Number(text) === 0 ? "0.0" : difference > 0 ? `+${text}` : text.replace("-", "\u2212");
}
