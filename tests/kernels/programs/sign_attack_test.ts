import { assert, assertEquals, assertRejects } from "@std/assert";
import { openWeights } from "../../../formats/weights/mod.ts";
import { createClassifier } from "../../../kernels/programs/classifier.ts";
import type { Device } from "../../../kernels/engine/device.ts";
import type { Profile } from "../../../kernels/engine/kernel.ts";
import { gradientSignReference, normalisedSignStep } from "../../../kernels/operations/gradient_sign/kernels.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import type { Pixels } from "../../../formats/base/pixels.ts";
import { createSignAttack, lowerSignAttack, type SignAttackSettings } from "../../../kernels/programs/sign_attack.ts";
import { assertClose } from "../compare.ts";
import { fixtureNetworks, readFixture } from "../networks/fixture_networks.ts";
import { classifyReference, fromNCHW } from "../networks/reference.ts";
import { padChannels, randomValues, targets, testDevice } from "../tensors.ts";

const GRADIENTS = new URL("../../fixtures/models/image_gradients.safetensors", import.meta.url).pathname;
const NORMALISATION = {
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.25, 0.3],
  epsilon: 0.02,
  interpolation: "bicubic",
} as const;

function on(device: Device, profile: Profile): Device {
  return { ...device, capabilities: { ...device.capabilities, profile } };
}

Deno.test("lowerSignAttack() gives the logits of the image that PyTorch's gradient moves", async () => {
  const device = await testDevice();
  const name = "resnet_basic";
  const network = fixtureNetworks[name];
  const { parameters, input } = await readFixture(name);
  const file = await openWeights(GRADIENTS);
  const gradient = fromNCHW({ shape: file.shape(name), data: await file.read(name) });
  const labels = Int32Array.from(await file.read(`${name}.label`));
  file.close();
  const [batch, height, width] = input.shape;
  const settings = { network, parameters, batch, size: [height, width], ...NORMALISATION } as const;
  const moved = gradientSignReference(input.data, gradient.data, normalisedSignStep(settings));
  const classify = (data: Float32Array<ArrayBuffer>) =>
    classifyReference(network, parameters, { shape: input.shape, data }).data;
  const expected = [classify(input.data), classify(Float32Array.from(moved))];
  const change = Math.max(...expected[0].map((value, index) => Math.abs(value - expected[1][index])));
  assert(change > 0.05, `the attack changes logits by ${change} only`);
  for (const target of targets(device).filter(({ storage }) => storage === "f32")) {
    const program = lowerSignAttack(settings, target);
    const plan = await createPlan(device, program, program);
    const [image, label] = program.inputs.map(plan.tensor);
    const padded = padChannels(input.data, 3, "f32") as Float32Array<ArrayBuffer>;
    device.gpu.queue.writeBuffer(image.buffer, image.offset, padded);
    device.gpu.queue.writeBuffer(label.buffer, label.offset, labels);
    for (const [index, output] of program.outputs.map(plan.tensor).entries()) {
      const staging = device.gpu.createBuffer({
        size: output.size,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      });
      const encoder = device.gpu.createCommandEncoder();
      if (index === 0) plan.encode(encoder);
      encoder.copyBufferToBuffer(output.buffer, output.offset, staging, 0, output.size);
      device.gpu.queue.submit([encoder.finish()]);
      await staging.mapAsync(GPUMapMode.READ);
      const actual = new Float32Array(staging.getMappedRange().slice(0));
      staging.destroy();
      // A gradient near zero may have another sign there, which moves one of some thousand values.
      assertClose(actual, expected[index], {
        absolute: index === 0 ? 1e-4 : change / 20,
        relative: 0,
        name: `${["clean", "attacked"][index]} ${target.profile}`,
      });
    }
    plan.close();
  }
});

async function fixtureSettings(): Promise<SignAttackSettings> {
  return {
    network: fixtureNetworks.efficientnet_lite,
    parameters: (await readFixture("efficientnet_lite")).parameters,
    batch: 3,
    size: [41, 37],
    cover: [45, 41],
    ...NORMALISATION,
  };
}

function image(width: number, height: number, seed: number): Pixels {
  return { width, height, pixels: Uint8Array.from(randomValues(width * height * 3, seed), (v) => (v + 1) * 127.5) };
}

const logSoftmax = (logits: Float32Array, label: number) =>
  logits[label] - Math.log([...logits].reduce((sum, value) => sum + Math.exp(value), 0));

Deno.test("createSignAttack() raises the loss of the labels, and leaves images without one as they are", async () => {
  const device = await testDevice();
  const settings = await fixtureSettings();
  const images = [image(50, 60, 1), image(77, 41, 2), image(64, 64, 3)];
  const labels = [5, 17, -1];
  for (const profile of ["software", "gpu"] as const) {
    const attack = await createSignAttack(on(device, profile), settings);
    const results = await (await attack.start(images, labels))();
    const [alone] = await (await attack.start([images[1]], [17]))();
    attack.close();
    assertEquals(alone, results[1]);
    const classifier = await createClassifier(on(device, profile), settings);
    const clean = await classifier.classify(images);
    classifier.close();
    results.forEach(({ logits, attacked }, index) => {
      const tolerance = { absolute: 1e-4, relative: 1e-4 };
      assertClose(logits, clean[index], { ...tolerance, name: `clean ${index} ${profile}` });
      if (labels[index] < 0) assertClose(attacked, clean[index], { ...tolerance, name: `unlabelled ${profile}` });
      else assert(logSoftmax(attacked, labels[index]) < logSoftmax(logits, labels[index]), `image ${index} ${profile}`);
    });
  }
});

Deno.test("createSignAttack() refuses more images than its batch", async () => {
  const attack = await createSignAttack(await testDevice(), await fixtureSettings());
  const one = image(3, 3, 1);
  await assertRejects(
    () => attack.start([one, one, one, one], [0, 0, 0, 0]),
    RangeError,
    "the batch is 3",
  );
  attack.close();
});
