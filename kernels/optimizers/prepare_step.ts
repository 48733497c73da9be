/**
 * The decision on an optimizer step: whether it is skipped, what gradients are multiplied by, and the next loss scale.
 *
 * **Loss scale.** As torch.amp.GradScaler: a gradient that is infinite or NaN skips the step and multiplies the scale by
 * `backoff`; `interval` steps in a row without one multiply it by `growth`, as long as it stays finite.
 *
 * **Clipping.** As torch.nn.utils.clip_grad_norm_: the factor is min(1, maxNorm / (norm + 1e-6)).
 *
 * **Corrections.** 1 - beta^t = -expm1(t ln beta). With beta = 0.999 and a small t, 1 - beta^t in f32 would keep three
 * decimals; so below t ln(1 / beta) = 1/4 it is summed as a series.
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
} from "../engine/kernel.ts";
import { BUILTINS } from "../operations/shared/tensor.ts";
import { CONTROL, type Control } from "../operations/shared/control.ts";
import { gradientPartials, joinSums } from "./gradient_norm.ts";

/** How the loss scale changes. */
export interface LossScaling {
  /** The scale of the first step. */
  readonly initial: number;
  readonly growth: number;
  readonly backoff: number;
  /** Steps without overflow before the scale grows. */
  readonly interval: number;
}

/** torch.amp.GradScaler's defaults. */
export const DYNAMIC_LOSS_SCALING: LossScaling = { initial: 65536, growth: 2, backoff: 0.5, interval: 2000 };

/** A scale of 1 that stays, for gradients in f32; the steps without overflow are counted on. */
export const NO_LOSS_SCALING: LossScaling = { initial: 1, growth: 1, backoff: 1, interval: 2 ** 32 - 1 };

/** What a step makes of the gradients, for all optimizers. */
export interface StepOptions {
  readonly lossScaling: LossScaling;
  /** The largest norm of the gradient; without it nothing is clipped. */
  readonly maxNorm?: number;
  /** Adam's decay rates of the two moments, each in [0, 1); an optimizer without them has none. */
  readonly betas?: readonly [number, number];
}

/** torch.nn.utils.clip_grad_norm_'s summand of the norm. */
const CLIP_EPSILON = 1e-6;

/** The largest f32: stands for no limit. */
const LARGEST = 3.4028234663852886e38;

/**
 * What a step makes of the gradients, on the CPU.
 *
 * @param control What the step before left, with this step's learning rate.
 * @param gradient The gradients of the scaled loss, of all parameters.
 * @param options The rules.
 * @returns The control that the update reads. Of a skipped step, norm, factor and corrections have no meaning.
 */
export function prepareStepReference(control: Control, gradient: ArrayLike<number>, options: StepOptions): Control {
  const { lossScaling, maxNorm = Infinity, betas = [0, 0] } = options;
  let squares = 0;
  let finite = true;
  for (let index = 0; index < gradient.length; index++) {
    squares += (gradient[index] / control.lossScale) ** 2;
    finite &&= Number.isFinite(gradient[index]);
  }
  const gradientNorm = Math.sqrt(squares);
  if (!finite) {
    return {
      ...control,
      lossScale: control.lossScale * lossScaling.backoff,
      goodSteps: 0,
      skip: true,
      skippedSteps: control.skippedSteps + 1,
      gradientNorm,
    };
  }
  const step = control.step + 1;
  const grows = control.goodSteps + 1 === lossScaling.interval;
  const grown = control.lossScale * lossScaling.growth;
  return {
    ...control,
    lossScale: grows && grown <= LARGEST ? grown : control.lossScale,
    goodSteps: grows ? 0 : control.goodSteps + 1,
    step,
    skip: false,
    gradientNorm,
    gradientFactor: Math.min(1, maxNorm / (gradientNorm + CLIP_EPSILON)) / control.lossScale,
    firstCorrection: 1 - betas[0] ** step,
    secondCorrection: 1 - betas[1] ** step,
  };
}

/**
 * Ends the reduction of `gradient_norm.ts` and decides on the step. Runs after {@linkcode gradientNormKernel} and before
 * the update.
 *
 * @param options `length` of the gradients' buffer, in floats; the rules.
 * @returns A kernel with the bindings `partials` and `control`.
 * @throws {RangeError} If a decay rate is not in [0, 1), or the largest norm not above 0.
 */
export function prepareStepKernel(options: { length: number; profile: Profile } & StepOptions): Kernel {
  const { length, profile, lossScaling, maxNorm = LARGEST, betas } = options;
  if (!(maxNorm > 0)) throw new RangeError(`Cannot clip gradients to a norm of ${maxNorm}: must be above 0`);
  for (const beta of betas ?? []) {
    if (!(beta >= 0 && beta < 1)) throw new RangeError(`Cannot average gradients with beta ${beta}: must be in [0, 1)`);
  }
  // The logarithm of 0 is infinite; any large rate gives the correction of 1.
  const rates = betas?.map((beta) => beta === 0 ? 1000 : -Math.log(beta));
  const parameters: Parameter[] = [
    { name: "partials", type: "u32", value: gradientPartials(length, profile) },
    { name: "maxNorm", type: "f32", value: maxNorm },
    { name: "growth", type: "f32", value: lossScaling.growth },
    { name: "backoff", type: "f32", value: lossScaling.backoff },
    { name: "interval", type: "u32", value: lossScaling.interval },
    ...(rates ?? []).map((value, index) => ({ name: `rate${index + 1}`, type: "f32", value } as const)),
  ];
  const bindings = { partials: "vec2<f32>", control: "Control" };
  const join = joinSums(profile, "vec2<f32>", "vec2<f32>(0.0)");
  const series = Array.from({ length: 7 }, (_, index) => 8 - index)
    .reduce((rest, factor) => `(1.0 - x / ${factor}.0 * ${rest})`, "1.0");
  const corrections = rates
    ? `  control[0].firstCorrection = correction(f32(step) * parameters.rate1);
  control[0].secondCorrection = correction(f32(step) * parameters.rate2);
`
    : "";
  return {
    name: `prepare step ${rates ? "with moments " : ""}${profile}`,
    code: `${CONTROL}${declarations(bindings, parameters)}${join.memory}
// 1 - exp(-x)
fn correction(x: f32) -> f32 {
  if (x < 0.25) { return x * ${series}; }
  return 1.0 - exp(-x);
}

@compute @workgroup_size(${join.invocations})
fn main(${BUILTINS}) {
${join.body}
  if (local != 0u) { return; }
  let norm = sqrt(sum.x);
  control[0].gradientNorm = norm;
  let scale = control[0].lossScale;
  if (sum.y > 0.0) {
    control[0].skip = 1u;
    control[0].skippedSteps++;
    control[0].goodSteps = 0u;
    control[0].lossScale = scale * parameters.backoff;
    return;
  }
  control[0].skip = 0u;
  let step = control[0].step + 1u;
  control[0].step = step;
  let length = norm + ${CLIP_EPSILON};
  control[0].gradientFactor = select(1.0, parameters.maxNorm / length, length > parameters.maxNorm) / scale;
${corrections}  var good = control[0].goodSteps + 1u;
  if (good == parameters.interval) {
    good = 0u;
    if (scale <= ${LARGEST} / parameters.growth) { control[0].lossScale = scale * parameters.growth; }
  }
  control[0].goodSteps = good;
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(1),
  };
}
