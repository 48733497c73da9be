// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * BEiT and BEiT v2: vision transformers whose attention is biased by relative position, from a table per block.
 *
 * Queries and values have biases, keys none. The patches are averaged, then normalised. BEiT-3 is a vision transformer.
 *
 * Sources: Bao et al., "BEiT", 2022; Peng et al., "BEiT v2", 2022; timm's `beit.py`.
 *
 * @module
 */

import { type Family, familyOf } from "./family.ts";
import { biasTable } from "./relative_position.ts";
import { resampleBiasTable } from "./resample_bias_table.ts";
import { buildVisionTransformer, type RelativePosition } from "./vision_transformer.ts";
import { type Member, WIDTHS } from "./vision_transformer_members.ts";

function tableOf(block: string): string {
  return `${block}.attn.relative_position_bias_table`;
}

/** A learned table per block, with rows for the class token. */
export const tables: RelativePosition = {
  append: (operations, { module, grid, heads }) =>
    biasTable(operations, tableOf(module), { grid, heads, prefix: 1, initial: "zeros" }),
  resampled: (block, grid) => ({ [tableOf(block)]: (stored) => resampleBiasTable(stored, grid, 1) }),
};
const gammas = (initial: number) => ({ layerScale: { names: ["gamma_1", "gamma_2"] as const, initial } });
const common = {
  patch: 16,
  positions: "none",
  projections: "withoutKeyBias",
  pooling: "average",
  relativePosition: tables,
  initialisation: "eva",
} as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  beit_base_patch16_224: { ...WIDTHS.base, ...common, ...gammas(0.1), ownSize: 224 },
  beit_base_patch16_384: { ...WIDTHS.base, ...common, ...gammas(0.1), ownSize: 384 },
  beit_large_patch16_224: { ...WIDTHS.large, ...common, ...gammas(1e-5), ownSize: 224 },
  beit_large_patch16_384: { ...WIDTHS.large, ...common, ...gammas(1e-5), ownSize: 384 },
  beit_large_patch16_512: { ...WIDTHS.large, ...common, ...gammas(1e-5), ownSize: 512 },
  beitv2_base_patch16_224: { ...WIDTHS.base, ...common, ...gammas(1e-5), ownSize: 224 },
  beitv2_large_patch16_224: { ...WIDTHS.large, ...common, ...gammas(1e-5), ownSize: 224 },
};

/** The members that timm has. */
export const beits: Family = familyOf(MEMBERS, buildVisionTransformer);
