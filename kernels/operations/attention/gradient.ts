/**
 * The gradients of attention as FlashAttention-2 has them (Dao, 2023, algorithm 2): the shares p = exp(s - log-sum-exp) are
 * made again of queries and keys, and sum over the keys of p dL/dp is the product of output and dL/doutput, one number a
 * query. One kernel walks over the keys for the gradient of queries, others over the queries for those of keys and values.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, type Target } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";
import { keyValueGradientRows, queryGradientRows } from "./gradient_rows.ts";
import { keyValueGradientTiles, queryGradientTiles } from "./gradient_tiles.ts";
import { type AttentionShape, headVectors } from "./shape.ts";

/**
 * What the gradients need of each query beside its row.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings `result` (the attention's output), `outputGradient`, `logSumExp` and
 * `queryStatistics`: f32 `[N, heads, queries, 2]`, the log-sum-exp and the product of output and gradient.
 */
export function attentionStatisticsKernel(shape: AttentionShape, target: Target): Kernel {
  const { batch, heads, queries } = shape;
  const reads = readTensors({ result: target.storage, outputGradient: target.storage }, target.profile);
  return itemKernel({
    name: `attention statistics ${target.storage}`,
    profile: target.profile,
    bindings: { ...reads.bindings, logSumExp: "f32", queryStatistics: "vec2<f32>" },
    parameters: [
      { name: "queries", value: queries },
      { name: "heads", value: heads },
      { name: "headVectors", value: headVectors(shape) },
    ],
    items: batch * heads * queries,
    body: wgsl`
      let head = item / parameters.queries % parameters.heads;
      let row = item / parameters.queries / parameters.heads * parameters.queries + item % parameters.queries;
      let first = (row * parameters.heads + head) * parameters.headVectors;
      var sum = vec4<f32>(0.0);
      for (var at = first; at < first + parameters.headVectors; at++) {
        sum += ${reads.load("result", "at")} * ${reads.load("outputGradient", "at")};
      }
      queryStatistics[item] = vec2<f32>(logSumExp[item], sum.x + sum.y + sum.z + sum.w);
    `,
  });
}

/**
 * The gradient of the queries.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `outputGradient`, `biasTable` if there is one, `queryStatistics` and
 * `queryGradient`, which has the shape of the queries' tensor.
 */
export function attentionQueryGradientKernel(shape: AttentionShape, target: Target): Kernel {
  return target.profile === "gpu" ? queryGradientTiles(shape, target) : queryGradientRows(shape, target);
}

/**
 * The gradients of keys and values.
 *
 * @param shape The attention.
 * @param options `together` whether one tensor holds both gradients; profile and storage.
 * @returns Kernels with the bindings of the parts, `outputGradient`, `biasTable` if there is one, `queryStatistics`, and
 * `keyGradient` and `valueGradient`, or `keyValueGradient`, in the shapes of the tensors of keys and values.
 */
export function attentionKeyValueGradientKernels(
  shape: AttentionShape,
  options: { together: boolean } & Target,
): Kernel[] {
  return options.profile === "gpu" ? keyValueGradientTiles(shape, options) : [keyValueGradientRows(shape, options)];
}
