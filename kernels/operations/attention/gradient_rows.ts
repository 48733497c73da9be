/**
 * The gradients of attention in the software profile: an invocation has a query, whose vectors and sums it keeps in registers,
 * and walks over the keys; or a key with its value, and walks over the queries.
 *
 * @module
 */

import type { Kernel, StatedBindings } from "../../engine/kernel.ts";
import { itemKernel, subgroupKernel, type Target, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { laneRows, shareRows } from "./lane_rows.ts";
import { pairScores } from "./pair_scores.ts";
import { readParts } from "./part_reads.ts";
import { type AttentionShape, headVectors, outputPlace, type Part } from "./shape.ts";

/** Vectors of a head of which an invocation has two rows: half the loads; more would not stay near, and compile for long. */
const SMALL = 16;

/** Rows of an invocation at most. */
function rowsOf(shape: AttentionShape): number {
  return headVectors(shape) <= SMALL ? 2 : 1;
}

/** Rows of the other side in a turn of the loop. */
const TURN = 1;

/** What both kernels are made of. */
function walk(shape: AttentionShape, target: Target, side: "query" | "key") {
  const vectors = range(headVectors(shape));
  const reads = readParts(shape, ["outputGradient"], target);
  const scores = pairScores(shape, reads, target);
  const positions = { query: "queries", key: "keys" } as const;
  const rows = shape[positions[side]];
  const byLanes = laneRows(rows, rowsOf(shape), target);
  const each = byLanes?.each ?? rowsOf(shape);
  const shared = byLanes && shareRows(shape, TURN, byLanes.lanes);
  const other = side === "query" ? "key" : "query";
  /** Statements that find the rows of a query or key. */
  const locate = (kind: "query" | "key", row: number, position: string) =>
    kind === "query"
      ? wgsl`
        let query${row}Position = min(${position} + ${row}u, parameters.queries - 1u);
        let query${row}Row = ${reads.placeOf("query", `query${row}Position`)};
        let gradient${row}Row = ${outputPlace(shape, `query${row}Position`)};
        let statistics${row} = queryStatistics[(entry * parameters.heads + head) * parameters.queries + query${row}Position];
        ${scores.locate("query", `query${row}`, `query${row}Position`)}
      `
      : wgsl`
        let key${row}Position = min(${position} + ${row}u, parameters.keys - 1u);
        let key${row}Row = ${reads.placeOf("key", `key${row}Position`)};
        let value${row}Row = ${reads.placeOf("value", `key${row}Position`)};
        ${scores.locate("key", `key${row}`, `key${row}Position`)}
      `;
  const load = (kind: "query" | "key", row: number, v: number) =>
    kind === "query"
      ? wgsl`
        let query${row}_${v} = ${reads.loadPart("query", `(query${row}Row + ${v}u)`)};
        let gradient${row}_${v} = ${reads.load("outputGradient", `(gradient${row}Row + ${v}u)`)};
      `
      : wgsl`
        let key${row}_${v} = ${reads.loadPart("key", `(key${row}Row + ${v}u)`)};
        let value${row}_${v} = ${reads.loadPart("value", `(value${row}Row + ${v}u)`)};
      `;
  const own = range(each);
  const turn = range(TURN);
  /** Statements that read the other side's vectors of a turn, all lanes together. */
  const readShared = () => {
    if (!shared) return [];
    const positionOf = (row: string) => `min(turn + ${row}, parameters.${positions[other]} - 1u)`;
    const read = (part: Part) =>
      shared.read(part, (row, v) => reads.loadPart(part, `(${reads.placeOf(part, positionOf(row))} + ${v})`));
    if (other === "key") return [...read("key"), ...read("value")];
    const readGradient = (row: string, v: string) =>
      reads.load("outputGradient", `(${outputPlace(shape, positionOf(row))} + ${v})`);
    return [...read("query"), ...shared.read("gradient", readGradient)];
  };
  /** Statements that name a vector of a row of the other side. */
  const loadOther = (row: number, v: number) =>
    shared
      ? (other === "key" ? ["key", "value"] : ["query", "gradient"]).map((name) =>
        `let ${name}${row}_${v} = ${shared.value(name, row, v)};`
      )
      : [load(other, row, v)];
  const pairs = own.flatMap((o) => turn.map((t) => side === "query" ? [o, t] as const : [t, o] as const));
  const shares = pairs.map(([q, k]) => {
    const score = scores.score(`score${q}_${k} * parameters.scale`, `query${q}`, `key${k}`);
    const inside = `turn + ${side === "query" ? k : q}u < parameters.${positions[other]}`;
    return wgsl`
      let share${q}_${k} = select(0.0, exp(${score} - statistics${q}.x), ${inside});
      let slope${q}_${k} = share${q}_${k} * (shareGradient${q}_${k} - statistics${q}.y);
    `;
  });
  const products = vectors.flatMap((v) => [
    ...turn.flatMap((t) => loadOther(t, v)),
    ...pairs.flatMap(([q, k]) => [
      `score${q}_${k} += dot(query${q}_${v}, key${k}_${v});`,
      `shareGradient${q}_${k} += dot(gradient${q}_${v}, value${k}_${v});`,
    ]),
  ]);
  return {
    byLanes,
    blocks: byLanes?.blocks ?? Math.ceil(rows / each),
    vectors,
    own,
    turn,
    reads,
    scores,
    begin: own.map((o) =>
      wgsl`
        ${locate(side, o, "first")}
        ${vectors.map((v) => load(side, o, v))}
      `
    ).concat(shared?.begin ?? []),
    step: wgsl`
      ${turn.map((t) => locate(other, t, "turn"))}
      ${readShared()}
      ${pairs.flatMap(([q, k]) => [`var score${q}_${k} = 0.0;`, `var shareGradient${q}_${k} = 0.0;`])}
      ${products}
      ${shares}
    `,
  };
}

function gradientKernel(
  shape: AttentionShape,
  target: Target,
  options: {
    name: string;
    side: "query" | "key";
    text: ReturnType<typeof walk>;
    outputs: StatedBindings;
    sums: string[];
    add: string[];
    store: (row: number) => string;
  },
): Kernel {
  const { name, side, text, outputs, sums, add, store } = options;
  const { batch, queries, keys, heads, scale, headChannels } = shape;
  const { profile, storage } = target;
  const positions = side === "query" ? "queries" : "keys";
  const others = side === "query" ? "keys" : "queries";
  const { byLanes, blocks } = text;
  const block = byLanes ? `(item % parameters.blocks * ${byLanes.lanes}u + local)` : "item % parameters.blocks";
  const stores = text.own.map((o) =>
    wgsl`
      if (first + ${o}u < parameters.${positions}) {
        ${store(o)}
      }
    `
  );
  const kernel = {
    name: `${name} rows of ${headChannels}${text.scores.label} ${storage}`,
    profile,
    bindings: { ...text.reads.bindings, ...text.scores.bindings, queryStatistics: "vec2<f32>", ...outputs },
    parameters: [
      { name: "queries", value: queries },
      { name: "keys", value: keys },
      { name: "heads", value: heads },
      { name: "blocks", value: blocks },
      { name: "scale", type: "f32" as const, value: scale },
      ...text.reads.parameters,
      ...text.scores.parameters,
    ],
    functions: text.scores.functions,
    body: wgsl`
      let first = ${block} * ${text.own.length}u;
      let head = item / parameters.blocks % parameters.heads;
      let entry = item / parameters.blocks / parameters.heads;
      ${text.begin}
      ${sums}
      for (var turn = 0u; turn < parameters.${others}; turn += ${TURN}u) {
        ${text.step}
        ${add}
      }
      ${stores}
    `,
  };
  const items = batch * heads * blocks;
  return byLanes
    ? subgroupKernel({ ...kernel, lanes: byLanes.lanes, items })
    : itemKernel({ ...kernel, items, workgroup: 8 });
}

/**
 * The gradient of the queries.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `outputGradient`, `biasTable` if there is one, `queryStatistics` and
 * `queryGradient`, which has the shape of the queries' tensor.
 */
export function queryGradientRows(shape: AttentionShape, target: Target): Kernel {
  const text = walk(shape, target, "query");
  const { vectors, own, turn } = text;
  const vector = vectorType(target.storage);
  const along = (q: number, v: number) => turn.map((k) => `slope${q}_${k} * key${k}_${v}`).join(" + ");
  return gradientKernel(shape, target, {
    name: "attention query gradient",
    side: "query",
    text,
    outputs: { queryGradient: vector },
    sums: own.flatMap((q) => vectors.map((v) => `var sum${q}_${v} = vec4<f32>(0.0);`)),
    add: own.flatMap((q) => vectors.map((v) => `sum${q}_${v} += ${along(q, v)};`)),
    store: (q) =>
      wgsl`
        ${vectors.map((v) => `queryGradient[query${q}Row + ${v}u] = ${vector}(sum${q}_${v} * parameters.scale);`)}
      `,
  });
}

/**
 * The gradients of keys and values.
 *
 * @param shape The attention.
 * @param options `together` whether one tensor holds both gradients; profile and storage.
 * @returns A kernel with the bindings of the parts, `outputGradient`, `biasTable` if there is one, `queryStatistics`, and
 * `keyGradient` and `valueGradient`, or `keyValueGradient`, in the shapes of the tensors of keys and values.
 */
export function keyValueGradientRows(
  shape: AttentionShape,
  { together, ...target }: { together: boolean } & Target,
): Kernel {
  const text = walk(shape, target, "key");
  const { vectors, own, turn } = text;
  const vector = vectorType(target.storage);
  const [keys, values] = together ? ["keyValueGradient", "keyValueGradient"] : ["keyGradient", "valueGradient"];
  const keySum = (k: number, v: number) => turn.map((q) => `slope${q}_${k} * query${q}_${v}`).join(" + ");
  const valueSum = (k: number, v: number) => turn.map((q) => `share${q}_${k} * gradient${q}_${v}`).join(" + ");
  return gradientKernel(shape, target, {
    name: `attention key ${together ? "value" : "and value"} gradient`,
    side: "key",
    text,
    outputs: { [keys]: vector, [values]: vector },
    sums: own.flatMap((k) =>
      vectors.flatMap((v) => [
        `var keySum${k}_${v} = vec4<f32>(0.0);`,
        `var valueSum${k}_${v} = vec4<f32>(0.0);`,
      ])
    ),
    add: own.flatMap((k) =>
      vectors.flatMap((v) => [
        `keySum${k}_${v} += ${keySum(k, v)};`,
        `valueSum${k}_${v} += ${valueSum(k, v)};`,
      ])
    ),
    store: (k) =>
      wgsl`
        ${
        vectors.flatMap((v) => [
          `${keys}[key${k}Row + ${v}u] = ${vector}(keySum${k}_${v} * parameters.scale);`,
          `${values}[value${k}Row + ${v}u] = ${vector}(valueSum${k}_${v});`,
        ])
      }
      `,
  });
}
