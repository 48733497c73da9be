/**
 * What a pooled target is: the variants of "Re-labeling ImageNet", table 2, and the rules for classes that a map lacks.
 *
 * @module
 */

import type { Pair } from "../shared/window.ts";
import type { MapLayout } from "../../../formats/base/label_map.ts";

/**
 * Which part of the map a target is of, and whether it has one class or several:
 *
 * - `local-multi`: the crop's part of the map, probabilities of all classes: ReLabel.
 * - `local-single`: the best class of the crop's part alone.
 * - `global-multi`: the mean of the whole map, whatever the crop.
 * - `global-single`: the best class of the whole map alone.
 */
export type PoolingMode = "local-multi" | "local-single" | "global-multi" | "global-single";

/**
 * What a class counts in a cell that does not hold it. With s the k logits of a cell divided by the temperature:
 *
 * - `zero`: its logit is 0. Logits are averaged over the cells, then softmax: the rule of the published code.
 * - `uniform`: softmax in each cell, where the other classes have logit 0 and so share 1 - sum(p) evenly, (1 - sum(p)) /
 *   (C - k) each (Shen and Xing, "FKD", call it marginal smoothing); then probabilities are averaged over the cells.
 * - `renormalise`: softmax in each cell over its k classes alone, others have none (FKD's marginal re-norm); then
 *   probabilities are averaged.
 *
 * Of maps of independent classes only the first is left: a class that is lacking counts as the map's floor, or as absent.
 */
export type MissingRule = "zero" | "uniform" | "renormalise";

/** How a sample between cells is read: from the four around it, class by class, or from the nearest. */
export type Interpolation = "bilinear" | "nearest";

/** How targets are pooled. */
export interface PoolingOptions {
  /** Which part of the map is pooled, and to one class or several; default `local-multi`. */
  readonly mode?: PoolingMode;
  /** What a class counts as where a cell lacks it; default `zero`. */
  readonly missing?: MissingRule;
  /** How the maps are stored; default `hw`. */
  readonly layout?: MapLayout;
  /** How the map is read between its cells; default `bilinear`. */
  readonly interpolation?: Interpolation;
  /** Bins of the target, `[height, width]` or both alike, each with a target of its own (TokenLabeling); default 1. */
  readonly outputSize?: number | Pair;
  /** Logits are divided by it; default 1, below 1 is sharper. Maps of probabilities have none. */
  readonly temperature?: number;
  /**
   * For maps of independent classes: targets are 1 for a class whose pooled probability or share is at least this, else 0.
   * Above 0 and below 1; default: targets are the probabilities or shares.
   */
  readonly presenceThreshold?: number;
}

/** Options with nothing left out. */
export interface ResolvedPooling extends Required<Omit<PoolingOptions, "presenceThreshold">> {
  readonly outputSize: Pair;
  readonly presenceThreshold?: number;
}

const CHOICES = {
  mode: ["local-multi", "local-single", "global-multi", "global-single"],
  missing: ["zero", "uniform", "renormalise"],
  layout: ["hw", "wh"],
  interpolation: ["bilinear", "nearest"],
} as const;

/**
 * Fills in what was left out.
 *
 * @param options What was given.
 * @returns All options.
 * @throws {TypeError} If a name is unknown.
 * @throws {RangeError} If a number is out of range.
 */
export function resolvePooling(options: PoolingOptions): ResolvedPooling {
  const { outputSize = 1, temperature = 1, presenceThreshold } = options;
  const resolved: ResolvedPooling = {
    mode: options.mode ?? "local-multi",
    missing: options.missing ?? "zero",
    layout: options.layout ?? "hw",
    interpolation: options.interpolation ?? "bilinear",
    outputSize: typeof outputSize === "number" ? [outputSize, outputSize] : outputSize,
    temperature,
    presenceThreshold,
  };
  for (const [name, choices] of Object.entries(CHOICES)) {
    const value = resolved[name as keyof typeof CHOICES];
    if (!(choices as readonly string[]).includes(value)) {
      throw new TypeError(`Cannot pool labels: ${name} is "${value}", expected one of ${choices.join(", ")}`);
    }
  }
  if (!resolved.outputSize.every((size) => Number.isInteger(size) && size > 0)) {
    throw new RangeError(
      `Cannot pool labels: outputSize is ${resolved.outputSize.join(" x ")}, expected whole numbers`,
    );
  }
  if (!(temperature > 0 && temperature < Infinity)) {
    throw new RangeError(`Cannot pool labels: temperature is ${temperature}, expected a positive number`);
  }
  if (presenceThreshold !== undefined && !(presenceThreshold > 0 && presenceThreshold < 1)) {
    throw new RangeError(
      `Cannot pool labels: presenceThreshold is ${presenceThreshold}, expected a number above 0 and below 1`,
    );
  }
  return resolved;
}
