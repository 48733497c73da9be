/**
 * The block of a transformer over tokens: attention of all positions to each other, then a perceptron in each, both
 * residual.
 *
 * Norms stand before the two branches; or after them (`"normLast"`, timm's `ResPostBlock`); or one stands before both,
 * which then are one branch (`"parallel"`, `ParallelScalingBlock`). Queries, keys and values are one linear layer, or
 * three (`"apart"`), or one whose keys have no bias, which no softmax would notice (BEiT). The perceptron is plain, or
 * gated: silu(a) b, a and b being linear layers of their own or one (SwiGLU).
 *
 * What attention mixes can be replaced, for the labels of cells: `"values"` leaves each position its own value,
 * `"alike"` weighs values by how alike positions are, softmax(q q^T) + softmax(k k^T), and `"classToken"` gives each position
 * what the class token would be if it attended to that position alone: its own value, added to the class token.
 *
 * Sources: Dosovitskiy et al., "An Image is Worth 16x16 Words", 2021; Dehghani et al., "Scaling Vision Transformers to 22
 * Billion Parameters", 2023, section 2.1; Bao et al., "BEiT", 2022; Fang et al., "EVA-02", 2023; Zhou et al., "Extract
 * Free Dense Labels from CLIP", 2022, section 3.3, for the values; Wang et al., "SCLIP", 2024, equation 4, for what is
 * alike; timm's `Block`, `EvaBlock` and those named above.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Rotary } from "../operations/rotary/rule.ts";
import { activation, add, linear, type Tensor } from "./layers.ts";
import type { RelativeBias } from "./relative_position.ts";
import { layerNorm, layerScale, multiply, takeChannels } from "./token_layers.ts";

/** What all blocks of a network have in common. */
export interface TransformerBlock {
  readonly channels: number;
  readonly heads: number;
  /** Channels between the layers of the perceptron; of a gated one, of each factor. */
  readonly hiddenChannels: number;
  readonly epsilon: number;
  readonly order: "normFirst" | "normLast" | "parallel";
  readonly projections: "joint" | "withoutKeyBias" | "apart";
  /** Whether projections to queries, keys and values have a bias; keys have one in `"joint"` only. */
  readonly projectionBias: boolean;
  /** Whether a norm stands between attention and its last projection. */
  readonly attentionNorm: boolean;
  readonly perceptron: "plain" | "gated" | "gatedJoint";
  /** Whether a norm stands before the last layer of the perceptron. */
  readonly hiddenNorm: boolean;
  readonly activation: ActivationFunction;
  /**
   * Names of the two scales within the block, and what they begin at. `"parallel"` has the first; `"normLast"` none, but
   * its norms begin there.
   */
  readonly layerScale?: { readonly names: readonly [string, string]; readonly initial: number };
  /** Rotary position embedding of queries and keys. */
  readonly rotary?: Pick<Rotary, "prefix" | "rotation" | "table">;
}

/** A block's place in its network. */
export interface BlockPlace {
  /** Name of the block's module. */
  readonly name: string;
  /** Its share of the drop path rate. */
  readonly dropPath: number;
  /** Appends what is added to its attention by relative position, where there is such. */
  readonly bias?: (operations: Operation[]) => RelativeBias;
}

/** What stands for the attention of a block. */
export type Mixing = "attention" | "values" | "alike" | "classToken";

/** A run of a tensor's channels: all queries, keys or values. */
interface Run {
  readonly tensor: string;
  readonly offset: number;
}

/** What appends queries, keys and values, as far as it was not yet appended. */
interface Projections {
  query(): Run;
  key(): Run;
  value(): Run;
}

/**
 * Appends a block.
 *
 * @param operations The list to append to.
 * @param input The tokens it reads.
 * @param place Where the block stands.
 * @param block What it is made of.
 * @param mixing What stands for its attention.
 * @returns The tokens that it writes.
 */
export function transformerBlock(
  operations: Operation[],
  input: Tensor,
  place: BlockPlace,
  block: TransformerBlock,
  mixing: Mixing = "attention",
): Tensor {
  const { name, dropPath } = place;
  const { order, epsilon } = block;
  const norm = (tensor: Tensor, module: string, initial?: number) =>
    layerNorm(operations, tensor, `${name}.${module}`, { epsilon, ...(initial === undefined ? {} : { initial }) });
  if (order === "parallel") {
    const branch = parallelBranches(operations, norm(input, "in_norm"), place, block, mixing);
    return add(operations, scaled(operations, branch, name, block, 0), input, name, dropPath);
  }
  const last = order === "normLast";
  let branch = attention(operations, last ? input : norm(input, "norm1"), place, block, mixing);
  branch = last ? norm(branch, "norm1", block.layerScale?.initial) : scaled(operations, branch, name, block, 0);
  const residual = mixing === "classToken" ? classTokenEverywhere(operations, input, name, block) : input;
  const middle = add(operations, branch, residual, `${name}.middle`, dropPath);
  branch = perceptron(operations, last ? middle : norm(middle, "norm2"), `${name}.mlp`, block);
  branch = last ? norm(branch, "norm2", block.layerScale?.initial) : scaled(operations, branch, name, block, 1);
  return add(operations, branch, middle, name, dropPath);
}

/** The first token in the place of each: all that an attention to it alone can give. */
function classTokenEverywhere(operations: Operation[], input: Tensor, name: string, block: TransformerBlock): Tensor {
  const { channels, heads } = block;
  const token = `${name}.class_token`;
  operations.push({ type: "takePositions", input: input.name, output: token, first: 0, count: 1 });
  const output = `${name}.residual`;
  const run = runOf({ ...input, name: token });
  operations.push({
    type: "attention",
    input: input.name,
    output,
    query: runOf(input),
    key: run,
    value: run,
    heads,
    headChannels: channels / heads,
    scale: (channels / heads) ** -0.5,
  });
  return { ...input, name: output };
}

function runOf({ name }: Tensor): Run {
  return { tensor: name, offset: 0 };
}

function scaled(operations: Operation[], input: Tensor, name: string, block: TransformerBlock, index: 0 | 1): Tensor {
  const { layerScale: scale } = block;
  return scale ? layerScale(operations, input, `${name}.${scale.names[index]}`, scale.initial) : input;
}

function attention(
  operations: Operation[],
  input: Tensor,
  place: BlockPlace,
  block: TransformerBlock,
  mixing: Mixing,
): Tensor {
  const name = `${place.name}.attn`;
  const projections = block.projections === "apart"
    ? projectApart(operations, input, name, block)
    : projectJointly(operations, input, name, block);
  let mixed = mix(operations, projections, { ...input, name: `${name}.mixed` }, { place, block, mixing });
  if (block.attentionNorm) mixed = layerNorm(operations, mixed, `${name}.norm`, { epsilon: block.epsilon });
  return linear(operations, mixed, `${name}.proj`, { outputChannels: input.channels });
}

function projectApart(
  operations: Operation[],
  input: Tensor,
  name: string,
  { channels, projectionBias }: TransformerBlock,
): Projections {
  const project = (module: string, bias: boolean): Run => ({
    tensor: linear(operations, input, `${name}.${module}`, { outputChannels: channels, bias }).name,
    offset: 0,
  });
  return {
    query: () => project("q_proj", projectionBias),
    key: () => project("k_proj", false),
    value: () => project("v_proj", projectionBias),
  };
}

function projectJointly(
  operations: Operation[],
  input: Tensor,
  name: string,
  { channels, projections, projectionBias }: TransformerBlock,
): Projections {
  const withKeyBias = projections === "joint";
  const options = { outputChannels: 3 * channels, bias: projectionBias && withKeyBias };
  const joint = linear(operations, input, `${name}.qkv`, options);
  const run = (index: number): Run => ({ tensor: joint.name, offset: index * channels });
  const biased = (index: number, bias: string): Run => {
    if (withKeyBias || !projectionBias) return run(index);
    const parameter = `${name}.${bias}`;
    const input = takeChannels(operations, joint, index * channels, channels, `${parameter}.input`).name;
    const output = `${parameter}.sum`;
    operations.push({ type: "scale", input, output, channels, shape: [channels], bias: parameter });
    return { tensor: output, offset: 0 };
  };
  return { query: () => biased(0, "q_bias"), key: () => run(1), value: () => biased(2, "v_bias") };
}

/** Mixes the values of all positions into `output`. */
function mix(
  operations: Operation[],
  projections: Projections,
  output: Tensor,
  { place, block, mixing }: { place: BlockPlace; block: TransformerBlock; mixing: Mixing },
): Tensor {
  const { channels, heads } = block;
  const value = projections.value();
  if (mixing === "values" || mixing === "classToken") {
    const source = { ...output, name: value.tensor };
    return takeChannels(operations, source, value.offset, channels, output.name);
  }
  const runs = rotate(operations, { query: projections.query(), key: projections.key(), value }, block);
  const headChannels = channels / heads;
  const bias = place.bias?.(operations);
  const attend = (query: Run, key: Run, name: string): Tensor => {
    operations.push({
      type: "attention",
      input: query.tensor,
      output: name,
      query,
      key,
      value: runs.value,
      heads,
      headChannels,
      scale: headChannels ** -0.5,
      ...(bias ? { bias } : {}),
    });
    return { ...output, name };
  };
  if (mixing === "attention") return attend(runs.query, runs.key, output.name);
  const byQueries = attend(runs.query, runs.query, `${output.name}.by_queries`);
  return add(operations, attend(runs.key, runs.key, `${output.name}.by_keys`), byQueries, output.name, 0);
}

/** Turns queries and keys by their positions, where the network has rotary position embeddings: at once, if in one tensor. */
function rotate(
  operations: Operation[],
  runs: { readonly query: Run; readonly key: Run; readonly value: Run },
  { rotary, channels, heads }: TransformerBlock,
): typeof runs {
  if (!rotary) return runs;
  const { query, key, value } = runs;
  const turn = (input: string, parts: readonly number[]): string => {
    const output = `${input}.rope`;
    operations.push({ type: "rotary", input, output, parts, heads, headChannels: channels / heads, ...rotary });
    return output;
  };
  if (query.tensor !== key.tensor) {
    return {
      query: { ...query, tensor: turn(query.tensor, [query.offset]) },
      key: { ...key, tensor: turn(key.tensor, [key.offset]) },
      value,
    };
  }
  const tensor = turn(query.tensor, [query.offset, key.offset]);
  return {
    query: { ...query, tensor },
    key: { ...key, tensor },
    value: value.tensor === query.tensor ? { ...value, tensor } : value,
  };
}

function perceptron(operations: Operation[], input: Tensor, name: string, block: TransformerBlock): Tensor {
  const { hiddenChannels, epsilon } = block;
  const layer = (module: string, outputChannels = hiddenChannels) =>
    linear(operations, input, `${name}.${module}`, { outputChannels });
  let hidden: Tensor;
  if (block.perceptron === "plain") {
    hidden = activation(operations, layer("fc1"), block.activation);
  } else if (block.perceptron === "gated") {
    hidden = gated(operations, layer("fc1_g"), layer("fc1_x"), `${name}.gated`);
  } else {
    const joint = layer("fc1", 2 * hiddenChannels);
    const gate = takeChannels(operations, joint, 0, hiddenChannels, `${name}.gate`);
    const value = takeChannels(operations, joint, hiddenChannels, hiddenChannels, `${name}.value`);
    hidden = gated(operations, gate, value, `${name}.gated`);
  }
  if (block.hiddenNorm) hidden = layerNorm(operations, hidden, `${name}.norm`, { epsilon });
  return linear(operations, hidden, `${name}.fc2`, { outputChannels: input.channels });
}

function gated(operations: Operation[], gate: Tensor, value: Tensor, name: string): Tensor {
  return multiply(operations, value, activation(operations, gate, "silu"), name);
}

/** Attention and perceptron after one norm, whose first layers are one. */
function parallelBranches(
  operations: Operation[],
  input: Tensor,
  place: BlockPlace,
  block: TransformerBlock,
  mixing: Mixing,
): Tensor {
  const { name } = place;
  const { channels, hiddenChannels } = block;
  const joint = linear(operations, input, `${name}.in_proj`, { outputChannels: hiddenChannels + 3 * channels });
  const run = (index: number) => (): Run => ({ tensor: joint.name, offset: hiddenChannels + index * channels });
  const projections = { query: run(0), key: run(1), value: run(2) };
  const mixed = mix(operations, projections, { ...input, name: `${name}.mixed` }, { place, block, mixing });
  const hidden = takeChannels(operations, joint, 0, hiddenChannels, `${name}.hidden`);
  const outputChannels = channels;
  const attended = linear(operations, mixed, `${name}.attn_out_proj`, { outputChannels });
  const activated = activation(operations, hidden, block.activation);
  const perceived = linear(operations, activated, `${name}.mlp_out_proj`, { outputChannels });
  return add(operations, perceived, attended, `${name}.branches`, 0);
}
