/**
 * Dropping at random, in training: drop path (stochastic depth) drops the whole branch of an image, dropout channels. What
 * is kept is divided by the chance of being kept, so that the mean stays:
 *
 *     y[n, h, w, c] = x[n, h, w, c] / (1 - rate) if kept(n, c), else 0.
 *
 * Whether it is kept is decided by integers alone, and so is the same everywhere: a hash of the image's seed, the layer
 * and, for dropout, the channel is dropped if it is below 2^32 rate. All positions of a channel are kept or dropped
 * together: of a feature map that is averaged afterwards, this is dropout of the mean.
 *
 * The gradient is the same function of dL/dy.
 *
 * Sources: Huang et al., "Deep Networks with Stochastic Depth", 2016 (arXiv:1603.09382), with the scaling of timm's
 * `DropPath`; Srivastava et al., "Dropout", 2014, with PyTorch's.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { RANDOM_WORD, randomWord } from "../../../formats/base/random.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** What a drop sets to zero. */
export interface Drop {
  /** The chance of being dropped, at least 0 and below 1. */
  readonly rate: number;
  /** Number of the layer: layers of the same images drop independently. */
  readonly layer: number;
  /** What is dropped together: an image, or a channel of one. */
  readonly by: "image" | "channel";
}

/** Tensor of random numbers that drop path and dropout draw from, u32 `[N]`: the seeds of the images. */
export const SEEDS = "sample seeds";

/** Vectors of an image that an invocation on a CPU takes: it hashes once for them. */
const RUN = 16;

/** Hashes below it are dropped. */
function threshold(rate: number): number {
  if (!(rate >= 0 && rate < 1)) throw new RangeError(`Cannot drop at rate ${rate}: expected at least 0 and below 1`);
  return Math.floor(rate * 2 ** 32);
}

/**
 * Drops on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param seeds A u32 for each image.
 * @param options `shape` of the input, and what is dropped.
 * @returns `[N, H, W, C]`.
 * @throws {RangeError} If the rate is not in [0, 1).
 */
export function dropReference(
  input: ArrayLike<number>,
  seeds: Uint32Array,
  options: { shape: Shape } & Drop,
): Float64Array {
  const { shape: [, height, width, channels], rate, layer, by } = options;
  const below = threshold(rate);
  return Float64Array.from(input, (value, index) => {
    const image = Math.floor(index / (height * width * channels));
    const word = randomWord([seeds[image], layer], by === "channel" ? index % channels : 0);
    return word < below ? 0 : value / (1 - rate);
  });
}

/**
 * Drops images or channels.
 *
 * @param options `shape` of the input, and what is dropped.
 * @returns A kernel with `input` (a texture in the software profile) and the bindings `seeds` (u32, `[N]`) and `output`.
 * @throws {RangeError} If the rate is not in [0, 1).
 */
export function dropKernel(options: { shape: Shape } & Drop & Target): Kernel {
  const { shape, rate, layer, by, profile, storage } = options;
  const vector = vectorType(storage);
  const imageVectors = tensorVectors([1, shape[1], shape[2], shape[3]]);
  const run = profile === "gpu" ? 1 : RUN;
  const [parts, begin, end, stride] = by === "channel"
    ? [channelVectors(shape[3]), "part", "parameters.imageVectors", "parameters.parts"]
    : [Math.ceil(imageVectors / run), `part * ${run}u`, `min((part + 1u) * ${run}u, parameters.imageVectors)`, "1u"];
  const reads = readTensors({ input: storage }, profile);
  const word = (lane: number) => `randomWord(key, ${by === "channel" ? `4u * part + ${lane}u` : "0u"})`;
  const words = by === "channel" ? [0, 1, 2, 3].map(word).join(", ") : word(0);
  return itemKernel({
    name: `drop ${by} ${storage}`,
    profile,
    bindings: { ...reads.bindings, seeds: "u32", output: vector },
    parameters: [
      { name: "imageVectors", value: imageVectors },
      { name: "parts", value: parts },
      { name: "layer", value: layer },
      { name: "below", value: threshold(rate) },
      { name: "scale", type: "f32", value: 1 / (1 - rate) },
    ],
    items: shape[0] * parts,
    functions: RANDOM_WORD,
    body: `  let image = item / parameters.parts;
  let part = item % parameters.parts;
  let key = vec2<u32>(seeds[image], parameters.layer);
  let dropped = vec4<u32>(${words}) < vec4<u32>(parameters.below);
  let end = ${end};
  for (var place = ${begin}; place < end; place += ${stride}) {
    let at = image * parameters.imageVectors + place;
    output[at] = ${vector}(select(${reads.load("input", "at")} * parameters.scale, vec4<f32>(0.0), dropped));
  }`,
  });
}
