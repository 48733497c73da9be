/**
 * jax-js on WebGPU in a race. The operation is compiled by `jit`. Arrays are lazy, so the results of all repetitions are kept
 * until they are computed: one that is dropped before is never computed.
 *
 * @module
 */

import { type Array as JaxArray, blockUntilReady, defaultDevice, init, jit, lax, numpy } from "@jax-js/jax";
import { type Contestant, toChannelsFirst } from "./contestant.ts";
import { JAX, type SingleOperation, type SingleValues, weightChannelsLast } from "./single.ts";

/** An operation by itself; input and weights are on the device. */
export async function singleOnJax(operation: SingleOperation, values: SingleValues): Promise<Contestant> {
  if (!(await init()).includes("webgpu")) throw new Error("Cannot open jax-js's WebGPU backend");
  defaultDevice("webgpu");
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
  await blockUntilReady([input, weight]);
  const compute = jit((x: JaxArray, w: JaxArray) =>
    kind === "matmul" ? numpy.matmul(x, w) : lax.convGeneralDilated(x, w, [1, 1], "SAME", { featureGroupCount: groups })
  );
  return {
    name: JAX,
    layout: kind === "matmul" ? "NHWC" : "NCHW",
    run: async (repetitions) => {
      const results = Array.from({ length: repetitions }, () => compute(input.ref, weight.ref));
      await blockUntilReady(results);
      const last = results.pop()!;
      for (const result of results) result.dispose();
      return await last.data() as Float32Array;
    },
    close: () => {
      input.dispose();
      weight.dispose();
    },
  };
}
