/**
 * The architectures by timm's names, SqueezeNets by torchvision's, and ResNets for small images, which neither has: `resnet20` has 20 layers,
 * `resnet8x3` three times the width, and a stem of stride 2 in `resnet8x3_s2`.
 *
 * @module
 */

import { closestString, levenshteinDistance } from "@std/text";
import type { Network } from "../operations/network.ts";
import { byobnets } from "./byobnet.ts";
import { beits } from "./beit.ts";
import { densenets } from "./densenet.ts";
import { deits } from "./deit.ts";
import { convnexts } from "./convnext.ts";
import { efficientnets } from "./efficientnet.ts";
import { evas } from "./eva.ts";
import { hgnets } from "./hgnet.ts";
import type { Family, NetworkOptions } from "./family.ts";
import { mambaouts } from "./mambaout.ts";
import { maxxvits } from "./maxxvit.ts";
import { metaformers } from "./metaformer.ts";
import { nextvits } from "./nextvit.ts";
import { resnets, smallResNets } from "./resnet.ts";
import { mobilenets } from "./mobilenet.ts";
import { mobilenetsV3 } from "./mobilenetv3.ts";
import { nfnets } from "./nfnet.ts";
import { repvggs } from "./repvgg.ts";
import { regnets } from "./regnet.ts";
import { relativeVisionTransformers } from "./relative_vision_transformer.ts";
import { resnetV2s } from "./resnetv2.ts";
import { rexnets } from "./rexnet.ts";
import { squeezenets } from "./squeezenet.ts";
import { tresnets } from "./tresnet.ts";
import { vggs } from "./vgg.ts";
import { visionTransformers } from "./vision_transformer_members.ts";
import { swins } from "./swin_transformer.ts";
import { swinV2s } from "./swin_transformer_v2.ts";
import { volos } from "./volo.ts";

/** All architectures: a family is a file and a line. */
const ARCHITECTURES: Family = {
  ...byobnets,
  ...convnexts,
  ...densenets,
  ...efficientnets,
  ...hgnets,
  ...mobilenets,
  ...mobilenetsV3,
  ...nfnets,
  ...regnets,
  ...resnets,
  ...smallResNets,
  ...repvggs,
  ...resnetV2s,
  ...rexnets,
  ...squeezenets,
  ...tresnets,
  ...vggs,
  ...visionTransformers,
  ...relativeVisionTransformers,
  ...deits,
  ...beits,
  ...evas,
  ...metaformers,
  ...swins,
  ...swinV2s,
  ...maxxvits,
  ...mambaouts,
  ...nextvits,
  ...volos,
};

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
  return Object.keys(ARCHITECTURES).sort();
}

/** The architecture of a name with or without a tag, or of one of timm before tags. */
function withoutTag(name: string): string {
  return formerNames.reduce((known, [pattern, replacement]) => known.replace(pattern, replacement), name.split(".")[0]);
}

/**
 * Whether {@linkcode buildNetwork} knows an architecture.
 *
 * @param architecture Its name, as there.
 * @returns Whether it does.
 */
export function isArchitecture(architecture: string): boolean {
  return Object.hasOwn(ARCHITECTURES, withoutTag(architecture));
}

/**
 * Builds a network from timm's name of its architecture.
 *
 * @param architecture The name as in `config.json`, with or without a tag: `tf_efficientnet_l2.ns_jft_in1k_475` is
 *   `tf_efficientnet_l2`, the tag being the recipe of its weights. The names of timm before 0.8 are known too.
 * @param options `classes` is the number of classes of the classifier, `size` the height and width of the input.
 * @returns The network.
 * @throws {RangeError} If there is no such architecture, it cannot be built for this size, or `classes` is not a positive
 *   integer.
 */
export function buildNetwork(architecture: string, options: NetworkOptions): Network {
  const { classes } = options;
  if (!Number.isInteger(classes) || classes < 1) {
    throw new RangeError(`Cannot build network "${architecture}": classes is ${classes}, expected a positive integer`);
  }
  const name = withoutTag(architecture);
  if (!Object.hasOwn(ARCHITECTURES, name)) {
    const known = listArchitectures();
    const closest = closestString(name, known);
    const isNear = levenshteinDistance(name, closest) <= closest.length / 3;
    throw new RangeError(
      `Cannot build network "${architecture}": unknown architecture` +
        `${isNear ? `, did you mean "${closest}"?` : ":"} FEATURES.md lists the ${known.length} that are known`,
    );
  }
  return ARCHITECTURES[name](options);
}
