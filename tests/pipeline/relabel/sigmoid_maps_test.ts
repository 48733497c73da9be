import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { buildNetwork, initialParameters } from "../../../kernels/networks/mod.ts";
import { decodeImage } from "../../../formats/images/mod.ts";
import { multiLabel, openLabelMaps, readManifests } from "../../../formats/labels/mod.ts";
import { writeSafetensors } from "../../../formats/weights/mod.ts";
import { loadAnnotator } from "../../../pipeline/model/load_annotator.ts";
import { contents, runTask } from "../task.ts";
import { imageFolder } from "../training/data.ts";

const CLASSES = 9;
const IMAGES = imageFolder(10);
const OPTIONS = ["--size", "32", "--rows-per-file", "3", "--dtype", "fp32"];

/** An annotator of independent classes with random weights, as a training with several labels per image leaves one. */
function sigmoidAnnotator(said: Record<string, unknown> = { scores: "sigmoid" }): string {
  const folder = Deno.makeTempDirSync();
  const network = buildNetwork("resnet8", { classes: CLASSES });
  const parameters = [...initialParameters(network, 3)].map(([name, { shape, data }]) => {
    // A head that says more than one of zeros.
    const values = Float32Array.from(data as Float32Array, (value) => name.startsWith("fc.") ? value * 9 - 0.5 : value);
    return [name, { shape, data: values }] as const;
  });
  writeSafetensors(join(folder, "model.safetensors"), new Map(parameters));
  const config = {
    architecture: "resnet8",
    num_classes: CLASSES,
    ...said,
    pretrained_cfg: {
      input_size: [3, 32, 32],
      interpolation: "bilinear",
      mean: [0.5, 0.5, 0.5],
      std: [0.25, 0.25, 0.25],
    },
  };
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  return folder;
}

const ANNOTATOR = sigmoidAnnotator();

function newFolder(): string {
  return join(Deno.makeTempDirSync(), "labels");
}

let whole: Promise<{ path: string; out: string }> | undefined;

function wholeRun() {
  return whole ??= (async () => {
    const path = newFolder();
    const { code, out, error } = await runTask("relabel", IMAGES, "--annotator", ANNOTATOR, "--out", path, ...OPTIONS);
    assertEquals(code, 0, error);
    return { path, out };
  })();
}

Deno.test("deno task relabel takes from config.json that classes are independent, and measures their floor", async () => {
  const { path, out } = await wholeRun();
  const { metadata } = readManifests(path)[0].configuration;
  assertEquals([metadata.scores, metadata.k, metadata.classes], ["sigmoid", 5, CLASSES]);
  assertStringIncludes(out, `5 classes per cell, fp32; sigmoid, others at logit ${metadata.floor}\n`);

  const all = await loadAnnotator(ANNOTATOR, { size: [32, 32], k: CLASSES, dtype: "fp32", batch: 1 });
  assertEquals([all.metadata.scores, all.metadata.floor], ["sigmoid", undefined]);
  const labelMaps = await openLabelMaps(path);
  const cells = metadata.grid[0] * metadata.grid[1];
  let [sum, count] = [0, 0];
  for await (const row of labelMaps.rows()) {
    const [dense] = await all.annotate([await decodeImage(Deno.readFileSync(join(IMAGES, row.key)))]);
    const logits = dense.score as Float32Array;
    assertEquals(row.score, logits.slice(0, 5 * cells));
    assertEquals(row.class, dense.class.slice(0, 5 * cells));
    logits.subarray(5 * cells).forEach((logit) => (sum += logit, count++));
    const means = new Float64Array(CLASSES);
    logits.forEach((logit, at) => means[dense.class[at]] += logit / cells);
    row.topClass.forEach((index, rank) =>
      assertAlmostEquals(row.topProbability[rank], 1 / (1 + Math.exp(-means[index])), 1e-5)
    );
  }
  labelMaps.close();
  all.close();
  assertEquals(metadata.floor, Math.round(sum / count * 8) / 8);
});

Deno.test("deno task relabel goes on with the floor that was measured, and leaves the same bytes", async () => {
  const { path } = await wholeRun();
  const again = newFolder();
  const first = await runTask("relabel", IMAGES, "--annotator", ANNOTATOR, "--out", again, ...OPTIONS, "--quiet");
  assertEquals(first.code, 0, first.error);
  assertEquals(contents(again), contents(path));
  // What a run that was stopped after its first part has left.
  const manifest = JSON.parse(Deno.readTextFileSync(join(again, "manifest.json")));
  const { length } = manifest.parts;
  manifest.parts.splice(1);
  Deno.writeTextFileSync(join(again, "manifest.json"), JSON.stringify(manifest));
  for (let part = 1; part < length; part++) Deno.removeSync(join(again, `part-0000${part}.parquet`));
  const { code, error } = await runTask(
    "relabel",
    IMAGES,
    "--annotator",
    ANNOTATOR,
    "--out",
    again,
    ...OPTIONS,
    "--quiet",
  );
  assertEquals(code, 0, error);
  assertEquals(contents(again), contents(path));
});

Deno.test("deno task relabel says what of scores another run has, and refuses options that do not fit", async () => {
  const { path } = await wholeRun();
  const floor = readManifests(path)[0].configuration.metadata.floor!;
  const cases: [string[], number, string][] = [
    [["--floor", "-9"], 1, `it was begun with --floor ${floor}, not -9`],
    [["--scores", "softmax"], 1, "it was begun with --scores sigmoid, not softmax"],
    [["--scores", "softmax", "--floor", "-9"], 2, "Cannot use --floor with --scores softmax"],
    [["--scores", "sigmoid", "--classes-from", "images"], 2, "Cannot use --classes-from with --scores sigmoid"],
  ];
  for (const [words, expected, message] of cases) {
    const { code, error } = await runTask(
      "relabel",
      IMAGES,
      "--annotator",
      ANNOTATOR,
      "--out",
      path,
      ...OPTIONS,
      ...words,
    );
    assertStringIncludes(error, message);
    assertEquals(code, expected, error);
  }
  const { code, error } = await runTask(
    "relabel",
    ...[IMAGES, "--annotator", sigmoidAnnotator({ scores: "tanh" }), "--out", newFolder(), ...OPTIONS],
  );
  assertEquals(code, 1);
  assertStringIncludes(error, 'scores is "tanh", expected softmax or sigmoid');
});

Deno.test("deno task verify annotates sigmoid maps again", async () => {
  const { path } = await wholeRun();
  const { code, out, error } = await runTask("verify", path, "--images", IMAGES, "--annotator", ANNOTATOR);
  assertEquals(code, 0, out + error);
});

Deno.test("deno task query and report show what sigmoid maps say", async () => {
  const { path } = await wholeRun();
  const labelMaps = await openLabelMaps(path);
  const expected = (await Array.fromAsync(labelMaps.rows())).flatMap((row) =>
    multiLabel(row, labelMaps.metadata).map((one) => `${row.key},${one.class},${one.score.toFixed(6)}`)
  );
  labelMaps.close();
  const sql = "SELECT key, class, score FROM multi_label() ORDER BY key, score DESC, class";
  const { code, out, error } = await runTask("query", path, sql, "--format", "csv");
  assertEquals(code, 0, error);
  const found = out.trim().split("\n").slice(1).map((line) => {
    const [key, index, score] = line.split(",");
    return `${key},${index},${Number(score).toFixed(6)}`;
  });
  assertEquals(found.sort(), expected.sort());
  const report = await runTask("report", path, IMAGES);
  assertEquals(report.code, 0, report.error);
  assertStringIncludes(Deno.readTextFileSync(join(path, "report.html")), "fp32, sigmoid, pooled by LabelPooling");
  Deno.removeSync(join(path, "report.html"));
});

Deno.test("deno task train takes independent classes of maps by binary cross-entropy, and refuses another loss", async () => {
  const { path } = await wholeRun();
  const small = ["--network", "resnet8", "--size", "16", "--batch", "4", "--epochs", "1", "--warmup-epochs", "1"];
  const train = async (...words: string[]) => {
    const run = join(Deno.makeTempDirSync(), "run");
    const { code, error } = await runTask("train", IMAGES, "--maps", path, "--output", run, ...small, ...words);
    return { run, code, error };
  };
  const first = await train();
  assertEquals(first.code, 0, first.error);
  assertStringIncludes(Deno.readTextFileSync(join(first.run, "config.yaml")), "loss: bce\n");
  const weights = ({ run }: { run: string }) => Deno.readFileSync(join(run, "model.safetensors"));
  assertEquals(weights(await train("--loss", "bce")), weights(first));
  const { code, error } = await train("--loss", "ce");
  assertEquals(code, 1);
  assertStringIncludes(error, "by cross-entropy: their scores are sigmoid, of classes that do not exclude each other");
});

Deno.test("deno task convert keeps what scores are, and refuses files that cannot say it", async () => {
  const { path } = await wholeRun();
  const smaller = newFolder();
  const options = ["--top-k", "2", "--dtype", "fp8_e4m3", "--quiet"];
  const { code, error } = await runTask("convert", path, smaller, ...options);
  assertEquals(code, 0, error);
  const [before, after] = [path, smaller].map((folder) => readManifests(folder)[0].configuration.metadata);
  assertEquals(after, { ...before, k: 2, dtype: "fp8_e4m3" });
  const torch = await runTask("convert", path, newFolder(), "--to", "pt");
  assertEquals(torch.code, 1);
  assertStringIncludes(torch.error, "are of independent classes (sigmoid), and these files are read as logits of");
});
