/**
 * Logits of groups of classes: that of a group is the logarithm of the sum of its classes' exponentials,
 *
 *     y[g] = log(sum over c in g of exp(x[c])),
 *
 * so that softmax(y) has the sums of the classes' probabilities, but for those that are in no group. A group without classes
 * has {@linkcode NEVER}.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** The logit of a group that has no class: far below all others, and finite in every type that scores are stored in. */
export const NEVER = -10000;

/** Classes of each group. */
export type ClassGroups = readonly (readonly number[])[];

/**
 * The logits of groups on the CPU.
 *
 * @param logits `[..., classes]`, not padded.
 * @param classes How many there are.
 * @param groups Classes of each group.
 * @returns `[..., groups]`.
 */
export function classSumsReference(logits: ArrayLike<number>, classes: number, groups: ClassGroups): Float64Array {
  const sums = new Float64Array(logits.length / classes * groups.length);
  for (let index = 0; index < sums.length; index++) {
    const first = Math.floor(index / groups.length) * classes;
    const own = groups[index % groups.length].map((c) => logits[first + c]);
    const largest = Math.max(...own);
    sums[index] = own.length === 0
      ? NEVER
      : largest + Math.log(own.reduce((sum, logit) => sum + Math.exp(logit - largest), 0));
  }
  return sums;
}

/**
 * The table that {@linkcode classSumsKernel} reads.
 *
 * @param groups Classes of each group.
 * @returns Where each group's classes begin, and the end of the last, counted in u32; then the classes.
 */
export function classGroupTable(groups: ClassGroups): Uint32Array<ArrayBuffer> {
  const members = groups.flat();
  const table = new Uint32Array(groups.length + 1 + members.length);
  let first = groups.length + 1;
  groups.forEach((group, index) => {
    table[index] = first;
    first += group.length;
  });
  table[groups.length] = first;
  table.set(members, groups.length + 1);
  return table;
}

/**
 * The logits of groups, one invocation for 4 groups of a position.
 *
 * @param options `shape` of the classes' logits; how many `groups` there are.
 * @returns A kernel with `logits` (a texture in the software profile) and the bindings `table` and `sums`.
 */
export function classSumsKernel(options: { shape: Shape; groups: number } & Target): Kernel {
  const { shape: [batch, height, width, classes], groups, profile, storage } = options;
  const reads = readTensors({ logits: storage }, profile);
  const vector = vectorType(storage);
  return itemKernel({
    name: `class sums ${storage}`,
    profile,
    bindings: { ...reads.bindings, table: readOnly("u32"), sums: vector },
    parameters: [
      { name: "classVectors", value: channelVectors(classes) },
      { name: "groups", value: groups },
      { name: "vectors", value: channelVectors(groups) },
    ],
    items: tensorVectors([batch, height, width, groups]),
    functions: `
fn logitOf(first: u32, class_: u32) -> f32 {
  let at = first + class_ / 4u;
  return ${reads.load("logits", "at")}[class_ % 4u];
}

fn sumOf(first: u32, group: u32) -> f32 {
  let start = table[group];
  let end = table[group + 1u];
  if (start == end) { return ${NEVER}.0; }
  var largest = logitOf(first, table[start]);
  for (var at = start + 1u; at < end; at++) { largest = max(largest, logitOf(first, table[at])); }
  var sum = 0.0;
  for (var at = start; at < end; at++) { sum += exp(logitOf(first, table[at]) - largest); }
  return largest + log(sum);
}
`,
    body: `  let lanes = item % parameters.vectors;
  let first = item / parameters.vectors * parameters.classVectors;
  var result = vec4<f32>(0.0);
  for (var lane = 0u; lane < min(parameters.groups - 4u * lanes, 4u); lane++) {
    result[lane] = sumOf(first, 4u * lanes + lane);
  }
  sums[item] = ${vector}(result);`,
  });
}
