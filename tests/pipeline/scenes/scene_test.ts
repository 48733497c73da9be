import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { sceneClasses } from "../../../pipeline/scenes/classes.ts";
import { paintScene } from "../../../pipeline/scenes/paint.ts";
import { splits } from "../../../pipeline/scenes/scene_numbers.ts";
import { type Scene, sceneKey, sceneOf } from "../../../pipeline/scenes/scene.ts";
import { signedDistance } from "../../../pipeline/scenes/shapes.ts";

const scenes = Array.from({ length: 2000 }, (_, index) => sceneOf({ seed: 3, split: "test", index }));

/** Pixels of each object in the mask. */
function areas({ mask, objects }: Scene): number[] {
  return objects.map(({ index }) => mask.filter((value) => value === 1 + index).length);
}

Deno.test("sceneOf() shows each of its objects, and nothing else, in the mask", () => {
  for (const scene of scenes) {
    const values = [...new Set(scene.mask)].filter((value) => value > 0).sort((a, b) => a - b);
    assertEquals(values, scene.objects.map(({ index }) => 1 + index).sort((a, b) => a - b));
  }
});

Deno.test("sceneOf() covers as many pixels as the outline encloses", () => {
  const areaOf = sceneClasses.map(({ shape }) => {
    const steps = Array.from({ length: 250 }, (_, index) => (index - 124.5) / 100);
    return steps.flatMap((y) => steps.filter((x) => signedDistance(shape, x, y) < 0)).length / 10_000;
  });
  for (const { objects, coverage } of scenes.slice(0, 500)) {
    for (const [position, { index, x, y, radius }] of objects.entries()) {
      if (Math.min(x, y, 64 - x, 64 - y) < 1.2 * radius) continue;
      const covered = coverage[position].reduce((sum, share) => sum + share, 0);
      assertAlmostEquals(covered / (areaOf[index] * radius * radius), 1, 0.06, sceneClasses[index].name);
    }
  }
});

Deno.test("sceneOf() softens edges: pixels in between are along the outline, one or two wide", () => {
  for (const { objects: [{ index, radius }], coverage: [main] } of scenes) {
    if (sceneClasses[index].shape !== "disk") continue;
    const between = main.filter((share) => share > 0 && share < 1).length;
    // As many as a band one pixel wide around a circle has, at most; some may lie outside the image.
    const band = 2 * Math.PI * 0.92 * radius;
    assert(between > 0.75 * band && between < 1.25 * band, `${between} of ${band}`);
  }
});

Deno.test("sceneOf() puts the main object in front", () => {
  for (const { objects: [{ index }], coverage: [main], mask } of scenes) {
    assertEquals(mask.filter((value) => value === 1 + index).length, main.filter((share) => share >= 0.5).length);
  }
});

Deno.test("sceneOf() puts the smallest boxes around what the mask shows", () => {
  for (const { mask, boxes, objects } of scenes) {
    assertEquals(boxes.map(({ index }) => index), objects.map(({ index }) => index));
    for (const { index, top, left, height, width } of boxes) {
      const pixels = [...mask.keys()].filter((pixel) => mask[pixel] === 1 + index);
      const rows = pixels.map((pixel) => Math.floor(pixel / 64));
      const columns = pixels.map((pixel) => pixel % 64);
      assertEquals([top * 64, (top + height) * 64], [Math.min(...rows), Math.max(...rows) + 1]);
      assertEquals([left * 64, (left + width) * 64], [Math.min(...columns), Math.max(...columns) + 1]);
    }
  }
});

Deno.test("sceneOf() draws labels in proportion to the cubes of areas", () => {
  for (const scene of scenes) {
    const cubes = areas(scene).map((area) => area ** 3);
    const total = cubes.reduce((sum, cube) => sum + cube, 0);
    scene.shares.forEach((share, object) => assertAlmostEquals(share, cubes[object] / total, 1e-9));
  }
  // How often the label is an object of a share, by tenths of it, against what the shares say: four standard errors.
  for (let tenth = 0; tenth < 10; tenth++) {
    let [expected, found, variance] = [0, 0, 0];
    for (const { shares, objects, label } of scenes) {
      shares.forEach((share, object) => {
        if (shares.length === 1 || Math.floor(share * 10) !== tenth) return;
        expected += share;
        variance += share * (1 - share);
        if (objects[object].index === label) found++;
      });
    }
    assert(Math.abs(found - expected) <= 4 * Math.sqrt(variance), `${tenth}: ${found}, expected ${expected}`);
  }
});

Deno.test("sceneOf() and paintScene() depend on seed, split and index, and on nothing else", () => {
  const id = { seed: 1, split: "train", index: 5 } as const;
  const pixels = paintScene(sceneOf(id)).toBase64();
  assertEquals(paintScene(sceneOf(id)).toBase64(), pixels);
  const others = [{ ...id, seed: 2 }, { ...id, seed: 1 + 2 ** 32 }, { ...id, index: 6 }, {
    ...id,
    split: "test" as const,
  }];
  for (const other of others) {
    assertNotEquals(sceneOf(other).objects, sceneOf(id).objects);
    assertNotEquals(paintScene(sceneOf(other)).toBase64(), pixels);
  }
});

Deno.test("sceneKey() names the label and the index", () => {
  const scene = sceneOf({ seed: 1, split: "train", index: 42 });
  assertEquals(sceneKey(scene), `${sceneClasses[scene.label].name}/00042.png`);
});

Deno.test("paintScene() gives what a seed has always given", async () => {
  const hash = async (bytes: Uint8Array<ArrayBuffer>) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex().slice(0, 16);
  const found = [];
  for (const split of splits) {
    const scene = sceneOf({ seed: 0, split, index: 1 });
    found.push([sceneKey(scene), await hash(scene.mask.slice()), await hash(paintScene(scene).slice())]);
  }
  assertEquals(found, [
    ["crescent_striped/00001.png", "fc985a25d33fe550", "6af9d41410476089"],
    ["crescent_striped/00001.png", "c4c8eaa24c631f08", "204e23a101c3dddf"],
    ["star_striped/00001.png", "f9d7cb8147a0a666", "a2554d77e2c27b6d"],
    ["ring_striped/00001.png", "e6745b7245367ca1", "c68e3dec56a18f1e"],
  ]);
});
