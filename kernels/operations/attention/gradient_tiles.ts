/**
 * The gradients of attention in the GPU profile (Dao, "FlashAttention-2", 2023, algorithm 2): a workgroup has 32 queries and
 * walks over the keys, 32 at a time, or has 32 keys and walks over the queries. Each turn makes the shares and slopes of its
 * pairs from two products of tiles, and adds their products with rows of channels.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, spreadWorkgroups, type StatedBindings } from "../../engine/kernel.ts";
import { BUILTINS, type Target, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { pairScores } from "./pair_scores.ts";
import { readParts } from "./part_reads.ts";
import { type AttentionShape, headVectors, outputPlace, pairParameters } from "./shape.ts";
import {
  addChannels,
  addedScores,
  COLUMNS,
  ownVectors,
  storeProduct,
  TILE_PLACE,
  tileAdditions,
  tileCells,
  tileMemory,
  tileProduct,
  tileRows,
  type TileSide,
} from "./tile_memory.ts";

/** An invocation has 4 rows: registers of two products and their sums would not do for 8. */
const HALVES = 1;

/** Sums of a kernel: their name, what is multiplied with which rows of channels, and where they go. */
interface Sums {
  readonly name: string;
  readonly weight: "share" | "slope";
  readonly channels: Channels;
  readonly binding: string;
  /** The part whose gradient it is. */
  readonly part: "query" | "key" | "value";
}

type Channels = "query" | "key" | "value" | "outputGradient";

const POSITIONS = { query: "queries", outputGradient: "queries", key: "keys", value: "keys" } as const;

/**
 * A kernel of gradients.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @param options Its name; whether its rows are queries or keys; its sums.
 * @returns The kernel.
 */
function gradientTiles(
  shape: AttentionShape,
  target: Target,
  { name, side, sums }: { name: string; side: "query" | "key"; sums: readonly Sums[] },
): Kernel {
  const { storage, profile } = target;
  const { batch, heads, headChannels } = shape;
  const vectors = headVectors(shape);
  const own = ownVectors(vectors);
  const reads = readParts(shape, ["outputGradient"], target);
  const scores = pairScores(shape, reads, target);
  const vector = vectorType(storage);
  const other = side === "query" ? "key" : "query";
  const blocks = Math.ceil(shape[POSITIONS[side]] / tileRows(HALVES));
  const tile = (channels: Channels, first: string): TileSide => ({
    place: (row) => channels === "outputGradient" ? outputPlace(shape, row) : reads.placeOf(channels, row),
    load: (index) => channels === "outputGradient" ? reads.load(channels, index) : reads.loadPart(channels, index),
    first,
    end: `parameters.${POSITIONS[channels]}`,
  });
  const [ownGradient, otherGradient]: [Channels, Channels] = side === "query"
    ? ["outputGradient", "value"]
    : ["value", "outputGradient"];
  const statistics = (name: string, query: string) =>
    wgsl`
      let ${name} = queryStatistics[(entry * parameters.heads + head) * parameters.queries +
        min(${query}, parameters.queries - 1u)];
    `;
  const rowStatistics = (member: "x" | "y", h: number) =>
    `vec4<f32>(${range(4).map((lane) => `row${h * 4 + lane}.${member}`).join(", ")})`;
  const shares = tileCells(HALVES).map(([c, h]) => {
    const [sums, means] = side === "query"
      ? [rowStatistics("x", h), rowStatistics("y", h)]
      : [`column${c}.x`, `column${c}.y`];
    const inside = `first${c} < parameters.${POSITIONS[other]}`;
    return wgsl`
      let power_${c}_${h} = exp(${addedScores(scores, `score_${c}_${h}`, [c, h], HALVES)} - ${sums});
      let share_${c}_${h} = select(vec4<f32>(0.0), power_${c}_${h}, ${inside});
      let slope_${c}_${h} = share_${c}_${h} * (gradient_${c}_${h} - ${means});
    `;
  });
  const adds = sums.map(({ name, weight, channels }) =>
    wgsl`
      ${storeProduct((c, h) => `${weight}_${c}_${h}`, HALVES)}
      ${addChannels(name, tile(channels, "turn0"), vectors, HALVES)}
    `
  );
  const stores = range(4 * HALVES).map((r) =>
    wgsl`
      if (first + down * ${4 * HALVES}u + ${r}u < parameters.${POSITIONS[side]}) {
        ${
      sums.map(({ name, weight, binding, part }) => {
        const scale = weight === "slope" ? " * parameters.scale" : "";
        const store = own.map((i) =>
          wgsl`
            if (across + ${8 * i}u < ${vectors}u) {
              ${binding}[place + across + ${8 * i}u] = ${vector}(${name}${r}_${i}${scale});
            }
          `
        );
        return wgsl`
          {
            let place = ${reads.placeOf(part, `(first + down * ${4 * HALVES}u + ${r}u)`)};
            ${store}
          }
        `;
      })
    }
      }
    `
  );
  const outputs: StatedBindings = Object.fromEntries(sums.map(({ binding }) => [binding, vector]));
  const bindings = { ...reads.bindings, ...scores.bindings, queryStatistics: "vec2<f32>", ...outputs };
  const parameters = pairParameters(shape, blocks, [...reads.parameters, ...scores.parameters]);
  const main = wgsl`
    @compute @workgroup_size(64)
    fn main(${BUILTINS}) {
      let group = workgroup.y * workgroups.x + workgroup.x;
      if (group >= parameters.items) { return; }
      let first = group % parameters.blocks * ${tileRows(HALVES)}u;
      let head = group / parameters.blocks % parameters.heads;
      let entry = group / parameters.blocks / parameters.heads;
      ${TILE_PLACE}
      ${
    sums.flatMap(({ name }) =>
      range(4 * HALVES).flatMap((r) => own.map((i) => `var ${name}${r}_${i} = vec4<f32>(0.0);`))
    )
  }
      for (var turn0 = 0u; turn0 < parameters.${POSITIONS[other]}; turn0 += ${COLUMNS}u) {
        ${tileAdditions(scores, side, "turn0", HALVES)}
        ${tileProduct("score", tile(side, "first"), tile(other, "turn0"), vectors, HALVES)}
        ${tileProduct("gradient", tile(ownGradient, "first"), tile(otherGradient, "turn0"), vectors, HALVES)}
        ${range(4).map((c) => `let first${c} = turn0 + across * 4u + ${c}u;`)}
        ${
    side === "key"
      ? range(4).map((c) => statistics(`column${c}`, `first${c}`))
      : range(4 * HALVES).map((r) => statistics(`row${r}`, `first + down * ${4 * HALVES}u + ${r}u`))
  }
        ${shares}
        ${adds}
      }
      ${stores}
    }

  `;
  return {
    name: `${name} tiles of ${headChannels}${scores.label} ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${scores.functions}${tileMemory(HALVES)}\n${main}`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(batch * heads * blocks),
  };
}

/** The gradient of the queries; bindings as in `attentionQueryGradientKernel`. */
export function queryGradientTiles(shape: AttentionShape, target: Target): Kernel {
  return gradientTiles(shape, target, {
    name: "attention query gradient",
    side: "query",
    sums: [{ name: "sum", weight: "slope", channels: "key", binding: "queryGradient", part: "query" }],
  });
}

/** Vectors of a head whose gradients of key and value are both in registers. */
const TOGETHER = 16;

/**
 * The gradients of keys and values, of larger heads one after the other; bindings as in `attentionKeyValueGradientKernels`.
 *
 * @param shape The attention.
 * @param options `together` whether one tensor holds both gradients; profile and storage.
 * @returns One or two kernels.
 */
export function keyValueGradientTiles(
  shape: AttentionShape,
  { together, ...target }: { together: boolean } & Target,
): Kernel[] {
  const binding = (part: "key" | "value") => together ? "keyValueGradient" : `${part}Gradient`;
  const value: Sums = {
    name: "valueSum",
    weight: "share",
    channels: "outputGradient",
    binding: binding("value"),
    part: "value",
  };
  const key: Sums = { name: "keySum", weight: "slope", channels: "query", binding: binding("key"), part: "key" };
  const of = (what: string, sums: readonly Sums[]) =>
    gradientTiles(shape, target, { name: `attention ${what} gradient`, side: "key", sums });
  return headVectors(shape) <= TOGETHER
    ? [of(together ? "key value" : "key and value", [value, key])]
    : [of(together ? "value of two" : "value", [value]), of(together ? "key of two" : "key", [key])];
}
