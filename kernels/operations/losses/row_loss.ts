/**
 * What the losses share: a row of logits and a row of targets give one loss and a row of gradients; and the mean of the
 * losses, which a step leaves in a history that is read when it suits.
 *
 * Gradients are multiplied by the loss scale, which the device keeps and changes in the optimizer's control.
 *
 * A CPU runs an invocation for each row, which it reads through textures; a GPU a workgroup, whose invocations share
 * the classes and join what they have as a tree. Sums run in blocks: added one by one, tens of thousands of small
 * summands would be rounded away beside a large one.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, type Profile, spreadWorkgroups } from "../../engine/kernel.ts";
import { CONTROL } from "../shared/control.ts";
import { BUILTINS, channelVectors, realLanes, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { treeJoin } from "../shared/tree_join.ts";

/** Invocations that share a row on a GPU. */
const WORKERS = 64;

/** Vectors of a block. */
const BLOCK = 64;

/** Steps whose losses are kept. */
export const LOSS_HISTORY = 256;

/**
 * A loss by row, and its gradient.
 *
 * @param options `rows` of `classes` each. In WGSL, of logits `value` and targets `label`, both `vec4<f32>`: `sums`,
 * what is summed over the classes, by the name of the sum; `loss` made of the sums, `gradient` of all; `highest`
 * whether they need the row's `largest` logit; `functions` at module scope; `numbers`, which they read as f32 of
 * `parameters` by name. `gradientScale` is the factor of the gradient, beside the loss scale.
 * @returns A kernel with `logits`, `targets` (f32; both textures in the software profile), `control` (its loss scale is
 * read), `losses` (f32, `[rows]`) and `inputGradient`.
 */
export function rowLoss(
  options: {
    name: string;
    rows: number;
    classes: number;
    functions?: string;
    numbers?: Readonly<Record<string, number>>;
    highest: boolean;
    sums: Readonly<Record<string, string>>;
    loss: string;
    gradient: string;
    gradientScale: number;
  } & Target,
): Kernel {
  const { name, rows, classes, functions = "", numbers = {}, highest, sums, loss, gradient, gradientScale } = options;
  const { profile, storage } = options;
  const vector = vectorType(storage);
  const shared = profile === "gpu";
  const workers = shared ? WORKERS : 1;
  const reads = readTensors({ logits: storage, targets: "f32" }, profile);
  const bindings = { ...reads.bindings, control: "Control", losses: "f32", inputGradient: vector };
  const parameters = unsigned([
    { name: "rows", value: rows },
    { name: "vectors", value: channelVectors(classes) },
    { name: "classes", value: classes },
    { name: "gradientScale", type: "f32", value: gradientScale },
    ...Object.entries(numbers).map(([name, value]) => ({ name, type: "f32" as const, value })),
  ]);
  const real = realLanes("vector", "parameters.classes");
  const walk = (body: string, label = true) =>
    `  for (var vector = first; vector < parameters.vectors; vector += ${workers}u) {
    let at = row * parameters.vectors + vector;
    let value = ${reads.load("logits", "at")};
${label ? `    let label = ${reads.load("targets", "at")};\n` : ""}${body}  }
`;
  const join = (variable: string, operation?: (a: string, b: string) => string) =>
    shared ? treeJoin(variable, { workers: WORKERS, operation }) : "";
  const names = Object.keys(sums);
  const each = (line: (name: string) => string) => names.map(line).join("");
  const lowest = "vec4<f32>(-3.4028234e38)";
  return {
    name: `${name} ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}
${CONTROL}${functions}${shared ? `var<workgroup> partials: array<f32, ${WORKERS}>;\n` : ""}
@compute @workgroup_size(${shared ? WORKERS : 8})
fn main(${BUILTINS}) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = ${shared ? "group" : "group * 8u + local"};
  if (row >= parameters.rows) { return; }
  let first = ${shared ? "local" : "0u"};
${
      highest
        ? `  var highest = ${lowest};
${
          walk(`    highest = max(highest, select(${lowest}, value, ${real}));\n`, false)
        }  var largest = max(max(highest.x, highest.y), max(highest.z, highest.w));
${join("largest", (a, b) => `max(${a}, ${b})`)}`
        : ""
    }${each((sum) => `  var ${sum}Lanes = vec4<f32>(0.0);\n  var ${sum}Block = vec4<f32>(0.0);\n`)}${
      walk(`    let real = ${real};
${
        each((sum) => `    ${sum}Block += select(vec4<f32>(0.0), ${sums[sum]}, real);\n`)
      }    if (vector / ${workers}u % ${BLOCK}u == ${BLOCK - 1}u) {
${each((sum) => `      ${sum}Lanes += ${sum}Block;\n      ${sum}Block = vec4<f32>(0.0);\n`)}    }
`)
    }${
      each((sum) =>
        `  ${sum}Lanes += ${sum}Block;
  var ${sum} = ${["x", "y", "z", "w"].map((lane) => `${sum}Lanes.${lane}`).join(" + ")};
${join(sum)}`
      )
    }  let scale = parameters.gradientScale * control[0].lossScale;
  ${shared ? "if (local == 0u) { " : ""}losses[row] = ${loss};${shared ? " }" : ""}
${
      walk(`    let slope = scale * (${gradient});
    inputGradient[at] = ${vector}(select(vec4<f32>(0.0), slope, ${real}));
`)
    }}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(shared ? rows : Math.ceil(rows / 8)),
  };
}

/**
 * The mean of a step's losses, by one workgroup, in a fixed order, put into the history of losses.
 *
 * @param options How many `rows`.
 * @returns A kernel with the bindings `losses` (f32, `[rows]`), `turn` (u32, `[1]`, the number of the step) and `history`
 * (f32, `[LOSS_HISTORY]`), whose element `turn % LOSS_HISTORY` is written.
 */
export function stepLossKernel(options: { rows: number; profile: Profile }): Kernel {
  const { rows, profile } = options;
  const shared = profile === "gpu";
  const workers = shared ? WORKERS : 1;
  const bindings = { losses: "f32", turn: "u32", history: "f32" };
  const parameters = unsigned([{ name: "rows", value: rows }]);
  return {
    name: `step loss ${profile}`,
    code: `${declarations(bindings, parameters)}
${shared ? `var<workgroup> partials: array<f32, ${workers}>;\n` : ""}
@compute @workgroup_size(${workers})
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = 0.0;
  for (var row = local; row < parameters.rows; row += ${workers}u) { sum += losses[row]; }
${
      shared
        ? treeJoin("sum", { workers: WORKERS })
        : ""
    }  if (local == 0u) { history[turn[0] % ${LOSS_HISTORY}u] = sum / f32(parameters.rows); }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [1, 1, 1],
  };
}
