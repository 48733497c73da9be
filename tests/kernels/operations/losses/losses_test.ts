import { assert, assertEquals } from "@std/assert";
import {
  type AsymmetricFocus,
  asymmetricLossKernel,
  asymmetricLossReference,
} from "../../../../kernels/operations/losses/asymmetric_loss.ts";
import {
  binaryCrossEntropyKernel,
  binaryCrossEntropyReference,
} from "../../../../kernels/operations/losses/binary_cross_entropy.ts";
import { crossEntropyKernel, crossEntropyReference } from "../../../../kernels/operations/losses/cross_entropy.ts";
import { type ClassReduction, UNKNOWN } from "../../../../kernels/operations/losses/independent_classes.ts";
import { LOSS_HISTORY, stepLossKernel } from "../../../../kernels/operations/losses/row_loss.ts";
import { softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { encodeControl, initialControl } from "../../../../kernels/operations/shared/control.ts";
import type { Kernel } from "../../../../kernels/engine/kernel.ts";
import { runKernel, runKernels } from "../../../../kernels/engine/run.ts";
import { assertClose } from "../../compare.ts";
import { differenceGradient } from "../../finite_differences.ts";
import { padChannels, randomValues, stored, targets, testDevice, unpadChannels } from "../../tensors.ts";
import { readTrainingFixture } from "../training_fixture.ts";

/** What the kernel functions of all losses take. */
type LossOptions = { rows: number; classes: number; gradientShare?: number } & Target;

/** A loss, and how near its kernels come to its reference. */
interface Loss {
  readonly name: string;
  kernel(options: LossOptions): Kernel;
  reference: typeof crossEntropyReference;
  /** The targets of PyTorch's values, where there are some. */
  readonly fixture?: "soft" | "many";
  readonly near: { readonly absolute: number; readonly relative: number };
  /** Whether the gradient of a class is a share of the row's. */
  readonly isMean: boolean;
  /** Whether the loss of a class is bounded by more than its logit. */
  readonly isIndependent: boolean;
}

function asymmetric(focus: AsymmetricFocus, reduction?: ClassReduction): Pick<Loss, "kernel" | "reference"> {
  return {
    kernel: (options) => asymmetricLossKernel({ ...options, ...focus, reduction }),
    reference: (logits, target, classes) => asymmetricLossReference(logits, target, classes, { ...focus, reduction }),
  };
}

/** The defaults of the authors' code. */
const FOCUS = { gammaNegative: 4, gammaPositive: 1, margin: 0.05 };

// Binary cross-entropy adds to no 1, and powers are less exact.
const NEAR = { absolute: 1e-30, relative: 2e-6 };
const NEAR_POWERS = { absolute: 2e-7, relative: 5e-6 };

const LOSSES: readonly Loss[] = [
  {
    name: "crossEntropy",
    kernel: crossEntropyKernel,
    reference: crossEntropyReference,
    fixture: "soft",
    // The power of the largest logit is 1: what is added to it below 6e-8 is lost.
    near: { absolute: 1e-7, relative: 2e-6 },
    isMean: false,
    isIndependent: false,
  },
  {
    name: "binaryCrossEntropy",
    kernel: binaryCrossEntropyKernel,
    reference: binaryCrossEntropyReference,
    fixture: "many",
    near: NEAR,
    isMean: true,
    isIndependent: true,
  },
  {
    name: "summed binaryCrossEntropy",
    kernel: (options) => binaryCrossEntropyKernel({ ...options, reduction: "sum" }),
    reference: (logits, target, classes) => binaryCrossEntropyReference(logits, target, classes, "sum"),
    near: NEAR,
    isMean: false,
    isIndependent: true,
  },
  { name: "asymmetricLoss", ...asymmetric(FOCUS), near: NEAR_POWERS, isMean: true, isIndependent: true },
  {
    name: "summed and unshifted asymmetricLoss",
    ...asymmetric({ gammaNegative: 2.5, gammaPositive: 0, margin: 0 }, "sum"),
    near: NEAR_POWERS,
    isMean: false,
    isIndependent: true,
  },
];

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
  kernelOf: Loss["kernel"],
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

for (const { name, kernel, reference, fixture, near, isMean, isIndependent } of LOSSES) {
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
      assertClose(actual.losses, expected.losses, { ...near, name: `losses, ${label}` });
      assertClose([actual.loss], [expected.loss], { ...near, name: `loss, ${label}` });
      const scale = factor / rows / (isMean ? classes : 1);
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

  if (isIndependent) {
    Deno.test(`${name}Kernel() counts no class of which is not known whether an image shows it`, async () => {
      const { logits, target, classes } = batch(3, 7);
      const unknown = [2, 9, 13, 20];
      const partial = Array.from(target, (value, index) => unknown.includes(index) ? UNKNOWN : value);
      const given = { logits, target: partial, classes };
      await assertLoss(given);
      const { inputGradient } = reference(logits, partial, classes);
      assertEquals(unknown.map((index) => inputGradient[index]), [0, 0, 0, 0]);
      assert(reference(logits, partial, classes).loss < reference(logits, target, classes).loss);
    });
  }

  if (fixture === undefined) continue;
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
