/**
 * Parameters to go on training from: another network's, with a new classifier where the classes are others.
 *
 * @module
 */

import { type Network, type Parameters, parameterShapes, type StoredParameter } from "../operations/network.ts";
import { initialParameters } from "./initialise.ts";

/** Parameters, and where they come from. */
export interface FineTuning {
  /** Every parameter and running statistic by name. */
  readonly parameters: Parameters;
  /** Names of those of the other network. */
  readonly taken: readonly string[];
  /** Names of those drawn anew: the classifier's, or none. */
  readonly drawn: readonly string[];
}

/**
 * Takes the parameters of a trained network, and draws those of the classifier anew where it has another shape. What
 * depends on the size of the input is made of what it was at another size.
 *
 * @param network The network to train.
 * @param weights Parameters of the same architecture, for as many classes or others.
 * @param seed Seed of the parameters that are drawn.
 * @returns The parameters, and which of them were taken.
 * @throws {TypeError} If a parameter other than the classifier's is missing or has another shape.
 */
export function fineTuneParameters(network: Network, weights: Parameters, seed: number): FineTuning {
  const { weight, bias, others = [] } = network.classifier;
  const head: (string | undefined)[] = [weight, bias, ...others];
  const shapes = parameterShapes(network);
  const fits = (name: string) => {
    const shape = weights.get(name)?.shape;
    return shape !== undefined && shape.join() === shapes.get(name)!.join();
  };
  // A classifier is one thing: its bias is not kept beside a new weight.
  const keepsHead = head.every((name) => name === undefined || fits(name));
  const drawn = keepsHead ? [] : [...shapes.keys()].filter((name) => head.includes(name));
  const initial = initialParameters(network, seed, (name) => drawn.includes(name));
  const taken = [...shapes.keys()].filter((name) => !drawn.includes(name));
  const subject = `Cannot begin ${network.name} with these weights`;
  const take = (name: string): StoredParameter => {
    const found = weights.get(name);
    if (found && fits(name)) return found;
    const shape = shapes.get(name)!;
    const resample = network.resampled?.[name];
    if (found && resample) {
      try {
        return { shape, data: resample(found) };
      } catch (error) {
        throw new TypeError(`${subject}: "${name}" does not fit: ${(error as Error).message}`, { cause: error });
      }
    }
    throw new TypeError(
      `${subject}: "${name}" ${
        found ? `has shape [${found.shape.join(", ")}], expected [${shape.join(", ")}]` : "is missing"
      }`,
    );
  };
  const source = (name: string) => drawn.includes(name) ? initial.get(name)! : take(name);
  return { parameters: new Map([...shapes.keys()].map((name) => [name, source(name)])), taken, drawn };
}
