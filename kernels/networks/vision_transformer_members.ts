// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * The vision transformers of timm's `vision_transformer.py`, by its names.
 *
 * A name says width, patch, size, and what else: `clip` has a norm before the blocks and PyTorch's epsilon, `quickgelu`
 * CLIP's own activation, `gap` averages the patches, `reg4` has four registers in place of the class token, `siglip` an
 * attention pool, `rpn` norms after the branches; `mini` is for images of 64 pixels, and timm has it not. The widths of `so150m` and `so400m` are optimised for their shape.
 *
 * Sources: Steiner et al., "How to train your ViT?", 2022; Radford et al., "Learning Transferable Visual Models", 2021; Zhai
 * et al., "Sigmoid Loss for Language Image Pre-Training", 2023; Alabdulmohsin et al., "Getting ViT in Shape", 2023; Beyer
 * et al., "FlexiViT", 2023; Wang et al., "Image as a Foreign Language" (BEiT-3), 2023; Fang et al., "EVA", 2023.
 *
 * @module
 */

import { type Family, familyOf } from "./family.ts";
import { buildVisionTransformer, type VisionTransformerDescription } from "./vision_transformer.ts";

/** What a member is, without its name and what is asked of it. */
export type Member = Omit<VisionTransformerDescription, "name" | "classes" | "size">;

/** Widths that many members share. */
export const WIDTHS = {
  tiny: { channels: 192, heads: 3, hiddenChannels: 768, depth: 12 },
  small: { channels: 384, heads: 6, hiddenChannels: 1536, depth: 12 },
  medium: { channels: 512, heads: 8, hiddenChannels: 2048, depth: 12 },
  mediumd: { channels: 512, heads: 8, hiddenChannels: 2048, depth: 20 },
  betwixt: { channels: 640, heads: 10, hiddenChannels: 2560, depth: 12 },
  base: { channels: 768, heads: 12, hiddenChannels: 3072, depth: 12 },
  large: { channels: 1024, heads: 16, hiddenChannels: 4096, depth: 24 },
  huge: { channels: 1280, heads: 16, hiddenChannels: 5120, depth: 32 },
} as const;

/** Layer scales in modules of their own. */
export function scales(initial: number): Pick<Member, "layerScale"> {
  return { layerScale: { names: ["ls1.gamma", "ls2.gamma"], initial } };
}

/** An average of the patches in place of a class token, with so many registers. */
export function averaged(registers: number) {
  return {
    pooling: "average",
    prefix: registers > 0 ? [{ parameter: "reg_token", count: registers }] : [],
  } as const;
}

const little = { channels: 320, heads: 5, hiddenChannels: 1792, depth: 14 };
const wee = { channels: 256, heads: 4, hiddenChannels: 1280, depth: 14 };
const so150m = { channels: 896, heads: 14, hiddenChannels: 2304, depth: 18 };
const so150m2 = { channels: 832, heads: 13, hiddenChannels: 2176, depth: 21, ...scales(1e-5), projectionBias: false };
const so400m = { channels: 1152, heads: 16, hiddenChannels: 4304, depth: 27, patch: 14, ownSize: 378, prefix: [] };
const clip = { normBefore: true, epsilon: 1e-5 };
const quickClip = { ...clip, activation: "quickGelu" } as const;
const registers = (
  count: number,
) => ({ patch: 16, positions: "patches", ...scales(1e-5), ...averaged(count) } as const);
const beit3 = {
  patch: 16,
  ownSize: 224,
  attentionNorm: true,
  hiddenNorm: true,
  pooling: "average",
  epsilon: 1e-5,
} as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  vit_tiny_patch16_224: { ...WIDTHS.tiny, patch: 16, ownSize: 224 },
  vit_tiny_patch16_384: { ...WIDTHS.tiny, patch: 16, ownSize: 384 },
  vit_small_patch32_224: { ...WIDTHS.small, patch: 32, ownSize: 224 },
  vit_small_patch32_384: { ...WIDTHS.small, patch: 32, ownSize: 384 },
  vit_small_patch16_224: { ...WIDTHS.small, patch: 16, ownSize: 224 },
  vit_small_patch16_384: { ...WIDTHS.small, patch: 16, ownSize: 384 },
  vit_base_patch32_224: { ...WIDTHS.base, patch: 32, ownSize: 224 },
  vit_base_patch32_384: { ...WIDTHS.base, patch: 32, ownSize: 384 },
  vit_base_patch16_224: { ...WIDTHS.base, patch: 16, ownSize: 224 },
  vit_base_patch16_384: { ...WIDTHS.base, patch: 16, ownSize: 384 },
  vit_base_patch16_224_miil: { ...WIDTHS.base, patch: 16, ownSize: 224, projectionBias: false },
  vit_base_patch8_224: { ...WIDTHS.base, patch: 8, ownSize: 224 },
  vit_large_patch32_384: { ...WIDTHS.large, patch: 32, ownSize: 384 },
  vit_large_patch16_224: { ...WIDTHS.large, patch: 16, ownSize: 224 },
  vit_large_patch16_384: { ...WIDTHS.large, patch: 16, ownSize: 384 },

  vit_base_patch32_clip_224: { ...WIDTHS.base, ...clip, patch: 32, ownSize: 224 },
  vit_base_patch32_clip_384: { ...WIDTHS.base, ...clip, patch: 32, ownSize: 384 },
  vit_base_patch32_clip_448: { ...WIDTHS.base, ...clip, patch: 32, ownSize: 448 },
  vit_base_patch16_clip_224: { ...WIDTHS.base, ...clip, patch: 16, ownSize: 224 },
  vit_base_patch16_clip_384: { ...WIDTHS.base, ...clip, patch: 16, ownSize: 384 },
  vit_large_patch14_clip_224: { ...WIDTHS.large, ...clip, patch: 14, ownSize: 224 },
  vit_large_patch14_clip_336: { ...WIDTHS.large, ...clip, patch: 14, ownSize: 336 },
  vit_huge_patch14_clip_224: { ...WIDTHS.huge, ...clip, patch: 14, ownSize: 224 },
  vit_huge_patch14_clip_336: { ...WIDTHS.huge, ...clip, patch: 14, ownSize: 336 },
  vit_base_patch32_clip_quickgelu_224: { ...WIDTHS.base, ...quickClip, patch: 32, ownSize: 224 },
  vit_base_patch16_clip_quickgelu_224: { ...WIDTHS.base, ...quickClip, patch: 16, ownSize: 224 },
  vit_large_patch14_clip_quickgelu_224: { ...WIDTHS.large, ...quickClip, patch: 14, ownSize: 224 },
  vit_large_patch14_clip_quickgelu_336: { ...WIDTHS.large, ...quickClip, patch: 14, ownSize: 336 },
  vit_huge_patch14_clip_quickgelu_224: { ...WIDTHS.huge, ...quickClip, patch: 14, ownSize: 224 },
  vit_huge_patch14_clip_quickgelu_378: { ...WIDTHS.huge, ...quickClip, patch: 14, ownSize: 378 },

  eva_large_patch14_196: { ...WIDTHS.large, patch: 14, ownSize: 196, pooling: "average" },
  eva_large_patch14_336: { ...WIDTHS.large, patch: 14, ownSize: 336, pooling: "average" },
  beit3_base_patch16_224: { ...WIDTHS.base, ...beit3 },
  beit3_large_patch16_224: { ...WIDTHS.large, ...beit3 },
  flexivit_small: { ...WIDTHS.small, patch: 16, ownSize: 240, positions: "patches" },
  flexivit_base: { ...WIDTHS.base, patch: 16, ownSize: 240, positions: "patches" },
  flexivit_large: { ...WIDTHS.large, patch: 16, ownSize: 240, positions: "patches" },
  vit_base_patch16_rpn_224: {
    ...WIDTHS.base,
    ...averaged(0),
    ...scales(1e-5),
    patch: 16,
    ownSize: 224,
    projectionBias: false,
    order: "normLast",
  },

  ...Object.fromEntries([256, 384].map((ownSize) => [`vit_medium_patch16_gap_${ownSize}`, {
    ...WIDTHS.medium,
    ...averaged(0),
    ...scales(1e-6),
    patch: 16,
    ownSize,
    projectionBias: false,
    normAfterAverage: false,
  }])),
  vit_wee_patch16_reg1_gap_256: { ...wee, ...registers(1), ownSize: 256 },
  vit_pwee_patch16_reg1_gap_256: {
    ...wee,
    ...registers(1),
    depth: 16,
    ownSize: 256,
    order: "parallel",
    layerScale: { names: ["ls.gamma", "ls.gamma"], initial: 1e-5 },
  },
  vit_little_patch16_reg1_gap_256: { ...little, ...registers(1), ownSize: 256 },
  vit_little_patch16_reg4_gap_256: { ...little, ...registers(4), ownSize: 256 },
  vit_medium_patch16_reg1_gap_256: { ...WIDTHS.medium, ...registers(1), ownSize: 256 },
  vit_medium_patch16_reg4_gap_256: { ...WIDTHS.medium, ...registers(4), ownSize: 256 },
  vit_mediumd_patch16_reg4_gap_256: { ...WIDTHS.mediumd, ...registers(4), ownSize: 256 },
  vit_mediumd_patch16_reg4_gap_384: { ...WIDTHS.mediumd, ...registers(4), ownSize: 384 },
  vit_betwixt_patch16_reg1_gap_256: { ...WIDTHS.betwixt, ...registers(1), ownSize: 256 },
  vit_betwixt_patch16_reg4_gap_256: { ...WIDTHS.betwixt, ...registers(4), ownSize: 256 },
  vit_betwixt_patch16_reg4_gap_384: { ...WIDTHS.betwixt, ...registers(4), ownSize: 384 },

  vit_so150m_patch16_reg4_gap_256: { ...so150m, ...averaged(4), patch: 16, ownSize: 256, normAfterAverage: false },
  vit_so150m_patch16_reg4_gap_384: { ...so150m, ...averaged(4), patch: 16, ownSize: 384, normAfterAverage: false },
  vit_so150m2_patch16_reg1_gap_256: { ...so150m2, ...averaged(1), patch: 16, ownSize: 256 },
  vit_so150m2_patch16_reg1_gap_384: { ...so150m2, ...averaged(1), patch: 16, ownSize: 384 },
  vit_so150m2_patch16_reg1_gap_448: { ...so150m2, ...averaged(1), patch: 16, ownSize: 448 },
  vit_so400m_patch14_siglip_378: { ...so400m, pooling: "latent" },
  vit_so400m_patch14_siglip_gap_378: { ...so400m, pooling: "average", normAfterAverage: false },

  vit_mini_patch8_64: { channels: 64, heads: 2, hiddenChannels: 192, depth: 4, patch: 8, ownSize: 64 },
  test_vit: { channels: 64, heads: 2, hiddenChannels: 192, depth: 6, patch: 16, ownSize: 160 },
  test_vit2: {
    ...{ channels: 64, heads: 2, hiddenChannels: 192, depth: 8, patch: 16, ownSize: 160 },
    ...averaged(1),
    ...scales(1e-5),
  },
  test_vit3: {
    ...{ channels: 96, heads: 3, hiddenChannels: 192, depth: 9, patch: 16, ownSize: 160 },
    ...averaged(1),
    ...scales(1e-5),
    pooling: "latent",
    latentReadsPrefix: true,
  },
};

/** The members that have weights with a classifier, and CLIP's. */
export const visionTransformers: Family = familyOf(MEMBERS, buildVisionTransformer);
