/**
 * Names of parameters in files that networks were published with before timm had them.
 *
 * timm gives them its own names when it loads such a file; here it is done by the family of the network and a name that
 * only the published layout has. Nothing else of the names or numbers changes, but for axes of length 1, linear layers that
 * are convolutions to one of both, and batch norms of TResNet: `InPlaceABN` multiplies by the magnitude of its weight.
 *
 * Sources: the `checkpoint_filter_fn` of each family in timm 1.0.31; ASL's `src/models/tresnet/tresnet.py`, whose
 * `InplacABN_to_ABN` has the magnitude.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { unreadable } from "../base/files.ts";
import { renamed, tensorNamed, type Weights } from "./weights.ts";

/** Where a file's names are not timm's. */
interface Layout {
  /** How the names of the family's members begin. */
  readonly start: RegExp;
  /** What a name has that timm's have not. */
  readonly sign: RegExp;
  /** timm's name of a parameter, with timm's names of the network's blocks in order. */
  readonly rename: (name: string, blocks: readonly string[]) => string;
  /** What becomes of a parameter's numbers, by timm's name; they stay if left out. */
  readonly change?: (name: string, value: number) => number;
}

/** Renames by replacing one pattern after the other. */
function replacing(...replacements: readonly (readonly [pattern: RegExp, by: string])[]): (name: string) => string {
  return (name) => replacements.reduce((name, [pattern, by]) => name.replace(pattern, by), name);
}

/** `InPlaceABN`'s epsilon. */
const ABN_EPSILON = 1e-5;

/** Blocks of RegNet as torchvision names their layers, in an order in which none is part of one before. */
const regnetLayers = replacing(
  [/^stem\.0\./, "stem.conv."],
  [/^stem\.1\./, "stem.bn."],
  [/^fc\./, "head.fc."],
  [/\.f\.a\.0\./, ".conv1.conv."],
  [/\.f\.a\.1\./, ".conv1.bn."],
  [/\.f\.b\.0\./, ".conv2.conv."],
  [/\.f\.b\.1\./, ".conv2.bn."],
  [/\.f\.c\.0\./, ".conv3.conv."],
  [/\.f\.c\.1\./, ".conv3.bn."],
  [/\.f\.se\./, ".se."],
  [/\.proj\.0\./, ".downsample.conv."],
  [/\.proj\.1\./, ".downsample.bn."],
);

/** Perceptrons and attention of EVA-02. */
const eva02Layers = replacing(
  [/\.mlp\.w12\./, ".mlp.fc1."],
  [/\.mlp\.w1\./, ".mlp.fc1_g."],
  [/\.mlp\.w2\./, ".mlp.fc1_x."],
  [/\.mlp\.w3\./, ".mlp.fc2."],
  [/\.mlp\.ffn_ln\./, ".mlp.norm."],
  [/\.attn\.inner_attn_ln\./, ".attn.norm."],
);

/** Layers of EfficientNet's blocks; a first block does not expand, and is a layer shorter. */
const efficientNetLayers = replacing(
  [/^(blocks\.0\.\d+)\._project_conv\./, "$1.conv_pw."],
  [/^(blocks\.0\.\d+)\._bn1\./, "$1.bn1."],
  [/^(blocks\.0\.\d+)\._bn2\./, "$1.bn2."],
  [/\._expand_conv\./, ".conv_pw."],
  [/\._depthwise_conv\./, ".conv_dw."],
  [/\._project_conv\./, ".conv_pwl."],
  [/\._se_(reduce|expand)\./, ".se.conv_$1."],
  [/\._bn2\./, ".bn3."],
  [/\._bn1\./, ".bn2."],
  [/\._bn0\./, ".bn1."],
  [/^_(conv_stem|conv_head)\./, "$1."],
  [/^_bn1\./, "bn2."],
  [/^_bn0\./, "bn1."],
  [/^_fc\./, "classifier."],
);

/** The layouts; of several that fit the first counts. */
const LAYOUTS: readonly Layout[] = [
  // ASL and TResNet of Alibaba.
  {
    start: /^tresnet/,
    sign: /^body\.conv1\.[01]\./,
    rename: replacing(
      [/(conv\d+)\.0\.0\./, "$1.conv."],
      [/(conv\d+)\.0\.1\./, "$1.bn."],
      [/(conv\d+|downsample\.\d+)\.0\./, "$1.conv."],
      [/(conv\d+|downsample\.\d+)\.1\./, "$1.bn."],
    ),
    change: (name, value) => name.endsWith(".bn.weight") ? Math.abs(value) + ABN_EPSILON : value,
  },
  // Microsoft's Swin, and timm's before 0.9: a stage ends in what reduces its resolution, where timm's begins with it.
  {
    start: /^swin/,
    sign: /^layers\.0\.downsample\./,
    rename: (name) =>
      name.replace(/^layers\.(\d+)\.downsample/, (_, stage) => `layers.${Number(stage) + 1}.downsample`)
        .replace(/^head\./, "head.fc."),
  },
  // Meta's ConvNeXt.
  {
    start: /^convnext/,
    sign: /^downsample_layers\./,
    rename: replacing(
      [/^downsample_layers\.0\./, "stem."],
      [/^downsample_layers\.(\d+)\./, "stages.$1.downsample."],
      [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
      [/\.dwconv\./, ".conv_dw."],
      [/\.pwconv/, ".mlp.fc"],
      [/\.grn\.gamma$/, ".mlp.grn.weight"],
      [/\.grn\.beta$/, ".mlp.grn.bias"],
      [/^head\./, "head.fc."],
      [/^norm\./, "head.norm."],
    ),
  },
  // PoolFormer: even members of `network` are stages, odd ones reduce the resolution.
  {
    start: /^poolformer_/,
    sign: /^network\./,
    rename: (name) =>
      name.replace(/^network\.(\d+)\.(\d+)\./, (_, part, block) => `stages.${Number(part) / 2}.blocks.${block}.`)
        .replace(/^network\.(\d+)\.proj\./, (_, part) => `stages.${(Number(part) + 1) / 2}.downsample.conv.`)
        .replace(/\.layer_scale_(\d)$/, ".layer_scale$1.scale")
        .replace(/^patch_embed\.proj\./, "stem.conv.")
        .replace(/^norm\./, "head.norm.")
        .replace(/^head\.(?=weight|bias)/, "head.fc."),
  },
  // Sea AI Lab's MetaFormers.
  {
    start: /^(caformer|convformer|poolformerv2)_/,
    sign: /^downsample_layers\./,
    rename: replacing(
      [/^downsample_layers\.0\./, "stem."],
      [/^downsample_layers\.(\d+)\./, "stages.$1.downsample."],
      [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
      [/\.(?:pre|post)_norm\./, ".norm."],
      [/^head\./, "head.fc."],
      [/^norm\./, "head.norm."],
    ),
  },
  // MambaOut.
  {
    start: /^mambaout/,
    sign: /^downsample_layers\./,
    rename: replacing(
      [/^downsample_layers\.0\./, "stem."],
      [/^downsample_layers\.(\d+)\./, "stages.$1.downsample."],
      [/^stages\.(\d+)\.(\d+)\./, "stages.$1.blocks.$2."],
      [/^head\.fc1\./, "head.pre_logits.fc."],
      [/^head\.norm\./, "head.pre_logits.norm."],
      [/^head\.fc2\./, "head.fc."],
      [/^norm\./, "head.norm."],
    ),
  },
  // efficientnet_pytorch's and efficientnet_lite_pytorch's, whose blocks are counted through all stages.
  {
    start: /^(tf_)?efficientnet_/,
    sign: /^_conv_stem\./,
    rename: (name, blocks) =>
      efficientNetLayers(name.replace(/^_blocks\.(\d+)/, (stored, block) => blocks[Number(block)] ?? stored)),
  },
  // Meta's DeiT III.
  { start: /^deit3_/, sign: /\.gamma_1$/, rename: replacing([/\.gamma_(\d)$/, ".ls$1.gamma"]) },
  // BAAI's EVA-02; the larger ones have query, key and value apart.
  {
    start: /^eva02_(base|large)/,
    sign: /\.attn\.q_bias$/,
    rename: (name) => eva02Layers(name.replace(/\.attn\.([qv])_bias$/, ".attn.$1_proj.bias")),
  },
  { start: /^eva02_/, sign: /\.mlp\.w3\./, rename: eva02Layers },
  // torchvision's, and SWAG's.
  {
    start: /^regnet/,
    sign: /^trunk_output\./,
    rename: (name) =>
      regnetLayers(name.replace(
        /^trunk_output\.block(\d+)\.block\d+-(\d+)/,
        (_, stage, block) => `s${stage}.b${Number(block) + 1}`,
      )),
  },
  {
    start: /^vgg/,
    sign: /^classifier\./,
    rename: replacing(
      [/^classifier\.0\./, "pre_logits.fc1."],
      [/^classifier\.3\./, "pre_logits.fc2."],
      [/^classifier\.6\./, "head.fc."],
    ),
  },
  {
    start: /^densenet/,
    sign: /\.denselayer\d+\.norm\.\d/,
    rename: replacing([/(\.denselayer\d+\.(?:norm|conv))\.(\d)\./, "$1$2."]),
  },
];

/**
 * Gives a file's tensors timm's names and shapes, where it has a published layout of the network's family.
 *
 * @param weights The open file.
 * @param shapes Names and shapes of the network's parameters.
 * @param architecture timm's name of the network.
 * @returns The weights under timm's names; the weights as they are, if no layout is known that they have.
 * @throws {TypeError} If two tensors become one.
 */
export function inTimmLayout(
  weights: Weights,
  shapes: ReadonlyMap<string, readonly number[]>,
  architecture = "",
): Weights {
  const { path, names } = weights;
  const layout = LAYOUTS.find(({ start, sign }) => start.test(architecture) && names.some((name) => sign.test(name)));
  if (!layout) return weights;
  const { rename, change } = layout;
  const blocks = [...new Set([...shapes.keys()].flatMap((name) => /^blocks\.\d+\.\d+/.exec(name) ?? []))];
  const stored = new Map<string, string>();
  for (const name of names) {
    const own = rename(name, blocks);
    const other = stored.get(own);
    if (other !== undefined) {
      throw unreadable(path, `${showValue(other)} and ${showValue(name)} are both ${showValue(own)} in timm's layout`);
    }
    stored.set(own, name);
  }
  const arranged = renamed(weights, [...stored.keys()], (name) => tensorNamed(path, stored, name));
  const changed = (name: string, data: Float32Array<ArrayBuffer>) =>
    change ? data.map((value) => change(name, value)) : data;
  return {
    ...arranged,
    shape: (name) => shapeOf(arranged.shape(name), shapes.get(name)),
    read: async (name) => changed(name, await arranged.read(name)),
    readNow: (name) => changed(name, arranged.readNow(name)),
  };
}

/** The shape that is expected, where what is stored differs in axes of length 1 or in the axes that an output sums over. */
function shapeOf(stored: readonly number[], expected: readonly number[] | undefined): readonly number[] {
  if (!expected || stored.length === expected.length) return stored;
  const first = stored.findIndex((length) => length > 1);
  const sizes = stored.slice(Math.max(0, first));
  const count = (lengths: readonly number[]) => lengths.reduce((product, length) => product * length, 1);
  return sizes[0] === expected[0] && count(sizes) === count(expected) ? expected : stored;
}
