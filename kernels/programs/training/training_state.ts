/**
 * What training keeps from step to step, tensor by tensor as a checkpoint holds it, and as the flat buffers of a device.
 *
 * @module
 */

import type { TensorData } from "../../../formats/base/tensor_data.ts";
import { STATES } from "../../lowering/parameters.ts";
import type { Parameters } from "../../operations/network.ts";
import { CONTROL_BYTES, encodeControl, initialControl } from "../../operations/shared/control.ts";
import { flattenParameters, type ParameterLayout } from "../../optimizers/layout.ts";
import { optimizerState } from "../../optimizers/mod.ts";
import type { LoweredTraining, TrainingOptions } from "./lower.ts";

/**
 * All that a run goes on from, by name: parameters and running statistics by timm's names, the optimizer's as
 * `optimizer.<state>.<parameter>`, moving averages as `average.<parameter>`, and `control`, whose 10 words are bits.
 */
export type TrainingState = ReadonlyMap<string, TensorData>;

const CONTROL = "control";
const OPTIMIZER = "optimizer.";
const AVERAGE = "average.";

/** A flat buffer of many tensors, which is a state of the program. */
export interface FlatState {
  /** Name of the program's state. */
  readonly state: string;
  readonly layout: ParameterLayout;
  /** What comes before the name of each of its tensors in a checkpoint. */
  readonly prefix: string;
}

/**
 * The flat buffers that a training keeps.
 *
 * @param training The lowered training.
 * @param options What it was lowered from.
 * @returns The buffers, in the order of a checkpoint.
 */
export function flatStates({ layout }: LoweredTraining, { optimizer, averageDecay }: TrainingOptions): FlatState[] {
  const { parameters, statistics } = layout;
  const averaged = averageDecay !== undefined;
  return [
    { state: STATES.parameter, layout: parameters, prefix: "" },
    ...(statistics ? [{ state: STATES.statistics, layout: statistics, prefix: "" }] : []),
    ...optimizerState(optimizer).map((state) => ({ state, layout: parameters, prefix: `${OPTIMIZER}${state}.` })),
    ...(averaged ? [{ state: STATES.average, layout: parameters, prefix: AVERAGE }] : []),
    ...(averaged && statistics ? [{ state: STATES.averageStatistics, layout: statistics, prefix: AVERAGE }] : []),
  ];
}

/**
 * The state that a training begins with: averages start from the parameters, all else from zero.
 *
 * @param states The flat buffers.
 * @param parameters Parameters and running statistics.
 * @param lossScale The first loss scale.
 * @returns The state.
 * @throws {TypeError} If a parameter is missing.
 */
export function initialState(states: readonly FlatState[], parameters: Parameters, lossScale: number): TrainingState {
  const state = new Map<string, TensorData>();
  for (const { layout, prefix } of states) {
    for (const { name, shape, length } of layout.segments) {
      const given = parameters.get(name);
      if (!given) throw new TypeError(`Cannot train: parameter "${name}" is missing`);
      const data = prefix.startsWith(OPTIMIZER) ? new Float32Array(length) : Float32Array.from(given.data);
      state.set(`${prefix}${name}`, { shape, data });
    }
  }
  const control = new Float32Array(encodeControl(initialControl(lossScale)).buffer);
  return state.set(CONTROL, { shape: [control.length], data: control });
}

/**
 * Lays the tensors of a state out in flat buffers, one after the other.
 *
 * @param states The flat buffers.
 * @param state Tensors by name.
 * @returns Names of the program's states, and what goes into each.
 * @throws {TypeError} If a tensor is missing or has another number of elements.
 */
export function* flattenState(
  states: readonly FlatState[],
  state: ReadonlyMap<string, Pick<TensorData, "data">>,
): Iterable<[state: string, content: Float32Array<ArrayBuffer>]> {
  for (const { state: name, layout, prefix } of states) {
    yield [
      name,
      flattenParameters(layout, (tensor) => {
        const found = state.get(`${prefix}${tensor}`);
        if (!found) throw new TypeError(`Cannot continue training: tensor "${prefix}${tensor}" is missing`);
        return found.data;
      }),
    ];
  }
  const control = state.get(CONTROL)?.data;
  if (control?.length !== CONTROL_BYTES / 4) {
    throw new TypeError(`Cannot continue training: tensor "${CONTROL}" has ${control?.length ?? "no"} elements`);
  }
  yield [STATES.control, control];
}

/**
 * Takes flat buffers apart.
 *
 * @param states The flat buffers.
 * @param contents What is in each of them, and then in the control.
 * @returns The state.
 */
export function splitState(states: readonly FlatState[], contents: readonly ArrayBuffer[]): TrainingState {
  const state = new Map<string, TensorData>();
  states.forEach(({ layout, prefix }, index) => {
    const flat = new Float32Array(contents[index]);
    for (const { name, shape, first, length } of layout.segments) {
      state.set(`${prefix}${name}`, { shape, data: flat.slice(first, first + length) });
    }
  });
  return state.set(CONTROL, { shape: [CONTROL_BYTES / 4], data: new Float32Array(contents[states.length]) });
}
