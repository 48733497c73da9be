/**
 * The gradient of the table of relative positions: each entry's sum of dL/ds over the pairs of patches at that distance. The
 * batch is cut into splits, whose sums are then added in order.
 *
 * @module
 */

import { type Kernel, scratch } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Target, vectorType } from "../shared/tensor.ts";
import { wgsl } from "../shared/wgsl.ts";
import { pairScores } from "./pair_scores.ts";
import { readParts } from "./part_reads.ts";
import { type AttentionShape, biasRows, headVectors } from "./shape.ts";

/** Entries of the batch in a split, where there are more than {@linkcode MOST_SPLITS} times fewer. */
const LEAST_EACH = 4;

/** Splits of the batch at most. */
const MOST_SPLITS = 64;

/** How the batch is cut: by its size alone. */
function splitBatch(batch: number): { splits: number; each: number } {
  const each = Math.max(LEAST_EACH, Math.ceil(batch / MOST_SPLITS));
  return { splits: Math.ceil(batch / each), each };
}

/**
 * The sums of each split of the batch.
 *
 * @param shape The attention, with a bias.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `outputGradient`, `biasTable`, `queryStatistics` and the scratch
 * `partials`, f32 `[splits, L, heads]`, heads padded.
 */
export function attentionBiasPartialsKernel(shape: AttentionShape, target: Target): Kernel {
  const { batch, queries, keys, heads, scale } = shape;
  const { profile, storage } = target;
  const bias = shape.bias!;
  const rows = biasRows(bias);
  const { splits, each } = splitBatch(batch);
  const reads = readParts(shape, ["outputGradient"], target);
  const scores = pairScores(shape, reads, target);
  const vectors = headVectors(shape);
  const slope = wgsl`
    fn slope(entry: u32, head: u32, asking: u32, asked: u32) -> f32 {
      let queryRow = ${reads.placeOf("query", "asking")};
      let keyRow = ${reads.placeOf("key", "asked")};
      let valueRow = ${reads.placeOf("value", "asked")};
      let gradientRow = ((entry * parameters.queries + asking) * parameters.heads + head) * ${vectors}u;
      var score = 0.0;
      var shareGradient = 0.0;
      for (var v = 0u; v < ${vectors}u; v++) {
        score += dot(${reads.loadPart("query", "(queryRow + v)")}, ${reads.loadPart("key", "(keyRow + v)")});
        shareGradient += dot(${reads.load("outputGradient", "(gradientRow + v)")}, ${
    reads.loadPart("value", "(valueRow + v)")
  });
      }
      ${scores.locate("query", "asking", "asking")}
      ${scores.locate("key", "asked", "asked")}
      let statistics = queryStatistics[(entry * parameters.heads + head) * parameters.queries + asking];
      return exp(${scores.score("score * parameters.scale", "asking", "asked")} - statistics.x) *
        (shareGradient - statistics.y);
    }
  `;
  const patches = wgsl`
    let dy = i32(row / parameters.biasSpan) - i32(parameters.biasHeight) + 1;
    let dx = i32(row % parameters.biasSpan) - i32(parameters.biasWidth) + 1;
    let top = u32(max(dy, 0));
    let bottom = u32(i32(parameters.biasHeight) + min(dy, 0));
    let left = u32(max(dx, 0));
    let right = u32(i32(parameters.biasWidth) + min(dx, 0));
    let back = dy * i32(parameters.biasWidth) + dx;
    for (var y = top; y < bottom; y++) {
      for (var x = left; x < right; x++) {
        let asking = y * parameters.biasWidth + x + ${bias.prefix}u;
        sum += slope(entry, head, asking, u32(i32(asking) - back));
      }
    }
  `;
  const pairs = bias.prefix
    ? wgsl`
      if (row + 3u < parameters.biasRows) {
        ${patches}
      } else if (row + 1u == parameters.biasRows) {
        sum += slope(entry, head, 0u, 0u);
      } else {
        let asks = row + 3u == parameters.biasRows;
        for (var token = 1u; token < parameters.queries; token++) {
          sum += slope(entry, head, select(token, 0u, asks), select(0u, token, asks));
        }
      }
    `
    : patches;
  return itemKernel({
    name: `attention bias partials of ${shape.headChannels}${scores.label} ${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      ...scores.bindings,
      queryStatistics: "vec2<f32>",
      partials: scratch("f32", splits * rows * channelVectors(heads) * 16),
    },
    parameters: [
      { name: "queries", value: queries },
      { name: "keys", value: keys },
      { name: "heads", value: heads },
      { name: "batch", value: batch },
      { name: "each", value: each },
      { name: "rows", value: rows },
      { name: "scale", type: "f32", value: scale },
      ...reads.parameters,
      ...scores.parameters,
    ],
    items: splits * rows * channelVectors(heads) * 4,
    workgroup: profile === "gpu" ? 64 : 8,
    functions: `${scores.functions}${slope}\n`,
    body: wgsl`
      let lanes = parameters.biasVectors * 4u;
      let head = item % lanes;
      let row = item / lanes % parameters.rows;
      let start = item / lanes / parameters.rows * parameters.each;
      var sum = 0.0;
      if (head < parameters.heads) {
        for (var entry = start; entry < min(start + parameters.each, parameters.batch); entry++) {
          ${pairs}
        }
      }
      partials[item] = sum;
    `,
  });
}

/**
 * The table's gradient.
 *
 * @param shape The attention, with a bias.
 * @param target Profile and storage.
 * @returns A kernel with the bindings `partials`, as {@linkcode attentionBiasPartialsKernel} wrote them, and `biasGradient`.
 */
export function attentionBiasGradientKernel(shape: AttentionShape, { profile, storage }: Target): Kernel {
  const items = biasRows(shape.bias!) * channelVectors(shape.heads);
  const vector = vectorType(storage);
  return itemKernel({
    name: `attention bias gradient ${storage}`,
    profile,
    bindings: { partials: "vec4<f32>", biasGradient: vector },
    parameters: [{ name: "splits", value: splitBatch(shape.batch).splits }],
    items,
    body: wgsl`
      var sum = vec4<f32>(0.0);
      for (var split = 0u; split < parameters.splits; split++) {
        sum += partials[split * parameters.items + item];
      }
      biasGradient[item] = ${vector}(sum);
    `,
  });
}
