/**
 * Probabilities and scores for the eye.
 *
 * @module
 */

import { percent } from "./names.ts";

/**
 * A probability as a bar and in percent.
 *
 * @param props The probability, 0 to 1, and of what (`name`).
 */
export function Probability({ value, name }: { readonly value: number; readonly name: string }) {
  return (
    <span class="probability">
      <meter min={0} max={1} value={value} aria-label={name}></meter>
      <span class="number">{percent(value)}</span>
    </span>
  );
}

/**
 * How surely a class is in an image, as a bar and with two digits: no probability, so not in percent.
 *
 * @param props The score, 0 to 1, and of what (`name`).
 */
export function Score({ value, name }: { readonly value: number; readonly name: string }) {
  return (
    <span class="probability" title="How surely the class is in the image, 0 to 1, by where in it it is strongest">
      <meter min={0} max={1} value={value} aria-label={name}></meter>
      <span class="number">{value.toFixed(2)}</span>
    </span>
  );
}
