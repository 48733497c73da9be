import { createPlan } from "../../../kernels/engine/plan.ts";
import { lowerNetwork } from "../../../kernels/lowering/lower_network.ts";
import { type Shape, tensorBytes } from "../../../kernels/operations/shared/tensor.ts";
import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { padChannels, targets, testDevice, unpadChannels } from "../tensors.ts";

for (const name of Object.keys(fixtureNetworks)) {
  Deno.test(`createPlan() computes the label map of ${name} as PyTorch, in every variant`, async () => {
    const device = await testDevice();
    const network = fixtureNetworks[name as keyof typeof fixtureNetworks];
    const { parameters, input, labelMap } = await readFixture(name);
    const [batch, height, width] = input.shape;
    for (const target of targets(device)) {
      const program = lowerNetwork(network, parameters, { batch, size: [height, width], head: "dense", ...target });
      const { output } = network.dense;
      const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
      const { gpu } = device;
      const source = plan.tensor(network.input);
      gpu.queue.writeBuffer(source.buffer, source.offset, padChannels(input.data, 3, target.storage));
      const bytes = tensorBytes(labelMap.shape as unknown as Shape, target.storage);
      const staging = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = gpu.createCommandEncoder();
      plan.encode(encoder);
      const result = plan.tensor(output);
      encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, bytes);
      gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const actual = unpadChannels(staging.getMappedRange().slice(0), labelMap.shape[3], target.storage);
      staging.destroy();
      plan.close();
      const largest = labelMap.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(actual, labelMap.data, {
        absolute: (target.storage === "f16" ? 2e-2 : 1e-4) * largest,
        relative: 0,
        shape: labelMap.shape,
        name: `${name} ${target.profile} ${target.storage}`,
      });
    }
  });
}
