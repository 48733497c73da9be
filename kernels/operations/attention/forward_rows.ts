/**
 * Attention in the software profile: an invocation has a few queries, whose vectors and sums it keeps in registers, and walks
 * over the keys a few at a time with a running softmax (Milakov and Gimelshein, "Online normalizer calculation for
 * softmax", 2018): a score that exceeds the largest so far, m, makes the sums smaller by exp(m - m').
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, subgroupKernel, type Target, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { laneRows, shareRows } from "./lane_rows.ts";
import { pairScores } from "./pair_scores.ts";
import { readParts } from "./part_reads.ts";
import { type AttentionShape, headVectors, LOWEST } from "./shape.ts";

/** Keys of a turn of the loop. */
const TURN = 4;

/**
 * Vectors of sums that an invocation has. They lie in memory that is always near: half as many take llvmpipe 26 ms of CPU
 * time instead of 18 for 4 images of 197 tokens and 6 heads of 64, and compile in half the time.
 */
const SUMS = 64;

/** What a turn costs beside its products, as that of so many queries: the loads of keys and values. */
const LOADS = 5;

/** Queries of an invocation at most. */
function mostQueries({ headChannels }: AttentionShape): number {
  return Math.max(1, Math.min(8, Math.floor(SUMS * 4 / headChannels)));
}

/** Queries of an invocation: as few are left over as is worth it. */
function queriesOf(shape: AttentionShape): number {
  const { queries } = shape;
  const most = mostQueries(shape);
  const cost = (each: number) => Math.ceil(queries / each) * (each + LOADS);
  return [most, most - 1, 1].filter((each) => each > 0).reduce((best, each) => cost(each) < cost(best) ? each : best);
}

/**
 * Attention.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `biasTable` if there is one, `output` and `logSumExp`, f32
 * `[N, heads, queries]`: the logarithm of the sum of the powers of a query's scores, which the gradient reads.
 */
export function attentionRows(shape: AttentionShape, target: Target): Kernel {
  const { profile, storage } = target;
  const { batch, queries, keys, heads, scale } = shape;
  const byLanes = laneRows(queries, mostQueries(shape), target);
  const each = byLanes?.each ?? queriesOf(shape);
  const vectors = range(headVectors(shape));
  const own = range(each);
  const turn = range(TURN);
  const reads = readParts(shape, [], target);
  const scores = pairScores(shape, reads, target);
  const vector = vectorType(storage);
  const blocks = byLanes?.blocks ?? Math.ceil(queries / each);
  const shared = byLanes && shareRows(shape, TURN, byLanes.lanes);
  const keyOf = (row: string) => `min(turn + ${row}, parameters.keys - 1u)`;
  const readShared = (part: "key" | "value") =>
    shared?.read(part, (row, v) => reads.loadPart(part, `(${reads.placeOf(part, keyOf(row))} + ${v})`)) ?? [];
  const keyVector = (part: "key" | "value", k: number, v: number) =>
    shared?.value(part, k, v) ?? reads.loadPart(part, `(${part}Place${k} + ${v}u)`);
  const begin = own.map((q) =>
    wgsl`
      let position${q} = min(first + ${q}u, parameters.queries - 1u);
      let queryPlace${q} = ${reads.placeOf("query", `position${q}`)};
      ${vectors.map((v) => `let query${q}_${v} = ${reads.loadPart("query", `(queryPlace${q} + ${v}u)`)};`)}
      ${scores.locate("query", `query${q}`, `position${q}`)}
      ${vectors.map((v) => `var sum${q}_${v} = vec4<f32>(0.0);`)}
      var largest${q} = ${LOWEST};
      var total${q} = 0.0;
    `
  );
  const places = turn.map((k) =>
    wgsl`
      let asked${k} = ${keyOf(`${k}u`)};
      ${!shared && `let keyPlace${k} = ${reads.placeOf("key", `asked${k}`)};`}
      ${!shared && `let valuePlace${k} = ${reads.placeOf("value", `asked${k}`)};`}
      ${scores.locate("key", `key${k}`, `asked${k}`)}
      ${own.map((q) => `var score${q}_${k} = 0.0;`)}
    `
  );
  const products = vectors.flatMap((v) => [
    ...turn.map((k) => `let key${k}_${v} = ${keyVector("key", k, v)};`),
    ...own.flatMap((q) => turn.map((k) => `score${q}_${k} += dot(query${q}_${v}, key${k}_${v});`)),
  ]);
  const score = (q: number, k: number) => scores.score(`score${q}_${k} * parameters.scale`, `query${q}`, `key${k}`);
  const weigh = own.map((q) =>
    wgsl`
      ${turn.map((k) => `score${q}_${k} = select(${LOWEST}, ${score(q, k)}, turn + ${k}u < parameters.keys);`)}
      let top${q} = ${turn.reduce((most, k) => `max(${most}, score${q}_${k})`, `largest${q}`)};
      let shrink${q} = exp(largest${q} - top${q});
      ${turn.map((k) => `let share${q}_${k} = exp(score${q}_${k} - top${q});`)}
      total${q} = total${q} * shrink${q} + ${turn.map((k) => `share${q}_${k}`).join(" + ")};
      largest${q} = top${q};
    `
  );
  const weighed = (q: number, v: number) => turn.map((k) => `share${q}_${k} * value${k}_${v}`).join(" + ");
  const sums = vectors.flatMap((v) => [
    ...turn.map((k) => `let value${k}_${v} = ${keyVector("value", k, v)};`),
    ...own.map((q) => `sum${q}_${v} = sum${q}_${v} * shrink${q} + ${weighed(q, v)};`),
  ]);
  const stores = own.map((q) =>
    wgsl`
      if (first + ${q}u < parameters.queries) {
        let place = ((entry * parameters.queries + first + ${q}u) * parameters.heads + head) * ${vectors.length}u;
        ${vectors.map((v) => `output[place + ${v}u] = ${vector}(sum${q}_${v} / total${q});`)}
        logSumExp[(entry * parameters.heads + head) * parameters.queries + first + ${q}u] =
          largest${q} + log(total${q});
      }
    `
  );
  const kernel = {
    name: `attention rows of ${shape.headChannels} by ${each}${scores.label} ${storage}`,
    profile,
    bindings: { ...reads.bindings, ...scores.bindings, output: vector, logSumExp: "f32" },
    parameters: [
      { name: "queries", value: queries },
      { name: "keys", value: keys },
      { name: "heads", value: heads },
      { name: "blocks", value: blocks },
      { name: "scale", type: "f32" as const, value: scale },
      ...reads.parameters,
      ...scores.parameters,
    ],
    functions: scores.functions,
    body: wgsl`
      let block = item % parameters.blocks;
      let first = ${byLanes ? `(block * ${byLanes.lanes}u + local)` : "block"} * ${each}u;
      let head = item / parameters.blocks % parameters.heads;
      let entry = item / parameters.blocks / parameters.heads;
      ${begin}
      ${shared?.begin}
      for (var turn = 0u; turn < parameters.keys; turn += ${TURN}u) {
        ${places}
        ${readShared("key")}
        ${products}
        ${weigh}
        ${readShared("value")}
        ${sums}
      }
      ${stores}
    `,
  };
  const items = batch * heads * blocks;
  return byLanes
    ? subgroupKernel({ ...kernel, lanes: byLanes.lanes, items })
    : itemKernel({ ...kernel, items, workgroup: 8 });
}
