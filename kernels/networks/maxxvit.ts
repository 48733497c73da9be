// deno-lint-ignore-file camelcase -- timm calls its networks so

/**
 * MaxViT and CoAtNet: convolutions first, then attention.
 *
 * Four stages behind a stem of two convolutions. CoAtNet's first two have inverted bottlenecks and its last two transformers
 * that attend to the whole image; a block of MaxViT is an inverted bottleneck, a transformer within windows, and one within
 * a grid, whose positions are spread over the image (MaxxViT has ConvNeXt's blocks in place of the bottlenecks, and in its
 * second version the grid alone). Windows and grids have a side of a 32nd of the image's. Relative position biases the
 * attention, by a table, or by a perceptron of the logarithms of distances (`rmlp`).
 *
 * `tf` members have TensorFlow's weights, and its padding. `rw` ones are timm's own: narrower bottlenecks, SiLU, and query,
 * key and value of a head side by side.
 *
 * The head is a norm, an average pool and a linear layer, or in the larger members the pool, a norm, a linear layer with
 * tanh, and the classifier.
 *
 * Sources: Dai et al., "CoAtNet", 2021 (arXiv:2106.04803); Tu et al., "MaxViT", 2022 (arXiv:2204.01697); timm's `MaxxVit`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import type { Operation } from "../operations/mod.ts";
import type { Pair } from "../operations/shared/window.ts";
import { makeDivisible } from "./channels.ts";
import { type Family, familyOf } from "./family.ts";
import {
  activation,
  add,
  averagePooledHeads,
  batchNorm,
  classifierLayer,
  convolution,
  finish,
  finishWithHeads,
  image,
  linear,
  type PaddingRule,
  squeezeExcitation,
  type Tensor,
} from "./layers.ts";
import { biasPerceptron, biasTable, keyToQueryBiasTable, type RelativeBias } from "./relative_position.ts";
import { resampleBiasPlanes, resampleBiasTable } from "./resample_bias_table.ts";
import { layerNorm, layerScale, multilayerPerceptron } from "./token_layers.ts";

type Norm = "batch" | "layer";

/** How 2 x 2 positions become one: their mean, or the largest of 3 x 3. */
type Downsampling = "mean" | "largest";

/** The blocks of convolutions. */
export interface MaxxViTConvolution {
  readonly block: "invertedBottleneck" | "convNeXt";
  readonly activation: ActivationFunction;
  readonly padding: PaddingRule;
  /** Epsilon of the norms: of batch norms in bottlenecks, of layer norms in ConvNeXt's blocks. */
  readonly epsilon: number;
  /** Whether a bottleneck is four times as wide as its output, or as its input. */
  readonly expands: "output" | "input";
  /** Whether shortcuts and last layers have a bias. */
  readonly outputBias: boolean;
  /** Whether an activation follows the norm that a bottleneck begins with. */
  readonly activatesInput: boolean;
  /** What halves the image: the depthwise convolution, or a pooling before. */
  readonly strided: "depthwise" | "pool";
  /** How the shortcut is halved. */
  readonly downsampling: Downsampling;
  /** Squeeze-and-excitation: channels over those of what `expands` names, activation, and whether a norm follows it. */
  readonly squeeze: { readonly share: number; readonly activation: ActivationFunction; readonly beforeNorm: boolean };
  /** What the scales of ConvNeXt's branches begin at. */
  readonly branchScale?: number;
}

/** The transformers. */
export interface MaxxViTTransformer {
  readonly activation: ActivationFunction;
  readonly norm: Norm;
  readonly epsilon: number;
  /** Whether query, key and value of a head stand side by side, or each of all heads. */
  readonly order: "headFirst" | "partFirst";
  /** Whether attention is as wide as its output, or as its input. */
  readonly expands: "output" | "input";
  readonly shortcutBias: boolean;
  readonly downsampling: Downsampling;
  /** Channels of the perceptron that gives the biases; without it they are a table. */
  readonly biasPerceptron?: number;
  /** Whether a table is TensorFlow's, `[heads, rows, columns]`, of the key's place less the query's. */
  readonly tensorflowTable: boolean;
  /** What the scales of branches begin at. */
  readonly branchScale?: number;
}

/** A block: convolutions, a transformer on the whole image, or MaxViT's three; `grid` leaves out the windows. */
export type MaxxViTBlock = "convolution" | "transformer" | "windowAndGrid" | "grid";

/** What a member of the family is. */
export interface MaxxViTDescription {
  readonly name: string;
  /** Height and width of the input; a square of `ownSize` if left out. */
  readonly size?: Pair;
  readonly ownSize: number;
  readonly stem: { readonly channels: readonly [first: number, second: number]; readonly bias: boolean };
  readonly channels: readonly number[];
  readonly depths: readonly number[];
  /** The blocks of each stage, the last of them repeated. */
  readonly blocks: readonly (readonly MaxxViTBlock[])[];
  readonly convolution: MaxxViTConvolution;
  readonly transformer: MaxxViTTransformer;
  /** Channels of the head's own layer, where it has one. */
  readonly headChannels?: number;
  /** By whose rule parameters are drawn to begin training with; default `"maxvit"`. */
  readonly initialisation?: "maxvit" | "maxvitNormal";
  readonly classes: number;
}

const headWidth = 32;
const expansion = 4;
/** The image's side over that of windows and grids. */
const partitionRatio = 32;

/** What a block reads and adds to while it is built. */
interface Building {
  readonly operations: Operation[];
  readonly resampled: Record<string, NonNullable<Network["resampled"]>[string]>;
  readonly description: MaxxViTDescription;
}

interface Place {
  readonly name: string;
  readonly stride: number;
  readonly dropPath: number;
  readonly outputChannels: number;
  /** Height and width of the output. */
  readonly grid: Pair;
}

/**
 * Builds a member of the family.
 *
 * @param description What it is.
 * @returns The network.
 * @throws {RangeError} If height or width are no multiples of 32: windows would not divide the feature maps.
 */
export function buildMaxxViT(description: MaxxViTDescription): Network {
  const { depths, stem, ownSize, size = [ownSize, ownSize], transformer, name, classes, headChannels } = description;
  const { initialisation = "maxvit" } = description;
  const operations: Operation[] = [];
  const building: Building = { operations, resampled: {}, description };
  let tensor = buildStem(operations, stem, description.convolution);
  let grid: Pair = [Math.floor(size[0] / 2), Math.floor(size[1] / 2)];
  if (size.some((side) => side < partitionRatio || side % partitionRatio !== 0)) {
    throw new RangeError(
      `Cannot build network "${name}" for ${size.join(" x ")}: height and width must be multiples of ${partitionRatio}`,
    );
  }
  const window: Pair = [Math.floor(size[0] / partitionRatio), Math.floor(size[1] / partitionRatio)];
  const last = depths.reduce((sum, depth) => sum + depth, 0) - 1;
  let count = 0;
  depths.forEach((depth, stage) => {
    grid = [Math.ceil(grid[0] / 2), Math.ceil(grid[1] / 2)];
    const kinds = description.blocks[stage];
    for (let index = 0; index < depth; index++) {
      const kind = kinds[Math.min(index, kinds.length - 1)];
      tensor = buildBlock(building, tensor, kind, window, {
        name: `stages.${stage}.blocks.${index}`,
        stride: index === 0 ? 2 : 1,
        dropPath: count++ / last,
        outputChannels: description.channels[stage],
        grid,
      });
    }
  });
  const shared = { inputSize: size, resampled: building.resampled };
  if (headChannels === undefined) {
    tensor = normOf(operations, tensor, "norm", transformer);
    return { ...finish(name, operations, tensor, { name: "head.fc", classes }, initialisation), ...shared };
  }
  const heads = averagePooledHeads(tensor, (head, input) => {
    const normed = normOf(head, input, "head.norm", transformer);
    const hidden = linear(head, normed, "head.pre_logits.fc", { outputChannels: headChannels });
    return linear(head, activation(head, hidden, "tanh"), "head.fc", { outputChannels: classes, output: "logits" });
  });
  const classifier = classifierLayer("head.fc", headChannels, classes);
  const network = { name, operations, features: tensor, ...heads, classifier, ...shared };
  return finishWithHeads({ ...network, initialisation });
}

function buildStem(
  operations: Operation[],
  { channels, bias }: MaxxViTDescription["stem"],
  { padding, activation: activationFunction, ...options }: MaxxViTConvolution,
): Tensor {
  const window = { kernel: 3, padding, bias };
  const first = convolution(operations, image, "stem.conv1", { ...window, outputChannels: channels[0], stride: 2 });
  const normed = normOf(operations, first, "stem.norm1", { norm: convolutionNorm(options), epsilon: options.epsilon });
  const activated = activation(operations, normed, activationFunction);
  return convolution(operations, activated, "stem.conv2", { ...window, outputChannels: channels[1] });
}

function convolutionNorm({ block }: Pick<MaxxViTConvolution, "block">): Norm {
  return block === "convNeXt" ? "layer" : "batch";
}

function normOf(
  operations: Operation[],
  input: Tensor,
  name: string,
  { norm, epsilon }: { norm: Norm; epsilon: number },
): Tensor {
  return norm === "batch"
    ? batchNorm(operations, input, name, epsilon)
    : layerNorm(operations, input, name, { epsilon });
}

function buildBlock(building: Building, input: Tensor, kind: MaxxViTBlock, window: Pair, place: Place): Tensor {
  const { name } = place;
  if (kind === "transformer") return transformerBlock(building, input, place);
  const isConvolution = kind === "convolution";
  const convolved = convolutionBlock(building, input, isConvolution ? place : { ...place, name: `${name}.conv` });
  if (isConvolution) return convolved;
  const windowed = kind === "grid"
    ? convolved
    : partitionBlock(building, convolved, { ...place, name: `${name}.attn_block` }, "block", window);
  return partitionBlock(building, windowed, { ...place, name: `${name}.attn_grid` }, "grid", window);
}

/** Halves height and width, and gives as many channels as are asked for. */
function downsample(
  operations: Operation[],
  input: Tensor,
  name: string,
  options: { outputChannels: number; downsampling: Downsampling; bias: boolean; padding: PaddingRule },
): Tensor {
  const { outputChannels, downsampling, bias, padding } = options;
  const kernel = downsampling === "mean" ? 2 : 3;
  const pooled = `${name}.pool`;
  operations.push({
    type: "pool",
    mode: downsampling === "mean" ? "average" : "max",
    input: input.name,
    output: pooled,
    kernel: [kernel, kernel],
    stride: [2, 2],
    padding: padding === "same" ? "same" : downsampling === "mean" ? [0, 0] : [1, 1],
  });
  const tensor = { ...input, name: pooled, stride: input.stride * 2 };
  if (outputChannels === input.channels) return tensor;
  return convolution(operations, tensor, `${name}.expand`, { outputChannels, kernel: 1, bias });
}

function convolutionBlock(building: Building, input: Tensor, place: Place): Tensor {
  return building.description.convolution.block === "convNeXt"
    ? convNeXtBlock(building, input, place)
    : invertedBottleneck(building, input, place);
}

function invertedBottleneck(
  { operations, description: { convolution: options } }: Building,
  input: Tensor,
  { name, stride, dropPath, outputChannels }: Place,
): Tensor {
  const { padding, epsilon, downsampling, outputBias, squeeze } = options;
  const reference = options.expands === "output" ? outputChannels : input.channels;
  const channels = makeDivisible(expansion * reference, 8);
  const normAct = (tensor: Tensor, name: string, isActivated = true) => {
    const normed = batchNorm(operations, tensor, name, epsilon);
    return isActivated ? activation(operations, normed, options.activation) : normed;
  };
  const shape = { outputChannels, downsampling, bias: outputBias, padding };
  const shortcut = stride === 2 ? downsample(operations, input, `${name}.shortcut`, shape) : input;
  let tensor = normAct(input, `${name}.pre_norm`, options.activatesInput);
  const isPooled = stride === 2 && options.strided === "pool";
  if (isPooled) {
    const same = { outputChannels: input.channels, downsampling: "mean", bias: false, padding } as const;
    tensor = downsample(operations, tensor, `${name}.down`, same);
  }
  tensor = convolution(operations, tensor, `${name}.conv1_1x1`, { outputChannels: channels, kernel: 1 });
  tensor = convolution(operations, normAct(tensor, `${name}.norm1`), `${name}.conv2_kxk`, {
    outputChannels: channels,
    kernel: 3,
    stride: isPooled ? 1 : stride,
    groups: channels,
    padding,
  });
  const excite = (tensor: Tensor, name: string) =>
    squeezeExcitation(operations, tensor, name, {
      reduce: "fc1",
      expand: "fc2",
      reducedChannels: Math.floor(squeeze.share * (options.expands === "output" ? outputChannels : channels)),
      activation: squeeze.activation,
    });
  tensor = squeeze.beforeNorm
    ? normAct(excite(tensor, `${name}.se_early`), `${name}.norm2`)
    : excite(normAct(tensor, `${name}.norm2`), `${name}.se`);
  tensor = convolution(operations, tensor, `${name}.conv3_1x1`, { outputChannels, kernel: 1, bias: outputBias });
  return add(operations, tensor, shortcut, name, dropPath);
}

function convNeXtBlock(
  { operations, description: { convolution: options } }: Building,
  input: Tensor,
  { name, stride, dropPath, outputChannels }: Place,
): Tensor {
  const { epsilon, branchScale, outputBias: bias } = options;
  const shape = { outputChannels, downsampling: "mean", bias: true, padding: "symmetric" } as const;
  const shortcut = stride === 2 ? downsample(operations, input, `${name}.shortcut`, shape) : input;
  const window = { outputChannels, kernel: 7, stride, groups: input.channels, bias };
  const convolved = convolution(operations, input, `${name}.conv_dw`, window);
  const normed = layerNorm(operations, convolved, `${name}.norm`, { epsilon });
  const hidden = multilayerPerceptron(operations, normed, `${name}.mlp`, {
    hiddenChannels: expansion * normed.channels,
    activation: options.activation,
    convolutions: true,
  });
  const branch = branchScale === undefined ? hidden : layerScale(operations, hidden, `${name}.ls.gamma`, branchScale);
  return add(operations, branch, shortcut, name, dropPath);
}

/** Scales a branch where branches are scaled. */
function scaleBranch({ operations, description }: Building, branch: Tensor, name: string): Tensor {
  const { branchScale } = description.transformer;
  return branchScale === undefined ? branch : layerScale(operations, branch, `${name}.gamma`, branchScale);
}

function transformerBlock(building: Building, input: Tensor, place: Place): Tensor {
  const { operations, description: { transformer: options } } = building;
  const { name, stride, dropPath, outputChannels, grid } = place;
  const { downsampling } = options;
  const shape = { downsampling, padding: "symmetric" } as const;
  const wide = { ...shape, outputChannels, bias: options.shortcutBias };
  const shortcut = stride === 2 ? downsample(operations, input, `${name}.shortcut`, wide) : input;
  let tensor = normOf(operations, input, stride === 2 ? `${name}.norm1.norm` : `${name}.norm1`, options);
  if (stride === 2) {
    const same = { ...shape, outputChannels: input.channels, bias: false };
    tensor = downsample(operations, tensor, `${name}.norm1.down`, same);
  }
  const channels = options.expands === "output" ? outputChannels : input.channels;
  const layer = (tensor: Tensor, name: string, outputChannels: number) =>
    convolution(operations, tensor, name, { outputChannels, kernel: 1, bias: true });
  const qkv = layer(tensor, `${name}.attn.qkv`, 3 * channels);
  const attended = attend(building, qkv, `${name}.attn`, grid, "headFirst");
  const projected = layer(attended, `${name}.attn.proj`, outputChannels);
  const branch = scaleBranch(building, projected, `${name}.ls1`);
  const mixed = add(operations, branch, shortcut, `${name}.mixed`, dropPath);
  const normed = normOf(operations, mixed, `${name}.norm2`, options);
  const hidden = multilayerPerceptron(operations, normed, `${name}.mlp`, {
    hiddenChannels: expansion * normed.channels,
    activation: options.activation,
    convolutions: true,
  });
  return add(operations, scaleBranch(building, hidden, `${name}.ls2`), mixed, name, dropPath);
}

/** A transformer within windows, or within grids. */
function partitionBlock(
  building: Building,
  input: Tensor,
  { name, dropPath, grid }: Place,
  spacing: "block" | "grid",
  window: Pair,
): Tensor {
  const { operations, description: { transformer: options } } = building;
  const { channels } = input;
  const isWhole = grid[0] === window[0] && grid[1] === window[1];
  const cut = { type: "windows", window, spacing } as const;
  const norm = (tensor: Tensor, name: string) => layerNorm(operations, tensor, name, { epsilon: options.epsilon });
  let tensor = norm(input, `${name}.norm1`);
  if (!isWhole) {
    operations.push({ ...cut, input: tensor.name, output: `${name}.windows`, direction: "split" });
    tensor = { ...tensor, name: `${name}.windows` };
  }
  const qkv = linear(operations, tensor, `${name}.attn.qkv`, { outputChannels: 3 * channels });
  tensor = attend(building, qkv, `${name}.attn`, window, options.order);
  if (!isWhole) {
    operations.push({ ...cut, input: tensor.name, output: `${name}.joined`, direction: "join", like: input.name });
    tensor = { ...tensor, name: `${name}.joined` };
  }
  const projected = linear(operations, tensor, `${name}.attn.proj`, { outputChannels: channels });
  const branch = scaleBranch(building, projected, `${name}.ls1`);
  const mixed = add(operations, branch, input, `${name}.mixed`, dropPath);
  const hidden = multilayerPerceptron(operations, norm(mixed, `${name}.norm2`), `${name}.mlp`, {
    hiddenChannels: expansion * channels,
    activation: options.activation,
  });
  return add(operations, scaleBranch(building, hidden, `${name}.ls2`), mixed, name, dropPath);
}

/** Attention of all positions to each other, biased by their distance. */
function attend(
  { operations, resampled, description: { transformer } }: Building,
  qkv: Tensor,
  name: string,
  grid: Pair,
  order: MaxxViTTransformer["order"],
): Tensor {
  const channels = qkv.channels / 3;
  const heads = channels / headWidth;
  let bias: RelativeBias;
  if (transformer.biasPerceptron === undefined) {
    const parameter = `${name}.rel_pos.relative_position_bias_table`;
    bias = transformer.tensorflowTable
      ? keyToQueryBiasTable(operations, parameter, { grid, heads })
      : biasTable(operations, parameter, { grid, heads });
    resampled[parameter] = transformer.tensorflowTable
      ? (stored) => resampleBiasPlanes(stored, grid)
      : (stored) => resampleBiasTable(stored, grid, 0);
  } else {
    const table = biasPerceptron(operations, `${name}.rel_pos.mlp`, {
      grid,
      heads,
      hiddenChannels: transformer.biasPerceptron,
      layers: ["fc1", "fc2"],
      bias: true,
      decays: false,
      coordinate: (distance) => Math.sign(distance) * Math.log1p(Math.abs(distance)),
    });
    bias = { table: table.name, grid, prefix: 0 };
  }
  const isHeadFirst = order === "headFirst";
  const part = (index: number) => ({ tensor: qkv.name, offset: index * (isHeadFirst ? headWidth : channels) });
  operations.push({
    type: "attention",
    input: qkv.name,
    output: name,
    query: part(0),
    key: part(1),
    value: part(2),
    heads,
    headChannels: headWidth,
    headStride: isHeadFirst ? 3 * headWidth : headWidth,
    scale: headWidth ** -0.5,
    bias,
  });
  return { ...qkv, name, channels };
}

type Member = Omit<MaxxViTDescription, "name" | "classes" | "size">;

const timmConvolution: MaxxViTConvolution = {
  block: "invertedBottleneck",
  activation: "silu",
  padding: "symmetric",
  epsilon: 1e-5,
  expands: "input",
  outputBias: false,
  activatesInput: false,
  strided: "depthwise",
  downsampling: "mean",
  squeeze: { share: 1 / 16, activation: "silu", beforeNorm: false },
};
const timmTransformer: MaxxViTTransformer = {
  activation: "gelu",
  norm: "layer",
  epsilon: 1e-6,
  order: "headFirst",
  expands: "input",
  shortcutBias: true,
  downsampling: "mean",
  tensorflowTable: false,
};
/** timm's first CoAtNets, and the later ones, which have the convolutions of its MaxViTs. */
const earlyCoAtNet: MaxxViTConvolution = {
  ...timmConvolution,
  activatesInput: true,
  squeeze: { share: 0.25, activation: "relu", beforeNorm: false },
};
const lateCoAtNet: MaxxViTConvolution = {
  ...timmConvolution,
  outputBias: true,
  squeeze: { share: 0.25, activation: "silu", beforeNorm: false },
};
const convNeXt: MaxxViTConvolution = {
  ...timmConvolution,
  block: "convNeXt",
  activation: "gelu",
  epsilon: 1e-6,
  outputBias: true,
  branchScale: 1e-6,
};
const squeezeFirst = { squeeze: { ...earlyCoAtNet.squeeze, beforeNorm: true } };
const siluSqueeze = { squeeze: { ...earlyCoAtNet.squeeze, activation: "silu" as const } };
const tensorflowConvolution: MaxxViTConvolution = {
  ...lateCoAtNet,
  activation: "geluTanh",
  padding: "same",
  epsilon: 1e-3,
  expands: "output",
};
const tensorflowTransformer: MaxxViTTransformer = {
  ...timmTransformer,
  activation: "geluTanh",
  epsilon: 1e-5,
  order: "partFirst",
  expands: "output",
  tensorflowTable: true,
};
/** CoAtNets as in the paper, of which there are no weights. */
const paperConvolution: MaxxViTConvolution = { ...lateCoAtNet, activation: "gelu", expands: "output" };
const paperTransformer: MaxxViTTransformer = { ...timmTransformer, expands: "output" };

const perceptron = { biasPerceptron: 512 };
const scaled = { branchScale: 1e-6 };

function stem(first: number, second: number, bias = false): Member["stem"] {
  return { channels: [first, second], bias };
}

/** Four stages of one width, each twice as wide as the one before it. */
function doubled(channels: number): number[] {
  return [channels, 2 * channels, 4 * channels, 8 * channels];
}

type Stages = Pick<Member, "channels" | "depths" | "stem">;

/** CoAtNets by the names of their sizes. */
const COATNET_STAGES = {
  pico: { channels: doubled(64), depths: [2, 3, 5, 2], stem: stem(32, 64) },
  nano: { channels: doubled(64), depths: [3, 4, 6, 3], stem: stem(32, 64) },
  0: { channels: doubled(96), depths: [2, 3, 7, 2], stem: stem(32, 64) },
  1: { channels: doubled(96), depths: [2, 6, 14, 2], stem: stem(32, 64) },
  2: { channels: doubled(128), depths: [2, 6, 14, 2], stem: stem(64, 128) },
  3: { channels: doubled(192), depths: [2, 6, 14, 2], stem: stem(96, 192) },
} satisfies Record<string, Stages>;

const coatnetBlocks: Member["blocks"] = [["convolution"], ["convolution"], ["transformer"], ["transformer"]];

function coatnet(
  stages: Stages,
  convolution: MaxxViTConvolution,
  transformer: MaxxViTTransformer = timmTransformer,
): Omit<Member, "ownSize"> {
  return { ...stages, blocks: coatnetBlocks, convolution, transformer };
}

/** MaxViTs by the names of their sizes. */
const MAXVIT_STAGES = {
  pico: { channels: doubled(32), depths: [2, 2, 5, 2], stem: stem(24, 32) },
  nano: { channels: doubled(64), depths: [1, 2, 3, 1], stem: stem(32, 64) },
  tiny: { channels: doubled(64), depths: [2, 2, 5, 2], stem: stem(32, 64) },
  small: { channels: doubled(96), depths: [2, 2, 5, 2], stem: stem(32, 64) },
  base: { channels: doubled(96), depths: [2, 6, 14, 2], stem: stem(32, 64) },
} satisfies Record<string, Stages>;

function maxvit(
  stages: Stages,
  transformer: MaxxViTTransformer = timmTransformer,
  convolution: MaxxViTConvolution = timmConvolution,
  block: MaxxViTBlock = "windowAndGrid",
): Omit<Member, "ownSize"> {
  return { ...stages, blocks: new Array(4).fill([block]), convolution, transformer };
}

function tensorflowMaxViT(channels: number, depths: readonly number[], stemChannels: number): Omit<Member, "ownSize"> {
  return {
    ...maxvit(
      { channels: doubled(channels), depths, stem: stem(stemChannels, stemChannels, true) },
      tensorflowTransformer,
      tensorflowConvolution,
    ),
    headChannels: 8 * channels,
  };
}

const nextTransformer = { ...timmTransformer, ...perceptron, ...scaled };
const rmlp = { ...timmTransformer, ...perceptron };
const normal = { initialisation: "maxvitNormal" } as const;

/** Convolutions and transformers that members are made of. */
export const MAXXVIT_PARTS = {
  timmConvolution,
  timmTransformer,
  earlyCoAtNet,
  convNeXt,
  tensorflowConvolution,
  tensorflowTransformer,
  paperConvolution,
  paperTransformer,
};

/** Configurations by timm's names of them, with the sizes that it has them for. */
const CONFIGURATIONS: Readonly<Record<string, readonly [member: Omit<Member, "ownSize">, ...sizes: number[]]>> = {
  coatnet_pico_rw: [coatnet(COATNET_STAGES.pico, lateCoAtNet), 224],
  coatnet_nano_rw: [coatnet(COATNET_STAGES.nano, { ...lateCoAtNet, strided: "pool" }), 224],
  coatnet_0_rw: [
    coatnet(COATNET_STAGES[0], { ...earlyCoAtNet, ...squeezeFirst, strided: "pool" }, {
      ...timmTransformer,
      shortcutBias: false,
    }),
    224,
  ],
  coatnet_1_rw: [
    coatnet(COATNET_STAGES[1], { ...earlyCoAtNet, ...squeezeFirst }, { ...timmTransformer, shortcutBias: false }),
    224,
  ],
  coatnet_2_rw: [coatnet(COATNET_STAGES[2], { ...earlyCoAtNet, ...siluSqueeze }), 224],
  coatnet_3_rw: [
    coatnet(COATNET_STAGES[3], { ...earlyCoAtNet, ...siluSqueeze }, { ...timmTransformer, ...scaled }),
    224,
  ],
  coatnet_bn_0_rw: [
    coatnet(COATNET_STAGES[0], { ...earlyCoAtNet, ...squeezeFirst }, {
      ...timmTransformer,
      shortcutBias: false,
      norm: "batch",
    }),
    224,
  ],
  coatnet_rmlp_nano_rw: [coatnet(COATNET_STAGES.nano, lateCoAtNet, { ...timmTransformer, biasPerceptron: 384 }), 224],
  coatnet_rmlp_0_rw: [coatnet(COATNET_STAGES[0], earlyCoAtNet, rmlp), 224],
  coatnet_rmlp_1_rw: [
    coatnet(COATNET_STAGES[1], { ...earlyCoAtNet, ...squeezeFirst, strided: "pool", downsampling: "largest" }, {
      ...timmTransformer,
      shortcutBias: false,
      biasPerceptron: 384,
      downsampling: "largest",
    }),
    224,
  ],
  coatnet_rmlp_1_rw2: [coatnet(COATNET_STAGES[1], earlyCoAtNet, rmlp), 224],
  coatnet_rmlp_2_rw: [coatnet(COATNET_STAGES[2], { ...earlyCoAtNet, ...siluSqueeze }, nextTransformer), 224, 384],
  coatnet_rmlp_3_rw: [coatnet(COATNET_STAGES[3], { ...earlyCoAtNet, ...siluSqueeze }, nextTransformer), 224],
  coatnet_nano_cc: [
    {
      ...coatnet(COATNET_STAGES.nano, { ...earlyCoAtNet, strided: "pool" }),
      blocks: [["convolution"], ["convolution"], ["convolution", "transformer"], ["convolution", "transformer"]],
    },
    224,
  ],
  coatnext_nano_rw: [{ ...coatnet(COATNET_STAGES.nano, { ...convNeXt, branchScale: 1e-5 }), ...normal }, 224],
  ...Object.fromEntries(
    ([
      [0, 96, [2, 3, 5, 2], 64],
      [1, 96, [2, 6, 14, 2], 64],
      [2, 128, [2, 6, 14, 2], 128],
      [3, 192, [2, 6, 14, 2], 192],
      [4, 192, [2, 12, 28, 2], 192],
    ] as const).map(([size, channels, depths, stemChannels]) => [`coatnet_${size}`, [
      {
        ...coatnet(
          { channels: doubled(channels), depths, stem: stem(stemChannels, stemChannels) },
          paperConvolution,
          paperTransformer,
        ),
        headChannels: 8 * channels,
      },
      224,
    ]]),
  ),
  coatnet_5: [
    {
      ...coatnet(
        { channels: [256, 512, 1280, 2048], depths: [2, 12, 28, 2], stem: stem(192, 192) },
        paperConvolution,
        paperTransformer,
      ),
      headChannels: 2048,
    },
    224,
  ],
  maxvit_pico_rw: [maxvit(MAXVIT_STAGES.pico), 256],
  maxvit_nano_rw: [maxvit(MAXVIT_STAGES.nano), 256],
  maxvit_tiny_rw: [maxvit(MAXVIT_STAGES.tiny), 224, 256],
  maxvit_rmlp_pico_rw: [maxvit(MAXVIT_STAGES.pico, rmlp), 256],
  maxvit_rmlp_nano_rw: [maxvit(MAXVIT_STAGES.nano, rmlp), 256],
  maxvit_rmlp_tiny_rw: [maxvit(MAXVIT_STAGES.tiny, rmlp), 256],
  maxvit_rmlp_small_rw: [maxvit(MAXVIT_STAGES.small, nextTransformer), 224, 256],
  maxvit_rmlp_base_rw: [{ ...maxvit(MAXVIT_STAGES.base, rmlp), headChannels: 768 }, 224, 384],
  maxxvit_rmlp_nano_rw: [{ ...maxvit(MAXVIT_STAGES.nano, nextTransformer, convNeXt), ...normal }, 256],
  maxxvit_rmlp_tiny_rw: [maxvit(MAXVIT_STAGES.tiny, nextTransformer, convNeXt), 256],
  maxxvit_rmlp_small_rw: [
    maxvit({ ...MAXVIT_STAGES.small, stem: stem(48, 96) }, nextTransformer, convNeXt),
    256,
  ],
  maxxvitv2_nano_rw: [
    {
      ...maxvit(
        { channels: doubled(96), depths: [1, 2, 3, 1], stem: stem(48, 96) },
        { ...timmTransformer, ...scaled },
        convNeXt,
        "grid",
      ),
      ...normal,
    },
    256,
  ],
  maxxvitv2_rmlp_base_rw: [
    maxvit({ channels: doubled(128), depths: [2, 6, 12, 2], stem: stem(64, 128) }, nextTransformer, convNeXt, "grid"),
    224,
    384,
  ],
  maxxvitv2_rmlp_large_rw: [
    {
      ...maxvit(
        { channels: doubled(160), depths: [2, 6, 16, 2], stem: stem(80, 160) },
        nextTransformer,
        convNeXt,
        "grid",
      ),
      headChannels: 1280,
    },
    224,
  ],
  maxvit_tiny_tf: [tensorflowMaxViT(64, [2, 2, 5, 2], 64), 224, 384, 512],
  maxvit_small_tf: [tensorflowMaxViT(96, [2, 2, 5, 2], 64), 224, 384, 512],
  maxvit_base_tf: [tensorflowMaxViT(96, [2, 6, 14, 2], 64), 224, 384, 512],
  maxvit_large_tf: [tensorflowMaxViT(128, [2, 6, 14, 2], 128), 224, 384, 512],
  maxvit_xlarge_tf: [tensorflowMaxViT(192, [2, 6, 14, 2], 192), 224, 384, 512],
};

/** Configurations for tests, which have no size in their names. */
const TESTS: Readonly<Record<string, Member>> = {
  test_maxvit: {
    ...maxvit({ channels: [32, 64, 96, 128], depths: [1, 1, 1, 1], stem: stem(16, 32) }),
    ownSize: 160,
  },
  test_coatnet: {
    ...coatnet({ channels: [32, 64, 96, 128], depths: [1, 1, 2, 1], stem: stem(16, 32) }, {
      ...lateCoAtNet,
      strided: "pool",
    }),
    ownSize: 160,
  },
};

/** The members that timm has, but for one whose blocks attend to windows and grids side by side and have no weights. */
export const maxxvits: Family = familyOf(
  {
    ...Object.fromEntries(
      Object.entries(CONFIGURATIONS).flatMap(([name, [member, ...sizes]]) =>
        sizes.map((ownSize): [string, Member] => [`${name}_${ownSize}`, { ...member, ownSize }])
      ),
    ),
    ...TESTS,
  },
  buildMaxxViT,
);
