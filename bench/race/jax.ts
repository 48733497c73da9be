/**
 * jax-js on WebGPU in a race. The operation is compiled by `jit`. Arrays are lazy, so results are kept until they are
 * computed, some hundred at a time: one that is dropped before is never computed.
 *
 * @module
 */

import { type Array as JaxArray, blockUntilReady, defaultDevice, init, jit, lax, nn, numpy, vjp } from "@jax-js/jax";
import { PARTS } from "../../kernels/operations/attention/shape.ts";
import type { AttentionNumbers, AttentionWork } from "./attention.ts";
import { type Contestant, toChannelsFirst, toChannelsLast } from "./contestant.ts";
import type { GradientOperation, GradientValues } from "./gradients.ts";
import {
  EPSILON,
  isLinear,
  linearWeight,
  type PositionOperation,
  type PositionValues,
  rowsOf,
} from "./position_operations.ts";
import { JAX, type SingleOperation, type SingleValues, weightChannelsLast } from "./single.ts";

/** Results that are in memory together. */
const MOST_RESULTS = 500;

/** An operation by itself; input and weights are on the device. */
export async function singleOnJax(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  await openJax();
  const { shape, kind } = operation;
  const { batch, input: [height, width], inputChannels, outputChannels, kernel, groups } = shape;
  const positions = batch * height * width;
  const [input, weight] = kind === "matmul"
    ? [
      numpy.array(values.input).reshape([positions, inputChannels]),
      numpy.array(weightChannelsLast(operation, values.weight)).reshape([inputChannels, outputChannels]),
    ]
    : [
      numpy.array(toChannelsFirst(values.input, batch, inputChannels)).reshape([batch, inputChannels, height, width]),
      numpy.array(values.weight).reshape([outputChannels, inputChannels / groups, ...kernel]),
    ];
  const compute = jit((x: JaxArray, w: JaxArray) =>
    kind === "matmul" ? numpy.matmul(x, w) : lax.convGeneralDilated(x, w, [1, 1], "SAME", { featureGroupCount: groups })
  );
  return contestant(
    compute,
    [input, weight],
    kind === "matmul" ? undefined : (result) => toChannelsLast(result, batch, outputChannels),
  );
}

/** An operation on each position by itself; input and parameters are on the device. */
export async function positionOnJax(operation: PositionOperation, values: PositionValues): Promise<Contestant> {
  await openJax();
  const input = numpy.array(values.input).reshape(rowsOf(operation));
  const gelu = (x: JaxArray) => nn.gelu(x, { approximate: false });
  if (operation.kind === "gelu") return contestant(jit(gelu), [input], undefined);
  if (isLinear(operation)) {
    const weight = numpy.array(linearWeight(operation, values.weight)).reshape([
      input.shape[1],
      operation.outputChannels,
    ]);
    const linear = (x: JaxArray, w: JaxArray, bias: JaxArray) => numpy.matmul(x, w).add(bias);
    const compute = jit(
      operation.kind === "linear" ? linear : (x: JaxArray, w: JaxArray, bias: JaxArray) => gelu(linear(x, w, bias)),
    );
    return contestant(compute, [input, weight, numpy.array(values.bias)], undefined);
  }
  const compute = jit((x: JaxArray, weight: JaxArray, bias: JaxArray) =>
    nn.standardize(x, -1, { epsilon: EPSILON }).mul(weight).add(bias)
  );
  return contestant(compute, [input, numpy.array(values.weight), numpy.array(values.bias)], undefined);
}

/** Attention by jax-js's own function; queries, keys and values are on the device. */
export async function attentionOnJax({ shape }: AttentionWork, numbers: AttentionNumbers): Promise<Contestant> {
  await openJax();
  const { batch, queries, heads, headChannels, scale } = shape;
  const inputs = PARTS.map((part) => numpy.array(numbers[part]).reshape([batch, queries, heads, headChannels]));
  const attend = (query: JaxArray, key: JaxArray, value: JaxArray) =>
    nn.dotProductAttention(query, key, value, { scale });
  return contestant(jit(attend), inputs, undefined);
}

/** A gradient; what it is computed of is on the device. */
export async function gradientOnJax({ shape, of }: GradientOperation, values: GradientValues): Promise<Contestant> {
  await openJax();
  const { batch, input: [height, width], output, inputChannels, outputChannels, kernel } = shape;
  const convolve = (x: JaxArray, w: JaxArray) => lax.convGeneralDilated(x, w, [1, 1], "SAME");
  const input = numpy.array(toChannelsFirst(values.input, batch, inputChannels))
    .reshape([batch, inputChannels, height, width]);
  const weight = numpy.array(values.weight).reshape([outputChannels, inputChannels, ...kernel]);
  const outputGradient = numpy.array(toChannelsFirst(values.outputGradient, batch, outputChannels))
    .reshape([batch, outputChannels, ...output]);
  // The convolution itself is linear in either: `jit` drops its value, which the gradient does not need.
  const compute = jit((x: JaxArray, w: JaxArray, g: JaxArray) => {
    const [value, pull] = of === "filter"
      ? vjp((w: JaxArray) => convolve(x, w), [w])
      : vjp((x: JaxArray) => convolve(x, w), [x]);
    value.dispose();
    const [gradient] = pull(g);
    pull.dispose();
    return gradient as JaxArray;
  });
  return contestant(
    compute,
    [input, weight, outputGradient],
    of === "filter" ? undefined : (result) => toChannelsLast(result, batch, inputChannels),
  );
}

/** Makes WebGPU the device of jax-js. */
export async function openJax(): Promise<void> {
  if (!(await init()).includes("webgpu")) throw new Error("Cannot open jax-js's WebGPU backend");
  defaultDevice("webgpu");
}

async function contestant(
  compute: (...inputs: JaxArray[]) => JaxArray,
  inputs: readonly JaxArray[],
  order: Contestant["order"],
): Promise<Contestant> {
  await blockUntilReady([...inputs]);
  return {
    name: JAX,
    ...(order ? { order } : {}),
    run: async (repetitions) => {
      for (let left = repetitions;;) {
        const length = Math.min(left, MOST_RESULTS);
        const results = Array.from({ length }, () => compute(...inputs.map(({ ref }) => ref)));
        await blockUntilReady(results);
        const last = results.pop()!;
        for (const result of results) result.dispose();
        left -= length;
        if (left === 0) return await last.data() as Float32Array;
        last.dispose();
      }
    },
    close: () => {
      for (const input of inputs) input.dispose();
    },
  };
}
