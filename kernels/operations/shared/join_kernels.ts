/**
 * Several kernels of one text as one dispatch: the small sums at the end of a gradient, of which a network has dozens and
 * each would leave most of a GPU idle. Every item is computed as it is by its own kernel.
 *
 * @module
 */

import { type Binding, declarations, type Kernel, listBindings, spreadWorkgroups } from "../../engine/kernel.ts";
import { BUILTINS, itemWorkgroup, unsigned } from "./tensor.ts";

/** Storage buffers of a dispatch within WebGPU's default limits. */
const MOST_BINDINGS = 8;

/** How many kernels with so many bindings can be one. */
export function mostJoined({ bindings }: Kernel): number {
  return Math.floor(MOST_BINDINGS / bindings.length);
}

/** The name that the binding of a kernel has once that kernel is one of several. */
export function joinedBinding(name: string, index: number): string {
  return `${name}_${index}`;
}

/**
 * Joins kernels.
 *
 * @param kernels Up to {@linkcode mostJoined} kernels of the GPU profile with `joinable` and one text, whose bindings are
 * storage buffers; none reads what another one writes.
 * @returns A kernel with the bindings of all, under the names that {@linkcode joinedBinding} gives; the only kernel as it is.
 * @throws {TypeError} If their texts differ, or one is not to be joined.
 */
export function joinKernels(kernels: readonly Kernel[]): Kernel {
  const [{ name, code, joinable, bindings }] = kernels;
  if (kernels.length === 1) return kernels[0];
  if (joinable === undefined || kernels.some((kernel) => kernel.code !== code)) {
    throw new TypeError(`Cannot join ${kernels.map((kernel) => `"${kernel.name}"`).join(", ")} to one dispatch`);
  }
  const numbered = kernels.map((kernel, index) => ({
    bindings: Object.entries(kernel.joinable!.bindings).map(([name, binding]) => [joinedBinding(name, index), binding]),
    parameters: kernel.parameters.map((parameter) => ({ ...parameter, name: `${parameter.name}_${index}` })),
    body: numberNames(joinable.body, bindings, index),
  }));
  const stated = Object.fromEntries(numbered.flatMap(({ bindings }) => bindings));
  const parameters = unsigned(numbered.flatMap(({ parameters }) => parameters));
  const size = itemWorkgroup("gpu");
  const items = kernels.map((kernel) => kernel.parameters.find(({ name }) => name === "items")!.value);
  return {
    name: `${name}, ${kernels.length} together`,
    code: `${declarations(stated, parameters)}${joinable.functions}
${numbered.map(({ body }, index) => `fn compute_${index}(item: u32) {\n${body}\n}\n`).join("")}
@compute @workgroup_size(${size})
fn main(${BUILTINS}) {
  var item = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
${
      kernels.map((_, index) =>
        `  if (item < parameters.items_${index}) { compute_${index}(item); return; }
  item -= parameters.items_${index};`
      ).join("\n")
    }
}
`,
    bindings: listBindings(stated),
    parameters,
    workgroups: spreadWorkgroups(Math.ceil(items.reduce((sum, count) => sum + count, 0) / size)),
  };
}

/** A body that reads the parameters and bindings of one of several kernels. */
function numberNames(body: string, bindings: readonly Binding[], index: number): string {
  const names = new RegExp(`\\b(parameters\\.\\w+|${bindings.map(({ name }) => name).join("|")})\\b`, "g");
  return body.replace(names, (name) => joinedBinding(name, index));
}
