/**
 * Attention to race on: that of ViT-S, whose 6 heads have 64 channels each, with queries, keys and values on the device.
 *
 * @module
 */

import { attentionReference } from "../../kernels/operations/attention/reference.ts";
import { type AttentionShape, attentionShape, type Part } from "../../kernels/operations/attention/shape.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";
import type { Goal } from "./heat.ts";
import { JAX, ONNXRUNTIME, TFJS } from "./single.ts";

/** What is raced on. */
export interface AttentionWork {
  readonly name: string;
  readonly shape: AttentionShape;
  readonly goal: Goal;
}

/** Queries, keys and values, `[N, tokens, heads * headChannels]`, and the result on the CPU in the same shape. */
export interface AttentionNumbers extends Readonly<Record<Part, Float32Array<ArrayBuffer>>> {
  readonly expected: Float64Array;
}

const BATCH = 4;
const HEADS = 6;
const HEAD_CHANNELS = 64;

/** 196 or 784 patches and a class token. */
export const ATTENTIONS: readonly AttentionWork[] = [197, 785].map((tokens) => ({
  name: `attention of ViT-S, batch ${BATCH}, ${tokens} tokens`,
  shape: attentionShape({
    query: { tensor: "query", offset: 0 },
    key: { tensor: "key", offset: 0 },
    value: { tensor: "value", offset: 0 },
    heads: HEADS,
    headChannels: HEAD_CHANNELS,
    scale: HEAD_CHANNELS ** -0.5,
  }, () => [BATCH, 1, tokens, HEADS * HEAD_CHANNELS]),
  goal: { times: 3, peers: [TFJS, JAX, ONNXRUNTIME] },
}));

/** Makes the numbers of an attention: in [-2, 2), so that shares differ, the same every time. */
export function attentionNumbers({ shape }: AttentionWork): AttentionNumbers {
  const { batch, queries, heads, headChannels } = shape;
  const [query, key, value] = [1, 2, 3].map((seed) =>
    Float32Array.from(randomValues(batch * queries * heads * headChannels, seed, 2))
  );
  return { query, key, value, expected: attentionReference(shape, { query, key, value }) };
}

/** Floating-point operations, 10^9: two products and sums a pair and channel. */
export function attentionGigaflops({ batch, queries, keys, heads, headChannels }: AttentionShape): number {
  return 4 * batch * queries * keys * heads * headChannels / 1e9;
}
