import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  coarserMapReference,
  commonGrid,
  meanMapReference,
} from "../../../../kernels/operations/map_average/reference.ts";

const one = { classes: 1, temperature: 1, average: "logits" } as const;

Deno.test("commonGrid() is as high as the highest and as wide as the widest", () => {
  assertEquals(commonGrid([[7, 5], [3, 9]]), [7, 9]);
});

Deno.test("meanMapReference() gives a cell's value at its middle, and between middles what is between", () => {
  const maps = [
    { logits: [0, 1], grid: [1, 2], mirrored: false },
    { logits: [0, 0, 0, 0], grid: [1, 4], mirrored: false },
  ] as const;
  assertEquals([...meanMapReference(maps, one)], [0, 0.125, 0.375, 0.5]);
});

Deno.test("meanMapReference() turns the map of a mirrored picture back", () => {
  const maps = [
    { logits: [1, 2, 3], grid: [1, 3], mirrored: false },
    { logits: [3, 2, 1], grid: [1, 3], mirrored: true },
  ] as const;
  assertEquals([...meanMapReference(maps, one)], [1, 2, 3]);
});

Deno.test("meanMapReference() divides logits by the temperature, of probabilities before the softmax", () => {
  const maps = [{ logits: [0, Math.log(9)], grid: [1, 1], mirrored: false }] as const;
  assertEquals([...meanMapReference(maps, { ...one, classes: 2, temperature: 2 })], [0, Math.log(9) / 2]);
  const probabilities = { classes: 2, temperature: 2, average: "probabilities" } as const;
  const [first, second] = meanMapReference(maps, probabilities);
  assertAlmostEquals(first, 0.25);
  assertAlmostEquals(second, 0.75);
});

Deno.test("coarserMapReference() averages the cells that a coarser one covers, also in part", () => {
  const map = [1, 2, 3, 4, 5];
  assertEquals([...coarserMapReference(map, { classes: 1, from: [1, 5], to: [1, 2] })], [2, 4]);
  assertEquals([...coarserMapReference(map, { classes: 1, from: [1, 5], to: [1, 5] })], map);
});
