/**
 * Means with their standard errors.
 *
 * @module
 */

/** A mean and how far it may be off. */
export interface Mean {
  readonly value: number;
  /** Standard deviation over the root of the count; undefined of one value. */
  readonly standardError?: number;
}

/**
 * A mean of values with its standard error.
 *
 * @param values At least one.
 * @returns The mean; s / sqrt(n) with the unbiased variance s^2.
 */
export function meanOf(values: ArrayLike<number>): Mean {
  const { length } = values;
  let sum = 0;
  for (let index = 0; index < length; index++) sum += values[index];
  const value = sum / length;
  if (length === 1) return { value };
  let squares = 0;
  for (let index = 0; index < length; index++) squares += (values[index] - value) ** 2;
  return { value, standardError: Math.sqrt(squares / (length - 1) / length) };
}
