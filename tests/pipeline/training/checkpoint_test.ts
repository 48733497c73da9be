import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { readCheckpoint, writeCheckpoint } from "../../../pipeline/training/checkpoint.ts";

/** A checkpoint with other numbers in one of its tensors. */
function checkpoint(changes: Record<string, number[]> = {}) {
  const tensors: Record<string, number[]> = {
    "fc.weight": [1, 2, 3],
    "bn.running_var": [1],
    "optimizer.momentum.fc.weight": [0, 0, 0],
    "average.fc.weight": [1, 2, 3],
    // Bits, among them those of NaN.
    "control": [NaN, 1, NaN],
    ...changes,
  };
  const state = new Map(
    Object.entries(tensors).map(([name, values]) => [name, {
      shape: [values.length],
      data: Float32Array.from(values),
    }]),
  );
  return { state, position: { epoch: 1, step: 2, lossSum: 0 }, data: "data", engines: ["relabel"] };
}

Deno.test("readCheckpoint() refuses a state with a number that is not finite, wherever it is but in the control's bits", async () => {
  const path = join(Deno.makeTempDirSync(), "last.safetensors");
  writeCheckpoint(path, checkpoint());
  assertEquals((await readCheckpoint(path))!.state.size, 5);
  const cases: [string, number[], string][] = [
    ["fc.weight", [1, NaN, 3], '"fc.weight" [3] has 1 of 3 values that is not finite, first NaN at 1'],
    ["bn.running_var", [Infinity], '"bn.running_var" [1] has 1 of 1 value that is not finite, first Infinity at 0'],
    [
      "optimizer.momentum.fc.weight",
      [0, -Infinity, NaN],
      "has 2 of 3 values that are not finite, first -Infinity at 1",
    ],
    ["average.fc.weight", [NaN, NaN, NaN], "has 3 of 3 values that are not finite, first NaN at 0"],
  ];
  for (const [name, values, message] of cases) {
    writeCheckpoint(path, checkpoint({ [name]: values }));
    await assertRejects(() => readCheckpoint(path), TypeError, message);
  }
});
