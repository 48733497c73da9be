/**
 * Small members of families whose resolution falls from stage to stage, by the names of their fixtures in
 * `fixtures/generated`, whose script gives the same to timm.
 *
 * @module
 */

import { buildMetaFormer, type MetaFormerDescription } from "../../../kernels/networks/metaformer.ts";
import { buildMaxxViT, MAXXVIT_PARTS, type MaxxViTDescription } from "../../../kernels/networks/maxxvit.ts";
import { buildMambaOut } from "../../../kernels/networks/mambaout.ts";
import { buildNextViT } from "../../../kernels/networks/nextvit.ts";
import { buildSwin, type SwinDescription } from "../../../kernels/networks/swin_transformer.ts";
import { buildSwinV2 } from "../../../kernels/networks/swin_transformer_v2.ts";
import { buildVolo } from "../../../kernels/networks/volo.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import type { Network } from "../../../kernels/operations/network.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";

const classes = 8;

function metaformer(name: string, description: Partial<MetaFormerDescription>): () => Network {
  const mixers = ["pooling", "pooling", "pooling", "pooling"] as const;
  return () =>
    buildMetaFormer({ name, depths: [1, 2, 1, 1], channels: [8, 12, 16, 20], mixers, classes, ...description });
}

const swin: Omit<SwinDescription, "name"> = {
  ownSize: 64,
  channels: 16,
  depths: [2, 2, 2, 2],
  heads: [2, 2, 4, 4],
  windows: [4, 4, 4, 4],
  classes,
};

const {
  timmConvolution,
  timmTransformer,
  earlyCoAtNet,
  convNeXt,
  tensorflowConvolution,
  tensorflowTransformer,
  paperConvolution,
  paperTransformer,
} = MAXXVIT_PARTS;

function maxvit(name: string, description: Partial<MaxxViTDescription>): (size?: Pair) => Network {
  return (size) =>
    buildMaxxViT({
      name,
      ownSize: 64,
      stem: { channels: [8, 16], bias: false },
      channels: [32, 32, 64, 64],
      depths: [1, 1, 1, 1],
      blocks: new Array(4).fill(["windowAndGrid"]),
      convolution: timmConvolution,
      transformer: timmTransformer,
      classes,
      size,
      ...description,
    });
}

function coatnet(name: string, description: Partial<MaxxViTDescription>): (size?: Pair) => Network {
  return maxvit(name, {
    channels: [16, 32, 64, 64],
    depths: [1, 2, 2, 2],
    blocks: [["convolution"], ["convolution"], ["transformer"], ["transformer"]],
    convolution: earlyCoAtNet,
    ...description,
  });
}

const squeezeFirst = { squeeze: { ...earlyCoAtNet.squeeze, beforeNorm: true } };

/** How each network is built, at its own size or another. */
export const hierarchicalNetworks: Readonly<Record<string, (size?: Pair) => Network>> = {
  poolformer: metaformer("poolformer", { branchScale: 1e-5 }),
  poolformerv2: metaformer("poolformerv2", {}),
  convformer: metaformer("convformer", { mixers: new Array(4).fill("separableConvolution") }),
  caformer: metaformer("caformer", {
    channels: [8, 16, 32, 64],
    mixers: ["separableConvolution", "separableConvolution", "attention", "attention"],
  }),
  swin: (size) => buildSwin({ ...swin, name: "swin", size }),
  swin_s3: (size) => buildSwin({ ...swin, name: "swin_s3", depths: [1, 2, 2, 1], windows: [4, 4, 8, 4], size }),
  swinv2: (size) => buildSwinV2({ ...swin, name: "swinv2", size }),
  swinv2_larger: (size) =>
    buildSwinV2({
      ...swin,
      name: "swinv2_larger",
      depths: [1, 2, 2, 1],
      windows: [8, 8, 8, 8],
      pretrainedWindows: [6, 6, 6, 3],
      size,
    }),
  maxvit_tf: maxvit("maxvit_tf", {
    stem: { channels: [8, 16], bias: true },
    headChannels: 24,
    convolution: tensorflowConvolution,
    transformer: tensorflowTransformer,
  }),
  maxvit_rw: maxvit("maxvit_rw", {}),
  maxvit_rmlp: maxvit("maxvit_rmlp", { transformer: { ...timmTransformer, biasPerceptron: 16 } }),
  maxxvitv2: maxvit("maxxvitv2", {
    blocks: new Array(4).fill(["grid"]),
    convolution: convNeXt,
    transformer: { ...timmTransformer, biasPerceptron: 16, branchScale: 1e-6 },
  }),
  coatnet_rw: coatnet("coatnet_rw", {
    convolution: { ...earlyCoAtNet, ...squeezeFirst, strided: "pool" },
    transformer: { ...timmTransformer, shortcutBias: false },
  }),
  coatnet_bn: coatnet("coatnet_bn", { transformer: { ...timmTransformer, norm: "batch" } }),
  coatnet_rmlp: coatnet("coatnet_rmlp", {
    convolution: { ...earlyCoAtNet, strided: "pool", downsampling: "largest" },
    transformer: { ...timmTransformer, biasPerceptron: 16, branchScale: 1e-6, downsampling: "largest" },
  }),
  coatnet: coatnet("coatnet", {
    headChannels: 24,
    convolution: paperConvolution,
    transformer: paperTransformer,
  }),
  volo: (size) =>
    buildVolo({
      name: "volo",
      ownSize: 64,
      stemChannels: 8,
      depths: [1, 2, 1, 1],
      channels: [16, 32],
      heads: [2, 4],
      expansion: 3,
      classes,
      size,
    }),
  volo_wide: (size) =>
    buildVolo({
      name: "volo_wide",
      ownSize: 96,
      stemChannels: 16,
      depths: [2, 1, 1, 1],
      channels: [24, 48],
      heads: [2, 4],
      expansion: 4,
      classes,
      size,
    }),
  mambaout: () =>
    buildMambaOut({
      name: "mambaout",
      depths: [1, 2, 1, 1],
      channels: [8, 12, 16, 20],
      expansion: 8 / 3,
      convolved: 1,
      activation: "gelu",
      classes,
    }),
  test_mambaout: () => buildNetwork("test_mambaout", { classes }),
  nextvit: (size = [32, 32]) => buildNextViT({ name: "nextvit", depths: [1, 1, 5, 1], classes, size }),
};
