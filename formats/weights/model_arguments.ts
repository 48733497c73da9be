// deno-lint-ignore-file camelcase -- timm calls its arguments so

/**
 * `model_args` of a `config.json`: what timm gives to the constructor of a network beside its name. At their defaults they say
 * nothing; of the others only those of training leave the network as it is.
 *
 * Source: the constructors of timm 1.0; `create_model` drops those that are None.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";

/** Values that leave a network as it is, or a test of one. */
type Values = Readonly<Record<string, readonly unknown[] | ((value: unknown) => boolean)>>;

/** What trains a network, or how it is made: nothing that an inference depends on. */
const harmless = new Set([
  ...["drop_rate", "drop_path_rate", "drop_block_rate", "zero_init_last", "bn_momentum"],
  ...["pos_drop_rate", "patch_drop_rate", "proj_drop_rate", "attn_drop_rate", "fused_attn"],
  ...["weight_init", "fix_init", "head_init_scale", "init_std", "strict_img_size", "dynamic_img_size"],
  ...["pretrained", "pretrained_strict", "scriptable", "exportable", "no_jit"],
]);

/** Values that every network has unless told otherwise; an average is an average by any name. */
const common: Values = {
  in_chans: [3],
  output_stride: [32],
  global_pool: ["avg", "fast", "fastavg"],
  features_only: [false],
};

/** Height and width of the input, or both in one number: the network is built for another size where it is run at one. */
const isImageSize = (value: unknown): boolean =>
  [value].flat().every((side) => Number.isInteger(side) && (side as number) > 0) &&
  (!Array.isArray(value) || value.length === 2);

/** Values of the families' own, by how names of their members begin; of several that fit, the last one counts. */
const families: readonly (readonly [start: RegExp, values: Values])[] = [
  [/^((wide_)?resnet\d+(_2)?|resnext\d+_\d+x\d+d)$/, {
    stem_width: [64],
    stem_type: [""],
    replace_stem_pool: [false],
    block_reduce_first: [1],
    down_kernel_size: [1],
    avg_down: [false],
  }],
  [/^resnet\d+$/, { cardinality: [1], base_width: [64] }],
  [/^(wide_|ec?a|se)*resne[tx](?!.*(ts|q)$)/, { act_layer: ["relu"] }],
  [/^(tf_)?efficientnet_lite/, { act_layer: ["relu6"] }],
  [/^(tf_)?efficientnet(_b|_l2|v2_)/, { act_layer: ["swish", "silu"] }],
  [/^tf_(efficientnet|mobilenet)/, { pad_type: ["same"], bn_eps: [1e-3] }],
  [/^(efficientnet|mobilenet|mnasnet|semnasnet|lcnet|fbnet|tinynet)/, { pad_type: [""] }],
  [/^(tf_)?efficientnet_(b|l2|lite)/, { stem_size: [32], stem_kernel_size: [3], fix_stem: [false] }],
  [/^mobilenetv[12]/, { act_layer: ["relu6"] }],
  [/^((tf_)?mobilenetv3|lcnet|fbnetv3|hardcorenas)(?!.*minimal)/, { act_layer: ["hard_swish"] }],
  [/^(mobilenetv4_conv|tf_mobilenetv3_.*minimal)/, { act_layer: ["relu"] }],
  [/^convnext/, { patch_size: [4], act_layer: ["gelu"], conv_bias: [true] }],
  [/^rexnet/, {
    initial_chs: [16],
    final_chs: [180],
    depth_mult: [1],
    se_ratio: [1 / 12],
    act_layer: ["swish", "silu"],
    dw_act_layer: ["relu6"],
  }],
  [/^(vit|deit3?|beit(3|v2)?|eva(02)?|flexivit|swin(v2)?|volo|xcit|hiera|test_vit\d?)(_|$)/, { img_size: isImageSize }],
  [/^(max?xvit(v2)?|coatnet|coatnext)_/, { img_size: isImageSize }],
  [/^test_(maxvit|coatnet)$/, { img_size: isImageSize }],
  [/^swin(v2)?_/, { patch_size: [4], always_partition: [false] }],
  [/^(vit|deit3?|flexivit|volo|xcit|test_vit)(_|$)/, { global_pool: ["token"] }],
  [/^test_vit3$/, { global_pool: ["map"] }],
  [/^vit_.*(_gap_|_rpn_|relpos)/, { global_pool: ["avg"] }],
  [/^vit_relpos_.*_cls_/, { global_pool: ["token"] }],
  [/^vit_.*_siglip_\d/, { global_pool: ["map"] }],
];

/**
 * Refuses arguments that make another network of an architecture.
 *
 * @param path The file, for messages.
 * @param architecture timm's name.
 * @param classes Number of classes of the network.
 * @param given The arguments by name.
 * @throws {TypeError} If one changes the network, or may.
 */
export function checkModelArguments(
  path: string,
  architecture: string,
  classes: number,
  given: Readonly<Record<string, unknown>>,
): void {
  const own = families.filter(([start]) => start.test(architecture)).flatMap(([, values]) => Object.entries(values));
  const defaults = new Map<string, Values[string]>([["num_classes", [classes]], ...Object.entries(common), ...own]);
  for (const [name, value] of Object.entries(given)) {
    if (value === null || harmless.has(name)) continue;
    const expected = defaults.get(name);
    if (!expected) {
      throw new TypeError(`Cannot read "${path}": model_args has ${name}, which changes the network in an unknown way`);
    }
    if (typeof expected === "function" ? !expected(value) : !expected.includes(value)) {
      const values = typeof expected === "function"
        ? "a size in pixels"
        : expected.map((value) => showValue(value)).join(" or ");
      throw new TypeError(
        `Cannot read "${path}": model_args has ${name} ${
          showValue(value)
        }, only ${values} is known for ${architecture}`,
      );
    }
  }
}
