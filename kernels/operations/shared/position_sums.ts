/**
 * Sums over H and W of every image, `[N, H, W, C]` to `[N, 1, 1, C]`, in one dispatch.
 *
 * A CPU runs one invocation for 4 channels, which walks over the positions. On a GPU that would leave most of the
 * machine idle, so a workgroup takes 32 channels: 32 invocations share the positions of each vector, and add their sums
 * up as a tree. Either way the order of the sum is fixed.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Profile,
  spreadWorkgroups,
  type StatedBindings,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Shape, unsigned } from "./tensor.ts";
import type { TensorReads } from "./tensor_reads.ts";

/** Vectors of channels in a GPU workgroup: 8 neighbours are 128 bytes of f32, one line of the cache. */
const COLUMNS = 8;

/** Invocations which share the positions of a vector. */
const ROWS = 32;

/**
 * A sum over the positions of each image.
 *
 * @param options `shape` of what is summed; `reads` the tensors read, `bindings` and `parameters` what else; `output` name and WGSL type of
 * the one written; `setup` WGSL statements that know the image as `image` and the vector of its sums as `place`; `term` WGSL
 * of the summand at vector `at`; `result` WGSL of what is stored, made of `sum`.
 * @returns A kernel with those bindings.
 */
export function positionSums(options: {
  name: string;
  shape: Shape;
  reads: Pick<TensorReads, "bindings">;
  bindings?: StatedBindings;
  parameters?: readonly { name: string; value: number }[];
  output: { name: string; type: string };
  setup?: string;
  term: string;
  result: string;
  profile: Profile;
}): Kernel {
  const { name, shape, reads, output, setup = "", term, result, profile } = options;
  const [batch, height, width, channels] = shape;
  const vectors = channelVectors(channels);
  const bindings = { ...reads.bindings, ...options.bindings, [output.name]: output.type };
  const parameters = unsigned([
    { name: "positions", value: height * width },
    { name: "vectors", value: vectors },
    ...(profile === "gpu" ? [] : [{ name: "items", value: batch * vectors }]),
    ...options.parameters ?? [],
  ]);
  const kernel = {
    name: `${name} ${profile}`,
    bindings: listBindings(bindings),
    parameters,
  };
  const open = declarations(bindings, parameters);
  if (profile === "software") {
    // 8 invocations fill the vector unit; more would leave the second core idle on the 8 vectors of an early layer.
    return {
      ...kernel,
      code: `${open}
@compute @workgroup_size(8)
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * 8u + local;
  if (item >= parameters.items) { return; }
  let image = item / parameters.vectors;
  let place = item;
  var at = image * parameters.positions * parameters.vectors + item % parameters.vectors;
${setup}  var sum = vec4<f32>(0.0);
  for (var position = 0u; position < parameters.positions; position++) {
    sum += ${term};
    at += parameters.vectors;
  }
  ${output.name}[place] = ${result};
}
`,
      workgroups: spreadWorkgroups(Math.ceil((batch * vectors) / 8)),
    };
  }
  const tree: string[] = [];
  for (let half = ROWS / 2; half >= 1; half /= 2) {
    tree.push(`  workgroupBarrier();
  if (row < ${half}u) { partials[local] += partials[local + ${half * COLUMNS}u]; }`);
  }
  return {
    ...kernel,
    code: `${open}
var<workgroup> partials: array<vec4<f32>, ${COLUMNS * ROWS}>;

@compute @workgroup_size(${COLUMNS * ROWS})
fn main(${BUILTINS}) {
  let row = local / ${COLUMNS}u;
  let lanes = workgroup.x * ${COLUMNS}u + local % ${COLUMNS}u;
  let image = workgroup.y;
  var sum = vec4<f32>(0.0);
  let place = image * parameters.vectors + lanes;
  if (lanes < parameters.vectors) {
${setup}    for (var position = row; position < parameters.positions; position += ${ROWS}u) {
      let at = (image * parameters.positions + position) * parameters.vectors + lanes;
      sum += ${term};
    }
  }
  partials[local] = sum;
${tree.join("\n")}
  if (row == 0u && lanes < parameters.vectors) {
    sum = partials[local];
    ${output.name}[place] = ${result};
  }
}
`,
    workgroups: [Math.ceil(vectors / COLUMNS), batch, 1],
  };
}
