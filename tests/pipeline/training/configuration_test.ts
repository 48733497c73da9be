import { assertEquals, assertThrows } from "@std/assert";
import { dirname, join } from "@std/path";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { optionName } from "../../../pipeline/command/option_table.ts";
import { TRAIN } from "../../../pipeline/training/options.ts";
import { formatConfiguration, readConfiguration } from "../../../pipeline/training/configuration.ts";
import { defaultBatch, resolveSettings, settingNames } from "../../../pipeline/training/settings.ts";

function fileOf(text: string): string {
  const path = join(Deno.makeTempDirSync(), "config.yaml");
  Deno.writeTextFileSync(path, text);
  return path;
}

function read(...args: string[]) {
  const command = TRAIN.read(args);
  if (typeof command === "string") throw new TypeError("no training was asked for");
  return command.options;
}

Deno.test("a complete configuration is read as it was written", () => {
  const all = [
    ...["photos", "--maps", "my labels", "--output", "1e3", "--labels", "mix", "--size", "64x96", "--clip", "0.5"],
    ...["--rand-augment", "2,9", "--no-decay-norms", "--scale", "0.25,1", "--lr", "1e-5", "--ema", "0.9999"],
  ];
  for (const options of [read("photos"), read(...all)]) {
    const path = fileOf(formatConfiguration(options));
    assertEquals(resolveSettings(readConfiguration(path)), options);
    assertEquals(read("--config", path), options);
  }
  const text = formatConfiguration(read(...all));
  const names = text.trimEnd().split("\n").map((line) => line.split(":")[0]);
  assertEquals(names, settingNames.map((name) => optionName(name)));
});

Deno.test("options of the command line win over those of the file", () => {
  const path = fileOf("images: photos\nlr: 0.3\nepochs: 20\nno-decay-norms: true\nscale: [0.5, 1]\nclip: null\n");
  const options = read("--config", path, "--lr", "0.4", "other");
  assertEquals([options.images, options.lr, options.epochs, options.noDecayNorms], ["other", 0.4, 20, true]);
  assertEquals([options.scale, options.clip], [[0.5, 1], undefined]);
});

Deno.test("epochs of the command line win over updates of the file, and both at once are refused", () => {
  const path = fileOf("images: photos\nsteps: 5000\n");
  assertEquals([read("--config", path).steps, read("--config", path, "--epochs", "3").steps], [5000, undefined]);
  const message = "Cannot train for --epochs and --steps: either ends a training";
  assertThrows(() => read("photos", "--epochs", "3", "--steps", "9"), UsageError, message);
});

Deno.test("a run is resumed as its configuration says, wherever its folder is now", () => {
  const path = fileOf("images: photos\noutput: elsewhere\nlr: 0.3\n");
  const { images, output, lr, workers } = read("--resume", dirname(path), "--workers", "2");
  assertEquals([images, output, lr, workers], ["photos", dirname(path), 0.3, 2]);
  assertThrows(() => read("--resume", "/no/such"), Error, 'Cannot read configuration "/no/such/config.yaml": ');
  for (const option of ["config", "output"]) {
    assertThrows(
      () => read("--resume", dirname(path), `--${option}`, "other"),
      UsageError,
      `Cannot use --resume with --${option}: the run's own is used`,
    );
  }
});

Deno.test("what is not given is the paper's recipe, and what follows from the rest", () => {
  const paper = read("photos");
  assertEquals([paper.network, paper.size, paper.batch, paper.epochs], ["resnet50", [224, 224], undefined, 300]);
  assertEquals([paper.optimizer, paper.lr, paper.weightDecay, paper.warmupEpochs], ["sgd", 0.1, 1e-4, 5]);
  const adamp = read("photos", "--optimizer", "adamp", "--cutmix", "1");
  assertEquals([adamp.lr, adamp.weightDecay, adamp.mixOffEpochs], [0.002, 0.01, 5]);
  assertEquals(read("photos", "--maps", "labels").labels, "relabel");
  assertEquals(read("photos", "--teacher", "run").labels, "distill");
  const oracle = read("photos", "--masks", "masks");
  assertEquals([oracle.labels, oracle.loss], ["oracle", "bce"]);
  assertEquals(read("photos", "--labels", "smoothing").labelSmoothing, 0.1);
  const lossOf = (...args: string[]) => {
    const { labels, loss, classReduction } = read("photos", ...args);
    return [labels, loss, classReduction];
  };
  const file = ["--multi-label", "f"];
  assertEquals(lossOf(), ["original", "ce", undefined]);
  assertEquals(lossOf("--masks", "masks"), ["oracle", "bce", "mean"]);
  assertEquals(lossOf(...file), ["multi-hot", "bce", "sum"]);
  assertEquals(lossOf(...file, "--class-reduction", "mean"), ["multi-hot", "bce", "mean"]);
  assertEquals(lossOf(...file, "--maps", "m", "--labels", "mix"), ["mix", "bce", "sum"]);
  assertEquals(lossOf("--maps", "m", "--labels", "mix"), ["mix", "ce", undefined]);
  assertEquals(lossOf("--maps", "m", "--loss", "asl"), ["relabel", "asl", "sum"]);
  const validated = ["--maps", "m", "--validation", "v", "--validation-multi-label", "f"];
  assertEquals(lossOf(...validated), ["relabel", "ce", undefined]);
  assertEquals(lossOf(...validated, "--loss", "bce"), ["relabel", "bce", "sum"]);
});

Deno.test("settings that cannot be are refused in one sentence", () => {
  const cases: [string, string][] = [
    ["epoch: 3", "unknown setting epoch, did you mean epochs? See deno task train --help"],
    ["quality: 3", "unknown setting quality: see deno task train --help"],
    ["size: [32, 16, 8]", "Cannot use --size 32x16x8: expected N or HxW, in pixels"],
    ["lr: fast", "Cannot use --lr fast: expected a number, 0 or more"],
    ["lr: {base: 1}", 'lr is {"base":1}, expected a value or a list'],
    ["half: 1", "Cannot use --half 1: expected true or false"],
    ["- lr", 'it is ["lr"], expected settings by name'],
    ["3", "it is 3, expected settings by name"],
  ];
  for (const [text, message] of cases) {
    const path = fileOf(text);
    const error = assertThrows(() => readConfiguration(path), UsageError);
    assertEquals(error.message, `Cannot read configuration "${path}": ${message}`);
  }
  const path = fileOf("lr: [1, 2");
  assertThrows(() => readConfiguration(path), UsageError, `Cannot read configuration "${path}": `);
  assertThrows(
    () => readConfiguration("/no/such.yaml"),
    Deno.errors.NotFound,
    'Cannot read configuration "/no/such.yaml"',
  );
});

Deno.test("options that cannot be are refused in one sentence", () => {
  const cases: [string[], string][] = [
    [["--lr", "1"], "Cannot train without IMAGES: see deno task train --help"],
    [["a", "b", "--maps", "m"], "Cannot train on 2 roots of images with 1 folder of label maps: give --maps for each"],
    [["a", "--epoch", "3"], "Unknown option --epoch, did you mean --epochs? see deno task train --help"],
    [["a", "--labels", "relable"], "Cannot use --labels relable, did you mean relabel?"],
    [["a", "--labels", "relabel"], "Cannot train with --labels relabel: it needs --maps"],
    [
      ["a", "--labels", "original", "--maps", "m"],
      "Cannot train with --labels original and --maps, which it does not use",
    ],
    [["a", "--labels", "cleaned"], "Cannot train with --labels cleaned: it needs either --maps or --cleaned"],
    [["a", "--maps", "m", "--label-smoothing", "0.1"], "Cannot train with --labels relabel and --label-smoothing"],
    [
      ["a", "--masks", "m", "--presence-threshold", "0.1"],
      "Cannot train with --labels oracle and --presence-threshold, which it does not use",
    ],
    [
      ["a", "--maps", "m", "--presence-threshold", "1"],
      "Cannot use --presence-threshold 1: expected a number, 0 to 0.999",
    ],
    [["a", "--teacher-temperature", "4"], "Cannot train with --labels original and --teacher-temperature"],
    [["a", "--masks", "m", "--loss", "ce"], "Cannot train with --labels oracle and --loss ce: a crop may show several"],
    [["a", "--labels", "multi-hot"], "Cannot train with --labels multi-hot: it needs --multi-label"],
    [["a", "--multi-label", "f", "--maps", "m"], "Cannot train with --labels relabel and --multi-label, which it does"],
    [["a", "--multi-label", "f", "--loss", "ce"], "and --loss ce: an image may show several classes, or none"],
    [["a", "--classes", "f"], "Cannot train with --classes and without --multi-label, whose classes it names"],
    [["a", "--validation-multi-label", "f"], "Cannot train with --validation-multi-label and without --validation"],
    [["a", "--class-reduction", "sum"], "Cannot train with --loss ce and --class-reduction, which is of bce and asl"],
    [["a", "--loss", "bce", "--asl-clip", "0"], "Cannot train with --loss bce and --asl-clip, which it does not use"],
    [["a", "--size", "0"], "Cannot use --size 0: expected N or HxW, in pixels"],
    [["a", "--scale", "1,0.5"], "Cannot use --scale 1,0.5: expected positive numbers, the smaller first"],
    [["a", "--scale", "0.5,2"], "Cannot use --scale 0.5,2: expected shares up to 1"],
    [["a", "--scale", "0.5"], "Cannot use --scale 0.5: expected 2 numbers with commas between"],
    [["a", "--flip", "1.5"], "Cannot use --flip 1.5: expected a number, 0 to 1"],
    [["a", "--batch", "0"], "Cannot use --batch 0: expected a positive integer"],
    [["a", "--half=true"], "Option --half takes no value: see deno task train --help"],
  ];
  for (const [args, message] of cases) assertThrows(() => TRAIN.read(args), UsageError, message);
});

Deno.test("the help has every setting, in lines that fit", () => {
  // Of the others, the usage and --maps tell.
  for (const name of settingNames.filter((name) => !["images", "otherImages", "otherMaps"].includes(name))) {
    if (!TRAIN.help.includes(`--${optionName(name)}`)) throw new Error(`--${optionName(name)} is not in the help`);
  }
  const long = TRAIN.help.split("\n").filter((line) => line.length > 110);
  assertEquals(long, []);
});

Deno.test("the batch that is chosen follows adapter, images and ranks", () => {
  const batch = (images: number, ranks: number, software: boolean, ...args: string[]) =>
    defaultBatch(read("photos", ...args), { images, ranks, software });
  assertEquals([batch(1e6, 1, false), batch(1e6, 8, false), batch(1e6, 7, false)], [1024, 1024, 1022]);
  assertEquals([batch(1e6, 1, true), batch(1e6, 4, true), batch(1e6, 64, true)], [32, 128, 2048]);
  assertEquals([batch(9, 1, true), batch(9, 1, false), batch(100, 1, false), batch(1, 1, true)], [9, 9, 100, 1]);
  assertEquals([batch(9, 2, true), batch(9, 4, true), batch(3, 4, true)], [8, 8, 4]);
  assertEquals([batch(9, 2, true, "--cutmix", "1"), batch(11, 2, false, "--mixup", "0.2")], [8, 8]);
  assertEquals([batch(9, 1, true, "--accumulate", "2"), batch(100, 1, true, "--accumulate", "2")], [4, 32]);
});
