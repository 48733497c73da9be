import { assertEquals } from "@std/assert";
import { NUMBER_FORMATS } from "../../../../formats/base/number_formats.ts";
import { scoreTable } from "../../../../formats/base/scores.ts";
import { elementFunctions } from "../../../../kernels/operations/label_pooling/stored_maps.ts";
import { itemKernel } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { definedNumber, SMALL_FORMATS } from "../../../formats/base/values.ts";
import { testDevice } from "../../tensors.ts";

for (const dtype of SMALL_FORMATS) {
  Deno.test(`scoreAt() reads the number of every finite bit pattern of ${dtype}, as scoreTable() does`, async () => {
    const device = await testDevice();
    const { bits, largest } = NUMBER_FORMATS[dtype];
    const patterns = Array.from({ length: 2 ** bits }, (_, pattern) => pattern);
    const finite = patterns.filter((pattern) => pattern % 2 ** (bits - 1) <= largest);
    const expected = Float32Array.from(finite, (pattern) => definedNumber(pattern, dtype));
    assertEquals(Float32Array.from(finite, (pattern) => scoreTable(dtype)![pattern]), expected);
    const words = bits === 8 ? Uint8Array.from(patterns) : Uint16Array.from(patterns);
    for (const profile of ["software", "gpu"] as const) {
      const kernel = itemKernel({
        name: "scores",
        profile,
        bindings: { classWords: "u32", scoreWords: "u32", output: "f32" },
        parameters: [],
        items: patterns.length,
        functions: elementFunctions({ classes: 2, dtype }),
        body: "  output[item] = scoreAt(item) + f32(min(classAt(0u), 0u));",
      });
      const { output } = await runKernel(device, kernel, {
        classWords: new Uint32Array(1),
        scoreWords: words,
        output: { bytes: patterns.length * 4 },
      });
      const values = new Float32Array(output);
      // A zero's sign may go in the sum.
      assertEquals(
        Float32Array.from(finite, (pattern) => values[pattern]),
        expected.map((value) => value + 0),
        profile,
      );
    }
  });
}
