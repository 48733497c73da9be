import { assertThrows } from "@std/assert";
import {
  type BatchNormParameters,
  batchNormReference,
  batchNormScale,
} from "../../../../kernels/operations/batch_norm/inference.ts";
import { foldFactors } from "../../../../kernels/operations/convolution/fold.ts";
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

Deno.test("a batch norm folds into the convolution before it", () => {
  const batchNorm = parameters(5, 1e-5);
  const weight = randomValues(5 * 6, 1);
  const input = randomValues(6, 3);
  const product = (matrix: ArrayLike<number>, bias?: ArrayLike<number>) =>
    Array.from(
      { length: 5 },
      (_, output) => input.reduce((sum, value, index) => sum + value * matrix[output * 6 + index], bias?.[output] ?? 0),
    );
  for (const bias of [undefined, randomValues(5, 2)]) {
    const folded = foldFactors(weight, bias, batchNormScale(batchNorm));
    assertClose(product(folded.weight, folded.bias), batchNormReference(product(weight, bias), batchNorm), {
      ...sumTolerance("f32", 6, 10),
      name: "folded",
    });
  }
});

Deno.test("batch norms and folding refuse parameters of different lengths", () => {
  const batchNorm = parameters(4, 1e-5);
  const factors = batchNormScale(batchNorm);
  assertThrows(() => foldFactors(randomValues(10, 1), undefined, factors), TypeError, "10 weights");
  assertThrows(() => foldFactors(randomValues(8, 1), randomValues(2, 1), factors), TypeError, "2 biases");
  assertThrows(() => batchNormScale({ ...batchNorm, bias: [1] }), TypeError, "bias has 1");
});
