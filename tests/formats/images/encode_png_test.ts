import { assert, assertEquals, assertThrows } from "@std/assert";
import sharp from "sharp";
import { decodeImage } from "../../../formats/images/mod.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";

Deno.test("encodePng() keeps every pixel of RGB images, and repeats grey ones in the channels when decoded", async () => {
  for (const [width, height] of [[1, 1], [7, 3], [64, 64], [300, 2]]) {
    const colours = Uint8Array.from({ length: width * height * 3 }, (_, index) => index * 89 % 256);
    const decoded = await decodeImage(encodePng(colours, { width, height, channels: 3 }));
    assertEquals([decoded.width, decoded.height], [width, height]);
    assertEquals(decoded.pixels, colours);
    const grey = colours.subarray(0, width * height);
    const { pixels } = await decodeImage(encodePng(grey, { width, height, channels: 1 }));
    assertEquals(pixels, Uint8Array.from(pixels, (_, index) => grey[Math.floor(index / 3)]));
  }
});

Deno.test("encodePng() keeps the colour and opacity of every RGBA pixel, also where nothing is seen", async () => {
  const pixels = Uint8Array.from({ length: 5 * 7 * 4 }, (_, index) => index * 89 % 256).fill(0, 7, 8);
  const png = encodePng(pixels, { width: 5, height: 7, channels: 4 });
  assertEquals(new Uint8Array(await sharp(png).raw().toBuffer()), pixels);
});

Deno.test("encodePng() stores flat areas in little", () => {
  assert(encodePng(new Uint8Array(64 * 64), { width: 64, height: 64, channels: 1 }).length < 150);
});

Deno.test("encodePng() refuses pixels that are not as many as the size says", () => {
  assertThrows(
    () => encodePng(new Uint8Array(11), { width: 2, height: 2, channels: 3 }),
    RangeError,
    "Cannot encode PNG of 2 x 2 pixels and 3 channels: there are 11 bytes",
  );
});
