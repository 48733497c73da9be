/**
 * The norm of all gradients together, and whether one of them is infinite or NaN: a reduction in two stages, both in a
 * fixed order. The first leaves at most {@linkcode MOST_PARTIALS} partial sums of squares and counts of elements that are
 * not finite; the second is the beginning of the kernel that decides on the step (`prepare_step.ts`).
 *
 * Elements are divided by the loss scale before they are squared, since squares of scaled gradients may overflow. Whether
 * an element is finite is read from its bits: a compiler may take `x == x` for true.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, type Profile, scratch, spreadWorkgroups } from "../engine/kernel.ts";
import { BUILTINS, unsigned } from "../operations/shared/tensor.ts";
import { treeJoin } from "../operations/shared/tree_join.ts";
import { CONTROL } from "../operations/shared/control.ts";

/** The most partial sums that the first stage leaves. */
const MOST_PARTIALS = 1024;

/** 4-vectors for an invocation of the first stage, unless that would leave more partial sums. */
const LEAST_VECTORS = 32;

/** Invocations of a GPU workgroup. */
const WORKERS = 256;

/**
 * Invocations of a workgroup of the first stage on a CPU: one SIMD vector, which goes through vectors that lie together.
 * Going through all of them in large steps took llvmpipe 45 ms of CPU time for 11.7 million floats instead of 14.
 */
const LANES = 8;

/**
 * Partial sums that the first stage leaves.
 *
 * @param length Floats in the gradients' buffer, a multiple of 4.
 * @param profile On a GPU a workgroup leaves one, on a CPU an invocation.
 * @returns At least 1, at most 1,024.
 */
export function gradientPartials(length: number, profile: Profile): number {
  const vectors = length / 4;
  return profile === "gpu"
    ? Math.min(Math.ceil(vectors / (LEAST_VECTORS * WORKERS)), MOST_PARTIALS)
    : Math.min(Math.ceil(vectors / (LEAST_VECTORS * LANES)) * LANES, MOST_PARTIALS);
}

/**
 * The first stage.
 *
 * @param options `length` of the gradients' buffer in floats, a multiple of 4.
 * @returns A kernel with the bindings `gradient`, `control` (its loss scale is read) and the scratch `partials` (pairs of f32).
 */
export function gradientNormKernel(options: { length: number; profile: Profile }): Kernel {
  const { length, profile } = options;
  const { partials, parameters, memory, open, close, workgroups } = partialsFrame(length, profile, "vec2<f32>");
  const bindings = { gradient: "vec4<f32>", control: "Control", partials: scratch("vec2<f32>", partials * 8) };
  return {
    name: `gradient norm ${profile}`,
    code: `${CONTROL}${declarations(bindings, parameters)}${memory}
${open}
  let unscale = 1.0 / control[0].lossScale;
  var squares = vec4<f32>(0.0);
  var infinite = vec4<f32>(0.0);
  for (var vector = first; vector < end; vector += parameters.stride) {
    let scaled = gradient[vector];
    let value = scaled * unscale;
    squares += value * value;
    let exponent = bitcast<vec4<u32>>(scaled) & vec4<u32>(0x7f800000u);
    infinite += select(vec4<f32>(0.0), vec4<f32>(1.0), exponent == vec4<u32>(0x7f800000u));
  }
  var sum = vec2<f32>(squares.x + squares.y + squares.z + squares.w, infinite.x + infinite.y + infinite.z + infinite.w);
${close}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups,
  };
}

/**
 * The frame of a first stage, which leaves partial sums of a flat buffer's 4-vectors.
 *
 * @param length Floats in the buffer, a multiple of 4.
 * @param profile On a GPU a workgroup leaves a partial sum, on a CPU an invocation.
 * @param type The sums' type in WGSL.
 * @returns How many partial sums are left; the kernel's parameters and workgroups; WGSL of its `memory`, at module scope; how
 * `main` opens, which then goes from the vector `first` to before `end` in steps of `parameters.stride`; and how it closes,
 * which stores `sum` in the binding `partials`.
 */
export function partialsFrame(length: number, profile: Profile, type: string) {
  const shared = profile === "gpu";
  const partials = gradientPartials(length, profile);
  const vectors = length / 4;
  return {
    partials,
    parameters: unsigned([
      { name: "vectors", value: vectors },
      ...shared
        ? [{ name: "stride", value: partials * WORKERS }]
        : [{ name: "stride", value: LANES }, { name: "run", value: Math.ceil(vectors / partials) * LANES }],
    ]),
    memory: shared ? sumsOf(type) : "",
    open: `@compute @workgroup_size(${shared ? WORKERS : LANES})
fn main(${BUILTINS}) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  ${
      shared
        ? `let first = group * ${WORKERS}u + local;
  let end = parameters.vectors;`
        : `let first = group * parameters.run + local;
  let end = min((group + 1u) * parameters.run, parameters.vectors);`
    }`,
    close: shared
      ? `${TREE}  if (local == 0u) { partials[group] = sum; }`
      : `  partials[group * ${LANES}u + local] = sum;`,
    workgroups: spreadWorkgroups(shared ? partials : partials / LANES),
  };
}

/**
 * The second stage, as the beginning of a kernel of one workgroup.
 *
 * @param profile On a GPU a workgroup joins the partial sums as a tree, on a CPU one invocation adds them up.
 * @param type The sums' type in WGSL.
 * @param zero The sum of none.
 * @returns How many `invocations` the workgroup has; WGSL of its `memory`, at module scope; statements that make `sum` of the
 * binding `partials` and the parameter of the same name.
 */
export function joinSums(
  profile: Profile,
  type: string,
  zero: string,
): { invocations: number; memory: string; body: string } {
  const shared = profile === "gpu";
  const invocations = shared ? WORKERS : 1;
  return {
    invocations,
    memory: shared ? sumsOf(type) : "",
    body: `  var sum = ${zero};
  for (var partial = local; partial < parameters.partials; partial += ${invocations}u) { sum += partials[partial]; }
${shared ? TREE : ""}`,
  };
}

function sumsOf(type: string): string {
  return `var<workgroup> sums: array<${type}, ${WORKERS}>;\n`;
}

/** Adds the `sum` of a GPU workgroup's invocations up. */
const TREE = treeJoin("sum", { workers: WORKERS, memory: "sums" });
