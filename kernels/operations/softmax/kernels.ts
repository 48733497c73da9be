/**
 * Softmax over the last axis: p[c] = exp((x[c] - m) / T) / sum over c of exp((x[c] - m) / T), m the largest x and T the
 * temperature. Subtracting m changes nothing but keeps every exponent at or below 0. Padding lanes take part in neither m nor the sum, and stay zero.
 *
 * A CPU runs an invocation for each row, which it reads three times through a texture; a GPU a workgroup, whose invocations
 * share the classes and join their maxima and sums as a tree.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  spreadWorkgroups,
  type Storage,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, realLanes, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { treeJoin } from "../shared/tree_join.ts";

/** Invocations that share a row on a GPU. */
const WORKERS = 64;

/**
 * Softmax on the CPU.
 *
 * @param logits `[rows, C]`, classes not padded.
 * @param classes Number of classes, C.
 * @returns `[rows, C]`.
 */
export function softmaxReference(logits: ArrayLike<number>, classes: number): Float64Array {
  const output = new Float64Array(logits.length);
  for (let row = 0; row < logits.length; row += classes) {
    let largest = -Infinity;
    for (let c = 0; c < classes; c++) largest = Math.max(largest, logits[row + c]);
    let sum = 0;
    for (let c = 0; c < classes; c++) sum += output[row + c] = Math.exp(logits[row + c] - largest);
    for (let c = 0; c < classes; c++) output[row + c] /= sum;
  }
  return output;
}

/**
 * Softmax.
 *
 * @param options `rows` of `classes` each; `temperature`, 1 unless given; `output` how the result is stored, as the input
 * unless given.
 * @returns A kernel with `input` (a texture in the software profile) and `output`, `[rows, C]`.
 */
export function softmaxKernel(
  options: { rows: number; classes: number; temperature?: number; output?: Storage } & Target,
): Kernel {
  const { rows, classes, temperature = 1, profile, storage, output = storage } = options;
  const vector = vectorType(output);
  const parameters: Parameter[] = [
    ...unsigned([
      { name: "rows", value: rows },
      { name: "vectors", value: channelVectors(classes) },
      { name: "classes", value: classes },
    ]),
    { name: "scale", type: "f32", value: 1 / temperature },
  ];
  const shared = profile === "gpu";
  const workers = shared ? WORKERS : 1;
  const reads = readTensors({ input: storage }, profile);
  const bindings = { ...reads.bindings, output: vector };
  // Padding counts as the lowest float in the maximum; its power is then 0 or, in a row of such floats, masked.
  const real = realLanes("vector", "parameters.classes");
  const walk = (body: string) =>
    `  for (var vector = first; vector < parameters.vectors; vector += ${workers}u) {
    let at = row * parameters.vectors + vector;
    let value = ${reads.load("input", "at")};
${body}
  }`;
  const power = `select(vec4<f32>(0.0), exp((value - largest) * parameters.scale), ${real})`;
  const join = (name: string, operation?: (a: string, b: string) => string) =>
    shared ? treeJoin(name, { workers: WORKERS, operation }) : "";
  return {
    name: `softmax ${storage}${output === storage ? "" : ` to ${output}`} ${profile}`,
    code: `${declarations(bindings, parameters)}
${shared ? `var<workgroup> partials: array<f32, ${WORKERS}>;\n` : ""}
@compute @workgroup_size(${shared ? WORKERS : 8})
fn main(${BUILTINS}) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = ${shared ? "group" : "group * 8u + local"};
  if (row >= parameters.rows) { return; }
  let first = ${shared ? "local" : "0u"};
  var highest = vec4<f32>(-3.4028234e38);
${walk(`    highest = max(highest, select(vec4<f32>(-3.4028234e38), value, ${real}));`)}
  var largest = max(max(highest.x, highest.y), max(highest.z, highest.w));
${
      join("largest", (a, b) =>
        `max(${a}, ${b})`)
    }  // In blocks: added one by one, tens of thousands of small powers would be rounded away beside a large one.
  var powers = vec4<f32>(0.0);
  var block = vec4<f32>(0.0);
${
      walk(`    block += ${power};
    if (vector / ${workers}u % 64u == 63u) {
      powers += block;
      block = vec4<f32>(0.0);
    }`)
    }
  powers += block;
  var sum = powers.x + powers.y + powers.z + powers.w;
${join("sum")}${walk(`    output[at] = ${vector}(${power} / sum);`)}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(shared ? rows : Math.ceil(rows / 8)),
  };
}
