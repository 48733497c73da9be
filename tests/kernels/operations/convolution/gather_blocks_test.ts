import { assertEquals } from "@std/assert";
import {
  findBlockForm,
  packBlocksKernel,
  withoutWeights,
} from "../../../../kernels/operations/convolution/gather_blocks.ts";
import { inputGradientWeightPlaces, weightPlaces } from "../../../../kernels/operations/convolution/gather_weights.ts";
import { packInputGradientWeights } from "../../../../kernels/operations/convolution/input_gradient.ts";
import { packWeights } from "../../../../kernels/operations/convolution/mod.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { targets, testDevice } from "../../tensors.ts";
import { GRADIENT_CASES, gradientValues } from "./gradient_cases.ts";

/** Cases whose channels are multiples of 4 and whose taps an invocation holds. */
const IN_BLOCKS = [
  "1x1",
  "3x3",
  "1x1 with 40 to 8 channels and stride 2",
  "3x3 with 8 to 20 channels and stride 2",
];

Deno.test("packBlocksKernel() packs weights as the CPU does, for convolutions and the gradients of their inputs", async () => {
  const device = await testDevice();
  for (const what of IN_BLOCKS) {
    const { shape } = GRADIENT_CASES.find((one) => one.what === what)!;
    const weight = Float32Array.from(gradientValues(shape).weight);
    const [outputs, inputs] = [shape.outputChannels, shape.inputChannels];
    const numbers = { outputs, inputs, taps: shape.kernel[0] * shape.kernel[1] };
    for (const target of targets(device).filter(({ profile }) => profile === "software")) {
      const cases = [
        { places: weightPlaces(shape, target, false), expected: packWeights(shape, { weight }, target) },
        {
          places: inputGradientWeightPlaces(shape, target),
          expected: packInputGradientWeights(shape, weight, target),
        },
      ];
      for (const { places, expected } of cases) {
        const form = findBlockForm(places, numbers)!;
        const { rowPlaces, columnPlaces } = form;
        const { packed } = await runKernel(device, packBlocksKernel(form), {
          weight,
          rowPlaces,
          columnPlaces,
          packed: { update: new Uint8Array(expected.byteLength) },
        });
        assertEquals(new Float32Array(packed), expected, what);
      }
    }
  }
});

Deno.test("findBlockForm() leaves to the table what is not in blocks of 4 channels", () => {
  const target = { profile: "software", storage: "f32" } as const;
  for (const what of ["3x3 stem with same padding", "groups of 3 to 5", "depthwise 7x7", "7x7 stem"]) {
    const { shape } = GRADIENT_CASES.find((one) => one.what === what)!;
    const inputs = shape.inputChannels / shape.groups;
    const numbers = { outputs: shape.outputChannels, inputs, taps: shape.kernel[0] * shape.kernel[1] };
    assertEquals(findBlockForm(weightPlaces(shape, target, false), numbers), undefined, what);
  }
  const moved = Uint32Array.from({ length: 16 }, (_, index) => index + 1);
  [moved[5], moved[9]] = [moved[9], moved[5]];
  assertEquals(findBlockForm(moved, { outputs: 4, inputs: 4, taps: 1 }), undefined);
});

Deno.test("withoutWeights() keeps the places of biases", () => {
  assertEquals(
    withoutWeights(Uint32Array.of(0, 1, 16, 17, 18), { outputs: 4, inputs: 4, taps: 1 }),
    Uint32Array.of(0, 0, 0, 17, 18),
  );
});
