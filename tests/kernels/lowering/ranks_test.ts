import { assert, assertEquals, assertRejects } from "@std/assert";
import type { Device } from "../../../kernels/engine/device.ts";
import type { Network } from "../../../kernels/operations/network.ts";
import type { Operation } from "../../../kernels/operations/mod.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { checksumReference } from "../../../kernels/optimizers/checksum.ts";
import { flattenParameters } from "../../../kernels/optimizers/layout.ts";
import { createExchanger } from "../../../kernels/programs/training/exchange.ts";
import { lowerTraining } from "../../../kernels/programs/training/lower.ts";
import { layOutNetwork } from "../../../kernels/lowering/parameters.ts";
import { createTrainer, type TrainerSettings } from "../../../kernels/programs/training/trainer.ts";
import type { TrainingState } from "../../../kernels/programs/training/training_state.ts";
import { testDevice } from "../tensors.ts";
import { CLASSES, trainerSettings, trainingBatch, withProfile } from "../programs/training/batches.ts";
import { createRanks, partOfBatch, type Trained, trainTogether } from "../programs/training/ranks.ts";
import { distance } from "../programs/training/steps.ts";

const PROFILES = ["software", "gpu"] as const;
const LEARNING_RATE = 0.02;

/** A network whose convolutions have biases in place of the batch norms that follow them. */
function withoutBatchNorm(network: Network): Network {
  const norms = network.operations.filter((operation) => operation.type === "batchNorm");
  const operations = network.operations.flatMap((operation): Operation[] => {
    if (operation.type === "batchNorm") return [];
    const norm = norms.find(({ input }) => input === operation.output);
    if (operation.type !== "convolution" || !norm) return [operation];
    return [{ ...operation, output: norm.output, bias: `${norm.parameters}.bias` }];
  });
  return { ...network, operations };
}

/** Batches of 6, which 2 and 3 ranks divide, and buckets that no tensor's size divides. */
function rankSettings(changes: Partial<TrainerSettings> = {}): TrainerSettings {
  return trainerSettings({ batch: 6, bucketBytes: 60_000, targets: { type: "given" }, ...changes });
}

const plain = withoutBatchNorm(buildNetwork("resnet8", { classes: CLASSES }));

async function trainAlone(device: Device, settings: TrainerSettings, steps: number): Promise<TrainingState> {
  const trainer = await createTrainer(device, settings);
  for (let step = 0; step < steps; step++) await trainer.step(trainingBatch(settings, step), LEARNING_RATE);
  const state = await trainer.state();
  trainer.close();
  return state;
}

function trainRanks(devices: readonly Device[], settings: TrainerSettings, steps: number): Promise<Trained[]> {
  const batches = Array.from({ length: steps }, (_, step) => trainingBatch(settings, step));
  return trainTogether(devices, settings, batches, LEARNING_RATE);
}

const alike: Record<string, TrainerSettings> = {
  "without batch norm": rankSettings({ network: plain }),
  "with accumulated gradients, clipped": rankSettings({ network: plain, accumulate: 2, maxNorm: 0.5 }),
  "with batch norms that share statistics": rankSettings({ syncBatchNorm: true }),
  "with shared statistics, accumulated gradients and binary cross-entropy": rankSettings({
    syncBatchNorm: true,
    accumulate: 2,
    loss: "binaryCrossEntropy",
  }),
};

for (const [name, settings] of Object.entries(alike)) {
  const steps = 2 * (settings.accumulate ?? 1);
  for (const [profile, size] of [["software", 3], ["gpu", 2]] as const) {
    Deno.test(`${size} ranks take the steps of one trainer on all images: ${name}, ${profile}`, async () => {
      const device = withProfile(await testDevice(), profile);
      const alone = await trainAlone(device, settings, steps);
      const ranks = await trainRanks(Array(size).fill(device), settings, steps);
      for (const { checksum, calls } of ranks) assertEquals([checksum, calls], [ranks[0].checksum, ranks[0].calls]);
      assert(new Set(ranks[0].calls).size > 3, "the gradients were one bucket");
      const off = distance(alone, ranks[0].state);
      assert(off < 1e-5, `the ranks are ${off} from one trainer`);
    });
  }
}

Deno.test("ranks give the same bits again, whatever the buckets", async () => {
  const device = await testDevice();
  const settings = rankSettings({ syncBatchNorm: true });
  const [first, again] = [
    await trainRanks([device, device], settings, 3),
    await trainRanks([device, device], settings, 3),
  ];
  assertEquals(again, first);
  const [whole] = await trainRanks([device, device], { ...settings, bucketBytes: 2 ** 24 }, 3);
  assertEquals(whole.state, first[0].state);
});

Deno.test("ranks without shared statistics have the same parameters, and running averages of their own", async () => {
  const device = await testDevice();
  const [one, other] = await trainRanks([device, device], rankSettings(), 3);
  assertEquals(one.checksum, other.checksum);
  const differing = [...one.state].filter(([name, { data }]) =>
    other.state.get(name)!.data.some((v, i) => v !== data[i])
  );
  assert(differing.length > 0);
  assert(differing.every(([name]) => name.includes("running_")), differing.map(([name]) => name).join(", "));
});

Deno.test("an update is skipped by all ranks if the gradient of one is not finite", async () => {
  const device = await testDevice();
  const settings = rankSettings({ lossScaling: { initial: 1024, growth: 2, backoff: 0.5, interval: 100 } });
  const batch = trainingBatch(settings, 0);
  const targets = batch.targets!.map((value, index) => index === 4 * CLASSES ? NaN : value);
  const ranks = await trainTogether([device, device], settings, [{ ...batch, targets }], LEARNING_RATE);
  for (const { state, losses, checksum } of ranks) {
    const control = new DataView(state.get("control")!.data.buffer);
    assertEquals([control.getFloat32(4, true), control.getUint32(20, true)], [512, 1], "loss scale, skipped steps");
    assertEquals(state.get("conv1.weight")!.data, settings.parameters.get("conv1.weight")!.data);
    assertEquals(checksum, ranks[0].checksum);
    assertEquals(losses.length, 1);
  }
  assertEquals(ranks.map(({ losses }) => Number.isNaN(losses[0])), [false, true]);
});

const { float16, adapter } = (await testDevice()).capabilities;
const unable = float16 ? "" : ` (not tried: the adapter ${adapter} has no shader-f16)`;

Deno.test({
  name: `ranks in half precision stay near one trainer, and have the same loss scale${unable}`,
  ignore: !float16,
  async fn() {
    const device = await testDevice();
    const lossScaling = { initial: 1024, growth: 2, backoff: 0.5, interval: 2 };
    const settings = rankSettings({ storage: "f16", lossScaling, syncBatchNorm: true });
    const exact = await trainAlone(device, rankSettings(), 3);
    const alone = await trainAlone(device, settings, 3);
    const [one, other] = await trainRanks([device, device], settings, 3);
    assertEquals([one.checksum, one.state.get("control")], [other.checksum, other.state.get("control")]);
    assertEquals(new DataView(one.state.get("control")!.data.buffer).getFloat32(4, true), 2048);
    const [offAlone, off] = [distance(exact, alone), distance(exact, one.state)];
    assert(off < 2 * offAlone, `the ranks are ${off} from single precision, one trainer is ${offAlone}`);
  },
});

Deno.test("checksum() is that of the flat parameters, and of nothing else", async () => {
  const device = await testDevice();
  const settings = rankSettings();
  const { parameters } = layOutNetwork(settings.network, settings);
  const flat = (state: TrainingState) => flattenParameters(parameters, (name) => state.get(name)!.data);
  for (const profile of PROFILES) {
    const [ranks] = createRanks(1);
    const trainer = await createTrainer(withProfile(device, profile), { ...settings, ranks });
    const state = await trainer.state();
    const before = await trainer.checksum();
    assertEquals(before, checksumReference(flat(state)));
    const other = new Map(
      [...state].map(([name, tensor]) =>
        name.includes("running_") || name.startsWith("optimizer.")
          ? [name, { ...tensor, data: tensor.data.map((value) => value + 1) }]
          : [name, tensor]
      ),
    );
    trainer.load(other);
    assertEquals(await trainer.checksum(), before);
    const weight = state.get("conv1.weight")!;
    [weight.data[0], weight.data[1]] = [weight.data[1], weight.data[0]];
    trainer.load(state);
    const swapped = await trainer.checksum();
    assert(swapped !== before);
    assertEquals(swapped, checksumReference(flat(state)));
    trainer.close();
  }
});

Deno.test("step() submits what follows a bucket before it waits for the bucket's sum", async () => {
  const device = await testDevice();
  const settings = rankSettings();
  const submit = GPUQueue.prototype.submit;
  let submitted = 0;
  const submittedBefore: number[] = [];
  const ranks = { rank: 0, size: 1, sum: () => Promise.resolve(void submittedBefore.push(submitted)) };
  const trainer = await createTrainer(device, { ...settings, ranks });
  GPUQueue.prototype.submit = function (commands) {
    submitted++;
    return submit.call(this, commands);
  };
  try {
    await trainer.step(trainingBatch(settings, 0), LEARNING_RATE);
  } finally {
    GPUQueue.prototype.submit = submit;
    trainer.close();
  }
  const [last, ...earlier] = submittedBefore.toReversed();
  assert(earlier.length > 3);
  assertEquals(earlier.toReversed(), earlier.map((_, index) => index + 2), "a bucket's successor is submitted already");
  assertEquals(last, earlier.length + 1, "nothing but the update follows the last bucket");
});

Deno.test("step() fails as the sum over ranks does", async () => {
  const device = await testDevice();
  const settings = rankSettings();
  let calls = 0;
  const sum = () => ++calls === 2 ? Promise.reject(new Error("Cannot sum: rank 1 is gone")) : Promise.resolve();
  const trainer = await createTrainer(device, { ...settings, ranks: { rank: 0, size: 2, sum } });
  const half = partOfBatch(trainingBatch(settings, 0), 0, 6);
  await assertRejects(() => trainer.step(half, LEARNING_RATE), Error, "Cannot sum: rank 1 is gone");
  trainer.close();
});

Deno.test("exchangeTime() tells what a step waited for, once", async () => {
  const device = await testDevice();
  const settings = rankSettings({ bucketBytes: 2 ** 24 });
  const sum = () => new Promise<void>((resolve) => setTimeout(resolve, 120));
  const trainer = await createTrainer(device, { ...settings, ranks: { rank: 0, size: 1, sum } });
  await trainer.step(trainingBatch(settings, 0), LEARNING_RATE);
  const { total, exposed } = trainer.exchangeTime();
  assert(total >= 119 && exposed >= 119, `total ${total}, exposed ${exposed}`);
  assertEquals(trainer.exchangeTime(), { total: 0, exposed: 0 });
  trainer.close();
});

Deno.test("createExchanger() takes no more memory than the gradients", async () => {
  const device = await testDevice();
  const [ranks] = createRanks(1);
  for (const megabytes of [8, 13, 102, 400]) {
    const gradients = megabytes * 2 ** 20;
    const bucket = Math.min(gradients / 8, 2 ** 24);
    const before = device.memory.allocated;
    const exchanger = createExchanger(device, ranks, { ranges: Array(8).fill(bucket), gradients });
    const staging = device.memory.allocated - before;
    assert(exchanger.bytes <= gradients, `${exchanger.bytes} bytes for gradients of ${gradients}`);
    assertEquals(exchanger.bytes, staging + 3 * bucket);
    exchanger.close();
    assertEquals(device.memory.allocated, before);
  }
});

Deno.test("lowerTraining() gives ranks the kernels that one trainer has, and those of the checksum", () => {
  const [ranks] = createRanks(1);
  const settings = rankSettings();
  for (const profile of PROFILES) {
    const target = { profile, storage: "f32" } as const;
    const kernels = (changes: Partial<TrainerSettings>) =>
      lowerTraining({ ...settings, ...changes }, target).steps.map(({ kernel }) => ({
        ...kernel,
        alternatives: kernel.alternatives?.(),
      }));
    const alone = kernels({});
    const together = kernels({ ranks });
    assertEquals(together.slice(0, -2), alone);
    assertEquals(together.slice(-2).map(({ name }) => name), [`checksum partials ${profile}`, `checksum ${profile}`]);
  }
});

Deno.test("lowerTraining() without ranks has nothing to exchange", () => {
  const target = { profile: "software", storage: "f32" } as const;
  const { steps } = lowerTraining(rankSettings(), target);
  assert(steps.every(({ exchanges }) => exchanges === undefined));
  assertEquals(lowerTraining(rankSettings({ syncBatchNorm: true }), target).steps, steps);
});
