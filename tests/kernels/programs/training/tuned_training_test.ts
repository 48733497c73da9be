import { assert, assertEquals } from "@std/assert";
import type { MeasuredLayer, Tuning } from "../../../../kernels/engine/choices.ts";
import { testDevice } from "../../tensors.ts";
import { trainerSettings, withProfile } from "./batches.ts";
import { train } from "./steps.ts";

Deno.test("a training step's convolutions and their input gradients are tuned, and its bits stay", async () => {
  const device = withProfile(await testDevice(), "gpu");
  const settings = trainerSettings({ batch: 2 });
  const measured: MeasuredLayer[] = [];
  const tuning: Tuning = {
    choices: new Map(),
    budget: 600_000,
    onMeasured: (layer) => measured.push(layer),
    // The second candidate is the fastest, so that little is compiled.
    time: (kernels) => Promise.resolve(kernels.map((_, index) => index === 1 ? 1 : 2)),
  };
  const tuned = await train({ ...device, tuning }, settings, { to: 2 });
  assert(measured.length > 0 && measured.every(({ first, chosen }) => first !== chosen), "nothing was chosen");
  for (
    const kind of [
      /^convolution .* with moments/,
      /^input gradient, convolution 3x3/,
      /^input gradient, .* in 4 phases/,
    ]
  ) {
    assert(
      measured.some(({ chosen }) => kind.test(chosen)),
      `no ${kind} among ${measured.map(({ chosen }) => chosen)}`,
    );
  }
  assertEquals(tuned, await train(device, settings, { to: 2 }));
});
