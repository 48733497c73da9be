// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * Vision transformers whose attention is biased by a perceptron of the relative position, in place of embeddings.
 *
 * A distance d in rows or columns enters as sign(d) log(1 + |d|). The perceptron is each block's own, or one for all
 * (`srelpos`); `rpn` norms after the branches. A class token has no bias.
 *
 * Sources: Liu et al., "Swin Transformer V2", 2022, section 3.3, for the logarithm; timm's `vision_transformer_relpos.py`.
 *
 * @module
 */

import type { Operation } from "../operations/mod.ts";
import { type Family, familyOf } from "./family.ts";
import { biasPerceptron, type RelativeBias } from "./relative_position.ts";
import { type BiasedAttention, buildVisionTransformer, type RelativePosition } from "./vision_transformer.ts";
import { averaged, type Member, scales, WIDTHS } from "./vision_transformer_members.ts";

/**
 * A perceptron of the distances in rows and columns.
 *
 * @param hiddenChannels Channels between its two layers.
 * @param shared Whether one serves all blocks.
 * @returns What appends it.
 */
export function perceptronOfDistances(hiddenChannels: number, shared = false): RelativePosition {
  return {
    shared,
    append: (operations, attention) => {
      const { grid, heads, module } = attention;
      const name = shared ? "shared_rel_pos.mlp" : `${module}.attn.rel_pos.mlp`;
      const table = biasPerceptron(operations, name, {
        grid,
        heads,
        coordinate: (distance) => Math.sign(distance) * Math.log(1 + Math.abs(distance)),
        hiddenChannels,
        layers: ["fc1", "fc2"],
        bias: true,
        decays: true,
      });
      return withToken(operations, table.name, attention);
    },
  };
}

/** Adds rows of zeros for a class token, where there is one. */
function withToken(operations: Operation[], input: string, { grid, prefix }: BiasedAttention): RelativeBias {
  if (prefix === 0) return { table: input, grid, prefix: 0 };
  const rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + 3;
  const table = `${input}.with_token`;
  operations.push({ type: "windows", input, output: table, window: [1, rows], spacing: "block", direction: "split" });
  return { table, grid, prefix: 1 };
}

const common = { ...averaged(0), ...scales(1e-6), patch: 16, ownSize: 224, positions: "none" } as const;
const plain = { ...common, projectionBias: false, relativePosition: perceptronOfDistances(128) };
const withClassToken = { prefix: [{ parameter: "cls_token", count: 1 }] };
const normLast = {
  ...common,
  order: "normLast",
  relativePosition: perceptronOfDistances(128),
  normAfterAverage: false,
} as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  vit_relpos_small_patch16_224: { ...WIDTHS.small, ...plain },
  vit_relpos_medium_patch16_224: { ...WIDTHS.medium, ...plain },
  vit_relpos_base_patch16_224: { ...WIDTHS.base, ...plain },
  vit_relpos_base_patch16_clsgap_224: { ...WIDTHS.base, ...plain, ...withClassToken },
  vit_relpos_medium_patch16_cls_224: {
    ...WIDTHS.medium,
    ...plain,
    ...withClassToken,
    relativePosition: perceptronOfDistances(256),
    pooling: "token",
  },
  vit_relpos_medium_patch16_rpn_224: { ...WIDTHS.medium, ...normLast, projectionBias: false },
  vit_relpos_base_patch32_plus_rpn_256: {
    ...normLast,
    ...{ channels: 896, heads: 14, hiddenChannels: 3584, depth: 12, patch: 32, ownSize: 256 },
  },
  vit_srelpos_small_patch16_224: {
    ...WIDTHS.small,
    ...plain,
    relativePosition: perceptronOfDistances(384, true),
    normAfterAverage: false,
  },
  vit_srelpos_medium_patch16_224: {
    ...WIDTHS.medium,
    ...plain,
    relativePosition: perceptronOfDistances(512, true),
    normAfterAverage: false,
  },
};

/** The members that have weights with a classifier. */
export const relativeVisionTransformers: Family = familyOf(
  MEMBERS,
  (member) => buildVisionTransformer({ ...member, initialisation: "pytorch" }),
);
