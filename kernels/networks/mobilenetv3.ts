/**
 * MobileNetV3, MobileNetV4, LCNet, FBNetV3 and HardCoRe-NAS.
 *
 * Stem and stages are those of EfficientNet; the last 1x1 convolution comes after the average pool, in a label map in each
 * cell. In V3 it has a bias and an activation, in V4 a batch norm. Squeeze-and-excitation has hard sigmoids as gates. The
 * `tf_` variants carry weights trained in TensorFlow.
 *
 * Sources: Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244), tables 1 and 2; Qin et al., "MobileNetV4",
 * 2024 (arXiv:2404.10518); Cui et al., "PP-LCNet", 2021; Dai et al., "FBNetV3", 2020; Nayman et al., "HardCoRe-NAS", 2021;
 * timm 1.0.31, `mobilenetv3.py` and `hardcorenas.py`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";
import { makeDivisible } from "./channels.ts";
import { trainedIn } from "./efficientnet.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  averagePooledHeads,
  batchNorm,
  classifierLayer,
  convolution,
  finishWithHeads,
  linear,
} from "./layers.ts";
import { type MobileSqueeze, type MobileTrunk, mobileTrunk } from "./mobile_blocks.ts";
import { type MobileScale, mobileStages } from "./mobile_notation.ts";

/** What a member of the family is. */
export interface MobileNetV3Description extends MobileTrunk {
  readonly name: string;
  /** For each stage the runs of its blocks, in the notation of `mobile_notation.ts`. */
  readonly stages: readonly (readonly string[])[];
  readonly scale?: MobileScale;
  /** Channels of the convolution after the pooling, and what follows it beside the activation. */
  readonly headChannels: number;
  readonly head: "bias" | "batchNorm" | "plain";
  readonly classes: number;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildMobileNetV3(description: MobileNetV3Description): Network {
  const { headChannels, head, classes } = description;
  const operations: Operation[] = [];
  const features = mobileTrunk(operations, mobileStages(description.stages, description.scale), description);
  return finishWithHeads({
    name: description.name,
    operations,
    features,
    ...averagePooledHeads(features, (layers, input) => {
      let tensor = convolution(layers, input, "conv_head", {
        outputChannels: headChannels,
        kernel: 1,
        bias: head === "bias",
      });
      if (head === "batchNorm") tensor = batchNorm(layers, tensor, "norm_head", description.epsilon);
      tensor = activation(layers, tensor, description.activation);
      return linear(layers, tensor, "classifier", { outputChannels: classes, output: "logits" });
    }),
    classifier: classifierLayer("classifier", headChannels, classes),
    initialisation: "efficientnet",
  });
}

type Member = Omit<MobileNetV3Description, "name" | "classes">;

const hardSqueeze: MobileSqueeze = { of: "inside", activation: "relu", gate: "hardSigmoid", leastWidth: 0.9 };

const largeStages = [
  ["ds_r1_k3_s1_e1_c16_nre"],
  ["ir_r1_k3_s2_e4_c24_nre", "ir_r1_k3_s1_e3_c24_nre"],
  ["ir_r3_k5_s2_e3_c40_se0.25_nre"],
  ["ir_r1_k3_s2_e6_c80", "ir_r1_k3_s1_e2.5_c80", "ir_r2_k3_s1_e2.3_c80"],
  ["ir_r2_k3_s1_e6_c112_se0.25"],
  ["ir_r3_k5_s2_e6_c160_se0.25"],
  ["cn_r1_k1_s1_c960"],
];

const smallStages = [
  ["ds_r1_k3_s2_e1_c16_se0.25_nre"],
  ["ir_r1_k3_s2_e4.5_c24_nre", "ir_r1_k3_s1_e3.67_c24_nre"],
  ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r2_k5_s1_e6_c40_se0.25"],
  ["ir_r2_k5_s1_e3_c48_se0.25"],
  ["ir_r3_k5_s2_e6_c96_se0.25"],
  ["cn_r1_k1_s1_c576"],
];

/** Without squeeze-and-excitation and with kernels of 3 x 3. */
const minimal = (stages: readonly string[][]) =>
  stages.map((runs) => runs.map((run) => run.replace("_se0.25", "").replace("_k5", "_k3").replace("_nre", "")));

/** V3 of so many times the width; that of the stem is 16. */
function v3(stages: readonly string[][], width: number, variation: Partial<Member> = {}): Member {
  return {
    stages,
    scale: { width },
    stemChannels: makeDivisible(16 * width, 8),
    headChannels: stages.length === 7 ? 1280 : 1024,
    head: "bias",
    activation: "hardSwish",
    squeeze: hardSqueeze,
    ...trainedIn(false),
    ...variation,
  };
}

function lcNet(width: number): Member {
  return v3(
    [
      ["dsa_r1_k3_s1_c32"],
      ["dsa_r2_k3_s2_c64"],
      ["dsa_r2_k3_s2_c128"],
      ["dsa_r1_k3_s2_c256", "dsa_r1_k5_s1_c256"],
      ["dsa_r4_k5_s1_c256"],
      ["dsa_r2_k5_s2_c512_se0.25"],
    ],
    width,
    { headChannels: 1280, squeeze: { of: "inside", activation: "relu", gate: "hardSigmoid" } },
  );
}

function fbNet(stemChannels: number, stages: readonly string[][]): Member {
  const leastWidth = 0.95;
  return v3(stages, 1, {
    stemChannels,
    scale: { leastWidth },
    headChannels: 1984,
    head: "plain",
    squeeze: { gate: "hardSigmoid", leastWidth },
  });
}

/** HardCoRe-NAS, whose first and last stage are V3's. */
function hardCoReNas(stages: readonly string[][]): Member {
  return v3([largeStages[0], ...stages, largeStages[6]], 1, { stemChannels: 32 });
}

function v4(stemChannels: number, stages: readonly string[][], variation: Partial<Member> = {}): Member {
  return {
    stages,
    stemChannels,
    headChannels: 1280,
    head: "batchNorm",
    activation: "relu",
    ...trainedIn(false),
    ...variation,
  };
}

const v4SmallStages = [
  ["cn_r1_k3_s2_e1_c32", "cn_r1_k1_s1_e1_c32"],
  ["cn_r1_k3_s2_e1_c96", "cn_r1_k1_s1_e1_c64"],
  ["uir_r1_a5_k5_s2_e3_c96", "uir_r4_a0_k3_s1_e2_c96", "uir_r1_a3_k0_s1_e4_c96"],
  [
    "uir_r1_a3_k3_s2_e6_c128",
    "uir_r1_a5_k5_s1_e4_c128",
    "uir_r1_a0_k5_s1_e4_c128",
    "uir_r1_a0_k5_s1_e3_c128",
    "uir_r2_a0_k3_s1_e4_c128",
  ],
  ["cn_r1_k1_s1_c960"],
];

const v4MediumStages = [
  ["er_r1_k3_s2_e4_c48"],
  ["uir_r1_a3_k5_s2_e4_c80", "uir_r1_a3_k3_s1_e2_c80"],
  [
    "uir_r1_a3_k5_s2_e6_c160",
    "uir_r2_a3_k3_s1_e4_c160",
    "uir_r1_a3_k5_s1_e4_c160",
    "uir_r1_a3_k3_s1_e4_c160",
    "uir_r1_a3_k0_s1_e4_c160",
    "uir_r1_a0_k0_s1_e2_c160",
    "uir_r1_a3_k0_s1_e4_c160",
  ],
  [
    "uir_r1_a5_k5_s2_e6_c256",
    "uir_r1_a5_k5_s1_e4_c256",
    "uir_r2_a3_k5_s1_e4_c256",
    "uir_r1_a0_k0_s1_e4_c256",
    "uir_r1_a3_k0_s1_e4_c256",
    "uir_r1_a3_k5_s1_e2_c256",
    "uir_r1_a5_k5_s1_e4_c256",
    "uir_r2_a0_k0_s1_e4_c256",
    "uir_r1_a5_k0_s1_e2_c256",
  ],
  ["cn_r1_k1_s1_c960"],
];

const v4LargeStages = [
  ["er_r1_k3_s2_e4_c48"],
  ["uir_r1_a3_k5_s2_e4_c96", "uir_r1_a3_k3_s1_e4_c96"],
  [
    "uir_r1_a3_k5_s2_e4_c192",
    "uir_r3_a3_k3_s1_e4_c192",
    "uir_r1_a3_k5_s1_e4_c192",
    "uir_r5_a5_k3_s1_e4_c192",
    "uir_r1_a3_k0_s1_e4_c192",
  ],
  [
    "uir_r4_a5_k5_s2_e4_c512",
    "uir_r1_a5_k0_s1_e4_c512",
    "uir_r1_a5_k3_s1_e4_c512",
    "uir_r2_a5_k0_s1_e4_c512",
    "uir_r1_a5_k3_s1_e4_c512",
    "uir_r1_a5_k5_s1_e4_c512",
    "uir_r3_a5_k0_s1_e4_c512",
  ],
  ["cn_r1_k1_s1_c960"],
];

const v4HybridMediumStages = [["er_r1_k3_s2_e4_c48"], ["uir_r1_a3_k5_s2_e4_c80", "uir_r1_a3_k3_s1_e2_c80"], [
  "uir_r1_a3_k5_s2_e6_c160",
  "uir_r1_a0_k0_s1_e2_c160",
  "uir_r1_a3_k3_s1_e4_c160",
  "uir_r1_a3_k5_s1_e4_c160",
  "mqa_r1_k3_h4_s1_v2_d64_c160",
  "uir_r1_a3_k3_s1_e4_c160",
  "mqa_r1_k3_h4_s1_v2_d64_c160",
  "uir_r1_a3_k0_s1_e4_c160",
  "mqa_r1_k3_h4_s1_v2_d64_c160",
  "uir_r1_a3_k3_s1_e4_c160",
  "mqa_r1_k3_h4_s1_v2_d64_c160",
  "uir_r1_a3_k0_s1_e4_c160",
], [
  "uir_r1_a5_k5_s2_e6_c256",
  "uir_r1_a5_k5_s1_e4_c256",
  "uir_r2_a3_k5_s1_e4_c256",
  "uir_r1_a0_k0_s1_e2_c256",
  "uir_r1_a3_k5_s1_e2_c256",
  "uir_r1_a0_k0_s1_e2_c256",
  "uir_r1_a0_k0_s1_e4_c256",
  "mqa_r1_k3_h4_s1_d64_c256",
  "uir_r1_a3_k0_s1_e4_c256",
  "mqa_r1_k3_h4_s1_d64_c256",
  "uir_r1_a5_k5_s1_e4_c256",
  "mqa_r1_k3_h4_s1_d64_c256",
  "uir_r1_a5_k0_s1_e4_c256",
  "mqa_r1_k3_h4_s1_d64_c256",
  "uir_r1_a5_k0_s1_e4_c256",
], ["cn_r1_k1_s1_c960"]];

const v4HybridLargeStages = [["er_r1_k3_s2_e4_c48"], ["uir_r1_a3_k5_s2_e4_c96", "uir_r1_a3_k3_s1_e4_c96"], [
  "uir_r1_a3_k5_s2_e4_c192",
  "uir_r3_a3_k3_s1_e4_c192",
  "uir_r1_a3_k5_s1_e4_c192",
  "uir_r2_a5_k3_s1_e4_c192",
  "mqa_r1_k3_h8_s1_v2_d48_c192",
  "uir_r1_a5_k3_s1_e4_c192",
  "mqa_r1_k3_h8_s1_v2_d48_c192",
  "uir_r1_a5_k3_s1_e4_c192",
  "mqa_r1_k3_h8_s1_v2_d48_c192",
  "uir_r1_a5_k3_s1_e4_c192",
  "mqa_r1_k3_h8_s1_v2_d48_c192",
  "uir_r1_a3_k0_s1_e4_c192",
], [
  "uir_r4_a5_k5_s2_e4_c512",
  "uir_r1_a5_k0_s1_e4_c512",
  "uir_r1_a5_k3_s1_e4_c512",
  "uir_r2_a5_k0_s1_e4_c512",
  "uir_r1_a5_k3_s1_e4_c512",
  "uir_r1_a5_k5_s1_e4_c512",
  "mqa_r1_k3_h8_s1_d64_c512",
  "uir_r1_a5_k0_s1_e4_c512",
  "mqa_r1_k3_h8_s1_d64_c512",
  "uir_r1_a5_k0_s1_e4_c512",
  "mqa_r1_k3_h8_s1_d64_c512",
  "uir_r1_a5_k0_s1_e4_c512",
  "mqa_r1_k3_h8_s1_d64_c512",
  "uir_r1_a5_k0_s1_e4_c512",
], ["cn_r1_k1_s1_c960"]];

const hybrid = { layerScale: 1e-5 } as const;

/** The members that timm has weights of. */
export const mobilenetsV3: Family = familyOf({
  mobilenetv3_small_050: v3(smallStages, 0.5, { stemChannels: 16 }),
  mobilenetv3_small_075: v3(smallStages, 0.75),
  mobilenetv3_small_100: v3(smallStages, 1),
  mobilenetv3_large_100: v3(largeStages, 1),
  mobilenetv3_large_150d: v3(largeStages, 1.5, { scale: { width: 1.5, depth: 1.2 } }),
  mobilenetv3_rw: v3([["ds_r1_k3_s1_e1_c16_nre_noskip"], ...largeStages.slice(1)], 1, {
    head: "plain",
    epsilon: 1e-3,
    squeeze: { of: "inside", gate: "hardSigmoid" },
  }),
  tf_mobilenetv3_small_075: v3(smallStages, 0.75, trainedIn(true)),
  tf_mobilenetv3_small_100: v3(smallStages, 1, trainedIn(true)),
  tf_mobilenetv3_small_minimal_100: v3(minimal(smallStages), 1, { activation: "relu", ...trainedIn(true) }),
  tf_mobilenetv3_large_075: v3(largeStages, 0.75, trainedIn(true)),
  tf_mobilenetv3_large_100: v3(largeStages, 1, trainedIn(true)),
  tf_mobilenetv3_large_minimal_100: v3(minimal(largeStages), 1, { activation: "relu", ...trainedIn(true) }),
  lcnet_050: lcNet(0.5),
  lcnet_075: lcNet(0.75),
  lcnet_100: lcNet(1),
  fbnetv3_b: fbNet(16, [
    ["ds_r2_k3_s1_e1_c16"],
    ["ir_r1_k5_s2_e4_c24", "ir_r3_k5_s1_e2_c24"],
    ["ir_r1_k5_s2_e5_c40_se0.25", "ir_r4_k5_s1_e3_c40_se0.25"],
    ["ir_r1_k5_s2_e5_c72", "ir_r4_k3_s1_e3_c72"],
    ["ir_r1_k3_s1_e5_c120_se0.25", "ir_r5_k5_s1_e3_c120_se0.25"],
    ["ir_r1_k3_s2_e6_c184_se0.25", "ir_r5_k5_s1_e4_c184_se0.25", "ir_r1_k5_s1_e6_c224_se0.25"],
    ["cn_r1_k1_s1_c1344"],
  ]),
  fbnetv3_d: fbNet(24, [
    ["ds_r2_k3_s1_e1_c16"],
    ["ir_r1_k3_s2_e5_c24", "ir_r5_k3_s1_e2_c24"],
    ["ir_r1_k5_s2_e4_c40_se0.25", "ir_r4_k3_s1_e3_c40_se0.25"],
    ["ir_r1_k3_s2_e5_c72", "ir_r4_k3_s1_e3_c72"],
    ["ir_r1_k3_s1_e5_c128_se0.25", "ir_r6_k5_s1_e3_c128_se0.25"],
    ["ir_r1_k3_s2_e6_c208_se0.25", "ir_r5_k5_s1_e5_c208_se0.25", "ir_r1_k5_s1_e6_c240_se0.25"],
    ["cn_r1_k1_s1_c1440"],
  ]),
  fbnetv3_g: fbNet(32, [
    ["ds_r3_k3_s1_e1_c24"],
    ["ir_r1_k5_s2_e4_c40", "ir_r4_k5_s1_e2_c40"],
    ["ir_r1_k5_s2_e4_c56_se0.25", "ir_r4_k5_s1_e3_c56_se0.25"],
    ["ir_r1_k5_s2_e5_c104", "ir_r4_k3_s1_e3_c104"],
    ["ir_r1_k3_s1_e5_c160_se0.25", "ir_r8_k5_s1_e3_c160_se0.25"],
    ["ir_r1_k3_s2_e6_c264_se0.25", "ir_r6_k5_s1_e5_c264_se0.25", "ir_r2_k5_s1_e6_c288_se0.25"],
    ["cn_r1_k1_s1_c1728"],
  ]),
  hardcorenas_a: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e6_c40_nre_se0.25"],
    ["ir_r1_k5_s2_e6_c80_se0.25", "ir_r1_k5_s1_e6_c80_se0.25"],
    ["ir_r1_k5_s1_e6_c112_se0.25", "ir_r1_k5_s1_e6_c112_se0.25"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25"],
  ]),
  hardcorenas_b: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25", "ir_r1_k3_s1_e3_c24_nre"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre"],
    ["ir_r1_k5_s2_e3_c80", "ir_r1_k5_s1_e3_c80", "ir_r1_k3_s1_e3_c80", "ir_r1_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25", "ir_r1_k3_s1_e3_c192_se0.25"],
  ]),
  hardcorenas_c: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre", "ir_r1_k5_s1_e3_c40_nre"],
    ["ir_r1_k5_s2_e4_c80", "ir_r1_k5_s1_e6_c80_se0.25", "ir_r1_k3_s1_e3_c80", "ir_r1_k3_s1_e3_c80"],
    ["ir_r1_k5_s1_e6_c112_se0.25", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112", "ir_r1_k3_s1_e3_c112"],
    ["ir_r1_k5_s2_e6_c192_se0.25", "ir_r1_k5_s1_e6_c192_se0.25", "ir_r1_k3_s1_e3_c192_se0.25"],
  ]),
  hardcorenas_d: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e3_c40_nre_se0.25", "ir_r1_k5_s1_e4_c40_nre_se0.25", "ir_r1_k3_s1_e3_c40_nre_se0.25"],
    [
      "ir_r1_k5_s2_e4_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
    ],
    [
      "ir_r1_k3_s1_e4_c112_se0.25",
      "ir_r1_k5_s1_e4_c112_se0.25",
      "ir_r1_k3_s1_e3_c112_se0.25",
      "ir_r1_k5_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ]),
  hardcorenas_e: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    [
      "ir_r1_k5_s2_e6_c40_nre_se0.25",
      "ir_r1_k5_s1_e4_c40_nre_se0.25",
      "ir_r1_k5_s1_e4_c40_nre_se0.25",
      "ir_r1_k3_s1_e3_c40_nre_se0.25",
    ],
    ["ir_r1_k5_s2_e4_c80_se0.25", "ir_r1_k3_s1_e6_c80_se0.25"],
    [
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ]),
  hardcorenas_f: hardCoReNas([
    ["ir_r1_k5_s2_e3_c24_nre_se0.25", "ir_r1_k5_s1_e3_c24_nre_se0.25"],
    ["ir_r1_k5_s2_e6_c40_nre_se0.25", "ir_r1_k5_s1_e6_c40_nre_se0.25"],
    [
      "ir_r1_k5_s2_e6_c80_se0.25",
      "ir_r1_k5_s1_e6_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
      "ir_r1_k3_s1_e3_c80_se0.25",
    ],
    [
      "ir_r1_k3_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k5_s1_e6_c112_se0.25",
      "ir_r1_k3_s1_e3_c112_se0.25",
    ],
    [
      "ir_r1_k5_s2_e6_c192_se0.25",
      "ir_r1_k5_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
      "ir_r1_k3_s1_e6_c192_se0.25",
    ],
  ]),
  mobilenetv4_conv_small_050: v4(32, v4SmallStages, { scale: { width: 0.5 } }),
  mobilenetv4_conv_small: v4(32, v4SmallStages),
  mobilenetv4_conv_medium: v4(32, v4MediumStages),
  mobilenetv4_conv_blur_medium: v4(32, v4MediumStages, { antiAliasing: "zeroPaddedBlur" }),
  mobilenetv4_conv_large: v4(24, v4LargeStages),
  mobilenetv4_conv_aa_large: v4(24, v4LargeStages, { antiAliasing: "average" }),
  mobilenetv4_hybrid_medium: v4(32, v4HybridMediumStages, hybrid),
  mobilenetv4_hybrid_large: v4(24, v4HybridLargeStages, { ...hybrid, activation: "gelu" }),
}, buildMobileNetV3);
