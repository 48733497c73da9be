import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { sceneClasses } from "../../../pipeline/scenes/classes.ts";
import { drawLayout } from "../../../pipeline/scenes/scene_layout.ts";
import { sceneNumbers } from "../../../pipeline/scenes/scene_numbers.ts";

const COUNT = 4000;
const layouts = Array.from(
  { length: COUNT },
  (_, index) => drawLayout(sceneNumbers({ seed: 7, split: "train", index }, "layout")),
);
const objects = layouts.flatMap((layout) => layout.objects);

/** Whether values fill a range: none outside, and some near both ends. */
function fills(values: readonly number[], low: number, high: number): boolean {
  const margin = (high - low) / 50;
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  return least >= low && least < low + margin && most <= high && most > high - margin;
}

Deno.test("drawLayout() draws numbers from the ranges of the recipe", () => {
  assert(fills(layouts.map(({ objects: [main] }) => main.radius), 13, 20));
  assert(
    fills(layouts.flatMap(({ objects: [main, ...others] }) => others.map((o) => o.radius / main.radius)), 0.5, 0.85),
  );
  assert(fills(layouts.flatMap(({ background }) => background), 0.1, 0.45));
  assert(fills(objects.flatMap(({ colour }) => colour), 0.3, 1));
  assert(fills(objects.map(({ rotation }) => rotation), 0, 2 * Math.PI));
  const striped = objects.filter(({ stripes }) => stripes);
  assert(fills(striped.map(({ stripes }) => stripes!.period), 5, 7.5));
  assert(fills(striped.map(({ stripes, colour }) => stripes!.colour[1] / colour[1]), 0.2, 0.45));
});

Deno.test("drawLayout() keeps objects apart, in the image, and unlike the background", () => {
  for (const { background, objects } of layouts) {
    assertEquals(new Set(objects.map(({ index }) => index)).size, objects.length);
    for (const [position, { x, y, radius, colour }] of objects.entries()) {
      const nearest = Math.min(x, y, 64 - x, 64 - y);
      assert(nearest >= 0.85 * radius - 1e-9);
      assert(Math.hypot(...colour.map((value, channel) => value - background[channel])) >= 0.6);
      for (const other of objects.slice(0, position)) {
        assert(Math.hypot(x - other.x, y - other.y) > 0.95 * (radius + other.radius));
      }
    }
  }
});

Deno.test("drawLayout() shows one object in a quarter of the images, and fewer than were drawn where there is no room", () => {
  const shares = [1, 2, 3, 4].map((count) => layouts.filter(({ objects }) => objects.length === count).length / COUNT);
  assertAlmostEquals(shares.reduce((sum, share) => sum + share), 1, 1e-9);
  // Four standard errors are 0.027; one that finds no room makes a smaller number more likely.
  assert(shares[0] > 0.25 - 0.027 && shares[0] < 0.35, `${shares}`);
  assert(shares[3] > 0.05 && shares[3] < 0.2 + 0.027, `${shares}`);
});

Deno.test("drawLayout() draws no fewer objects than it is told to", () => {
  const crowded = (least: number) => {
    const counts = Array.from(
      { length: 300 },
      (_, index) => drawLayout(sceneNumbers({ seed: 7, split: "train", index }, "layout"), least).objects.length,
    );
    return counts.filter((count) => count >= 3).length / counts.length;
  };
  // An object that finds no room is left out.
  assert(
    crowded(1) < 0.5 && crowded(3) > 0.75 && crowded(4) > crowded(3),
    `${crowded(1)}, ${crowded(3)}, ${crowded(4)}`,
  );
});

Deno.test("drawLayout() draws all classes equally, and stripes for those that have them", () => {
  const counts = sceneClasses.map((_, index) => objects.filter((object) => object.index === index).length);
  const expected = objects.length / 16;
  // 15 degrees of freedom: above 44.3 once in 10,000 times.
  const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  assert(chiSquare < 44.3, `${chiSquare}`);
  for (const { index, stripes } of objects) assertEquals(stripes !== undefined, sceneClasses[index].isStriped);
});
