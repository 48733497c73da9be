import { assert, assertEquals, assertRejects } from "@std/assert";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { pictureMaker } from "../../../pipeline/report/pictures.ts";

/** Images of one colour, `broken` among them. */
const reader = {
  read(key: string): Promise<Uint8Array<ArrayBuffer>> {
    if (key === "absent") return Promise.reject(new Deno.errors.NotFound("Cannot read image: there is none"));
    if (key === "no decoder") return Promise.reject(new Deno.errors.NotSupported("Cannot load the image decoder"));
    if (key === "broken") return Promise.resolve(new TextEncoder().encode("no image"));
    const pixels = new Uint8Array(40 * 20 * 3).fill(90);
    return Promise.resolve(new Uint8Array(encodePng(pixels, { width: 40, height: 20, channels: 3 })));
  },
  close() {},
};

Deno.test("pictureMaker() gives pictures with their size, or the reason why there is none", async () => {
  const pictures = pictureMaker(reader);
  const picture = await pictures.of("grey", 10);
  if (!("url" in picture)) throw new Error(picture.reason);
  assert(picture.url.startsWith("data:image/webp;base64,"));
  assertEquals([picture.width, picture.height], [10, 5]);
  assertEquals(await pictures.of("absent", 10), { reason: "Cannot read image: there is none" });
  assertEquals(await pictures.of("broken", 10), {
    reason: 'Cannot decode image: text that begins "no image" is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM',
  });
});

Deno.test("pictureMaker() leaves out what does not fit, and takes smaller ones after it", async () => {
  const png = (bytes: number) => new Uint8Array(bytes);
  const pictures = pictureMaker(reader, { room: 1000 });
  const size = { width: 1, height: 1 };
  assert("url" in pictures.png(png(600), size));
  assertEquals(pictures.png(png(600), size), { reason: "It is left out to keep this page small" });
  assert("url" in pictures.png(png(60), size));
  assert("reason" in await pictures.of("grey", 40));
});

Deno.test("pictureMaker() fails where there is no decoder, which is no fault of an image", async () => {
  await assertRejects(() => pictureMaker(reader).of("no decoder", 10), Deno.errors.NotSupported);
});
