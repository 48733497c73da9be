/**
 * The k largest logits of every position, with their classes.
 *
 * The order is total, so that the same logits give the same classes everywhere:
 *
 * - larger values first; of equal values the lower class first; -0 equals 0 and comes out as 0;
 * - NaN after everything else, minus infinity included. A NaN is chosen only where fewer than k logits are numbers, and
 *   then its value is NaN: it never passes for a score.
 *
 * Kernels compare integers, since WGSL promises nothing about NaN: a positive float's bits with the sign bit set, a
 * negative one's bits inverted, order as the floats do; NaN becomes 1, and 0 is left to mean "none". The value written is
 * made from that key again.
 *
 * A CPU runs an invocation for each position. It keeps the best up to 16 in registers while it walks over the classes;
 * a larger k takes several walks, each of which looks only at what comes after the last class of the one before. On a GPU
 * a workgroup takes a position: each of its 64 invocations remembers the best of its own share of the classes, a tree finds
 * the best of all, and only the invocation that gave it searches its share again.
 *
 * Results are rank-major for each image, `[N, k, H * W]`, as label maps are stored.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, spreadWorkgroups } from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, realLanes, type Target, unsigned } from "../shared/tensor.ts";

/** What top-k works on. */
export interface TopKOptions {
  /** N. */
  readonly batch: number;
  /** H * W. */
  readonly positions: number;
  /** C; the logits are padded to a multiple of 4. */
  readonly classes: number;
  /** 1 to C. */
  readonly k: number;
}

/** The most ranks that one walk over the classes keeps in registers. */
const RANKS = 16;

/** Invocations that share a position on a GPU. */
const WORKERS = 64;

/**
 * Top-k on the CPU.
 *
 * @param logits `[N, H * W, C]`, classes not padded.
 * @param options Sizes and k.
 * @returns `value` and `class`, `[N, k, H * W]`.
 * @throws {RangeError} If k is not 1 to C.
 */
export function topKReference(
  logits: ArrayLike<number>,
  options: TopKOptions,
): { value: Float32Array<ArrayBuffer>; class: Uint32Array<ArrayBuffer> } {
  const { batch, positions, classes, k } = options;
  checkK(options);
  const value = new Float32Array(batch * k * positions);
  const classIndex = new Uint32Array(value.length);
  for (let cell = 0; cell < batch * positions; cell++) {
    const at = (index: number) => logits[cell * classes + index];
    const order = Array.from({ length: classes }, (_, index) => index).sort((a, b) =>
      Number(Number.isNaN(at(a))) - Number(Number.isNaN(at(b))) || (at(b) > at(a) ? 1 : at(b) < at(a) ? -1 : a - b)
    );
    const first = Math.floor(cell / positions) * k * positions + cell % positions;
    for (let rank = 0; rank < k; rank++) {
      value[first + rank * positions] = at(order[rank]) + 0;
      classIndex[first + rank * positions] = order[rank];
    }
  }
  return { value, class: classIndex };
}

function checkK({ k, classes }: TopKOptions): void {
  if (!Number.isInteger(k) || k < 1 || k > classes) {
    throw new RangeError(`Cannot take the top ${k} of ${classes} classes: k is 1 to the number of classes`);
  }
}

/**
 * Top-k.
 *
 * @param options Sizes and k; `storage` is that of the logits.
 * @returns A kernel with the bindings `logits`, `value` (f32) and `classes` (u32), the last two `[N, k, H * W]`.
 * @throws {RangeError} If k is not 1 to C.
 */
export function topKKernel(options: TopKOptions & Target): Kernel {
  const { batch, positions, classes, k, profile, storage } = options;
  checkK(options);
  const cells = batch * positions;
  const parameters = unsigned([
    { name: "cells", value: cells },
    { name: "positions", value: positions },
    { name: "vectors", value: channelVectors(classes) },
    { name: "classes", value: classes },
    { name: "k", value: k },
  ]);
  const masked = classes % 4 !== 0;
  // WGSL reserves the word `class`.
  const bindings = { logits: storage === "f16" ? "vec4<f16>" : "vec4<u32>", value: "f32", classes: "u32" };
  const kernel = { bindings: listBindings(bindings), parameters };
  const open = `${declarations(bindings, parameters)}
fn keysOf(cell: u32, vector: u32) -> vec4<u32> {
  let logit = logits[cell * parameters.vectors + vector];
  let bits = ${storage === "f16" ? "bitcast<vec4<u32>>(vec4<f32>(logit))" : "logit"};
  let negative = bits > vec4<u32>(0x80000000u);
  let ordered = select(bits | vec4<u32>(0x80000000u), ~bits, negative);
  let keys = select(ordered, vec4<u32>(1u), (bits & vec4<u32>(0x7fffffffu)) > vec4<u32>(0x7f800000u));
  return ${masked ? `select(vec4<u32>(0u), keys, ${realLanes("vector", "parameters.classes")})` : "keys"};
}

fn write(cell: u32, rank: u32, key: u32, classIndex: u32) {
  let bits = select(select(~key, key & 0x7fffffffu, key >= 0x80000000u), 0x7fc00000u, key == 1u);
  let index = (cell / parameters.positions * parameters.k + rank) * parameters.positions + cell % parameters.positions;
  value[index] = bitcast<f32>(bits);
  classes[index] = classIndex;
}
`;
  const name = `top-k ${storage}${masked ? " masked" : ""}`;
  if (profile === "gpu") {
    return {
      ...kernel,
      name: `${name} gpu`,
      code: open + sharedSearch(),
      workgroups: spreadWorkgroups(cells),
    };
  }
  const ranks = Math.ceil(k / Math.ceil(k / RANKS));
  return {
    ...kernel,
    name: `${name} ${ranks} ranks software`,
    code: open + registerSearch(ranks),
    workgroups: spreadWorkgroups(Math.ceil(cells / 8)),
  };
}

/** One invocation a position, `ranks` of its k at a time. */
function registerSearch(ranks: number): string {
  const each = Array.from({ length: ranks }, (_, rank) => rank);
  const last = ranks - 1;
  const moves = each.toReversed().map((rank) => {
    const stay = `select(key${rank}, key, key > key${rank})`;
    const stayClass = `select(class${rank}, classIndex, key > key${rank})`;
    if (rank === 0) return `  class0 = ${stayClass};\n  key0 = ${stay};`;
    return `  class${rank} = select(${stayClass}, class${rank - 1}, key > key${rank - 1});
  key${rank} = select(${stay}, key${rank - 1}, key > key${rank - 1});`;
  });
  const inserts = ["x", "y", "z", "w"].map((lane, index) => `        insert(keys.${lane}, vector * 4u + ${index}u);`);
  const stores = each.map((rank) =>
    `    if (rank + ${rank}u < parameters.k) { write(cell, rank + ${rank}u, key${rank}, class${rank}); }`
  );
  return `
var<private> bound: u32;
var<private> boundClass: u32;
${each.map((rank) => `var<private> key${rank}: u32;\nvar<private> class${rank}: u32;`).join("\n")}

fn insert(key: u32, classIndex: u32) {
  if (key <= key${last} || key > bound || (key == bound && classIndex <= boundClass)) { return; }
${moves.join("\n")}
}

@compute @workgroup_size(8)
fn main(${BUILTINS}) {
  let cell = (workgroup.y * workgroups.x + workgroup.x) * 8u + local;
  if (cell >= parameters.cells) { return; }
  bound = 0xffffffffu;
  for (var rank = 0u; rank < parameters.k; rank += ${ranks}u) {
${each.map((rank) => `    key${rank} = 0u;\n    class${rank} = 0u;`).join("\n")}
    for (var vector = 0u; vector < parameters.vectors; vector++) {
      let keys = keysOf(cell, vector);
      if (max(max(keys.x, keys.y), max(keys.z, keys.w)) > key${last}) {
${inserts.join("\n")}
      }
    }
${stores.join("\n")}
    bound = key${last};
    boundClass = class${last};
  }
}
`;
}

/** A workgroup a position. */
function sharedSearch(): string {
  const lanes = ["x", "y", "z", "w"].map((lane, index) =>
    `    {
      let classIndex = vector * 4u + ${index}u;
      let after = keys.${lane} < bound.x || (keys.${lane} == bound.x && classIndex > bound.y);
      if (keys.${lane} > best.x && after) { best = vec2<u32>(keys.${lane}, classIndex); }
    }`
  );
  const tree: string[] = [];
  for (let half = WORKERS / 2; half >= 1; half /= 2) {
    tree.push(`    workgroupBarrier();
    if (local < ${half}u) {
      let other = partials[local + ${half}u];
      if (other.x > partials[local].x || (other.x == partials[local].x && other.y < partials[local].y)) {
        partials[local] = other;
      }
    }`);
  }
  return `
var<workgroup> partials: array<vec2<u32>, ${WORKERS}>;

// The best of an invocation's share that comes after \`bound\`: key and class.
fn search(cell: u32, worker: u32, bound: vec2<u32>) -> vec2<u32> {
  var best = vec2<u32>(0u, 0xffffffffu);
  for (var vector = worker; vector < parameters.vectors; vector += ${WORKERS}u) {
    let keys = keysOf(cell, vector);
${lanes.join("\n")}
  }
  return best;
}

@compute @workgroup_size(${WORKERS})
fn main(${BUILTINS}) {
  let cell = workgroup.y * workgroups.x + workgroup.x;
  if (cell >= parameters.cells) { return; }
  var mine = search(cell, local, vec2<u32>(0xffffffffu, 0u));
  for (var rank = 0u; rank < parameters.k; rank++) {
    partials[local] = mine;
${tree.join("\n")}
    workgroupBarrier();
    let best = partials[0];
    workgroupBarrier();
    if (local == 0u) { write(cell, rank, best.x, best.y); }
    if (best.y / 4u % ${WORKERS}u == local) { mine = search(cell, local, best); }
  }
}
`;
}
