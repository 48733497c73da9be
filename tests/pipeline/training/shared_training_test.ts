import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { batchMaker } from "../../../pipeline/training/batch.ts";
import { loadBatches } from "../../../pipeline/training/loader.ts";
import type { GivenSettings } from "../../../pipeline/training/settings.ts";
import { trainingOrder } from "../../../pipeline/training/order.ts";
import { collectRejections } from "../../../pipeline/training/rejections.ts";
import { openRunFolder } from "../../../pipeline/training/run_folder.ts";
import { train } from "../../../pipeline/training/train.ts";
import type { TrainingResult } from "../../../pipeline/training/training_parts.ts";
import { SharedFailure, shareOf } from "../../../pipeline/command/shared_work.ts";
import { runSimulated } from "../command/simulated_ranks.ts";
import { type HashingDevice, hashingDevice, imageFolder, openData, smallOptions } from "./data.ts";

const IMAGES = imageFolder(26);

/** Trains devices that train nothing as ranks of one process, whose weights a checksum takes for equal. */
function trainOnRanks(
  size: number,
  given: GivenSettings,
  change: (device: HashingDevice, rank: number) => void = () => {},
  signals: readonly AbortSignal[] = [],
): Promise<PromiseSettledResult<TrainingResult>[]> {
  const options = smallOptions({ images: IMAGES, ...given });
  return runSimulated(size, async (ranks) => {
    const data = await openData(options);
    const folder = ranks.rank > 0 ? undefined : await openRunFolder({
      options,
      classes: 3,
      classNames: data.classNames,
      data: data.fingerprint,
      list: data.list(),
    });
    const device = hashingDevice();
    device.checksum = () => Promise.resolve(5);
    change(device, ranks.rank);
    try {
      return await train({
        options,
        data,
        run: folder,
        rejections: collectRejections((image) => folder?.reject(image), ranks),
        ranks,
        engine: "relabel on a test",
        device,
        batchOf: (loaded) => loaded,
      }, { signal: signals[ranks.rank] });
    } finally {
      folder?.close();
      data.close();
    }
  });
}

function newRun(): string {
  return join(Deno.makeTempDirSync(), "run");
}

/** What the rank that is to tell it says, the others having failed silently. */
function sentenceOf(results: readonly PromiseSettledResult<unknown>[]): string {
  const failures = results.map((result) => (result as PromiseRejectedResult).reason);
  for (const failure of failures) assert(failure instanceof SharedFailure, `${failure}`);
  const told = failures.filter(({ cause }) => cause !== undefined);
  assertEquals(told.length, 1);
  return told[0].cause.message;
}

Deno.test("ranks draw for each image what one process draws, in the same places", async () => {
  const options = smallOptions({
    images: IMAGES,
    batch: 8,
    epochs: 8,
    cutmix: 1,
    mixup: 0.2,
    erasing: 0.5,
    randAugment: [2, 9],
  });
  const { batch, accumulate, epochs, seed } = options;
  const data = await openData(options);
  const order = trainingOrder({ images: data.used.length, batch, accumulate, seed });
  const make = batchMaker(options, 3);
  /** What is drawn for each place of a batch: key, crop and more, and the key of the partner. */
  const drawn = async (size: number) => {
    const steps: unknown[][] = Array.from({ length: epochs * order.steps }, () => []);
    for (let rank = 0; rank < size; rank++) {
      const share = shareOf({ rank, size }, batch);
      const start = { epoch: 0, step: 0 };
      for await (const loaded of loadBatches({ data, order, batch, share, epochs, start, ahead: 2 })) {
        const { samples, seeds, mix } = make(loaded);
        loaded.keys.forEach((key, place) => {
          const partner = mix && { lambda: mix.lambda, box: mix.box, key: loaded.keys[mix.partners[place]] };
          steps[loaded.epoch * order.steps + loaded.step].push({
            key,
            sample: samples[place],
            seed: seeds[place],
            partner,
          });
        });
        loaded.release();
      }
    }
    return steps;
  };
  const whole = await drawn(1);
  assertEquals(whole.flat().length, 8 * 3 * 8);
  for (const size of [2, 4]) assertEquals(await drawn(size), whole);
  data.close();
});

Deno.test("train() on ranks averages their losses, and writes on rank 0", async () => {
  const output = newRun();
  const losses = [[1, 3], [2, 5]];
  const results = await trainOnRanks(2, { output, batch: 12, epochs: 1 }, (device, rank) => {
    device.lossOf = ({ step }) => losses[step][rank];
  });
  for (const result of results) {
    assertEquals((result as PromiseFulfilledResult<TrainingResult>).value.position, { epoch: 1, step: 0, lossSum: 0 });
  }
  const [, line] = Deno.readTextFileSync(join(output, "summary.csv")).split("\n");
  assertEquals(line.split(",").slice(0, 2), ["0", "2.75"]);
  assertEquals([...Deno.readDirSync(join(output, "tensorboard"))].length, 1);
});

Deno.test("train() on ranks stops all of them at one step when a signal reaches one, and goes on from there", async () => {
  const output = newRun();
  const controllers = [0, 1, 2].map(() => new AbortController());
  let seen = 0;
  const stopped = await trainOnRanks(3, { output, batch: 6 }, (device, rank) => {
    device.onStep = ({ step }) => {
      if (rank === 2 && step === 1) controllers[2].abort();
      seen++;
    };
  }, controllers.map(({ signal }) => signal));
  for (const result of stopped) {
    const { stopped, position } = (result as PromiseFulfilledResult<TrainingResult>).value;
    assertEquals([stopped, position.epoch, position.step], [true, 0, 2]);
  }
  assertEquals(seen, 6);
  const steps: number[] = [];
  await trainOnRanks(2, { output, batch: 6 }, (device, rank) => {
    device.onStep = ({ epoch, step }) => {
      if (rank === 0) steps.push(epoch * 4 + step);
    };
  });
  assertEquals(steps, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

Deno.test("train() on ranks ends all of them with one sentence when weights differ", async () => {
  const results = await trainOnRanks(3, { output: newRun(), batch: 6 }, (device, rank) => {
    device.checksum = () => Promise.resolve(rank === 2 ? 6 : 5);
  });
  assertEquals(
    sentenceOf(results),
    "Cannot go on training: after step 3 of epoch 0 the weights of rank 2 are not those of rank 0",
  );
});

Deno.test("train() on ranks names the images of all of them when a loss is not finite", async () => {
  const output = newRun();
  const keys: string[][] = [];
  const results = await trainOnRanks(2, { output, batch: 6 }, (device, rank) => {
    device.lossOf = ({ epoch, step, keys: own }) => {
      if (epoch !== 0 || step !== 1) return undefined;
      keys[rank] = [...own];
      return rank === 1 ? NaN : 1;
    };
  });
  const [first, second, third] = keys.flat();
  assertEquals(
    sentenceOf(results),
    `Cannot go on training: the loss of step 1 of epoch 0 is NaN, of the images ${first}, ${second}, ${third} ` +
      `and 3 more; all of them and the state are in "${output}/failed.safetensors"`,
  );
});

Deno.test("train() on ranks ends all of them when one cannot go on, or cannot write", async () => {
  const images = imageFolder(4);
  const masks = imageFolder(4);
  Deno.writeTextFileSync(join(masks, "dog/1.png"), "no image");
  const unreadable = await trainOnRanks(2, { images, masks, output: newRun() });
  assertStringIncludes(sentenceOf(unreadable), 'Cannot read mask "dog/1.png": Cannot decode image');
  const output = newRun();
  const unwritable = await trainOnRanks(2, { output, batch: 6 }, (device, rank) => {
    device.onStep = ({ step }) => {
      if (rank === 0 && step === 3) Deno.mkdirSync(join(output, "summary.csv"));
    };
  });
  assertStringIncludes(sentenceOf(unwritable), "summary.csv");
});
