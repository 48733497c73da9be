import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { encodePng } from "../../formats/images/encode_png.ts";
import { decodeImage } from "../../formats/images/mod.ts";
import { openLabelMaps, readManifests } from "../../formats/labels/mod.ts";
import { thumbnail } from "../../pipeline/pictures/thumbnail.ts";
import { ROOT, runTask } from "./task.ts";

const KINDS = join(ROOT, "tests/fixtures/images/kinds/read");
const ANNOTATOR = join(ROOT, "assets/efficientnet_lite0");

/** Images that carry an orientation, one of them the one that says nothing, and one that carries none. */
const NAMES = [
  "jpeg_orientation_1.jpg",
  "jpeg_orientation_6.jpg",
  "png_orientation_5.png",
  "tiff_orientation_8.tif",
  "webp_lossy.webp",
  "webp_orientation_3.webp",
];

/** Two class folders of images as they are, or turned beforehand and without an orientation. */
async function folderOf(kind: "as they are" | "turned"): Promise<string> {
  const path = Deno.makeTempDirSync();
  for (const [index, name] of NAMES.entries()) {
    const folder = join(path, index < 3 ? "cats" : "dogs");
    Deno.mkdirSync(folder, { recursive: true });
    const bytes = Deno.readFileSync(join(KINDS, name));
    if (kind === "as they are") Deno.writeFileSync(join(folder, name), bytes);
    else {
      const { width, height, pixels } = await decodeImage(bytes, { exifOrientation: true });
      Deno.writeFileSync(join(folder, name), encodePng(pixels, { width, height, channels: 3 }));
    }
  }
  return path;
}

async function relabelled(images: string, ...options: string[]): Promise<{ labels: string; out: string }> {
  const labels = join(Deno.makeTempDirSync(), "labels");
  const { code, out, error } = await runTask("relabel", images, "--out", labels, "--size", "64", ...options);
  assertEquals(code, 0, error);
  return { labels, out };
}

async function rowsOf(labels: string) {
  const labelMaps = await openLabelMaps(labels);
  const rows = await Array.fromAsync(labelMaps.rows());
  labelMaps.close();
  return rows;
}

Deno.test("deno task relabel leaves images as they are stored, counts those that carry an orientation, and turns them if asked", async () => {
  const images = await folderOf("as they are");
  const stored = await relabelled(images);
  assertMatch(
    stored.out,
    /\n {2}turned {5}4 images of this run carry an EXIF orientation and were left as stored: --exif-orientation turns them\n/,
  );
  assertEquals((await rowsOf(stored.labels)).map(({ width, height }) => [width, height]), NAMES.map(() => [13, 11]));
  assert(!("exifOrientation" in readManifests(stored.labels)[0].configuration.metadata));

  const turned = await relabelled(images, "--exif-orientation");
  assertStringIncludes(turned.out, "4 images of this run carry an EXIF orientation and were turned by it");
  assertEquals(readManifests(turned.labels)[0].configuration.metadata.exifOrientation, true);
  const beforehand = await relabelled(await folderOf("turned"));
  assert(!beforehand.out.includes("EXIF"));
  assertEquals(await rowsOf(turned.labels), await rowsOf(beforehand.labels));

  // Nothing is decoded any more, so that there is nothing to count.
  const again = await runTask("relabel", images, "--out", turned.labels, "--size", "64", "--exif-orientation");
  assertEquals([again.code, again.out.includes("EXIF")], [0, false]);
});

Deno.test("a folder of label maps is not gone on with under another rule of orientation", async () => {
  const images = await folderOf("as they are");
  for (const [first, second] of [[[], ["--exif-orientation"]], [["--exif-orientation"], []]]) {
    const { labels } = await relabelled(images, ...first);
    const { code, error } = await runTask("relabel", images, "--out", labels, "--size", "64", ...second);
    assertEquals(code, 1);
    assertMatch(error, /exif-?orientation/i);
  }
});

Deno.test("deno task verify makes label maps again of images turned as they were", async () => {
  const images = await folderOf("as they are");
  const { labels } = await relabelled(images, "--exif-orientation");
  const { code, out, error } = await runTask("verify", labels, "--annotator", ANNOTATOR, "--images", images);
  assertEquals(code, 0, out + error);
  assertStringIncludes(out, "6 images: logits differ by up to 0,");
});

Deno.test("deno task evaluate says how many images carry an orientation, and turns them if asked", async () => {
  const images = await folderOf("as they are");
  const names = join(Deno.makeTempDirSync(), "names.txt");
  Deno.writeTextFileSync(
    names,
    ["cats", "dogs", ...Array.from({ length: 998 }, (_, index) => `other ${index}`)].join("\n"),
  );
  const evaluate = (...options: string[]) =>
    runTask("evaluate", images, "--classes", names, "--size", "64", ...options);
  const stored = await evaluate();
  assertEquals(stored.code, 0, stored.error);
  assertStringIncludes(stored.out, "4 images of this run carry an EXIF orientation and were left as stored");
  const turned = await evaluate("--exif-orientation");
  assertStringIncludes(turned.out, "4 images of this run carry an EXIF orientation and were turned by it");
});

Deno.test("deno task train takes label maps only of images that lie as it sees them", async () => {
  const images = await folderOf("as they are");
  const run = join(Deno.makeTempDirSync(), "run");
  const train = (labels: string, ...options: string[]) =>
    runTask("train", images, "--maps", labels, "--output", run, "--network", "resnet18", "--size", "32", ...options);
  const stored = await relabelled(images);
  const { code, error } = await train(stored.labels, "--exif-orientation");
  assertEquals(code, 1);
  assertStringIncludes(error, "they are of images as they are stored, and --exif-orientation turns these");
  const turned = await relabelled(images, "--exif-orientation");
  assertStringIncludes((await train(turned.labels)).error, "they are of images turned by their EXIF orientation");
});

function distance(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, sample, at) => sum + Math.abs(sample - other[at]), 0) / one.length;
}

Deno.test("thumbnail() shows an image as it lay when its label map was made", async () => {
  for (const name of NAMES) {
    const encoded = Deno.readFileSync(join(KINDS, name));
    for (const exifOrientation of [false, true]) {
      const want = await decodeImage(encoded, { exifOrientation });
      const found = await decodeImage(await thumbnail(encoded, { side: 100, exifOrientation }));
      assertEquals([found.width, found.height], [want.width, want.height], name);
      // A small picture is near what it is of, and of the same size as another picture, if at all, far from that.
      const far = distance(found.pixels, want.pixels);
      assert(far < 40, `${name}: ${far}`);
      const other = await decodeImage(encoded, { exifOrientation: !exifOrientation });
      if (want.orientation === 3) assert(distance(found.pixels, other.pixels) > 2 * far, name);
    }
  }
});
