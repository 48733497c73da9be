/**
 * The heads of transformers over tokens: what becomes the logits of an image, and what those of each cell.
 *
 * | pooling | logits of the image | logits of a cell |
 * | --- | --- | --- |
 * | class token | norm and classifier of the class token | norm and classifier of the cell's token, after another last block |
 * | average | mean of the patches' tokens, before the norm or after it, classifier | norm and classifier of the cell's token |
 * | latent | a learned query attends to the tokens; projection, perceptron, classifier | the same of the cell's value alone |
 *
 * A class token's classifier has never seen a patch. `docs/dense_labels.md` says which last blocks there are for cells, and
 * how well each names them.
 *
 * Sources: timm's `VisionTransformer.forward_head`, `VisionTransformerDistilled.forward_head`, `AttentionPoolLatent`.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Head, Network } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";
import { activation, add, averagePooledHeads, linear, type Tensor } from "./layers.ts";
import { layerNorm, multilayerPerceptron, takeChannels } from "./token_layers.ts";

/** The tokens that a trunk ends in. */
export interface Tokens {
  readonly tensor: Tensor;
  /** Number of tokens before those of the patches. */
  readonly prefix: number;
  /** Height and width of the patches. */
  readonly grid: Pair;
}

/** What gives the classes. */
export interface TokenClassifier {
  /** Names of its linear layers: one, or one per token of which the mean is taken. */
  readonly layers: readonly string[];
  readonly classes: number;
  readonly epsilon: number;
}

type Heads = Pick<Network, "dense" | "pooled">;

/** Name of the logits in either head. */
const LOGITS = "logits";

/**
 * Appends the tokens of the patches as a grid.
 *
 * @param operations The list to append to.
 * @param tokens All tokens.
 * @returns `[N, h, w, C]`; what was given, if there is no other token.
 */
export function takePatches(operations: Operation[], { tensor, prefix, grid }: Tokens): Tensor {
  if (prefix === 0) return tensor;
  const name = `${tensor.name}.patches`;
  operations.push({
    type: "takePositions",
    input: tensor.name,
    output: name,
    first: prefix,
    count: grid[0] * grid[1],
    grid,
  });
  return { ...tensor, name };
}

function takeToken(operations: Operation[], tensor: Tensor, first: number): Tensor {
  const name = `${tensor.name}.token${first}`;
  operations.push({ type: "takePositions", input: tensor.name, output: name, first, count: 1 });
  return { ...tensor, name };
}

/**
 * The heads of a network that reads its class token; of several classifiers, which read the tokens in order, the mean of
 * the logits counts.
 *
 * @param classifier Its layers and classes.
 * @param finish Appends the last block, of which there are two: of the image and of the cells.
 * @returns Both heads.
 */
export function classTokenHeads(
  classifier: TokenClassifier,
  finish: (operations: Operation[], head: "pooled" | "dense") => Tokens,
): Heads {
  const { layers, classes: outputChannels, epsilon } = classifier;
  const build = (head: "pooled" | "dense"): Head => {
    const operations: Operation[] = [];
    const tokens = finish(operations, head);
    const norm = (tensor: Tensor) => layerNorm(operations, tensor, "norm", { epsilon });
    const layer = (input: Tensor, name: string, output: string) =>
      linear(operations, input, name, { outputChannels, output });
    if (layers.length === 1) {
      const read = head === "pooled" ? takeToken(operations, tokens.tensor, 0) : takePatches(operations, tokens);
      layer(norm(read), layers[0], LOGITS);
      return { operations, output: LOGITS };
    }
    const read = norm(head === "pooled" ? tokens.tensor : takePatches(operations, tokens));
    const logits = layers.map((name, token) =>
      layer(head === "pooled" ? takeToken(operations, read, token) : read, name, name)
    );
    const sum = logits.reduce((sum, next) => add(operations, next, sum, `${next.name}.sum`, 0));
    const mean = activation(operations, sum, { name: "multiple", factor: 1 / layers.length });
    return { operations, output: mean.name };
  };
  return { pooled: build("pooled"), dense: build("dense") };
}

/**
 * The heads of a network that averages the tokens of its patches.
 *
 * @param trunk The trunk's operations, to which the patches are appended.
 * @param tokens What it ends in.
 * @param classifier Its layer and classes; `norm` says whether the norm stands before the average or after it.
 * @returns Both heads and the feature map.
 */
export function averageHeads(
  trunk: Operation[],
  tokens: Tokens,
  { layers: [name], classes, epsilon, norm }: TokenClassifier & { readonly norm: "before" | "after" },
): Heads & { readonly features: Tensor } {
  const patches = takePatches(trunk, tokens);
  const features = norm === "before" ? layerNorm(trunk, patches, "norm", { epsilon }) : patches;
  const heads = averagePooledHeads(features, (operations, input) =>
    linear(
      operations,
      norm === "after" ? layerNorm(operations, input, "fc_norm", { epsilon }) : input,
      name,
      { outputChannels: classes, output: LOGITS },
    ));
  return { ...heads, features };
}

/** An attention pool. */
export interface LatentPool {
  readonly heads: number;
  readonly hiddenChannels: number;
  readonly activation: ActivationFunction;
  /** Whether it attends to the tokens before the patches, too. */
  readonly readsPrefix: boolean;
}

/**
 * The heads of a network whose tokens are pooled by the attention of a learned query.
 *
 * @param trunk The trunk's operations, to which the norm is appended.
 * @param tokens What it ends in.
 * @param classifier Its layer and classes.
 * @param pool The attention pool.
 * @returns Both heads and the feature map.
 */
export function latentHeads(
  trunk: Operation[],
  tokens: Tokens,
  { layers: [layer], classes: outputChannels, epsilon }: TokenClassifier,
  pool: LatentPool,
): Heads & { readonly features: Tensor } {
  const { heads, hiddenChannels, activation } = pool;
  const { channels } = tokens.tensor;
  const name = "attn_pool";
  const normed = layerNorm(trunk, tokens.tensor, "norm", { epsilon });
  const patches = takePatches(trunk, { ...tokens, tensor: normed });
  const values = (operations: Operation[], input: Tensor) =>
    linear(operations, input, `${name}.kv`, { outputChannels: 2 * channels });
  const finish = (operations: Operation[], pooled: Tensor): Head => {
    const projected = linear(operations, pooled, `${name}.proj`, { outputChannels: channels });
    const perceived = multilayerPerceptron(
      operations,
      layerNorm(operations, projected, `${name}.norm`, { epsilon }),
      `${name}.mlp`,
      { hiddenChannels, activation },
    );
    const sum = add(operations, perceived, projected, name, 0);
    return { output: linear(operations, sum, layer, { outputChannels, output: LOGITS }).name, operations };
  };

  const image: Operation[] = [];
  const latent: Tensor = { ...normed, name: `${name}.query` };
  const shape = [1, 1, channels];
  image.push({
    type: "parameterTensor",
    input: normed.name,
    output: latent.name,
    parameter: `${name}.latent`,
    shape,
    outputShape: [1, 1, channels],
    broadcast: true,
    facts: { initial: { truncatedNormal: channels ** -0.5 } },
  });
  const query = linear(image, latent, `${name}.q`, { outputChannels: channels });
  const keys = values(image, pool.readsPrefix ? normed : patches);
  image.push({
    type: "attention",
    input: query.name,
    output: `${name}.mixed`,
    query: { tensor: query.name, offset: 0 },
    key: { tensor: keys.name, offset: 0 },
    value: { tensor: keys.name, offset: channels },
    heads,
    headChannels: channels / heads,
    scale: (channels / heads) ** -0.5,
  });

  const cells: Operation[] = [];
  const value = takeChannels(cells, values(cells, patches), channels, channels, `${name}.values`);
  return {
    pooled: finish(image, { ...query, name: `${name}.mixed` }),
    dense: finish(cells, value),
    features: patches,
  };
}
