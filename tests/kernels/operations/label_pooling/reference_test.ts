import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cellWeights,
  composeWarps,
  type Crop,
  HORIZONTAL_FLIP,
  type Interpolation,
  type PoolingOptions,
  poolLabels,
  QUARTER_TURN,
  rotation,
  samplingRegion,
  VERTICAL_FLIP,
  type Warp,
} from "../../../../kernels/operations/label_pooling/mod.ts";
import { assertClose } from "../../compare.ts";
import { randomValues } from "../../tensors.ts";
import { FIXTURE_OPTIONS, independentCases, poolingFixtures } from "./fixture.ts";
import type { LabelMapBatch } from "../../../../formats/base/label_map.ts";

const whole = { top: 0, left: 0, height: 1, width: 1 };

for (const { name, maps, crops, targets } of await poolingFixtures()) {
  for (const fixture of Object.keys(FIXTURE_OPTIONS) as (keyof typeof FIXTURE_OPTIONS)[]) {
    Deno.test(`poolLabels() gives torchvision's ${name} targets, ${fixture}`, () => {
      assertClose(poolLabels(maps, crops, FIXTURE_OPTIONS[fixture]), targets[fixture], {
        name: "target",
        absolute: 1e-5,
        relative: 0,
        shape: [maps.count, maps.classes],
      });
    });
  }
}

for (const { name, maps, crops, options, target } of await independentCases()) {
  Deno.test(`poolLabels() gives torchvision's ${name} targets of independent classes`, () => {
    assertClose(poolLabels(maps, crops, options), target, {
      name: "target",
      absolute: 1e-5,
      relative: 0,
      shape: [maps.count, maps.classes],
    });
  });
}

/** Two cells of two of four independent classes, side by side. */
const INDEPENDENT: LabelMapBatch = {
  ...{ count: 1, k: 2, grid: [1, 2], classes: 4, dtype: "fp32", scores: "sigmoid", floor: -3 },
  class: Uint16Array.of(0, 1, 1, 2),
  score: Float32Array.of(2, 4, 1, -5),
};

Deno.test("poolLabels() gives classes that a cell lacks its floor, or the weakest of the cell if that is less", () => {
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  // Cell 0 holds classes 0 and 1 and floors at -3; cell 1 holds 1 and 2 and floors at -5.
  const expected = [(2 - 5) / 2, (1 + 4) / 2, (-3 - 5) / 2, (-3 - 5) / 2].map(sigmoid);
  assertClose(poolLabels(INDEPENDENT, [whole]), expected, { name: "target", absolute: 1e-12, relative: 0 });
  const halved = [-0.75, 1.25, -2, -2].map(sigmoid);
  const options = { name: "target", absolute: 1e-12, relative: 0 };
  assertClose(poolLabels(INDEPENDENT, [whole], { temperature: 2 }), halved, options);
});

Deno.test("poolLabels() finds none of independent classes in an empty picture, or where all are alike", () => {
  const empty = { ...whole, warp: [1, 0, 9, 0, 1, 0] } as const;
  const presence = { ...INDEPENDENT, scores: "presence", floor: undefined, score: new Float32Array(4) } as const;
  for (const maps of [INDEPENDENT, presence]) {
    for (const mode of ["local-multi", "local-single"] as const) {
      assertEquals([...poolLabels(maps, [empty], { mode })], [0, 0, 0, 0]);
    }
  }
  assertEquals([...poolLabels(presence, [whole], { mode: "local-single" })], [0, 0, 0, 0]);
});

Deno.test("poolLabels() tells classes apart by what is pooled of them, a threshold being enough", () => {
  const of = (maps: LabelMapBatch, options: PoolingOptions) => [...poolLabels(maps, [whole], options)];
  const presence: LabelMapBatch = {
    ...{ count: 1, k: 2, grid: [1, 2], classes: 4, dtype: "fp32", scores: "presence" },
    class: Uint16Array.of(0, 0, 1, 2),
    score: Float32Array.of(1, 0.25, 0.5, 0),
  };
  assertEquals(of(presence, {}), [0.625, 0.25, 0, 0]);
  for (const [threshold, expected] of [[0.625, [1, 0, 0, 0]], [0.25, [1, 1, 0, 0]], [0.01, [1, 1, 0, 0]]] as const) {
    assertEquals(of(presence, { presenceThreshold: threshold }), [...expected], `${threshold}`);
  }
  const probabilities = of(INDEPENDENT, { temperature: 2 });
  for (const presenceThreshold of [0.1, 0.2, 0.5, 0.9]) {
    const expected = probabilities.map((probability) => probability >= presenceThreshold ? 1 : 0);
    assertEquals(of(INDEPENDENT, { presenceThreshold, temperature: 2 }), expected, `${presenceThreshold}`);
  }
  const empty = { ...whole, warp: [1, 0, 9, 0, 1, 0] } as const;
  for (const maps of [presence, INDEPENDENT]) {
    assertEquals([...poolLabels(maps, [empty], { presenceThreshold: 1e-9 })], [0, 0, 0, 0]);
  }
});

Deno.test("poolLabels() refuses a threshold that is none, and one for classes that exclude each other", () => {
  const exclusive = { ...INDEPENDENT, scores: undefined, floor: undefined };
  assertThrows(
    () => poolLabels(exclusive, [whole], { presenceThreshold: 0.5 }),
    TypeError,
    "Cannot pool label maps: presenceThreshold is 0.5, but their scores are of classes that exclude each other",
  );
  assertThrows(
    () => poolLabels(INDEPENDENT, [whole], { presenceThreshold: 0.5, mode: "local-single" }),
    TypeError,
    'presenceThreshold is 0.5, but mode is "local-single", which names one class',
  );
  for (const presenceThreshold of [0, 1, NaN]) {
    assertThrows(
      () => poolLabels(INDEPENDENT, [whole], { presenceThreshold }),
      RangeError,
      `presenceThreshold is ${presenceThreshold}, expected a number above 0 and below 1`,
    );
  }
});

Deno.test("poolLabels() refuses what maps of independent classes have not", () => {
  const presence = { ...INDEPENDENT, scores: "presence", floor: undefined } as const;
  for (const missing of ["uniform", "renormalise"] as const) {
    for (const maps of [INDEPENDENT, presence]) {
      assertThrows(
        () => poolLabels(maps, [whole], { missing }),
        TypeError,
        `missing is "${missing}", but their scores are of independent classes (${maps.scores}), which share nothing`,
      );
    }
  }
  assertThrows(
    () => poolLabels(presence, [whole], { temperature: 2 }),
    TypeError,
    "Cannot pool label maps: temperature is 2, but their scores are probabilities (presence)",
  );
  assertThrows(() => poolLabels({ ...INDEPENDENT, floor: undefined }, [whole]), RangeError, "floor is missing");
});

/** A map of one class a cell, whose class is the cell's number and whose logit is 1: pooled logits are cell weights. */
function numberedCells(height: number, width: number): LabelMapBatch {
  const cells = height * width;
  return {
    count: 1,
    k: 1,
    grid: [height, width],
    classes: cells + 1,
    dtype: "fp32",
    class: Uint16Array.from({ length: cells }, (_, cell) => cell),
    score: new Float32Array(cells).fill(1),
  };
}

/** Cell weights of a crop in one bin, as rows. */
function weightsOf(crop: Crop, grid: [number, number], interpolation: Interpolation = "bilinear"): number[][] {
  const region = samplingRegion(crop, { index: 0, grid, layout: "hw", outputSize: [1, 1] });
  const weights = cellWeights(region, { bin: 0, grid, outputSize: [1, 1], interpolation });
  return Array.from({ length: grid[0] }, (_, row) => [...weights.slice(row * grid[1], (row + 1) * grid[1])]);
}

Deno.test("cellWeights() of a crop along cell borders weighs the cells inside alike", () => {
  assertEquals(weightsOf({ top: 0.5, left: 0.25, height: 0.5, width: 0.5 }, [2, 4]), [[0, 0, 0, 0], [0, 0.5, 0.5, 0]]);
  assertEquals(weightsOf({ top: 0.5, left: 0.75, height: 0.5, width: 0.25 }, [2, 4]), [[0, 0, 0, 0], [0, 0, 0, 1]]);
});

Deno.test("cellWeights() weighs a crop that ends inside a cell by its samples", () => {
  // 1.5 cells wide: two samples, 0.75 apart, at 0.375 and 1.125 cells from the edge, so at -0.125 and 0.625 between middles.
  assertEquals(weightsOf({ top: 0, left: 0, height: 1, width: 0.375 }, [1, 4]), [[0.6875, 0.3125, 0, 0]]);
});

Deno.test("cellWeights() takes a crop of no area, or of a pixel, to be one cell in size from its upper left corner", () => {
  assertEquals(weightsOf({ top: 0, left: 0.5, height: 0, width: 0 }, [1, 4]), [[0, 0, 1, 0]]);
  assertEquals(weightsOf({ top: 0.125, left: 0.5625, height: 1 / 480, width: 1 / 640 }, [2, 4]), [
    [0, 0, 0.75 * 0.75, 0.75 * 0.25],
    [0, 0, 0.25 * 0.75, 0.25 * 0.25],
  ]);
  assertEquals(weightsOf({ top: 1, left: 1, height: 0, width: 0 }, [2, 2]), [[0, 0], [0, 1]]);
});

Deno.test("cellWeights() sums to 1 for any crop and warp that touches the map", () => {
  const numbers = randomValues(7 * 60, 3, 0.5).map((value) => value + 0.5);
  for (let index = 0; index < 60; index++) {
    const [top, left, height, width, angle, x, y] = numbers.slice(index * 7, index * 7 + 7);
    const crop = { top, left, height: height * (1 - top), width: width * (1 - left) };
    const warp = composeWarps(rotation(angle * 360, 0.7), [1, 0.1, (x - 0.5) * 0.2, 0, 1, (y - 0.5) * 0.2]);
    for (const interpolation of ["bilinear", "nearest"] as const) {
      for (const part of [crop, { ...crop, warp }]) {
        assertAlmostEquals(weightsOf(part, [7, 5], interpolation).flat().reduce((a, b) => a + b), 1, 1e-12);
      }
    }
  }
});

Deno.test("poolLabels() gives a flipped or turned crop the target of the crop", async () => {
  const [, { maps, crops }] = await poolingFixtures();
  const expected = poolLabels(maps, crops);
  for (const warp of [HORIZONTAL_FLIP, VERTICAL_FLIP, QUARTER_TURN, rotation(180)]) {
    const warped = crops.map((crop) => ({ ...crop, warp }));
    assertClose(poolLabels(maps, warped), expected, { name: "target", absolute: 1e-6, relative: 0 });
  }
});

/** The best class of each bin. */
function bestClasses(maps: LabelMapBatch, warp: Warp | undefined, outputSize: [number, number]): number[] {
  const targets = poolLabels(maps, [{ ...whole, warp }], { outputSize, temperature: 0.1 });
  return Array.from({ length: outputSize[0] * outputSize[1] }, (_, bin) => {
    const target = targets.subarray(bin * maps.classes, (bin + 1) * maps.classes);
    return target.indexOf(Math.max(...target));
  });
}

Deno.test("poolLabels() with outputSize moves bins as the picture moves: flips, quarter turns, rotations", () => {
  const maps = numberedCells(2, 3);
  // 0 1 2
  // 3 4 5
  assertEquals(bestClasses(maps, undefined, [2, 3]), [0, 1, 2, 3, 4, 5]);
  assertEquals(bestClasses(maps, HORIZONTAL_FLIP, [2, 3]), [2, 1, 0, 5, 4, 3]);
  assertEquals(bestClasses(maps, VERTICAL_FLIP, [2, 3]), [3, 4, 5, 0, 1, 2]);
  assertEquals(bestClasses(maps, QUARTER_TURN, [3, 2]), [2, 5, 1, 4, 0, 3]);
  assertEquals(bestClasses(maps, composeWarps(QUARTER_TURN, QUARTER_TURN), [2, 3]), [5, 4, 3, 2, 1, 0]);
  assertEquals(bestClasses(maps, composeWarps(HORIZONTAL_FLIP, QUARTER_TURN), [3, 2]), [0, 3, 1, 4, 2, 5]);
  const square = numberedCells(3, 3);
  // The middle of a picture rotated counterclockwise: by 90 degrees as a quarter turn.
  assertEquals(bestClasses(square, rotation(90), [3, 3]), bestClasses(square, QUARTER_TURN, [3, 3]));
});

Deno.test("composeWarps() applies the first to the crop and the second to the picture", () => {
  const flipThenTurn = composeWarps(HORIZONTAL_FLIP, QUARTER_TURN);
  // A place of the picture, back through the turn, then through the flip.
  const through = ([a, b, c, d, e, f]: Warp, [x, y]: number[]) => [a * x + b * y + c, d * x + e * y + f];
  const place = [0.2, 0.7];
  assertEquals(through(flipThenTurn, place), through(HORIZONTAL_FLIP, through(QUARTER_TURN, place)));
});

Deno.test("poolLabels() leaves out samples of a warp that are off the map; with none on it, all classes are alike", () => {
  const maps = numberedCells(2, 2);
  const shifted: Warp = [1, 0, 0.75, 0, 1, 0];
  const [row] = weightsOf({ ...whole, warp: shifted }, [1, 4]);
  assertEquals(row, [0, 0, 0, 1]);
  for (const missing of ["zero", "uniform", "renormalise"] as const) {
    for (const mode of ["local-multi", "local-single"] as const) {
      const target = poolLabels(maps, [{ ...whole, warp: [1, 0, 5, 0, 1, 0] }], { missing, mode });
      assertClose(target, new Array(5).fill(0.2), { name: `${missing} ${mode}`, absolute: 1e-12, relative: 0 });
    }
  }
});

Deno.test("poolLabels() leaves out what a warp takes from outside of the crop: the picture is empty there", () => {
  // The left half of a map of four columns, moved to the right by half of its width: its own left half is all there is.
  const left = { top: 0, left: 0, height: 1, width: 0.5 };
  assertEquals(weightsOf({ ...left, warp: [1, 0, -0.5, 0, 1, 0] }, [1, 4]), [[1, 0, 0, 0]]);
  // And to the left: the third column is on the map, but not in the picture.
  assertEquals(weightsOf({ ...left, warp: [1, 0, 0.5, 0, 1, 0] }, [1, 4]), [[0, 1, 0, 0]]);
  // Down and up again: what went out at the bottom does not come back.
  const down = { warp: [1, 0, 0, 0, 1, 0], frames: [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 1, 0.5]] } as const;
  assertEquals(weightsOf({ ...whole, ...down }, [4, 1]), [[0.5], [0.5], [0], [0]]);
  // A shear of a square by its side leaves half of it.
  const sheared = weightsOf({ ...whole, warp: [1, 1, 0, 0, 1, 0] }, [40, 40]).flat();
  assertAlmostEquals(sheared.reduce((sum, weight) => sum + weight), 1, 1e-12);
  const seen = sheared.filter((weight) => weight > 0).length;
  assertEquals(seen > 780 && seen < 880, true, `${seen} of 1,600 cells are seen`);
});

Deno.test("poolLabels() gives every class its part where nothing of the crop is left in the picture", () => {
  const maps = numberedCells(2, 2);
  const gone = { ...whole, warp: [1, 0, 0, 0, 1, 0], frames: [[1, 0, 0.6, 0, 1, 0], [1, 0, -0.6, 0, 1, 0]] } as const;
  for (const mode of ["local-multi", "local-single"] as const) {
    assertEquals([...poolLabels(maps, [gone], { mode })].every((part) => Math.abs(part - 0.2) < 1e-12), true);
  }
});

Deno.test("poolLabels() by nearest cell takes whole cells", () => {
  assertEquals(weightsOf({ top: 0, left: 0.1, height: 1, width: 0.25 }, [1, 4], "nearest"), [[1, 0, 0, 0]]);
  assertEquals(weightsOf({ top: 0, left: 0.2, height: 1, width: 0.25 }, [1, 4], "nearest"), [[0, 1, 0, 0]]);
});

Deno.test("poolLabels() keeps to the rules for missing classes", () => {
  const maps: LabelMapBatch = {
    count: 1,
    k: 2,
    grid: [1, 2],
    classes: 4,
    dtype: "fp32",
    class: Uint16Array.of(0, 1, 1, 2),
    score: Float32Array.of(3, 2, 1, 1),
  };
  const { exp } = Math;
  const softmax = (values: number[]) => values.map((value) => exp(value) / values.reduce((sum, v) => sum + exp(v), 0));
  const expected = {
    // Means of the logits [3, 1, 0, 0] and [0, 2, 1, 0].
    zero: softmax([1.5, 1.5, 0.5, 0]),
    // Means of the softmax of either.
    uniform: softmax([3, 1, 0, 0]).map((value, index) => (value + softmax([0, 2, 1, 0])[index]) / 2),
    renormalise: [softmax([3, 1])[0] / 2, (softmax([3, 1])[1] + softmax([2, 1])[0]) / 2, softmax([2, 1])[1] / 2, 0],
  };
  for (const missing of ["zero", "uniform", "renormalise"] as const) {
    assertClose(poolLabels(maps, [whole], { missing }), expected[missing], {
      name: missing,
      absolute: 1e-12,
      relative: 0,
    });
  }
  assertClose(poolLabels(maps, [whole], { temperature: 0.5 }), softmax([3, 3, 1, 0]), {
    name: "sharper",
    absolute: 1e-12,
    relative: 0,
  });
});

Deno.test("poolLabels() pools several crops of one map", async () => {
  const [, { maps, crops }] = await poolingFixtures();
  const target = poolLabels(maps, [{ ...crops[2], map: 5 }, { ...crops[1], map: 5 }, { ...crops[5], map: 5 }]);
  const alone = poolLabels(maps, [crops[0], crops[1], crops[2], crops[3], crops[4], crops[5]]);
  assertEquals(target.slice(-maps.classes), alone.slice(-maps.classes));
});

Deno.test("poolLabels() reads 32-bit classes", () => {
  const maps: LabelMapBatch = {
    count: 1,
    k: 1,
    grid: [1, 1],
    classes: 70000,
    dtype: "fp32",
    class: Uint32Array.of(69999),
    score: Float32Array.of(20),
  };
  assertAlmostEquals(poolLabels(maps, [whole])[69999], 1, 1e-3);
});

Deno.test("poolLabels() refuses a crop outside the image, a map that is not there, and wrong arrays", () => {
  const maps = numberedCells(2, 2);
  const refuse = (crop: Crop, message: string) => assertThrows(() => poolLabels(maps, [crop]), RangeError, message);
  const outside = "is not a part of the image";
  refuse(
    { ...whole, top: -0.01 },
    "Cannot pool crop 0: top -0.01, left 0, height 1, width 1 is not a part of the image",
  );
  refuse({ ...whole, left: 0.5 }, outside);
  refuse({ ...whole, height: -0.1 }, outside);
  refuse({ ...whole, width: NaN }, outside);
  refuse({ ...whole, map: 1 }, "Cannot pool crop 0: map 1 is not among the 1 maps");
  refuse({ ...whole, warp: [1, 0, NaN, 0, 1, 0] }, "its warp is [1, 0, NaN, 0, 1, 0]");
  assertThrows(
    () => poolLabels({ ...maps, score: new Uint16Array(4) }, [whole]),
    TypeError,
    "Cannot pool label maps: score is a Uint16Array of 4, expected 4 values ([1, 1, 2, 2]) of 4 bytes",
  );
  assertThrows(
    () => poolLabels({ ...maps, classes: 3 }, [whole]),
    RangeError,
    "it holds class 3, expected less than 3",
  );
  assertThrows(() => poolLabels(maps, [whole], { outputSize: 0 }), RangeError, "outputSize is 0 x 0");
  assertThrows(() => poolLabels(maps, [whole], { temperature: 0 }), RangeError, "temperature is 0");
  assertThrows(() => poolLabels(maps, [whole], { mode: "local" as "local-multi" }), TypeError, 'mode is "local"');
});
