/**
 * Vision transformers: patches of an image become tokens, to which a class token and registers may be added, and blocks of
 * attention and perceptron follow.
 *
 * Positions are learned and added to the tokens (`"all"` or only `"patches"`), or turn queries and keys, or bias the
 * attention. Learned embeddings and tables of another grid are resampled to that of `size`.
 *
 * Sources: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021; Darcet et al., "Vision Transformers Need Registers",
 * 2024; timm's `VisionTransformer`, `Eva` and `Beit`.
 *
 * @module
 */

import type { Operation } from "../operations/mod.ts";
import type { Network } from "../operations/network.ts";
import type { Tokens as LearnedTokens } from "../operations/prefix_tokens/rule.ts";
import type { Pair } from "../operations/shared/window.ts";
import type { NetworkOptions } from "./family.ts";
import { classifierLayer, finishWithHeads, image, type Tensor } from "./layers.ts";
import type { RelativeBias } from "./relative_position.ts";
import { resamplePositionEmbedding } from "./resample_position_embedding.ts";
import { averageHeads, classTokenHeads, latentHeads, type Tokens } from "./token_heads.ts";
import { layerNorm } from "./token_layers.ts";
import { type Mixing, type TransformerBlock, transformerBlock } from "./transformer_block.ts";

/** What every member says of its blocks. */
type Width = Pick<TransformerBlock, "channels" | "heads" | "hiddenChannels">;

/** What a member of the family is. Of its blocks it says what is not as in the first vision transformers. */
export interface VisionTransformerDescription
  extends NetworkOptions, Width, Partial<Omit<TransformerBlock, keyof Width | "rotary">> {
  readonly name: string;
  /** Side of the input it is made for. */
  readonly ownSize: number;
  /** Side of the patches. */
  readonly patch: number;
  readonly depth: number;
  /** Tokens before those of the patches; default: a class token. */
  readonly prefix?: readonly LearnedTokens[];
  /** Which tokens have a learned position embedding; default `"all"`. */
  readonly positions?: "all" | "patches" | "none";
  /** Whether a norm stands before the blocks, in place of the patches' bias; default false. */
  readonly normBefore?: boolean;
  /** Rotary position embeddings of a grid. */
  readonly rotaryOf?: (grid: Pair) => Omit<NonNullable<TransformerBlock["rotary"]>, "prefix">;
  /** The bias of attention by relative position. */
  readonly relativePosition?: RelativePosition;
  /** What the classifier reads; default `"token"`. */
  readonly pooling?: "token" | "average" | "latent";
  /** Whether an average is taken before the norm; default true. */
  readonly normAfterAverage?: boolean;
  /** Whether an attention pool reads the tokens before the patches, too; default false. */
  readonly latentReadsPrefix?: boolean;
  /** Names of the classifiers; default `["head"]`. */
  readonly classifiers?: readonly string[];
  /** By whose rule parameters are drawn to begin training with; default `"transformer"`. */
  readonly initialisation?: "transformer" | "eva" | "pytorch";
}

/** What a bias by relative position is for. */
export interface BiasedAttention {
  /** Module of the block, or of the network where the bias is shared. */
  readonly module: string;
  readonly heads: number;
  readonly grid: Pair;
  /** Number of tokens before the patches. */
  readonly prefix: number;
}

/** A bias of attention by relative position. */
export interface RelativePosition {
  /** Appends a block's bias. */
  append(operations: Operation[], attention: BiasedAttention): RelativeBias;
  /** Whether it is appended once, for all blocks. */
  readonly shared?: boolean;
  /** How a block's parameters of another grid become this one's. */
  resampled?(block: string, grid: Pair): NonNullable<Network["resampled"]>;
}

/** What stands for the last attention where cells are labelled by the classifier of a class token. */
export const DEFAULT_MIXING: Mixing = "classToken";

const classToken = [{ parameter: "cls_token", count: 1 }];

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 */
export function buildVisionTransformer(description: VisionTransformerDescription): Network {
  const { name, classes, ownSize, size = [ownSize, ownSize], patch, depth, channels } = description;
  const { pooling = "token", classifiers = ["head"], relativePosition, cells = DEFAULT_MIXING } = description;
  const { prefix: prefixTokens = classToken } = description;
  const grid: Pair = [Math.floor(size[0] / patch), Math.floor(size[1] / patch)];
  const prefix = prefixTokens.reduce((sum, { count }) => sum + count, 0);
  const block = blockOf(description, grid, prefix);
  const { epsilon } = block;
  const trunk: Operation[] = [];
  let tokens = embed(trunk, description, { grid, prefix, epsilon });
  const biased = { heads: block.heads, grid, prefix };
  const sharedBias = relativePosition?.shared ? relativePosition.append(trunk, { module: "", ...biased }) : undefined;
  const append = (operations: Operation[], input: Tensor, index: number, mixing?: Mixing) => {
    const module = `blocks.${index}`;
    const place = {
      name: module,
      dropPath: depth > 1 ? index / (depth - 1) : 0,
      ...(relativePosition
        ? { bias: (list: Operation[]) => sharedBias ?? relativePosition.append(list, { module, ...biased }) }
        : {}),
    };
    return transformerBlock(operations, input, place, block, mixing);
  };
  // Where cells have a last block of their own, the trunk ends before it.
  const hasTwoEnds = pooling === "token" && cells !== "attention";
  const length = hasTwoEnds ? depth - 1 : depth;
  for (let index = 0; index < length; index++) tokens = append(trunk, tokens, index);

  const end: Tokens = { tensor: tokens, prefix, grid };
  const classifier = { layers: classifiers, classes, epsilon };
  const heads = pooling === "average"
    ? averageHeads(trunk, end, { ...classifier, norm: description.normAfterAverage ?? true ? "after" : "before" })
    : pooling === "latent"
    ? latentHeads(trunk, end, classifier, { ...block, readsPrefix: description.latentReadsPrefix ?? false })
    : {
      ...classTokenHeads(classifier, (operations, head) => {
        if (!hasTwoEnds) return end;
        const mixing = head === "dense" ? cells : "attention";
        return { ...end, tensor: append(operations, tokens, length, mixing) };
      }),
      features: tokens,
    };
  return finishWithHeads({
    name,
    operations: trunk,
    ...heads,
    classifier: {
      ...classifierLayer(classifiers[0], channels, classes),
      ...(classifiers.length > 1
        ? { others: classifiers.slice(1).flatMap((layer) => [`${layer}.weight`, `${layer}.bias`]) }
        : {}),
    },
    initialisation: description.initialisation ?? "transformer",
    inputSize: size,
    resampled: resampledParameters(description, grid, prefix),
  });
}

function blockOf(description: VisionTransformerDescription, grid: Pair, prefix: number): TransformerBlock {
  const { channels, heads, hiddenChannels, layerScale, rotaryOf } = description;
  return {
    channels,
    heads,
    hiddenChannels,
    epsilon: description.epsilon ?? 1e-6,
    order: description.order ?? "normFirst",
    projections: description.projections ?? "joint",
    projectionBias: description.projectionBias ?? true,
    attentionNorm: description.attentionNorm ?? false,
    perceptron: description.perceptron ?? "plain",
    hiddenNorm: description.hiddenNorm ?? false,
    activation: description.activation ?? "gelu",
    ...(layerScale ? { layerScale } : {}),
    ...(rotaryOf ? { rotary: { prefix, ...rotaryOf(grid) } } : {}),
  };
}

/** Appends patches, tokens before them and positions. */
function embed(
  operations: Operation[],
  description: VisionTransformerDescription,
  { grid, prefix, epsilon }: { grid: Pair; prefix: number; epsilon: number },
): Tensor {
  const { patch, channels, prefix: prefixTokens = classToken, positions = "all", normBefore } = description;
  let tokens: Tensor = { name: "patch_embed.proj", channels, stride: patch };
  operations.push({
    type: "convolution",
    input: image.name,
    output: tokens.name,
    weight: "patch_embed.proj.weight",
    ...(normBefore ? {} : { bias: "patch_embed.proj.bias" }),
    inputChannels: image.channels,
    outputChannels: channels,
    kernel: [patch, patch],
    stride: [patch, patch],
    padding: [0, 0],
    groups: 1,
  });
  const position = (count: number) => {
    const output = `${tokens.name}.pos_embed`;
    const shape = [1, count, channels];
    operations.push({ type: "positionEmbedding", input: tokens.name, output, parameter: "pos_embed", shape });
    tokens = { ...tokens, name: output };
  };
  const patches = grid[0] * grid[1];
  if (positions === "patches") position(patches);
  if (prefix > 0) {
    const output = "tokens";
    const drawn = description.initialisation === "eva" ? { initial: { truncatedNormal: 0.02 } } : {};
    const learned = prefixTokens.map((token) => ({ ...token, ...drawn }));
    operations.push({ type: "prefixTokens", input: tokens.name, output, channels, tokens: learned });
    tokens = { ...tokens, name: output };
  }
  if (positions === "all") position(prefix + patches);
  return normBefore ? layerNorm(operations, tokens, "norm_pre", { epsilon }) : tokens;
}

/** How parameters of another grid become those of this one. */
function resampledParameters(
  { depth, positions = "all", relativePosition }: VisionTransformerDescription,
  grid: Pair,
  prefix: number,
): NonNullable<Network["resampled"]> {
  const embedded = positions === "all" ? prefix : 0;
  const blocks = Array.from({ length: depth }, (_, index) => relativePosition?.resampled?.(`blocks.${index}`, grid));
  return {
    ...(positions === "none" ? {} : {
      pos_embed: (stored) => resamplePositionEmbedding(stored, grid, embedded),
    }),
    ...Object.assign({}, ...blocks),
  };
}
