/**
 * MobileNetV1, MobileNetV2, MnasNet and others with a convolution before the pooling, built as EfficientNet.
 *
 * Sources: Howard et al., "MobileNets", 2017; Sandler et al., "MobileNetV2", 2018; Tan et al., "MnasNet", 2019; Wu et al.,
 * "FBNet", 2019; Stamoulis et al., "Single-Path NAS", 2019; timm 1.0.31, `efficientnet.py`.
 *
 * @module
 */

import { makeDivisible } from "./channels.ts";
import { buildEfficientNet, type EfficientNetMember, trainedIn } from "./efficientnet.ts";
import { type Family, familyOf } from "./family.ts";

const v1Stages = [
  ["dsa_r1_k3_s1_c64"],
  ["dsa_r2_k3_s2_c128"],
  ["dsa_r2_k3_s2_c256"],
  ["dsa_r6_k3_s2_c512"],
  ["dsa_r2_k3_s2_c1024"],
];

const v2Stages = [
  ["ds_r1_k3_s1_c16"],
  ["ir_r2_k3_s2_e6_c24"],
  ["ir_r3_k3_s2_e6_c32"],
  ["ir_r4_k3_s2_e6_c64"],
  ["ir_r3_k3_s1_e6_c96"],
  ["ir_r3_k3_s2_e6_c160"],
  ["ir_r1_k3_s1_e6_c320"],
];

const semnasnetStages = [
  ["ds_r1_k3_s1_e1_c16_noskip"],
  ["ir_r2_k3_s2_e6_c24"],
  ["ir_r3_k5_s2_e3_c40_se0.25"],
  ["ir_r4_k3_s2_e6_c80"],
  ["ir_r2_k3_s1_e6_c112_se0.25"],
  ["ir_r3_k5_s2_e6_c160_se0.25"],
  ["ir_r1_k3_s1_e6_c320"],
];

/** A member of so many times the width, whose stem is as wide. */
function wide(
  width: number,
  stages: readonly string[][],
  variation: Partial<EfficientNetMember> = {},
): EfficientNetMember {
  return {
    stemChannels: makeDivisible(32 * width, 8),
    stages,
    scale: { width },
    headChannels: 1280,
    activation: "relu",
    ...trainedIn(false),
    ...variation,
  };
}

const v1 = { activation: "relu6", headChannels: 0 } as const;
const v2 = { activation: "relu6" } as const;

/** The deep ones, whose stem and ends stay as they are. */
const v2Deep = (width: number, depth: number) =>
  wide(width, v2Stages, { ...v2, stemChannels: 32, scale: { width, depth, fixedEnds: true } });

/** The members that timm has weights of. */
export const mobilenets: Family = familyOf({
  mobilenetv1_100: wide(1, v1Stages, v1),
  mobilenetv1_100h: wide(1, v1Stages, { ...v1, headChannels: 1024 }),
  mobilenetv1_125: wide(1.25, v1Stages, v1),
  mobilenetv2_050: wide(0.5, v2Stages, v2),
  mobilenetv2_100: wide(1, v2Stages, v2),
  mobilenetv2_110d: v2Deep(1.1, 1.2),
  mobilenetv2_120d: v2Deep(1.2, 1.4),
  mobilenetv2_140: wide(1.4, v2Stages, { ...v2, headChannels: 1792 }),
  mnasnet_100: wide(1, [
    ["ds_r1_k3_s1_c16_noskip"],
    ["ir_r3_k3_s2_e3_c24"],
    ["ir_r3_k5_s2_e3_c40"],
    ["ir_r3_k5_s2_e6_c80"],
    ["ir_r2_k3_s1_e6_c96"],
    ["ir_r4_k5_s2_e6_c192"],
    ["ir_r1_k3_s1_e6_c320_noskip"],
  ]),
  mnasnet_small: wide(1, [
    ["ds_r1_k3_s1_c8"],
    ["ir_r1_k3_s2_e3_c16"],
    ["ir_r2_k3_s2_e6_c16"],
    ["ir_r4_k5_s2_e6_c32_se0.25"],
    ["ir_r3_k3_s1_e6_c32_se0.25"],
    ["ir_r3_k5_s2_e6_c88_se0.25"],
    ["ir_r1_k3_s1_e6_c144"],
  ], { stemChannels: 8 }),
  semnasnet_075: wide(0.75, semnasnetStages),
  semnasnet_100: wide(1, semnasnetStages),
  spnasnet_100: wide(1, [
    ["ds_r1_k3_s1_c16_noskip"],
    ["ir_r3_k3_s2_e3_c24"],
    ["ir_r1_k5_s2_e6_c40", "ir_r3_k3_s1_e3_c40"],
    ["ir_r1_k5_s2_e6_c80", "ir_r3_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e6_c96", "ir_r3_k5_s1_e3_c96"],
    ["ir_r4_k5_s2_e6_c192"],
    ["ir_r1_k3_s1_e6_c320_noskip"],
  ]),
  fbnetc_100: wide(1, [
    ["ir_r1_k3_s1_e1_c16"],
    ["ir_r1_k3_s2_e6_c24", "ir_r2_k3_s1_e1_c24"],
    ["ir_r1_k5_s2_e6_c32", "ir_r1_k5_s1_e3_c32", "ir_r1_k5_s1_e6_c32", "ir_r1_k3_s1_e6_c32"],
    ["ir_r1_k5_s2_e6_c64", "ir_r1_k5_s1_e3_c64", "ir_r2_k5_s1_e6_c64"],
    ["ir_r3_k5_s1_e6_c112", "ir_r1_k5_s1_e3_c112"],
    ["ir_r4_k5_s2_e6_c184"],
    ["ir_r1_k3_s1_e6_c352"],
  ], { stemChannels: 16, headChannels: 1984 }),
  mobilenet_edgetpu_v2_m: wide(1, [
    ["cn_r1_k1_s1_c32"],
    ["er_r1_k3_s2_e8_c64", "er_r1_k3_s1_e4_gs64_c64"],
    ["er_r1_k3_s2_e8_c80", "er_r1_k3_s1_e4_gs64_c80", "er_r1_k3_s1_e4_c80", "er_r1_k3_s1_e4_gs64_c80"],
    ["er_r1_k3_s2_e8_c160", "ir_r3_k3_s1_e4_c160"],
    ["ir_r1_k3_s1_e8_c192", "ir_r3_k3_s1_e4_c192"],
    ["ir_r1_k3_s2_e8_c240", "ir_r3_k3_s1_e4_c240"],
    ["ir_r1_k3_s1_e8_c320"],
  ], { stemChannels: 64, stemKernel: 5, headChannels: 1344 }),
}, buildEfficientNet);
