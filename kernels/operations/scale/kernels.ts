/**
 * Learned factors and summands: y = w x + b, w and b numbers of each channel (layer scale, affine layers), of each of several
 * equal runs of channels (heads), or of all channels (star ReLU).
 *
 * A factor may be stored as its logarithm, w = exp(min(parameter, most)), as SwinV2's `logit_scale` is.
 *
 * Where the parameters are constants, w and b of each channel are made on the CPU, and fold into the convolution before
 * them. Where they are trained, parameters of each channel are read as they are, others are spread over the channels by a
 * small kernel.
 *
 * (Touvron et al., "Going Deeper with Image Transformers", 2021, section 3.2; Yu et al., "MetaFormer Baselines for Vision",
 * 2022, section 3.3; Liu et al., "Swin Transformer V2", 2022, section 3.3.)
 *
 * @module
 */

import { type Kernel, type Parameter, readOnly, type StatedBindings } from "../../engine/kernel.ts";
import { positionRuns } from "../shared/by_channel.ts";
import { channelVectors, itemKernel, realLanes, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** Parameters and the channels that they are spread over. */
export interface Spread {
  readonly channels: number;
  /** Elements of each parameter: `channels`, a divisor of it, or 1. */
  readonly elements: number;
  /** Whether the weight is the logarithm of the factor, and the largest that counts. */
  readonly exponential?: { readonly most: number };
}

/** Which parameters there are. */
export interface ScaleParts {
  readonly weight: boolean;
  readonly bias: boolean;
}

/**
 * Factor and summand of each channel.
 *
 * @param spread Channels, elements, and whether the weight is a logarithm.
 * @param parameters Weight and bias, `[elements]`, where there are such.
 * @returns `[channels]` each, in float64; 1 and 0 where there is no parameter.
 */
export function spreadScale(
  { channels, elements, exponential }: Spread,
  { weight, bias }: { readonly weight?: ArrayLike<number>; readonly bias?: ArrayLike<number> },
): { scale: Float64Array; shift: Float64Array } {
  const run = channels / elements;
  const factor = (value: number) => exponential ? Math.exp(Math.min(value, exponential.most)) : value;
  const each = (make: (element: number) => number) =>
    Float64Array.from({ length: channels }, (_, channel) => make(Math.floor(channel / run)));
  return {
    scale: each((element) => weight ? factor(weight[element]) : 1),
    shift: each((element) => bias ? bias[element] : 0),
  };
}

/**
 * The scaled tensor on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param factors Factor and summand of each channel, as {@linkcode spreadScale} gives them.
 * @returns The output, of the input's shape.
 */
export function scaleReference(
  input: ArrayLike<number>,
  { scale, shift }: Record<"scale" | "shift", ArrayLike<number>>,
): Float64Array {
  const channels = scale.length;
  return Float64Array.from(input, (value, index) => value * scale[index % channels] + shift[index % channels]);
}

/**
 * Factors and summands of each channel times and plus a tensor.
 *
 * @param options `shape` of input and output, and which of the two there are.
 * @returns A kernel with `input` (a texture in the software profile), `scale` and `shift` (f32 `[C]`, padded with zeros)
 * where there are such, and the binding `output`.
 */
export function scaleKernel(options: { shape: Shape } & ScaleParts & Target): Kernel {
  const { shape, weight, bias, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const channel = "vec4<f32>";
  return itemKernel({
    name: `scale ${partsName(options)}${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      ...(weight ? { scale: channel } : {}),
      ...(bias ? { shift: channel } : {}),
      output: vector,
    },
    ...positionRuns(
      shape,
      profile,
      `${weight ? "  let factor = scale[lanes];\n" : ""}${bias ? "  let summand = shift[lanes];\n" : ""}`,
      `    output[at] = ${vector}(${reads.load("input", "at")}${weight ? " * factor" : ""}${
        bias ? " + summand" : ""
      });`,
    ),
  });
}

/** What a kernel's name says of the parameters. */
export function partsName({ weight, bias }: ScaleParts): string {
  return `${weight ? "weight " : ""}${bias ? "bias " : ""}`;
}

/** The numbers that a factor is made with, and WGSL that makes it of a parameter. */
export function factorOf({ exponential }: Pick<Spread, "exponential">): {
  parameters: readonly Parameter[];
  expression: (value: string) => string;
} {
  return exponential
    ? {
      parameters: [{ name: "most", type: "f32", value: exponential.most }],
      expression: (value) => `exp(min(${value}, parameters.most))`,
    }
    : { parameters: [], expression: (value) => value };
}

/**
 * Spreads parameters over the channels.
 *
 * @param options Channels, elements, whether the weight is a logarithm, and which parameters there are.
 * @returns A kernel with the bindings `weight` and `bias` (f32 `[elements]`), `scale` and `shift` (f32 `[C]`, padded with
 * zeros), where there are such.
 */
export function spreadScaleKernel(options: Spread & ScaleParts & Pick<Target, "profile">): Kernel {
  const { channels, elements, exponential, weight, bias, profile } = options;
  const { parameters, expression } = factorOf(options);
  const spread = (name: string, value: (element: string) => string) =>
    `  ${name}[item] = select(vec4<f32>(0.0), vec4<f32>(${
      ["x", "y", "z", "w"].map((lane) => value(`element.${lane}`)).join(", ")
    }), ${realLanes("item", "parameters.channels")});\n`;
  const bindings: StatedBindings = {
    ...(weight ? { weight: readOnly("f32"), scale: "vec4<f32>" } : {}),
    ...(bias ? { bias: readOnly("f32"), shift: "vec4<f32>" } : {}),
  };
  return itemKernel({
    name: `spread scale ${partsName(options)}${exponential ? "exponential" : ""}`.trimEnd(),
    profile,
    bindings,
    parameters: [
      { name: "channels", value: channels },
      { name: "elements", value: elements },
      { name: "run", value: channels / elements },
      ...(weight ? parameters : []),
    ],
    items: channelVectors(channels),
    body: `  let channel = vec4<u32>(4u * item) + vec4<u32>(0u, 1u, 2u, 3u);
  let element = min(channel / parameters.run, vec4<u32>(parameters.elements - 1u));
${weight ? spread("scale", (element) => expression(`weight[${element}]`)) : ""}${
      bias ? spread("shift", (element) => `bias[${element}]`) : ""
    }`,
  });
}
