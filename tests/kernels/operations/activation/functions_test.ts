import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ACTIVATION_FUNCTIONS,
  activationName,
  activationRule,
} from "../../../../kernels/operations/activation/functions/mod.ts";
import {
  MILLS_COEFFICIENTS,
  MILLS_SCALE,
  normalShare,
} from "../../../../kernels/operations/activation/functions/normal_distribution.ts";
import { assertClose } from "../../compare.ts";
import pytorch from "./fixtures/pytorch.json" with { type: "json" };

for (const activation of ACTIVATION_FUNCTIONS) {
  const name = activationName(activation);
  Deno.test(`${name} and its derivative are PyTorch's, at corners too`, () => {
    const { reference, derivative } = activationRule(activation);
    const { outputs, derivatives } = pytorch[name];
    // PyTorch has 1/6 as a float32.
    const tolerance = { absolute: 1e-15, relative: name === "hardSigmoid" ? 1e-7 : 2e-12 };
    assertClose(pytorch.inputs.map(reference), outputs, { ...tolerance, name });
    assertClose(pytorch.inputs.map(derivative), derivatives, { ...tolerance, name: `derivative of ${name}` });
  });

  Deno.test(`${name} says truly whether it is zero of zero, which padding is`, () => {
    const { reference, keepsZero } = activationRule(activation);
    assertEquals(reference(0) === 0, keepsZero);
  });
}

Deno.test("normalShare() is symmetric, and the polynomial that stands for it in WGSL is within 1.5e-8 of it", () => {
  let worst = 0;
  for (let x = 0; x <= 14.5; x += 1 / 512) {
    const t = 1 / (1 + MILLS_SCALE * x);
    const sum = MILLS_COEFFICIENTS.reduceRight((sum, coefficient) => sum * t + coefficient);
    worst = Math.max(worst, Math.abs(Math.exp(-x * x / 2) * t * sum / normalShare(-x) - 1));
    assertClose([normalShare(x) + normalShare(-x)], [1], { absolute: 0, relative: 1e-15, name: `both sides of ${x}` });
  }
  assert(worst < 1.5e-8 && worst > 1e-8, `The largest relative error is ${worst}`);
});

Deno.test("activationRule() refuses a slope or factor that is no number in f32", () => {
  for (const number of [NaN, Infinity, 1e39]) {
    assertThrows(
      () => activationRule({ name: "leakyRelu", slope: number }),
      RangeError,
      `Cannot compute leaky relu with the slope ${number}`,
    );
    assertThrows(
      () => activationRule({ name: "multiple", factor: number }),
      RangeError,
      `Cannot compute a multiple by the factor ${number}`,
    );
  }
});
