import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { createLabelMapFile, type LabelMapMetadata } from "../../../formats/labels/mod.ts";
import { runTask } from "../task.ts";

const METADATA: LabelMapMetadata = {
  version: 1,
  annotator: { name: "a", sha256: "0", inputSize: [2, 4], mean: [0, 0, 0], std: [1, 1, 1], interpolation: "bilinear" },
  classes: 2,
  k: 2,
  grid: [1, 2],
  dtype: "fp32",
  layout: "hw",
};

/** A data set of four images, 40 x 20 pixels: class a on the left, class b on the right; each of the label of its folder. */
function writeData() {
  const folder = Deno.makeTempDirSync();
  const pixels = Uint8Array.from({ length: 40 * 20 * 3 }, (_, at) => Math.floor(at / 3) % 40 < 20 ? 250 : 40);
  const keys = ["a/1.png", "a/2.png", "b/3.png", "b/4.png"];
  for (const key of keys) {
    Deno.mkdirSync(join(folder, "images", key.slice(0, 1)), { recursive: true });
    Deno.writeFileSync(join(folder, "images", key), encodePng(pixels, { width: 40, height: 20, channels: 3 }));
  }
  const file = createLabelMapFile(join(folder, "maps.parquet"), METADATA);
  for (const key of keys) {
    file.append({
      key,
      label: key.startsWith("a") ? 0 : 1,
      width: 40,
      height: 20,
      class: Uint16Array.of(0, 1, 1, 0),
      score: Float32Array.of(4, 4, -4, -4),
      topClass: Uint16Array.of(0, 1),
      topProbability: Float32Array.of(0.5, 0.5),
    });
  }
  file.finish();
  return {
    folder,
    images: join(folder, "images"),
    maps: join(folder, "maps.parquet"),
    output: join(folder, "figures"),
  };
}

/** XML as ImageNet has it. */
function annotation(name: string, box: readonly number[]): string {
  const [xmin, ymin, xmax, ymax] = box;
  return `<annotation><size><width>40</width><height>20</height></size><object><name>${name}</name><bndbox><xmin>${xmin}` +
    `</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object></annotation>`;
}

function figuresIn(output: string): string[] {
  return [...Deno.readDirSync(output)].map(({ name }) => name).sort();
}

Deno.test("deno task figures draws all four figures of a data set with maps and ImageNet's boxes", async () => {
  const { folder, images, maps, output } = writeData();
  const table = join(folder, "LOC_train_solution.csv");
  Deno.writeTextFileSync(
    table,
    "ImageId,PredictionString\n1,0 0 0 20 20\n2,0 0 0 20 20\n3,1 20 0 40 20\n4,0 0 0 9 9 dog 1 1 2 2\n",
  );
  const options = ["--maps", maps, "--boxes", table, "--output", output, "--examples", "2"];
  const { code, out, error } = await runTask("figures", images, ...options);
  assertEquals(code, 0, error);
  assertEquals(figuresIn(output), ["figure-2.svg", "figure-5.svg", "figure-a2.svg", "figure-a3.svg"]);
  assertStringIncludes(out, "300 random crops of 3 images, of 4 with boxes");
  assertStringIncludes(out, "left out   1 image without a map or a box of the class of the label");
  assertStringIncludes(out, "not known  1 box of other classes");
  const read = (name: string) => Deno.readTextFileSync(join(output, name));
  assertStringIncludes(read("figure-2.svg"), "IoU of crop and box");
  assertStringIncludes(read("figure-5.svg"), "largest probability of the pooled label");
  const heat = read("figure-a2.svg");
  // Two images with a picture each, and two heat maps of each.
  assertEquals([heat.match(/data:image\/jpeg/g)?.length, heat.match(/data:image\/png/g)?.length], [2, 4]);
  for (const name of ["class 0 0.", "class 1 0."]) assertStringIncludes(heat, name);
  const crops = read("figure-a3.svg");
  assertEquals(crops.match(/>Original: /g)?.length, 4);
  assertEquals(crops.match(/>ReLabel: class [01] [01]\.\d\d/g)?.length, 4);
  const again = join(folder, "again");
  assertEquals((await runTask("figures", images, ...options, "--output", again, "--quiet")).out, "");
  for (const name of figuresIn(output)) assertEquals(Deno.readTextFileSync(join(again, name)), read(name));
});

Deno.test("deno task figures draws figure 2 of boxes alone, of images with labels and without", async () => {
  const { folder, images, output } = writeData();
  Deno.mkdirSync(join(folder, "boxes"));
  for (const [name, wanted] of [["1", "a"], ["2", "a"], ["3", "b"], ["4", "b"]]) {
    Deno.writeTextFileSync(join(folder, "boxes", `${name}.xml`), annotation(wanted, [0, 0, 40, 20]));
  }
  const labelled = await runTask("figures", images, "--boxes", join(folder, "boxes"), "--output", output);
  assertEquals([labelled.code, figuresIn(output)], [0, ["figure-2.svg"]], labelled.error);
  // A box of the whole image: every crop overlaps with it by its own area.
  assertStringIncludes(labelled.out, "0.0 % of crops show nothing of the labelled object");
  const coco = {
    images: [{ id: 1, file_name: "3.png", width: 40, height: 20 }],
    annotations: [{ id: 1, image_id: 1, category_id: 1, bbox: [0, 0, 1, 1] }],
    categories: [{ id: 1, name: "cat" }],
  };
  Deno.writeTextFileSync(join(folder, "instances.json"), JSON.stringify(coco));
  const flat = join(images, "b");
  const unlabelled = await runTask("figures", flat, "--boxes", join(folder, "instances.json"), "--output", output);
  assertEquals(unlabelled.code, 0, unlabelled.error);
  const share = /([\d.]+) % of crops show nothing/.exec(unlabelled.out);
  assert(share && Number(share[1]) > 40, unlabelled.out);
});

Deno.test("deno task figures says what is missing", async () => {
  const { folder, images } = writeData();
  const nothing = await runTask("figures", images);
  assertEquals([nothing.code, nothing.error], [2, "Expected --maps, --boxes or both: see deno task figures --help\n"]);
  const table = join(folder, "LOC_val_solution.csv");
  Deno.writeTextFileSync(table, "ImageId,PredictionString\nother,a 0 0 20 20\n");
  const other = await runTask("figures", images, "--boxes", table);
  assertEquals(other.code, 1);
  assertStringIncludes(other.error, `no image of "other" or another of its 1 image is there`);
  Deno.writeTextFileSync(table, "ImageId,PredictionString\n1,b 0 0 20 20\n");
  const unnamed = await runTask("figures", images, "--boxes", table);
  assertEquals(unnamed.code, 1);
  assertStringIncludes(unnamed.error, "none of 1 image with boxes has one of the class that its label names");
});
