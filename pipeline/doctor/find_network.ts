/**
 * From a name to a network's shape: what `deno task doctor --network` looks at. No weights are read, and nothing is
 * downloaded.
 *
 * @module
 */

import { openAnnotatorFolder } from "../../formats/weights/mod.ts";
import { isHubReference, parseHubReference } from "../../formats/weights/hub/hub_reference.ts";
import { buildNetwork, isArchitecture } from "../../kernels/networks/mod.ts";
import type { Network } from "../../kernels/operations/network.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { readKnownWeights } from "../model/known_annotators.ts";

/** A network at a size of image. */
export interface FoundNetwork {
  /** What it was asked for by. */
  readonly name: string;
  readonly network: Network;
  /** Height and width of its input, pixels. */
  readonly size: Pair;
  readonly classes: number;
}

/** Classes of ImageNet, for which timm's names stand. */
const CLASSES = 1000;

/** Pixels of a side where neither the user nor timm's table says more; of the ResNets for small images CIFAR's. */
const SIDE = { usual: 224, small: 32 } as const;

/**
 * Finds a network.
 *
 * @param reference timm's name of an architecture or of weights, `hf:owner/name`, or the folder or file of an annotator.
 * @param size Pixels of its input; default what its `config.json` says, or what timm's table has it with.
 * @returns The network.
 * @throws {Deno.errors.NotFound} If there is no such folder.
 * @throws {RangeError | TypeError} If there is no such architecture, or it cannot be built for this size.
 */
export async function findNetwork(reference: string, size?: Pair): Promise<FoundNetwork> {
  const name = isHubReference(reference) ? nameOnHub(reference) : reference;
  if (isArchitecture(name)) return await knownNetwork(name, size);
  if (isHubReference(reference)) {
    throw new RangeError(
      `Cannot tell the network of "${reference}" by its name, and nothing is downloaded: name timm's architecture`,
    );
  }
  // Says what is unknown and what it may have been meant to be.
  if (!reference.includes("/") && !await exists(reference)) buildNetwork(reference, { classes: CLASSES });
  const { architecture, classes, inputSize, weights } = await openAnnotatorFolder(reference);
  weights.close();
  return networkAt(reference, architecture, classes, size ?? inputSize);
}

function nameOnHub(reference: string): string {
  return parseHubReference(reference).repository.split("/")[1];
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function knownNetwork(name: string, size?: Pair): Promise<FoundNetwork> {
  const { name: architecture, initialisation } = buildNetwork(name, { classes: CLASSES });
  if (size) return networkAt(name, name, CLASSES, size);
  const weights = await readKnownWeights();
  const sidesOf = (isMeant: (known: string) => boolean) =>
    weights.filter(({ name }) => isMeant(name)).map(({ side }) => side);
  const own = sidesOf((known) => known === name);
  const sides = own.length > 0 ? own : sidesOf((known) => known.split(".")[0] === architecture);
  const usual = initialisation === "smallResnet" ? SIDE.small : SIDE.usual;
  const side = sides.length === 0 || sides.includes(usual) ? usual : Math.min(...sides);
  return networkAt(name, name, CLASSES, [side, side]);
}

function networkAt(name: string, architecture: string, classes: number, size: Pair): FoundNetwork {
  return { name, network: buildNetwork(architecture, { classes, size }), size, classes };
}
