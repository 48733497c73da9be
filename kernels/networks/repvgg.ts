/**
 * RepVGG and MobileOne: each layer is a sum of branches, convolutions of one shape, one of 1x1, and a batch norm of the input
 * where its shape stays. What is published are the branches, as they were trained; here they are computed as they are.
 *
 * RepVGG's layers are of 3x3, of which every second one is grouped in `g4`. MobileOne's alternate between depthwise ones of
 * 3x3 and ones of 1x1, with one branch of the full side or several.
 *
 * Sources: Ding et al., "RepVGG", 2021 (arXiv:2101.03697), table 2; Vasu et al., "MobileOne", 2023 (arXiv:2206.04040), table 2;
 * timm 1.0.31, `RepVggBlock` and `MobileOneBlock`, whose names these are.
 *
 * @module
 */

import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  batchNorm,
  convNormAct,
  type ConvolutionOptions,
  finish,
  image,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";

/** What a member of the family is. */
export interface RepVggDescription {
  readonly name: string;
  readonly kind: "repvgg" | "mobileone";
  readonly stemChannels: number;
  /** Layers of each stage, pairs of them in MobileOne. */
  readonly depths: readonly number[];
  /** Channels of each stage. */
  readonly channels: readonly number[];
  /** Groups of every second layer of a stage of RepVGG; default 1. */
  readonly groups?: number;
  /** Branches of the full side, but for the stem's one; default 1. */
  readonly branches?: number;
  /** Squeeze-and-excitation: in the last pairs of each stage of MobileOne, as many as said; in all layers of RepVGG. */
  readonly excited?: readonly number[] | "all";
  readonly classes: number;
}

/** A layer of branches. */
interface Branches extends ConvolutionOptions {
  /** The squeezed channels, where there is squeeze-and-excitation. */
  readonly reducedChannels?: number;
  readonly dropPath: number;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildRepVgg(description: RepVggDescription): Network {
  const { name, kind, stemChannels, depths, channels, groups = 1, excited = [], classes } = description;
  const operations: Operation[] = [];
  const isExcited = (stage: number, index: number) =>
    excited !== "all" && index >= depths[stage] - (excited[stage] ?? 0);
  const reduced = (outputChannels: number) =>
    excited === "all" ? { reducedChannels: makeDivisible(outputChannels / 16, 1, 0) } : {};
  let tensor = layer(operations, image, "stem", { ...description, branches: 1 }, {
    outputChannels: stemChannels,
    kernel: 3,
    stride: 2,
    dropPath: 0,
    ...reduced(stemChannels),
  });
  const perIndex = kind === "repvgg" ? 1 : 2;
  const last = perIndex * depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let block = 0;
  depths.forEach((depth, stage) => {
    for (let index = 0; index < depth; index++) {
      const outputChannels = channels[stage];
      const stride = index === 0 ? 2 : 1;
      if (kind === "repvgg") {
        tensor = layer(operations, tensor, `stages.${stage}.${index}`, description, {
          outputChannels,
          kernel: 3,
          stride,
          groups: index % 2 === 1 ? groups : 1,
          dropPath: block++ / last,
          ...reduced(outputChannels),
        });
        continue;
      }
      const squeeze = (of: number) => isExcited(stage, index) ? { reducedChannels: makeDivisible(of / 16, 8, 0) } : {};
      tensor = layer(operations, tensor, `stages.${stage}.${2 * index}`, description, {
        outputChannels: tensor.channels,
        kernel: 3,
        stride,
        groups: tensor.channels,
        dropPath: block++ / last,
        ...squeeze(tensor.channels),
      });
      tensor = layer(operations, tensor, `stages.${stage}.${2 * index + 1}`, description, {
        outputChannels,
        kernel: 1,
        dropPath: block++ / last,
        ...squeeze(outputChannels),
      });
    }
  });
  return finish(name, operations, tensor, { name: "head.fc", classes }, "vgg");
}

function layer(
  operations: Operation[],
  input: Tensor,
  name: string,
  { kind, branches = 1 }: RepVggDescription,
  { reducedChannels, dropPath, ...options }: Branches,
): Tensor {
  const branch = (part: string, kernel = options.kernel) =>
    convNormAct(operations, input, `${name}.${part}`, { ...options, kernel });
  const parts = kind === "repvgg" ? [branch("conv_1x1", 1), branch("conv_kxk")] : [
    ...(options.kernel > 1 ? [branch("conv_scale", 1)] : []),
    ...Array.from({ length: branches }, (_, index) => branch(`conv_kxk.${index}`)),
  ];
  let tensor = parts.reduce((sum, part, index) => add(operations, part, sum, `${name}.sum${index}`, 0));
  if (input.channels === options.outputChannels && (options.stride ?? 1) === 1) {
    const identity = batchNorm(operations, input, `${name}.identity`, 1e-5);
    tensor = add(operations, tensor, identity, `${name}.sum`, dropPath);
  }
  if (reducedChannels !== undefined) {
    tensor = squeezeExcitation(operations, tensor, `${name}.attn`, {
      reduce: "fc1",
      expand: "fc2",
      reducedChannels,
      activation: "relu",
    });
  }
  return activation(operations, tensor, "relu");
}

type Member = Omit<RepVggDescription, "name" | "classes">;

function repvgg(depths: readonly number[], widths: readonly number[], more: Partial<Member> = {}): Member {
  const channels = widths.map((width, stage) => 64 * 2 ** stage * width);
  return { kind: "repvgg", stemChannels: Math.min(64, channels[0]), depths, channels, ...more };
}
function mobileOne(widths: readonly number[], more: Partial<Member> = {}): Member {
  return { ...repvgg([2, 8, 10, 1], widths), kind: "mobileone", ...more };
}
const A = [2, 4, 14, 1];
const B = [4, 6, 16, 1];

/** The members that timm has. */
export const repvggs: Family = familyOf<Member>({
  repvgg_a0: repvgg(A, [0.75, 0.75, 0.75, 2.5]),
  repvgg_a1: repvgg(A, [1, 1, 1, 2.5]),
  repvgg_a2: repvgg(A, [1.5, 1.5, 1.5, 2.75]),
  repvgg_b0: repvgg(B, [1, 1, 1, 2.5]),
  repvgg_b1: repvgg(B, [2, 2, 2, 4]),
  repvgg_b1g4: repvgg(B, [2, 2, 2, 4], { groups: 4 }),
  repvgg_b2: repvgg(B, [2.5, 2.5, 2.5, 5]),
  repvgg_b2g4: repvgg(B, [2.5, 2.5, 2.5, 5], { groups: 4 }),
  repvgg_b3: repvgg(B, [3, 3, 3, 5]),
  repvgg_b3g4: repvgg(B, [3, 3, 3, 5], { groups: 4 }),
  repvgg_d2se: repvgg([8, 14, 24, 1], [2.5, 2.5, 2.5, 5], { excited: "all" }),
  mobileone_s0: mobileOne([0.75, 1, 1, 2], { branches: 4 }),
  mobileone_s1: mobileOne([1.5, 1.5, 2, 2.5]),
  mobileone_s2: mobileOne([1.5, 2, 2.5, 4]),
  mobileone_s3: mobileOne([2, 2.5, 3, 4]),
  mobileone_s4: mobileOne([3, 3.5, 3.5, 4], { excited: [0, 0, 5, 1] }),
}, buildRepVgg);
