import { assert, assertEquals } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Kernel } from "../../../../kernels/engine/kernel.ts";
import { runKernels } from "../../../../kernels/engine/run.ts";
import {
  convolutionCandidates,
  convolutionKernels,
  packWeights,
} from "../../../../kernels/operations/convolution/mod.ts";
import { convolutionReference } from "../../../../kernels/operations/convolution/reference.ts";
import {
  type ConvolutionOptions,
  type ConvolutionShape,
  convolutionShape,
  type Epilogue,
  outputPositions,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import { slicesOf } from "../../../../kernels/operations/convolution/tile_shapes.ts";
import { type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, testDevice, unpadChannels } from "../../tensors.ts";

function shapeOf(input: Shape, outputChannels: number, size = 1, stride = 1): ConvolutionShape {
  const options: ConvolutionOptions = {
    outputChannels,
    kernel: [size, size],
    stride: [stride, stride],
    padding: "same",
    groups: 1,
  };
  return convolutionShape(input, options);
}

/** Of few and many positions and channels, and of sums that end inside a turn of any tile. */
const SHAPES: readonly ConvolutionShape[] = [
  shapeOf([1, 1, 1, 131], 37),
  shapeOf([3, 1, 1, 23], 67),
  shapeOf([2, 11, 13, 29], 41),
  shapeOf([1, 17, 19, 7], 133),
  shapeOf([2, 5, 3, 301], 37),
  shapeOf([2, 7, 5, 3], 19, 3, 2),
  shapeOf([1, 13, 11, 11], 35, 3),
  shapeOf([1, 7, 7, 150], 34, 3),
  shapeOf([1, 9, 5, 6], 9, 5, 2),
];

function label({ batch, input, inputChannels, outputChannels, kernel }: ConvolutionShape): string {
  return `${kernel.join("x")} of [${[batch, ...input, inputChannels].join(", ")}] to ${outputChannels}`;
}

function valuesOf(shape: ConvolutionShape) {
  const { batch, input, inputChannels, outputChannels, kernel } = shape;
  return {
    input: randomValues(batch * input[0] * input[1] * inputChannels, 1),
    weight: randomValues(outputChannels * inputChannels * kernel[0] * kernel[1], 2),
    bias: randomValues(outputChannels, 3),
    residual: randomValues(outputPositions(shape) * outputChannels, 4),
  };
}

async function convolve(
  device: Device,
  kernels: readonly Kernel[],
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): Promise<ArrayBuffer> {
  const { storage } = target;
  const { input, weight, bias, residual } = valuesOf(shape);
  const { output } = await runKernels(device, kernels, {
    input: padChannels(input, shape.inputChannels, storage),
    weights: packWeights(shape, { weight: Float32Array.from(weight), bias: Float32Array.from(bias) }, target),
    ...(epilogue.residualChannels ? { residual: padChannels(residual, epilogue.residualChannels, storage) } : {}),
    output: { bytes: tensorBytes(outputShape(shape), storage) },
  });
  return output;
}

for (const shape of SHAPES) {
  Deno.test(`every candidate of a convolution ${label(shape)} gives the same bits, those of the reference`, async () => {
    const device = await testDevice();
    const values = valuesOf(shape);
    const sums = convolutionReference(shape, values);
    const terms = shape.inputChannels * shape.kernel[0] * shape.kernel[1];
    for (const target of [{ profile: "gpu", storage: "f32" }] as const) {
      const epilogue: Epilogue = { activation: "relu", residualChannels: shape.outputChannels };
      const expected = sums.map((sum, index) => Math.max(0, sum + values.residual[index]));
      const [first, ...others] = convolutionCandidates(shape, epilogue, target);
      const output = await convolve(device, first.kernels, shape, epilogue, target);
      assertClose(unpadChannels(output, shape.outputChannels, target.storage), expected, {
        ...sumTolerance(target.storage, terms, Math.sqrt(terms)),
        shape: outputShape(shape),
        name: `${first.name}, ${target.storage}`,
      });
      for (const { name, kernels } of others) {
        const other = await convolve(device, kernels, shape, epilogue, target);
        assertEquals(new Uint8Array(other), new Uint8Array(output), `${name} and ${first.name}, ${target.storage}`);
      }
    }
  });
}

Deno.test("convolutionKernels() takes the first candidate, and large tiles where there are many positions", () => {
  const target: Target = { profile: "gpu", storage: "f32" };
  const kernelOf = (input: Shape) => convolutionKernels(shapeOf(input, 512), {}, target)[0];
  assert(kernelOf([64, 32, 32, 128]).name.includes("128x128 by 256"), kernelOf([64, 32, 32, 128]).name);
  assert(kernelOf([1, 14, 14, 128]).name.includes("32x32 by 64"), kernelOf([1, 14, 14, 128]).name);
  const names = convolutionCandidates(shapeOf([1, 7, 7, 512], 512), {}, target).map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
});

Deno.test("slicesOf() cuts long sums of images with few tiles, whatever the batch", () => {
  const slices = (batch: number, size: number, channels: number) =>
    slicesOf(shapeOf([batch, size, size, channels], 512)).count;
  assertEquals([1, 8, 64].map((batch) => slices(batch, 7, 2048)), [16, 16, 16]);
  assertEquals([slices(1, 7, 64), slices(1, 56, 2048)], [1, 1]);
});
