import { assertAlmostEquals } from "@std/assert";
import { runKernel } from "../../../../kernels/engine/run.ts";
import {
  classGroupTable,
  classSumsKernel,
  classSumsReference,
  NEVER,
} from "../../../../kernels/operations/class_sums/kernels.ts";
import { type Shape, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { softmaxReference } from "../../../../kernels/operations/softmax/kernels.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, targets, testDevice, unpadChannels } from "../../tensors.ts";

const GROUPS = [[0], [5, 2, 9], [], [10], [3, 4, 6, 7, 8, 1]];

Deno.test("classSumsReference() gives what sums of probabilities are the softmax of", () => {
  const logits = randomValues(11, 3, 4);
  const probabilities = softmaxReference(logits, 11);
  const sums = softmaxReference(classSumsReference(logits, 11, GROUPS), GROUPS.length);
  GROUPS.forEach((group, index) =>
    assertAlmostEquals(sums[index], group.reduce((sum, c) => sum + probabilities[c], 0), 1e-12)
  );
});

Deno.test("classSumsKernel() sums groups of any classes, large logits too, and knows those without", async () => {
  const device = await testDevice();
  const shape: Shape = [2, 3, 2, 11];
  const logits = randomValues(2 * 3 * 2 * 11, 4, 128);
  const expected = classSumsReference(logits, 11, GROUPS);
  for (const target of targets(device)) {
    const { sums } = await runKernel(device, classSumsKernel({ shape, groups: GROUPS.length, ...target }), {
      logits: padChannels(logits, 11, target.storage),
      table: classGroupTable(GROUPS),
      sums: { bytes: tensorBytes([2, 3, 2, GROUPS.length], target.storage) },
    });
    const name = `${target.profile} ${target.storage}`;
    assertClose(unpadChannels(sums, GROUPS.length, target.storage), expected, {
      ...sumTolerance(target.storage, 6, 8),
      name,
    });
  }
  assertAlmostEquals(expected[2], NEVER);
});
