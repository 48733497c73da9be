/**
 * Fewer dispatches: steps of small kernels with one text wait until several can be one. What they compute is the same.
 *
 * @module
 */

import { isWritten } from "../engine/kernel.ts";
import type { Program, Step } from "../engine/program.ts";
import { joinedBinding, joinKernels, mostJoined } from "../operations/shared/join_kernels.ts";

/** Steps of one text that wait, in order. */
type Waiting = Step[];

/**
 * Joins the steps of kernels that may be joined. A step waits until a dispatch is full, or until another step touches what
 * it writes, or writes what it reads.
 *
 * @param steps In order.
 * @param views The views of the program that the steps belong to.
 * @returns The steps, some later than before and in one.
 */
export function joinSteps(steps: readonly Step[], views: Program["views"] = new Map()): Step[] {
  const stateOf = (name: string) => views.get(name)?.state;
  const overlap = (a: string, b: string) => a === b || stateOf(a) === b || a === stateOf(b);
  const conflict = (a: Step, b: Step) =>
    touched(a).some((one) =>
      touched(b).some((other) => (one.written || other.written) && overlap(one.name, other.name))
    );
  const kinds = new Map<string, Waiting>();
  const joined: Step[] = [];
  const finish = (code: string) => {
    joined.push(joinAll(kinds.get(code)!));
    kinds.delete(code);
  };
  for (const step of steps) {
    const { kernel: { code } } = step;
    const before = kinds.entries().filter(([, waiting]) => waiting.some((one) => conflict(one, step)));
    for (const [code] of [...before]) finish(code);
    if (!step.kernel.joinable || step.exchanges) {
      joined.push(step);
      continue;
    }
    const waiting = kinds.get(code) ?? [];
    kinds.set(code, [...waiting, step]);
    if (waiting.length + 1 === mostJoined(step.kernel)) finish(code);
  }
  for (const code of [...kinds.keys()]) finish(code);
  return joined;
}

/** What a step touches, exchanges included. */
function touched({ kernel, bindings, exchanges = [] }: Step): { readonly name: string; readonly written: boolean }[] {
  return [
    ...kernel.bindings.map((binding) => ({ name: bindings[binding.name], written: isWritten(binding) })),
    ...exchanges.map(({ name }) => ({ name, written: true })),
  ];
}

function joinAll(steps: readonly Step[]): Step {
  if (steps.length === 1) return steps[0];
  const { work: _, ...shared } = steps[0];
  return {
    ...shared,
    kernel: joinKernels(steps.map(({ kernel }) => kernel)),
    bindings: Object.fromEntries(
      steps.flatMap(({ kernel, bindings }, index) =>
        kernel.bindings.map(({ name }) => [joinedBinding(name, index), bindings[name]])
      ),
    ),
  };
}
