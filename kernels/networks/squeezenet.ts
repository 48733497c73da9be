/**
 * SqueezeNet, by torchvision's names.
 *
 * A strided convolution, then blocks ("fire") whose 1x1 convolution squeezes the channels for a 1x1 and a 3x3 convolution
 * that expand them beside each other, with max pools between. The classifier is a 1x1 convolution with a ReLU, whose map is
 * averaged: a cell's logits are what it gives there.
 *
 * Source: Iandola et al., "SqueezeNet", 2016 (arXiv:1602.07360), table 1; version 1.1 of the authors' repository;
 * torchvision 0.29, `squeezenet.py`.
 *
 * @module
 */

import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  classifierLayer,
  convolution,
  type ConvolutionOptions,
  finishWithHeads,
  image,
  pool,
  type Tensor,
} from "./layers.ts";
import { concatenate } from "./token_layers.ts";

/** What a member of the family is. */
export interface SqueezeNetDescription {
  readonly name: string;
  /** The first convolution. */
  readonly stem: { readonly channels: number; readonly kernel: number };
  /** Blocks between the pools. */
  readonly repeats: readonly number[];
  readonly classes: number;
}

/** Channels that each block squeezes to; a quarter of those that either of its convolutions expands them to. */
const SQUEEZED = [16, 16, 32, 32, 48, 48, 64, 64];

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildSqueezeNet({ name, stem, repeats, classes }: SqueezeNetDescription): Network {
  const operations: Operation[] = [];
  const layer = (list: Operation[], tensor: Tensor, module: string, options: ConvolutionOptions) =>
    activation(list, convolution(list, tensor, module, { ...options, bias: true }), "relu");
  let tensor = layer(operations, image, "features.0", {
    outputChannels: stem.channels,
    kernel: stem.kernel,
    stride: 2,
    padding: "none",
  });
  // The first convolution's ReLU is a module, too.
  let module = 2;
  let block = 0;
  for (const repeat of repeats) {
    tensor = pool(operations, tensor, `features.${module++}`, { mode: "max", kernel: 3, stride: 2, ceilMode: true });
    for (let index = 0; index < repeat; index++) {
      const fire = `features.${module++}`;
      const channels = SQUEEZED[block++];
      const squeezed = layer(operations, tensor, `${fire}.squeeze`, { outputChannels: channels, kernel: 1 });
      const expanded = ([1, 3] as const).map((kernel) =>
        layer(operations, squeezed, `${fire}.expand${kernel}x${kernel}`, { outputChannels: 4 * channels, kernel })
      );
      tensor = concatenate(operations, expanded, fire);
    }
  }
  const classify = (list: Operation[]) =>
    layer(list, tensor, "classifier.1", { outputChannels: classes, kernel: 1 }).name;
  const cells: Operation[] = [];
  const whole: Operation[] = [];
  const dense = { operations: cells, output: classify(cells) };
  whole.push({ type: "globalAveragePool", input: classify(whole), output: "logits" });
  return finishWithHeads({
    name,
    operations,
    features: tensor,
    dense,
    pooled: { operations: whole, output: "logits" },
    classifier: classifierLayer("classifier.1", tensor.channels, classes),
    initialisation: "squeezenet",
  });
}

/** The members that torchvision has. */
export const squeezenets: Family = familyOf<Omit<SqueezeNetDescription, "name" | "classes">>({
  squeezenet1_0: { stem: { channels: 96, kernel: 7 }, repeats: [3, 4, 1] },
  squeezenet1_1: { stem: { channels: 64, kernel: 3 }, repeats: [2, 2, 4] },
}, buildSqueezeNet);
