import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { concatenate } from "../../../formats/base/bytes.ts";
import { decodeImage } from "../../../formats/images/mod.ts";

const FIXTURES = "tests/fixtures/images";

type Expected = { width: number; height: number; offset: number } | { error: string };

const expected: Record<string, Expected> = JSON.parse(await Deno.readTextFile(`${FIXTURES}/expected.json`));
const packed = await Deno.readFile(`${FIXTURES}/expected.rgb.gz`);
const expectedPixels = new Uint8Array(
  await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer(),
);

for (const [name, want] of Object.entries(expected)) {
  if ("error" in want) continue;
  Deno.test(`decodeImage() gives Pillow's pixels for ${name}`, async () => {
    // Pillow turns TIFF by itself.
    const exifOrientation = name.startsWith("tiff");
    const bytes = await Deno.readFile(`${FIXTURES}/decode/${name}`);
    const { width, height, pixels } = await decodeImage(bytes, { exifOrientation });
    assertEquals([width, height], [want.width, want.height]);
    assertEquals(pixels, expectedPixels.slice(want.offset, want.offset + width * height * 3));
    assertEquals(pixels.buffer.byteLength, pixels.length);
  });
}

const reasons: Record<string, string> = {
  "bad_bomb.png": "Cannot decode PNG of 20000 x 20000 pixels: more than 178956970 in all",
  "bad_empty.jpg": "Cannot decode image: it is empty (0 bytes)",
  "bad_header_only.jpg": "Cannot decode JPEG: it ends early",
  "bad_html.jpg":
    'Cannot decode image: text that begins "<!DOCTYPE html><html><body>404 Not Found" is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM',
  "bad_progressive_truncated.jpg": "Cannot decode JPEG of 31 x 23 pixels: it ends early",
  "bad_svg.png": "Cannot decode image: it is SVG, which is not read; convert it to PNG or JPEG",
  "bad_text.jpg":
    'Cannot decode image: text that begins "This is not the image you are looking fo" is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM',
  "bad_truncated.bmp": "Cannot decode BMP of 31 x 23 pixels: it ends after 1131 of 2262 bytes",
  "bad_truncated.gif": "Cannot decode GIF of 31 x 23 pixels: its 0 bytes of data are too few",
  "bad_truncated.jpg": "Cannot decode JPEG of 31 x 23 pixels: it ends early",
  "bad_truncated.png": "Cannot decode PNG of 31 x 23 pixels: it ends early",
  "bad_truncated.ppm": "Cannot decode PNM of 31 x 23 pixels: it ends after 1076 of 2152 bytes",
  "bad_truncated.tif": "Cannot decode TIFF: it is corrupt, or of a kind that is not read",
  "bad_truncated.webp": "Cannot decode WebP of 31 x 23 pixels: it ends early",
  "bad_zero.gif": "Cannot decode GIF of 0 x 0 pixels: no frame",
  "bad_zero.png": "Cannot decode PNG of 0 x 29 pixels: it is empty",
  "jpeg_no_end_marker.jpg": "Cannot decode JPEG of 31 x 23 pixels: it ends early",
};

for (const [name, want] of Object.entries(expected)) {
  if (!("error" in want)) continue;
  Deno.test(`decodeImage() refuses ${name}, as Pillow does, in one sentence`, async () => {
    const bytes = await Deno.readFile(`${FIXTURES}/decode/${name}`);
    const error = await assertRejects(() => decodeImage(bytes), Error);
    assertEquals(error.message, reasons[name]);
  });
}

const photographs: Record<string, string> = JSON.parse(await Deno.readTextFile(`${FIXTURES}/photographs.json`));

for (const [name, want] of Object.entries(photographs)) {
  Deno.test(`decodeImage() gives Pillow's pixels for the photograph ${name}`, async () => {
    const { pixels } = await decodeImage(await Deno.readFile(`assets/photos/${name}`));
    assertEquals(new Uint8Array(await crypto.subtle.digest("SHA-256", pixels)).toHex(), want);
  });
}

Deno.test("decodeImage() refuses a cut photograph at every tenth of its length", async () => {
  const whole = await Deno.readFile("assets/photos/single/rocket.jpg");
  for (let tenth = 1; tenth < 10; tenth++) {
    const cut = whole.subarray(0, Math.floor(whole.length * tenth / 10));
    const error = await assertRejects(() => decodeImage(cut), Error);
    assertMatch(error.message, /^Cannot decode JPEG.*: it ends early$/);
  }
});

Deno.test("decodeImage() refuses a bomb in every format before it allocates its pixels", async () => {
  const gif = await Deno.readFile(`${FIXTURES}/decode/gif.gif`);
  gif.set([0xff, 0xff, 0xff, 0xff], 6);
  const bmp = await Deno.readFile(`${FIXTURES}/decode/bmp_rgb.bmp`);
  new DataView(bmp.buffer).setInt32(18, 1_000_000, true);
  new DataView(bmp.buffer).setInt32(22, -1_000_000, true);
  const jpeg = await Deno.readFile(`${FIXTURES}/decode/jpeg_444.jpg`);
  const frame = jpeg.findIndex((byte, index) => byte === 0xff && jpeg[index + 1] === 0xc0);
  jpeg.set([0xff, 0xdc, 0xff, 0xdc], frame + 5);
  const pnm = new TextEncoder().encode("P6 100000 100000 255\n");
  const before = Deno.memoryUsage();
  for (
    const [bytes, size] of [[gif, "65535 x 65535"], [bmp, "1000000 x 1000000"], [jpeg, "65500 x 65500"], [
      pnm,
      "100000 x 100000",
    ]] as const
  ) {
    const error = await assertRejects(() => decodeImage(bytes), Error);
    assert(error.message.endsWith(`of ${size} pixels: more than 178956970 in all`), error.message);
  }
  // Their pixels are 12 GB and more; tests of other files may run in this process meanwhile.
  assert(Deno.memoryUsage().rss - before.rss < 2 ** 30);
});

Deno.test("decodeImage() leaves the encoded image as it is", async () => {
  const bytes = await Deno.readFile(`${FIXTURES}/decode/webp_lossy.webp`);
  const copy = bytes.slice();
  await decodeImage(bytes);
  assertEquals(bytes, copy);
});

Deno.test("decodeImage() reads an image in the middle of a larger buffer", async () => {
  for (const name of ["jpeg_420.jpg", "gif.gif", "bmp_rgb.bmp", "ppm.ppm", "png_grey16.png"]) {
    const bytes = await Deno.readFile(`${FIXTURES}/decode/${name}`);
    const larger = new Uint8Array(bytes.length + 200);
    larger.set(bytes, 101);
    assertEquals(await decodeImage(larger.subarray(101, 101 + bytes.length)), await decodeImage(bytes));
  }
});

Deno.test("decodeImage() refuses an image of one very long row or column before anything is made of it", async () => {
  const header = (width: number, height: number) => new TextEncoder().encode(`P4\n${width} ${height}\n`);
  for (const [width, height] of [[89_000_000, 2], [2, 89_000_000], [1_048_577, 1]]) {
    await assertRejects(
      () => decodeImage(header(width, height)),
      Error,
      `Cannot decode PNM of ${width} x ${height} pixels: more than 1048576 in a row or column`,
    );
  }
  const row = concatenate([header(1_048_576, 1), new Uint8Array(131_072)]);
  assertEquals((await decodeImage(row)).pixels.length, 3 * 1_048_576);
});
