/**
 * The activations: one file and one line of this table each.
 *
 * @module
 */

import { relu } from "./relu.ts";
import { relu6 } from "./relu6.ts";
import type { ActivationRule } from "./rule.ts";
import { sigmoid } from "./sigmoid.ts";
import { silu } from "./silu.ts";

/** Rules by name; those with parameters are made of them. */
export const ACTIVATIONS = {
  relu,
  relu6,
  silu,
  sigmoid,
} as const satisfies Readonly<Record<string, ActivationRule | ((parameters: never) => ActivationRule)>>;

type Table = typeof ACTIVATIONS;

/** An activation: its name, or its name and its parameters. */
export type ActivationFunction = {
  [Name in keyof Table]: Table[Name] extends (parameters: infer P) => ActivationRule ? { readonly name: Name } & P
    : Name;
}[keyof Table];

/** Every activation once. */
export const EXAMPLES: readonly ActivationFunction[] = ["relu", "relu6", "silu", "sigmoid"];

/** The name of an activation. */
export function activationName(activation: ActivationFunction): string {
  return typeof activation === "string" ? activation : (activation as { name: string }).name;
}

/** The rule of an activation. */
export function activationRule(activation: ActivationFunction): ActivationRule {
  const rule = (ACTIVATIONS as Record<string, ActivationRule | ((parameters: unknown) => ActivationRule)>)[
    activationName(activation)
  ];
  return typeof rule === "function" ? rule(activation) : rule;
}
