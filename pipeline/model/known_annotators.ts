/**
 * timm's weights for the classes of ImageNet, by name, and which of them can be annotators here.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { buildNetwork, isArchitecture } from "../../kernels/networks/mod.ts";
import { countMultiplyAdds, countParameters } from "../../kernels/networks/multiply_adds.ts";

const FILE = new URL("../../assets/annotators/imagenet_real.csv", import.meta.url);

/** Weights that timm has, at a size of image. */
export interface KnownWeights {
  /** Architecture and tag: `hf:timm/NAME` downloads them. */
  readonly name: string;
  /** Side of the image, pixels. */
  readonly side: number;
  /** Top-1 accuracy on ReaL's labels of ImageNet's validation images, percent, as timm measured it. */
  readonly real: number;
  /** Whether the architecture is known here. */
  readonly loads: boolean;
}

/** Weights that load, with what their network is. */
export interface KnownAnnotator extends KnownWeights {
  readonly parameters: number;
  /** Products that are added up for an image. */
  readonly multiplyAdds: number;
}

/**
 * Reads timm's table.
 *
 * @returns Its weights, the best by ReaL first.
 * @throws {Error} If the table cannot be read.
 */
export async function readKnownWeights(): Promise<KnownWeights[]> {
  const [, ...lines] = (await Deno.readTextFile(fromFileUrl(FILE))).trimEnd().split("\n");
  return lines.map((line) => {
    const [name, side, real] = line.split(",");
    return { name, side: Number(side), real: Number(real), loads: isArchitecture(name) };
  }).toSorted((a, b) => b.real - a.real);
}

/**
 * Looks at the network of weights that load.
 *
 * @param known The weights.
 * @returns What they are, at the size of image that timm has them with.
 * @throws {RangeError} If they do not load.
 */
export function describeKnown(known: KnownWeights): KnownAnnotator {
  const size = [known.side, known.side] as const;
  const network = buildNetwork(known.name, { classes: 1000, size });
  return { ...known, parameters: countParameters(network), multiplyAdds: countMultiplyAdds(network, size) };
}

/** How many weights load, and how many of the best, whatever the sizes of image that timm has them with. */
export interface KnownCounts {
  readonly all: number;
  readonly loaded: number;
  /** How many of the 100 best by ReaL do. */
  readonly loadedOfBest: number;
}

/**
 * Counts what loads.
 *
 * @param weights All weights, the best first.
 * @returns The counts.
 */
export function countKnown(weights: readonly KnownWeights[]): KnownCounts {
  const names = [...new Map(weights.map(({ name, loads }) => [name, loads])).values()];
  const loaded = (some: readonly boolean[]) => some.filter((loads) => loads).length;
  return { all: names.length, loaded: loaded(names), loadedOfBest: loaded(names.slice(0, 100)) };
}
