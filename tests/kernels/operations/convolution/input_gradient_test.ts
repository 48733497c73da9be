import { assert, assertEquals } from "@std/assert";
import { runKernels } from "../../../../kernels/engine/run.ts";
import { convolutionInputGradientReference } from "../../../../kernels/operations/convolution/gradient_reference.ts";
import {
  convolutionInputGradientKernels,
  packInputGradientWeights,
} from "../../../../kernels/operations/convolution/input_gradient.ts";
import {
  type ConvolutionShape,
  convolutionShape,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import { type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

function strided(input: Shape, outputChannels: number, kernel: number, stride = 2) {
  return convolutionShape(input, {
    outputChannels,
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: "same",
    groups: 1,
  });
}

function namesOf(shape: ConvolutionShape, target: Target): string[] {
  return convolutionInputGradientKernels(shape, target).map((kernel) => kernel.name);
}

Deno.test("convolutionInputGradientKernels() divides stride 2 into a phase for each parity", () => {
  const names = namesOf(strided([1, 8, 8, 4], 4, 3), { profile: "software", storage: "f32" });
  for (const taps of ["1x1", "1x2", "2x1", "2x2"]) assert(names.some((name) => name.includes(` ${taps} `)), `${names}`);
});

Deno.test("convolutionInputGradientKernels() computes the phases of stride 2 in one dispatch on a GPU, and those of few positions apart", () => {
  const target: Target = { profile: "gpu", storage: "f32" };
  for (const kernel of [1, 2, 3, 7]) {
    const names = namesOf(strided([2, 14, 14, 64], 128, kernel), target);
    assertEquals(names.length, 1);
    assert(names[0].startsWith("input gradient, convolution spread in 4 phases "), names[0]);
  }
  assertEquals(namesOf(strided([1, 4, 4, 8], 8, 1), target).length, 2);
  assertEquals(namesOf(strided([1, 9, 9, 8], 8, 3, 3), target).length, 9);
});

/** Shapes, and the tiles that are tried of each: a text takes seconds to compile on Mesa's software Vulkan. */
const SHAPES: readonly (readonly [ConvolutionShape, tiles: number])[] = [
  [strided([2, 11, 13, 29], 41, 3), 5],
  [strided([1, 12, 7, 5], 67, 1), 1],
  [strided([3, 9, 6, 133], 13, 5), 1],
  // Sums in slices, of which the phases have different numbers.
  [strided([1, 14, 14, 34], 260, 3), 2],
];

for (const [shape, tiles] of SHAPES) {
  const { batch, input, inputChannels, outputChannels, kernel } = shape;
  const name = `${kernel.join("x")} with stride 2 of [${[batch, ...input, inputChannels]}]`;
  Deno.test(`the phases of ${name} in ${tiles} kinds of tiles give the same bits, those of the reference`, async () => {
    const device = await testDevice();
    const weight = Float32Array.from(randomValues(outputChannels * inputChannels * kernel[0] * kernel[1], 1));
    const gradient = randomValues(batch * shape.output[0] * shape.output[1] * outputChannels, 2);
    const expected = convolutionInputGradientReference(gradient, weight, shape);
    const inputShape: Shape = [batch, ...input, inputChannels];
    for (const target of targets(device).filter(({ profile }) => profile === "gpu")) {
      const [first, ...others] = convolutionInputGradientKernels(shape, target);
      assertEquals(others, []);
      const values = {
        outputGradient: padChannels(gradient, outputShape(shape)[3], target.storage),
        weights: packInputGradientWeights(shape, weight, target),
        inputGradient: { bytes: tensorBytes(inputShape, target.storage) },
      };
      const { inputGradient } = await runKernels(device, [first], values);
      assertClose(unpadChannels(inputGradient, inputChannels, target.storage), expected, {
        ...sumTolerance(target.storage, outputChannels * kernel[0] * kernel[1], Math.sqrt(outputChannels) * kernel[0]),
        shape: inputShape,
        name: `${first.name}, ${target.storage}`,
      });
      for (const kernel of first.alternatives!().slice(0, tiles - 1)) {
        const other = await runKernels(device, [kernel], values);
        assertEquals(new Uint8Array(other.inputGradient), new Uint8Array(inputGradient), kernel.name);
      }
    }
  });
}
