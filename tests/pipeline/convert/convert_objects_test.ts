import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { dequantise, openLabelMaps } from "../../../formats/labels/mod.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { contents, runTask } from "../task.ts";

/** Annotations of two images of 4 x 6: a car that covers the left half, a person in the lower half twice, and a crowd. */
const ANNOTATIONS = {
  images: [
    { id: 20, file_name: "train/b.jpg", height: 4, width: 6 },
    { id: 10, file_name: "train/a.jpg", height: 4, width: 6 },
    { id: 30, file_name: "train/c.jpg", height: 4, width: 6 },
  ],
  annotations: [
    { id: 1, image_id: 20, category_id: 3, iscrowd: 0, segmentation: [[0, 0, 3, 0, 3, 4, 0, 4]] },
    { id: 2, image_id: 20, category_id: 1, iscrowd: 0, segmentation: [[0, 2, 6, 2, 6, 4, 0, 4]] },
    { id: 3, image_id: 20, category_id: 1, iscrowd: 0, segmentation: [[2, 2, 6, 2, 6, 4, 2, 4]] },
    { id: 4, image_id: 10, category_id: 9, iscrowd: 1, segmentation: { size: [4, 6], counts: [23, 1] } },
  ],
  categories: [{ id: 9, name: "boat" }, { id: 1, name: "person" }, { id: 3, name: "car" }, { id: 50, name: "spoon" }],
};

function write(value: unknown): { path: string; output: string } {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "instances_small.json");
  Deno.writeTextFileSync(path, JSON.stringify(value));
  return { path, output: join(folder, "out") };
}

async function read(path: string) {
  const labelMaps = await openLabelMaps(path);
  const rows = await Array.fromAsync(labelMaps.rows());
  const { metadata, classes, dataSetClasses } = labelMaps;
  labelMaps.close();
  const { k, grid: [height, width] } = metadata;
  const maps = rows.map((row) => {
    const scores = dequantise(row.score, metadata.dtype);
    // The scores of each class, which every cell names once.
    return Array.from({ length: metadata.classes }, (_, index) =>
      Array.from({ length: height * width }, (_, cell) => {
        const ranks = Array.from({ length: k }, (_, rank) => rank * height * width + cell);
        assertEquals(new Set(ranks.map((at) => row.class[at])).size, k);
        const found = ranks.find((at) => row.class[at] === index);
        return found === undefined ? 0 : scores[found];
      }));
  });
  return { rows, maps, metadata, classes, dataSetClasses };
}

Deno.test("deno task convert makes of COCO's annotations the masks themselves at the grid of the pixels", async () => {
  const { path, output } = write(ANNOTATIONS);
  const { code, error } = await runTask("convert", path, output, "--grid", "4x6");
  assertEquals(code, 0, error);
  assertStringIncludes(
    error,
    "3 images with 4 objects (1 crowd, counted as their class) of 4 categories, 4 x 6 cells, parquet",
  );
  const { rows, maps, metadata, classes, dataSetClasses } = await read(output);
  assertEquals(
    rows.map(({ key, label, width, height }) => [key, label, width, height]),
    [["train/b.jpg", null, 6, 4], ["train/a.jpg", null, 6, 4], ["train/c.jpg", null, 6, 4]],
  );
  assertEquals([classes?.name, dataSetClasses?.name], [["person", "car", "boat", "spoon"], [
    "person",
    "car",
    "boat",
    "spoon",
  ]]);
  assertEquals([metadata.scores, metadata.presence, metadata.dtype, metadata.k], ["presence", "any", "fp8_e4m3", 2]);
  assertEquals([metadata.annotator.name, metadata.annotator.sha256.length], ["instances_small", 64]);
  const picture = (test: (x: number, y: number) => boolean) =>
    Array.from({ length: 24 }, (_, cell) => test(cell % 6, Math.floor(cell / 6)) ? 1 : 0);
  const none = picture(() => false);
  assertEquals(maps[0], [picture((_, y) => y >= 2), picture((x) => x < 3), none, none]);
  assertEquals(maps[1], [none, none, picture((x, y) => x === 5 && y === 3), none]);
  assertEquals(maps[2], [none, none, none, none]);
  assertEquals([...rows[0].topClass], [0, 1, 2, 3]);
  assertEquals([...rows[0].topProbability], [0.5, 0.5, 0, 0]);
});

Deno.test("of a coarse grid a cell holds 1 for any part of a class, or the class's share of the cell", async () => {
  const { path, output } = write(ANNOTATIONS);
  const any = await runTask("convert", path, output, "--grid", "1x4", "--quiet");
  assertEquals([any.code, any.out, any.error], [0, "", ""]);
  assertEquals((await read(output)).maps[0].slice(0, 2), [[1, 1, 1, 1], [1, 1, 0, 0]]);
  const share = await runTask("convert", path, `${output}-2`, "--grid", "1x4", "--presence", "share", "--top-k", "1");
  assertEquals(share.code, 0, share.error);
  const { maps, metadata } = await read(`${output}-2`);
  assertEquals([metadata.dtype, metadata.k, metadata.presence], ["fp16", 1, "share"]);
  // The car covers the left half, and so comes before the person, of whom cells there have half.
  assertEquals(maps[0].slice(0, 2), [[0, 0, 0.5, 0.5], [1, 1, 0, 0]]);
  assertAlmostEquals(maps[1][2][3], 1 / 6, 1e-4);
});

Deno.test("an image with an object that cannot be understood is rejected by name, and stops with --strict", async () => {
  const annotations = structuredClone(ANNOTATIONS);
  (annotations.annotations[3].segmentation as { counts: number[] }).counts[1] = 2;
  const { path, output } = write(annotations);
  const { code, out } = await runTask("convert", path, output, "--grid", "2");
  assertEquals(code, 0);
  assertStringIncludes(out, "2 images, 1 rejected");
  const rejected = JSON.parse(Deno.readTextFileSync(join(output, "rejected.jsonl")));
  assertEquals([rejected.index, rejected.key], [1, "train/a.jpg"]);
  assertStringIncludes(rejected.reason, "its counts are of more than 24 pixels, the image has 24, 6 x 4");
  const strict = await runTask("convert", path, `${output}-2`, "--strict", "--quiet");
  assertEquals(strict.code, 1);
  assertMatch(strict.error, /^Cannot use annotations\[3\] \(id 4\) of ".*": its counts/);
});

Deno.test("masks of one class per pixel become the same maps, under the names of their images", async () => {
  const folder = Deno.makeTempDirSync();
  for (const name of ["masks/car", "masks/person", "images/car", "images/person"]) {
    Deno.mkdirSync(join(folder, name), { recursive: true });
  }
  // Class 1 in the left half, class 0 in the lower right quarter, nothing above it.
  const pixels = Uint8Array.from({ length: 24 }, (_, at) => at % 6 < 3 ? 2 : at >= 12 ? 1 : 0);
  Deno.writeFileSync(join(folder, "masks/car/1.png"), encodePng(pixels, { width: 6, height: 4, channels: 1 }));
  Deno.writeFileSync(
    join(folder, "masks/person/1.png"),
    encodePng(pixels.map((value) => 2 * value), {
      width: 6,
      height: 4,
      channels: 1,
    }),
  );
  for (const name of ["car", "person"]) Deno.writeFileSync(join(folder, `images/${name}/1.jpeg`), new Uint8Array(1));
  const options = ["--from", "masks", "--images", join(folder, "images"), "--grid", "2x3"];
  const output = join(folder, "out");
  const { code, out } = await runTask("convert", join(folder, "masks"), output, ...options, "--classes", "2");
  assertEquals(code, 0);
  assertStringIncludes(out, "it has 4 at row 0, column 0, and there are 2 classes");
  const { rows, maps, metadata, dataSetClasses } = await read(output);
  assertEquals(rows.map(({ key, label }) => [key, label]), [["car/1.jpeg", 0]]);
  assertEquals(maps[0], [[0, 0, 0, 0, 1, 1], [1, 1, 0, 1, 1, 0]]);
  assertEquals([metadata.k, metadata.scores, dataSetClasses?.name], [2, "presence", ["car", "person"]]);
});

Deno.test("a conversion of annotations goes on where it stopped, and is refused for another grid", async () => {
  const { path, output } = write(ANNOTATIONS);
  const options = ["--rows-per-file", "1", "--grid", "3", "--quiet"];
  assertEquals((await runTask("convert", path, output, ...options)).code, 0);
  const whole = contents(output);
  const manifest = Deno.readTextFileSync(join(output, "manifest.json")).split("\n");
  const without = manifest.filter((line) => !line.includes("part-00002"));
  const last = without.findIndex((line) => line.includes("part-00001"));
  without[last] = without[last].replace(/,$/, "");
  Deno.writeTextFileSync(join(output, "manifest.json"), without.join("\n"));
  assertEquals((await runTask("convert", path, output, ...options)).code, 0);
  assertEquals(contents(output), whole);
  const other = await runTask("convert", path, output, "--rows-per-file", "1", "--grid", "2", "--quiet");
  assertEquals(other.code, 1);
  assertStringIncludes(other.error, "it was begun with maps of 3x3, not 2x2");
});

Deno.test("options that are not for objects, or for objects alone, are refused by name", async () => {
  const { path, output } = write(ANNOTATIONS);
  const refusals: [string[], string][] = [
    [[path, output, "--layout", "hw"], "Cannot use --layout with"],
    [[path, output, "--classes", "4"], "Cannot use --classes with"],
    [[path, output, "--to", "pt"], "to pt: convert its label maps"],
    [[output, output, "--grid", "4"], "Cannot use --grid with"],
  ];
  for (const [args, message] of refusals) {
    const { code, error } = await runTask("convert", ...args);
    assertEquals(code, 2, error);
    assertStringIncludes(error, message);
  }
  const { code, error } = await runTask("convert", path, output, "--top-k", "5");
  assertEquals(code, 1);
  assert(error.includes("Cannot keep the 5 best classes of each cell: there are 4"), error);
});
