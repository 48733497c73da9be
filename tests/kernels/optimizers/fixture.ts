/**
 * What PyTorch and timm make of four tensors; see `tests/fixtures/optimizers/README.md`.
 *
 * @module
 */

import type { Optimizer } from "../../../kernels/optimizers/mod.ts";
import { layOutParameters, type ParameterLayout } from "../../../kernels/optimizers/layout.ts";
import { parameterWeightDecay } from "../../../kernels/optimizers/weight_decay.ts";

interface Case {
  readonly optimizer: "sgd" | "adamw" | "adamp";
  readonly weightDecay: number;
  readonly lr: number;
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly final: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly initial: readonly number[];
    /** At each step. */
    readonly gradients: readonly (readonly number[])[];
  }[];
  readonly cases: readonly Case[];
  readonly scaler: {
    readonly initial: number;
    readonly interval: number;
    readonly overflows: readonly boolean[];
    readonly scales: readonly number[];
  };
  readonly clip: { readonly maxNorm: number; readonly norm: number; readonly factor: number };
  readonly ema: {
    readonly decay: number;
    readonly weights: readonly (readonly number[])[];
    readonly average: readonly number[];
  };
}

const folder = new URL("../../fixtures/optimizers/", import.meta.url);

/** The steps. */
export const FIXTURE: Fixture = JSON.parse(Deno.readTextFileSync(new URL("steps.json", folder)));

/** Steps of each case. */
export const STEPS = 5;

/** timm's schedules with their rates at t = 0, 1, 2, ... */
export const SCHEDULES: readonly {
  readonly kind: "cosine" | "step";
  readonly t_initial: number;
  readonly lr_min?: number;
  readonly decay_t: number;
  readonly decay_rate: number;
  readonly warmup_t?: number;
  readonly warmup_lr_init?: number;
  readonly warmup_prefix?: boolean;
  readonly rates: readonly number[];
}[] = JSON.parse(Deno.readTextFileSync(new URL("schedules.json", folder)));

/** A case as our optimizers have it, PyTorch's and timm's defaults filled in. */
export function caseOptimizer({ optimizer, momentum = 0, nesterov = false, betas, eps }: Case): Optimizer {
  if (optimizer === "sgd") return { type: "sgd", momentum, nesterov };
  const adam = { betas: betas ?? [0.9, 0.999], epsilon: eps ?? 1e-8 } as const;
  if (optimizer === "adamw") return { type: "adamw", ...adam };
  return { type: "adamp", ...adam, delta: 0.1, decayRatio: 0.1, nesterov };
}

/** A case's name, for tests. */
export function caseName({ optimizer, weightDecay, lr, momentum = 0, nesterov, betas }: Case): string {
  const options = [
    optimizer === "sgd" ? `momentum ${momentum}` : betas ? `betas ${betas}` : "",
    nesterov ? "Nesterov's rule" : "",
    weightDecay > 0 ? `weight decay ${weightDecay}` : "",
  ];
  return [`${optimizer} at ${lr}`, ...options.filter((option) => option !== "")].join(", ");
}

/** The fixture's tensors, of which those with one axis do not decay. */
export function caseLayout({ weightDecay }: Case): ParameterLayout {
  return layOutParameters(
    FIXTURE.tensors.map(({ name, shape }) => ({
      name,
      shape,
      weightDecay: parameterWeightDecay([name, shape], { weightDecay, excludeNorms: true }),
    })),
  );
}
