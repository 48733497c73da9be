import { assert, assertEquals } from "@std/assert";
import { accuracyOf } from "../../bench/presence/accuracy.ts";
import { makeCollages } from "../../bench/presence/collages.ts";
import { readPhotographs } from "../../bench/presence/photographs.ts";

Deno.test("pictures of known things have two to six, no two of one class, and are the same each time", async () => {
  const photographs = await readPhotographs();
  const pictures = makeCollages(photographs, 20);
  assertEquals([...new Set(pictures.map(({ things }) => things.length))].sort(), [2, 3, 4, 5, 6]);
  for (const { image, things } of pictures) {
    const classes = things.flat();
    assertEquals(new Set(classes).size, classes.length);
    assertEquals(image.pixels.length, image.width * image.height * 3);
    assert(image.pixels.some((level, index) => level !== image.pixels[index % 3]));
  }
  assertEquals(makeCollages(photographs, 20), pictures);
});

Deno.test("accuracyOf() counts a thing as found by any right class, and each other class as wrong", () => {
  const image = { width: 1, height: 1, pixels: new Uint8Array(3) };
  const pictures = [{ image, things: [[1, 2], [3]] }, { image, things: [[4]] }];
  const said = (...classes: number[]) => classes.map((value) => ({ class: value, score: 0.5 }));
  const { recall, precision, f1 } = accuracyOf(pictures, [said(1, 2, 9), said(4, 3)], 0.5);
  assertEquals([recall, precision], [2 / 3, 3 / 5]);
  assertEquals(f1, 2 * recall * precision / (recall + precision));
  assertEquals(accuracyOf(pictures, [said(1), said(4)], 0.6), { recall: 0, precision: 1, f1: 0 });
});
