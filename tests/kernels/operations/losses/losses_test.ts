import { assertEquals } from "@std/assert";
import {
  binaryCrossEntropyKernel,
  binaryCrossEntropyReference,
} from "../../../../kernels/operations/losses/binary_cross_entropy.ts";
import { crossEntropyKernel, crossEntropyReference } from "../../../../kernels/operations/losses/cross_entropy.ts";
import { LOSS_HISTORY, stepLossKernel } from "../../../../kernels/operations/losses/row_loss.ts";
import { softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { encodeControl, initialControl } from "../../../../kernels/operations/shared/control.ts";
import { runKernel, runKernels } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { differenceGradient } from "../../finite_differences.ts";
import { padChannels, randomValues, stored, targets, testDevice, unpadChannels } from "../../tensors.ts";
import { readTrainingFixture } from "../training_fixture.ts";

const LOSSES = [
  { name: "crossEntropy", kernel: crossEntropyKernel, reference: crossEntropyReference, fixture: "soft" },
  {
    name: "binaryCrossEntropy",
    kernel: binaryCrossEntropyKernel,
    reference: binaryCrossEntropyReference,
    fixture: "many",
  },
] as const;

interface Batch {
  readonly logits: ArrayLike<number>;
  readonly target: ArrayLike<number>;
  readonly classes: number;
}

/** Rows of logits, and targets of which few are not small, as LabelPooling makes them. */
function batch(rows: number, classes: number, range = 8): Batch {
  const target = softmaxReference(randomValues(rows * classes, 2, 8), classes);
  return { logits: randomValues(rows * classes, 1, range), target: Float32Array.from(target), classes };
}

async function runLoss(
  kernelOf: typeof LOSSES[number]["kernel"],
  { logits, target, classes }: Batch,
  variant: Target,
  { lossScale, gradientShare }: { lossScale: number; gradientShare?: number } = { lossScale: 1 },
): Promise<{ losses: number[]; loss: number; inputGradient: number[] }> {
  const { profile, storage } = variant;
  const rows = logits.length / classes;
  const result = await runKernels(await testDevice(), [
    kernelOf({ rows, classes, gradientShare, ...variant }),
    stepLossKernel({ rows, profile }),
  ], {
    logits: padChannels(logits, classes, storage),
    targets: padChannels(target, classes, "f32"),
    control: encodeControl(initialControl(lossScale)),
    losses: { bytes: rows * 4 },
    turn: Uint32Array.of(7),
    history: { bytes: LOSS_HISTORY * 4 },
    inputGradient: { bytes: tensorBytes([rows, 1, 1, classes], storage) },
  });
  return {
    losses: [...new Float32Array(result.losses)],
    loss: new Float32Array(result.history)[7],
    inputGradient: unpadChannels(result.inputGradient, classes, storage),
  };
}

for (const { name, kernel, reference, fixture } of LOSSES) {
  const assertLoss = async (
    given: Batch,
    scaling: { lossScale: number; gradientShare?: number } = { lossScale: 1 },
  ) => {
    const factor = scaling.lossScale * (scaling.gradientShare ?? 1);
    const { classes } = given;
    const rows = given.logits.length / classes;
    for (const target of targets(await testDevice())) {
      const { storage } = target;
      const logits = stored(given.logits, storage);
      const expected = reference(logits, given.target, classes);
      const actual = await runLoss(kernel, { ...given, logits }, target, scaling);
      const label = `${name} of ${rows} x ${classes} ${target.profile} ${storage}`;
      // The power of the largest logit is 1: what is added to it below 6e-8 is lost. Binary cross-entropy adds to no 1.
      const near = { absolute: name === "crossEntropy" ? 1e-7 : 1e-30, relative: 2e-6 };
      assertClose(actual.losses, expected.losses, { ...near, name: `losses, ${label}` });
      assertClose([actual.loss], [expected.loss], { ...near, name: `loss, ${label}` });
      const scale = factor / rows / (name === "crossEntropy" ? 1 : classes);
      assertClose(actual.inputGradient, expected.inputGradient.map((value) => value * factor), {
        absolute: storage === "f16" ? 2 ** -24 : 2e-7 * scale,
        relative: storage === "f16" ? 2 ** -10 : 1e-5,
        shape: [rows, classes],
        name: `gradient, ${label}`,
      });
    }
  };

  Deno.test(`${name}Kernel() gives losses and gradients of rows of any length`, async () => {
    for (const [rows, classes] of [[1, 1], [9, 3], [2, 24], [67, 10], [3, 1000], [17, 257]]) {
      await assertLoss(batch(rows, classes));
    }
  });

  Deno.test(`${name}Kernel() is accurate for tens of thousands of classes`, async () => {
    for (const classes of [21843, 70001]) await assertLoss(batch(2, classes, 1));
  });

  Deno.test(`${name}Kernel() multiplies the gradient alone by the control's loss scale and its share`, async () => {
    await assertLoss(batch(3, 37), { lossScale: 1024 });
    await assertLoss(batch(3, 37), { lossScale: 512, gradientShare: 1 / 4 });
  });

  Deno.test(`${name}Kernel() neither overflows nor counts padding`, async () => {
    await assertLoss({ logits: [-1000, -1001, -1002, -1003, -1004], target: [0, 1, 0, 0.5, 0], classes: 5 });
    await assertLoss({ logits: [60000, 59968, 0, -60000, 60000], target: [0.5, 0, 0, 0, 0.5], classes: 5 });
    await assertLoss({ logits: [-60000, 60000], target: [0, 1], classes: 1 });
    await assertLoss({ logits: [-20, -18, -17, 20, 19, 18], target: [0, 0, 0, 1, 1, 1], classes: 3 });
  });

  Deno.test(`${name}Reference() agrees with finite differences`, () => {
    const { logits, target, classes } = batch(3, 11, 2);
    // The sum of the targets need not be 1.
    const unequal = Array.from(target, (value, index) => index < classes ? value / 2 : value);
    const differences = differenceGradient((values) => reference(values, unequal, classes).loss, logits);
    assertClose(reference(logits, unequal, classes).inputGradient, differences, {
      absolute: 1e-9,
      relative: 1e-7,
      name: "gradient",
    });
  });

  Deno.test(`${name} is PyTorch's`, async () => {
    const read = await readTrainingFixture();
    const given = { logits: await read("logits"), target: await read(fixture), classes: 251 };
    const results = [
      reference(given.logits, given.target, given.classes),
      await runLoss(kernel, given, { profile: "software", storage: "f32" }),
      await runLoss(kernel, given, { profile: "gpu", storage: "f32" }),
    ];
    for (const { loss, inputGradient } of results) {
      assertClose([loss], await read(`${fixture}.loss`), { absolute: 0, relative: 1e-6, name: "loss" });
      assertClose(inputGradient, await read(`${fixture}.gradient`), {
        absolute: 2e-8,
        relative: 1e-5,
        name: "gradient",
      });
    }
  });
}

Deno.test("stepLossKernel() adds any number of losses in a fixed order", async () => {
  const device = await testDevice();
  for (const rows of [1, 63, 64, 257, 1031]) {
    const losses = Float32Array.from(randomValues(rows, 3, 4), (value) => value + 4);
    for (const profile of ["software", "gpu"] as const) {
      const run = async () => {
        const { history } = await runKernel(device, stepLossKernel({ rows, profile }), {
          losses,
          turn: Uint32Array.of(rows),
          history: { bytes: LOSS_HISTORY * 4 },
        });
        return new Float32Array(history)[rows % LOSS_HISTORY];
      };
      const loss = await run();
      assertEquals(await run(), loss);
      const mean = losses.reduce((sum, value) => sum + value, 0) / rows;
      assertClose([loss], [mean], { absolute: 0, relative: 1e-5, name: `mean of ${rows} losses ${profile}` });
    }
  }
});

Deno.test("stepLossKernel() writes the step's place in the history and no other", async () => {
  const device = await testDevice();
  for (const profile of ["software", "gpu"] as const) {
    for (const turn of [0, 255, 256, 4294967295]) {
      const { history } = await runKernel(device, stepLossKernel({ rows: 2, profile }), {
        losses: Float32Array.of(1, 2),
        turn: Uint32Array.of(turn),
        history: { update: new Float32Array(LOSS_HISTORY).fill(-1) },
      });
      assertEquals([...new Float32Array(history)], new Array(LOSS_HISTORY).fill(-1).with(turn % LOSS_HISTORY, 1.5));
    }
  }
});
