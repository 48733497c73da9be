/**
 * Whether an adapter computes what it should: a small product whose result every storage type holds exactly.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import type { Storage } from "../../kernels/engine/kernel.ts";
import { convolutionKernels, packWeights } from "../../kernels/operations/convolution/mod.ts";
import { convolutionReference } from "../../kernels/operations/convolution/reference.ts";
import { convolutionShape, outputShape } from "../../kernels/operations/convolution/shape.ts";
import { tensorBytes } from "../../kernels/operations/shared/tensor.ts";
import { runKernels } from "../../kernels/engine/run.ts";
import { targetOf } from "../../kernels/programs/image_program.ts";

/** Small integers, the same ones each time: sums of 16 products stay below 2048, where f16 is exact. */
function integers(count: number, seed: number): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: count }, (_, index) => (index * seed + (index >> 3)) % 7 - 3);
}

/**
 * Computes a 1 x 1 convolution with the kernels of the device's profile.
 *
 * @param device The device to run on.
 * @param storage Storage of the tensors.
 * @returns What is wrong, undefined if every number is right.
 */
export async function tryKernel(device: Device, storage: Storage): Promise<string | undefined> {
  const target = targetOf(device, storage);
  const shape = convolutionShape([1, 9, 7, 16], {
    outputChannels: 32,
    kernel: [1, 1],
    stride: [1, 1],
    padding: [0, 0],
    groups: 1,
  });
  const input = integers(9 * 7 * 16, 5);
  const weight = integers(32 * 16, 3);
  const expected = convolutionReference(shape, { input, weight });
  try {
    const { output } = await runKernels(device, convolutionKernels(shape, {}, target), {
      input: storage === "f16" ? Float16Array.from(input) : input,
      weights: packWeights(shape, { weight }, target),
      output: { bytes: tensorBytes(outputShape(shape), storage) },
    });
    const actual = storage === "f16" ? new Float16Array(output) : new Float32Array(output);
    const wrong = expected.findIndex((value, index) => value !== actual[index]);
    return wrong < 0 ? undefined : `value ${wrong} of a trial product is ${actual[wrong]}, expected ${expected[wrong]}`;
  } catch (error) {
    return (error as Error).message;
  }
}
