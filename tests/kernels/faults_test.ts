import { assert, assertEquals, assertRejects } from "@std/assert";
import { createAnnotator } from "../../kernels/programs/annotator.ts";
import { createClassifier } from "../../kernels/programs/classifier.ts";
import type { Device } from "../../kernels/engine/device.ts";
import type { Profile } from "../../kernels/engine/kernel.ts";
import { STEPS_IN_FLIGHT } from "../../kernels/programs/image_program.ts";
import { createLabelPooler } from "../../kernels/programs/label_pooler.ts";
import { buildNetwork, initialParameters } from "../../kernels/networks/mod.ts";
import { itemKernel } from "../../kernels/operations/shared/tensor.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { runKernel } from "../../kernels/engine/run.ts";
import { createSignAttack } from "../../kernels/programs/sign_attack.ts";
import { createTrainer, type TrainerSettings } from "../../kernels/programs/training/trainer.ts";
import { Fault, watchDevices } from "./faults.ts";
import { randomMaps } from "./operations/label_pooling/maps.ts";
import { randomValues, testDevice } from "./tensors.ts";
import {
  CLASSES,
  MAPS,
  mixedPoolingSettings,
  trainerSettings,
  trainingBatch,
  withProfile,
} from "./programs/training/batches.ts";
import { createRanks } from "./programs/training/ranks.ts";

/** Something on a device, and a use of it whose result is always the same. */
interface Subject {
  use(): Promise<unknown>;
  close(): void;
}

/** Milliseconds after which a use that never ends fails the test. */
const HANGS = 60_000;

/** Calls of one name that are failed: a plan has hundreds, one like the other. */
const CALLS_OF_A_NAME = 3;

async function ends<T>(work: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => timer = setTimeout(() => reject(new Error(`${what} hangs`)), HANGS));
  return await Promise.race([work, late]).finally(() => clearTimeout(timer));
}

/**
 * Fails each call of the device in turn, and asserts that the fault is told, that the subject works afterwards or says why it
 * does not, and that all it had is freed.
 *
 * @param device Where.
 * @param create Makes the subject.
 * @param refusal What a subject says that does not work afterwards.
 */
async function testFaults(
  device: Device,
  create: () => Promise<Subject>,
  refusal = /is closed$/,
): Promise<void> {
  const compiled = await create();
  await compiled.use();
  compiled.close();
  using watch = watchDevices();
  const allocated = device.memory.allocated;
  const whole = await create();
  const expected = await whole.use();
  whole.close();
  const calls = watch.calls;
  assertEquals([watch.alive, watch.scopes, device.memory.allocated], [0, 0, allocated]);
  const faults = new Set<string>();
  for (const call of chosenCalls(calls)) {
    watch.failAt(call);
    let subject: Subject | undefined;
    const work = async () => {
      subject = await create();
      await subject.use();
    };
    const what = `with call ${call} of ${calls.length} failing`;
    const fault = await assertRejects(() => ends(work(), what), Error);
    assert(fault instanceof Fault || fault.cause instanceof Fault, `${what}, ${watch.failed}: ${fault.stack}`);
    faults.add(watch.failed!);
    watch.failAt(Infinity);
    if (subject) {
      try {
        assertEquals(await ends(subject.use(), `${what}, ${watch.failed}, the next use`), expected, what);
      } catch (error) {
        if (!refusal.test((error as Error).message)) throw error;
      }
      subject.close();
      subject.close();
      const closed = await assertRejects(() => ends(subject!.use(), `${what}, a use when closed`), Error);
      assert(/is closed$/.test(closed.message) || refusal.test(closed.message), closed.stack);
    }
    assertEquals([watch.alive, watch.scopes], [0, 0], `${what}, ${[...faults].at(-1)}`);
    assertEquals(device.memory.allocated, allocated, what);
  }
  assert(faults.size > 5, [...faults].join(", "));
}

/** Of the calls of each name all, or where there are many the first, the last, and some between. */
function chosenCalls(calls: readonly string[]): number[] {
  const places = Map.groupBy(calls.keys(), (call) => calls[call]);
  return [...places.values()].flatMap((all) => {
    const count = Math.min(all.length, CALLS_OF_A_NAME);
    return Array.from(
      { length: count },
      (_, index) => all[Math.round(index * (all.length - 1) / Math.max(count - 1, 1))],
    );
  });
}

function image(width: number, height: number, seed: number): Pixels {
  return { width, height, pixels: Uint8Array.from(randomValues(width * height * 3, seed), (v) => (v + 1) * 127.5) };
}

const network = buildNetwork("resnet8", { classes: CLASSES });
const images = [image(31, 40, 1), image(700, 300, 2), image(9, 500, 3)];
const settings = {
  network,
  parameters: initialParameters(network, 7),
  batch: 2,
  size: [16, 16],
  mean: [0.5, 0.4, 0.3],
  std: [0.25, 0.2, 0.3],
  interpolation: "bilinear",
} as const;

for (const profile of ["software", "gpu"] as const satisfies Profile[]) {
  const open = async () => withProfile(await testDevice(), profile);

  Deno.test(`annotate() works on after any call of the device failed, and frees all, ${profile} profile`, async () => {
    const device = await open();
    await testFaults(device, async () => {
      const annotator = await createAnnotator(device, { ...settings, k: 3, dtype: "fp16" });
      // One more at once than there are buffers, for which the last one waits.
      const calls = Array.from({ length: STEPS_IN_FLIGHT + 1 }, (_, call) => images[call] ?? images[0]);
      const use = () => Promise.all(calls.map((one) => annotator.annotate([one])));
      return { use, close: annotator.close };
    });
  });

  Deno.test(`pool() works on after any call of the device failed, and frees all, ${profile} profile`, async () => {
    const device = await open();
    const crops = [{ top: 0.1, left: 0, height: 0.5, width: 0.7 }, { top: 0, left: 0, height: 1, width: 1 }];
    await testFaults(device, async () => {
      const pooler = await createLabelPooler(device, { ...MAPS, maps: 2, crops: 2 });
      const use = async () => {
        pooler.load(randomMaps({ count: 2, ...MAPS, seed: 5 }));
        return await Promise.all([pooler.pool(crops), pooler.pool(crops.toReversed())]);
      };
      return { use, close: pooler.close };
    });
  });
}

Deno.test("start() of a classifier works on after any call of the device failed, and frees all", async () => {
  const device = await testDevice();
  await testFaults(device, async () => {
    const classifier = await createClassifier(device, settings);
    const use = async () => {
      const first = await classifier.start([images[0]]);
      // Whoever starts two reads the first, whatever becomes of the second.
      const second = await classifier.start([images[1]]).catch((error) => () => Promise.reject(error));
      const results = await Promise.allSettled([first(), first(), second()]);
      return results.map((result) => {
        if (result.status === "rejected") throw result.reason;
        return result.value;
      });
    };
    return { use, close: classifier.close };
  });
});

Deno.test("start() of an attack works on after any call of the device failed, and frees all", async () => {
  const device = await testDevice();
  await testFaults(device, async () => {
    const attack = await createSignAttack(device, { ...settings, epsilon: 0.01 });
    return { use: async () => await (await attack.start(images.slice(0, 2), [1, 2]))(), close: attack.close };
  });
});

for (
  const [name, changes] of Object.entries(
    {
      "pooled label maps": mixedPoolingSettings(),
      "accumulated gradients": trainerSettings({ accumulate: 2 }),
    } satisfies Record<string, TrainerSettings>,
  )
) {
  Deno.test(`a trainer with ${name} works on after any call of the device failed, and frees all`, async () => {
    const device = await testDevice();
    await testFaults(device, async () => {
      const trainer = await createTrainer(device, changes);
      const initial = await trainer.state().catch((error) => {
        trainer.close();
        throw error;
      });
      const use = async () => {
        trainer.load(initial);
        for (const step of [0, 1]) await trainer.step(trainingBatch(changes, step), 0.05);
        return [(await trainer.read()).losses, await trainer.state()];
      };
      return { use, close: trainer.close };
    });
  });
}

Deno.test("a trainer of a rank says that a step was broken off after any call of the device failed, and frees all", async () => {
  const device = await testDevice();
  await testFaults(device, async () => {
    const ranked = trainerSettings({ ranks: createRanks(1)[0] });
    const trainer = await createTrainer(device, ranked);
    const use = async () => {
      await trainer.step(trainingBatch(ranked, 0), 0.05);
      return (await trainer.read()).losses.length > 0;
    };
    return { use, close: trainer.close };
  }, /^Cannot go on training: .* was broken off; start again from a checkpoint$|is closed$/);
});

Deno.test("runKernel() frees all after any call of the device failed, with a text that is compiled for it", async () => {
  const device = await testDevice();
  let texts = 0;
  let open = true;
  await testFaults(device, () => {
    open = true;
    const kernel = itemKernel({
      name: "copy",
      profile: "gpu",
      bindings: { input: "f32", output: "f32" },
      parameters: [],
      items: 4,
      functions: `/** ${texts++} */\n`,
      body: "  output[item] = input[item];",
    });
    const use = async () => {
      if (!open) throw new Error("it is closed");
      return await runKernel(device, kernel, { input: Float32Array.of(1, 2, 3, 4), output: { bytes: 16 } });
    };
    return Promise.resolve({ use, close: () => open = false });
  });
});
