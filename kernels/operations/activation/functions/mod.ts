/**
 * The activations: one file and one line of this table each.
 *
 * @module
 */

import { gelu } from "./gelu.ts";
import { geluTanh } from "./gelu_tanh.ts";
import { hardSigmoid } from "./hard_sigmoid.ts";
import { hardSwish } from "./hard_swish.ts";
import { leakyRelu } from "./leaky_relu.ts";
import { multiple } from "./multiple.ts";
import { quickGelu } from "./quick_gelu.ts";
import { relu } from "./relu.ts";
import { relu6 } from "./relu6.ts";
import { reluSquared } from "./relu_squared.ts";
import type { ActivationRule, ParametricActivation } from "./rule.ts";
import { sigmoid } from "./sigmoid.ts";
import { silu } from "./silu.ts";
import { tanh } from "./tanh.ts";

/** Rules by name. */
const ACTIVATIONS = {
  relu,
  relu6,
  reluSquared,
  leakyRelu,
  silu,
  sigmoid,
  tanh,
  hardSwish,
  hardSigmoid,
  gelu,
  geluTanh,
  quickGelu,
  multiple,
};

type Table = typeof ACTIVATIONS;

/** An activation: its name, or where it has parameters, its name and these. */
export type ActivationFunction = {
  [Name in keyof Table]: Table[Name] extends ParametricActivation<infer P> ? { readonly name: Name } & Readonly<P>
    : Name;
}[keyof Table];

/** Every activation once, with its usual parameters. */
export const ACTIVATION_FUNCTIONS = Object.entries(ACTIVATIONS).map(([name, entry]) =>
  "usual" in entry ? { name, ...entry.usual } : name
) as readonly ActivationFunction[];

/** The name of an activation. */
export function activationName(activation: ActivationFunction): keyof Table {
  return typeof activation === "string" ? activation : activation.name;
}

/** The rule of an activation. */
export function activationRule(activation: ActivationFunction): ActivationRule {
  if (typeof activation === "string") return ACTIVATIONS[activation];
  const parametric: ParametricActivation<object> = ACTIVATIONS[activation.name];
  return parametric.rule(activation);
}
