import { assert, assertAlmostEquals, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { writeSafetensors } from "../../../formats/weights/safetensors_writer.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { imageColumns, writeParquet } from "../../formats/images/parquet_writer.ts";
import { jsonFile } from "../../formats/evaluation/json_input.ts";
import { BEST, logitsOf, photographFolder, WNIDS } from "./reference.ts";
import { ROOT, runTask, type TaskOutput } from "../task.ts";

interface Found {
  readonly measure: string;
  readonly of?: string;
  readonly value: number;
  readonly standardError?: number;
  readonly images: number;
}

/** Runs the task on whole images, and gives what it wrote. */
async function evaluate(images: string, ...options: string[]) {
  const json = Deno.makeTempFileSync();
  const output = await runTask("evaluate", images, "--whole", "--json", json, ...options);
  assertEquals(output.code, 0, output.error);
  return { ...output, written: JSON.parse(Deno.readTextFileSync(json)) };
}

/** Overall figures by measure. */
function values({ figures }: { figures: readonly Found[] }): Record<string, number> {
  return Object.fromEntries(figures.map(({ measure, value }) => [measure, value]));
}

const wnid = (photograph: keyof typeof BEST, rank: number) => WNIDS[BEST[photograph][rank]];

/** Six photographs: three with their top-1 class, two with one of their top-5, one with another class. */
const LABELLED = {
  [`${wnid("coffee", 0)}/ILSVRC2012_val_00000003.JPEG`]: "coffee",
  [`${wnid("chelsea", 0)}/ILSVRC2012_val_00000001.JPEG`]: "chelsea",
  [`${wnid("rocket", 4)}/ILSVRC2012_val_00000002.JPEG`]: "rocket",
  [`${wnid("flower", 0)}/ILSVRC2012_val_00000006.JPEG`]: "flower",
  [`${wnid("china", 2)}/ILSVRC2012_val_00000005.JPEG`]: "china",
  "n01440764/ILSVRC2012_val_00000004.JPEG": "astronaut",
};

Deno.test("deno task evaluate measures a folder of classes, names what it cannot decode, and writes CSV and JSON", async () => {
  const folder = photographFolder({ ...LABELLED, "n01440764/broken.jpg": "no image" });
  const csv = Deno.makeTempFileSync();
  const { out, error, written } = await evaluate(folder, "--per-class", "--csv", csv);
  assertEquals(written.data, { path: folder, kind: "folder", images: 6 });
  assertEquals(values(written), { "top-1": 3 / 6, "top-5": 5 / 6 });
  assertEquals(written.rejected.map(({ key }: { key: string }) => key), ["n01440764/broken.jpg"]);
  assertEquals([written.model.name, written.model.cover], ["tf_efficientnet_lite0.in1k", null]);
  assertMatch(error, /^7 images in 6 class folders; tf_efficientnet_lite0.in1k at 224 x 224, the whole image, on /);
  const lines = out.split("\n");
  assert(lines.includes("967 espresso       100.00 %  100.00 %       1"), out);
  assert(lines.includes("812 space shuttle    0.00 %  100.00 %       1"), out);
  assert(lines.includes("top-1    50.00 %           20.41       6"), out);
  assertStringIncludes(
    out,
    `1 image of "${folder}" cannot be decoded:\n    n01440764/broken.jpg: Cannot decode image: text`,
  );
  assert(lines.includes("  labels     7 images, each with a label"), out);
  const rows = Deno.readTextFileSync(csv).trimEnd().split("\n");
  assertEquals(rows.length, 1 + 2 + 12);
  assertEquals(rows.slice(0, 4), [
    "measure,of,value,standard_error,images",
    `top-1,,0.5,${Math.sqrt(0.25 / 6)},6`,
    `top-5,,${5 / 6},${Math.sqrt(5 / 6 * (1 - 5 / 6) / 6)},6`,
    "top-1,0 tench,0,0,1",
  ]);
});

Deno.test("deno task evaluate takes labels that the first image lacks, and says how many lack one", async () => {
  const png = encodePng(new Uint8Array(12), { width: 2, height: 2, channels: 3 });
  const images = join(Deno.makeTempDirSync(), "a.parquet");
  const label = { name: "Class", type: "double", values: [null, 3, 1.5, 999] } as const;
  Deno.writeFileSync(images, writeParquet([...imageColumns([png, png, png, png]), label]));
  const { out, written } = await evaluate(images);
  assertEquals(written.figures[0].images, 2);
  assertStringIncludes(
    out,
    '  labels     2 of 4 images have a label, 2 have none: 1 whose label is no whole number ("a.parquet/2"), ' +
      '1 without a label ("a.parquet/0")\n',
  );
});

Deno.test("deno task evaluate sees the centre of images by the model's crop_pct, or as it is told", async () => {
  const folder = photographFolder({ [`${wnid("coffee", 0)}/a.jpg`]: "coffee" });
  const covers = await Promise.all(
    [[], ["--resize", "300", "--size", "192"], ["--resize", "240x250"]].map(async (options) => {
      const json = Deno.makeTempFileSync();
      const { code, error } = await runTask("evaluate", folder, "--json", json, "--quiet", ...options);
      assertEquals([code, error], [0, ""]);
      const { model: { size, cover } } = JSON.parse(Deno.readTextFileSync(json));
      return [size, cover];
    }),
  );
  assertEquals(covers, [[[224, 224], [256, 256]], [[192, 192], [300, 300]], [[224, 224], [240, 250]]]);
});

Deno.test("deno task evaluate counts ReaL's classes by the names of ImageNet's validation images", async () => {
  const lists = [[281, 282], [1, 744], [], [560, 450], [0], [985]];
  const folder = photographFolder(LABELLED);
  // chelsea: rank 1; rocket: rank 3; coffee: empty; astronaut: rank 0; china: beyond 5; flower: rank 0.
  const { out, written } = await evaluate(folder, "--real", jsonFile(lists));
  assertEquals(values(written), { "top-1": 3 / 6, "top-5": 5 / 6, "ReaL top-1": 2 / 5, "ReaL top-5": 4 / 5 });
  assertStringIncludes(out, "  ReaL: 1 image without a class not counted");
});

Deno.test("deno task evaluate takes lists in the order of the images, which then need no labels", async () => {
  const folder = photographFolder({ "2.jpg": "coffee", "10.jpg": "chelsea", "1.jpg": "rocket" });
  const { written } = await evaluate(folder, "--real", jsonFile([[540], [968, 967], [0]]));
  assertEquals(values(written), { "ReaL top-1": 2 / 3, "ReaL top-5": 2 / 3 });
});

Deno.test("deno task evaluate averages Shankar's annotations over images and over classes", async () => {
  const names = (photograph: keyof typeof BEST, ...ranks: number[]) => ranks.map((rank) => wnid(photograph, rank));
  const folder = photographFolder({
    [`${wnid("coffee", 0)}/ILSVRC2012_val_00000001.JPEG`]: "coffee",
    [`${wnid("coffee", 0)}/ILSVRC2012_val_00000002.JPEG`]: "rocket",
    [`${wnid("coffee", 0)}/ILSVRC2012_val_00000003.JPEG`]: "china",
    [`${wnid("flower", 0)}/ILSVRC2012_val_00000004.JPEG`]: "flower",
    [`${wnid("flower", 0)}/ILSVRC2012_val_00000005.JPEG`]: "chelsea",
    [`${wnid("flower", 0)}/ILSVRC2012_val_00000006.JPEG`]: "astronaut",
  });
  const annotations = jsonFile({
    initial_annots: {
      "ILSVRC2012_val_00000001.JPEG": { correct: names("coffee", 1, 0) },
      "ILSVRC2012_val_00000002.JPEG": { correct: names("coffee", 0), wrong: names("rocket", 0) },
      "ILSVRC2012_val_00000003.JPEG": { correct: names("coffee", 0), unclear: names("china", 1) },
      "ILSVRC2012_val_00000004.JPEG": { unclear: names("flower", 0) },
      "ILSVRC2012_val_00000005.JPEG": { correct: names("coffee", 0) },
      "ILSVRC2012_val_00000007.JPEG": { correct: names("coffee", 0) },
    },
    problematic_images: { "ILSVRC2012_val_00000005.JPEG": "dark" },
  });
  const { out, written } = await evaluate(folder, "--shankar", annotations, "--per-class");
  const found = values(written);
  assertEquals(found["Shankar, mean of images"], 2 / 4);
  assertAlmostEquals(found["Shankar, mean of classes"], (1 / 3 + 1) / 2, 1e-12);
  assertStringIncludes(out, "  Shankar: 4 of 5 annotated images evaluated, 1 problematic ones not counted");
  const classes = written.parts.filter(({ measure }: Found) => measure === "Shankar");
  assertEquals(classes.map(({ of, value }: Found) => [of, value]), [["967 espresso", 1 / 3], ["985 daisy", 1]]);
});

Deno.test("deno task evaluate takes ImageNetV2's folders as class indices, which as text are in another order", async () => {
  const folder = photographFolder({
    "985/a.jpeg": "flower",
    "1/a.jpeg": "china",
    "967/a.jpeg": "coffee",
    "10/b.jpeg": "rocket",
  });
  const { written } = await evaluate(folder, "--kind", "imagenet-v2", "--per-class");
  assertEquals(values(written), { "top-1": 2 / 4, "top-5": 2 / 4 });
  assertEquals(
    written.parts.filter(({ measure }: Found) => measure === "top-1").map(({ of, value }: Found) => [of, value]),
    [["1 goldfish", 0], ["10 brambling", 0], ["967 espresso", 1], ["985 daisy", 1]],
  );
});

Deno.test("deno task evaluate ranks only ImageNet-A's classes for ImageNet-A", async () => {
  const all = Deno.readTextFileSync(join(ROOT, "assets/imagenet/imagenet_a.txt")).trimEnd().split("\n").map(Number);
  assertEquals([all.length, new Set(all).size], [200, 200]);
  const photographs = Object.keys(BEST);
  const best = await Promise.all(photographs.map(async (name) => {
    const logits = await logitsOf(name);
    return all.reduce((best, label) => logits[label] > logits[best] ? label : best);
  }));
  // All but the last are in the folder of the best of the 200 classes, which is no image's best of all 1,000.
  const others = photographs.filter((name, at) => BEST[name][0] !== best[at]);
  assert(others.length >= 3, "too few photographs would be classified otherwise");
  const wrong = all.find((label) => label !== best[5])!;
  const folder = photographFolder(
    Object.fromEntries(photographs.map((name, at) => [`${WNIDS[at === 5 ? wrong : best[at]]}/${name}.jpg`, name])),
  );
  const { out, written } = await evaluate(folder, "--kind", "imagenet-a");
  assertEquals(values(written)["top-1"], 5 / 6);
  assertStringIncludes(out, "  Only 200 of the model's 1,000 classes are ranked");
  assertEquals(
    values((await evaluate(folder)).written)["top-1"],
    (5 - others.filter((name) => name !== "rocket").length) / 6,
  );
});

Deno.test("deno task evaluate finds ImageNet-C by its folders, and says which corruptions are missing", async () => {
  const folder = photographFolder({
    [`gaussian_noise/1/${wnid("coffee", 0)}/a.JPEG`]: "coffee",
    [`gaussian_noise/1/${wnid("flower", 0)}/a.JPEG`]: "flower",
    [`gaussian_noise/2/${wnid("coffee", 0)}/a.JPEG`]: "coffee",
    [`gaussian_noise/2/${wnid("flower", 0)}/a.JPEG`]: "china",
    [`fog/5/${wnid("coffee", 0)}/a.JPEG`]: "rocket",
    [`saturate/3/${wnid("coffee", 0)}/a.JPEG`]: "coffee",
  });
  const { out, written } = await evaluate(folder);
  assertEquals(written.data.kind, "imagenet-c");
  assertAlmostEquals(values(written).mCE, (0.25 / 0.886428 + 1 / 0.819324) / 2, 1e-12);
  assertEquals(values(written)["mean error"], (0.25 + 1) / 2);
  const [head, , noise, fog, saturate] = out.split("\n");
  assertMatch(head, /^corruption +severity 1 +severity 2 +error +CE +severity 5 +severity 3 +images$/);
  assertMatch(noise, /^gaussian_noise +0\.00 % +50\.00 % +25\.00 % +28\.20 % +- +- +4$/);
  assertMatch(fog, /^fog +- +- +100\.00 % +122\.05 % +100\.00 % +- +1$/);
  assertMatch(saturate, /^saturate +- +- +0\.00 % +- +- +0\.00 % +1$/);
  assertStringIncludes(out, "mCE is over 2 of 15 corruptions: shot_noise, impulse_noise, defocus_blur,");
  assertStringIncludes(out, "mCE lacks gaussian_noise at severity 3, 4, 5; fog at severity 1, 2, 3, 4");
});

/** Average precision as its definition reads: for each image of the class, who is not behind it. */
function referencePrecision(scores: readonly number[], shows: readonly boolean[]): number {
  const images = scores.map((_, image) => image);
  const precisions = images.filter((image) => shows[image]).map((image) => {
    const before = images.filter((other) => scores[other] >= scores[image]);
    return before.filter((other) => shows[other]).length / before.length;
  });
  return precisions.reduce((sum, precision) => sum + precision) / precisions.length;
}

Deno.test("deno task evaluate gives mAP by lists of classes and by COCO's annotations", async () => {
  const photographs = Object.keys(BEST).sort();
  const folder = photographFolder(Object.fromEntries(photographs.map((name) => [`${name}.jpg`, name])));
  const shown = [967, 285, 540, 968];
  const lists = photographs.map((_, image) => shown.filter((_, at) => (image * 3 + at * 5) % 4 < 2 || image === at));
  const logits = await Promise.all(photographs.map(logitsOf));
  const precisions = shown.map((label) =>
    referencePrecision(logits.map((row) => row[label]), lists.map((list) => list.includes(label)))
  );
  const expected = precisions.reduce((sum, value) => sum + value) / shown.length;
  assert(expected > 0.3 && expected < 0.95, `${expected} would be no test`);
  const { out, written } = await evaluate(folder, "--multi-label", jsonFile(lists), "--per-class");
  assertAlmostEquals(values(written).mAP, expected, 1e-12);
  assertStringIncludes(out, "  mAP: mean over 4 classes of 1,000 that an image shows");
  const parts = new Map(written.parts.map(({ of, value }: Found) => [of, value]));
  assertEquals(parts.get("967 espresso"), precisions[0]);

  const coco = {
    images: [...photographs.slice(1), "elsewhere"].map((name, id) => ({ id, file_name: `${name}.jpg` })),
    annotations: lists.slice(1).flatMap((list, image_id) =>
      list.map((label) => ({ image_id, category_id: 1000 - label }))
    ),
    categories: shown.map((label) => ({ id: 1000 - label, name: WNIDS[label] })),
  };
  const without = await evaluate(folder, "--multi-label", jsonFile(coco));
  const fewer = shown.map((label) =>
    referencePrecision(logits.slice(1).map((row) => row[label]), lists.slice(1).map((list) => list.includes(label)))
  );
  assertAlmostEquals(values(without.written).mAP, fewer.reduce((sum, value) => sum + value) / shown.length, 1e-12);
  assertStringIncludes(without.out, "  mAP: 1 image without annotations not counted");
  assertStringIncludes(without.out, "  mAP: 5 of 6 annotated images evaluated");
});

Deno.test("deno task evaluate attacks images by FGSM to the ranks that timm has", async () => {
  const attacked = ["chelsea", "coffee", "rocket"] as const;
  const folder = photographFolder(Object.fromEntries(attacked.map((name) => [`${wnid(name, 0)}/a.jpg`, name])));
  const { error, written } = await evaluate(folder, "--fgsm", "1/255", "--per-class");
  assertStringIncludes(error, "the whole image, attacked by FGSM with epsilon 0.003922, on ");
  // Ranks by PyTorch's gradient: 2, 1 and 24.
  assertEquals(values(written), { "top-1": 1, "top-5": 1, "FGSM top-1": 0, "FGSM top-5": 2 / 3 });
  const part = written.parts.find(({ measure, of }: Found) => measure === "FGSM top-5" && of!.startsWith("540 "));
  assertEquals([part.value, written.model.fgsm], [0, 1 / 255]);
});

/** A training run's folder whose trained weights always say class 2, and the averaged ones class 0. */
function runFolder(options: { averages: boolean }): string {
  const folder = Deno.makeTempDirSync();
  const classes = 3;
  Deno.writeTextFileSync(
    join(folder, "config.json"),
    JSON.stringify({
      architecture: "efficientnet_lite0",
      num_classes: classes,
      label_names: ["disk", "square", "star"],
      pretrained_cfg: {
        input_size: [3, 32, 32],
        interpolation: "bilinear",
        mean: [0, 0, 0],
        std: [1, 1, 1],
        crop_pct: 1,
      },
    }),
  );
  const zeros = (bias: number[]) =>
    [...parameterShapes(buildNetwork("efficientnet_lite0", { classes }))].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      if (name === "classifier.bias") data.set(bias);
      if (name.endsWith("running_var")) data.fill(1);
      return [name, { shape, data }] as const;
    });
  const tensors = new Map([
    ...zeros([1, 2, 3]),
    ["optimizer.momentum.classifier.bias", { shape: [classes], data: new Float32Array(classes) }] as const,
    ["control", { shape: [10], data: new Float32Array(10) }] as const,
    ...options.averages ? zeros([3, 2, 1]).map(([name, tensor]) => [`average.${name}`, tensor] as const) : [],
  ]);
  writeSafetensors(join(folder, "best.safetensors"), tensors);
  writeSafetensors(join(folder, "last.safetensors"), new Map(zeros([1, 3, 2])));
  return folder;
}

Deno.test("deno task evaluate takes a training run's best weights, their average, or a checkpoint that is named", async () => {
  const images = photographFolder({
    "square/a.jpg": "coffee",
    "star/b.jpg": "china",
    "star/c.jpg": "rocket",
    "disk/d.jpg": "flower",
  });
  const run = runFolder({ averages: true });
  const top1 = async (...options: string[]) => values((await evaluate(images, ...options)).written)["top-1"];
  assertEquals(await top1("--model", run), 2 / 4);
  assertEquals(await top1("--model", run, "--weights", "average"), 1 / 4);
  assertEquals(await top1("--model", join(run, "last.safetensors")), 1 / 4);
  const { code, error } = await runTask(
    "evaluate",
    images,
    "--model",
    runFolder({ averages: false }),
    "--weights",
    "average",
  );
  assertEquals(code, 1);
  assertMatch(error, /^Cannot load weights ".*best.safetensors": it has no averaged weights\n$/);
});

/** A run as training leaves it: trained weights say class 2, their average class 0, those of the best epoch class 1. */
function finishedRun(options: { ema: boolean }): string {
  const folder = runFolder({ averages: false });
  const weights = (bias: number[]) =>
    [...parameterShapes(buildNetwork("efficientnet_lite0", { classes: 3 }))].map(([name, shape]) => {
      const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
      if (name === "classifier.bias") data.set(bias);
      if (name.endsWith("running_var")) data.fill(1);
      return [name, { shape, data }] as const;
    });
  const [trained, average] = [weights([1, 2, 3]), weights([3, 2, 1])];
  const control: (typeof trained)[number] = ["control", { shape: [10], data: new Float32Array(10) }];
  const averages = options.ema ? average.map(([name, tensor]) => [`average.${name}`, tensor] as const) : [];
  writeSafetensors(join(folder, "last.safetensors"), new Map([...trained, control, ...averages]));
  writeSafetensors(join(folder, "model.safetensors"), new Map(options.ema ? average : trained));
  writeSafetensors(join(folder, "best.safetensors"), new Map(weights([2, 3, 1])));
  return folder;
}

Deno.test("deno task evaluate says which weights of a run it took: what the file holds, or the others by name", async () => {
  const images = photographFolder({ "disk/a.jpg": "coffee", "square/b.jpg": "china", "star/c.jpg": "rocket" });
  const [averaged, plain] = [finishedRun({ ema: true }), finishedRun({ ema: false })];
  const hash = (path: string) => createHash("sha256").update(Deno.readFileSync(path)).digest("hex");
  // Run, --weights, what JSON says, the file, and the class that is right.
  const cases: [string, string | undefined, "trained" | "average", string, string][] = [
    [averaged, undefined, "average", "model.safetensors", "0 disk"],
    [averaged, "average", "average", "model.safetensors", "0 disk"],
    [averaged, "trained", "trained", "last.safetensors", "2 star"],
    [plain, undefined, "trained", "model.safetensors", "2 star"],
    [plain, "trained", "trained", "model.safetensors", "2 star"],
    [join(averaged, "best.safetensors"), undefined, "average", "best.safetensors", "1 square"],
    [join(plain, "best.safetensors"), undefined, "trained", "best.safetensors", "1 square"],
    [join(averaged, "last.safetensors"), undefined, "trained", "last.safetensors", "2 star"],
    [join(averaged, "last.safetensors"), "average", "average", "last.safetensors", "0 disk"],
  ];
  for (const [model, wanted, weights, file, right] of cases) {
    const options = wanted === undefined ? [] : ["--weights", wanted];
    const { written, error } = await evaluate(images, "--model", model, "--per-class", ...options);
    const folder = model.replace(/\/\w+\.safetensors$/, "");
    assertEquals(
      [written.model.weights, written.model.sha256],
      [weights, hash(join(folder, file))],
      `${model} ${wanted}`,
    );
    const [best] = written.parts.filter(({ measure, value }: Found) => measure === "top-1" && value === 1);
    assertEquals(best.of, right, `${model} ${wanted}`);
    assertStringIncludes(error, weights === "average" ? " (averaged weights) at " : " (trained weights) at ");
  }
  const { written, error } = await evaluate(images, "--classes", namesFile(["disk", "square", "star"], 1000));
  assertEquals(written.model.weights, null);
  assertEquals(/\((averaged|trained) weights\)/.test(error), false);
  const refused: [string, string, RegExp][] = [
    [plain, "average", /^Cannot load averaged weights of ".*model.safetensors": its run was trained without --ema\n$/],
    [
      join(averaged, "best.safetensors"),
      "trained",
      /^Cannot load trained weights of ".*best.safetensors": of that epoch only their average is kept; ".*last.safe/,
    ],
  ];
  for (const [model, wanted, message] of refused) {
    const { code, error } = await runTask("evaluate", images, "--model", model, "--weights", wanted);
    assertEquals(code, 1);
    assertMatch(error, message);
  }
});

/** A file of names, filled up to a number of classes. */
function namesFile(names: readonly string[], classes: number): string {
  const path = Deno.makeTempFileSync();
  const others = Array.from({ length: classes - names.length }, (_, index) => `other ${index}`);
  Deno.writeTextFileSync(path, [...names, ...others].map((name) => `${name}\n`).join(""));
  return path;
}

Deno.test("deno task evaluate sees images at test_input_size and test_crop_pct, unless told otherwise", async () => {
  const images = photographFolder({ "disk/a.jpg": "coffee", "star/b.jpg": "china" });
  const run = finishedRun({ ema: false });
  const config = JSON.parse(Deno.readTextFileSync(join(run, "config.json")));
  const input = { input_size: [3, 32, 32], crop_pct: 0.8 };
  // Entries of pretrained_cfg, options, and what JSON says of size and cover.
  const cases: [Record<string, unknown>, string[], [number, number], [number, number]][] = [
    [{}, [], [32, 32], [40, 40]],
    [{ test_input_size: [3, 48, 64], test_crop_pct: 1 }, [], [48, 64], [48, 64]],
    [{ test_input_size: [3, 48, 48] }, [], [48, 48], [60, 60]],
    [{ test_crop_pct: 0.5 }, [], [32, 32], [64, 64]],
    [{ test_input_size: null, test_crop_pct: null }, [], [32, 32], [40, 40]],
    [{ test_input_size: [3, 48, 48], test_crop_pct: 1 }, ["--size", "64"], [64, 64], [64, 64]],
    [{ test_input_size: [3, 48, 48], test_crop_pct: 1 }, ["--resize", "96"], [48, 48], [96, 96]],
    [{ test_input_size: [3, 48, 48], test_crop_pct: 1 }, ["--use-train-size"], [32, 32], [40, 40]],
  ];
  for (const [entries, options, size, cover] of cases) {
    const pretrained_cfg = { ...config.pretrained_cfg, ...input, ...entries };
    Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify({ ...config, pretrained_cfg }));
    const json = Deno.makeTempFileSync();
    const { code, error } = await runTask("evaluate", images, "--model", run, "--json", json, ...options);
    assertEquals(code, 0, error);
    const { model } = JSON.parse(Deno.readTextFileSync(json));
    assertEquals([model.size, model.cover], [size, cover], JSON.stringify([entries, options]));
  }
  for (
    const [entry, value] of [["test_input_size", [3, 0, 48]], ["test_crop_pct", 0], ["test_crop_pct", "1"]] as const
  ) {
    const pretrained_cfg = { ...config.pretrained_cfg, ...input, [entry]: value };
    Deno.writeTextFileSync(join(run, "config.json"), JSON.stringify({ ...config, pretrained_cfg }));
    const { code, error } = await runTask("evaluate", images, "--model", run);
    assertEquals(code, 1);
    assertStringIncludes(error, `: ${entry} is ${JSON.stringify(value)}, expected `);
  }
});

Deno.test("deno task evaluate refuses, in one sentence, what it cannot do", async () => {
  const labelled = photographFolder({ "n07920052/ILSVRC2012_val_00000005.JPEG": "coffee" });
  const flat = photographFolder({ "a.jpg": "coffee", "b.jpg": "china" });
  const other = photographFolder({ "espresso/a.jpg": "coffee", "Kaffee/a.jpg": "coffee" });
  const numbered = photographFolder({ "7/a.jpg": "coffee", "1000/a.jpg": "coffee" });
  const corrupted = photographFolder({ "fog/n07920052/a.jpg": "coffee" });
  const broken = photographFolder({ "n07920052/a.jpg": "no image" });
  const empty = Deno.makeTempDirSync();
  const lists = jsonFile([[1], [2], [3]]);
  const annotations = jsonFile({ initial_annots: {}, problematic_images: {} });
  const cases: [string[], number, string][] = [
    [[], 2, "Expected IMAGES: see deno task evaluate --help"],
    [[labelled, "--whole", "--resize", "256"], 2, "Cannot use --resize with --whole: nothing is cropped"],
    [
      [labelled, "--kind", "imagenet"],
      2,
      "Cannot use --kind imagenet, did you mean imagenet-a? Known are folder, imagenet-v2, imagenet-a, imagenet-c",
    ],
    [[labelled, "--resize", "0"], 2, "Cannot use --resize 0: expected N or HxW, in pixels"],
    [[labelled, "--weights", "ema"], 2, "Cannot use --weights ema: known are trained, average"],
    [
      [labelled, "--resize", "128"],
      1,
      'Cannot load classifier "tf_efficientnet_lite0.in1k": images are resized to cover 128 x 128, less than its input of 224 x 224',
    ],
    [
      [labelled, "--fgsm", "8"],
      2,
      "Cannot use --fgsm 8: expected more than 0 and at most 1, such as 0.03 or 8/255",
    ],
    [
      [labelled, "--fgsm", "8/255", "--storage", "f16"],
      2,
      "Cannot use --fgsm with --storage f16: small gradients would have no sign",
    ],
    [[flat, "--fgsm", "0.1"], 1, `Cannot attack the images of "${flat}": they have no labels to lead away from`],
    [["/nowhere"], 1, 'Cannot open images "/nowhere": no such file or folder'],
    [[empty], 1, `Cannot find images in "${empty}": it is empty, and tar and Parquet files are`],
    [
      [flat],
      1,
      `Cannot evaluate on "${flat}": its images have no labels, name a file of them by --real, --shankar or --multi-label`,
    ],
    [[other], 1, `Cannot evaluate on "${other}": class "Kaffee" is none of the 1,000 classes of the model`],
    [
      [numbered],
      1,
      `Cannot evaluate on "${numbered}": class "7" (and 1 more) is none of the 1,000 classes of the model`,
    ],
    [
      [numbered, "--kind", "imagenet-v2"],
      1,
      `Cannot evaluate on "${numbered}" as imagenet-v2: folder "1000" is not a class index from 0 to 999`,
    ],
    [
      [labelled, "--kind", "imagenet-a"],
      1,
      `Cannot evaluate on "${labelled}" as imagenet-a: folder "n07920052" is none of its 200 classes`,
    ],
    [
      [labelled, "--kind", "imagenet-c"],
      1,
      `Cannot evaluate on "${labelled}" as imagenet-c: folder "n07920052" is no corruption that it has`,
    ],
    [
      [corrupted],
      1,
      `Cannot evaluate on "${corrupted}" as imagenet-c: "fog/n07920052/a.jpg" is not at <corruption>/<1 to 5>/<class>/<image>`,
    ],
    [
      [broken],
      1,
      `Cannot evaluate on "${broken}": no image can be decoded, the first, "n07920052/a.jpg", because: Cannot decode image`,
    ],
    [[broken, "--strict"], 1, `Cannot evaluate "n07920052/a.jpg": Cannot decode image`],
    [[flat, "--real", lists], 1, `Cannot evaluate with "${lists}": it has 3 lists, the data set 2 images`],
    [
      [labelled, "--real", lists],
      1,
      `Cannot evaluate with "${lists}": it has 3 lists, none for "n07920052/ILSVRC2012_val_00000005.JPEG"`,
    ],
    [[labelled, "--real", "none.json"], 1, 'Cannot evaluate with "none.json": there is no such file'],
    [
      [labelled, "--shankar", annotations],
      1,
      `Cannot evaluate on "${labelled}": none of its images is annotated in "${annotations}"`,
    ],
    [[labelled, "--model", flat], 1, `Cannot read annotator "${flat}": it has no config.json`],
  ];
  const results: TaskOutput[] = [];
  for (const [args] of cases) results.push(await runTask("evaluate", ...args, ...args.length > 0 ? ["--quiet"] : []));
  cases.forEach(([args, code, message], index) => {
    const found = results[index];
    assertEquals([found.code, found.out], [code, ""], `${args.join(" ")}: ${found.error}`);
    assert(found.error.startsWith(message), `${found.error} does not start with ${message}`);
    assertEquals(found.error.trimEnd().split("\n").length, 1, found.error);
  });
});

Deno.test("deno task evaluate --help describes the kinds of data sets and the options", async () => {
  const { code, out } = await runTask("evaluate", "--help");
  assertEquals(code, 0);
  for (const word of ["imagenet-v2", "imagenet-c", "--real", "--shankar", "--multi-label", "--resize 256 --size 224"]) {
    assertStringIncludes(out, word);
  }
  assertEquals(out.split("\n").filter((line) => line.length > 101), []);
});
