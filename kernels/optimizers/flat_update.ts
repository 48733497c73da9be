/**
 * The frame of an update that treats every element alike, but for what its tensor's segment says.
 *
 * A GPU gives each 4-vector or float to an invocation, so that neighbours read neighbours. On Mesa's software Vulkan a
 * load of one number costs a good part of a load of four, and the step's numbers and the tables would be much of what is
 * loaded; there an invocation takes a whole block, and loads them once (AdamP's weights: 2 to 4 times faster).
 *
 * @module
 */

import type { Kernel, Parameter, Profile } from "../engine/kernel.ts";
import { itemKernel } from "../operations/shared/tensor.ts";
import { CONTROL } from "../operations/shared/control.ts";
import { BLOCK, SEGMENT } from "./layout.ts";

/**
 * An update of all tensors, which does nothing in a step that is skipped.
 *
 * @param options `flat` names the flat buffers, bound as f32 4-vectors or, with `width` 1, as f32; `tables` what else is
 * bound, by its WGSL type; `length` of the flat buffers in floats; `body` WGSL statements that update the vector or float
 * `at` of them, and find the control's content in `step`, the tensor's segment in `segment`, and what it learns with in
 * `learningRate`.
 * @returns A kernel with the bindings of `flat`, `tables`, `blocks`, `segments` and `control`.
 */
export function flatUpdate(options: {
  name: string;
  profile: Profile;
  flat: readonly string[];
  width: 1 | 4;
  tables?: Readonly<Record<string, string>>;
  parameters: readonly Parameter[];
  length: number;
  body: string;
}): Kernel {
  const { name, profile, flat, width, tables = {}, parameters, length, body } = options;
  const byBlock = profile === "software";
  const each = BLOCK / width;
  const block = byBlock ? "item" : `item / ${each}u`;
  return itemKernel({
    name,
    profile,
    bindings: {
      ...Object.fromEntries(flat.map((binding) => [binding, width === 4 ? "vec4<f32>" : "f32"])),
      ...tables,
      blocks: "u32",
      segments: "Segment",
      control: "Control",
    },
    parameters,
    items: byBlock ? length / BLOCK : length / width,
    functions: `\n${SEGMENT}${CONTROL}`,
    body: `  let step = control[0];
  if (step.skip != 0u) { return; }
  let segment = segments[blocks[${block}]];
  let learningRate = step.learningRate * segment.rate;
${
      byBlock
        ? `  let first = item * ${each}u;
  for (var at = first; at < first + ${each}u; at++) {`
        : "  let at = item;\n  {"
    }
${body}
  }`,
  });
}
