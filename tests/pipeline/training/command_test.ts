import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openAnnotatorFolder } from "../../../formats/weights/mod.ts";
import { openTrainingLog } from "../../../pipeline/training/training_log.ts";
import { pythonTest } from "../../python.ts";
import { imageFolder, mapFolder } from "./data.ts";
import { runTask, taskCommand } from "../task.ts";

const IMAGES = imageFolder(26);
const KEYS = Array.from({ length: 26 }, (_, image) => `${["cat", "dog", "eel"][image % 3]}/${image}.png`);

/** A small network and few steps. */
const SMALL = ["--network", "resnet8", "--size", "16", "--batch", "4", "--epochs", "2", "--warmup-epochs", "1"];

function newRun(): string {
  return join(Deno.makeTempDirSync(), "run");
}

/** The bits that a run ends with. */
function results(folder: string): Record<string, string> {
  const names = ["last.safetensors", "model.safetensors", "best.safetensors", "summary.csv", "config.json"];
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(folder, name)).toBase64()]));
}

/** All that has a state of its own: maps, dropping, averages, momentum, accumulated gradients. */
const KILLED = [
  ...[IMAGES, "--maps", mapFolder(KEYS), "--validation", IMAGES, ...SMALL, "--accumulate", "2", "--ema", "0.9"],
  ...["--optimizer", "adamp", "--cutmix", "1", "--mix-off-epochs", "1", "--drop-path", "0.2", "--dropout", "0.2"],
];

/** A line of the log every second step; the log stands beside the run. */
function logTo(folder: string): string[] {
  return ["--log", `${folder}.jsonl`, "--log-every", "2"];
}

/** What a log says, and the run that it names. */
function readLog(folder: string): { run: string; lines: Record<string, unknown>[] } {
  const text = Deno.readTextFileSync(`${folder}.jsonl`);
  const [{ event, run, settings }, ...lines] = text.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals([event, settings.network], ["start", "resnet8"]);
  return { run, lines };
}

let whole: Promise<{ folder: string; out: string; error: string }> | undefined;

function wholeRun() {
  return whole ??= (async () => {
    const folder = newRun();
    const { code, out, error } = await runTask("train", ...KILLED, "--output", folder, ...logTo(folder));
    assertEquals(code, 0, error);
    return { folder, out, error };
  })();
}

Deno.test("deno task train trains, and tells what and how well", async () => {
  const { folder, out, error } = await wholeRun();
  const [first, network, labels, validation, ofValidation, ...epochs] = error.trimEnd().split("\n");
  assertMatch(
    network,
    /^ {2}network {4}0\.0\d+ M parameters, 0\.0\d+ G multiply-adds \(FLOPs, as papers count\) an image$/,
  );
  assertEquals(labels, "  labels     26 images, each with a label");
  assertMatch(validation, /^Validation on \//);
  assertMatch(ofValidation, /^ {2}labels {5}\d+ images, each with a label$/);
  assertMatch(
    first,
    /^26 images in 3 class folders; resnet8 at 16 x 16 with 3 classes, labels relabel, 2 epochs, batch 4, 2 batches an update; \d+ MB on /,
  );
  assertEquals(epochs.length, 2);
  assertMatch(epochs[1], /^epoch 1 {2}loss \d\.\d{3} {2}top-1 [\d.]+ % {2}top-5 100\.00 % {2}lr [\de.-]+ {2}[\d.]+ s$/);
  const lines = out.trimEnd().split("\n");
  assertEquals(lines[0], `${folder}: 2 epochs with labels relabel`);
  assertMatch(lines[1], /^ {2}accuracy {2}[\d.]+ % top-1, 100\.00 % top-5 on .*; best [\d.]+ % after epoch [01]$/);
  assertMatch(lines[3], /images\/s, waiting for data \d+ %$/);
  assertEquals(lines[4], `  weights   ${folder}/model.safetensors`);
});

Deno.test("the log of a training has every second step, each epoch with its summary, and the end", async () => {
  const { folder } = await wholeRun();
  const { run, lines } = readLog(folder);
  assertEquals(run, folder);
  assertEquals(
    lines.map(({ event, epoch, global_step: step }) => [event, epoch, step]),
    [
      ...[1, 3, 5].map((step) => ["step", 0, step]),
      ["epoch", 0, 5],
      ...[7, 9, 11].map((step) => ["step", 1, step]),
      ["epoch", 1, 11],
      ["end", undefined, undefined],
    ],
  );
  const [header, ...rows] = Deno.readTextFileSync(join(folder, "summary.csv")).trimEnd().split("\n");
  assertEquals(header, "epoch,train_loss,eval_loss,eval_top1,eval_top5,lr");
  const names = ["epoch", "train_loss", "eval_loss", "eval_top1", "eval_top5", "learning_rate"];
  const epochs = lines.filter(({ event }) => event === "epoch");
  assertEquals(epochs.map((epoch) => names.map((name) => epoch[name]).join()), rows);
  for (const [at, epoch] of epochs.entries()) assertEquals(lines[4 * at + 2].mean_loss, epoch.train_loss);
});

Deno.test("a training does not log into another file, nor into the log of another run", () => {
  const folder = Deno.makeTempDirSync();
  const path = join(folder, "log.jsonl");
  const settings = { path, run: join(folder, "run"), settings: {}, every: 1, start: { epoch: 0, globalStep: 0 } };
  Deno.writeTextFileSync(path, "a shopping list\n");
  assertThrows(
    () => openTrainingLog(settings),
    TypeError,
    `Cannot log to "${path}": it is there, and not the log of a training`,
  );
  assertEquals(Deno.readTextFileSync(path), "a shopping list\n");
  Deno.removeSync(path);
  openTrainingLog(settings).close();
  const other = { ...settings, run: join(folder, "other") };
  assertThrows(() => openTrainingLog(other), TypeError, "it is the log of the run");
  // What a power cut leaves.
  Deno.writeTextFileSync(path, '{"event":"step","glob', { append: true });
  openTrainingLog(settings).close();
  assertEquals(Deno.readTextFileSync(path).split("\n").length, 2);
});

Deno.test("deno task train goes on after kills, and ends with the bits of an uninterrupted run", async () => {
  const { folder } = await wholeRun();
  const killed = newRun();
  const args = [...KILLED, "--output", killed, "--save-minutes", "0", ...logTo(killed)];
  const place = () => {
    try {
      return Deno.statSync(join(killed, "last.safetensors")).mtime!.getTime();
    } catch {
      return 0;
    }
  };
  for (const signal of ["SIGKILL", "SIGKILL", "SIGTERM"] as const) {
    const before = place();
    const process = taskCommand("train", args).spawn();
    const output = process.output();
    let hasEnded = false;
    process.status.then(() => hasEnded = true);
    // Until it has gone on by a checkpoint at least.
    while (place() === before && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 5));
    if (!hasEnded) process.kill(signal);
    const { code, stderr } = await output;
    const error = new TextDecoder().decode(stderr);
    assertEquals(code, signal === "SIGKILL" ? 137 : 143, error);
    if (signal === "SIGKILL") continue;
    assertMatch(error, /Stopped after step \d+ of epoch \d: the same command goes on in "/);
  }
  const { code, error } = await runTask("train", ...KILLED, "--output", killed, ...logTo(killed));
  assertEquals(code, 0, error);
  assertMatch(error, /Going on in ".*" after step \d+ of epoch [01]\n/);
  assertEquals(results(killed), results(folder));
  const again = await runTask("train", ...KILLED, "--output", killed, ...logTo(killed));
  assertStringIncludes(again.out, "nothing was left to do");
  assertEquals(results(killed), results(folder));
  assertEquals(readLog(killed), { run: killed, lines: readLog(folder).lines });
});

Deno.test("deno task train trains with every supervision", async () => {
  const maps = mapFolder(KEYS);
  const masks = maskFolder();
  const { folder: teacher } = await wholeRun();
  const supervisions: Record<string, string[]> = {
    original: ["--init", teacher],
    smoothing: ["--optimizer", "adamw", "--erasing", "0.5"],
    cleaned: ["--maps", maps],
    relabel: ["--maps", maps, "--mode", "global-single", "--rand-augment", "2,9"],
    mix: ["--maps", maps, "--temperature", "0.5", "--mixup", "0.2"],
    distill: ["--teacher", teacher],
    oracle: ["--masks", masks, "--clip", "1"],
  };
  for (const [labels, options] of Object.entries(supervisions)) {
    const folder = newRun();
    const args = [IMAGES, "--labels", labels, ...options, ...SMALL, "--epochs", "1", "--output", folder];
    const { code, out, error } = await runTask("train", ...args);
    assertEquals(code, 0, error);
    const [, loss] = /^ {2}loss {6}(\d\.\d{4})$/m.exec(out)!;
    assert(Number(loss) > 0.1 && Number(loss) < 3, `${labels}: ${loss}`);
    assertStringIncludes(Deno.readTextFileSync(join(folder, "config.yaml")), `labels: ${labels}\n`);
  }
});

/** Masks of the images that show the class of their folder everywhere, in another format than theirs. */
function maskFolder(): string {
  const folder = Deno.makeTempDirSync();
  ["cat", "dog", "eel"].forEach((name, label) => {
    Deno.mkdirSync(join(folder, name));
    const header = new TextEncoder().encode("P5 3 2 255\n");
    const mask = Uint8Array.from([...header, ...new Uint8Array(6).fill(1 + label)]);
    for (const key of KEYS.filter((key) => key.startsWith(name))) {
      Deno.writeFileSync(join(folder, key.replace(".png", ".ppm")), mask);
    }
  });
  return folder;
}

Deno.test("deno task train goes on without images that cannot be decoded, and says how many", async () => {
  const [images, validation] = [imageFolder(12), imageFolder(6)];
  for (const file of [join(images, "dog", "4.png"), join(validation, "cat", "0.png")]) {
    Deno.writeTextFileSync(file, "no image");
  }
  const folder = newRun();
  const { code, out, error } = await runTask(
    "train",
    ...[images, "--validation", validation, ...SMALL, "--output", folder],
  );
  assertEquals(code, 0, error);
  assertStringIncludes(out, `  rejected  2 images, listed in ${folder}/rejected.jsonl\n`);
  const lines = Deno.readTextFileSync(join(folder, "rejected.jsonl")).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).key), ["dog/4.png", join(validation, "cat", "0.png")]);
  // Of 5 images that are left.
  const [, top1] = /best ([\d.]+) %/.exec(out)!;
  assertEquals(Number(top1) % 20, 0);
});

Deno.test("what deno task train leaves opens as an annotator and as a classifier", async () => {
  const { folder, out } = await wholeRun();
  const annotator = await openAnnotatorFolder(folder);
  const { architecture, classes, inputSize, classNames, crop } = annotator;
  assertEquals([architecture, classes, inputSize, classNames], ["resnet8", 3, [16, 16], ["cat", "dog", "eel"]]);
  assertEquals(crop, { share: 0.875, mode: "center" });
  assertEquals(annotator.weights.path, join(folder, "model.safetensors"));
  annotator.weights.close();
  const json = join(Deno.makeTempDirSync(), "a.json");
  const { code, error } = await runTask("evaluate", IMAGES, "--model", folder, "--json", json, "--quiet");
  assertEquals(code, 0, error);
  const [, top1] = /accuracy {2}([\d.]+) %/.exec(out)!;
  const { figures } = JSON.parse(Deno.readTextFileSync(json));
  const { value } = figures.find(({ measure }: { measure: string }) => measure === "top-1");
  assertEquals((100 * value).toFixed(2), top1);
});

Deno.test("deno task train says so if the weights to begin with are of images normalised in another way", async () => {
  const { folder } = await wholeRun();
  const args = [IMAGES, "--init", folder, ...SMALL, "--epochs", "1", "--mean", "0.5,0.5,0.5", "--output", newRun()];
  const { code, error } = await runTask("train", ...args);
  assertEquals(code, 0, error);
  assertStringIncludes(
    error,
    `The weights of "${folder}" are of images with another mean: ` +
      "--mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 gives the same\n",
  );
});

/** A transformer, whose position embeddings are of a grid, and what its recipes train it with. */
const TRANSFORMER = [
  ...["--network", "test_vit", "--batch", "4", "--epochs", "1", "--optimizer", "adamw", "--no-decay-norms"],
  ...["--layer-decay", "0.75", "--drop-path", "0.1"],
];

let transformer: Promise<string> | undefined;

function transformerRun() {
  return transformer ??= (async () => {
    const folder = newRun();
    const { code, error } = await runTask("train", IMAGES, ...TRANSFORMER, "--size", "48", "--output", folder);
    assertEquals(code, 0, error);
    return folder;
  })();
}

Deno.test("deno task train trains a transformer at its size, and goes on with its weights at another", async () => {
  const folder = await transformerRun();
  assertEquals(JSON.parse(Deno.readTextFileSync(join(folder, "config.json"))).model_args, { img_size: [48, 48] });
  const init = await openAnnotatorFolder(folder);
  assertEquals([init.inputSize, init.weights.shape("pos_embed")], [[48, 48], [1, 1 + 3 * 3, 64]]);
  init.weights.close();
  const larger = newRun();
  const args = ["--init", folder, ...TRANSFORMER, "--size", "64x48", "--output", larger];
  const { code, error } = await runTask("train", IMAGES, ...args);
  assertEquals(code, 0, error);
  const { weights } = await openAnnotatorFolder(larger);
  assertEquals(weights.shape("pos_embed"), [1, 1 + 4 * 3, 64]);
  weights.close();
});

Deno.test("deno task relabel and evaluate run a transformer at the size asked for", async () => {
  const folder = await transformerRun();
  const labels = join(Deno.makeTempDirSync(), "labels");
  const args = ["--annotator", folder, "--size", "48x80", "--top-k", "2", "--out", labels];
  const { code, error } = await runTask("relabel", IMAGES, ...args);
  assertEquals(code, 0, error);
  assertEquals(JSON.parse(Deno.readTextFileSync(join(labels, "manifest.json"))).configuration.metadata.grid, [3, 5]);
  const evaluated = await runTask("evaluate", IMAGES, "--model", folder, "--size", "48x32");
  assertEquals(evaluated.code, 0, evaluated.error);
});

pythonTest(
  "timm opens a transformer's run, strictly and at its size",
  ["torch", "timm", "safetensors"],
  async (run) => {
    const out = await run(
      `
import sys, json, timm, torch
from safetensors.torch import load_file
model = timm.create_model("local-dir:" + sys.argv[1], pretrained=True).eval()
model.load_state_dict(load_file(sys.argv[1] + "/model.safetensors"), strict=True)
print(json.dumps(list(model(torch.zeros(1, 3, 48, 48)).shape)))
`,
      await transformerRun(),
    );
    assertEquals(JSON.parse(out), [1, 3]);
  },
);

pythonTest("PyTorch opens the weights, which have timm's names", ["torch", "timm", "safetensors"], async (run) => {
  const folder = newRun();
  const args = [IMAGES, ...SMALL, "--network", "resnet18", "--size", "32", "--epochs", "1", "--output", folder];
  const { code, error } = await runTask("train", ...args);
  assertEquals(code, 0, error);
  const out = await run(
    `
import sys, json, timm, torch
from safetensors.torch import load_file
model = timm.create_model("resnet18", num_classes=3)
state = load_file(sys.argv[1] + "/model.safetensors")
missing, unexpected = model.load_state_dict(state, strict=False)
print(json.dumps([[n for n in missing if "num_batches" not in n], unexpected, bool(all(torch.isfinite(v).all() for v in state.values()))]))
`,
    folder,
  );
  assertEquals(JSON.parse(out), [[], [], true]);
});

Deno.test("train and evaluate refuse weights that are not finite, as a start, a teacher and a model", async () => {
  const { folder } = await wholeRun();
  const broken = join(Deno.makeTempDirSync(), "broken");
  Deno.mkdirSync(broken);
  Deno.copyFileSync(join(folder, "config.json"), join(broken, "config.json"));
  const bytes = Deno.readFileSync(join(folder, "model.safetensors"));
  const view = new DataView(bytes.buffer);
  const header = Number(view.getBigUint64(0, true));
  const tensors = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + header)));
  view.setFloat32(8 + header + tensors["fc.bias"].data_offsets[0] + 4, NaN, true);
  Deno.writeFileSync(join(broken, "model.safetensors"), bytes);
  const message =
    `Cannot load weights "${broken}/model.safetensors": tensor "fc.bias" [3] has 1 of 3 values that is not ` +
    "finite, first NaN at 1\n";
  for (
    const [task, ...args] of [
      ["train", IMAGES, "--init", broken, ...SMALL, "--output", newRun()],
      ["train", IMAGES, "--labels", "distill", "--teacher", broken, ...SMALL, "--output", newRun()],
      ["evaluate", IMAGES, "--model", broken],
    ] as const
  ) {
    const { code, error } = await runTask(task, ...args);
    assertEquals([code, error.split("\n").slice(-2).join("\n")], [1, message], `${task} ${args.join(" ")}`);
  }
});

Deno.test("deno task train refuses, in one sentence, what it cannot do", async () => {
  const { folder } = await wholeRun();
  const cases: [string[], number, string][] = [
    [
      ["--epochs", "3"],
      2,
      "Cannot train without IMAGES: see deno task train --help; deno task reproduce --quick makes images of its own",
    ],
    [[IMAGES, "--epoch", "3"], 2, "Unknown option --epoch, did you mean --epochs? see deno task train --help"],
    [["/no/such", ...SMALL], 1, 'Cannot open images "/no/such": no such file or folder'],
    [
      [IMAGES, ...SMALL, "--batch", "64", "--output", newRun()],
      1,
      "Cannot train: 26 images are fewer than a batch of 64",
    ],
    [
      [...KILLED, "--output", folder, "--seed", "1"],
      1,
      `Cannot train in "${folder}": it was begun with --seed 0, not 1; ` +
      "go on as it was begun, or name another folder with --output",
    ],
    [
      [IMAGES, ...SMALL, "--teacher-size", "32", "--output", newRun()],
      2,
      "Cannot train with --labels original and --teacher-size, which it does not use",
    ],
  ];
  for (const [args, code, message] of cases) {
    const found = await runTask("train", ...args, "--quiet");
    assertEquals([found.code, found.out, found.error.trimEnd()], [code, "", message]);
  }
});

/** The settings of a run, as text by name. */
function settingsOf(run: string): Record<string, string> {
  const lines = Deno.readTextFileSync(join(run, "config.yaml")).trimEnd().split("\n");
  return Object.fromEntries(lines.map((line) => line.split(": ", 2)));
}

Deno.test("deno task train --steps ends in the middle of an epoch, says which, and goes on as its config.yaml says", async () => {
  const run = newRun();
  const args = [IMAGES, ...SMALL.slice(0, -4), "--steps", "8", "--warmup-epochs", "0", "--output", run];
  const { code, error } = await runTask("train", ...args);
  assertEquals(code, 0, error);
  assertMatch(error, /labels original, 8 updates in 2 epochs, batch 4; /);
  assertEquals([settingsOf(run).steps, settingsOf(run).epochs], ["8", "2"]);
  const again = await runTask("train", "--resume", run);
  assertEquals(again.code, 0, again.error);
  assertMatch(again.error, /after step 0 of epoch 2/);
});

Deno.test("deno task train chooses a batch of no more images than there are, says so, and goes on with it", async () => {
  const images = imageFolder(9);
  const run = newRun();
  const small = ["--network", "resnet8", "--size", "16", "--epochs", "1", "--warmup-epochs", "0"];
  const first = await runTask("train", images, ...small, "--output", run);
  assertEquals(first.code, 0, first.error);
  assertMatch(first.error, /^9 images in .* 1 epoch, batch 9 \(chosen, --batch sets it\); \d+ MB on /);
  assertEquals(settingsOf(run).batch, "9");
  // What a run has is kept where the default would be another one.
  const other = newRun();
  const given = await runTask("train", images, ...small, "--batch", "4", "--output", other);
  assertMatch(given.error, /, batch 4; \d+ MB on /);
  for (const args of [[images, ...small, "--output", other], ["--resume", other]]) {
    const { code, error } = await runTask("train", ...args);
    assertEquals([code, settingsOf(other).batch], [0, "4"], error);
    assertMatch(error, /, batch 4; \d+ MB on /);
  }
  const changed = await runTask("train", images, ...small, "--batch", "3", "--output", other);
  assertEquals(changed.code, 1);
  assertStringIncludes(changed.error, "it was begun with --batch 4, not 3");
});
