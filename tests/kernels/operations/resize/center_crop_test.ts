import { assertEquals, assertThrows } from "@std/assert";
import { centerCrop, resizeReference } from "../../../../kernels/operations/resize/mod.ts";
import { randomValues } from "../../tensors.ts";

Deno.test("centerCrop() gives the sizes and corners of torchvision's Resize and CenterCrop", () => {
  // width, height, shorter side, crop; height and width of the resized image, top and left of the crop.
  const cases = [
    [500, 375, 256, 224, 256, 341, 16, 58],
    [375, 500, 256, 224, 341, 256, 58, 16],
    [256, 256, 256, 224, 256, 256, 16, 16],
    [341, 257, 257, 224, 257, 341, 16, 58],
    [64, 64, 36, 32, 36, 36, 2, 2],
    [1000, 333, 224, 224, 224, 672, 0, 224],
    [333, 1001, 257, 224, 772, 257, 274, 16],
    [225, 224, 257, 224, 257, 258, 16, 17],
  ];
  for (const [width, height, side, crop, ...expected] of cases) {
    const { size, window } = centerCrop(width, height, { cover: [side, side], crop: [crop, crop] });
    assertEquals([...size, window.top, window.left], expected, `${width} x ${height}`);
    assertEquals([window.height, window.width], [crop, crop]);
  }
});

Deno.test("centerCrop() covers a rectangle by the side that is relatively shorter", () => {
  const options = { cover: [40, 80], crop: [30, 60] } as const;
  assertEquals(centerCrop(100, 100, options).size, [80, 80]);
  assertEquals(centerCrop(300, 100, options).size, [40, 120]);
  assertEquals(centerCrop(200, 100, options).size, [40, 80]);
});

Deno.test("centerCrop() refuses a crop that is larger than what is covered", () => {
  assertThrows(
    () => centerCrop(9, 9, { cover: [8, 8], crop: [8, 9] }),
    RangeError,
    "Cannot crop 8 x 9 from an image resized to cover 8 x 8",
  );
});

Deno.test("resizeReference() computes a window to the bits that a crop after the resize leaves", () => {
  const pixels = Uint8Array.from(randomValues(53 * 31 * 3, 5), (value) => value < 0 ? 0 : 255);
  const window = { top: 3, left: 11, height: 17, width: 13 };
  for (const filter of ["nearest", "box", "bilinear", "bicubic", "lanczos"] as const) {
    for (const size of [[23, 39], [31, 53], [40, 61]] as const) {
      const whole = resizeReference(pixels, 53, 31, { size, filter });
      const cropped = Array.from({ length: window.height }, (_, row) => {
        const start = ((window.top + row) * size[1] + window.left) * 3;
        return [...whole.subarray(start, start + window.width * 3)];
      }).flat();
      assertEquals([...resizeReference(pixels, 53, 31, { size, filter, window })], cropped, `${filter} ${size}`);
    }
  }
});
