// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * The architectures by timm's names, and ResNets for small images, which timm does not have: `resnet20` has 20 layers,
 * `resnet8x3` three times the width, and a stem of stride 2 in `resnet8x3_s2`.
 *
 * @module
 */

import { closestString, levenshteinDistance } from "@std/text";
import type { Network } from "../operations/network.ts";
import { buildEfficientNet, efficientnet, efficientnetLite } from "./efficientnet.ts";
import { buildResNet, type ResNetDescription } from "./resnet.ts";
import { buildReXNet } from "./rexnet.ts";

type Build = (name: string, classes: number) => Network;

/** Width and depth of each member of EfficientNet, over B0's. */
const efficientnetScales: Record<string, [width: number, depth: number]> = {
  b0: [1.0, 1.0],
  b1: [1.0, 1.1],
  b2: [1.1, 1.2],
  b3: [1.2, 1.4],
  b4: [1.4, 1.8],
  b5: [1.6, 2.2],
  b6: [1.8, 2.6],
  b7: [2.0, 3.1],
  b8: [2.2, 3.6],
  l2: [4.3, 5.3],
};

const efficientnetLiteScales: Record<string, [width: number, depth: number]> = {
  lite0: [1.0, 1.0],
  lite1: [1.0, 1.1],
  lite2: [1.1, 1.2],
  lite3: [1.2, 1.4],
  lite4: [1.4, 1.8],
};

const plain = { cardinality: 1, baseWidth: 64 };
const resnets: Record<string, Pick<ResNetDescription, "block" | "repeats" | "cardinality" | "baseWidth">> = {
  resnet18: { block: "basic", repeats: [2, 2, 2, 2], ...plain },
  resnet34: { block: "basic", repeats: [3, 4, 6, 3], ...plain },
  resnet50: { block: "bottleneck", repeats: [3, 4, 6, 3], ...plain },
  resnet101: { block: "bottleneck", repeats: [3, 4, 23, 3], ...plain },
  resnet152: { block: "bottleneck", repeats: [3, 8, 36, 3], ...plain },
  resnext50_32x4d: { block: "bottleneck", repeats: [3, 4, 6, 3], cardinality: 32, baseWidth: 4 },
  resnext101_32x4d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 4 },
  resnext101_32x8d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 8 },
  resnext101_32x16d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 16 },
  resnext101_32x32d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 32 },
  resnext101_32x48d: { block: "bottleneck", repeats: [3, 4, 23, 3], cardinality: 32, baseWidth: 48 },
};

/** Layers and width of each ResNet for small images, the width over that of the paper. */
const smallResNets: readonly [layers: number, width: number][] = [
  ...[8, 14, 20, 32, 44, 56].map((layers) => [layers, 1] as [number, number]),
  ...[2, 3, 4].map((width) => [8, width] as [number, number]),
];

/** Width and divisor of each member of ReXNet. */
const rexnets: Record<string, [width: number, divisor: number]> = {
  rexnet_100: [1.0, 1],
  rexnet_130: [1.3, 1],
  rexnet_150: [1.5, 1],
  rexnet_200: [2.0, 1],
  rexnet_300: [3.0, 1],
  rexnetr_100: [1.0, 8],
  rexnetr_130: [1.3, 8],
  rexnetr_150: [1.5, 8],
  rexnetr_200: [2.0, 8],
  rexnetr_300: [3.0, 16],
};

const architectures = new Map<string, Build>();
for (const tensorflow of [false, true]) {
  const prefix = tensorflow ? "tf_efficientnet_" : "efficientnet_";
  for (const [member, [width, depth]] of Object.entries(efficientnetScales)) {
    architectures.set(
      prefix + member,
      (name, classes) => buildEfficientNet(efficientnet(name, { width, depth, tensorflow, classes })),
    );
  }
  for (const [member, [width, depth]] of Object.entries(efficientnetLiteScales)) {
    architectures.set(
      prefix + member,
      (name, classes) => buildEfficientNet(efficientnetLite(name, { width, depth, tensorflow, classes })),
    );
  }
}
for (const [member, description] of Object.entries(resnets)) {
  architectures.set(
    member,
    (name, classes) => buildResNet({ ...description, name, channels: [64, 128, 256, 512], classes }),
  );
}
for (const [layers, width] of smallResNets) {
  for (const stride of [1, 2]) {
    const description = {
      block: "basic",
      repeats: new Array(3).fill((layers - 2) / 6),
      channels: [16, 32, 64].map((channels) => channels * width),
      smallStem: { stride },
      ...plain,
    } as const;
    architectures.set(
      `resnet${layers}${width > 1 ? `x${width}` : ""}${stride > 1 ? `_s${stride}` : ""}`,
      (name, classes) => buildResNet({ ...description, name, classes }),
    );
  }
}
for (const [member, [width, divisor]] of Object.entries(rexnets)) {
  architectures.set(
    member,
    (name, classes) =>
      buildReXNet({ name, width, depth: 1, initialChannels: 16, finalChannels: 180, divisor, classes }),
  );
}

/**
 * Names that timm gave before it moved the recipe into a tag: `tf_efficientnet_l2_ns_475` is now
 * `tf_efficientnet_l2.ns_jft_in1k_475`, `ig_resnext101_32x8d` is `resnext101_32x8d.fb_wsl_ig1b_ft_in1k`.
 */
const formerNames: readonly [pattern: RegExp, architecture: string][] = [
  [/^(tf_efficientnet_(?:b\d|l2))_(?:ap|ns|ns_475)$/, "$1"],
  [/^(?:ig|ssl|swsl|tv)_(resnet\d+|resnext\d+_\d+x\d+d)$/, "$1"],
];

/**
 * Lists the architectures that {@linkcode buildNetwork} knows.
 *
 * @returns Their names, without tags, in alphabetical order.
 */
export function listArchitectures(): string[] {
  return [...architectures.keys()].sort();
}

/**
 * Builds a network from timm's name of its architecture.
 *
 * @param architecture The name as in `config.json`, with or without a tag: `tf_efficientnet_l2.ns_jft_in1k_475` is
 *   `tf_efficientnet_l2`, the tag being the recipe of its weights. The names of timm before 0.8 are known too.
 * @param options `classes` is the number of classes of the classifier.
 * @returns The network.
 * @throws {RangeError} If there is no such architecture, or `classes` is not a positive integer.
 */
export function buildNetwork(architecture: string, options: { readonly classes: number }): Network {
  const { classes } = options;
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`Cannot build network "${architecture}": classes is ${classes}, expected a positive integer`);
  }
  let name = architecture.split(".")[0];
  for (const [pattern, replacement] of formerNames) name = name.replace(pattern, replacement);
  const build = architectures.get(name);
  if (!build) {
    const known = listArchitectures();
    const closest = closestString(name, known);
    const isNear = levenshteinDistance(name, closest) <= closest.length / 3;
    throw new RangeError(
      `Cannot build network "${architecture}": unknown architecture` +
        `${isNear ? `, did you mean "${closest}"? K` : ": k"}nown are ${known.join(", ")}`,
    );
  }
  return build(name, classes);
}
