/**
 * An optimizer's step as kernels over flat buffers of all parameters (`layout.ts`): the gradient's norm, the decision on
 * the step (`prepare_step.ts`), and the update, which is one dispatch, or three for AdamP, whatever the number of tensors.
 *
 * @module
 */

import type { Kernel, Profile } from "../engine/kernel.ts";
import { type AdamP, adamPKernel, adamPProjectionKernel, adamPRowsKernel } from "./adamp.ts";
import { type AdamW, adamWKernel } from "./adamw.ts";
import { gradientNormKernel } from "./gradient_norm.ts";
import type { ParameterLayout } from "./layout.ts";
import { prepareStepKernel, type StepOptions } from "./prepare_step.ts";
import { type Sgd, sgdKernel } from "./sgd.ts";

/** An optimizer with what does not change from step to step. */
export type Optimizer = Sgd | AdamW | AdamP;

/**
 * The kernels of a step, in order. Their bindings of one name are one buffer: `parameter`, `gradient` and the state
 * ({@linkcode optimizerState}) flat; `blocks`, `segments`, `rowSegments` of `layoutTables`; and `control`.
 *
 * @param options The layout of the flat buffers; the optimizer; clipping and loss scaling.
 * @returns Three kernels, five for AdamP.
 * @throws {RangeError} If a number is out of its range.
 */
export function optimizerKernels(
  options: { layout: ParameterLayout; optimizer: Optimizer; profile: Profile } & Omit<StepOptions, "betas">,
): Kernel[] {
  const { layout, optimizer, profile, lossScaling, maxNorm } = options;
  const { length } = layout;
  const betas = optimizer.type === "sgd" ? undefined : optimizer.betas;
  const prepare = [
    gradientNormKernel({ length, profile }),
    prepareStepKernel({ length, profile, lossScaling, maxNorm, betas }),
  ];
  if (optimizer.type === "sgd") return [...prepare, sgdKernel({ length, optimizer, profile })];
  if (optimizer.type === "adamw") return [...prepare, adamWKernel({ length, optimizer, profile })];
  const settings = { layout, optimizer, profile };
  return [...prepare, adamPRowsKernel(settings), adamPProjectionKernel(settings), adamPKernel(settings)];
}

/** The flat buffers that an optimizer keeps from step to step, zero before the first: part of a checkpoint. */
export function optimizerState(optimizer: Optimizer): readonly string[] {
  return optimizer.type === "sgd" ? ["momentum"] : ["firstMoment", "secondMoment"];
}
