import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAnnotator } from "../../../kernels/programs/annotator.ts";
import { buildNetwork, initialParameters } from "../../../kernels/networks/mod.ts";
import { sampleAugmentation } from "../../../kernels/operations/augmentation/mod.ts";
import { createTrainer } from "../../../kernels/programs/training/trainer.ts";
import { testDevice } from "../tensors.ts";
import { CLASSES, trainerSettings, trainingBatch, withProfile } from "./training/batches.ts";

/** An image whose resize takes some dozen pieces of work. */
const LARGE = {
  width: 6000,
  height: 5000,
  pixels: Uint8Array.from({ length: 6000 * 5000 * 3 }, (_, index) => index >> 9),
};
const SMALL = { width: 40, height: 30, pixels: new Uint8Array(40 * 30 * 3).fill(77) };

/** A signal that comes when events are first let in, and how many turns the event loop has had. */
function nextTurn(): { signal: AbortSignal; turns(): number; stop(): void } {
  const controller = new AbortController();
  let turns = 0;
  const timer = setInterval(() => {
    if (turns++ === 0) controller.abort();
  });
  return { signal: controller.signal, turns: () => turns, stop: () => clearInterval(timer) };
}

const network = buildNetwork("resnet8", { classes: CLASSES });
const settings = {
  network,
  parameters: initialParameters(network, 7),
  batch: 2,
  size: [16, 16],
  mean: [0.5, 0.4, 0.3],
  std: [0.25, 0.2, 0.3],
  interpolation: "bicubic",
  k: 3,
  dtype: "fp16",
} as const;

for (
  const [name, profile, maxBindingBytes] of [
    ["in the software profile", "software", Infinity],
    ["above the limit of a binding", "gpu", 2 ** 21],
  ] as const
) {
  Deno.test(`a signal breaks off the resize of a large image ${name}, and the annotator works on`, async () => {
    const device = withProfile(await testDevice(), profile);
    const capabilities = {
      ...device.capabilities,
      maxBindingBytes: Math.min(maxBindingBytes, device.capabilities.maxBindingBytes),
    };
    const annotator = await createAnnotator({ ...device, capabilities }, settings);
    const [expected] = await annotator.annotate([SMALL]);
    // As often as there are steps, and once more: each gives back what it had taken.
    for (let time = 0; time < 3; time++) {
      const { signal, stop } = nextTurn();
      const error = await assertRejects(() => annotator.start([LARGE], { signal }), DOMException);
      assertEquals(error, signal.reason);
      stop();
    }
    // Those that wait for their turn are not broken off with it, nor do their uploads mix.
    const { signal, stop } = nextTurn();
    const results = await Promise.allSettled([
      annotator.annotate([LARGE], { signal }),
      annotator.annotate([SMALL]),
      annotator.annotate([LARGE, SMALL]),
    ]);
    stop();
    const [broken, after, together] = results;
    assertEquals(broken.status, "rejected");
    assertEquals(after, { status: "fulfilled", value: [expected] });
    assertEquals(together.status === "fulfilled" && together.value[1], expected);
    assertEquals(together.status === "fulfilled" && together.value[0], (await annotator.annotate([LARGE]))[0]);
    const closing = annotator.annotate([LARGE]);
    setTimeout(annotator.close);
    await assertRejects(() => closing, Deno.errors.BadResource, "the program is closed");
  });
}

for (const profile of ["software", "gpu"] as const) {
  Deno.test(`a signal breaks off a training step of large images before anything of it is done, ${profile} profile`, async () => {
    const device = withProfile(await testDevice(), profile);
    const options = trainerSettings();
    const trainer = await createTrainer(device, options);
    const batch = trainingBatch(options, 0);
    const images = batch.images.map(() => LARGE);
    const samples = images.map((image, index) => ({
      ...sampleAugmentation(options.augmentation, { seed: 3, epoch: 0, index }, image),
      box: { top: 0, left: 0, width: LARGE.width, height: LARGE.height },
    }));
    const large = { ...batch, images, samples };
    await trainer.step(batch, 0.05);
    const before = await trainer.state();
    const { signal, stop, turns } = nextTurn();
    const error = await assertRejects(() => trainer.step(large, 0.05, signal), DOMException);
    stop();
    assertEquals(error, signal.reason);
    assertEquals(await trainer.state(), before);
    await trainer.read();
    await trainer.step(large, 0.05);
    const { losses } = await trainer.read();
    assertEquals(losses.length, 1);
    assert(turns() > 0);
    trainer.close();
  });
}
