import { assert, assertEquals, assertRejects } from "@std/assert";
import sharp from "sharp";
import { decodeImage } from "../../../formats/images/mod.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { thumbnail } from "../../../pipeline/pictures/thumbnail.ts";

const FIXTURES = "tests/fixtures/images/decode";

/** An image of four quarters: red, green, blue and white, row by row. */
function quarters(width: number, height: number): Uint8Array<ArrayBuffer> {
  const colours = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]];
  const pixels = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      pixels.set(colours[2 * Number(y >= height / 2) + Number(x >= width / 2)], 3 * (y * width + x));
    }
  }
  return new Uint8Array(encodePng(pixels, { width, height, channels: 3 }));
}

Deno.test("thumbnail() fits an image into a square, and enlarges none", async () => {
  const sizes: [number, number, number, number][] = [[400, 200, 100, 50], [30, 90, 30, 90], [90, 1200, 8, 100]];
  for (const [width, height, expectedWidth, expectedHeight] of sizes) {
    const small = await sharp(await thumbnail(quarters(width, height), { side: 100 })).metadata();
    assertEquals([small.format, small.width, small.height], ["webp", expectedWidth, expectedHeight]);
  }
});

Deno.test("thumbnail() of a crop shows that part alone, of a JPEG too", async () => {
  const png = quarters(80, 60);
  const jpeg = new Uint8Array(await sharp(png).jpeg({ quality: 100, chromaSubsampling: "4:4:4" }).toBuffer());
  for (const encoded of [png, jpeg]) {
    const crop = { top: 0.5, left: 0, height: 0.5, width: 0.5 };
    const { width, height, pixels } = await decodeImage(await thumbnail(encoded, { side: 100, crop }));
    assertEquals([width, height], [40, 30]);
    const [red, green, blue] = pixels.subarray(3 * (15 * 40 + 20));
    assert(red < 12 && green < 12 && blue > 243, `${red} ${green} ${blue}`);
  }
});

Deno.test("thumbnail() of a crop smaller than a pixel, and of one at the edge, shows a pixel", async () => {
  for (const crop of [{ top: 0, left: 0, height: 0, width: 0 }, { top: 1, left: 1, height: 0, width: 0 }]) {
    const { width, height } = await sharp(await thumbnail(quarters(8, 6), { side: 100, crop })).metadata();
    assertEquals([width, height], [1, 1]);
  }
});

for (
  const name of [
    "jpeg_orientation6.jpg",
    "tiff_orientation6.tif",
    "jpeg_grey.jpg",
    "jpeg_cmyk.jpg",
    "gif_transparent.gif",
    "bmp_palette.bmp",
    "ppm.ppm",
    "png_rgba.png",
    "webp_alpha.webp",
  ]
) {
  Deno.test(`thumbnail() shows ${name} as it is decoded for the annotator`, async () => {
    const encoded = await Deno.readFile(`${FIXTURES}/${name}`);
    const want = await decodeImage(encoded);
    const found = await decodeImage(await thumbnail(encoded, { side: 200 }));
    assertEquals([found.width, found.height], [want.width, want.height]);
    const error = found.pixels.reduce((sum, value, index) => sum + Math.abs(value - want.pixels[index]), 0);
    assert(error / found.pixels.length < 12, `off by ${error / found.pixels.length} on the mean`);
  });
}

for (const name of ["bad_truncated.jpg", "bad_html.jpg", "bad_bomb.png", "bad_truncated.gif", "bad_header_only.jpg"]) {
  Deno.test(`thumbnail() gives the decoder's reason for ${name}`, async () => {
    const encoded = await Deno.readFile(`${FIXTURES}/${name}`);
    const { message } = await assertRejects(() => decodeImage(encoded), Error);
    const error = await assertRejects(() => thumbnail(encoded, { side: 100 }), Error);
    assertEquals(error.message, message);
  });
}

Deno.test("thumbnail() shrinks a large JPEG as it shrinks its pixels", async () => {
  const encoded = await Deno.readFile("assets/photos/single/china.jpg");
  const { width, height, pixels } = await decodeImage(encoded);
  const exact = await sharp(pixels, { raw: { width, height, channels: 3 } }).resize(64, 64, { fit: "inside" }).raw()
    .toBuffer();
  const found = await decodeImage(await thumbnail(encoded, { side: 64 }));
  const error = found.pixels.reduce((sum, value, index) => sum + Math.abs(value - exact[index]), 0);
  assert(error / exact.length < 8, `off by ${error / exact.length} on the mean`);
});
