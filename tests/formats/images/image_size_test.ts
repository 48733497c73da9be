import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { decodeImage } from "../../../formats/images/mod.ts";
import { imageSize } from "../../../formats/images/image_size.ts";

const FOLDER = new URL("../../fixtures/images/decode/", import.meta.url).pathname;

/** Files that end early, which their headers do not say. */
const CUT = /^bad_|no_end_marker/;

Deno.test("imageSize() is the size that decoding gives, in every format", async () => {
  for (const { name } of Deno.readDirSync(FOLDER)) {
    if (CUT.test(name)) continue;
    const bytes = Deno.readFileSync(join(FOLDER, name));
    const { width, height } = await decodeImage(bytes);
    assertEquals(imageSize(bytes), { width, height }, name);
  }
});

Deno.test("imageSize() refuses what is no image, or has no header", () => {
  const sizeOf = (name: string) => imageSize(Deno.readFileSync(join(FOLDER, name)));
  assertThrows(() => sizeOf("bad_text.jpg"), Error, "is no JPEG, PNG");
  assertThrows(() => sizeOf("bad_header_only.jpg"), Error, "Cannot decode JPEG: it ends early");
  assertThrows(() => sizeOf("bad_zero.png"), Error, "Cannot decode PNG of 0 x 29 pixels: it is empty");
});
