/**
 * timm's notation of mobile networks: `ir_r2_k3_s2_e6_c24_se0.25` is two inverted residuals with a kernel of 3 x 3, the
 * first of stride 2, six times as wide inside as outside, of 24 channels, with squeeze-and-excitation.
 *
 * | part | meaning |
 * | --- | --- |
 * | `cn`, `ds`, `dsa`, `ir`, `er`, `uir`, `mqa` | convolution; depthwise-separable block, or one with an activation at its end; inverted residual; one whose expansion is a k x k convolution; MobileNetV4's universal one; attention of many queries to one key and value |
 * | `r`, `k`, `s`, `e`, `c` | repeats, kernel, stride, expansion, channels |
 * | `se` | channels of the squeeze over those of the block's input, or of its inside |
 * | `a`, `p` | kernels of `uir`'s first and last depthwise convolution, 0 for none |
 * | `fc` | channels that the expansion counts from, in place of the input's |
 * | `gs` | channels of a group of the k x k convolution |
 * | `h`, `d`, `v` | heads of an attention, channels of each, and stride of its keys and values |
 * | `nre`, `nsw` | ReLU or SiLU in place of the network's activation |
 * | `skip`, `noskip` | a residual also in `cn`, or none |
 * | `d1` | space to depth: from here to the next stride of 2, blocks work on images of half the sides |
 *
 * Sources: timm 1.0.31, `decode_arch_def`, after the notation of Tan et al., "MnasNet", 2019; scaling of depth and width:
 * Tan and Le, "EfficientNet", 2019, section 3.3.
 *
 * @module
 */

import type { ActivationFunction } from "../operations/activation/functions/mod.ts";
import { makeDivisible, roundHalfToEven } from "./channels.ts";

/** Kinds of blocks by their names in the notation. */
const BLOCK_TYPES = {
  cn: "convolution",
  ds: "depthwiseSeparable",
  dsa: "depthwiseSeparable",
  ir: "invertedResidual",
  er: "fusedInvertedResidual",
  uir: "universalInvertedResidual",
  mqa: "multiQueryAttention",
} as const;

/** One block of a mobile network. */
export interface MobileBlock {
  readonly type: (typeof BLOCK_TYPES)[keyof typeof BLOCK_TYPES];
  readonly kernel: number;
  /** Kernels of the universal block's first and last depthwise convolution, 0 for none. */
  readonly startKernel: number;
  readonly endKernel: number;
  readonly stride: number;
  /** Width of the block's inside over its input. */
  readonly expansion: number;
  /** What the expansion multiplies, if not the input's channels. */
  readonly expansionFrom?: number;
  readonly channels: number;
  /** Channels of a group of the k x k convolution; if left out, one group, or a depthwise convolution's one channel. */
  readonly groupWidth?: number;
  /** Channels of the squeeze over those of the block's input or inside; 0 for none. */
  readonly squeezeExcitation: number;
  /** Whether there is a residual where the shape stays. */
  readonly residual: boolean;
  /** Whether a depthwise-separable block ends in an activation. */
  readonly activated: boolean;
  /** An activation in place of the network's. */
  readonly activation?: ActivationFunction;
  /** Whether a space to depth begins with the block. */
  readonly spaceToDepth: boolean;
  /** Heads of an attention, channels of each, and the stride of its keys and values; without meaning elsewhere. */
  readonly heads: number;
  readonly headChannels: number;
  readonly keyStride: number;
}

/** How a network is scaled. */
export interface MobileScale {
  /** Multiplies the channels, which stay multiples of 8; default 1. */
  readonly width?: number;
  /** The least share of a width that rounding may leave; default 0.9. */
  readonly leastWidth?: number;
  /** Multiplies the blocks of all stages, or of each; default 1. */
  readonly depth?: number | readonly number[];
  /** How a stage's blocks are rounded; default `"up"`. */
  readonly depthRounding?: "up" | "nearest";
  /** Whether the first and the last stage keep their number of blocks; default false. */
  readonly fixedEnds?: boolean;
}

/**
 * Reads and scales stages.
 *
 * @param stages For each stage the runs of its blocks in timm's notation.
 * @param scale Multipliers of width and depth.
 * @returns For each stage its blocks; only the first has a stride.
 * @throws {SyntaxError} If a run is not in the notation.
 */
export function mobileStages(stages: readonly (readonly string[])[], scale: MobileScale = {}): MobileBlock[][] {
  const { depth = 1, fixedEnds = false } = scale;
  return stages.map((texts, stage) => {
    const runs = texts.map((text) => readRun(text, scale));
    const fixed = fixedEnds && (stage === 0 || stage === stages.length - 1);
    const multiplier = fixed ? 1 : typeof depth === "number" ? depth : depth[stage];
    const repeats = scaleRepeats(runs.map(({ repeats }) => repeats), multiplier, scale.depthRounding ?? "up");
    const blocks = runs.flatMap(({ block }, index) => new Array<MobileBlock>(repeats[index]).fill(block));
    return blocks.map((block, index) => index === 0 ? block : { ...block, stride: 1 });
  });
}

function readRun(text: string, { width = 1, leastWidth }: MobileScale): { block: MobileBlock; repeats: number } {
  const [name, ...parts] = text.split("_");
  if (!Object.hasOwn(BLOCK_TYPES, name)) throw new SyntaxError(`Cannot read block "${text}": unknown type "${name}"`);
  const type = BLOCK_TYPES[name as keyof typeof BLOCK_TYPES];
  const numbers = new Map<string, number>();
  for (const part of parts) {
    const match = /^([a-z]+)(\d+(?:\.\d+)?)$/.exec(part);
    if (match) numbers.set(match[1], Number(match[2]));
    else if (!["skip", "noskip", "nre", "nsw"].includes(part)) {
      throw new SyntaxError(`Cannot read block "${text}": unknown part "${part}"`);
    }
  }
  const number = (key: string, fallback?: number): number => {
    const value = numbers.get(key) ?? fallback;
    if (value === undefined) throw new SyntaxError(`Cannot read block "${text}": it has no ${key}`);
    return value;
  };
  const round = (channels: number) => makeDivisible(channels * width, 8, leastWidth);
  const activation = parts.includes("nre") ? "relu" : parts.includes("nsw") ? "silu" : undefined;
  const groupWidth = numbers.get("gs");
  const expansionFrom = numbers.get("fc");
  const block: MobileBlock = {
    type,
    kernel: number("k"),
    startKernel: number("a", 0),
    endKernel: number("p", 0),
    stride: number("s"),
    expansion: type === "depthwiseSeparable" ? 1 : number("e", 1),
    channels: round(number("c")),
    squeezeExcitation: number("se", 0),
    residual: type === "convolution" ? parts.includes("skip") : name !== "dsa" && !parts.includes("noskip"),
    activated: name === "dsa",
    spaceToDepth: name !== "mqa" && number("d", 0) > 0,
    heads: number("h", 1),
    headChannels: number("d", 0),
    keyStride: number("v", 1),
    ...(activation ? { activation } : {}),
    ...(groupWidth ? { groupWidth } : {}),
    ...(expansionFrom ? { expansionFrom: round(expansionFrom) } : {}),
  };
  return { block, repeats: number("r") };
}

/** Scales the sum of a stage's repeats and shares it among its runs, beginning with the last. */
function scaleRepeats(repeats: readonly number[], multiplier: number, rounding: "up" | "nearest"): number[] {
  let left = repeats.reduce((sum, repeat) => sum + repeat, 0);
  let scaled = rounding === "up" ? Math.ceil(left * multiplier) : Math.max(1, roundHalfToEven(left * multiplier));
  return repeats.toReversed().map((repeat) => {
    const share = Math.max(1, roundHalfToEven(repeat / left * scaled));
    left -= repeat;
    scaled -= share;
    return share;
  }).reverse();
}
