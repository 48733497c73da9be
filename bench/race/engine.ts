/**
 * This project's engine in a race.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "../../kernels/device.ts";
import type { Network } from "../../kernels/network.ts";
import { convolutionKernels, packWeights } from "../../kernels/operations/convolution/mod.ts";
import { outputShape } from "../../kernels/operations/convolution/shape.ts";
import { type Shape, type Target, tensorBytes } from "../../kernels/operations/tensor.ts";
import { createPlan, type Plan } from "../../kernels/plan.ts";
import { lowerNetwork, type Parameters, type Program } from "../../kernels/program.ts";
import { padChannels, unpadChannels } from "../../tests/kernels/tensors.ts";
import type { Contestant } from "./contestant.ts";
import type { SingleOperation, SingleValues } from "./single.ts";

export const ENGINE = "relabel";

/** An operation by itself; the input is on the device, weights are packed. */
export async function singleOnEngine(
  device: Device,
  { shape }: SingleOperation,
  { input, weight }: SingleValues,
): Promise<Contestant> {
  const target: Target = { profile: device.capabilities.profile, storage: "f32" };
  const inputShape: Shape = [shape.batch, ...shape.input, shape.inputChannels];
  const program: Program = {
    tensors: new Map([
      ["input", tensorBytes(inputShape, "f32")],
      ["output", tensorBytes(outputShape(shape), "f32")],
      ["partial", tensorBytes(outputShape(shape), "f32")],
    ]),
    constants: new Map([["weights", () => packWeights(shape, { weight }, target)]]),
    steps: convolutionKernels(shape, {}, target).map(({ kernel, weightsOffset }) => ({
      kernel,
      weightsOffset,
      bindings: { input: "input", weights: "weights", output: "output", partial: "partial" },
    })),
  };
  // The input is among the outputs so that it is still there for the next repetition.
  const plan = await createPlan(device, program, { inputs: ["input"], outputs: ["input", "output"] });
  const source = plan.tensor("input");
  const padded = padChannels(input, shape.inputChannels, "f32") as Float32Array<ArrayBuffer>;
  device.gpu.queue.writeBuffer(source.buffer, source.offset, padded);
  const reader = createReader(device, plan, "output", outputShape(shape));
  return {
    name: ENGINE,
    layout: "NHWC",
    run: (repetitions) => {
      const encoder = device.gpu.createCommandEncoder();
      for (let count = 0; count < repetitions; count++) plan.encode(encoder);
      return reader.read(encoder);
    },
    close: () => {
      reader.close();
      plan.close();
    },
  };
}

/** A network up to its label map; a repetition begins with the input on the CPU and ends with the label map there. */
export async function networkOnEngine(
  device: Device,
  { network, parameters, input, shape }: {
    network: Network;
    parameters: Parameters;
    input: Float32Array;
    shape: Shape;
  },
): Promise<Contestant> {
  const [batch, height, width, channels] = shape;
  const target: Target = { profile: device.capabilities.profile, storage: "f32" };
  const program = lowerNetwork(network, parameters, { batch, size: [height, width], ...target });
  const output = network.classifier.output;
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const reader = createReader(device, plan, output, program.shapes.get(output)!);
  const padded = padChannels(input, channels, "f32") as Float32Array<ArrayBuffer>;
  const source = plan.tensor(network.input);
  return {
    name: ENGINE,
    layout: "NHWC",
    run: async (repetitions) => {
      let result = new Float32Array();
      for (let count = 0; count < repetitions; count++) {
        device.gpu.queue.writeBuffer(source.buffer, source.offset, padded);
        const encoder = device.gpu.createCommandEncoder();
        plan.encode(encoder);
        result = await reader.read(encoder);
      }
      return result;
    },
    close: () => {
      reader.close();
      plan.close();
    },
  };
}

function createReader(device: Device, plan: Plan, name: string, shape: Shape) {
  const { buffer, offset } = plan.tensor(name);
  const bytes = tensorBytes(shape, "f32");
  const staging = createBuffer(device, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "result");
  return {
    /** Submits what is encoded and reads the tensor. */
    async read(encoder: GPUCommandEncoder): Promise<Float32Array<ArrayBuffer>> {
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
      device.gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const padded = staging.getMappedRange().slice(0);
      staging.unmap();
      return shape[3] % 4 === 0 ? new Float32Array(padded) : Float32Array.from(unpadChannels(padded, shape[3], "f32"));
    },
    close: () => destroyBuffer(device, staging),
  };
}
