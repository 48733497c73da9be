import { assertThrows } from "@std/assert";
import {
  type BatchNormParameters,
  batchNormReference,
  batchNormScale,
  foldBatchNorm,
} from "../../../../kernels/operations/batch_norm/inference.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { randomValues } from "../../tensors.ts";

function parameters(channels: number, epsilon: number): BatchNormParameters {
  return {
    weight: randomValues(channels, 5),
    bias: randomValues(channels, 6),
    runningMean: randomValues(channels, 7),
    runningVariance: randomValues(channels, 8).map((value) => value + 1.01),
    epsilon,
  };
}

Deno.test("foldBatchNorm() gives the convolution that does both", () => {
  const batchNorm = parameters(5, 1e-5);
  const weight = randomValues(5 * 6, 1);
  const input = randomValues(6, 3);
  const product = (matrix: ArrayLike<number>, bias?: ArrayLike<number>) =>
    Array.from(
      { length: 5 },
      (_, output) => input.reduce((sum, value, index) => sum + value * matrix[output * 6 + index], bias?.[output] ?? 0),
    );
  for (const bias of [undefined, randomValues(5, 2)]) {
    const folded = foldBatchNorm(weight, bias, batchNorm);
    assertClose(product(folded.weight, folded.bias), batchNormReference(product(weight, bias), batchNorm), {
      ...sumTolerance("f32", 6, 10),
      name: "folded",
    });
  }
});

Deno.test("foldBatchNorm() refuses parameters of different lengths", () => {
  const batchNorm = parameters(4, 1e-5);
  assertThrows(() => foldBatchNorm(randomValues(10, 1), undefined, batchNorm), TypeError, "10 weights");
  assertThrows(() => foldBatchNorm(randomValues(8, 1), randomValues(2, 1), batchNorm), TypeError, "2 biases");
  assertThrows(() => batchNormScale({ ...batchNorm, bias: [1] }), TypeError, "bias has 1");
});
