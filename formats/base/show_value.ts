/**
 * Values of JSON in messages.
 *
 * @module
 */

/** Characters that a value has in a message. */
const LONGEST = 80;

/**
 * A value as a message has it: its JSON, cut off where it is long.
 *
 * @param value Any value that JSON can hold, or undefined.
 * @param absent What stands for undefined.
 * @returns One line.
 */
export function showValue(value: unknown, absent = "missing"): string {
  const text = JSON.stringify(value) ?? absent;
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 3)}...`;
}
