import { assert, assertEquals } from "@std/assert";
import {
  CONTROL_BYTES,
  decodeControl,
  encodeControl,
  initialControl,
} from "../../../kernels/operations/shared/control.ts";
import { gradientNormKernel } from "../../../kernels/optimizers/gradient_norm.ts";
import {
  DYNAMIC_LOSS_SCALING,
  NO_LOSS_SCALING,
  prepareStepKernel,
  prepareStepReference,
  type StepOptions,
} from "../../../kernels/optimizers/prepare_step.ts";
import type { Control } from "../../../kernels/operations/shared/control.ts";
import { runKernels } from "../../../kernels/engine/run.ts";
import { assertClose } from "../compare.ts";
import { randomValues, testDevice } from "../tensors.ts";
import { FIXTURE } from "./fixture.ts";

const PROFILES = ["software", "gpu"] as const;

async function prepare(
  control: Control,
  gradient: Float32Array<ArrayBuffer>,
  options: StepOptions & { profile: "software" | "gpu" },
): Promise<Control> {
  const { length } = gradient;
  const { profile } = options;
  const kernels = [gradientNormKernel({ length, profile }), prepareStepKernel({ length, ...options })];
  const results = await runKernels(await testDevice(), kernels, {
    gradient,
    control: { update: encodeControl(control) },
  });
  return decodeControl(results.control);
}

Deno.test("encodeControl() and decodeControl() are inverse", () => {
  const control: Control = {
    learningRate: 0.5,
    lossScale: 2048,
    goodSteps: 3,
    step: 2 ** 31 + 1,
    skip: true,
    skippedSteps: 5,
    gradientNorm: 6.5,
    gradientFactor: 0.25,
    firstCorrection: 0.125,
    secondCorrection: 0.75,
  };
  assertEquals(encodeControl(control).length, CONTROL_BYTES);
  assertEquals(decodeControl(encodeControl(control).buffer), control);
});

Deno.test("the gradient's norm is that of all elements, at any length", async () => {
  for (const length of [64, 192, 4096 * 5, 64 * 4099, 2 ** 19 + 64]) {
    const gradient = Float32Array.from(randomValues(length, length, 4));
    const control = { ...initialControl(16), learningRate: 0.25 };
    const expected = prepareStepReference(control, gradient, { lossScaling: NO_LOSS_SCALING });
    for (const profile of PROFILES) {
      const actual = await prepare(control, gradient, { lossScaling: NO_LOSS_SCALING, profile });
      const name = `${length} ${profile}`;
      assertClose([actual.gradientNorm], [expected.gradientNorm], { absolute: 0, relative: 2e-6, name });
      assertEquals([actual.gradientFactor, actual.learningRate, actual.step], [1 / 16, 0.25, 1]);
    }
  }
});

Deno.test("one infinite element is found wherever it is", async () => {
  const length = 64 * 1031;
  for (const at of [0, 1, 4099, length / 2 + 3, length - 1]) {
    const gradient = new Float32Array(length);
    gradient[at] = at % 2 === 0 ? NaN : Infinity;
    for (const profile of PROFILES) {
      const { skip } = await prepare(initialControl(1), gradient, { lossScaling: NO_LOSS_SCALING, profile });
      assertEquals(skip, true, `at ${at}, ${profile}`);
    }
  }
});

Deno.test("large scaled gradients that are finite are no overflow", async () => {
  const gradient = new Float32Array(64).fill(3e20);
  for (const profile of PROFILES) {
    const { skip, gradientNorm } = await prepare(initialControl(65536), gradient, {
      lossScaling: DYNAMIC_LOSS_SCALING,
      profile,
    });
    assertEquals(skip, false);
    assertClose([gradientNorm], [3e20 / 65536 * 8], { absolute: 0, relative: 1e-6, name: profile });
  }
});

Deno.test("clipping gives PyTorch's norm and factor", async () => {
  const { maxNorm, norm, factor } = FIXTURE.clip;
  const gradient = new Float32Array(128);
  gradient.set(FIXTURE.tensors.flatMap(({ gradients }) => [...gradients[0]]));
  const reference = prepareStepReference(initialControl(1), gradient, { lossScaling: NO_LOSS_SCALING, maxNorm });
  assertClose([reference.gradientNorm, reference.gradientFactor], [norm, factor], {
    absolute: 0,
    relative: 1e-6,
    name: "reference",
  });
  for (const profile of PROFILES) {
    const options = { lossScaling: NO_LOSS_SCALING, profile };
    const clipped = await prepare(initialControl(1), gradient, { ...options, maxNorm });
    assertClose([clipped.gradientNorm, clipped.gradientFactor], [norm, factor], {
      absolute: 0,
      relative: 1e-6,
      name: profile,
    });
    assertEquals((await prepare(initialControl(1), gradient, { ...options, maxNorm: norm * 1.01 })).gradientFactor, 1);
  }
});

Deno.test("the loss scale goes up and down as PyTorch's GradScaler", async () => {
  const { initial, interval, overflows, scales } = FIXTURE.scaler;
  const lossScaling = { ...DYNAMIC_LOSS_SCALING, initial, interval };
  const gradients = overflows.map((overflow) => new Float32Array(64).fill(overflow ? Infinity : 1));
  let reference = initialControl(initial);
  const expected = gradients.map((gradient) => {
    reference = prepareStepReference(reference, gradient, { lossScaling });
    return reference.lossScale;
  });
  assertEquals(expected, scales);
  assertEquals([reference.step, reference.skippedSteps], [9, 3]);
  for (const profile of PROFILES) {
    let control = initialControl(initial);
    for (const [index, gradient] of gradients.entries()) {
      control = await prepare(control, gradient, { lossScaling, profile });
      assertEquals([control.lossScale, control.skip], [scales[index], overflows[index]], `step ${index}, ${profile}`);
    }
    assertEquals([control.step, control.skippedSteps, control.goodSteps], [9, 3, reference.goodSteps]);
  }
});

Deno.test("the loss scale stays finite", async () => {
  const lossScaling = { ...DYNAMIC_LOSS_SCALING, interval: 1 };
  const control = initialControl(2 ** 127);
  const gradient = new Float32Array(64);
  assertEquals(prepareStepReference(control, gradient, { lossScaling }).lossScale, 2 ** 127);
  for (const profile of PROFILES) {
    assertEquals((await prepare(control, gradient, { lossScaling, profile })).lossScale, 2 ** 127);
    assertEquals((await prepare(initialControl(2 ** 126), gradient, { lossScaling, profile })).lossScale, 2 ** 127);
  }
});

Deno.test("the corrections of the moments are exact to f32's sixth digit at any step", async () => {
  const gradient = new Float32Array(64);
  for (const profile of PROFILES) {
    for (const betas of [[0.9, 0.999], [0, 0.9999], [0.5, 0.99]] as const) {
      for (const step of [0, 1, 2, 9, 24, 249, 250, 2499, 30000, 1e7]) {
        const options = { lossScaling: NO_LOSS_SCALING, betas };
        const actual = await prepare({ ...initialControl(1), step }, gradient, { ...options, profile });
        const expected = prepareStepReference({ ...initialControl(1), step }, gradient, options);
        assert(expected.secondCorrection > 0);
        assertClose(
          [actual.firstCorrection, actual.secondCorrection],
          [expected.firstCorrection, expected.secondCorrection],
          { absolute: 0, relative: 2e-6, name: `step ${step} of ${betas}, ${profile}` },
        );
      }
    }
  }
});
