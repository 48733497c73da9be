import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { readCheckpoint } from "../../../pipeline/training/checkpoint.ts";
import type { GivenSettings } from "../../../pipeline/training/settings.ts";
import { collectRejections } from "../../../pipeline/training/rejections.ts";
import { openRunFolder } from "../../../pipeline/training/run_folder.ts";
import { train } from "../../../pipeline/training/train.ts";
import type { TrainingProgress, TrainingResult } from "../../../pipeline/training/training_parts.ts";
import { type HashingDevice, hashingDevice, imageFolder, mapFolder, openData, pngOf, smallOptions } from "./data.ts";

const IMAGES = imageFolder(23);

/** Trains a device that trains nothing, as a process of its own would. */
async function run(
  given: GivenSettings,
  watch: {
    device?: HashingDevice;
    engine?: string;
    signal?: AbortSignal;
    onProgress?: (progress: TrainingProgress) => void;
    onEvaluation?: (signal?: AbortSignal) => Promise<void>;
  } = {},
): Promise<TrainingResult> {
  const options = smallOptions({ images: IMAGES, ...given });
  const data = await openData(options);
  try {
    const folder = await openRunFolder({
      options,
      classes: 3,
      classNames: data.classNames,
      data: data.fingerprint,
      list: data.list(),
    });
    try {
      return await train({
        options,
        data,
        run: folder,
        rejections: collectRejections(folder.reject),
        engine: watch.engine ?? "relabel on a test",
        device: watch.device ?? hashingDevice(),
        batchOf: (loaded) => loaded,
        async evaluate(state, signal) {
          await watch.onEvaluation?.(signal);
          const [word] = state.get("fc.weight")!.data;
          return { loss: word, top1: Math.round(100 * word), top5: 100 };
        },
      }, watch);
    } finally {
      folder.close();
    }
  } finally {
    data.close();
  }
}

function newRun(): string {
  return join(Deno.makeTempDirSync(), "run");
}

/** The images that a failed run names. */
function failedKeys(folder: string): readonly string[] {
  const bytes = Deno.readFileSync(join(folder, "failed.safetensors"));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: { failed } } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return JSON.parse(failed).keys;
}

/** What a run leaves that depends on nothing else. */
function results(folder: string): Record<string, string> {
  const names = ["last.safetensors", "model.safetensors", "best.safetensors", "summary.csv", "config.json"];
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(folder, name)).toBase64()]));
}

/** An uninterrupted run. */
let whole: Promise<string> | undefined;

function wholeRun(): Promise<string> {
  return whole ??= (async () => {
    const output = newRun();
    const { stopped, position, images } = await run({ output });
    assertEquals([stopped, position, images], [false, { epoch: 3, step: 0, lossSum: 0 }, 3 * 5 * 4]);
    return output;
  })();
}

Deno.test("train() leaves weights, a summary and a configuration that timm's readers know", async () => {
  const folder = await wholeRun();
  const [header, ...lines] = Deno.readTextFileSync(join(folder, "summary.csv")).trimEnd().split("\n");
  assertEquals(header, "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr");
  assertEquals(lines.map((line) => Number(line.split(",")[0])), [0, 1, 2]);
  const best = lines.map((line) => Number(line.split(",")[3]));
  const model = JSON.parse(Deno.readTextFileSync(join(folder, "config.json")));
  assertEquals([model.architecture, model.num_classes, model.label_names], ["resnet50", 3, ["cat", "dog", "eel"]]);
  assertEquals(model.pretrained_cfg.input_size, [3, 8, 8]);
  const files = results(folder);
  const isLastBest = best[2] > Math.max(best[0], best[1]);
  assertEquals(files["best.safetensors"] === files["model.safetensors"], isLastBest);
  const { state } = (await readCheckpoint(join(folder, "last.safetensors")))!;
  assertEquals([...state.keys()], ["fc.weight", "average.fc.weight", "optimizer.momentum.fc.weight", "control"]);
  const text = new TextDecoder().decode(Deno.readFileSync(join(folder, "model.safetensors")));
  assertStringIncludes(text, "fc.weight");
  assert(!/average|optimizer|control/.test(text));
  assertEquals([...Deno.readDirSync(join(folder, "tensorboard"))].length, 1);
});

Deno.test("train() goes on after a stop at any step, and leaves the bits of an uninterrupted run", async () => {
  const expected = results(await wholeRun());
  for (const stops of [[1], [4], [5], [6], [9, 10], [14], [15], [2, 3, 7, 12]]) {
    const output = newRun();
    let seen = 0;
    for (const stop of [...stops, Infinity]) {
      const controller = new AbortController();
      const device = hashingDevice();
      device.onStep = () => {
        if (++seen === stop) controller.abort();
      };
      const { stopped } = await run({ output }, { device, signal: controller.signal });
      assertEquals(stopped, stop < 15, `${stops}`);
    }
    assertEquals(seen, 15, `${stops}`);
    assertEquals(results(output), expected, `${stops}`);
  }
});

Deno.test("train() ends after the updates that are asked for, with the same bits after a stop", async () => {
  // Of 5 steps an epoch: the last one has 3, of 4 images each.
  const given = { epochs: 3, steps: 13, warmupEpochs: 0, lr: 0.1 };
  const output = newRun();
  const progress: TrainingProgress[] = [];
  const { position, images } = await run({ output, ...given }, { onProgress: (state) => progress.push(state) });
  assertEquals([position, images], [{ epoch: 3, step: 0, lossSum: 0 }, 13 * 4]);
  assertEquals(progress.map(({ epoch, step, steps, imagesLeft }) => [epoch, step, steps, imagesLeft]), [
    [0, 5, 5, 8 * 4],
    [1, 5, 5, 3 * 4],
    [2, 3, 3, 0],
  ]);
  const lines = Deno.readTextFileSync(join(output, "summary.csv")).trimEnd().split("\n");
  assertAlmostEquals(Number(lines[3].split(",")[5]), 0.05 * (1 + Math.cos(Math.PI * 12 / 13)), 1e-12);
  const stopped = newRun();
  for (const stop of [7, 12, Infinity]) {
    const controller = new AbortController();
    const device = hashingDevice();
    device.onStep = ({ epoch, step }) => {
      if (5 * epoch + step === stop - 1) controller.abort();
    };
    assertEquals((await run({ output: stopped, ...given }, { device, signal: controller.signal })).stopped, stop < 13);
  }
  assertEquals(results(stopped), results(output));
});

Deno.test("train() is stopped while it validates or waits for a batch, and leaves the bits of an uninterrupted run", async () => {
  const expected = results(await wholeRun());
  for (const validation of [1, 2, 3]) {
    const output = newRun();
    const controller = new AbortController();
    let seen = 0;
    const onEvaluation = async (signal?: AbortSignal) => {
      if (++seen === validation) controller.abort();
      await new Promise((resolve) => setTimeout(resolve));
      signal?.throwIfAborted();
    };
    const { stopped, position } = await run({ output }, { onEvaluation, signal: controller.signal });
    assertEquals([stopped, position.epoch, position.step], [true, validation - 1, 5]);
    assertEquals((await run({ output }, { onEvaluation })).stopped, false);
    // The one that was broken off is done again.
    assertEquals(seen, 4);
    assertEquals(results(output), expected);
  }
  const output = newRun();
  await assertRejects(() => run({ output }, { signal: AbortSignal.abort() }), DOMException);
  const device = hashingDevice();
  const controller = new AbortController();
  device.onStep = () => setTimeout(() => controller.abort());
  const { stopped } = await run({ output }, { device, signal: controller.signal });
  assertEquals(stopped, true);
  await run({ output });
  assertEquals(results(output), expected);
});

Deno.test("train() goes on from its last checkpoint after a failure at any step", async () => {
  const expected = results(await wholeRun());
  for (const failure of [1, 3, 5, 8, 11, 15]) {
    const output = newRun();
    const device = hashingDevice();
    let seen = 0;
    device.onStep = () => {
      if (++seen === failure) throw new Error("the power is cut");
    };
    // Saved after each step.
    await assertRejects(() => run({ output, saveMinutes: 0 }, { device }), Error, "the power is cut");
    const rest = hashingDevice();
    rest.onStep = () => seen++;
    await run({ output }, { device: rest });
    assertEquals(seen, 16);
    assertEquals(results(output), expected);
  }
});

Deno.test("train() gives other weights for another seed, and the same for another cache", async () => {
  const [other, cached] = [newRun(), newRun()];
  const cache = join(Deno.makeTempDirSync(), "images");
  await run({ output: other, seed: 1 });
  await run({ output: cached, cache });
  await run({ output: newRun(), cache });
  const expected = results(await wholeRun());
  assertEquals(results(cached), expected);
  assertNotEquals(results(other)["last.safetensors"], expected["last.safetensors"]);
});

Deno.test("train() updates once for some batches, and stops only between updates", async () => {
  const rates = new Map<number, number>();
  const [whole, stopped] = [newRun(), newRun()];
  const device = hashingDevice();
  const { step } = device;
  let count = 0;
  device.step = (batch, rate) => {
    rates.set(count++, rate);
    return step(batch, rate);
  };
  await run({ output: whole, accumulate: 2 }, { device });
  assertEquals(rates.size, 12);
  for (let index = 0; index < 12; index += 2) assertEquals(rates.get(index), rates.get(index + 1));
  assertEquals(new Set(rates.values()).size, 6);
  const controller = new AbortController();
  const half = hashingDevice();
  let seen = 0;
  half.onStep = () => {
    if (++seen === 5) controller.abort();
  };
  const { position } = await run({ output: stopped, accumulate: 2 }, { device: half, signal: controller.signal });
  assertEquals([position.epoch, position.step], [1, 2]);
  await run({ output: stopped, accumulate: 2 });
  assertEquals(results(stopped), results(whole));
});

Deno.test("train() stops at a loss that is not finite with the step, its images and the state", async () => {
  const output = newRun();
  const device = hashingDevice();
  let keys: readonly string[] = [];
  device.lossOf = (batch) => {
    if (batch.epoch !== 1 || batch.step !== 2) return undefined;
    keys = batch.keys;
    return NaN;
  };
  const error = await assertRejects(() => run({ output }, { device }), RangeError);
  assertEquals(
    error.message,
    `Cannot go on training: the loss of step 2 of epoch 1 is NaN, of the images ${
      keys.slice(0, 3).join(", ")
    } and 1 more; ` +
      `all of them and the state are in "${output}/failed.safetensors"`,
  );
  assertEquals(keys.length, 4);
  assertEquals(failedKeys(output), keys);
  const failed = await readCheckpoint(join(output, "failed.safetensors"));
  assertEquals(failed!.state.size, 4);
  const last = await readCheckpoint(join(output, "last.safetensors"));
  assertEquals([last!.position.epoch, last!.position.step], [1, 0]);
});

Deno.test("train() stops at a gradient that is not finite, but in 16 bits", async () => {
  const device = hashingDevice();
  const keys: (readonly string[])[] = [];
  device.onStep = (batch) => keys.push(batch.keys);
  device.skippedSteps = 1;
  device.goodSteps = 2;
  const folder = newRun();
  await assertRejects(
    () => run({ output: folder }, { device }),
    RangeError,
    "Cannot go on training: the gradient of step 2 of epoch 0 is not finite, of the images ",
  );
  assertEquals(failedKeys(folder), keys[2]);
  device.goodSteps = 0;
  const accumulated = newRun();
  await assertRejects(
    () => run({ output: accumulated, accumulate: 2 }, { device }),
    RangeError,
    "Cannot go on training: the gradient of steps 2 to 3 of epoch 0 is not finite, of the images ",
  );
  assertEquals(failedKeys(accumulated).length, 8);
  assertEquals((await run({ output: newRun(), half: true }, { device })).position.epoch, 3);
});

Deno.test("train() reads losses every so often, to measure pooling, and at the end of an epoch", async () => {
  const output = newRun();
  const device = hashingDevice();
  const readings: number[] = [];
  device.onRead = (losses) => readings.push(losses);
  const progress: TrainingProgress[] = [];
  await run({ output, batch: 1, epochs: 6, warmupEpochs: 0 }, { device, onProgress: (state) => progress.push(state) });
  assertEquals(readings, [10, 13, 23, 23, 23, 23, 23]);
  const epochs = [0, 1, 2, 3, 4, 5].map((epoch) => [epoch, 23, 23]);
  assertEquals(progress.map(({ epoch, step, steps }) => [epoch, step, steps]), [[0, 10, 23], ...epochs]);
  assertEquals(progress.map(({ pooling }) => pooling), [undefined, ...epochs.map(() => 0.004)]);
  for (const { loss, imagesPerSecond, waiting } of progress) {
    assert(loss > 0 && loss < 1 && imagesPerSecond > 0 && waiting >= 0 && waiting <= 1);
  }
  const many = hashingDevice();
  const ofMany: number[] = [];
  many.onRead = (losses) => ofMany.push(losses);
  await run({ output: newRun(), images: imageFolder(130), batch: 1, epochs: 1, warmupEpochs: 0 }, { device: many });
  assertEquals(ofMany, [10, 50, 50, 20]);
});

Deno.test("train() refuses a folder of another run, or of something else, and names the difference", async () => {
  const folder = await wholeRun();
  const begun = `Cannot train in "${folder}": it was begun`;
  const cases: [GivenSettings, string][] = [
    [{ lr: 0.2 }, `${begun} with --lr 0.1, not 0.2; go on as it was begun, or name another folder with --output`],
    [{ clip: 1 }, `${begun} without --clip, not with --clip 1;`],
    [{ size: [8, 16] }, `${begun} with --size 8x8, not 8x16;`],
    [{ scale: [0.5, 1] }, `${begun} with --scale 0.08,1, not 0.5,1;`],
    [{ noDecayNorms: true, lr: 0.3 }, `${begun} with --lr 0.1, not 0.3 and without --no-decay-norms, not with`],
    [{ images: imageFolder(26) }, `${begun} with IMAGES ${IMAGES}, not /`],
  ];
  for (const [given, message] of cases) {
    const error = await assertRejects(() => run({ output: folder, ...given }), Deno.errors.AlreadyExists);
    assertStringIncludes(error.message, message);
  }
  const foreign = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(foreign, "notes.txt"), "");
  await assertRejects(
    () => run({ output: foreign }),
    Deno.errors.AlreadyExists,
    `Cannot train in "${foreign}": it holds "notes.txt" and no config.yaml`,
  );
  assertEquals([...Deno.readDirSync(foreign)].map(({ name }) => name), ["notes.txt"]);
});

Deno.test("train() refuses to go on with other images", async () => {
  const images = imageFolder(12);
  const output = newRun();
  await run({ images, output, epochs: 1 });
  Deno.writeFileSync(join(images, "cat", "13.png"), pngOf(13));
  await assertRejects(
    () => run({ images, output, epochs: 1 }),
    TypeError,
    'since number 4 of its data was "dog/1.png" (label 1, 104 bytes), is "cat/13.png" (label 0, 104 bytes)',
  );
  // As runs of earlier versions are.
  Deno.removeSync(join(output, "data.jsonl"));
  await assertRejects(
    () => run({ images, output, epochs: 1 }),
    TypeError,
    `Cannot train in "${output}": the images, or their labels, are not those that it was begun with`,
  );
});

Deno.test("train() names the first image, mask or file of label maps that is another than when it was begun", async () => {
  const keys = Array.from({ length: 12 }, (_, image) => `${["cat", "dog", "eel"][image % 3]}/${image}.png`);
  const changes: Record<string, [(images: string, maps: string) => void, RegExp]> = {
    "an image is replaced": [
      (images) => Deno.writeFileSync(join(images, "dog/4.png"), new Uint8Array(50)),
      /number 5 of its data was "dog\/4.png" \(label 1, [\d,]+ bytes\), is "dog\/4.png" \(label 1, 50 bytes\)$/,
    ],
    "an image is renamed": [
      (images) => Deno.renameSync(join(images, "dog/7.png"), join(images, "dog/7b.png")),
      /number 6 of its data was "dog\/7.png" \(label 1, [\d,]+ bytes\), is "dog\/10.png" \(label 1, [\d,]+ bytes\)$/,
    ],
    "an image is deleted and another added": [
      (images) => {
        Deno.removeSync(join(images, "cat/0.png"));
        Deno.writeFileSync(join(images, "eel/20.png"), pngOf(20));
      },
      /number 0 of its data was "cat\/0.png" \(label 0, [\d,]+ bytes\), is "cat\/3.png" \(label 0, [\d,]+ bytes\)$/,
    ],
    "the last image is gone": [
      (images) => Deno.removeSync(join(images, "eel/11.png")),
      /number 11 of its data was "eel\/11.png" \(label 2, [\d,]+ bytes\), is "part-00000.parquet" \([\d,]+ bytes\)$/,
    ],
    "a class is added": [
      (images) => {
        Deno.mkdirSync(join(images, "ant"));
        Deno.renameSync(join(images, "eel/11.png"), join(images, "ant/11.png"));
      },
      /number 0 of its data was "cat\/0.png" \(label 0, [\d,]+ bytes\), is "cat\/0.png" \(label 1, [\d,]+ bytes\)$/,
    ],
    "label maps are replaced": [
      (_, maps) => {
        const other = mapFolder(keys, { wrong: keys.slice(0, 5) });
        for (const { name } of Deno.readDirSync(other)) Deno.copyFileSync(join(other, name), join(maps, name));
      },
      /number 12 of its data was "part-00000.parquet" \([\d,]+ bytes\), is "part-00000.parquet" \([\d,]+ bytes\)$/,
    ],
  };
  for (const [what, [change, difference]] of Object.entries(changes)) {
    const [images, maps, output] = [imageFolder(12), mapFolder(keys), newRun()];
    const device = hashingDevice();
    const controller = new AbortController();
    device.onStep = () => controller.abort();
    await run({ images, maps, output }, { device, signal: controller.signal });
    change(images, maps);
    const before = Deno.readFileSync(join(output, "last.safetensors"));
    const { message } = await assertRejects(() => run({ images, maps, output }), TypeError);
    assertMatch(message, difference, what);
    assertEquals(Deno.readFileSync(join(output, "last.safetensors")), before, what);
  }
});

Deno.test("train() mends a list of rejected images that was torn, and goes on with whole lines", async () => {
  const images = imageFolder(12);
  Deno.writeTextFileSync(join(images, "cat/3.png"), "not an image");
  const whole = newRun();
  await run({ images, output: whole });
  const list = join(whole, "rejected.jsonl");
  const text = Deno.readTextFileSync(list);
  assertEquals(text.trimEnd().split("\n").length, 1);
  for (const torn of [text.slice(0, 20), text + text.slice(0, -2), text + "\0\0\0\0", "7\n" + text, text.trimEnd()]) {
    const output = newRun();
    const [device, controller] = [hashingDevice(), new AbortController()];
    device.onStep = () => controller.abort();
    await run({ images, output }, { device, signal: controller.signal });
    Deno.writeTextFileSync(join(output, "rejected.jsonl"), torn);
    await run({ images, output });
    assertEquals(Deno.readTextFileSync(join(output, "rejected.jsonl")), text, JSON.stringify(torn));
  }
});

Deno.test("train() says that a checkpoint is damaged", async () => {
  const output = newRun();
  await run({ output, epochs: 1 });
  const file = join(output, "last.safetensors");
  const whole = Deno.readFileSync(file);
  const text = (from: string, to: string) => {
    const latin = Array.from(whole, (byte) => String.fromCharCode(byte)).join("");
    assert(latin.includes(from) && from.length === to.length, from);
    return Uint8Array.from(latin.replace(from, to), (letter) => letter.charCodeAt(0));
  };
  const damages: [Uint8Array, string][] = [
    [new Uint8Array(0), `Cannot read "${file}"`],
    [whole.subarray(0, -1), `Cannot read "${file}": its header describes`],
    [whole.with(whole.length - 3, whole[whole.length - 3] ^ 1), `Cannot go on from "${file}": it is damaged`],
    [text('\\"epoch\\":1', '\\"epoch\\":x'), `Cannot go on from "${file}": its position is`],
    [text('\\"step\\":0', '\\"stop\\":0'), `Cannot go on from "${file}": its position is`],
  ];
  for (const [bytes, message] of damages) {
    Deno.writeFileSync(file, bytes);
    const error = await assertRejects(() => run({ output, epochs: 1 }), Error);
    assertStringIncludes(error.message, message);
    assertEquals(Deno.readFileSync(file), bytes);
  }
});

Deno.test("train() keeps what has computed a run", async () => {
  const output = newRun();
  const controller = new AbortController();
  const device = hashingDevice();
  device.onStep = () => controller.abort();
  await run({ output }, { device, engine: "relabel on a", signal: controller.signal });
  await run({ output }, { engine: "relabel on b" });
  assertEquals((await readCheckpoint(join(output, "last.safetensors")))!.engines, ["relabel on a", "relabel on b"]);
});

Deno.test("train() begins in a folder that a kill left without a configuration", async () => {
  const output = newRun();
  Deno.mkdirSync(output);
  for (const name of [".train.lock", "config.yaml.partial"]) Deno.writeTextFileSync(join(output, name), "");
  assertEquals((await run({ output, epochs: 1 })).epochs.length, 1);
  assertEquals([...Deno.readDirSync(output)].filter(({ name }) => name.endsWith(".partial")), []);
});

Deno.test("train() says what is lost of a summary", async () => {
  const output = newRun();
  await run({ output, epochs: 2 });
  const file = join(output, "summary.csv");
  const whole = Deno.readTextFileSync(file);
  Deno.writeTextFileSync(file, whole.split("\n").slice(0, 2).join("\n"));
  await assertRejects(
    () => run({ output, epochs: 2 }),
    TypeError,
    `Cannot train in "${output}": 2 epochs were done, and summary.csv has 1 of them`,
  );
  Deno.writeTextFileSync(file, whole.slice(0, whole.lastIndexOf(",")));
  await assertRejects(() => run({ output, epochs: 2 }), TypeError, `Cannot read "${file}": line "1,`);
});

Deno.test("train() says that a folder is in use", async () => {
  const output = newRun();
  const options = smallOptions({ images: IMAGES, output });
  const folder = await openRunFolder({ options, classes: 3, data: "", list: [] });
  await assertRejects(() => run({ output }), Deno.errors.Busy, `Cannot train in "${output}": another process`);
  folder.close();
});

Deno.test("train() replaces an image that cannot be decoded, and lists it once", async () => {
  const images = imageFolder(12);
  Deno.writeTextFileSync(join(images, "dog", "4.png"), "no image");
  const output = newRun();
  const seen: string[] = [];
  const device = hashingDevice();
  device.onStep = ({ keys }) => seen.push(...keys);
  await run({ images, output }, { device });
  await run({ images, output });
  assertEquals(seen.length, 36);
  assert(!seen.includes("dog/4.png"));
  const lines = Deno.readTextFileSync(join(output, "rejected.jsonl")).trimEnd().split("\n");
  assertEquals(lines.length, 1);
  const { key, reason } = JSON.parse(lines[0]);
  assertEquals(key, "dog/4.png");
  assertMatch(reason, /^Cannot decode/);
});
