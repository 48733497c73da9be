/**
 * Learned factors and summands in a network: layer scale, affine layers, the two numbers of star ReLU, SwinV2's temperature.
 *
 * @module
 */

import { channelVectors } from "../shared/tensor.ts";
import { addBytes, addStep, addTensor, type Builder, gradientName } from "../shared/builder.ts";
import { type AnyOperation, type Contribution, contributionName, type Rule } from "../shared/rule.ts";
import {
  scaleChannelGradientKernel,
  scaleGradientReference,
  scaleGradientsKernel,
  scaleParameterGradientKernel,
} from "./gradient.ts";
import { scaleKernel, scaleReference, type Spread, spreadScale, spreadScaleKernel } from "./kernels.ts";

/** y = weight x + bias. */
export interface Scale extends AnyOperation {
  readonly type: "scale";
  readonly channels: number;
  /** Names of the parameters, where there are such. */
  readonly weight?: string;
  readonly bias?: string;
  /**
   * Shape of each parameter. It has an element for each channel, or one for all, or one for each of several equal runs of
   * channels, whose length is a multiple of 4.
   */
  readonly shape: readonly number[];
  /** The factor is exp(min(weight, most)). */
  readonly exponential?: { readonly most: number };
  /** What the weight begins training with; 1 if left out. */
  readonly initial?: number;
  /** What the bias begins training with; 0 if left out. */
  readonly initialBias?: number;
}

function spreadOf({ channels, shape, exponential }: Scale): Spread {
  const elements = shape.reduce((product, size) => product * size, 1);
  return { channels, elements, ...(exponential ? { exponential } : {}) };
}

/** Checks that kernels can tell whose channels a 4-vector's are. */
function checkSpread(operation: Scale): void {
  const spread = spreadOf(operation);
  const { channels, elements } = spread;
  if (isByChannel(spread) || elements === 1 || channels % (4 * elements) === 0) return;
  throw new TypeError(
    `Cannot scale ${channels} channels by a parameter of shape [${
      operation.shape.join(", ")
    }]: an element must have all ` +
      `channels, ${spread.exponential ? "" : "one, "}or a multiple of 4`,
  );
}

function partsOf({ weight, bias }: Scale) {
  return { weight: weight !== undefined, bias: bias !== undefined };
}

/**
 * Factor and summand of each channel.
 *
 * @param operation The operation.
 * @param read Reads a parameter.
 * @returns `[C]` each, in float64.
 */
export function scaleFactors(
  operation: Scale,
  read: (parameter: string) => ArrayLike<number>,
): Record<"scale" | "shift", Float64Array> {
  const { weight, bias } = operation;
  return spreadScale(spreadOf(operation), {
    ...(weight === undefined ? {} : { weight: read(weight) }),
    ...(bias === undefined ? {} : { bias: read(bias) }),
  });
}

/** Whether parameters that are trained are read as they are. */
function isByChannel({ channels, elements, exponential }: Spread): boolean {
  return elements === channels && !exponential;
}

/** Names of factors and summands of each channel, where there are such. */
function factorNames({ parameters }: Builder, operation: Scale): { scale?: string; shift?: string } {
  const { output, weight, bias } = operation;
  const own = parameters.trained && isByChannel(spreadOf(operation));
  return {
    ...(weight === undefined ? {} : { scale: own ? weight : `${output} scale` }),
    ...(bias === undefined ? {} : { shift: own ? bias : `${output} shift` }),
  };
}

/** Bindings of the parameters that there are. */
function parameterNames({ weight, bias }: Scale): Record<string, string> {
  return { ...(weight === undefined ? {} : { weight }), ...(bias === undefined ? {} : { bias }) };
}

/** Bindings of the gradients of the parameters that there are, under the names that `name` gives. */
function gradientNames({ weight, bias }: Scale, name = gradientName): Record<string, string> {
  return {
    ...(weight === undefined ? {} : { weightGradient: name(weight) }),
    ...(bias === undefined ? {} : { biasGradient: name(bias) }),
  };
}

/** Adds what makes factors and summands of each channel. */
function addFactors(builder: Builder, operation: Scale): void {
  const { parameters, program, target: { profile } } = builder;
  const spread = spreadOf(operation);
  const names = factorNames(builder, operation);
  const length = 4 * channelVectors(operation.channels);
  if (!parameters.trained) {
    const { read } = parameters;
    for (const part of ["scale", "shift"] as const) {
      const name = names[part];
      if (name === undefined) continue;
      program.constants.set(name, () => {
        const padded = new Float32Array(length);
        padded.set(scaleFactors(operation, read)[part]);
        return padded;
      });
    }
  } else if (!isByChannel(spread)) {
    for (const name of Object.values(names)) addBytes(builder, name, length * 4);
    const kernel = spreadScaleKernel({ ...spread, ...partsOf(operation), profile });
    addStep(builder, kernel, { ...parameterNames(operation), ...names });
  }
}

/** Adds the gradients of parameters, and of the input where there is a weight. */
function addTrainedGradients(builder: Builder, operation: Scale, outputGradient: string): void {
  const { shapeOf, target } = builder;
  const { input, output, channels } = operation;
  const { profile } = target;
  const spread = spreadOf(operation);
  const parts = partsOf(operation);
  const shape = shapeOf(input);
  const partials = `${output} gradient partials`;
  const inputGradient = contributionName(operation);
  const bindings = { input, outputGradient, ...factorNames(builder, operation), inputGradient, partials };
  addStep(builder, scaleGradientsKernel({ shape, ...parts, ...target }), bindings);
  const sums = scaleChannelGradientKernel({ shape, ...parts, profile });
  if (isByChannel(spread)) {
    addStep(builder, sums, { partials, ...gradientNames(operation) });
    return;
  }
  const perChannel = gradientNames(operation, (parameter) => `${output} ${parameter} sums`);
  for (const name of Object.values(perChannel)) addBytes(builder, name, channelVectors(channels) * 16);
  addStep(builder, sums, { partials, ...perChannel });
  addStep(builder, scaleParameterGradientKernel({ ...spread, ...parts, profile }), {
    ...(parts.weight ? { weightSums: perChannel.weightGradient } : {}),
    ...(parts.bias ? { biasSums: perChannel.biasGradient } : {}),
    ...parameterNames(operation),
    ...gradientNames(operation),
  });
}

/** Factors and summands; training keeps the input for their gradients. */
export const scale: Rule<Scale> = {
  type: "scale",
  outputShape(operation, shapeOf) {
    const { input, output, channels } = operation;
    const shape = shapeOf(input);
    if (shape[3] !== channels) {
      throw new TypeError(`Cannot compute "${output}": it takes ${channels} channels, "${input}" has ${shape[3]}`);
    }
    checkSpread(operation);
    return shape;
  },
  parameters: ({ weight, bias, shape, exponential, initial = 1, initialBias = 0 }) => [
    ...(weight === undefined
      ? []
      : [[weight, shape, { initial: { constant: initial }, ...(exponential ? { decays: false } : {}) }] as const]),
    ...(bias === undefined ? [] : [[bias, shape, { initial: { constant: initialBias } }] as const]),
  ],
  forward(builder, operation) {
    const { input, output } = operation;
    const shape = builder.shapeOf(input);
    addTensor(builder, output, shape);
    addFactors(builder, operation);
    addStep(builder, scaleKernel({ shape, ...partsOf(operation), ...builder.target }), {
      input,
      ...factorNames(builder, operation),
      output,
    });
  },
  backward(builder, operation, outputGradient): Contribution[] {
    const { parameters, shapeOf, target } = builder;
    const { input, weight } = operation;
    const shape = shapeOf(input);
    // Of a sum with a bias the gradient is that of the output.
    const gradient = weight === undefined ? outputGradient : addTensor(builder, contributionName(operation), shape);
    if (parameters.trained) addTrainedGradients(builder, operation, outputGradient);
    else if (weight !== undefined) {
      const { scale } = factorNames(builder, operation);
      const bindings = { input: outputGradient, ...(scale === undefined ? {} : { scale }), output: gradient };
      addStep(builder, scaleKernel({ shape, weight: true, bias: false, ...target }), bindings);
    }
    return [{ tensor: input, gradient }];
  },
  reference: (operation, { tensor, parameter }) =>
    scaleReference(tensor(operation.input), scaleFactors(operation, parameter)),
  referenceGradient(operation, { tensor, parameter }, outputGradient) {
    const { input, weight, bias } = operation;
    const gradients = scaleGradientReference(
      tensor(input),
      outputGradient,
      spreadOf(operation),
      weight === undefined ? undefined : parameter(weight),
    );
    return new Map([
      [input, gradients.inputGradient],
      ...(weight === undefined ? [] : [[weight, gradients.weightGradient] as const]),
      ...(bias === undefined ? [] : [[bias, gradients.biasGradient] as const]),
    ]);
  },
};
