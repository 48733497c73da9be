/**
 * Reductions by position over the channels: each position of a tensor is walked over as often as its results need.
 *
 * A CPU runs one invocation for a position. On a GPU a few invocations share the 4-vectors of a position, so that those of
 * a cache line are read together, and join what they have as a tree; a workgroup has several positions.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  type Profile,
  spreadWorkgroups,
  type StatedBindings,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Shape, unsigned } from "./tensor.ts";
import { treeJoin } from "./tree_join.ts";

/** Invocations of a GPU workgroup. */
const INVOCATIONS = 256;

/** Invocations of a workgroup on a CPU: one SIMD vector. */
const LANES = 8;

/** Parts of a kernel's text that go through the channels of a position. */
export interface PositionWalk {
  /** WGSL that does something for each 4-vector: its number within the position is `vector`, within the tensor `at`. */
  walk(step: string): string;
  /** WGSL that sums a variable, a `var` of the type `joined`, over the invocations of the position. */
  join(variable: string): string;
  /** WGSL that one invocation of the position does; the position's number is `position`. */
  once(statement: string): string;
}

/** Invocations of a GPU that share a position: enough for a cache line, few enough that all have something to do. */
function workersOf(vectors: number, profile: Profile): number {
  if (profile === "software") return 1;
  return vectors <= 16 ? 8 : 32;
}

/**
 * A kernel that goes through the channels of every position.
 *
 * @param options `shape` of the tensors; `bindings`; `parameters`, which are `u32` unless they say otherwise; `joined` the
 * WGSL type of what is summed up; `body` makes the WGSL statements, which may read `parameters.channels`.
 * @returns The kernel.
 */
export function positionWalks(options: {
  name: string;
  shape: Shape;
  profile: Profile;
  bindings: StatedBindings;
  parameters?: readonly (Omit<Parameter, "type"> & Partial<Parameter>)[];
  joined: string;
  body: (walk: PositionWalk) => string;
}): Kernel {
  const { name, shape, profile, bindings, joined, body } = options;
  const positions = shape[0] * shape[1] * shape[2];
  const vectors = channelVectors(shape[3]);
  const workers = workersOf(vectors, profile);
  const size = profile === "gpu" ? INVOCATIONS : LANES;
  const shared = workers > 1;
  const parameters = unsigned([
    { name: "positions", value: positions },
    { name: "vectors", value: vectors },
    { name: "channels", value: shape[3] },
    ...options.parameters ?? [],
  ]);
  const walk: PositionWalk = {
    walk: (step) =>
      `  for (var vector = ${shared ? "worker" : "0u"}; vector < vectors; vector += ${workers}u) {
    let at = position * parameters.vectors + vector;
${step}
  }
`,
    join: (variable) => shared ? treeJoin(variable, { workers, invocations: size }) : "",
    once: (statement) => `  if (position < parameters.positions${shared ? " && worker == 0u" : ""}) { ${statement} }\n`,
  };
  return {
    name: `${name} ${profile}`,
    code: `${declarations(bindings, parameters)}
${shared ? `var<workgroup> partials: array<${joined}, ${size}>;\n` : ""}
@compute @workgroup_size(${size})
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
  let position = item / ${workers}u;
${
      shared
        ? `  let worker = local % ${workers}u;\n`
        : ""
    }  // A position past the last has no vectors: nobody leaves before the barriers.
  let vectors = select(0u, parameters.vectors, position < parameters.positions);
${body(walk)}}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(Math.ceil(positions * workers / size)),
  };
}
