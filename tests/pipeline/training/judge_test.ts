import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type Judge, judgeLabels, judgeMultiLabels } from "../../../pipeline/training/judge.ts";
import { shareOf } from "../../../pipeline/command/shared_work.ts";
import { randomValues } from "../../kernels/tensors.ts";
import { runSimulated } from "../command/simulated_ranks.ts";

const CLASSES = 3;
const IMAGES = 7;
const logitsOf = (place: number) => Float32Array.from(randomValues(CLASSES, place, 3));
const TRUTHS = Array.from(
  { length: IMAGES },
  (_, place) => ({ present: [place % CLASSES, ...place % 2 ? [] : [2]], unknown: place === 3 ? [1] : [] }),
);
const FOCUS = { gammaNegative: 4, gammaPositive: 1, margin: 0.05 };

const judges: Record<string, () => Judge> = {
  labels: () => judgeLabels(Array.from({ length: IMAGES }, (_, place) => place % CLASSES)),
  "several classes": () => judgeMultiLabels(TRUTHS, { classes: CLASSES, reduction: "sum" }),
  "several classes by asymmetric loss": () => judgeMultiLabels(TRUTHS, { classes: CLASSES, focus: FOCUS }),
};

for (const [name, judge] of Object.entries(judges)) {
  Deno.test(`three ranks find of ${name} what one finds, without an image that cannot be decoded`, async () => {
    const add = (judge: Judge, start: number, end: number) => {
      for (let place = start; place < end; place++) if (place !== 2) judge.add(place, logitsOf(place));
    };
    const alone = judge();
    add(alone, 0, IMAGES);
    const expected = Object.entries(await alone.finish(undefined) ?? {});
    assert(expected.length > 2 && expected.every(([, value]) => Number.isFinite(value)));
    const found = await runSimulated(3, async (ranks) => {
      const own = judge();
      const { start, end } = shareOf(ranks, IMAGES);
      add(own, start, end);
      return Object.entries(await own.finish(ranks) ?? {});
    });
    for (const result of found) {
      const values = result.status === "fulfilled" ? result.value : [];
      assertEquals(values.map(([measure]) => measure), expected.map(([measure]) => measure));
      values.forEach(([, value], at) => assertAlmostEquals(value, expected[at][1], 1e-9));
    }
  });

  Deno.test(`${name}: without an image nothing is found`, async () => {
    assertEquals(await judge().finish(undefined), undefined);
  });
}

Deno.test("judgeMultiLabels() adds up the losses of classes that are known", async () => {
  const judge = judgeMultiLabels([{ present: [0], unknown: [2] }], { classes: 3, reduction: "sum" });
  judge.add(0, Float32Array.of(2, -1, 5));
  const { loss } = (await judge.finish(undefined))!;
  assertAlmostEquals(loss, Math.log1p(Math.exp(-2)) + Math.log1p(Math.exp(-1)), 1e-12);
});
