import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  createLabelMapFile,
  formatManifest,
  type LabelMapRow,
  openLabelMaps,
  readManifests,
} from "../../../formats/labels/mod.ts";
import { writeSafetensors } from "../../../formats/weights/mod.ts";
import { ROOT, runTask } from "../task.ts";

const ANNOTATOR = join(ROOT, "assets/efficientnet_lite0");
const IMAGES = join(ROOT, "assets/photos/single");

/** Label maps of six photographs, once for all tests. */
let labelled: Promise<string> | undefined;

function labelMaps(): Promise<string> {
  return labelled ??= (async () => {
    const path = join(Deno.makeTempDirSync(), "labels");
    const { code, error } = await runTask("relabel", IMAGES, "--out", path, "--size", "64", "--quiet");
    assertEquals(code, 0, error);
    return path;
  })();
}

/** A copy that tests may damage. */
async function copyOfLabelMaps(): Promise<string> {
  const [from, to] = [await labelMaps(), Deno.makeTempDirSync()];
  for (const { name } of Deno.readDirSync(from)) Deno.copyFileSync(join(from, name), join(to, name));
  return to;
}

const AGAIN = ["--annotator", ANNOTATOR, "--images", IMAGES];

Deno.test("deno task verify finds label maps as their annotator makes them again", async () => {
  const path = await labelMaps();
  const { code, out, error } = await runTask("verify", path, ...AGAIN, "--sample", "4", "--seed", "3");
  assertEquals(code, 0, out + error);
  const lines = out.trimEnd().split("\n");
  assertEquals([lines[0], lines.at(-1)], [`${path}: 6 rows in 1 file`, "No defect was found"]);
  assertMatch(lines.at(-3)!, /^ {2}annotator {4}tf_efficientnet_lite0\.in1k, SHA-256 4bcfdeff2781\.\.\., on .+$/);
  assertEquals(
    lines.at(-2),
    "  again        4 images: logits differ by up to 0, 0 of 16 top-1 cells changed; tolerance 0.01 beyond rounding to fp16",
  );
  assertMatch(error, /6\/6 images/);
  const quiet = await runTask("verify", path, "--quiet");
  assertEquals([quiet.code, quiet.out, quiet.error], [0, "", ""]);
});

Deno.test("deno task verify averages again what was averaged", async () => {
  const path = join(Deno.makeTempDirSync(), "labels");
  const averaging = ["--size", "64", "--size", "96", "--mirror", "--average", "probabilities", "--grid", "2x1"];
  const made = await runTask("relabel", IMAGES, "--out", path, "--limit", "2", "--temperature", "1.5", ...averaging);
  assertEquals(made.code, 0, made.error);
  assertStringIncludes(
    made.out,
    "  annotator  tf_efficientnet_lite0.in1k at 64 x 64 and 96 x 96, each mirrored too, probabilities averaged, " +
      "temperature 1.5\n",
  );
  const { code, out } = await runTask("verify", path, ...AGAIN);
  assertEquals(code, 0, out);
  assertStringIncludes(out, "  again        2 images: logits differ by up to 0, 0 of 4 top-1 cells changed");
  const two = await runTask("verify", path, ...AGAIN, "--annotator", ANNOTATOR);
  assertEquals(two.code, 1);
  assertStringIncludes(two.error, "the label maps are of 1 annotator, and --annotator names 2");
});

Deno.test("deno task verify compares with the class embeddings that label maps were made with", async () => {
  const folder = Deno.makeTempDirSync();
  const [path, file, other] = ["labels", "three.safetensors", "other.safetensors"].map((name) => join(folder, name));
  const vectors = (step: number) => Float32Array.from({ length: 3 * 1280 }, (_, index) => index * step % 17 - 8);
  writeSafetensors(file, new Map([["text", { shape: [3, 1280], data: vectors(7) }]]));
  writeSafetensors(other, new Map([["text", { shape: [3, 1280], data: vectors(5) }]]));
  const embedded = ["--class-embeddings", file, "--embedding-scale", "50"];
  const made = await runTask("relabel", IMAGES, "--out", path, "--limit", "2", "--size", "64", "--quiet", ...embedded);
  assertEquals(made.code, 0, made.error);
  const again = await runTask("verify", path, ...AGAIN, "--class-embeddings", file);
  assertEquals(again.code, 0, again.out + again.error);
  assertStringIncludes(again.out, "  again        2 images: logits differ by up to 0, 0 of 8 top-1 cells changed");
  const wrong = await runTask("verify", path, ...AGAIN, "--class-embeddings", other);
  assertEquals(wrong.code, 1);
  assertStringIncludes(wrong.out, "The annotators are not those that made the label maps: classEmbeddings.sha256 was");
  const without = await runTask("verify", path, ...AGAIN);
  assertEquals(without.code, 1);
  assertStringIncludes(without.error, "with class embeddings: name them with --class-embeddings");
});

Deno.test("deno task verify sums again the classes that were summed", async () => {
  const folder = Deno.makeTempDirSync();
  const [path, file] = [join(folder, "labels"), join(folder, "synsets.txt")];
  Deno.writeTextFileSync(file, "n02084071\nn02121808\nn02159955\n");
  const made = await runTask("relabel", IMAGES, "--out", path, "--limit", "2", "--size", "64", "--classes-from", file);
  assertEquals(made.code, 0, made.error);
  const { code, out, error } = await runTask("verify", path, ...AGAIN);
  assertEquals(code, 0, out + error);
  assertStringIncludes(out, "  again        2 images: logits differ by up to 0, 0 of 8 top-1 cells changed");
  const flat = await runTask("relabel", IMAGES, "--out", join(folder, "b"), "--classes-from", "images");
  assertEquals(flat.code, 2);
  assertStringIncludes(flat.error, "Cannot use --classes-from images: ");
});

Deno.test("deno task verify finds a map that its annotator does not make, whatever hash it is listed with", async () => {
  const path = await copyOfLabelMaps();
  const [manifest] = readManifests(path);
  const opened = await openLabelMaps(path);
  const rows: LabelMapRow[] = await Array.fromAsync(opened.rows());
  opened.close();
  const [first, second] = rows;
  rows[0] = { ...second, key: first.key };
  const writer = createLabelMapFile(join(path, "part-00000.parquet"), manifest.configuration.metadata);
  for (const row of rows) writer.append(row);
  const parts = [{ ...manifest.parts[0], ...writer.finish() }];
  Deno.writeTextFileSync(join(path, "manifest.json"), formatManifest({ ...manifest, parts }));
  assertEquals((await runTask("verify", path)).code, 0);
  const { code, out } = await runTask("verify", path, ...AGAIN);
  assertEquals(code, 1);
  assertStringIncludes(out, "\n1 defect:\n");
  assertMatch(
    out,
    /\n {2}The map of "astronaut.jpg" differs by up to [\d.]+ logits, of which [\d.]+ are more than rounding to fp16 explains, and \d top-1 cells? changed\n/,
  );
  const tolerant = await runTask("verify", path, ...AGAIN, "--tolerance", "1000");
  assertEquals(tolerant.code, 0, tolerant.out);
});

Deno.test("deno task verify says that another annotator is not the one recorded", async () => {
  const other = Deno.makeTempDirSync();
  for (const { name } of Deno.readDirSync(ANNOTATOR)) Deno.copyFileSync(join(ANNOTATOR, name), join(other, name));
  const weights = Deno.readFileSync(join(ANNOTATOR, "model.safetensors"));
  weights[weights.length - 1] ^= 1;
  Deno.removeSync(join(other, "model.safetensors"));
  Deno.writeFileSync(join(other, "model.safetensors"), weights);
  const { code, out } = await runTask("verify", await labelMaps(), "--annotator", other, "--images", IMAGES);
  assertEquals(code, 1);
  assertMatch(
    out,
    /\n {2}The annotator is not the one that made the label maps: its sha256 was "4bcfdeff[0-9a-f]+", is "(?!4bcfdeff)[0-9a-f]{64}"\n/,
  );
});

Deno.test("deno task verify names images that are not where it looks", async () => {
  const images = Deno.makeTempDirSync();
  for (const { name } of [...Deno.readDirSync(IMAGES)].filter(({ name }) => name !== "coffee.jpg")) {
    Deno.copyFileSync(join(IMAGES, name), join(images, name));
  }
  const { code, out } = await runTask("verify", await labelMaps(), "--annotator", ANNOTATOR, "--images", images);
  assertEquals(code, 1);
  assertStringIncludes(out, `  again        5 images: logits differ by up to 0, 0 of 20 top-1 cells changed`);
  assertStringIncludes(out, `\n1 defect:\n  The image "coffee.jpg" is not in "${images}"\n`);
});

Deno.test("deno task verify counts defects, names the first twenty, and ends with exit code 1", async () => {
  const path = await copyOfLabelMaps();
  for (let index = 0; index < 25; index++) Deno.writeTextFileSync(join(path, `stray-${index}.parquet`), "");
  const { code, out, error } = await runTask("verify", path, "--quiet");
  assertEquals([code, error], [1, ""]);
  const lines = out.trimEnd().split("\n");
  assertEquals(lines.slice(0, 2), ["25 defects:", "  stray-0.parquet is listed in no manifest"]);
  assertEquals([lines.length, lines.at(-1)], [22, "  and 5 more"]);
});

Deno.test("deno task verify refuses what it cannot do with one sentence", async () => {
  const path = await labelMaps();
  const cases: [string[], number, string][] = [
    [["nowhere"], 1, 'Cannot verify "nowhere": no such file or directory\n'],
    [["tests/bench"], 1, 'Cannot verify "tests/bench": it holds no manifest.json and no label maps\n'],
    [
      [path, "--annotator", ANNOTATOR],
      2,
      "Cannot use --annotator without --images: label maps do not say where their ",
    ],
    [[path, "--sample", "3"], 2, "Cannot use --sample without --annotator: nothing is annotated again\n"],
    [[path, ...AGAIN, "--tolerance", "few"], 2, "Cannot use --tolerance few: expected a number of logits, 0 or more\n"],
    [[path, "--anotator", "a"], 2, "Unknown option --anotator, did you mean --annotator?"],
  ];
  for (const [args, code, message] of cases) {
    const result = await runTask("verify", ...args);
    assertEquals([result.code, result.out], [code, ""]);
    assertStringIncludes(result.error, message);
  }
  const help = await runTask("verify", "--help");
  assertEquals([help.code, help.error], [0, ""]);
  assertStringIncludes(help.out, "Usage: deno task verify [FOLDER] [options]");
});
