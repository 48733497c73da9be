import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { decodeImage } from "../../../formats/images/mod.ts";
import { imageSize } from "../../../formats/images/image_size.ts";

const KINDS = "tests/fixtures/images/kinds";

/** What Pillow makes of a file, in base64: the pixels as stored, and turned as its orientation says. */
type Expected =
  | { width: number; height: number; pixels: string; orientation?: number; turned?: string }
  | { error: string };

const expected: Record<string, Expected> = JSON.parse(await Deno.readTextFile(`${KINDS}/expected.json`));

/** Files that lie in a folder, whether anything is known of them or not. */
function filesOf(folder: string): string[] {
  return [...Deno.readDirSync(`${KINDS}/${folder}`)].map(({ name }) => `${folder}/${name}`).sort();
}

function pillowOf(name: string): Exclude<Expected, { error: string }> {
  const found = expected[name];
  assert(found, `run make.py --expected in ${KINDS}: it does not know ${name}`);
  if ("error" in found) throw new Error(`Pillow refuses ${name}: it belongs into "refused"`);
  return found;
}

/** The largest difference of a sample, and the mean. */
function difference(found: Uint8Array, pillow: string): { largest: number; mean: number } {
  const want = Uint8Array.fromBase64(pillow);
  assertEquals(found.length, want.length);
  const differences = found.map((sample, index) => Math.abs(sample - want[index]));
  return { largest: Math.max(...differences), mean: differences.reduce((sum, one) => sum + one, 0) / found.length };
}

for (const name of filesOf("read")) {
  Deno.test(`decodeImage() gives Pillow's pixels for ${name}`, async () => {
    const bytes = await Deno.readFile(`${KINDS}/${name}`);
    const { width, height, pixels, orientation, turned } = pillowOf(name);
    const stored = await decodeImage(bytes);
    assertEquals([stored.width, stored.height, stored.orientation], [width, height, orientation]);
    assertEquals(stored.pixels, Uint8Array.fromBase64(pixels));
    assertEquals(imageSize(bytes), { width, height });
    const shown = await decodeImage(bytes, { exifOrientation: true });
    const isTransposed = (orientation ?? 1) > 4;
    assertEquals([shown.width, shown.height], isTransposed ? [height, width] : [width, height]);
    assertEquals(shown.pixels, Uint8Array.fromBase64(turned ?? pixels));
    assertEquals(imageSize(bytes, { exifOrientation: true }), { width: shown.width, height: shown.height });
  });
}

for (const name of filesOf("near")) {
  Deno.test(`decodeImage() is as near to Pillow's pixels as it says for ${name}`, async () => {
    const bytes = await Deno.readFile(`${KINDS}/${name}`);
    const { width, height, pixels, orientation, turned } = pillowOf(name);
    const stored = await decodeImage(bytes);
    assertEquals([stored.width, stored.height, stored.orientation], [width, height, orientation]);
    // Where there is less chroma than luma, it is repeated here and interpolated there.
    const isSubsampled = /42[02]|alpha/.test(name);
    const most = isSubsampled ? { largest: 64, mean: 16 } : { largest: 2, mean: 1 };
    const far = difference(stored.pixels, pixels);
    assert(far.largest <= most.largest && far.mean <= most.mean, JSON.stringify(far));
    if (turned) {
      const shown = await decodeImage(bytes, { exifOrientation: true });
      assert(difference(shown.pixels, turned).largest <= most.largest);
    }
  });
}

for (const name of filesOf("refused")) {
  Deno.test(`decodeImage() refuses ${name} in one sentence`, async () => {
    const bytes = await Deno.readFile(`${KINDS}/${name}`);
    const { message } = await assertRejects(() => decodeImage(bytes), Error);
    assertMatch(message, /^Cannot decode (image|[A-Z][A-Za-z]+( of \d+ x \d+ pixels)?): [^\n]*[^\n.]$/);
  });
}

/** Sentences word for word, three of each kind. */
const sentences: Record<string, string> = {
  "tiff_ycbcr_21.tif":
    "Cannot decode TIFF of 13 x 11 pixels: YCbCr with fewer chroma samples is read only if it is compressed",
  "tiff_cielab.tif": "Cannot decode TIFF of 13 x 11 pixels: CIELab with 3 samples of 8 bits is not read",
  "tiff_zstd.tif": "Cannot decode TIFF of 13 x 11 pixels: its compression, ZSTD (number 50000), is not read",
  "jpeg_12_bits.jpg": "Cannot decode JPEG of 13 x 11 pixels: its samples have 12 bits",
  "jpeg_lossless.jpg": "Cannot decode JPEG of 13 x 11 pixels: it is lossless",
  "jpeg_ls.jpg": "Cannot decode JPEG of 13 x 11 pixels: it is JPEG-LS",
  "heic.heic": "Cannot decode image: it is HEIC, which is not read; convert it to PNG or JPEG",
  "heif_mif1.heif": "Cannot decode image: it is HEIC, which is not read; convert it to PNG or JPEG",
  "svg_named.png": "Cannot decode image: it is SVG, which is not read; convert it to PNG or JPEG",
  "jpeg_xl.jxl": "Cannot decode image: it is JPEG XL, which is not read; convert it to PNG or JPEG",
  "avif_animated.avif": "Cannot decode AVIF of 13 x 11 pixels: it is an animation",
  "png_wrong_text_checksum.png": "Cannot decode PNG of 13 x 11 pixels: the checksum of its chunk tEXt is wrong",
  "bmp_444.bmp": "Cannot decode BMP of 13 x 11 pixels: its masks f00 f0 f are not read",
  "pnm_p2_above_maximum.pnm": 'Cannot decode PNM of 13 x 11 pixels: "19" is no sample',
};

Deno.test("decodeImage() says of what it refuses what that is", async () => {
  for (const [name, sentence] of Object.entries(sentences)) {
    const bytes = await Deno.readFile(`${KINDS}/refused/${name}`);
    assertEquals((await assertRejects(() => decodeImage(bytes), Error)).message, sentence);
  }
});
