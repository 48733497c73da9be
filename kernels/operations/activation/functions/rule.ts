/**
 * What an activation's file says of it.
 *
 * @module
 */

/** An elementwise function. */
export interface ActivationRule {
  /**
   * The function in WGSL.
   *
   * @param value The name of a `vec4<f32>`; it may occur more than once in the result.
   * @returns An expression of type `vec4<f32>`.
   */
  expression(value: string): string;
  /** WGSL statements that make `result` of the input `value` and the output's `gradient`, all `vec4<f32>`. */
  readonly gradient: string;
  /** WGSL functions that these call; they stand at module scope. */
  readonly functions?: string;
  /** Whether it is zero of zero, which is what padding lanes hold; the stores of others are masked. */
  readonly keepsZero: boolean;
  /** Which tensor the gradient is made of: the output where it tells as much, since what follows keeps it anyway. */
  readonly gradientOf: "input" | "output";
  /** The function on the CPU, in float64. */
  reference(value: number): number;
  /** Its derivative on the CPU, in float64. */
  derivative(value: number): number;
}

/** An elementwise function that has numbers of its own. */
export interface ParametricActivation<P> {
  /** The parameters that it usually has. */
  readonly usual: P;
  rule(parameters: P): ActivationRule;
}
