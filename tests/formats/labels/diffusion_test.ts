import { assert, assertEquals } from "@std/assert";
import { dequantise, quantise, quantiseMap, type Scores } from "../../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "./fixture.ts";

const TYPES = ["fp8_e4m3", "fp8_e5m2"] as const;

/** Sums of one class over the map, from the logits and from what was stored. */
function classSums(classes: ArrayLike<number>, values: ArrayLike<number>): Map<number, number> {
  const sums = new Map<number, number>();
  for (let i = 0; i < classes.length; i++) sums.set(classes[i], (sums.get(classes[i]) ?? 0) + values[i]);
  return sums;
}

for (const dtype of TYPES) {
  Deno.test(`quantiseMap() leaves less than half of the error that rounding leaves in sums by class, ${dtype}`, () => {
    const metadata = fixtureMetadata(dtype);
    let diffused = 0;
    let rounded = 0;
    for (const { class: classes, score } of fixtureRows("fp32").slice(0, 64)) {
      const logits = score as Float32Array;
      const sums = classSums(classes, logits);
      const error = (scores: Scores) => {
        const stored = classSums(classes, dequantise(scores, dtype));
        return [...sums].reduce((total, [index, sum]) => total + (stored.get(index)! - sum) ** 2, 0);
      };
      diffused += error(quantiseMap({ class: classes, logits }, metadata));
      rounded += error(quantise(logits, dtype));
    }
    assert(Math.sqrt(diffused) < Math.sqrt(rounded) / 2, `${Math.sqrt(diffused)} and ${Math.sqrt(rounded)}`);
  });

  Deno.test(`quantiseMap() leaves the errors of single logits that --help states, ${dtype}`, () => {
    const metadata = fixtureMetadata(dtype);
    const shares: number[] = [];
    let most = 0;
    for (const { class: classes, score } of fixtureRows("fp32")) {
      const logits = score as Float32Array;
      const stored = dequantise(quantiseMap({ class: classes, logits }, metadata), dtype);
      logits.forEach((logit, index) => {
        const error = Math.abs(stored[index] - logit);
        most = Math.max(most, error);
        if (Math.abs(logit) >= 1) shares.push(error / Math.abs(logit));
      });
    }
    shares.sort((a, b) => a - b);
    const percent = (part: number) => Math.round(1000 * shares[Math.floor(part * (shares.length - 1))]) / 10;
    assertEquals(
      [percent(0.5), percent(0.99), Math.round(10 * most) / 10],
      { fp8_e4m3: [2.7, 13.8, 3.8], fp8_e5m2: [5.4, 28.4, 7.3] }[dtype],
    );
  });

  Deno.test(`quantiseMap() keeps the order of the ranks in ${dtype}`, () => {
    const metadata = fixtureMetadata(dtype);
    for (const { class: classes, score } of fixtureRows("fp32").slice(0, 32)) {
      const values = dequantise(quantiseMap({ class: classes, logits: score as Float32Array }, metadata), dtype);
      for (let index = 225; index < values.length; index++) assert(values[index] <= values[index - 225]);
    }
  });

  Deno.test(`quantiseMap() stores what is a value of ${dtype} as it is, and saturates`, () => {
    const metadata = { k: 2, grid: [1, 3] as const, dtype };
    const map = { class: Uint16Array.of(1, 2, 1, 3, 3, 4), logits: Float32Array.of(8, 1e6, 2, 4, 0.5, -1e6) };
    assertEquals(quantiseMap(map, metadata), quantise(map.logits, dtype));
  });
}

Deno.test("quantiseMap() carries the error of a cell to the next that holds the class, to and fro", () => {
  // Steps of 1 from 8 to 16 in E4M3: 8.4 -> 8, then 8.8 -> 9, and so on along 0 1 2, 5 4 3.
  const map = { class: new Uint16Array(6).fill(7), logits: new Float32Array(6).fill(8.4) };
  const values = dequantise(quantiseMap(map, { k: 1, grid: [2, 3], dtype: "fp8_e4m3" }), "fp8_e4m3");
  assertEquals([...values], [8, 9, 8, 8, 8, 9]);
});

Deno.test("quantiseMap() rounds fp16 to the nearest and leaves fp32", () => {
  const map = { class: Uint16Array.of(1, 2), logits: Float32Array.of(1 / 3, 0.2) };
  assertEquals(quantiseMap(map, { k: 2, grid: [1, 1], dtype: "fp16" }), quantise(map.logits, "fp16"));
  assertEquals(quantiseMap(map, { k: 2, grid: [1, 1], dtype: "fp32" }), map.logits);
});
