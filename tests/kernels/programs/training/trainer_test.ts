import { assert, assertEquals, assertRejects } from "@std/assert";
import { buildNetwork, initialParameters } from "../../../../kernels/networks/mod.ts";
import { createTrainer, type TrainerSettings } from "../../../../kernels/programs/training/trainer.ts";
import { hiddenLayerNetwork } from "../../networks/hidden_layer_network.ts";
import { testDevice } from "../../tensors.ts";
import { CLASSES, MAPS, mixedPoolingSettings, trainerSettings, trainingBatch } from "./batches.ts";
import { distance, testSteps, train } from "./steps.ts";

const network = buildNetwork("resnet8", { classes: CLASSES });
const teacher = { network, parameters: initialParameters(network, 8) };
const base = trainerSettings();

const variants: Record<string, TrainerSettings> = {
  "labels, AdamW and dropped paths": trainerSettings({
    optimizer: { type: "adamw", betas: [0.9, 0.999], epsilon: 1e-8 },
    dropPath: 0.3,
    dropout: 0.2,
  }),
  "pooled label maps and labels, clipped": trainerSettings({
    targets: { type: "pooled", maps: MAPS, pooling: { mode: "local-single", temperature: 0.5 }, labelShare: 0.5 },
    maxNorm: 0.5,
  }),
  "given targets by binary cross-entropy": trainerSettings({
    targets: { type: "given" },
    loss: "binaryCrossEntropy",
    accumulate: 2,
  }),
  "labels, where the head has a hidden layer, dropped before the last": trainerSettings({
    network: hiddenLayerNetwork(CLASSES),
    dropout: 0.3,
  }),
  "a teacher, mixed by Mixup": trainerSettings({
    targets: { type: "teacher", ...teacher, temperature: 2 },
    augmentation: { ...base.augmentation, mixup: 0.8 },
  }),
};

for (const [name, settings] of Object.entries(variants)) testSteps(name, settings);

Deno.test("step() learns: the loss of a batch that it sees again and again falls by half", async () => {
  const device = await testDevice();
  const settings = trainerSettings({ targets: { type: "label", smoothing: 0 } });
  const trainer = await createTrainer(device, settings);
  const batch = trainingBatch(settings, 0);
  for (let step = 0; step < 25; step++) await trainer.step(batch, 0.05);
  const { losses } = await trainer.read();
  trainer.close();
  assertEquals(losses.length, 25);
  assert(losses[24] < losses[0] / 2, `the loss went from ${losses[0]} to ${losses[24]}`);
});

Deno.test("step() with accumulated gradients of one batch takes the step of that batch", async () => {
  const device = await testDevice();
  const settings = trainerSettings();
  const batch = trainingBatch(settings, 0);
  const states = [];
  for (const accumulate of [1, 3]) {
    const trainer = await createTrainer(device, { ...settings, accumulate });
    for (let index = 0; index < accumulate; index++) await trainer.step(batch, 0.05);
    const state = await trainer.state();
    trainer.close();
    states.push(new Map([...state].filter(([name]) => !name.includes("running_"))));
  }
  const off = distance(states[0], states[1]);
  assert(off < 1e-5, `the parameters are ${off} apart`);
});

Deno.test("step() takes a teacher at a high temperature for one that knows nothing", async () => {
  const device = await testDevice();
  const loss = async (targets: TrainerSettings["targets"]) => {
    const { losses } = await train(device, trainerSettings({ targets }), { to: 1 });
    return losses[0];
  };
  const even = await loss({ type: "label", smoothing: 1 });
  const off = Math.abs(await loss({ type: "teacher", ...teacher, temperature: 1000 }) / even - 1);
  assert(off < 1e-3, `the loss is ${off} off`);
  assert(Math.abs(await loss({ type: "teacher", ...teacher }) / even - 1) > 1e-3);
});

Deno.test("state() holds the moving average of the weights", async () => {
  const device = await testDevice();
  const settings = trainerSettings({ averageDecay: 0.75 });
  const { state } = await train(device, settings, { to: 1 });
  for (const name of ["layer2.0.conv1.weight", "bn1.running_mean"]) {
    const [before, after] = [settings.parameters.get(name)!.data, state.get(name)!.data];
    const average = state.get(`average.${name}`)!.data;
    const expected = after.map((value, index) => before[index] * 0.75 + value * 0.25);
    const off = Math.max(...average.map((value, index) => Math.abs(value - expected[index])));
    assert(off < 1e-6, `the average of ${name} is ${off} off`);
  }
});

const { float16, adapter } = (await testDevice()).capabilities;
const unable = float16 ? "" : ` (not tried: the adapter ${adapter} has no shader-f16)`;

Deno.test({
  name: `step() in half precision stays near the step in single precision${unable}`,
  ignore: !float16,
  async fn() {
    const device = await testDevice();
    const single = await train(device, trainerSettings(), { to: 3 });
    const scaling = { initial: 1024, growth: 2, backoff: 0.5, interval: 2 };
    const half = await train(device, trainerSettings({ storage: "f16", lossScaling: scaling }), { to: 3 });
    single.losses.forEach((loss, step) => assert(Math.abs(half.losses[step] / loss - 1) < 0.02));
    const words = new DataView(half.state.get("control")!.data.buffer);
    assertEquals(words.getFloat32(4, true), 2048, "the loss scale has grown after two good steps");
  },
});

Deno.test("poolingShare() measures a step, and leaves no trace of it", async () => {
  const device = await testDevice();
  const settings = mixedPoolingSettings();
  const trainer = await createTrainer(device, settings);
  await trainer.step(trainingBatch(settings, 0), 0.05);
  const share = await trainer.poolingShare();
  if (device.capabilities.timestamps) assert(share! > 0 && share! < 1, `the share is ${share}`);
  else assertEquals(share, undefined);
  await trainer.step(trainingBatch(settings, 1), 0.05);
  const state = await trainer.state();
  trainer.close();
  assertEquals(state, (await train(device, settings, { to: 2 })).state);
});

Deno.test("step() skips the update of a batch whose gradient is not finite, and keeps the parameters", async () => {
  const device = await testDevice();
  const settings = trainerSettings({ targets: { type: "given" } });
  const trainer = await createTrainer(device, settings);
  const batch = trainingBatch(settings, 0);
  await trainer.step({ ...batch, targets: batch.targets!.map((value, index) => index === 3 ? NaN : value) }, 0.05);
  const { losses, control } = await trainer.read();
  const state = await trainer.state();
  trainer.close();
  assert(Number.isNaN(losses[0]));
  assertEquals([control.skippedSteps, control.step], [1, 0]);
  assertEquals(state.get("conv1.weight")!.data, settings.parameters.get("conv1.weight")!.data);
});

Deno.test("step() creates nothing on the device, compiles nothing and reads nothing", async () => {
  const device = await testDevice();
  const settings = mixedPoolingSettings();
  const trainer = await createTrainer(device, settings);
  const counts: Record<string, number> = {};
  const names = [
    "createBuffer",
    "createTexture",
    "createBindGroup",
    "createShaderModule",
    "createComputePipeline",
  ] as const;
  const counted = (owner: object, name: string) => {
    const original = Reflect.get(owner, name);
    counts[name] = 0;
    Reflect.set(owner, name, function (this: unknown, ...parameters: unknown[]) {
      counts[name]++;
      return original.apply(this, parameters);
    });
    return () => Reflect.set(owner, name, original);
  };
  const restore = [
    ...names.map((name) => counted(GPUDevice.prototype, name)),
    counted(GPUBuffer.prototype, "mapAsync"),
  ];
  try {
    await trainer.step(trainingBatch(settings, 0), 0.05);
    await trainer.step(trainingBatch(settings, 1), 0.05);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    assertEquals(total, 0, JSON.stringify(counts));
    await trainer.read();
    assertEquals(counts.mapAsync, 1);
  } finally {
    for (const undo of restore) undo();
    trainer.close();
  }
});

Deno.test("createTrainer() and step() refuse what does not fit", async () => {
  const device = await testDevice();
  const maps = { ...MAPS, classes: 11 };
  await assertRejects(
    () => createTrainer(device, trainerSettings({ targets: { type: "pooled", maps, pooling: {} } })),
    TypeError,
    "Cannot train 10 classes on targets of label maps: it has 11",
  );
  const settings = trainerSettings();
  const { labels: _, ...unlabelled } = trainingBatch(settings, 0);
  const trainer = await createTrainer(device, settings);
  await assertRejects(() => trainer.step(unlabelled, 0.1), TypeError, "Cannot train: the batch has no labels");
  const short = { ...trainingBatch(settings, 0), images: [] };
  await assertRejects(() => trainer.step(short, 0.1), RangeError, "Cannot train on 0 images: the batch is 5");
  await assertRejects(() => trainer.checksum(), TypeError, "Cannot compare parameters: the training has no ranks");
  trainer.close();
});
