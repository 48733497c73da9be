/**
 * How widths are rounded when a network is scaled.
 *
 * @module
 */

/**
 * Rounds to the nearest integer, ties to the even one, as the Python of the original networks does.
 *
 * @param value A finite number.
 * @returns The integer.
 */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * Rounds a number of channels to a multiple of `divisor`, to the nearest one unless that loses more than a tenth.
 *
 * @param channels The wanted number, not necessarily an integer.
 * @param divisor What the result is a multiple of; also the least result.
 * @param least The least share of `channels` that rounding may leave; default 0.9, and 0 rounds to the nearest always.
 * @returns The number of channels.
 *
 * The rule of EfficientNet (Tan and Le, 2019) and of MobileNet before it.
 */
export function makeDivisible(channels: number, divisor: number, least = 0.9): number {
  const rounded = Math.max(divisor, Math.floor((channels + divisor / 2) / divisor) * divisor);
  return rounded < least * channels ? rounded + divisor : rounded;
}
