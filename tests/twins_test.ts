import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** What kernels and formats both need, by a piece of text that says it, and the file that says it. */
const SAID_ONCE: Readonly<Record<string, readonly [piece: RegExp, file: string]>> = {
  "MurmurHash3's rounds": [/0xcc9e2d51/, "formats/base/murmur_hash.ts"],
  "MurmurHash3's last step": [/0xc2b2ae35(?!u)/, "formats/base/murmur_hash.ts"],
  "types of label maps": [/"fp32"[,|\s]+"fp16"[,|\s]+"fp8_e4m3"/, "formats/base/label_map.ts"],
  "arrays of scores": [/fp16: Uint16Array/, "formats/base/label_map.ts"],
  "width of classes": [/65536 \?/, "formats/base/label_map.ts"],
  "layouts of maps": [/"hw" \| "wh"/, "formats/base/label_map.ts"],
  "small number formats": [/mantissa: 10, bias: 15/, "formats/base/number_formats.ts"],
  "pixels of images": [/readonly pixels: Uint8Array;/, "formats/base/pixels.ts"],
  "normal numbers": [/2 \* Math\.PI \* angle/, "formats/base/random.ts"],
};

function textsIn(folder: string): (readonly [file: string, text: string])[] {
  return [...Deno.readDirSync(join(ROOT, folder))].flatMap(({ name, isDirectory }) => {
    const path = `${folder}/${name}`;
    if (isDirectory) return textsIn(path);
    return /\.tsx?$/.test(name) ? [[path, Deno.readTextFileSync(join(ROOT, path))] as const] : [];
  });
}

Deno.test("what kernels and formats both need is said once", () => {
  const texts = ["formats", "kernels", "pipeline"].flatMap(textsIn);
  for (const [what, [piece, file]] of Object.entries(SAID_ONCE)) {
    const found = texts.filter(([, text]) => piece.test(text.replaceAll(/\/\*.*?\*\//gs, ""))).map(([path]) => path);
    assertEquals(found, [file], what);
  }
});
