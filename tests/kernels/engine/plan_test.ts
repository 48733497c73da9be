import type { Device } from "../../../kernels/engine/device.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import { lowerNetwork } from "../../../kernels/lowering/lower_network.ts";
import { DEFAULT_MIXING } from "../../../kernels/networks/vision_transformer.ts";
import type { Network } from "../../../kernels/operations/network.ts";
import { type Shape, type Target, tensorBytes } from "../../../kernels/operations/shared/tensor.ts";
import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import type { Parameters, Tensor } from "../networks/reference.ts";
import { buildTransformer, readTransformer, SIZES, TRANSFORMERS } from "../networks/transformer_networks.ts";
import { padChannels, targets, testDevice, unpadChannels } from "../tensors.ts";

/** A network, and what its heads give of an input. */
interface Case {
  readonly network: Network;
  readonly parameters: Parameters;
  readonly input: Tensor;
  readonly expected: Partial<Record<"dense" | "pooled", Tensor>>;
}

async function logitsOf(
  device: Device,
  { network, parameters, input }: Case,
  head: "dense" | "pooled",
  { shape, target }: { shape: readonly number[]; target: Target },
): Promise<Float32Array> {
  const [batch, height, width] = input.shape;
  const program = lowerNetwork(network, parameters, { batch, size: [height, width], head, ...target });
  const { output } = network[head];
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: [output] });
  const { gpu } = device;
  const source = plan.tensor(network.input);
  gpu.queue.writeBuffer(source.buffer, source.offset, padChannels(input.data, 3, target.storage));
  const classes = shape[shape.length - 1];
  const bytes = tensorBytes(
    [1, 1, shape.reduce((product, size) => product * size, 1) / classes, classes] as Shape,
    target.storage,
  );
  const staging = gpu.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = gpu.createCommandEncoder();
  plan.encode(encoder);
  const result = plan.tensor(output);
  encoder.copyBufferToBuffer(result.buffer, result.offset, staging, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  const actual = unpadChannels(staging.getMappedRange().slice(0), classes, target.storage);
  staging.destroy();
  plan.close();
  return Float32Array.from(actual);
}

async function assertEveryVariant(name: string, test: Case): Promise<void> {
  const device = await testDevice();
  for (const target of targets(device)) {
    for (const head of ["dense", "pooled"] as const) {
      const expected = test.expected[head];
      if (!expected) continue;
      const { shape, data } = expected;
      const largest = data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(await logitsOf(device, test, head, { shape, target }), data, {
        absolute: (target.storage === "f16" ? 2e-2 : 1e-4) * largest,
        relative: 0,
        shape,
        name: `${name} ${head} ${target.profile} ${target.storage}`,
      });
    }
  }
}

for (const [name, network] of Object.entries(fixtureNetworks)) {
  Deno.test(`createPlan() computes the label map of ${name} as PyTorch, in every variant`, async () => {
    const { labelMap, ...fixture } = await readFixture(name);
    await assertEveryVariant(name, { network, ...fixture, expected: { dense: labelMap } });
  });
}

for (const name of TRANSFORMERS) {
  Deno.test(`createPlan() computes label map and logits of ${name} as timm, in every variant`, async () => {
    const { dense, pooled, ...fixture } = await readTransformer(name, SIZES[0]);
    const labelMap = dense[DEFAULT_MIXING] ?? dense.attention!;
    const expected = { dense: labelMap.single, pooled: pooled.single };
    await assertEveryVariant(name, { network: buildTransformer(name), ...fixture, expected });
  });
}
