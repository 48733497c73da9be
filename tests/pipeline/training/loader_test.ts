import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openDecodePool } from "../../../formats/images/mod.ts";
import type { RejectedImage } from "../../../formats/labels/mod.ts";
import { openTrainingData } from "../../../pipeline/training/training_data.ts";
import { loadBatches } from "../../../pipeline/training/loader.ts";
import type { GivenSettings } from "../../../pipeline/training/settings.ts";
import { trainingOrder } from "../../../pipeline/training/order.ts";
import { imageFolder, mapFolder, smallOptions } from "./data.ts";

/** All that the batches hold, as text. */
async function load(
  given: GivenSettings,
  options: {
    workers?: number;
    ahead?: number;
    start?: { epoch: number; step: number };
    onRejected?: (image: RejectedImage) => void;
  } = {},
): Promise<string[]> {
  const { workers = 1, ahead = 2, start = { epoch: 0, step: 0 }, onRejected } = options;
  const pool = openDecodePool(workers);
  const settings = smallOptions(given);
  const { batch, accumulate, epochs, seed } = settings;
  const data = await openTrainingData(settings, { pool, memory: 0 });
  try {
    const order = trainingOrder({ images: data.used.length, batch, accumulate, seed });
    const texts: string[] = [];
    for await (const loaded of loadBatches({ data, order, batch, epochs, start, ahead, onRejected })) {
      const { epoch, step, keys, images, labels, maps } = loaded;
      texts.push(JSON.stringify([epoch, step, keys, [...labels], images.map(({ pixels }) => pixels.toHex()), maps]));
      loaded.release();
    }
    return texts;
  } finally {
    data.close();
    pool.close();
  }
}

const KEYS = Array.from({ length: 14 }, (_, image) => `${["cat", "dog", "eel"][image % 3]}/${image}.png`);

Deno.test("loadBatches() gives the same batches whatever the number of workers and of batches read ahead", async () => {
  const given = { images: imageFolder(14), maps: mapFolder(KEYS) };
  const batches = await load(given);
  assertEquals(batches.length, 9);
  assertEquals(await load(given, { workers: 3, ahead: 5 }), batches);
  assertEquals(await load(given, { ahead: 1 }), batches);
  for (const [epoch, step] of [[0, 2], [1, 0], [2, 1], [3, 0]]) {
    assertEquals(await load(given, { start: { epoch, step } }), batches.slice(epoch * 3 + step));
  }
  const [, , keys, labels, , maps] = JSON.parse(batches[4]);
  assertEquals(labels, keys.map((key: string) => ["cat", "dog", "eel"].indexOf(key.split("/")[0])));
  assertEquals([maps.count, maps.k, maps.grid], [4, 2, [2, 4]]);
});

Deno.test("loadBatches() replaces what cannot be decoded by what follows it, and reports it once", async () => {
  const images = imageFolder(14);
  const whole = (await load({ images })).map((batch) => JSON.parse(batch)[2] as string[]);
  const damaged = ["dog/4.png", "eel/8.png"];
  for (const key of damaged) Deno.writeTextFileSync(join(images, key), "no image");
  const rejected: RejectedImage[] = [];
  const batches = (await load({ images }, { workers: 2, onRejected: (image) => rejected.push(image) }))
    .map((batch) => JSON.parse(batch)[2] as string[]);
  assertEquals(rejected.map(({ key }) => key).sort(), damaged);
  batches.forEach((keys, index) => {
    keys.forEach((key, place) => {
      assert(!damaged.includes(key));
      const wanted = whole[index][place];
      if (!damaged.includes(wanted)) assertEquals(key, wanted);
      else if (place < 3 && !damaged.includes(whole[index][place + 1])) assertEquals(key, whole[index][place + 1]);
    });
  });
});

Deno.test("loadBatches() says why no image can be decoded", async () => {
  const images = Deno.makeTempDirSync();
  for (const folder of ["cat", "dog"]) {
    Deno.mkdirSync(join(images, folder));
    Deno.writeTextFileSync(join(images, folder, "1.png"), "no image");
  }
  await assertRejects(
    () => load({ images, batch: 2 }),
    Error,
    "Cannot train: no image can be decoded, the last one since: Cannot decode image",
  );
});

Deno.test("loadBatches() names a mask that cannot be decoded", async () => {
  const images = imageFolder(4);
  const masks = imageFolder(4);
  Deno.writeTextFileSync(join(masks, "dog/1.png"), "no image");
  await assertRejects(() => load({ images, masks }), Error, 'Cannot read mask "dog/1.png": Cannot decode image');
});

Deno.test("loadBatches() reads fewer batches ahead where their images are large, and the same ones", async () => {
  const pixels = (bytes: number) => ({ length: bytes }) as unknown as Uint8Array<ArrayBuffer>;
  // Those ahead, and the one that is given out.
  for (const [bytes, most] of [[2 ** 31, 2], [2 ** 29, 3], [2 ** 28, 5], [1, 6]]) {
    let [begun, given, largest] = [0, 0, 0];
    const images = {
      keys: Array.from({ length: 12 }, (_, index) => String(index)),
      decode: () => {
        begun++;
        largest = Math.max(largest, begun - given);
        return Promise.resolve({ width: 1, height: 1, pixels: pixels(bytes) });
      },
      release() {},
    };
    const data = { images, used: Uint32Array.from({ length: 12 }, (_, index) => index), labels: new Int32Array(12) };
    const order = trainingOrder({ images: 12, batch: 1, accumulate: 1, seed: 0 });
    const options = { data, order, batch: 1, epochs: 1, start: { epoch: 0, step: 0 }, ahead: 5 };
    const steps: number[] = [];
    for await (const { step } of loadBatches(options as unknown as Parameters<typeof loadBatches>[0])) {
      given++;
      steps.push(step);
    }
    assertEquals([steps, largest], [Array.from({ length: 12 }, (_, step) => step), most]);
  }
});
