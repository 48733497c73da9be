/**
 * The small transformers of `fixtures/transformers`, as `make.py` there builds them with timm.
 *
 * @module
 */

import { loadParameters, openWeights } from "../../../formats/weights/mod.ts";
import {
  buildVisionTransformer,
  type VisionTransformerDescription,
} from "../../../kernels/networks/vision_transformer.ts";
import { tables } from "../../../kernels/networks/beit.ts";
import { axialRotary } from "../../../kernels/networks/eva.ts";
import { perceptronOfDistances } from "../../../kernels/networks/relative_vision_transformer.ts";
import { averaged, scales } from "../../../kernels/networks/vision_transformer_members.ts";
import type { Mixing } from "../../../kernels/networks/transformer_block.ts";
import { type Network, parameterShapes } from "../../../kernels/operations/network.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import { fromNCHW, type Parameters, type Tensor } from "./reference.ts";

type Member = Partial<VisionTransformerDescription>;

const gammas = (initial: number) => ({ layerScale: { names: ["gamma_1", "gamma_2"] as const, initial } });
const beit = {
  positions: "none",
  projections: "withoutKeyBias",
  pooling: "average",
  relativePosition: tables,
} as const;
const eva = { projections: "withoutKeyBias", pooling: "average" } as const;
const rotary = axialRotary({ headChannels: 8, reference: [5, 5] });
const relative = {
  ...averaged(0),
  ...scales(0.3),
  positions: "none",
  relativePosition: perceptronOfDistances(8),
} as const;

const MEMBERS: Readonly<Record<string, Member>> = {
  vit: {},
  vit_clip: { normBefore: true, activation: "quickGelu" },
  vit_registers: { ...averaged(2), ...scales(0.3), positions: "patches" },
  vit_gap: { ...averaged(0), projectionBias: false, normAfterAverage: false },
  vit_latent: { ...averaged(1), pooling: "latent", latentReadsPrefix: true },
  vit_siglip: { ...averaged(0), pooling: "latent" },
  vit_parallel: {
    ...averaged(1),
    positions: "patches",
    order: "parallel",
    layerScale: { names: ["ls.gamma", "ls.gamma"], initial: 0.3 },
  },
  vit_norm_last: { ...averaged(0), ...scales(0.3), order: "normLast", projectionBias: false },
  beit3: { attentionNorm: true, hiddenNorm: true, pooling: "average" },
  deit_distilled: {
    prefix: [{ parameter: "cls_token", count: 1 }, { parameter: "dist_token", count: 1 }],
    classifiers: ["head", "head_dist"],
  },
  deit3: { ...scales(0.3), positions: "patches" },
  beit: { ...beit, ...gammas(0.3) },
  beit_deep: { ...beit, ...gammas(0.2), heads: 4, depth: 3 },
  eva,
  eva02_packed: { ...eva, ...rotary, perceptron: "gatedJoint" },
  eva02: {
    ...eva,
    ...rotary,
    projections: "apart",
    perceptron: "gated",
    hiddenNorm: true,
    hiddenChannels: 30,
  },
  vit_rope: {
    ...gammas(0.3),
    ...axialRotary({ headChannels: 8, temperature: 100, indexing: "xy" }),
    positions: "patches",
  },
  vit_relpos: { ...relative, projectionBias: false },
  vit_relpos_cls: {
    ...relative,
    projectionBias: false,
    prefix: [{ parameter: "cls_token", count: 1 }],
    pooling: "token",
  },
  vit_srelpos: {
    ...relative,
    relativePosition: perceptronOfDistances(8, true),
    normAfterAverage: false,
  },
};

/** Names of the networks. */
export const TRANSFORMERS = Object.keys(MEMBERS);

/** Sizes of the fixtures' inputs, of which the first is the one that the weights are of. */
export const SIZES: readonly Pair[] = [[16, 16], [24, 24], [12, 20]];

/**
 * Builds a network.
 *
 * @param name One of {@linkcode TRANSFORMERS}.
 * @param options Its size, and what stands for the attention of the last block in the dense head of a class token.
 * @returns The network.
 */
export function buildTransformer(name: string, options: { size?: Pair; cells?: Mixing } = {}): Network {
  return buildVisionTransformer({
    ...{ name, classes: 6, ownSize: 16, patch: 4, channels: 16, heads: 2, hiddenChannels: 32, depth: 2 },
    ...MEMBERS[name],
    ...options,
  });
}

/** What timm computes, `[N, H, W, classes]` or `[N, classes]`. */
export interface Expected {
  /** In float32. */
  readonly single: Tensor;
  /** In float64, rounded. */
  readonly exact: Tensor;
}

/** A network's weights, and timm's results. */
export interface TransformerFixture {
  readonly parameters: Parameters;
  readonly input: Tensor;
  readonly pooled: Expected;
  /** By the rule of the dense head; `attention` is the last block as it is. */
  readonly dense: Partial<Record<Mixing, Expected>>;
}

/**
 * Reads what timm computes of a network at a size.
 *
 * @param name One of {@linkcode TRANSFORMERS}.
 * @param size One of {@linkcode SIZES}.
 * @returns The fixture, its parameters resampled to the size.
 */
export async function readTransformer(name: string, size: Pair): Promise<TransformerFixture> {
  const open = (file: string) => openWeights(new URL(`fixtures/transformers/${file}`, import.meta.url).pathname);
  const weights = await open(`${name}.safetensors`);
  const values = await open(`${name}.io.safetensors`);
  const prefix = size.join("x");
  const read = async (name: string): Promise<Tensor> => ({
    shape: values.shape(name),
    data: await values.read(name),
  });
  const both = async (name: string, change: (tensor: Tensor) => Tensor): Promise<Expected> => ({
    single: change(await read(`${prefix}.${name}`)),
    exact: change(await read(`${prefix}.${name}_exact`)),
  });
  try {
    const own = await loadParameters(parameterShapes(buildTransformer(name)), weights);
    const { resampled = {} } = buildTransformer(name, { size });
    const shapes = parameterShapes(buildTransformer(name, { size }));
    const parameters = new Map([...own].map(([name, stored]) => [name, {
      shape: shapes.get(name)!,
      data: (resampled[name]?.(stored) ?? stored.data) as Float32Array<ArrayBuffer>,
    }]));
    const dense: Partial<Record<Mixing, Expected>> = { attention: await both("dense", fromNCHW) };
    for (const rule of ["values", "alike", "classToken"] as const) {
      if (values.names.includes(`${prefix}.dense_${rule}`)) dense[rule] = await both(`dense_${rule}`, fromNCHW);
    }
    return {
      parameters,
      input: fromNCHW(await read(`${prefix}.input`)),
      pooled: await both("pooled", (t) => t),
      dense,
    };
  } finally {
    weights.close();
    values.close();
  }
}
