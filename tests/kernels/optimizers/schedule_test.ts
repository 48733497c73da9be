import { assertEquals } from "@std/assert";
import { cosineRate, stepRate } from "../../../kernels/optimizers/schedule.ts";
import { parameterWeightDecay } from "../../../kernels/optimizers/weight_decay.ts";
import { assertClose } from "../compare.ts";
import { SCHEDULES } from "./fixture.ts";

for (const [index, schedule] of SCHEDULES.entries()) {
  const { kind, warmup_t: warmup = 0, warmup_lr_init: warmupStart = 0, rates } = schedule;
  const warmupFirst = schedule.warmup_prefix ?? false;

  Deno.test(`schedule ${index + 1}, ${kind} with a warm-up of ${warmup}, has timm's learning rates`, () => {
    const actual = rates.map((_, time) =>
      kind === "cosine"
        ? cosineRate(time, {
          base: 0.1,
          least: schedule.lr_min ?? 0,
          duration: schedule.t_initial,
          warmup,
          warmupStart,
          warmupFirst,
        })
        : stepRate(time, {
          base: 0.1,
          every: schedule.decay_t,
          factor: schedule.decay_rate,
          warmup,
          warmupStart,
          warmupFirst,
        })
    );
    assertClose(actual, rates, { absolute: 1e-15, relative: 1e-12, name: "rates" });
  });
}

Deno.test("cosineRate() has the same rates in updates as in epochs", () => {
  const epochs = { base: 0.1, least: 0, duration: 300, warmup: 5, warmupStart: 0, warmupFirst: false };
  const updates = { ...epochs, duration: 300 * 1251, warmup: 5 * 1251 };
  for (const epoch of [0, 1, 4, 5, 6, 150, 299, 300]) {
    assertClose([cosineRate(epoch * 1251, updates)], [cosineRate(epoch, epochs)], {
      absolute: 1e-15,
      relative: 1e-12,
      name: `epoch ${epoch}`,
    });
  }
});

Deno.test("parameterWeightDecay() spares norms and biases where it is asked to", () => {
  const decay = (name: string, shape: number[], excludeNorms: boolean) =>
    parameterWeightDecay([name, shape], { weightDecay: 0.5, excludeNorms });
  assertEquals(decay("conv1.weight", [8, 3, 3, 3], true), 0.5);
  assertEquals(decay("bn1.weight", [8], true), 0);
  assertEquals(decay("fc.bias", [8], true), 0);
  assertEquals(decay("relative.bias", [8, 8], true), 0);
  assertEquals(decay("bn1.weight", [8], false), 0.5);
});

Deno.test("parameterWeightDecay() spares with norms and biases what the operation says does not decay", () => {
  const decay = (excludeNorms: boolean) =>
    parameterWeightDecay(["pos_embed", [1, 5, 8], { decays: false }], { weightDecay: 0.5, excludeNorms });
  assertEquals([true, false].map(decay), [0, 0.5]);
});
