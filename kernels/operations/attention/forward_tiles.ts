/**
 * Attention in the GPU profile: a workgroup has 64 or 32 queries of a head and walks over the keys, 32 at a time. Their scores are
 * a product of tiles; then each invocation takes the scores of one query, makes them shares with a running softmax (Dao et
 * al., "FlashAttention", 2022, algorithm 1), and says by which factor the sums so far become smaller.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, spreadWorkgroups } from "../../engine/kernel.ts";
import { BUILTINS, type Target, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { pairScores } from "./pair_scores.ts";
import { readParts } from "./part_reads.ts";
import { type AttentionShape, headVectors, LOWEST, pairParameters } from "./shape.ts";
import {
  addChannels,
  addedScores,
  COLUMNS,
  ownVectors,
  storeProduct,
  TILE_PLACE,
  tileAdditions,
  tileMemory,
  tileProduct,
  tileRows,
  type TileSide,
} from "./tile_memory.ts";

/** Vectors of a head whose sums of 8 queries are in registers. */
const TWO_HALVES = 16;

/**
 * Attention.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `biasTable` if there is one, `output` and `logSumExp`, as those of
 * `attentionRows`.
 */
export function attentionTiles(shape: AttentionShape, target: Target): Kernel {
  const { profile, storage } = target;
  const { batch, queries, heads, headChannels } = shape;
  const vectors = headVectors(shape);
  const reads = readParts(shape, [], target);
  const scores = pairScores(shape, reads, target);
  const vector = vectorType(storage);
  const halves = vectors <= TWO_HALVES ? 2 : 1;
  const rows = tileRows(halves);
  const blocks = Math.ceil(queries / rows);
  const side = (part: "query" | "key" | "value", first: string): TileSide => ({
    place: (row) => reads.placeOf(part, row),
    load: (index) => reads.loadPart(part, index),
    first,
    end: part === "query" ? "parameters.queries" : "parameters.keys",
  });
  const own = ownVectors(vectors);
  const columns = range(COLUMNS);
  const weigh = columns.map((k) =>
    wgsl`
      let score${k} = select(${LOWEST}, shares[${k}][local / 4u][local % 4u], asked + ${k}u < parameters.keys);
      top = max(top, score${k});
    `
  );
  const share = columns.map((k) =>
    wgsl`
      let share${k} = exp(score${k} - top);
      total += share${k};
      shares[${k}][local / 4u][local % 4u] = share${k};
    `
  );
  const lanes = (q: number) => `factor${q >> 2}.${"xyzw"[q % 4]}`;
  const readFactors = range(halves).map((h) => `let factor${h} = factors[down * ${halves}u + ${h}u];`);
  const shrink = range(4 * halves).flatMap((q) => own.map((i) => `sum${q}_${i} *= ${lanes(q)};`));
  const stores = range(4 * halves).map((q) =>
    wgsl`
      if (first + down * ${4 * halves}u + ${q}u < parameters.queries) {
        let place = ((entry * parameters.queries + first + down * ${
      4 * halves
    }u + ${q}u) * parameters.heads + head) * ${vectors}u;
        ${
      own.map((i) =>
        `if (across + ${8 * i}u < ${vectors}u) { output[place + across + ${8 * i}u] = ${vector}(sum${q}_${i} * ${
          lanes(q)
        }); }`
      )
    }
      }
    `
  );
  const bindings = { ...reads.bindings, ...scores.bindings, output: vector, logSumExp: "f32" };
  const parameters = pairParameters(shape, blocks, [...reads.parameters, ...scores.parameters]);
  const code = `${declarations(bindings, parameters)}${scores.functions}${tileMemory(halves)}
${wgsl`
    @compute @workgroup_size(64)
    fn main(${BUILTINS}) {
      let group = workgroup.y * workgroups.x + workgroup.x;
      if (group >= parameters.items) { return; }
      let first = group % parameters.blocks * ${rows}u;
      let head = group / parameters.blocks % parameters.heads;
      let entry = group / parameters.blocks / parameters.heads;
      ${TILE_PLACE}
      var largest = ${LOWEST};
      var total = 0.0;
      ${range(4 * halves).flatMap((q) => own.map((i) => `var sum${q}_${i} = vec4<f32>(0.0);`))}
      for (var asked = 0u; asked < parameters.keys; asked += ${COLUMNS}u) {
        ${tileAdditions(scores, "query", "asked", halves)}
        ${tileProduct("product", side("query", "first"), side("key", "asked"), vectors, halves)}
        ${storeProduct((c, h) => addedScores(scores, `product_${c}_${h}`, [c, h], halves), halves)}
        workgroupBarrier();
        if (local < ${rows}u) {
          var top = largest;
          ${weigh}
          let factor = exp(largest - top);
          total *= factor;
          ${share}
          largest = top;
          factors[local / 4u][local % 4u] = factor;
        }
        workgroupBarrier();
        {
          ${readFactors}
          ${shrink}
        }
        ${addChannels("sum", side("value", "asked"), vectors, halves)}
      }
      if (local < ${rows}u) { factors[local / 4u][local % 4u] = 1.0 / total; }
      workgroupBarrier();
      ${readFactors}
      if ((local < ${rows}u) & (first + local < parameters.queries)) {
        logSumExp[(entry * parameters.heads + head) * parameters.queries + first + local] = largest + log(total);
      }
      ${stores}
    }

  `}`;
  return {
    name: `attention tiles of ${headChannels}${scores.label} ${storage} ${profile}`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(batch * heads * blocks),
  };
}
