import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { scoreClasses } from "../../../../formats/labels/mod.ts";
import { cellClasses, heldClasses, pooledLabels } from "../../../../pipeline/explore/page/pooled.ts";
import { classHeat } from "../../../../pipeline/pictures/heat_map.ts";
import { poolLabels } from "../../../../kernels/operations/label_pooling/mod.ts";
import { generator } from "../../../formats/labels/fixture.ts";
import type { LabelMapBatch } from "../../../../formats/base/label_map.ts";

const BOX = { top: 0.1, left: 0.3, height: 0.4, width: 0.55 };

/** A map of 3 x 5 cells with 4 of 20 classes each. */
function randomMap(seed: number): LabelMapBatch {
  const random = generator(seed);
  const cells = 15;
  const map = new Uint16Array(4 * cells);
  for (let cell = 0; cell < cells; cell++) {
    const classes = Array.from({ length: 20 }, (_, index) => ({ index, place: random() })).sort((a, b) =>
      a.place - b.place
    );
    for (let rank = 0; rank < 4; rank++) map[rank * cells + cell] = classes[rank].index;
  }
  const score = Float32Array.from({ length: 4 * cells }, (_, place) => 6 - 1.5 * Math.floor(place / cells) + random());
  return { count: 1, k: 4, grid: [3, 5], classes: 20, dtype: "fp32", class: map, score };
}

Deno.test("pooledLabels() has the best classes of a crop, best first, and the given one wherever it stands", () => {
  const map = randomMap(1);
  const target = poolLabels(map, [BOX]);
  const best = [...target.keys()].sort((a, b) => target[b] - target[a]);
  const { rows, difference } = pooledLabels([map], { box: BOX, given: best[12] });
  assertEquals(rows.map((row) => row.class), [...best.slice(0, 6), best[12]]);
  assertEquals(rows.map((row) => row.crop), rows.map((row) => [target[row.class]]));
  const whole = poolLabels(map, [{ top: 0, left: 0, height: 1, width: 1 }]);
  assertEquals(rows.map((row) => row.whole), rows.map((row) => [whole[row.class]]));
  assertEquals(difference, null);
});

Deno.test("pooledLabels() of two maps has the best of both, and where they differ most", () => {
  const maps = [randomMap(1), randomMap(2)];
  const [first, second] = maps.map((map) => poolLabels(map, [BOX]));
  const { rows, difference } = pooledLabels(maps, { box: BOX, given: null });
  const bestOfSecond = second.indexOf(Math.max(...second));
  assertEquals(rows.find((row) => row.class === bestOfSecond)?.crop, [first[bestOfSecond], second[bestOfSecond]]);
  const gaps = first.map((value, index) => second[index] - value);
  const largest = gaps.reduce((best, gap, index) => Math.abs(gap) > Math.abs(gaps[best]) ? index : best, 0);
  assertEquals(difference, { class: largest, probability: gaps[largest] });
});

Deno.test("pooledLabels() of a single-label mode has that label and the given one alone", () => {
  const map = randomMap(1);
  const best = poolLabels(map, [BOX], { mode: "local-single" }).indexOf(1);
  const given = (best + 1) % 20;
  const { rows } = pooledLabels([map], { box: BOX, given, mode: "local-single" });
  assertEquals(rows.map((row) => [row.class, ...row.crop]), [[best, 1], [given, 0]]);
});

Deno.test("cellClasses() are the classes of the cell and their probabilities in it", () => {
  const map = randomMap(3);
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 5; column++) {
      const cell = row * 5 + column;
      const classes = cellClasses(map, { row, column }, {});
      assertEquals(classes.map((entry) => entry.class), [0, 1, 2, 3].map((rank) => map.class[rank * 15 + cell]));
      for (const entry of classes) assertAlmostEquals(entry.probability, classHeat(map, entry.class)[cell], 1e-12);
    }
  }
});

Deno.test("heldClasses() are those in any cell of any map, by their score in the first", () => {
  const maps = [randomMap(4), randomMap(5)];
  const held = heldClasses(maps);
  const expected = new Set([...maps[0].class, ...maps[1].class]);
  assertEquals(new Set(held.map((entry) => entry.class)), expected);
  assertEquals(held.length, expected.size);
  const scored = scoreClasses(maps[0], maps[0]);
  assertEquals(held.slice(0, scored.length), scored);
  assert(held.slice(scored.length).every(({ score }) => score === 0));
  assertEquals(heldClasses([]), []);
});
