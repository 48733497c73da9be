/**
 * This project's engine in a race.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "../../kernels/engine/device.ts";
import { inferShapes, type Network, type Parameters } from "../../kernels/operations/network.ts";
import { attentionKernel } from "../../kernels/operations/attention/mod.ts";
import { statisticsBytes } from "../../kernels/operations/attention/shape.ts";
import { convolutionKernels, packWeights } from "../../kernels/operations/convolution/mod.ts";
import { convolutionFilterGradientKernels } from "../../kernels/operations/convolution/filter_gradient.ts";
import {
  filledVectors,
  gatherTable,
  gatherWeightsKernel,
  inputGradientWeightPlaces,
} from "../../kernels/operations/convolution/gather_weights.ts";
import { convolutionInputGradientKernels } from "../../kernels/operations/convolution/input_gradient.ts";
import { outputShape } from "../../kernels/operations/convolution/shape.ts";
import { ruleOf } from "../../kernels/operations/mod.ts";
import { addTensor, type Builder, emptyProgram } from "../../kernels/operations/shared/builder.ts";
import { type Shape, tensorBytes } from "../../kernels/operations/shared/tensor.ts";
import { targetOf } from "../../kernels/programs/image_program.ts";
import { createPlan, type Plan } from "../../kernels/engine/plan.ts";
import { fuse } from "../../kernels/lowering/fuse.ts";
import { lowerNetwork } from "../../kernels/lowering/lower_network.ts";
import type { Kernel } from "../../kernels/engine/kernel.ts";
import { operationSteps, type Program, type Step } from "../../kernels/engine/program.ts";
import { padChannels, unpadChannels } from "../../tests/kernels/tensors.ts";
import type { AttentionNumbers, AttentionWork } from "./attention.ts";
import type { Contestant } from "./contestant.ts";
import type { GradientOperation, GradientValues } from "./gradients.ts";
import { engineOperations, type PositionOperation, type PositionValues } from "./position_operations.ts";
import type { SingleOperation, SingleValues } from "./single.ts";

export const ENGINE = "relabel";

/** An operation by itself; the input is on the device, weights are packed. */
export function singleOnEngine(
  device: Device,
  { shape }: SingleOperation,
  { input, weight }: SingleValues,
): Promise<Contestant> {
  const target = targetOf(device, "f32");
  const inputShape: Shape = [shape.batch, ...shape.input, shape.inputChannels];
  return programOnEngine(
    device,
    {
      tensors: new Map([
        ["input", tensorBytes(inputShape, "f32")],
        ["output", tensorBytes(outputShape(shape), "f32")],
      ]),
      constants: new Map([["weights", () => packWeights(shape, { weight }, target)]]),
      steps: stepsByName(convolutionKernels(shape, {}, target), ["input", "weights", "output"]),
    },
    { input: pad(input, shape.inputChannels) },
    { name: "output", channels: shape.outputChannels },
  );
}

/** An operation on each position by itself; the input is on the device. */
export function positionOnEngine(
  device: Device,
  operation: PositionOperation,
  { input, weight, bias }: PositionValues,
): Promise<Contestant> {
  const { shape, outputChannels } = operation;
  const target = targetOf(device, "f32");
  const operations = engineOperations(operation);
  const shapes = inferShapes(operations, { name: "input", shape });
  const shapeOf = (name: string) => shapes.get(name)!;
  const program = emptyProgram();
  const read = (name: string) => name === "weight" ? weight : bias;
  const builder: Builder = { program, target, shapeOf, parameters: { trained: false, read } };
  addTensor(builder, "input", shape);
  for (const { operation, layer } of fuse(operations, ["output"], { trained: false, target, shapeOf })) {
    ruleOf(operation).forward(builder, operation, layer);
  }
  return programOnEngine(device, program, { input: pad(input, shape[3]) }, {
    name: "output",
    channels: outputChannels,
  });
}

/** Attention; queries, keys and values are on the device. */
export function attentionOnEngine(
  device: Device,
  { shape }: AttentionWork,
  { query, key, value }: AttentionNumbers,
): Promise<Contestant> {
  const target = targetOf(device, "f32");
  const names = ["query", "key", "value", "output", "logSumExp"];
  return programOnEngine(
    device,
    {
      tensors: new Map([
        ...names.map((name) => [name, query.byteLength] as const),
        ["logSumExp", statisticsBytes(shape)],
      ]),
      constants: new Map(),
      steps: stepsByName([attentionKernel(shape, target)], names),
    },
    { query, key, value },
    { name: "output", channels: shape.heads * shape.headChannels },
  );
}

/** A gradient; what it is computed of is on the device. Weights change with every step, so that packing them is part of it. */
export function gradientOnEngine(
  device: Device,
  { shape, of }: GradientOperation,
  { input, weight, outputGradient }: GradientValues,
): Promise<Contestant> {
  const target = targetOf(device, "f32");
  const inputBytes = tensorBytes([shape.batch, ...shape.input, shape.inputChannels], "f32");
  const given = { outputGradient: pad(outputGradient, shape.outputChannels) };
  if (of === "filter") {
    const names = ["input", "outputGradient", "filterGradient"];
    return programOnEngine(
      device,
      {
        tensors: new Map([
          ["input", inputBytes],
          ["outputGradient", tensorBytes(outputShape(shape), "f32")],
          ["filterGradient", weight.byteLength],
        ]),
        constants: new Map(),
        steps: stepsByName(convolutionFilterGradientKernels(shape, target), names),
      },
      { ...given, input: pad(input, shape.inputChannels) },
      { name: "filterGradient", channels: 4 },
    );
  }
  const names = ["outputGradient", "weights", "inputGradient"];
  const places = inputGradientWeightPlaces(shape, target);
  const vectors = filledVectors(places);
  const origin = { weight: 0 };
  return programOnEngine(
    device,
    {
      tensors: new Map([
        ["outputGradient", tensorBytes(outputShape(shape), "f32")],
        ["inputGradient", inputBytes],
      ]),
      constants: new Map<string, () => Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>>([
        ["places", () => gatherTable([{ places, first: 0, weights: weight.length, origin }], vectors)],
        ["master", () => weight],
      ]),
      states: new Map([["weights", places.byteLength]]),
      steps: [
        {
          kernel: gatherWeightsKernel({ vectors, ...target }),
          bindings: { places: "places", master: "master", packed: "weights" },
        },
        ...stepsByName(convolutionInputGradientKernels(shape, target), names),
      ],
    },
    given,
    { name: "inputGradient", channels: shape.inputChannels },
  );
}

/** The steps of an operation by itself, whose tensors are called as its kernels call them. */
function stepsByName(kernels: readonly Kernel[], names: readonly string[]): Step[] {
  return operationSteps(kernels, Object.fromEntries(names.map((name) => [name, name])), "operation");
}

/** A program whose inputs are on the device. */
async function programOnEngine(
  device: Device,
  program: Program,
  inputs: Readonly<Record<string, Float32Array<ArrayBuffer>>>,
  output: { name: string; channels: number },
): Promise<Contestant> {
  // The inputs are among the outputs so that they are still there for the next repetition.
  const names = Object.keys(inputs);
  const plan = await createPlan(device, program, { inputs: names, outputs: [...names, output.name] });
  for (const [name, data] of Object.entries(inputs)) {
    const { buffer, offset } = plan.tensor(name);
    device.gpu.queue.writeBuffer(buffer, offset, data);
  }
  const reader = createReader(device, plan, output);
  return {
    name: ENGINE,
    run: (repetitions) => {
      // Each in a command buffer of its own, as peers do.
      for (let count = 1;; count++) {
        const encoder = device.gpu.createCommandEncoder();
        plan.encode(encoder);
        if (count === repetitions) return reader.read(encoder);
        device.gpu.queue.submit([encoder.finish()]);
      }
    },
    close: () => {
      reader.close();
      plan.close();
    },
  };
}

/** A network up to a head's logits; a repetition begins with the input on the CPU and ends with the logits there. */
export async function networkOnEngine(
  device: Device,
  { network, parameters, input, shape, head = "dense" }: {
    network: Network;
    parameters: Parameters;
    input: Float32Array;
    shape: Shape;
    head?: "dense" | "pooled";
  },
): Promise<Contestant> {
  const [batch, height, width, channels] = shape;
  const target = targetOf(device, "f32");
  const program = lowerNetwork(network, parameters, { batch, size: [height, width], head, ...target });
  const { output } = network[head];
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const reader = createReader(device, plan, { name: output, channels: network.classifier.outputChannels });
  const padded = pad(input, channels);
  const source = plan.tensor(network.input);
  return {
    name: ENGINE,
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

/** A tensor as the engine stores it. */
export function pad(values: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  return padChannels(values, channels, "f32") as Float32Array<ArrayBuffer>;
}

function createReader(device: Device, plan: Plan, { name, channels }: { name: string; channels: number }) {
  const { buffer, offset, size } = plan.tensor(name);
  const staging = createBuffer(device, size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "result");
  return {
    /** Submits what is encoded and reads the tensor. */
    async read(encoder: GPUCommandEncoder): Promise<Float32Array<ArrayBuffer>> {
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
      device.gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const padded = staging.getMappedRange().slice(0);
      staging.unmap();
      return channels % 4 === 0 ? new Float32Array(padded) : Float32Array.from(unpadChannels(padded, channels, "f32"));
    },
    close: () => destroyBuffer(device, staging),
  };
}
