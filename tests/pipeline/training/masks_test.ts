import { assertEquals, assertThrows } from "@std/assert";
import { classesInCrop } from "../../../pipeline/training/masks.ts";
import { HORIZONTAL_FLIP, rotation } from "../../../kernels/operations/label_pooling/mod.ts";

/** A mask from its rows, a digit a pixel. */
function mask(...rows: string[]) {
  const values = [...rows.join("")].map(Number);
  return {
    width: rows[0].length,
    height: rows.length,
    pixels: Uint8Array.from(values.flatMap((value) => [value, value, value])),
  };
}

/** Class 0 is a small object at the top left, class 1 fills the right half, class 2 is one pixel. */
const MASK = mask(
  "11002222",
  "11002222",
  "00002222",
  "00302222",
);
const OPTIONS = { classes: 4, share: 0.25 };
const crop = (top: number, left: number, height: number, width: number) => ({ top, left, height, width });

Deno.test("classesInCrop() finds the classes of the whole image", () => {
  assertEquals([...classesInCrop(MASK, crop(0, 0, 1, 1), OPTIONS)], [1, 1, 1, 0]);
});

Deno.test("classesInCrop() leaves out classes of which too little is in the crop", () => {
  // One of four pixels, then none; two of sixteen pixels, which are a third of the crop.
  assertEquals([...classesInCrop(MASK, crop(0, 0.125, 1, 0.125), OPTIONS)], [1, 0, 0, 0]);
  assertEquals([...classesInCrop(MASK, crop(0, 0.125, 1, 0.125), { ...OPTIONS, share: 0.51 })], [0, 0, 0, 0]);
  assertEquals([...classesInCrop(MASK, crop(0.5, 0.25, 0.25, 0.375), OPTIONS)], [0, 1, 0, 0]);
  assertEquals([...classesInCrop(MASK, crop(0.5, 0.25, 0.25, 0.375), { ...OPTIONS, share: 0.34 })], [0, 0, 0, 0]);
});

Deno.test("classesInCrop() finds the part of a large object that fills the crop", () => {
  // Two of sixteen pixels, and all of the crop.
  assertEquals([...classesInCrop(MASK, crop(0, 0.75, 0.25, 0.25), { ...OPTIONS, share: 0.9 })], [0, 1, 0, 0]);
});

Deno.test("classesInCrop() finds in a mirror image what is in the crop", () => {
  for (const place of [crop(0, 0, 1, 1), crop(0, 0, 0.5, 0.5), crop(0.25, 0.2, 0.7, 0.8)]) {
    assertEquals(
      classesInCrop(MASK, { ...place, warp: HORIZONTAL_FLIP }, OPTIONS),
      classesInCrop(MASK, place, OPTIONS),
    );
  }
});

Deno.test("classesInCrop() leaves out what is turned out of the frame", () => {
  const corners = mask("10000002", "00000000", "00000000", "00000000", "00000000", "00000000", "00000000", "20000001");
  const whole = crop(0, 0, 1, 1);
  assertEquals([...classesInCrop(corners, whole, { classes: 2, share: 0.5 })], [1, 1]);
  assertEquals([...classesInCrop(corners, { ...whole, warp: rotation(45) }, { classes: 2, share: 0.5 })], [0, 0]);
  assertEquals([...classesInCrop(corners, { ...whole, warp: rotation(90) }, { classes: 2, share: 0.5 })], [1, 1]);
});

Deno.test("classesInCrop() leaves out what one step moved out of the frame and the next would have moved back", () => {
  const halves = mask("12", "12");
  const place = { ...crop(0, 0, 1, 1), warp: [1, 0, 0, 0, 1, 0] } as const;
  const classes = { classes: 2, share: 0.5 };
  assertEquals([...classesInCrop(halves, place, classes)], [1, 1]);
  for (const [shift, expected] of [[0.5, [1, 0]], [-0.5, [0, 1]], [0.1, [1, 1]], [1, [0, 0]]] as const) {
    const frames = [[1, 0, 0, 0, 1, 0], [1, 0, shift, 0, 1, 0]] as const;
    assertEquals([...classesInCrop(halves, { ...place, frames }, classes)], [...expected], `moved by ${shift}`);
  }
});

Deno.test("classesInCrop() refuses a class that there is not", () => {
  assertThrows(
    () => classesInCrop(MASK, crop(0, 0, 1, 1), { classes: 2, share: 0.25 }),
    RangeError,
    "it has 3 at row 3, column 2, and there are 2 classes",
  );
});
