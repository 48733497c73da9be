/**
 * VGG, with and without batch norm.
 *
 * Five runs of 3x3 convolutions, each with a max pool behind it, and two layers of 4,096 channels before the last, which
 * timm has as convolutions: one of 7 x 7 without padding, and one of 1 x 1. So a label map has a cell for each window of
 * 7 x 7 of the last pool's output: one cell for 224 x 224 pixels, and another for every 32 pixels more. Smaller images
 * than that it does not take.
 *
 * Source: Simonyan and Zisserman, "Very Deep Convolutional Networks", 2015 (arXiv:1409.1556), table 1; timm 1.0.31,
 * `vgg.py`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { activation, batchNorm, convolution, finish, image, pool, type Tensor } from "./layers.ts";

/** What a member of the family is. */
export interface VggDescription {
  readonly name: string;
  /** Convolutions of each run. */
  readonly repeats: readonly number[];
  /** Channels of each run. */
  readonly channels: readonly number[];
  readonly batchNorm: boolean;
  /** Channels of the first of the two layers before the last. */
  readonly hiddenChannels: number;
  readonly classes: number;
}

/** Channels that the last layer reads. */
const lastChannels = 4096;

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildVgg(description: VggDescription): Network {
  const { name, repeats, channels, hiddenChannels, classes } = description;
  const operations: Operation[] = [];
  let tensor: Tensor = image;
  let module = 0;
  repeats.forEach((repeat, run) => {
    for (let index = 0; index < repeat; index++) {
      const options = { outputChannels: channels[run], kernel: 3, bias: true };
      tensor = convolution(operations, tensor, `features.${module++}`, options);
      if (description.batchNorm) tensor = batchNorm(operations, tensor, `features.${module++}`, 1e-5);
      tensor = activation(operations, tensor, "relu");
      module++;
    }
    tensor = pool(operations, tensor, `features.${module++}`, { mode: "max", kernel: 2, stride: 2 });
  });
  const wide = { outputChannels: hiddenChannels, kernel: 7, padding: "none", bias: true } as const;
  tensor = activation(operations, convolution(operations, tensor, "pre_logits.fc1", wide), "relu");
  const last = { outputChannels: lastChannels, kernel: 1, bias: true };
  tensor = activation(operations, convolution(operations, tensor, "pre_logits.fc2", last), "relu");
  return finish(name, operations, tensor, { name: "head.fc", classes }, "vgg");
}

const REPEATS = {
  vgg11: [1, 1, 2, 2, 2],
  vgg13: [2, 2, 2, 2, 2],
  vgg16: [2, 2, 3, 3, 3],
  vgg19: [2, 2, 4, 4, 4],
};

/** The members that timm has. */
export const vggs: Family = familyOf(
  Object.fromEntries(
    Object.entries(REPEATS).flatMap(([name, repeats]) =>
      [false, true].map((batchNorm) => [batchNorm ? `${name}_bn` : name, { repeats, batchNorm }])
    ),
  ),
  (member) => buildVgg({ ...member, channels: [64, 128, 256, 512, 512], hiddenChannels: lastChannels }),
);
