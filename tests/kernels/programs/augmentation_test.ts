import { assert, assertEquals, assertThrows } from "@std/assert";
import { atOnce } from "../../../formats/base/event_loop.ts";
import {
  type AugmentationOptions,
  createAugmentationPacker,
  lowerAugmentation,
  lowerTargetMixing,
} from "../../../kernels/programs/augmentation.ts";
import {
  type AugmentationSettings,
  augmentReference,
  mixImagesReference,
  mixTargetsReference,
  sampleAugmentation,
  sampleMix,
} from "../../../kernels/operations/augmentation/mod.ts";
import { mixWords, packMix } from "../../../kernels/operations/augmentation/mix_kernels.ts";
import { randAugmentOperation } from "../../../kernels/operations/augmentation/rand_augment.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import { runKernel } from "../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../compare.ts";
import { augmentOnDevice, randomImages } from "../operations/augmentation/batch.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../tensors.ts";

const PLAIN: AugmentationSettings = {
  size: [19, 23],
  interpolation: "bicubic",
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};
const CROPPED: AugmentationSettings = { ...PLAIN, crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] }, flip: 0.5 };

/** Sizes four times, below, and far above the result's. */
const SIZES = [[92, 76], [7, 5], [211, 97], [23, 19], [1, 1], [3, 401], [40, 76]] as const;

/** Every target, with samples drawn from a seed. */
async function compare(
  settings: AugmentationSettings,
  { share = 1e6, absolute = 0, epochs = 3 } = {},
): Promise<void> {
  const device = await testDevice();
  // The epochs are one batch, which is compiled once.
  const keys = Array.from({ length: epochs }, (_, epoch) => SIZES.map((_, index) => ({ seed: 7, epoch, index })))
    .flat();
  const images = randomImages(keys.map(({ index }) => SIZES[index]));
  const samples = images.map((image, index) => sampleAugmentation(settings, keys[index], image));
  const batch = images.length + 1;
  const pixels = settings.size[0] * settings.size[1] * 3;
  const expected = new Float64Array(batch * pixels);
  images.forEach((image, index) =>
    expected.set(augmentReference(image, samples[index], settings, share), index * pixels)
  );
  for (const target of targets(device)) {
    const options: AugmentationOptions = { batch, settings, pixelBytes: batch * share, ...target };
    const { absolute: rounding, relative } = sumTolerance(target.storage, 1, 3);
    assertClose(await augmentOnDevice(device, options, images, samples), expected, {
      name: `${target.profile} ${target.storage}`,
      absolute: rounding + absolute,
      relative,
      shape: [batch, ...settings.size, 3],
    });
  }
}

Deno.test("augmentation without more settings resizes whole images, and leaves zeros where there is none", () =>
  compare(PLAIN));

Deno.test("augmentation cuts out, resizes and flips each image as the reference, in one dispatch", async () => {
  for (const interpolation of ["bicubic", "bilinear"] as const) await compare({ ...CROPPED, interpolation });
  for (const target of [{ profile: "gpu", storage: "f32" }, { profile: "software", storage: "f32" }] as const) {
    const options = { batch: 3, settings: CROPPED, pixelBytes: 3000, ...target };
    assertEquals(lowerAugmentation({ ...options, output: "input" }).steps.length, 1);
  }
});

Deno.test("augmentation reduces parts that exceed their share by whole factors", () =>
  compare(CROPPED, { share: 400 }));

Deno.test("augmentation does each operation of RandAugment as the reference, in either direction", async () => {
  const device = await testDevice();
  const settings: AugmentationSettings = { ...PLAIN, randAugment: { operations: 1, magnitude: 17 } };
  const { size } = settings;
  const operations = (["shearX", "shearY", "translateX", "translateY", "rotate", "sharpness", "contrast"] as const)
    .flatMap((name) => [true, false].map((negative) => randAugmentOperation(name, { magnitude: 17, negative, size })))
    .concat((["brightness", "saturation", "posterize", "solarize", "autoContrast", "equalize", "identity"] as const)
      .map((name) => randAugmentOperation(name, { magnitude: 17, negative: false, size })));
  const images = randomImages(operations.map((_, index) => [20 + index, 41 - index]));
  // One is grey all over: there is nothing to stretch or to rank.
  images.push({ width: 3, height: 3, pixels: new Uint8Array(27).fill(80) });
  operations.push([{ type: "equalize" }]);
  const samples = images.map((image, index) => ({
    ...sampleAugmentation(PLAIN, { seed: 1, epoch: 0, index }, image),
    operations: operations[index],
  }));
  const batch = images.length;
  const expected = images.flatMap((image, index) => [...augmentReference(image, samples[index], settings)]);
  for (const target of targets(device)) {
    const options: AugmentationOptions = { batch, settings, pixelBytes: batch * 1e5, ...target };
    assertClose(await augmentOnDevice(device, options, images, samples), expected, {
      name: `${target.profile} ${target.storage}`,
      ...sumTolerance(target.storage, 1, 3),
      shape: [batch, ...size, 3],
    });
  }
});

Deno.test("augmentation does colour jitter in the order drawn, with contrast and without, and after RandAugment", async () => {
  const colourJitter = { brightness: 0.4, contrast: 0.4, saturation: 0.4 };
  await compare({ ...CROPPED, colourJitter }, { epochs: 1 });
  await compare({ ...CROPPED, colourJitter: { saturation: 1, brightness: 0.2 } }, { epochs: 1 });
  await compare({ ...CROPPED, colourJitter, randAugment: { operations: 2, magnitude: 14 } }, { epochs: 1 });
});

Deno.test("augmentation lights and erases in the kernel that normalises", async () => {
  const erasing = { probability: 0.8, scale: [0.02, 0.33], ratio: [0.3, 3.3] } as const;
  await compare({ ...CROPPED, lighting: 0.3 });
  await compare({ ...CROPPED, erasing: { ...erasing, value: "zero" } });
  // Of noise, WGSL promises a cosine within 2^-11; the distance it is multiplied by is at most 6.
  await compare({ ...CROPPED, lighting: 0.3, erasing: { ...erasing, value: "random" } }, { absolute: 6 * 2 ** -11 });
  for (const profile of ["gpu", "software"] as const) {
    const settings: AugmentationSettings = { ...CROPPED, lighting: 0.1, erasing: { ...erasing, value: "random" } };
    const options = { batch: 3, settings, pixelBytes: 3000, profile, storage: "f32" } as const;
    assertEquals(lowerAugmentation({ ...options, output: "input" }).steps.length, 1);
  }
});

Deno.test("augmentation mixes images, by share and by box, or leaves them", async () => {
  const device = await testDevice();
  const settings: AugmentationSettings = { ...CROPPED, mixup: 0.8, cutmix: 1 };
  const images = randomImages(SIZES);
  const batch = images.length;
  const samples = images.map((image, index) => sampleAugmentation(settings, { seed: 7, epoch: 0, index }, image));
  const plain = images.flatMap((image, index) => [...augmentReference(image, samples[index], settings, 1e6)]);
  const mixes = [0, 1, 2, 3, 4, 5].map((step) => sampleMix(settings, { seed: 3, epoch: 0, step, batch })!);
  assert(mixes.some(({ box }) => box) && mixes.some(({ box }) => !box));
  for (const target of targets(device)) {
    const options: AugmentationOptions = { batch, settings, pixelBytes: batch * 1e6, ...target };
    // Both images are stored before they are mixed.
    const { absolute, relative } = sumTolerance(target.storage, 2, 3);
    const stored = target.storage === "f16" ? 2 ** -10 * 3 : 0;
    for (const mix of [...mixes, undefined]) {
      assertClose(
        await augmentOnDevice(device, options, images, samples, mix),
        mix ? mixImagesReference(plain, settings.size, mix) : plain,
        { name: `${mix?.lambda} ${target.profile}`, absolute: absolute + stored, relative, shape: [batch, 19, 23, 3] },
      );
    }
  }
});

Deno.test("lowerTargetMixing() mixes targets with the share that the images have", async () => {
  const device = await testDevice();
  for (const [batch, classes] of [[7, 13], [1, 3], [6, 1000]]) {
    const targetsOf = randomValues(batch * classes, batch).map(Math.abs);
    for (const profile of ["software", "gpu"] as const) {
      const [{ kernel, bindings }] =
        lowerTargetMixing({ batch, classes, input: "targets", output: "mixed", profile }).steps;
      assertEquals([bindings.input, bindings.output], ["targets", "mixed"]);
      const settings = { size: [9, 8], mixup: 0.8, cutmix: 1 } as const;
      for (const step of [0, 1, 2, 3]) {
        const mix = sampleMix(settings, { seed: 3, epoch: 0, step, batch })!;
        const mixing = new Uint32Array(mixWords(batch));
        packMix(mixing, mix);
        const { output } = await runKernel(device, kernel, {
          input: padChannels(targetsOf, classes, "f32"),
          mixing,
          output: { bytes: batch * Math.ceil(classes / 4) * 16 },
        });
        assertClose(unpadChannels(output, classes, "f32"), mixTargetsReference(targetsOf, classes, mix), {
          name: `${batch} x ${classes} ${profile}`,
          ...sumTolerance("f32", 2),
        });
      }
    }
  }
});

Deno.test("augmentation in a plan gives the reference's images and targets, step after step", async () => {
  const device = await testDevice();
  const settings: AugmentationSettings = { ...CROPPED, colourJitter: { contrast: 0.4 }, lighting: 0.1, cutmix: 1 };
  const { size } = settings;
  const classes = 5;
  const batch = SIZES.length;
  const targetRows = randomValues(batch * classes, 4);
  for (const { profile, storage } of targets(device).filter(({ storage }) => storage === "f32")) {
    const options: AugmentationOptions = { batch, settings, pixelBytes: batch * 2e4, profile, storage };
    const augmentation = lowerAugmentation({ ...options, output: "input" });
    const mixing = lowerTargetMixing({ batch, classes, input: "targets", output: "mixed", profile });
    const plan = await createPlan(device, {
      tensors: new Map([...augmentation.tensors, ...mixing.tensors]),
      constants: augmentation.constants,
      steps: [...augmentation.steps, ...mixing.steps],
    }, { inputs: [...augmentation.inputs, "targets"], outputs: ["input", "mixed"] });
    const pack = createAugmentationPacker(options);
    const { gpu } = device;
    const write = (name: string, bytes: BufferSource & { byteLength: number }) =>
      gpu.queue.writeBuffer(plan.tensor(name).buffer, plan.tensor(name).offset, bytes);
    for (const [step, count] of [batch, 3, batch].entries()) {
      const images = randomImages(SIZES, step).slice(0, count);
      const samples = images.map((image, index) =>
        sampleAugmentation(settings, { seed: 7, epoch: step, index }, image)
      );
      const mix = step === 2 ? undefined : sampleMix(settings, { seed: 7, epoch: 0, step, batch: count });
      for (const [name, bytes] of atOnce(pack(images, samples, mix))) write(name, bytes);
      write("targets", padChannels(targetRows, classes, "f32") as Float32Array<ArrayBuffer>);
      const encoder = gpu.createCommandEncoder();
      plan.encode(encoder);
      const read = ["input", "mixed"].map((name) => {
        const { buffer, offset, size } = plan.tensor(name);
        const staging = gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
        encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
        return staging;
      });
      gpu.queue.submit([encoder.finish()]);
      await Promise.all(read.map((staging) => staging.mapAsync(GPUMapMode.READ)));
      const [actual, mixed] = read.map((staging, index) =>
        unpadChannels(staging.getMappedRange().slice(0), index === 0 ? 3 : classes, "f32")
      );
      for (const staging of read) staging.destroy();
      const plain = images.flatMap((image, index) => [...augmentReference(image, samples[index], settings, 2e4)]);
      const expected = new Float64Array(batch * size[0] * size[1] * 3);
      expected.set(mix ? mixImagesReference(plain, size, mix) : plain);
      const name = `step ${step} ${profile}`;
      const { absolute, relative } = sumTolerance("f32", 2, 3);
      assertClose(actual, expected, { name, absolute, relative, shape: [batch, ...size, 3] });
      const rows = targetRows.slice(0, count * classes);
      const expectedRows = mix ? mixTargetsReference(rows, classes, mix) : rows;
      assertClose(mixed.slice(0, count * classes), expectedRows, { name, absolute, relative });
    }
    plan.close();
  }
});

Deno.test("createAugmentationPacker() packs an image the same whatever the batch is", () => {
  const images = randomImages(SIZES);
  const samples = images.map((image, index) => sampleAugmentation(CROPPED, { seed: 1, epoch: 2, index }, image));
  const options: AugmentationOptions = {
    batch: 8,
    settings: CROPPED,
    pixelBytes: 8e5,
    profile: "software",
    storage: "f32",
  };
  const pack = createAugmentationPacker(options);
  const imageBytes = CROPPED.size[0] * CROPPED.size[1] * 4;
  const together = atOnce(pack(images, samples)).get("augmented image 0")!.slice();
  images.forEach((image, index) => {
    const alone = atOnce(pack([image], [samples[index]])).get("augmented image 0")!;
    assertEquals(alone.slice(0, imageBytes), together.slice(index * imageBytes, (index + 1) * imageBytes));
    assert(alone.subarray(imageBytes).every((byte) => byte === 0));
  });
});

Deno.test("createAugmentationPacker() refuses what does not fit together", () => {
  const options: AugmentationOptions = { batch: 1, settings: PLAIN, pixelBytes: 4000, profile: "gpu", storage: "f32" };
  const pack = createAugmentationPacker(options);
  const [image, other] = randomImages([[9, 8], [9, 8]]);
  const sample = sampleAugmentation(PLAIN, { seed: 1, epoch: 0, index: 0 }, image);
  assertThrows(
    () => atOnce(pack([image, other], [sample, sample])),
    RangeError,
    "Cannot augment 2 images: the step has 1",
  );
  assertThrows(() => atOnce(pack([image], [])), TypeError, "Cannot augment 1 images: there are 0 augmentations");
  assertThrows(
    () => atOnce(pack([{ ...image, width: 10 }], [sample])),
    TypeError,
    "Cannot augment image 0 of 10 x 8: it has 216 bytes, expected 240",
  );
  const small = { width: 4, height: 8, pixels: new Uint8Array(96) };
  assertThrows(() => atOnce(pack([small], [sample])), RangeError, "its part of 9 x 8 at (0, 0) reaches beyond it");
  const jittered = { ...sample, operations: [{ type: "equalize" }] as const };
  assertThrows(
    () => atOnce(pack([image], [jittered])),
    RangeError,
    "image 0: it has 1 operations, the settings allow 0",
  );
  assertThrows(() => createAugmentationPacker({ ...options, batch: 0 }), RangeError, "batch is 0");
  assertThrows(
    () => lowerAugmentation({ ...options, pixelBytes: 3, output: "input" }),
    RangeError,
    "Cannot augment: 3 bytes for the pixels of 1 images",
  );
});
