// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * EVA, EVA-02, and vision transformers with rotary position embeddings.
 *
 * EVA is a wide vision transformer whose keys have no bias. EVA-02 turns queries and keys by position, has a gated
 * perceptron, in the larger ones with a norm before its last layer, and averages the patches. The others keep the plain
 * perceptron; `ape` have learned embeddings beside, those with registers average.
 *
 * Angles count positions of the grid of 16 x 16 patches it was pretrained at, however many patches there are (`reference`),
 * or the positions themselves.
 *
 * Sources: Fang et al., "EVA", 2023, and "EVA-02", 2023; Heo et al., "Rotary Position Embedding for Vision Transformer", 2024,
 * section 3.2 (axial); timm's `eva.py`.
 *
 * @module
 */

import { rotaryTable } from "../operations/rotary/tables.ts";
import { type Family, familyOf } from "./family.ts";
import { buildVisionTransformer } from "./vision_transformer.ts";
import { averaged, type Member, WIDTHS } from "./vision_transformer_members.ts";

const gammas = { layerScale: { names: ["gamma_1", "gamma_2"] as const, initial: 1e-5 } };
/** Channels of a head, of all of them but EVA's. */
const headChannels = 64;

/**
 * Rotary embeddings whose angles grow along rows in one half of a head's channels, and along columns in the other.
 *
 * @param options Channels of a head, base of the angles, which axis comes first, and the grid whose positions count.
 * @returns What a description says of it.
 */
export function axialRotary(
  options: Omit<Parameters<typeof rotaryTable>[0], "grid">,
): Pick<Member, "rotaryOf"> {
  return {
    rotaryOf: (grid) => ({ rotation: "interleaved", table: () => rotaryTable({ ...options, grid }) }),
  };
}

const pretrained = axialRotary({ headChannels, reference: [16, 16] });
const byIndex = axialRotary({ headChannels, temperature: 100, indexing: "xy" });

const giant = {
  ...{ channels: 1408, heads: 16, hiddenChannels: 6144, depth: 40, patch: 14 },
  projections: "withoutKeyBias",
  pooling: "average",
} as const;
const second = { ...pretrained, patch: 14, pooling: "average" } as const;
const packed = { ...second, projections: "withoutKeyBias", perceptron: "gatedJoint", ownSize: 336 } as const;
const normed = { ...second, projections: "apart", perceptron: "gated", hiddenNorm: true, ownSize: 448 } as const;
const registers = (count: number) => ({
  ...pretrained,
  ...averaged(count),
  ...gammas,
  projections: "withoutKeyBias",
  positions: "none",
  patch: 16,
  ownSize: 256,
} as const);
const plain = { ...byIndex, ...gammas, positions: "none", patch: 16, ownSize: 224 } as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  eva_giant_patch14_224: { ...giant, ownSize: 224 },
  eva_giant_patch14_336: { ...giant, ownSize: 336 },
  eva_giant_patch14_560: { ...giant, ownSize: 560 },
  eva02_tiny_patch14_336: { ...WIDTHS.tiny, ...packed, hiddenChannels: 512 },
  eva02_small_patch14_336: { ...WIDTHS.small, ...packed, hiddenChannels: 1024 },
  eva02_base_patch14_448: { ...WIDTHS.base, ...normed, hiddenChannels: 2048 },
  eva02_large_patch14_448: { ...WIDTHS.large, ...normed, hiddenChannels: 2730 },
  vit_medium_patch16_rope_reg1_gap_256: { ...WIDTHS.medium, ...registers(1) },
  vit_mediumd_patch16_rope_reg1_gap_256: { ...WIDTHS.mediumd, ...registers(1), projectionBias: false },
  vit_betwixt_patch16_rope_reg4_gap_256: { ...WIDTHS.betwixt, ...registers(4) },
  vit_base_patch16_rope_reg1_gap_256: { ...WIDTHS.base, ...registers(1) },
  vit_small_patch16_rope_224: { ...WIDTHS.small, ...plain },
  vit_base_patch16_rope_224: { ...WIDTHS.base, ...plain },
  vit_large_patch16_rope_224: { ...WIDTHS.large, ...plain },
  vit_small_patch16_rope_ape_224: { ...WIDTHS.small, ...plain, positions: "patches" },
  vit_base_patch16_rope_ape_224: { ...WIDTHS.base, ...plain, positions: "patches" },
  vit_large_patch16_rope_ape_224: { ...WIDTHS.large, ...plain, positions: "patches" },
};

/** The members that have weights with a classifier, but for those whose angles are learned. */
export const evas: Family = familyOf(
  MEMBERS,
  (member) => buildVisionTransformer({ ...member, initialisation: "eva" }),
);
