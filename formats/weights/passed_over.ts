/**
 * Tensors that weight files have beside a network's parameters.
 *
 * Some are of every network: PyTorch's counts of batches, and what a training run goes on from. The others are tables that
 * follow from a network's shape, which PyTorch keeps as buffers and timm once wrote into its files: which row of a table of
 * biases belongs to two positions, which pairs of positions lie in one window, filters of blur pools, bands of rotary
 * embeddings.
 *
 * Source: `register_buffer` in timm 0.4 to 1.0, and what its `checkpoint_filter_fn` of each family drops.
 *
 * @module
 */

const ofAll = /\.num_batches_tracked$|^(optimizer|average|control|progress)(\.|$)/;

/** Names of tables, by how names of the family's members begin. */
const ofFamilies: readonly (readonly [start: RegExp, tables: RegExp])[] = [
  [/^(beit|swin|maxvit|coatnet|maxxvit|coatnext)/, /(^|\.)relative_position_index$/],
  [/^swin/, /(^|\.)(attn_mask|relative_coords_table)$/],
  [/^(beit|eva|swinv2)/, /(^|\.)k_bias$/],
  [/^(eva|vit)/, /(^|\.)rope\.(freqs_cos|freqs_sin|bands|periods|pos_embed|pos_embed_cached|inv_freq)$/],
  [/^(resnet|ecaresnet|seresnet|tresnet|skresnet|resnest|convmixer|mobilenetv4)/, /(^|\.)filt$/],
];

/**
 * Whether a tensor of a file is none of its network's parameters, and no result depends on it.
 *
 * @param name The tensor.
 * @param architecture timm's name of the network; without one only what every network's file may have is passed over.
 * @returns Whether it is so.
 */
export function isPassedOver(name: string, architecture = ""): boolean {
  return ofAll.test(name) || ofFamilies.some(([start, tables]) => start.test(architecture) && tables.test(name));
}
