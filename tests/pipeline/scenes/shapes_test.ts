import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { sceneClasses, type Shape, shapes } from "../../../pipeline/scenes/classes.ts";
import { signedDistance } from "../../../pipeline/scenes/shapes.ts";
import { compareNatural } from "../../../formats/base/natural_sort.ts";

const STEP = 0.01;
const GRID = Array.from({ length: 260 }, (_, index) => (index - 129.5) * STEP);

function areaOf(shape: Shape): number {
  const inside = GRID.flatMap((y) => GRID.filter((x) => signedDistance(shape, x, y) < 0));
  return inside.length * STEP * STEP;
}

/** The largest change of the distance when the plane is turned. */
function changeByTurning(shape: Shape, angle: number): number {
  const [cosine, sine] = [Math.cos(angle), Math.sin(angle)];
  const points = Array.from({ length: 500 }, (_, index) => [index * 0.618 % 2.4 - 1.2, index * 0.414 % 2.4 - 1.2]);
  return Math.max(...points.map(([x, y]) => {
    const turned = signedDistance(shape, cosine * x - sine * y, sine * x + cosine * y);
    return Math.abs(turned - signedDistance(shape, x, y));
  }));
}

Deno.test("sceneClasses are in the order of class folders", () => {
  const names = sceneClasses.map(({ name }) => name);
  assertEquals(names.length, 16);
  assertEquals(names, names.toSorted(compareNatural));
  assertEquals(names.slice(4, 6), ["disk_plain", "disk_striped"]);
});

Deno.test("signedDistance() encloses the area that geometry gives each shape", () => {
  const lens = (() => {
    // Two circles of radii a and b at distance d: the area in both.
    const [a, b, d] = [0.92, 0.64, 0.42];
    const [forA, forB] = [(d * d + a * a - b * b) / (2 * d * a), (d * d + b * b - a * a) / (2 * d * b)];
    const kite = Math.sqrt((-d + a + b) * (d + a - b) * (d - a + b) * (d + a + b));
    return a * a * Math.acos(forA) + b * b * Math.acos(forB) - kite / 2;
  })();
  const expected: Record<Shape, number> = {
    bar: 2 * 0.8,
    crescent: Math.PI * 0.92 ** 2 - lens,
    disk: Math.PI * 0.92 ** 2,
    plus: 2 * 1.96 * 0.72 - 0.72 ** 2,
    ring: Math.PI * (0.92 ** 2 - 0.46 ** 2),
    square: 1.52 ** 2,
    star: 5 * 1.1 * 0.52 * Math.sin(Math.PI / 5),
    triangle: 3 * Math.sqrt(3) / 4 * 1.15 ** 2,
  };
  for (const shape of shapes) assertAlmostEquals(areaOf(shape), expected[shape], 0.015, shape);
});

Deno.test("signedDistance() has each shape's symmetry and no higher one", () => {
  const turns: Partial<Record<Shape, number>> = { bar: 2, plus: 4, square: 4, star: 5, triangle: 3 };
  for (const [shape, turn] of Object.entries(turns) as [Shape, number][]) {
    assertAlmostEquals(changeByTurning(shape, 2 * Math.PI / turn), 0, 1e-9, shape);
    assert(changeByTurning(shape, Math.PI / turn) > 0.1, shape);
  }
  for (const shape of ["disk", "ring"] as const) assertAlmostEquals(changeByTurning(shape, 1), 0, 1e-9, shape);
  assert(changeByTurning("crescent", Math.PI) > 0.1);
});

Deno.test("signedDistance() leaves a ring's middle and a crescent's bay open, and fills other middles", () => {
  for (const shape of shapes) {
    assertEquals(signedDistance(shape, 0, 0) > 0, shape === "ring" || shape === "crescent", shape);
  }
  assert(signedDistance("crescent", -0.6, 0) < 0);
  assert(signedDistance("crescent", 0.8, 0) > 0);
});

Deno.test("signedDistance() changes by no more than the way between two points, and by all of it along some way", () => {
  for (const shape of shapes) {
    let steepest = 0;
    for (const y of GRID.filter((_, index) => index % 5 === 0)) {
      for (const x of GRID) {
        const change = signedDistance(shape, x + 1e-4, y) - signedDistance(shape, x, y);
        steepest = Math.max(steepest, Math.abs(change) / 1e-4);
      }
    }
    assertAlmostEquals(steepest, 1, 1e-2, shape);
    assert(steepest <= 1 + 1e-6, shape);
  }
});
