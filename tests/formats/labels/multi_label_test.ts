import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type LabelMapMetadata, multiLabel, quantise, scoreClasses } from "../../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows, generator, smallMetadata } from "./fixture.ts";

type Shape = Pick<LabelMapMetadata, "k" | "grid" | "classes" | "dtype">;

/** What is in a cell: classes and logits, the best first. */
type Cell = readonly (readonly [index: number, logit: number])[];

/** A map of `[height, width]` cells with k classes each. */
function mapOf([height, width]: readonly [number, number], k: number, cellAt: (y: number, x: number) => Cell) {
  const cells = height * width;
  const map = { class: new Uint16Array(k * cells), score: new Float32Array(k * cells) };
  for (let cell = 0; cell < cells; cell++) {
    cellAt(Math.floor(cell / width), cell % width).forEach(([index, logit], rank) => {
      map.class[rank * cells + cell] = index;
      map.score[rank * cells + cell] = logit;
    });
  }
  return map;
}

const SHAPE = { classes: 1000, dtype: "fp32" } as const;

/** Something with no class of its own: five weak classes that no other cell has. */
function nothing(place: number): Cell {
  return [0, 1, 2, 3, 4].map((rank) => [100 + (place * 5 + rank) % 800, 1.5 - rank / 10] as const);
}

/** The class `index` where `inside`, with logit 10 and four weak others, else nothing. */
function object(index: number, place: number): Cell {
  return [[index, 10], ...nothing(place).slice(0, 4)];
}

Deno.test("multiLabel() gives one class to one object that fills the picture, on any grid and with any k", () => {
  for (const side of [1, 2, 3, 7, 14, 15, 20, 32]) {
    for (const k of [1, 3, 5]) {
      const map = mapOf([side, side], k, (y, x) => object(7, y * side + x).slice(0, k));
      const found = multiLabel(map, { ...SHAPE, k, grid: [side, side] });
      assertEquals(found.map((one) => one.class), [7], `${side} x ${side}, k = ${k}`);
      assert(found[0].score > 0.9);
    }
  }
});

Deno.test("multiLabel() finds each of four objects in the quarters of a picture, with the same score on every grid", () => {
  const scores = [4, 8, 14, 20, 32].map((side) => {
    const quarter = (y: number, x: number) => Math.floor(2 * y / side) * 2 + Math.floor(2 * x / side);
    const map = mapOf([side, side], 5, (y, x) => object(quarter(y, x), y * side + x));
    const found = multiLabel(map, { ...SHAPE, k: 5, grid: [side, side] });
    assertEquals(found.map((one) => one.class), [0, 1, 2, 3], `${side} x ${side}`);
    return found[0].score;
  });
  for (const score of scores) assertAlmostEquals(score, scores[0], 1e-9);
});

Deno.test("scoreClasses() is strongest * extent / (extent + half of the largest other extent)", () => {
  // 16 cells, of which a twenty-fifth is one cell: 12 of class 0 and 4 of class 1.
  const logits = [4, 9];
  const map = mapOf([4, 4], 1, (y) => [y < 3 ? [0, logits[0]] : [1, logits[1]]]);
  const [p, q] = logits.map((logit) => Math.exp(logit) / (Math.exp(logit) + 999));
  const found = scoreClasses(map, { ...SHAPE, k: 1, grid: [4, 4] });
  const expected = [
    { class: 1, score: q * 4 * q / (4 * q + 12 * p / 2) },
    { class: 0, score: p * 12 * p / (12 * p + 4 * q / 2) },
  ].sort((a, b) => b.score - a.score);
  assertEquals(found.map((one) => one.class), expected.map((one) => one.class));
  found.forEach(({ score }, index) => assertAlmostEquals(score, expected[index].score, 1e-12));
});

Deno.test("scoreClasses() takes a class that is lacking for as weak as the weakest that is kept, where that is below 0", () => {
  // An annotator whose logits are all below zero, as binary cross-entropy trains them: the best class is as sure as before.
  const cell: Cell = [[7, -1], [8, -12], [9, -13], [10, -14], [11, -15]];
  const found = scoreClasses(mapOf([2, 2], 5, () => cell), { ...SHAPE, k: 5, grid: [2, 2] });
  assertEquals(found.length, 1);
  assert(found[0].score > 0.99);
});

Deno.test("scoreClasses() says nothing of a picture of which no cell says anything, and is right for one class", () => {
  const shape: Shape = { ...SHAPE, k: 5, grid: [3, 3] };
  assertEquals(scoreClasses(mapOf([3, 3], 5, (y, x) => nothing(3 * y + x)), shape), []);
  assertEquals(scoreClasses(mapOf([1, 2], 1, () => [[0, -3]]), { classes: 1, k: 1, grid: [1, 2], dtype: "fp32" }), [
    { class: 0, score: 1 },
  ]);
});

Deno.test("scoreClasses() does not change where cells change places, and looks at 5 ranks only", () => {
  const metadata = fixtureMetadata("fp32");
  const { k, grid } = metadata;
  const cells = grid[0] * grid[1];
  const random = generator(3);
  for (const row of fixtureRows("fp32").slice(0, 16)) {
    const order = Array.from({ length: cells }, (_, cell) => cell).sort(() => random() - 0.5);
    const moved = <Values extends Uint16Array | Float32Array>(values: Values) =>
      values.map((_, place) => values[Math.floor(place / cells) * cells + order[place % cells]]) as Values;
    const expected = scoreClasses(row, metadata);
    const shuffled = scoreClasses(
      { class: moved(row.class as Uint16Array), score: moved(row.score as Float32Array) },
      metadata,
    );
    assertEquals(shuffled.map((one) => one.class), expected.map((one) => one.class));
    shuffled.forEach(({ score }, index) => assertAlmostEquals(score, expected[index].score, 1e-12));
    const more = {
      class: Uint16Array.from([...row.class, ...row.class.subarray(0, 2 * cells)]),
      score: Float32Array.from([...row.score, ...new Float32Array(2 * cells)]),
    };
    assertEquals(scoreClasses(more, { ...metadata, k: k + 2 }), expected);
  }
});

Deno.test("scoreClasses() of 8-bit scores is nearly that of float32", () => {
  const metadata = fixtureMetadata("fp32");
  for (const dtype of ["fp16", "fp8_e4m3"] as const) {
    fixtureRows(dtype).slice(0, 32).forEach((row, index) => {
      const exact = multiLabel(fixtureRows("fp32")[index], metadata, 0.5).map((one) => one.class);
      const found = scoreClasses(row, { ...metadata, dtype });
      for (const wanted of exact) {
        assert(
          (found.find((one) => one.class === wanted)?.score ?? 0) > 0.3,
          `${dtype}, map ${index}, class ${wanted}`,
        );
      }
    });
  }
});

Deno.test("multiLabel() takes the threshold it is given", () => {
  const metadata = smallMetadata({ k: 1, grid: [1, 2] });
  const map = { class: Uint16Array.from([3, 4]), score: quantise(Float32Array.from([6, 5]), "fp32") };
  const [first, second] = scoreClasses(map, metadata);
  assertEquals(multiLabel(map, metadata, (first.score + second.score) / 2).map((one) => one.class), [first.class]);
  assertEquals(multiLabel(map, metadata, 0).length, 2);
  assertEquals(multiLabel(map, metadata, 1), []);
});

Deno.test("scoreClasses() of independent classes asks every class of a cell, and takes the mean where it is strongest", () => {
  // 5 x 10 cells, of which the twenty-fifth are two.
  const grid = [5, 10] as const;
  const map = { class: new Uint16Array(100), score: new Float32Array(100).fill(-20) };
  map.class.fill(1, 50);
  map.class[53] = 7;
  map.score.set([2, 1, 3], 0);
  map.score.set([0, -1, -2, 5], 50);
  const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
  const metadata = { k: 2, grid, classes: 9, dtype: "fp32", scores: "sigmoid", floor: -6 } as const;
  const found = scoreClasses(map, metadata);
  assertEquals(found.map((one) => one.class), [0, 7, 1]);
  const expected = [(sigmoid(2) + sigmoid(3)) / 2, sigmoid(5) / 2, (sigmoid(0) + sigmoid(-1)) / 2];
  found.forEach(({ score }, place) => assertAlmostEquals(score, expected[place], 1e-6));
  assertEquals(multiLabel(map, metadata, 0.5).map((one) => one.class), [0]);
});

Deno.test("scoreClasses() of probabilities takes the largest, and finds nothing where there is nothing", () => {
  const map = { class: Uint16Array.of(3, 3, 5, 5), score: Float32Array.of(0, 0.25, 0, 1) };
  const metadata = { k: 2, grid: [1, 2], classes: 9, dtype: "fp32", scores: "presence" } as const;
  assertEquals(scoreClasses(map, metadata), [{ class: 5, score: 1 }, { class: 3, score: 0.25 }]);
  assertEquals(scoreClasses({ ...map, score: new Float32Array(4) }, metadata), []);
});
