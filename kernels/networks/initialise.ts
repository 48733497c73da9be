/**
 * Parameters to begin training with, drawn as timm draws them.
 *
 * | | convolution | batch norm | linear |
 * | --- | --- | --- | --- |
 * | ResNet, ResNeXt | normal, variance 2 / (k^2 outputs); bias uniform in +-1 / sqrt(k^2 inputs / groups) | weight 1, bias 0; weight 0 where it ends a residual branch | weight and bias uniform in +-1 / sqrt(inputs) |
 * | EfficientNet, MobileNet, ReXNet | normal, variance 2 / (k^2 outputs / groups); in attention uniform in +-sqrt(6 / (k^2 (inputs / groups + outputs))); bias 0 | weight 1, bias 0 | weight uniform in +-1 / sqrt(outputs), bias 0 |
 * | RegNet | as EfficientNet | as ResNet | weight normal, deviation 0.01, bias 0 |
 * | VGG, RegNetZ | as EfficientNet | weight 1, bias 0 | as RegNet |
 * | TResNet | as ResNet | as ResNet | weight as RegNet, bias as ResNet |
 * | DenseNet | normal, variance 2 / (k^2 inputs / groups); bias 0 | weight 1, bias 0 | weight as ResNet, bias 0 |
 * | HGNet | as ResNet | weight 1, bias 0 | as DenseNet |
 * | NFNet | normal, variance 1 / (k^2 inputs / groups); bias 0 | | as RegNet |
 * | ResNetV2 | as EfficientNet; of the classifier as RegNet's | weight 1, bias 0 | |
 * | SqueezeNet | uniform in +-sqrt(6 / (k^2 inputs)), of the classifier normal, deviation 0.01; bias 0 | | |
 * | ConvNeXt, MetaFormer, MambaOut, Next-ViT | weight truncated normal, deviation 0.02, bias 0 | weight 1, bias 0 | as its convolution |
 * | transformers | weight and bias uniform in +-1 / sqrt(k^2 inputs / groups) | weight 1, bias 0 | weight truncated normal, deviation 0.02, bias 0 |
 * | BEiT, EVA | as other transformers | weight 1, bias 0 | as other transformers; what ends a branch of block i over sqrt(2 i), the classifier over 1,000 |
 * | transformers with relative positions | weight and bias uniform in +-1 / sqrt(k^2 inputs / groups) | weight 1, bias 0 | as ResNet |
 * | MaxViT, CoAtNet | as EfficientNet, in transformers as linear | weight 1, bias 0 | weight uniform in +-sqrt(6 / (inputs + outputs)), bias 0, or of perceptrons normal, deviation 1e-6; in the head as ResNet |
 * | CoAtNeXt, nano MaxxViTs | weight normal, deviation 0.02, bias 0; convolution blocks of CoAtNeXt as transformers | weight 1, bias 0 | as its convolution, in the head as ResNet |
 *
 * Running means begin at 0, running variances at 1. What an operation states of its own parameters (weights of norms,
 * tokens, embeddings) comes before the table. A ResNet's residual branches so begin at zero, and its blocks as their
 * shortcuts. Not so the ones for small images, whose batch norms all begin at 1, as He et al. had them: with zeros a
 * ResNet-8 was trained in 60 epochs of 1,000 images to a quarter of its right answers, in place of a half. Each tensor is
 * drawn by itself, from the seed and its name alone. Batch norms of RepVGG begin at 1 as well, where timm draws them.
 *
 * Sources: timm 1.0.31, `ResNet.init_weights` with `zero_init_last`, `_init_weight_goog`, and `init_weights_vit_timm`;
 * PyTorch's `Linear` for the classifier of a ResNet, its `Conv2d` for the patch embedding of a transformer; He et al.,
 * "Delving Deep into Rectifiers", 2015, equation 14; Goyal et al., "Accurate, Large Minibatch SGD", 2017, section 5.1, for
 * the batch norms that begin at zero.
 *
 * @module
 */

import { type Network, networkParameters, type Parameters } from "../operations/network.ts";
import type { Convolution } from "../operations/convolution/rule.ts";
import type { Linear } from "../operations/linear/rule.ts";
import type { Initial } from "../operations/shared/rule.ts";
import { randomKey, randomNumbers } from "../../formats/base/random.ts";

/** How weight and bias of a layer are drawn; `has` says whether the network has a layer of that weight. */
type LayerRule<O> = (
  operation: O,
  has: (weight: string) => boolean,
) => { readonly weight: Initial; readonly bias: Initial };

/** A row of the table. */
interface FamilyRule {
  readonly convolution: LayerRule<Convolution>;
  readonly linear: LayerRule<Linear>;
  /** Whether the batch norm that ends a residual branch begins at zero. */
  readonly branchesFromZero?: boolean;
}

/** Normal, of a variance that keeps that of the gradients, where a group's outputs or those of all groups are counted. */
const byFanOut = (counts: "all" | "group") => ({ kernel, outputChannels, groups }: Convolution) => ({
  weight: { normal: Math.sqrt(2 / (kernel[0] * kernel[1] * outputChannels / (counts === "all" ? 1 : groups))) },
  bias: "zeros" as const,
});
/** PyTorch's own. */
const byFanIn = (fanIn: number) => ({
  weight: { uniform: 1 / Math.sqrt(fanIn) },
  bias: { uniform: 1 / Math.sqrt(fanIn) },
});

/** Glorot and Bengio's uniform distribution. */
const byBothFans = (fanIn: number, fanOut: number): ReturnType<LayerRule<Linear>> => ({
  weight: { uniform: Math.sqrt(6 / (fanIn + fanOut)) },
  bias: "zeros",
});
const plainNormal = { weight: { normal: 0.02 }, bias: "zeros" } as const;
const narrowNormal = { weight: { truncatedNormal: 0.02 }, bias: "zeros" } as const;
/** Layers of MobileNetV4's attention. */
const multiQueryPart = /\.attn\.(query|key|value|output)\.(proj|down_conv)\.weight$/;
/** Layers of MaxViT's transformers whose weights are those of 1x1 convolutions. */
const transformerPart = /(\.attn|(?<!\.conv)\.mlp)\.[^.]+\.weight$/;
/** The shortcut of one of CoAtNet's blocks, whichever kind it is. */
const coatnetShortcut = /^(stages\.\d+\.blocks\.\d+)\.shortcut\.expand\.weight$/;
/** Blocks of CoAtNeXt that are not transformers. */
const convolutionBlock = /^stages\.[01]\.blocks\.\d+\.(conv_dw|mlp|shortcut)\./;
/** The layers that end the two branches of a block of BEiT and EVA, and the classifier. */
const branchEnd = /^blocks\.(\d+)\.(attn\.proj|mlp\.fc2)\.weight$/;

function isTransformerShortcut(weight: string, has: (weight: string) => boolean): boolean {
  const block = coatnetShortcut.exec(weight)?.[1];
  return block !== undefined && has(`${block}.attn.qkv.weight`);
}

/** A layer of MaxViT's transformers. */
function inTransformer(weight: string, fanIn: number, fanOut: number): ReturnType<LayerRule<Linear>> {
  const layer = byBothFans(fanIn, fanOut);
  return weight.includes(".mlp.") ? { ...layer, bias: { normal: 1e-6 } } : layer;
}

const smallResnet: FamilyRule = {
  convolution: (operation) => ({
    weight: byFanOut("all")(operation).weight,
    bias: byFanIn(operation.kernel[0] * operation.kernel[1] * operation.inputChannels / operation.groups).bias,
  }),
  linear: ({ inputChannels }) => byFanIn(inputChannels),
};

const byPatch = ({ kernel, inputChannels, groups }: Convolution) =>
  byFanIn(kernel[0] * kernel[1] * inputChannels / groups);

const vgg: FamilyRule = {
  convolution: byFanOut("group"),
  linear: () => ({ weight: { normal: 0.01 }, bias: "zeros" }),
};

const FAMILIES: Readonly<Record<Network["initialisation"], FamilyRule>> = {
  smallResnet,
  resnet: { ...smallResnet, branchesFromZero: true },
  efficientnet: {
    convolution(operation) {
      const { weight, kernel: [height, width], inputChannels, outputChannels, groups } = operation;
      if (!multiQueryPart.test(weight)) return byFanOut("group")(operation);
      return byBothFans(height * width * inputChannels / groups, height * width * outputChannels);
    },
    linear: ({ outputChannels }) => ({ weight: { uniform: 1 / Math.sqrt(outputChannels) }, bias: "zeros" }),
  },
  convnext: {
    convolution: () => narrowNormal,
    linear: () => narrowNormal,
  },
  densenet: {
    convolution: ({ kernel, inputChannels, groups }) => ({
      weight: { normal: Math.sqrt(2 / (kernel[0] * kernel[1] * inputChannels / groups)) },
      bias: "zeros",
    }),
    linear: ({ inputChannels }) => ({ weight: byFanIn(inputChannels).weight, bias: "zeros" }),
  },
  hgnet: {
    ...smallResnet,
    linear: ({ inputChannels }) => ({ weight: byFanIn(inputChannels).weight, bias: "zeros" }),
  },
  maxvit: {
    convolution: (operation, has) =>
      transformerPart.test(operation.weight) || isTransformerShortcut(operation.weight, has)
        ? inTransformer(operation.weight, operation.inputChannels, operation.outputChannels)
        : byFanOut("group")(operation),
    linear: ({ weight, inputChannels, outputChannels }) =>
      weight.startsWith("head.") ? byFanIn(inputChannels) : inTransformer(weight, inputChannels, outputChannels),
  },
  maxvitNormal: {
    convolution: ({ weight, kernel, inputChannels, groups }) =>
      convolutionBlock.test(weight) ? byFanIn(kernel[0] * kernel[1] * inputChannels / groups) : plainNormal,
    linear: ({ weight, inputChannels }) => weight.startsWith("head.") ? byFanIn(inputChannels) : plainNormal,
  },
  nfnet: {
    convolution: ({ kernel, inputChannels, groups }) => ({
      weight: { normal: 1 / Math.sqrt(kernel[0] * kernel[1] * inputChannels / groups) },
      bias: "zeros",
    }),
    linear: vgg.linear,
  },
  resnetv2: {
    convolution: (operation, has) =>
      operation.weight.startsWith("head.")
        ? { weight: { normal: 0.01 }, bias: "zeros" }
        : vgg.convolution(operation, has),
    linear: vgg.linear,
  },
  squeezenet: {
    convolution: ({ weight, kernel, inputChannels, groups }) => ({
      weight: weight.startsWith("classifier.")
        ? { normal: 0.01 }
        : { uniform: Math.sqrt(6 / (kernel[0] * kernel[1] * inputChannels / groups)) },
      bias: "zeros",
    }),
    linear: ({ inputChannels }) => byFanIn(inputChannels),
  },
  regnet: { ...vgg, branchesFromZero: true },
  tresnet: {
    ...smallResnet,
    linear: ({ inputChannels }) => ({ weight: { normal: 0.01 }, bias: byFanIn(inputChannels).bias }),
    branchesFromZero: true,
  },
  vgg,
  transformer: {
    convolution: byPatch,
    linear: () => narrowNormal,
  },
  pytorch: { convolution: byPatch, linear: ({ inputChannels }) => byFanIn(inputChannels) },
  eva: {
    convolution: byPatch,
    linear({ weight }) {
      const block = branchEnd.exec(weight)?.[1];
      const divisor = block !== undefined ? Math.sqrt(2 * (Number(block) + 1)) : weight === "head.weight" ? 1000 : 1;
      return { weight: { truncatedNormal: narrowNormal.weight.truncatedNormal / divisor }, bias: "zeros" };
    },
  },
};

/**
 * Draws the parameters of a network.
 *
 * @param network The network.
 * @param seed An integer; the same seed gives the same parameters.
 * @param isWanted Whether a parameter is to be drawn; all are if left out.
 * @returns Every parameter and running statistic that is wanted, by name.
 * @throws {TypeError} If an operation has parameters that no row of the table above is about, and says nothing of them.
 */
export function initialParameters(
  network: Network,
  seed: number,
  isWanted: (name: string) => boolean = () => true,
): Parameters {
  return new Map(
    parameterInitials(network).filter(({ name }) => isWanted(name)).map(({ name, shape, initial }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      return [name, { shape, data: draw(length, initial, seed, name) }];
    }),
  );
}

/**
 * How the parameters of a network are drawn.
 *
 * @param network The network.
 * @returns Each parameter and running statistic with its rule.
 * @throws {TypeError} As {@linkcode initialParameters}.
 */
export function parameterInitials(
  network: Network,
): { readonly name: string; readonly shape: readonly number[]; readonly initial: Initial }[] {
  const initials = initialsOf(network);
  return networkParameters(network).map(([name, shape, facts]) => {
    const initial = facts?.initial ?? initials.get(name);
    if (!initial) {
      throw new TypeError(`Cannot draw parameter "${name}" of ${network.name}: no rule is known for it`);
    }
    return { name, shape, initial };
  });
}

/** What the network's family says of its layers. */
function initialsOf({ operations, pooled, dense, initialisation }: Network): Map<string, Initial> {
  const rule = FAMILIES[initialisation];
  // What is added to a shortcut, and where it is an excited tensor, what that was.
  const excited = new Map(
    operations.flatMap((operation) => operation.type === "multiply" ? [[operation.output, operation.input]] : []),
  );
  const branches = new Set(
    operations.flatMap((operation) =>
      operation.type === "add" ? [excited.get(operation.input) ?? operation.input] : []
    ),
  );
  const initials = new Map<string, Initial>();
  const all = [...operations, ...pooled.operations, ...dense.operations];
  const weights = new Set(
    all.flatMap((operation) =>
      operation.type === "convolution" || operation.type === "linear" ? [operation.weight] : []
    ),
  );
  const has = (weight: string) => weights.has(weight);
  for (const operation of all) {
    if (operation.type === "convolution" || operation.type === "linear") {
      const { weight, bias } = operation.type === "linear"
        ? rule.linear(operation, has)
        : rule.convolution(operation, has);
      initials.set(operation.weight, weight);
      if (operation.bias !== undefined) initials.set(operation.bias, bias);
    } else if (operation.type === "batchNorm") {
      const { parameters, output } = operation;
      initials.set(`${parameters}.weight`, rule.branchesFromZero && branches.has(output) ? "zeros" : "ones");
      initials.set(`${parameters}.bias`, "zeros");
      initials.set(`${parameters}.running_mean`, "zeros");
      initials.set(`${parameters}.running_var`, "ones");
    }
  }
  return initials;
}

/** Where a truncated normal distribution ends. */
const TRUNCATED_AT = 2;

function draw(length: number, initial: Initial, seed: number, name: string): Float32Array {
  const data = new Float32Array(length);
  if (initial === "zeros") return data;
  if (initial === "ones") return data.fill(1);
  if ("constant" in initial) return data.fill(initial.constant);
  const numbers = randomNumbers(randomKey([seed, ...new TextEncoder().encode(name)]));
  const next = () => {
    if ("uniform" in initial) return numbers.uniform(-initial.uniform, initial.uniform);
    if ("normal" in initial) return initial.normal * numbers.normal();
    for (;;) {
      const value = initial.truncatedNormal * numbers.normal();
      if (Math.abs(value) <= TRUNCATED_AT) return value;
    }
  };
  for (let index = 0; index < length; index++) data[index] = next();
  return data;
}
