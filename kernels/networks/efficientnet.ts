/**
 * EfficientNet and EfficientNet-Lite.
 *
 * A stem, stages of mobile inverted bottlenecks (expand 1x1, depthwise k x k, squeeze-and-excitation, project 1x1; a
 * residual where the shape stays), and a 1x1 head. Larger members multiply the widths and the repeats of B0 (compound
 * scaling). Lite has no squeeze-and-excitation, ReLU6 instead of SiLU, and leaves stem, head and the repeats of the first
 * and last stage alone. The `tf_` variants carry weights trained in TensorFlow: "SAME" padding and batch norm's
 * epsilon 1e-3.
 *
 * Sources: Tan and Le, "EfficientNet", 2019 (arXiv:1905.11946), table 1 and section 3.3; Xie et al., "Noisy Student",
 * 2020, table 7 for L2; the EfficientNet-Lite release notes of TensorFlow's TPU models.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { makeDivisible, roundHalfToEven } from "./channels.ts";
import {
  activation,
  add,
  batchNorm,
  convolution,
  finish,
  image,
  type PaddingRule,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";

/** A run of equal blocks; only the first is strided. */
export interface EfficientNetStage {
  /** A depthwise-separable block has no expansion. */
  readonly block: "depthwiseSeparable" | "invertedResidual";
  readonly repeats: number;
  readonly kernel: number;
  readonly stride: number;
  /** Width of the block's inside over its input; 1 in a depthwise-separable block. */
  readonly expansion: number;
  readonly channels: number;
  /** Channels of the squeeze over those of the block's input; 0 for none. */
  readonly squeezeExcitation: number;
}

/** What a member of the family is. */
export interface EfficientNetDescription {
  readonly name: string;
  readonly stemChannels: number;
  readonly stages: readonly EfficientNetStage[];
  readonly headChannels: number;
  readonly activation: ActivationFunction;
  readonly padding: PaddingRule;
  /** Batch norm's epsilon. */
  readonly epsilon: number;
  readonly classes: number;
}

const b0Stages: readonly EfficientNetStage[] = [
  stage("depthwiseSeparable", 1, 3, 1, 1, 16),
  stage("invertedResidual", 2, 3, 2, 6, 24),
  stage("invertedResidual", 2, 5, 2, 6, 40),
  stage("invertedResidual", 3, 3, 2, 6, 80),
  stage("invertedResidual", 3, 5, 1, 6, 112),
  stage("invertedResidual", 4, 5, 2, 6, 192),
  stage("invertedResidual", 1, 3, 1, 6, 320),
];

function stage(
  block: EfficientNetStage["block"],
  repeats: number,
  kernel: number,
  stride: number,
  expansion: number,
  channels: number,
): EfficientNetStage {
  return { block, repeats, kernel, stride, expansion, channels, squeezeExcitation: 0.25 };
}

/** How much wider and deeper than B0 a member is, and where its weights come from. */
interface EfficientNetScale {
  readonly name: string;
  readonly width: number;
  readonly depth: number;
  /** Whether it was trained in TensorFlow. */
  readonly tensorflow: boolean;
  readonly classes: number;
}

/** Describes a member of EfficientNet B0 to L2 for {@linkcode buildEfficientNet}. */
function describeEfficientNet(scale: EfficientNetScale): EfficientNetDescription {
  return {
    name: scale.name,
    stemChannels: makeDivisible(32 * scale.width, 8),
    stages: b0Stages.map((stage) => ({
      ...stage,
      channels: makeDivisible(stage.channels * scale.width, 8),
      repeats: Math.ceil(stage.repeats * scale.depth),
    })),
    headChannels: makeDivisible(1280 * scale.width, 8),
    activation: "silu",
    ...origin(scale.tensorflow),
    classes: scale.classes,
  };
}

/** Describes a member of EfficientNet-Lite0 to 4. */
function describeLite(scale: EfficientNetScale): EfficientNetDescription {
  return {
    name: scale.name,
    stemChannels: 32,
    stages: b0Stages.map((stage, index) => ({
      ...stage,
      channels: makeDivisible(stage.channels * scale.width, 8),
      repeats: index === 0 || index === b0Stages.length - 1 ? stage.repeats : Math.ceil(stage.repeats * scale.depth),
      squeezeExcitation: 0,
    })),
    headChannels: 1280,
    activation: "relu6",
    ...origin(scale.tensorflow),
    classes: scale.classes,
  };
}

function origin(tensorflow: boolean): { padding: PaddingRule; epsilon: number } {
  return tensorflow ? { padding: "same", epsilon: 1e-3 } : { padding: "symmetric", epsilon: 1e-5 };
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildEfficientNet(description: EfficientNetDescription): Network {
  const { epsilon, padding } = description;
  const operations: Operation[] = [];
  let tensor = convolution(operations, image, "conv_stem", {
    outputChannels: description.stemChannels,
    kernel: 3,
    stride: 2,
    padding,
  });
  tensor = activation(operations, batchNorm(operations, tensor, "bn1", epsilon), description.activation);
  const blocks = description.stages.reduce((sum, { repeats }) => sum + repeats, 0);
  let block = 0;
  description.stages.forEach((stage, stageIndex) => {
    for (let index = 0; index < stage.repeats; index++) {
      const first = index === 0 ? stage : { ...stage, stride: 1 };
      const place = { name: `blocks.${stageIndex}.${index}`, dropPath: block++ / blocks };
      tensor = mobileBlock(operations, tensor, place, first, description);
    }
  });
  tensor = convolution(operations, tensor, "conv_head", { outputChannels: description.headChannels, kernel: 1 });
  tensor = activation(operations, batchNorm(operations, tensor, "bn2", epsilon), description.activation);
  return finish(
    description.name,
    operations,
    tensor,
    { name: "classifier", classes: description.classes },
    "efficientnet",
  );
}

/** Width and depth of each member of EfficientNet, over B0's. */
const SCALES: Readonly<Record<string, readonly [width: number, depth: number]>> = {
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

const LITE_SCALES: typeof SCALES = {
  lite0: [1.0, 1.0],
  lite1: [1.0, 1.1],
  lite2: [1.1, 1.2],
  lite3: [1.2, 1.4],
  lite4: [1.4, 1.8],
};

/** B0 to B8 and L2, and Lite0 to 4, with timm's weights and with TensorFlow's. */
export const efficientnets: Family = Object.assign(
  {},
  ...[false, true].flatMap((tensorflow) => {
    const members = (scales: typeof SCALES) =>
      Object.fromEntries(
        Object.entries(scales).map(([member, [width, depth]]) => [
          `${tensorflow ? "tf_" : ""}efficientnet_${member}`,
          { width, depth, tensorflow },
        ]),
      );
    return [
      familyOf(members(SCALES), (member) => buildEfficientNet(describeEfficientNet(member))),
      familyOf(members(LITE_SCALES), (member) => buildEfficientNet(describeLite(member))),
    ];
  }),
);

/** Depthwise-separable block or inverted residual: the former lacks the expansion and numbers its norms from there. */
function mobileBlock(
  operations: Operation[],
  input: Tensor,
  { name, dropPath }: { name: string; dropPath: number },
  stage: EfficientNetStage,
  description: EfficientNetDescription,
): Tensor {
  const { epsilon, padding } = description;
  const expands = stage.block === "invertedResidual";
  let norms = 0;
  const norm = (tensor: Tensor) => batchNorm(operations, tensor, `${name}.bn${++norms}`, epsilon);
  let tensor = input;
  if (expands) {
    const outputChannels = makeDivisible(input.channels * stage.expansion, 8);
    tensor = norm(convolution(operations, tensor, `${name}.conv_pw`, { outputChannels, kernel: 1 }));
    tensor = activation(operations, tensor, description.activation);
  }
  tensor = convolution(operations, tensor, `${name}.conv_dw`, {
    outputChannels: tensor.channels,
    kernel: stage.kernel,
    stride: stage.stride,
    groups: tensor.channels,
    padding,
  });
  tensor = activation(operations, norm(tensor), description.activation);
  if (stage.squeezeExcitation > 0) {
    tensor = squeezeExcitation(operations, tensor, `${name}.se`, {
      reduce: "conv_reduce",
      expand: "conv_expand",
      reducedChannels: roundHalfToEven(tensor.channels * (stage.squeezeExcitation / stage.expansion)),
      activation: description.activation,
    });
  }
  const project = expands ? `${name}.conv_pwl` : `${name}.conv_pw`;
  tensor = norm(convolution(operations, tensor, project, { outputChannels: stage.channels, kernel: 1 }));
  const keepsShape = stage.stride === 1 && input.channels === stage.channels;
  return keepsShape ? add(operations, tensor, input, name, dropPath) : tensor;
}
