/**
 * The layers of a network, counted from the image, for rates that decay from the last layer to the first: the layer n of N
 * learns with decay^(N - 1 - n) of the rate.
 *
 * A family says by patterns of parameters' names what belongs together. A pattern's place is the first number of a group,
 * the numbers in the name are the next ones; groups are in the order of these numbers, and what no pattern matches (the
 * classifier) is the last.
 *
 * Source: timm 1.0.31, `group_matcher` of each family's class, `group_with_matcher` and `param_groups_layer_decay`; Bao et
 * al., "BEiT", 2022, appendix H, for the rule.
 *
 * @module
 */

import { type Network, networkParameters } from "../operations/network.ts";

/** What follows the numbers of a name: a number of its own, or that the group is one with the one before it. */
type Suffix = number | "with the one before";

/** Patterns of one place. */
type Patterns = readonly (readonly [pattern: RegExp, suffix?: Suffix])[];

const token = (stem: RegExp, blocks = /^blocks\.(\d+)/): readonly Patterns[] => [
  [[stem]],
  [[blocks], [/^norm/, "with the one before"]],
];
const stages = (
  stem: RegExp,
  { folder = "stages", blocks = "blocks", norm = /^norm_pre/ }: { folder?: string; blocks?: string; norm?: RegExp } =
    {},
): readonly Patterns[] => [
  [[stem]],
  [
    [new RegExp(`^${folder}\\.(\\d+)\\.downsample`), 0],
    [new RegExp(`^${folder}\\.(\\d+)\\.${blocks}\\.(\\d+)`)],
    [norm, "with the one before"],
  ],
];
const plain = (stem: RegExp, blocks: RegExp): readonly Patterns[] => [[[stem]], [[blocks]]];

/** Patterns by how names of a family's members begin; the first row that fits counts. */
const FAMILIES: readonly (readonly [start: RegExp, groups: readonly Patterns[]])[] = [
  [/^vit_s?relpos/, token(/^(?:cls_token|patch_embed)/)],
  [/^(beit|beitv2)_/, token(/^(?:cls_token|pos_embed|patch_embed|rel_pos_bias)/)],
  [/^deit_.*distilled/, token(/^(?:cls_token|pos_embed|patch_embed|dist_token)/)],
  [
    /^(vit|deit3?|flexivit|eva(02)?|beit3|test_vit\d?)(_|$)/,
    token(/^(?:cls_token|reg_token|pos_embed|patch_embed|norm_pre)/),
  ],
  [/^(convnext(v2)?|test_convnext\d?)(_|$)/, stages(/^stem/)],
  [/^(mambaout|test_mambaout|hgnet(v2)?)(_|$)/, stages(/^stem/, { norm: /^$/ })],
  [/^swin(v2)?_/, stages(/^(?:absolute_pos_embed|patch_embed)/, { folder: "layers", blocks: "\\w+", norm: /^norm/ })],
  [/^(test_)?(max?xvit|coatnet|coatnext)/, token(/^stem/, /^stages\.(\d+)/)],
  [/^nextvit_/, token(/^stem/, /^stages\.(\d+)\.blocks\.(\d+)/)],
  [/^volo_/, [
    [[/^(?:cls_token|pos_embed|patch_embed)/]],
    [[/^network\.(\d+)\.(\d+)/], [/^network\.(\d+)/, 0]],
    [[/^cls_token/, 0], [/^post_network\.(\d+)/], [/^norm/, "with the one before"]],
  ]],
  [/^(mobilenetv[34]|tf_mobilenetv3|fbnetv3|lcnet|hardcorenas)_/, plain(/^(?:conv_stem|bn1)/, /^blocks\.(\d+)\.(\d+)/)],
  [/^(tf_)?(efficientnet|mobilenet|mnasnet|semnasnet|fbnetc|spnasnet|tinynet|test_efficientnet)/, [
    [[/^(?:conv_stem|bn1)/]],
    [[/^blocks\.(\d+)\.(\d+)/], [/^(?:conv_head|bn2)/, "with the one before"]],
  ]],
  [/^regnet[xyv]_|^regnetz_040/, plain(/^stem/, /^s(\d+)\.b(\d+)/)],
  [/^rexnet/, plain(/^stem/, /^features\.(\d+)/)],
  [/^tresnet/, plain(/^body\.conv1/, /^body\.layer(\d+)\.(\d+)/)],
  [/^densenet/, [
    [[/^features\.(?:conv|norm|pool)[012]/]],
    [
      [/^features\.denseblock(\d+)\.denselayer(\d+)/],
      [/^features\.transition(\d+)/, "with the one before"],
    ],
  ]],
  [/^(gernet|repvgg|mobileone|test_byobnet|regnetz_[bcde]\d|(se|eca_)?resne(t|xt)\d+(ts|q)$)/, [
    [[/^stem/]],
    [[/^stages\.(\d+)\.(\d+)/], [/^final_conv/, "with the one before"]],
  ]],
  [/^resnetv2_/, [
    [[/^stem/]],
    [[/^stages\.(\d+)\.blocks\.(\d+)/], [/^norm/, "with the one before"]],
  ]],
  [/^vgg/, plain(/^features\.0/, /^features\.(\d+)/)],
  [/^(wide_|se|eca|test_)?res(net|next)(?!v2)|^senet/, plain(/^(?:conv1|bn1|maxpool)/, /^layer(\d+)\.(\d+)/)],
];

/**
 * Counts the layers of a network.
 *
 * @param network The network.
 * @returns The layer of each parameter, from 0; undefined if its family's layers are not known.
 */
export function parameterLayers(network: Network): Map<string, number> | undefined {
  const groups = FAMILIES.find(([start]) => start.test(network.name))?.[1];
  if (!groups) return undefined;
  const keys = networkParameters(network).map(([name]) => ({ name, ...groupOf(name, groups) }));
  const sorted = keys.toSorted((a, b) => compare(a.numbers, b.numbers));
  const layers = new Map<string, number>();
  let layer = -1;
  sorted.forEach(({ name, numbers, joins }, index) => {
    const isNew = index === 0 || compare(sorted[index - 1].numbers, numbers) !== 0;
    if (layer < 0 || (isNew && !joins)) layer++;
    layers.set(name, layer);
  });
  return layers;
}

/** The group of a parameter: its numbers, and whether it is one with the group before it. */
function groupOf(name: string, groups: readonly Patterns[]): { numbers: readonly number[]; joins: boolean } {
  for (const [place, patterns] of groups.entries()) {
    for (const [pattern, suffix] of patterns) {
      const match = pattern.exec(name);
      if (!match) continue;
      const numbers = [place, ...match.slice(1).map(Number)];
      if (suffix === "with the one before") return { numbers: [...numbers, Infinity], joins: true };
      return { numbers: suffix === undefined ? numbers : [...numbers, suffix], joins: false };
    }
  }
  return { numbers: [Infinity], joins: false };
}

/** As Python orders tuples. */
function compare(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.min(a.length, b.length); index++) {
    if (a[index] !== b[index]) return a[index] < b[index] ? -1 : 1;
  }
  return a.length - b.length;
}

/**
 * The share of the learning rate that each parameter learns with.
 *
 * @param network The network.
 * @param decay What the rate is multiplied by from a layer to the one before it, above 0 and up to 1.
 * @returns Shares by name, 1 in the last layer.
 * @throws {RangeError} If the layers of its family are not known.
 */
export function layerRates(network: Network, decay: number): ReadonlyMap<string, number> {
  const layers = parameterLayers(network);
  if (!layers) {
    throw new RangeError(`Cannot let the learning rate decay over the layers of ${network.name}: they are not known`);
  }
  const last = Math.max(...layers.values());
  return new Map([...layers].map(([name, layer]) => [name, decay ** (last - layer)]));
}
