/**
 * Probabilities for the eye.
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
