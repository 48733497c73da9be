// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * DeiT: vision transformers trained on ImageNet alone.
 *
 * The distilled ones have a second token, trained to agree with a convolutional teacher, and a classifier of its own; the
 * mean of both classifiers' logits counts. DeiT III has layer scales, and no position for the class token.
 *
 * Sources: Touvron et al., "Training data-efficient image transformers", 2021; "DeiT III", 2022; timm's `deit.py`.
 *
 * @module
 */

import { type Family, familyOf } from "./family.ts";
import { buildVisionTransformer } from "./vision_transformer.ts";
import { type Member, scales, WIDTHS } from "./vision_transformer_members.ts";

const distilled = {
  prefix: [{ parameter: "cls_token", count: 1 }, {
    parameter: "dist_token",
    count: 1,
    initial: { truncatedNormal: 0.02 },
  }],
  classifiers: ["head", "head_dist"],
};
const third = { positions: "patches", ...scales(1e-6) } as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  deit_tiny_patch16_224: { ...WIDTHS.tiny, patch: 16, ownSize: 224 },
  deit_small_patch16_224: { ...WIDTHS.small, patch: 16, ownSize: 224 },
  deit_base_patch16_224: { ...WIDTHS.base, patch: 16, ownSize: 224 },
  deit_base_patch16_384: { ...WIDTHS.base, patch: 16, ownSize: 384 },
  deit_tiny_distilled_patch16_224: { ...WIDTHS.tiny, ...distilled, patch: 16, ownSize: 224 },
  deit_small_distilled_patch16_224: { ...WIDTHS.small, ...distilled, patch: 16, ownSize: 224 },
  deit_base_distilled_patch16_224: { ...WIDTHS.base, ...distilled, patch: 16, ownSize: 224 },
  deit_base_distilled_patch16_384: { ...WIDTHS.base, ...distilled, patch: 16, ownSize: 384 },
  deit3_small_patch16_224: { ...WIDTHS.small, ...third, patch: 16, ownSize: 224 },
  deit3_small_patch16_384: { ...WIDTHS.small, ...third, patch: 16, ownSize: 384 },
  deit3_medium_patch16_224: { ...WIDTHS.medium, ...third, patch: 16, ownSize: 224 },
  deit3_base_patch16_224: { ...WIDTHS.base, ...third, patch: 16, ownSize: 224 },
  deit3_base_patch16_384: { ...WIDTHS.base, ...third, patch: 16, ownSize: 384 },
  deit3_large_patch16_224: { ...WIDTHS.large, ...third, patch: 16, ownSize: 224 },
  deit3_large_patch16_384: { ...WIDTHS.large, ...third, patch: 16, ownSize: 384 },
  deit3_huge_patch14_224: { ...WIDTHS.huge, ...third, patch: 14, ownSize: 224 },
};

/** The members that timm has. */
export const deits: Family = familyOf(MEMBERS, buildVisionTransformer);
