/**
 * Members of families that timm has only large: those of `fixtures/formula_networks.py`.
 *
 * @module
 */

import {
  buildConvNeXt,
  buildDenseNet,
  buildEfficientNet,
  buildHgNet,
  buildMobileNetV3,
  buildRegNet,
  buildResNet,
  buildTResNet,
  buildVgg,
  type ConvNeXtDescription,
  type HgNetStage,
  type RegNetDescription,
  type ResNetDescription,
} from "../../../kernels/networks/mod.ts";
import type { Network } from "../../../kernels/operations/network.ts";

/** Classes of all networks of the fixture. */
export const classes = 6;

const small: Pick<ResNetDescription, "repeats" | "channels" | "classes"> = {
  repeats: [1, 1, 1, 1],
  channels: [8, 16, 16, 24],
  classes,
};
const grouped = { cardinality: 4, baseWidth: 32, squeezeExcitation: 1 / 16 };
const regnet: Omit<RegNetDescription, "name"> = {
  initialWidth: 16,
  slope: 16,
  multiplier: 2,
  depth: 8,
  groupWidth: 8,
  squeezeExcitation: 0.25,
  activation: "silu",
  classes,
};
const convnext: Omit<ConvNeXtDescription, "name"> = { depths: [1, 1, 2, 1], channels: [16, 24, 32, 48], classes };
const vgg = { repeats: [2, 1, 1, 1, 1], channels: [8, 8, 16, 16, 24], hiddenChannels: 40, classes };
const hgnetStages: readonly HgNetStage[] = [
  { innerChannels: 8, channels: 16, blocks: 1, layers: 2 },
  { innerChannels: 12, channels: 24, blocks: 1, layers: 2 },
  { innerChannels: 12, channels: 32, blocks: 2, layers: 2 },
  { innerChannels: 16, channels: 40, blocks: 1, layers: 2 },
];
const mobile = { stemChannels: 16, padding: "symmetric", epsilon: 1e-5, classes } as const;

/** The networks by the names in the fixture. */
export const formulaMembers: Readonly<Record<string, Network>> = {
  resnet_aa: buildResNet({
    ...small,
    ...grouped,
    name: "resnet_aa",
    block: "bottleneck",
    deepStem: [8, 8, 16],
    averageDown: true,
    antiAliasing: "average",
  }),
  resnet_blur: buildResNet({
    ...small,
    name: "resnet_blur",
    block: "basic",
    cardinality: 1,
    baseWidth: 64,
    antiAliasing: "blur",
    channelAttention: true,
  }),
  resnet_rs: buildResNet({
    ...small,
    name: "resnet_rs",
    block: "basic",
    cardinality: 1,
    baseWidth: 64,
    squeezeExcitation: 1 / 16,
    deepStem: [6, 8, 16],
    averageDown: true,
    replaceStemPool: true,
  }),
  senet: buildResNet({
    ...small,
    ...grouped,
    name: "senet",
    block: "bottleneck",
    deepStem: [8, 8, 16],
    downKernel: 3,
    reduceFirst: 2,
  }),
  regnet_z: buildRegNet({
    ...regnet,
    name: "regnet_z",
    expansion: 4,
    shortcut: "none",
    linearOutput: true,
    headChannels: 40,
  }),
  regnet_v: buildRegNet({ ...regnet, name: "regnet_v", shortcut: "average", preActivation: true }),
  efficientnet_x: buildEfficientNet({
    ...mobile,
    name: "efficientnet_x",
    stages: [["ds_r2_k3_s1_e1_c8_se0.25_d1"], ["er_r1_k3_s2_e4_c16_se0.25_nre"], ["ir_r2_k5_s2_e4_c24_se0.25"]],
    headChannels: 40,
    activation: "silu",
  }),
  mobilenet_edge: buildEfficientNet({
    ...mobile,
    name: "mobilenet_edge",
    stages: [
      ["cn_r1_k1_s1_c16"],
      ["er_r1_k3_s2_e4_c24_fc16", "er_r1_k3_s1_e4_gs32_c24"],
      ["ir_r2_k3_s2_e4_c40_noskip"],
    ],
    stemKernel: 5,
    headChannels: 0,
    activation: "relu",
  }),
  mobilenetv4_aa: buildMobileNetV3({
    ...mobile,
    name: "mobilenetv4_aa",
    stages: [
      ["er_r1_k3_s2_e4_c16"],
      ["uir_r1_a3_k5_s2_e4_c24", "uir_r1_a3_k0_s1_e4_c24", "uir_r1_a0_k0_s1_e2_c24"],
      ["uir_r1_a5_k0_s2_e4_c32", "uir_r1_a3_k5_s1_e2_c32"],
      ["cn_r1_k1_s1_c48"],
    ],
    headChannels: 64,
    head: "batchNorm",
    antiAliasing: "average",
    activation: "relu",
  }),
  mobilenetv4_hybrid: buildMobileNetV3({
    ...mobile,
    name: "mobilenetv4_hybrid",
    stages: [
      ["er_r1_k3_s2_e4_c16"],
      ["uir_r1_a3_k5_s2_e4_c24", "mqa_r1_k3_h4_s1_v2_d8_c24", "uir_r1_a3_k0_s1_e2_c24"],
      ["uir_r1_a5_k0_s2_e4_c32", "mqa_r1_k3_h2_s1_d16_c32", "uir_r1_a0_k0_s1_e2_c32"],
      ["cn_r1_k1_s1_c48"],
    ],
    headChannels: 64,
    head: "batchNorm",
    layerScale: 1e-5,
    activation: "relu",
  }),
  convnext_mlp: buildConvNeXt({ ...convnext, name: "convnext_mlp", headHiddenChannels: 40 }),
  convnext_hnf: buildConvNeXt({
    ...convnext,
    name: "convnext_hnf",
    convolutions: true,
    headNorm: "beforePool",
    stem: "overlap",
  }),
  convnextv2: buildConvNeXt({
    ...convnext,
    name: "convnextv2",
    convolutions: true,
    responseNorm: true,
    stem: "overlapTiered",
  }),
  vgg: buildVgg({ ...vgg, name: "vgg", batchNorm: false }),
  vgg_bn: buildVgg({ ...vgg, name: "vgg_bn", batchNorm: true }),
  densenet: buildDenseNet({ name: "densenet", growth: 8, repeats: [1, 2, 3, 2], classes }),
  densenet_blur: buildDenseNet({
    name: "densenet_blur",
    growth: 8,
    repeats: [2, 1, 1, 2],
    deepStem: true,
    antiAliasing: "blur",
    classes,
  }),
  tresnet: buildTResNet({ name: "tresnet", repeats: [1, 2, 1, 1], channels: 8, classes }),
  tresnet_v2: buildTResNet({ name: "tresnet_v2", repeats: [1, 1, 2, 1], channels: 8, v2: true, classes }),
  hgnet: buildHgNet({
    name: "hgnet",
    version: 1,
    stemChannels: [8, 8, 12],
    stages: hgnetStages,
    affine: false,
    classes,
  }),
  hgnetv2: buildHgNet({
    name: "hgnetv2",
    version: 2,
    stemChannels: [8, 12],
    stages: hgnetStages,
    affine: true,
    classes,
  }),
};
