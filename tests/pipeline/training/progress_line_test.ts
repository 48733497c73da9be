import { assertEquals } from "@std/assert";
import { trainingLine } from "../../../pipeline/training/progress_line.ts";

Deno.test("trainingLine() tells of exchanges where there are ranks, and of pooling where it was measured", () => {
  const state = {
    ...{ epoch: 3, step: 120, steps: 1251, imagesLeft: 7200, loss: 5.1234, learningRate: 0.0989 },
    ...{ imagesPerSecond: 345, waiting: 0.02 },
  };
  const head = "epoch 3  step 120/1,251  loss 5.123  lr 0.0989  345 images/s  waiting for data 2 %";
  assertEquals(trainingLine(state), `${head}  21 s left`);
  assertEquals(
    trainingLine({ ...state, exchanging: 0.034, pooling: 0.0004 }),
    `${head}  exchanging 3 %  pooling 0.04 %  21 s left`,
  );
});
