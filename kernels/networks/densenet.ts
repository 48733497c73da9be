/**
 * DenseNet.
 *
 * In a dense block each layer reads the outputs of all before it, side by side, and adds `growth` channels: norm, ReLU, 1x1
 * convolution to four times as many, norm, ReLU, 3x3 convolution. Between blocks a 1x1 convolution halves the channels, and a
 * mean the image. `d` has a stem of three convolutions, `blur` a blur behind the stem's pool.
 *
 * Source: Huang et al., "Densely Connected Convolutional Networks", 2017 (arXiv:1608.06993), table 1; timm 1.0.31,
 * `densenet.py`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  antiAliased,
  type AntiAliasing,
  batchNorm,
  convolution,
  finish,
  image,
  pool,
  type Tensor,
} from "./layers.ts";
import { concatenate } from "./token_layers.ts";

/** What a member of the family is. */
export interface DenseNetDescription {
  readonly name: string;
  /** Channels that a layer adds. */
  readonly growth: number;
  /** Layers of each block. */
  readonly repeats: readonly number[];
  /** Whether the stem is three 3x3 convolutions. */
  readonly deepStem?: boolean;
  /** What has the stride of the stem's pool; if left out, it has it itself. */
  readonly antiAliasing?: AntiAliasing;
  readonly classes: number;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildDenseNet(description: DenseNetDescription): Network {
  const { name, growth, repeats, classes } = description;
  const operations: Operation[] = [];
  const norm = (tensor: Tensor, module: string) =>
    activation(operations, batchNorm(operations, tensor, `features.${module}`, 1e-5), "relu");
  let tensor = stem(operations, norm, description);
  repeats.forEach((repeat, block) => {
    const outputs = [tensor];
    for (let index = 0; index < repeat; index++) {
      const module = `denseblock${block + 1}.denselayer${index + 1}`;
      const input = index === 0 ? tensor : concatenate(operations, outputs, `features.${module}.inputs`);
      const reduced = convolution(operations, norm(input, `${module}.norm1`), `features.${module}.conv1`, {
        outputChannels: 4 * growth,
        kernel: 1,
      });
      const added = convolution(operations, norm(reduced, `${module}.norm2`), `features.${module}.conv2`, {
        outputChannels: growth,
        kernel: 3,
      });
      outputs.push(added);
    }
    tensor = concatenate(operations, outputs, `features.denseblock${block + 1}`);
    if (block === repeats.length - 1) return;
    const module = `transition${block + 1}`;
    tensor = convolution(operations, norm(tensor, `${module}.norm`), `features.${module}.conv`, {
      outputChannels: Math.floor(tensor.channels / 2),
      kernel: 1,
    });
    tensor = pool(operations, tensor, `features.${module}.pool`, { mode: "average", kernel: 2, stride: 2 });
  });
  return finish(name, operations, norm(tensor, "norm5"), { name: "classifier", classes }, "densenet");
}

function stem(
  operations: Operation[],
  norm: (tensor: Tensor, module: string) => Tensor,
  { growth, deepStem, antiAliasing }: DenseNetDescription,
): Tensor {
  const layer = (tensor: Tensor, index: number, options: Parameters<typeof convolution>[3]) =>
    norm(convolution(operations, tensor, `features.conv${index}`, options), `norm${index}`);
  let tensor;
  if (deepStem) {
    tensor = layer(image, 0, { outputChannels: growth, kernel: 3, stride: 2 });
    tensor = layer(tensor, 1, { outputChannels: growth, kernel: 3 });
    tensor = layer(tensor, 2, { outputChannels: 2 * growth, kernel: 3 });
  } else {
    tensor = layer(image, 0, { outputChannels: 2 * growth, kernel: 7, stride: 2 });
  }
  const window = { mode: "max", kernel: 3, padding: 1 } as const;
  if (!antiAliasing) return pool(operations, tensor, "features.pool0", { ...window, stride: 2 });
  tensor = pool(operations, tensor, "features.pool0.0", { ...window, stride: 1 });
  return antiAliased(operations, tensor, "features.pool0.1", 2, antiAliasing);
}

/** The members that timm has weights of. */
export const densenets: Family = familyOf<Omit<DenseNetDescription, "name" | "classes">>({
  densenet121: { growth: 32, repeats: [6, 12, 24, 16] },
  densenet161: { growth: 48, repeats: [6, 12, 36, 24] },
  densenet169: { growth: 32, repeats: [6, 12, 32, 32] },
  densenet201: { growth: 32, repeats: [6, 12, 48, 32] },
  densenetblur121d: { growth: 32, repeats: [6, 12, 24, 16], deepStem: true, antiAliasing: "blur" },
}, buildDenseNet);
