import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { canvasOf } from "../../../../pipeline/reproduce/canvases/canvas.ts";
import { garmentClasses, readGarments } from "../../../../pipeline/reproduce/canvases/garments.ts";
import type { PhotographParts } from "../../../../pipeline/reproduce/canvases/photographs.ts";
import { writeFashion } from "./small_fashion.ts";

let files: Promise<PhotographParts> | undefined;

async function canvas(index: number, leastObjects = 2, mostObjects = 4) {
  const { train: photographs } = await (files ??= readGarments(writeFashion({ train: 200, test: 10 })));
  const range = [100, 200] as const;
  return canvasOf({ seed: 0, split: "train", index, photographs, range, side: 64, leastObjects, mostObjects });
}

Deno.test("canvasOf() shows two to four garments of distinct classes, and its label names one of them", async () => {
  const counts = new Set<number>();
  const labels = new Set<number>();
  for (let index = 0; index < 60; index++) {
    const { boxes, mask, shares, label, key } = await canvas(index);
    const shown = [...new Set(mask)].filter((value) => value > 0).map((value) => value - 1).sort((a, b) => a - b);
    assertEquals(boxes.map(({ index }) => index).sort((a, b) => a - b), shown);
    assert(shown.includes(label));
    assertEquals(shares, boxes.map(() => 1 / boxes.length));
    assertEquals(key, `${garmentClasses[label]}/${String(index).padStart(5, "0")}.png`);
    for (const { top, left, height, width } of boxes) {
      assert(top >= 0 && left >= 0 && top + height <= 1 && left + width <= 1 && height > 0 && width > 0);
      assert(height <= 30 / 64 && width <= 30 / 64);
    }
    counts.add(boxes.length);
    labels.add(boxes.findIndex(({ index }) => index === label));
  }
  assertEquals([...counts].sort(), [2, 3, 4]);
  assertEquals([...labels].sort(), [0, 1, 2, 3]);
});

Deno.test("canvasOf() gives the same canvas again, and paints in grey what the mask says over what is behind it", async () => {
  const [one, again, other] = [await canvas(5, 1, 1), await canvas(5, 1, 1), await canvas(6, 1, 1)];
  const pixels = one.paint();
  assertEquals(again.paint(), pixels);
  assertNotEquals(other.paint(), pixels);
  assertEquals(pixels.length, 64 * 64 * 3);
  assert(pixels.every((value, sample) => value === pixels[sample - sample % 3]));
  // The garments of the small data set are of one brightness, 120 and ten for each label.
  const label = [
    "tshirt_top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle_boot",
  ]
    .indexOf(garmentClasses[one.label]);
  const inside = Array.from(one.mask, (value, pixel) => value > 0 ? pixels[3 * pixel] : -1).filter((value) =>
    value >= 0
  );
  assert(inside.filter((value) => value === 120 + 10 * label).length > inside.length / 2);
});
