import { assertEquals } from "@std/assert";
import { runKernels } from "../../../../kernels/engine/run.ts";
import {
  batchNormStatisticsBytes,
  batchNormStatisticsKernel,
} from "../../../../kernels/operations/batch_norm/training.ts";
import { convolutionCandidates, packWeights, storesMoments } from "../../../../kernels/operations/convolution/mod.ts";
import {
  type ConvolutionShape,
  convolutionShape,
  outputPositions,
  outputShape,
} from "../../../../kernels/operations/convolution/shape.ts";
import { MOMENT_RUN } from "../../../../kernels/operations/shared/by_channel.ts";
import { channelVectors, type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { assertClose } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

const layer = (input: Shape, outputChannels: number, size: number, stride: number) =>
  convolutionShape(input, {
    outputChannels,
    kernel: [size, size],
    stride: [stride, stride],
    padding: "same",
    groups: 1,
  });

/** Of one run and of many, with a last one that is not whole; the mean is 16 or more times the deviation. */
const SHAPES: readonly ConvolutionShape[] = [
  layer([2, 1, 1, 23], 67, 1, 1),
  layer([1, 17, 19, 7], 37, 1, 1),
];

/** What a candidate stores: its output, and from it by kernels the statistics of batch norm. */
async function run(shape: ConvolutionShape, target: Target, candidate: number) {
  const { kernels } = convolutionCandidates(shape, { moments: true }, target)[candidate];
  const { batch, input, inputChannels, outputChannels, kernel } = shape;
  const weight = randomValues(outputChannels * inputChannels * kernel[0] * kernel[1], 2, 0.25);
  const vectors = channelVectors(outputChannels);
  const zeros = () => ({ update: new Float32Array(vectors * 4) });
  const { output, moments, statistics } = await runKernels(
    await testDevice(),
    [
      ...kernels,
      batchNormStatisticsKernel({ shape: outputShape(shape), epsilon: 1e-9, momentum: 1, runs: true, profile: "gpu" }),
    ].map((kernel) => ({
      ...kernel,
      code: kernel.code.replaceAll(/\bpartials\b/g, "moments"),
      bindings: kernel.bindings.map((binding) =>
        binding.name === "partials" ? { ...binding, name: "moments" } : binding
      ),
    })),
    {
      input: padChannels(randomValues(batch * input[0] * input[1] * inputChannels, 1), inputChannels, target.storage),
      weights: packWeights(shape, {
        weight: Float32Array.from(weight),
        bias: new Float32Array(outputChannels).fill(32),
      }, target),
      output: { bytes: tensorBytes(outputShape(shape), target.storage) },
      moments: { bytes: Math.ceil(outputPositions(shape) / MOMENT_RUN) * 2 * vectors * 16 },
      statistics: { bytes: batchNormStatisticsBytes(outputChannels) },
      runningMean: zeros(),
      runningVariance: zeros(),
    },
  );
  return { output, moments, statistics };
}

for (const shape of SHAPES) {
  const name = `${shape.kernel.join("x")} to [${outputShape(shape).join(", ")}]`;
  Deno.test(`a convolution ${name} stores moments of what it stores, every candidate the same bits`, async () => {
    const channels = shape.outputChannels;
    for (const target of targets(await testDevice()).filter((target) => storesMoments(shape, target))) {
      const { output, moments, statistics } = await run(shape, target, 0);
      const values = unpadChannels(output, channels, target.storage);
      const positions = outputPositions(shape);
      const mean = new Float64Array(channels);
      const variance = new Float64Array(channels);
      values.forEach((value, index) => mean[index % channels] += value / positions);
      values.forEach((value, index) => variance[index % channels] += (value - mean[index % channels]) ** 2 / positions);
      const lanes = channelVectors(channels) * 4;
      const read = new Float32Array(statistics);
      const tolerance = { absolute: 0, name: `${name}, ${target.storage}` };
      assertClose(read.slice(0, channels), mean, { ...tolerance, relative: 3e-7 });
      assertClose(
        read.slice(lanes, lanes + channels),
        variance.map((value) => 1 / Math.sqrt(value + 1e-9)),
        { ...tolerance, relative: 1e-5 },
      );
      if (target.storage === "f16") continue;
      for (let other = 1; other < convolutionCandidates(shape, { moments: true }, target).length; other++) {
        const found = await run(shape, target, other);
        assertEquals(new Uint8Array(found.moments), new Uint8Array(moments));
      }
    }
  });
}
