import { assertEquals } from "@std/assert";
import { convolutionFilterGradientKernels } from "../../../../kernels/operations/convolution/filter_gradient.ts";
import { type ConvolutionShape, convolutionShape } from "../../../../kernels/operations/convolution/shape.ts";
import type { Target } from "../../../../kernels/operations/shared/tensor.ts";
import type { Device } from "../../../../kernels/engine/device.ts";
import { runKernels } from "../../../../kernels/engine/run.ts";
import { padChannels, targets, testDevice } from "../../tensors.ts";
import { gradientValues } from "./gradient_cases.ts";

async function filterGradient(
  device: Device,
  shape: ConvolutionShape,
  target: Target,
  values: { input: number[]; weight: number[]; outputGradient: number[] },
): Promise<Float32Array> {
  const kernels = convolutionFilterGradientKernels(shape, target);
  const results = await runKernels(device, kernels, {
    input: padChannels(values.input, shape.inputChannels, target.storage),
    outputGradient: padChannels(values.outputGradient, shape.outputChannels, target.storage),
    filterGradient: { bytes: values.weight.length * 4 },
  });
  return new Float32Array(results.filterGradient);
}

Deno.test("convolutionFilterGradientKernels() gives the same bits every time", async () => {
  const device = await testDevice();
  const shape = convolutionShape([2, 17, 19, 21], {
    outputChannels: 22,
    kernel: [3, 3],
    stride: [1, 1],
    padding: [1, 1],
    groups: 1,
  });
  const values = gradientValues(shape);
  for (const target of targets(device)) {
    const first = await filterGradient(device, shape, target, values);
    for (let time = 0; time < 3; time++) assertEquals(await filterGradient(device, shape, target, values), first);
  }
});
