/**
 * Where the numbers that training changes lie: flat buffers of all parameters, and of the running statistics of all batch
 * norms, each a state of the program; every tensor is a view of them.
 *
 * @module
 */

import { type Network, networkParameters } from "../operations/network.ts";
import { layerRates } from "../networks/layer_groups.ts";
import { layOutParameters, type ParameterLayout } from "../optimizers/layout.ts";
import { parameterWeightDecay } from "../optimizers/weight_decay.ts";
import type { View } from "../engine/program.ts";

/** Where a network's tensors lie. */
export interface NetworkLayout {
  /** What the optimizer changes. */
  readonly parameters: ParameterLayout;
  /** Running means and variances of the batch norms; undefined without any. */
  readonly statistics?: ParameterLayout;
}

/** Names of states. */
export const STATES = {
  parameter: "parameter",
  gradient: "gradient",
  /** Gradient sum of several batches, where gradients are accumulated. */
  gradientSum: "gradient sum",
  statistics: "statistics",
  average: "average",
  averageStatistics: "average statistics",
  control: "control",
  /** Losses of the last steps, f32 `[256]`. */
  history: "history",
  /** Number of the step, u32 `[1]`. */
  turn: "turn",
  /** Checksum of the parameters, u32 `[1]`. */
  checksum: "checksum",
} as const;

/**
 * Lays out the tensors of a network.
 *
 * @param network The network.
 * @param options The optimizer's weight decay, and whether norms and biases have none; what the learning rate is multiplied
 *   by from a layer to the one before it.
 * @returns Offsets of the tensors, in the order of computation.
 * @throws {RangeError} If the network's layers are not known, and the rate is to decay over them.
 */
export function layOutNetwork(
  network: Network,
  options: { weightDecay: number; excludeNorms: boolean; layerDecay?: number },
): NetworkLayout {
  const { layerDecay } = options;
  const rates = layerDecay === undefined ? undefined : layerRates(network, layerDecay);
  const all = networkParameters(network).map((parameter) => {
    const [name, shape] = parameter;
    const rate = rates?.get(name);
    return {
      name,
      shape,
      weightDecay: parameterWeightDecay(parameter, options),
      ...(rate === undefined ? {} : { rate }),
    };
  });
  const isStatistic = ({ name }: { name: string }) => name.endsWith(".running_mean") || name.endsWith(".running_var");
  const statistics = all.filter(isStatistic).map((tensor) => ({ ...tensor, weightDecay: 0 }));
  return {
    parameters: layOutParameters(all.filter((tensor) => !isStatistic(tensor))),
    ...(statistics.length > 0 ? { statistics: layOutParameters(statistics) } : {}),
  };
}

/** The name of a tensor's gradient. */
export function gradientName(tensor: string): string {
  return `${tensor} gradient`;
}

/**
 * The views of a layout's tensors in a flat state.
 *
 * @param layout The layout.
 * @param state The state's name.
 * @param name The name of a tensor's view; default its own.
 * @returns Views by name, each with the zeros that fill its last 4-vector.
 */
export function tensorViews(
  layout: ParameterLayout,
  state: string,
  name: (tensor: string) => string = (tensor) => tensor,
): [string, View][] {
  return layout.segments.map((segment) => [
    name(segment.name),
    { state, offset: segment.first * 4, bytes: Math.ceil(segment.length / 4) * 16 },
  ]);
}
