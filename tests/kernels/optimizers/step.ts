/**
 * Optimizer steps of several tensors: on the CPU, tensor by tensor, and as the kernels over flat buffers.
 *
 * @module
 */

import type { Device } from "../../../kernels/engine/device.ts";
import type { Profile } from "../../../kernels/engine/kernel.ts";
import { adamPReference } from "../../../kernels/optimizers/adamp.ts";
import { adamWReference } from "../../../kernels/optimizers/adamw.ts";
import { type Control, decodeControl, encodeControl } from "../../../kernels/operations/shared/control.ts";
import { layoutTables, type ParameterLayout, type Segment } from "../../../kernels/optimizers/layout.ts";
import { type Optimizer, optimizerKernels, optimizerState } from "../../../kernels/optimizers/mod.ts";
import type { StepOptions } from "../../../kernels/optimizers/prepare_step.ts";
import { sgdReference } from "../../../kernels/optimizers/sgd.ts";
import { runKernels } from "../../../kernels/engine/run.ts";

/** A tensor, and what the optimizer keeps of it. */
export type TensorState = Record<string, ArrayLike<number>>;

/** The first state of a tensor. */
export function initialState(parameter: ArrayLike<number>, optimizer: Optimizer): TensorState {
  return Object.fromEntries([
    ["parameter", parameter],
    ...optimizerState(optimizer).map((name) => [name, new Float64Array(parameter.length)] as const),
  ]);
}

/** One step of one tensor on the CPU. */
export function referenceStep(
  state: TensorState,
  gradient: ArrayLike<number>,
  optimizer: Optimizer,
  options: { learningRate: number; step: number; segment: Segment },
): TensorState {
  const { learningRate, step, segment: { weightDecay, shape } } = options;
  const { parameter, momentum, firstMoment, secondMoment } = state;
  if (optimizer.type === "sgd") {
    return sgdReference({ parameter, gradient, momentum }, optimizer, { learningRate, weightDecay });
  }
  const adam = { parameter, gradient, firstMoment, secondMoment };
  return optimizer.type === "adamw"
    ? { ...adamWReference(adam, optimizer, { learningRate, weightDecay, step }) }
    : { ...adamPReference(adam, optimizer, { learningRate, weightDecay, step, shape }) };
}

/** The flat buffers and the control between two steps. */
export interface FlatState {
  readonly buffers: Readonly<Record<string, Float32Array<ArrayBuffer>>>;
  readonly control: Control;
}

/** One step of all tensors on a device. */
export async function kernelStep(
  device: Device,
  state: FlatState,
  gradient: Float32Array<ArrayBuffer>,
  options: { layout: ParameterLayout; optimizer: Optimizer; profile: Profile } & Omit<StepOptions, "betas">,
): Promise<FlatState> {
  const names = ["parameter", ...optimizerState(options.optimizer)];
  const update = Object.fromEntries(names.map((name) => [name, { update: state.buffers[name] }]));
  const results = await runKernels(device, optimizerKernels(options), {
    ...update,
    ...layoutTables(options.layout),
    gradient,
    control: { update: encodeControl(state.control) },
  });
  return {
    buffers: Object.fromEntries(names.map((name) => [name, new Float32Array(results[name])])),
    control: decodeControl(results.control),
  };
}

/** The first state of all tensors, of a flat buffer of them. */
export function initialFlatState(
  parameter: Float32Array<ArrayBuffer>,
  optimizer: Optimizer,
  control: Control,
): FlatState {
  const zeros = optimizerState(optimizer).map((name) => [name, new Float32Array(parameter.length)] as const);
  return { buffers: { parameter, ...Object.fromEntries(zeros) }, control };
}
