/**
 * Names of parameters without what training programs put before them.
 *
 * Wrappers for several devices, for compilation and for averages keep the network in an attribute, whose name then begins
 * every parameter's; a checkpoint that was flattened into one list of tensors has the keys of its dictionaries there, too:
 *
 * | name | of |
 * | --- | --- |
 * | `module.conv1.weight` | `DataParallel`, `DistributedDataParallel`, `AveragedModel` (beside `n_averaged`) |
 * | `_orig_mod.conv1.weight`, `layer1._orig_mod.0.weight` | `torch.compile` of the network, or of a part |
 * | `_fsdp_wrapped_module.`, `_fpw_module.`, `_checkpoint_wrapped_module.` | FSDP, fairscale, checkpointed activations |
 * | `model.conv1.weight`, `net.conv1.weight` | a Lightning module, or a key of a checkpoint |
 * | `model_ema.module.conv1.weight` | a checkpoint of torchvision's, flattened |
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { renamed, tensorNamed, type Weights } from "./weights.ts";
import { numberOf } from "../base/number_of.ts";
import { unreadable } from "../base/files.ts";

/** Keys under which training programs put averaged weights. */
const averagedKeys = ["state_dict_ema", "model_ema", "ema_state_dict", "model_ema_state_dict", "params_ema", "ema"];

/** Keys under which they put the weights as they are trained. */
const trainedKeys = ["state_dict", "model_state_dict", "model_state", "model", "net", "module", "params"];

/** All keys, in the order of preference: averaged weights first, as they are those that are evaluated. */
export const weightKeys: readonly string[] = [...averagedKeys, ...trainedKeys];

/** Parts of a name that no network has, wherever they stand. */
const wrapperParts = ["_orig_mod", "_fsdp_wrapped_module", "_fpw_module", "_checkpoint_wrapped_module"];

/** What a wrapper puts before all names of a network, or before none. */
const wrapperKeys = ["module", ...wrapperParts];

/** What names may begin with. */
const firstParts = [...weightKeys, ...wrapperParts];

/** Wrappers around each other, at most. */
const DEEPEST = 8;

/** The count that PyTorch's `AveragedModel` adds to its parameters. */
const COUNTER = "n_averaged";

/**
 * Takes the names of wrappers off.
 *
 * @param weights The open file.
 * @returns Weights whose tensors have the network's names; and what was chosen, where there was a choice.
 * @throws {TypeError} If some names have a wrapper and others have not, or two become the same.
 */
export function unwrapNames(weights: Weights): Weights {
  const { path, names } = weights;
  let stored = new Map(names.map((name) => [withoutInnerParts(name), name]));
  if (stored.size < names.length) {
    throw unreadable(path, "two of its tensors have one name when those of wrappers are left out");
  }
  let { choice } = weights;
  for (let depth = 0; depth < DEEPEST; depth++) {
    const groups = groupByFirst(path, stored);
    if (!groups) break;
    const [taken, ...others] = firstParts.filter((part) => groups.has(part));
    if (others.length > 0) choice ??= choiceOf(path, taken, others);
    stored = groups.get(taken)!;
  }
  const unwrapped = renamed(weights, [...stored.keys()], (name) => tensorNamed(path, stored, name));
  return { ...unwrapped, ...(choice === undefined ? {} : { choice }) };
}

/**
 * Says which weights are used.
 *
 * @param path The file.
 * @param taken The key of those that are.
 * @param others The keys of those that are not.
 * @returns One sentence.
 */
export function choiceOf(path: string, taken: string, others: readonly string[]): string {
  const keys = others.map((key) => `"${key}"`).join(" and ");
  const averaged = averagedKeys.includes(taken) ? "the average " : "";
  return `Of "${path}", ${averaged}under "${taken}" is used, not ${keys}`;
}

function withoutInnerParts(name: string): string {
  if (!name.includes("_")) return name;
  return name.split(".").filter((part, index) => index === 0 || !wrapperParts.includes(part)).join(".");
}

/** Names by the part that each begins with, which they then lack; undefined if that is not so of all. */
function groupByFirst(
  path: string,
  stored: ReadonlyMap<string, string>,
): ReadonlyMap<string, Map<string, string>> | undefined {
  const groups = new Map<string, Map<string, string>>();
  const others: string[] = [];
  for (const [name, from] of stored) {
    const dot = name.indexOf(".");
    const part = name.slice(0, Math.max(0, dot));
    if (!firstParts.includes(part)) others.push(name);
    else if (groups.has(part)) groups.get(part)!.set(name.slice(dot + 1), from);
    else groups.set(part, new Map([[name.slice(dot + 1), from]]));
  }
  if (groups.size > 0 && others.every((name) => name === COUNTER)) return groups;
  const wrapper = wrapperKeys.find((part) => groups.has(part));
  if (wrapper !== undefined) {
    throw unreadable(
      path,
      `${groups.get(wrapper)!.size} of its ${numberOf(stored.size, "tensor")} have names that begin with ` +
        `"${wrapper}.", others have not, such as ${showValue(others[0])}`,
    );
  }
}
