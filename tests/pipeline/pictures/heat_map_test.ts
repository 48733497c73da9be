import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { quantise } from "../../../formats/base/scores.ts";
import { poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { classHeat, heatColour, heatPixels } from "../../../pipeline/pictures/heat_map.ts";
import type { LabelMapBatch, LabelMapType } from "../../../formats/base/label_map.ts";

/** A map of 2 x 3 cells, 2 of 7 classes a cell. */
function mapOf(dtype: LabelMapType = "fp32", said: Partial<LabelMapBatch> = {}): LabelMapBatch {
  const logits = Float32Array.of(3, 1, 9, 0.5, -1, 400, 2, 0, 8.5, -3, -1.5, 2);
  return {
    count: 1,
    k: 2,
    grid: [2, 3],
    classes: 7,
    dtype,
    class: Uint16Array.of(0, 1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 0),
    score: quantise(logits, dtype),
    ...said,
  };
}

const SHARES = Float32Array.of(1, 0.5, 0.25, 0, 1, 0.5, 0, 0, 0.125, 0, 0, 0.5);
const MAPS: Readonly<Record<string, LabelMapBatch>> = {
  "fp32 maps": mapOf("fp32"),
  "fp16 maps": mapOf("fp16"),
  "sigmoid maps": mapOf("fp32", { scores: "sigmoid", floor: -1.25 }),
  "presence maps": mapOf("fp32", { scores: "presence", score: SHARES }),
};

for (const [name, map] of Object.entries(MAPS)) {
  Deno.test(`classHeat() is what LabelPooling gives for each cell of ${name}`, () => {
    const [rows, columns] = map.grid;
    const heats = Array.from({ length: map.classes }, (_, index) => classHeat(map, index));
    for (let cell = 0; cell < rows * columns; cell++) {
      const top = Math.floor(cell / columns) / rows;
      const crop = { top, left: cell % columns / columns, height: 1 / rows, width: 1 / columns };
      const target = poolLabels(map, [crop]);
      heats.forEach((heat, index) => assertAlmostEquals(heat[cell], target[index], 1e-9));
    }
  });
}

Deno.test("classHeat() of all classes is 1 in each cell, also where a logit is beyond what exp() can take", () => {
  const map = mapOf();
  const heats = Array.from({ length: map.classes }, (_, index) => classHeat(map, index));
  for (let cell = 0; cell < 6; cell++) assertAlmostEquals(heats.reduce((sum, heat) => sum + heat[cell], 0), 1, 1e-12);
  assertEquals(heats[5][5], 1);
});

Deno.test("classHeat() of the only class there is is 1", () => {
  const map = { ...mapOf(), k: 1, classes: 1, class: new Uint16Array(6), score: new Float32Array(6).fill(-2) };
  assertEquals([...classHeat(map, 0)], [1, 1, 1, 1, 1, 1]);
});

Deno.test("classHeat() refuses a class that is not there, and more than one map", () => {
  for (const index of [-1, 7, 0.5]) {
    assertThrows(() => classHeat(mapOf(), index), RangeError, `class ${index}: it is not among the 7 classes`);
  }
  assertThrows(() => classHeat({ ...mapOf(), count: 2 }, 0), RangeError, "there are 2 label maps, expected 1");
});

Deno.test("heatPixels() gives a pixel a cell, the more opaque and the lighter the larger its value", () => {
  const heat = Float64Array.from({ length: 101 }, (_, index) => index / 100);
  const pixels = heatPixels(heat);
  assertEquals(pixels.length, 404);
  assertEquals([...pixels.subarray(0, 4)], [68, 1, 84, 0]);
  assertEquals([...pixels.subarray(400)], [253, 231, 37, 217]);
  const lightness = ([red, green, blue]: Uint8ClampedArray) => 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  for (let cell = 1; cell <= 100; cell++) {
    const [before, here] = [pixels.subarray(cell * 4 - 4, cell * 4), pixels.subarray(cell * 4, cell * 4 + 4)];
    assert(here[3] > before[3]);
    assert(lightness(here) > lightness(before));
    assertEquals([...here.subarray(0, 3)], heatColour(heat[cell]));
  }
});
