/**
 * EfficientNet, EfficientNetV2 and the networks that timm builds alike.
 *
 * A stem, stages of mobile blocks and a 1x1 convolution before the pooling. Larger members of EfficientNet multiply the
 * widths and the repeats of B0 (compound scaling). Lite has no squeeze-and-excitation, ReLU6 instead of SiLU, and leaves
 * stem, head and the repeats of the first and last stage alone. V2 begins with fused inverted residuals. The `tf_`
 * variants carry weights trained in TensorFlow: "SAME" padding and batch norm's epsilon 1e-3.
 *
 * Sources: Tan and Le, "EfficientNet", 2019 (arXiv:1905.11946), table 1 and section 3.3; Xie et al., "Noisy Student",
 * 2020, table 7 for L2; the EfficientNet-Lite release notes of TensorFlow's TPU models; Tan and Le, "EfficientNetV2", 2021
 * (arXiv:2104.00298), table 4; Gupta and Akin, "Accelerator-aware Neural Network Design", 2020, for `es` to `el`; Li et
 * al., "Searching for Fast Model Families", 2021, for `x` and `h`; Han et al., "Model Rubik's Cube", 2020, for TinyNet;
 * timm 1.0.31, `efficientnet.py`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { makeDivisible } from "./channels.ts";
import { activation, batchNorm, convolution, finish, type PaddingRule } from "./layers.ts";
import { type MobileTrunk, mobileTrunk } from "./mobile_blocks.ts";
import { type MobileScale, mobileStages } from "./mobile_notation.ts";

/** What a member of the family is. */
export interface EfficientNetDescription extends MobileTrunk {
  readonly name: string;
  /** For each stage the runs of its blocks, in the notation of `mobile_notation.ts`. */
  readonly stages: readonly (readonly string[])[];
  readonly scale?: MobileScale;
  /** Channels of the convolution before the pooling; 0 for none. */
  readonly headChannels: number;
  readonly classes: number;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildEfficientNet(description: EfficientNetDescription): Network {
  const { headChannels, epsilon } = description;
  const operations: Operation[] = [];
  let tensor = mobileTrunk(operations, mobileStages(description.stages, description.scale), description);
  if (headChannels > 0) {
    tensor = convolution(operations, tensor, "conv_head", { outputChannels: headChannels, kernel: 1 });
    tensor = activation(operations, batchNorm(operations, tensor, "bn2", epsilon), description.activation);
  }
  return finish(
    description.name,
    operations,
    tensor,
    { name: "classifier", classes: description.classes },
    "efficientnet",
  );
}

/** A member without its name and classes. */
export type EfficientNetMember = Omit<EfficientNetDescription, "name" | "classes">;

/**
 * Padding and epsilon of weights that were trained in TensorFlow, or elsewhere.
 *
 * @param tensorflow Where they were trained.
 * @returns The part of a description.
 */
export function trainedIn(tensorflow: boolean): { padding: PaddingRule; epsilon: number } {
  return tensorflow ? { padding: "same", epsilon: 1e-3 } : { padding: "symmetric", epsilon: 1e-5 };
}

const b0Stages = [
  ["ds_r1_k3_s1_e1_c16_se0.25"],
  ["ir_r2_k3_s2_e6_c24_se0.25"],
  ["ir_r2_k5_s2_e6_c40_se0.25"],
  ["ir_r3_k3_s2_e6_c80_se0.25"],
  ["ir_r3_k5_s1_e6_c112_se0.25"],
  ["ir_r4_k5_s2_e6_c192_se0.25"],
  ["ir_r1_k3_s1_e6_c320_se0.25"],
];

/** `-x` and `-h`, which differ in the expansion of the first fused stages. */
const acceleratorStages = (expansion: number) => [
  ["ds_r1_k3_s1_e1_c16_se0.25_d1"],
  [`er_r2_k3_s2_e${expansion}_c24_se0.25_nre`],
  [`er_r2_k5_s2_e${expansion}_c40_se0.25_nre`],
  [`ir_r3_k3_s2_e${expansion}_c80_se0.25`],
  ...b0Stages.slice(4),
];

const edgeStages = [
  ["er_r1_k3_s1_e4_c24_fc24_noskip"],
  ["er_r2_k3_s2_e8_c32"],
  ["er_r4_k3_s2_e8_c48"],
  ["ir_r5_k5_s2_e8_c96"],
  ["ir_r4_k5_s1_e8_c144"],
  ["ir_r2_k5_s2_e8_c192"],
];

/** A member of compound scaling. */
function scaled(
  tensorflow: boolean,
  stages: EfficientNetDescription["stages"],
  [width, depth]: readonly [width: number, depth: number],
  variation: Partial<EfficientNetMember> = {},
): EfficientNetMember {
  return {
    stemChannels: makeDivisible(32 * width, 8),
    stages,
    scale: { width, depth },
    headChannels: makeDivisible(1280 * width, 8),
    activation: "silu",
    ...trainedIn(tensorflow),
    ...variation,
  };
}

function lite(tensorflow: boolean, [width, depth]: readonly [width: number, depth: number]): EfficientNetMember {
  return {
    stemChannels: 32,
    stages: b0Stages.map((runs) => runs.map((run) => run.replace("_se0.25", ""))),
    scale: { width, depth, fixedEnds: true },
    headChannels: 1280,
    activation: "relu6",
    ...trainedIn(tensorflow),
  };
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

const EDGE_SCALES: typeof SCALES = { es: [1.0, 1.0], em: [1.0, 1.1], el: [1.2, 1.4] };

/** V2's stages by its size, and how many channels the stem has. */
const V2_STAGES: Readonly<Record<string, readonly [stemChannels: number, stages: readonly string[][]]>> = {
  s: [24, [
    ["cn_r2_k3_s1_e1_c24_skip"],
    ["er_r4_k3_s2_e4_c48"],
    ["er_r4_k3_s2_e4_c64"],
    ["ir_r6_k3_s2_e4_c128_se0.25"],
    ["ir_r9_k3_s1_e6_c160_se0.25"],
    ["ir_r15_k3_s2_e6_c256_se0.25"],
  ]],
  m: [24, [
    ["cn_r3_k3_s1_e1_c24_skip"],
    ["er_r5_k3_s2_e4_c48"],
    ["er_r5_k3_s2_e4_c80"],
    ["ir_r7_k3_s2_e4_c160_se0.25"],
    ["ir_r14_k3_s1_e6_c176_se0.25"],
    ["ir_r18_k3_s2_e6_c304_se0.25"],
    ["ir_r5_k3_s1_e6_c512_se0.25"],
  ]],
  l: [32, [
    ["cn_r4_k3_s1_e1_c32_skip"],
    ["er_r7_k3_s2_e4_c64"],
    ["er_r7_k3_s2_e4_c96"],
    ["ir_r10_k3_s2_e4_c192_se0.25"],
    ["ir_r19_k3_s1_e6_c224_se0.25"],
    ["ir_r25_k3_s2_e6_c384_se0.25"],
    ["ir_r7_k3_s1_e6_c640_se0.25"],
  ]],
  xl: [32, [
    ["cn_r4_k3_s1_e1_c32_skip"],
    ["er_r8_k3_s2_e4_c64"],
    ["er_r8_k3_s2_e4_c96"],
    ["ir_r16_k3_s2_e4_c192_se0.25"],
    ["ir_r24_k3_s1_e6_c256_se0.25"],
    ["ir_r32_k3_s2_e6_c512_se0.25"],
    ["ir_r8_k3_s1_e6_c640_se0.25"],
  ]],
};

const v2BaseStages = [
  ["cn_r1_k3_s1_e1_c16_skip"],
  ["er_r2_k3_s2_e4_c32"],
  ["er_r2_k3_s2_e4_c48"],
  ["ir_r3_k3_s2_e4_c96_se0.25"],
  ["ir_r5_k3_s1_e6_c112_se0.25"],
  ["ir_r8_k3_s2_e6_c192_se0.25"],
];

/** timm's own V2, whose small one begins with fused blocks and ends wider. */
const rwStages = [
  ["er_r2_k3_s1_e1_c24"],
  ...V2_STAGES.s[1].slice(1, 5),
  ["ir_r15_k3_s2_e6_c272_se0.25"],
];

const v2 = { activation: "silu", ...trainedIn(false) } as const;

const tinyNet = (width: number, depth: number): EfficientNetMember => ({
  stemChannels: 32,
  stages: b0Stages,
  scale: { width, depth, depthRounding: "nearest" },
  headChannels: 1280,
  activation: "silu",
  ...trainedIn(false),
});

/** Members by name, those of both origins by the name without `tf_`. */
function members(tensorflow: boolean): Record<string, EfficientNetMember> {
  const prefix = tensorflow ? "tf_" : "";
  const entries = <T>(table: Readonly<Record<string, T>>, kind: string, member: (entry: T) => EfficientNetMember) =>
    Object.entries(table).map(([size, entry]) => [`${prefix}efficientnet${kind}_${size}`, member(entry)] as const);
  return Object.fromEntries([
    ...entries(SCALES, "", (scale) => scaled(tensorflow, b0Stages, scale)),
    ...entries(LITE_SCALES, "", (scale) => lite(tensorflow, scale)),
    ...entries(
      EDGE_SCALES,
      "",
      (scale) =>
        scaled(tensorflow, edgeStages, scale, { stemChannels: makeDivisible(32 * scale[0], 8), activation: "relu" }),
    ),
    ...entries(V2_STAGES, "v2", ([stemChannels, stages]) => ({
      stemChannels,
      stages,
      headChannels: 1280,
      activation: "silu",
      ...trainedIn(tensorflow),
    })),
  ]);
}

/** V2 of the widths and depths of B0 to B3, trained in TensorFlow. */
const v2Base = Object.fromEntries(
  Object.entries(SCALES).slice(0, 4).map(([size, [width, depth]]) => [
    `tf_efficientnetv2_${size}`,
    scaled(true, v2BaseStages, [width, depth], { scale: { width, depth, leastWidth: 0 } }),
  ]),
);

/** EfficientNet of all kinds, by timm's names. */
export const efficientnets: Family = familyOf({
  ...members(false),
  ...members(true),
  ...v2Base,
  efficientnetv2_rw_t: {
    ...v2,
    stemChannels: 24,
    stages: V2_STAGES.s[1],
    scale: { width: 0.8, depth: 0.9 },
    headChannels: 1024,
  },
  efficientnetv2_rw_s: { ...v2, stemChannels: 24, stages: rwStages, headChannels: 1792 },
  efficientnetv2_rw_m: {
    ...v2,
    stemChannels: 32,
    stages: rwStages,
    scale: { width: 1.2, depth: [1.2, 1.2, 1.2, 1.2, 1.6, 1.6] },
    headChannels: 2152,
  },
  efficientnet_x_b5: scaled(false, acceleratorStages(6), [1.6, 2.2]),
  efficientnet_h_b5: scaled(false, acceleratorStages(4), [1.92, 2.2]),
  tinynet_a: tinyNet(1.0, 1.2),
  tinynet_b: tinyNet(0.75, 1.1),
  tinynet_c: tinyNet(0.54, 0.85),
  tinynet_d: tinyNet(0.54, 0.695),
  tinynet_e: tinyNet(0.51, 0.6),
  test_efficientnet: {
    ...v2,
    stemChannels: 24,
    stages: [
      ["cn_r1_k3_s1_e1_c16_skip"],
      ["er_r1_k3_s2_e4_c24"],
      ["er_r1_k3_s2_e4_c32"],
      ["ir_r1_k3_s2_e4_c48_se0.25"],
      ["ir_r1_k3_s2_e4_c64_se0.25"],
    ],
    scale: { leastWidth: 0 },
    headChannels: 256,
  },
}, buildEfficientNet);
