import { assert, assertEquals } from "@std/assert";
import { openWeights } from "../../../../formats/weights/mod.ts";
import { tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { createPlan } from "../../../../kernels/engine/plan.ts";
import { lowerImageGradient } from "../../../../kernels/programs/training/image_gradient.ts";
import { fixtureNetworks, readFixture } from "../../networks/fixture_networks.ts";
import { fromNCHW } from "../../networks/reference.ts";
import { padChannels, targets, testDevice, unpadChannels } from "../../tensors.ts";

for (const name of ["resnet_basic", "efficientnet"] as const) {
  Deno.test(`lowerImageGradient() differentiates ${name} with respect to its image as PyTorch`, async () => {
    const device = await testDevice();
    const { gpu } = device;
    const network = fixtureNetworks[name];
    const { parameters, input } = await readFixture(name);
    const file = await openWeights(
      new URL("../../../fixtures/models/image_gradients.safetensors", import.meta.url).pathname,
    );
    const expected = fromNCHW({ shape: file.shape(name), data: await file.read(name) });
    const labels = Int32Array.from(await file.read(`${name}.label`));
    file.close();
    const [batch, height, width] = input.shape;
    assertEquals(expected.shape, input.shape);
    for (const target of targets(device)) {
      const program = lowerImageGradient(network, parameters, { batch, size: [height, width] }, target);
      const plan = await createPlan(device, program, program);
      const [image, label, gradient] = [...program.inputs, program.outputs[1]].map(plan.tensor);
      const padded = padChannels(input.data, 3, target.storage) as Float32Array<ArrayBuffer>;
      gpu.queue.writeBuffer(image.buffer, image.offset, padded);
      gpu.queue.writeBuffer(label.buffer, label.offset, labels);
      const bytes = tensorBytes([batch, height, width, 3], target.storage);
      const staging = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      const encoder = gpu.createCommandEncoder();
      plan.encode(encoder);
      encoder.copyBufferToBuffer(gradient.buffer, gradient.offset, staging, 0, bytes);
      gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const actual = unpadChannels(staging.getMappedRange().slice(0), 3, target.storage);
      staging.destroy();
      plan.close();
      // In f16 some rectifiers see the other side of 0, and the gradients before them are others.
      const distance = Math.hypot(...expected.data.map((value, index) => actual[index] - value));
      const off = distance / Math.hypot(...expected.data);
      assert(off < (target.storage === "f16" ? 0.15 : 1e-4), `${target.profile} ${target.storage} is ${off} off`);
    }
  });
}
