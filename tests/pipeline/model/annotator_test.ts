import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { openWeights, type TensorData, writeSafetensors } from "../../../formats/weights/mod.ts";
import { describeAnnotators } from "../../../pipeline/model/averaged_entries.ts";
import { loadAnnotator } from "../../../pipeline/model/load_annotator.ts";
import { groupSynsets, readWordNet, synsetsOf } from "../../../pipeline/model/word_net.ts";
import { classSumsReference } from "../../../kernels/operations/class_sums/kernels.ts";
import { softmaxReference } from "../../../kernels/operations/softmax/kernels.ts";
import { commit, repository, startFakeHub } from "../../formats/weights/hub/fake_hub.ts";
import { ROOT, runTask, taskCommand } from "../task.ts";

const DEFAULT = join(ROOT, "assets/efficientnet_lite0");
const CONFIG = Deno.readTextFileSync(join(DEFAULT, "config.json"));
const WEIGHTS = Deno.readFileSync(join(DEFAULT, "model.safetensors"));

/** A folder of an annotator whose files are these. */
function annotatorFolder(files: Record<string, string | Uint8Array>): string {
  const path = Deno.makeTempDirSync();
  for (const [name, content] of Object.entries(files)) {
    if (typeof content === "string") Deno.writeTextFileSync(join(path, name), content);
    else Deno.writeFileSync(join(path, name), content);
  }
  return path;
}

/** The default weights with a text of their header replaced by one of the same length. */
function withHeader(from: string, to: string): Uint8Array {
  const length = 8 + Number(new DataView(WEIGHTS.buffer).getBigUint64(0, true));
  const header = new TextDecoder("latin1").decode(WEIGHTS.subarray(0, length));
  assert(header.includes(from) && from.length === to.length, from);
  const bytes = WEIGHTS.slice();
  new TextEncoder().encodeInto(to, bytes.subarray(header.indexOf(from)));
  return bytes;
}

/** The default weights with another number in a tensor. */
function withNumber(name: string, place: number, value: number): Uint8Array {
  const bytes = WEIGHTS.slice();
  const view = new DataView(bytes.buffer);
  const header = Number(view.getBigUint64(0, true));
  const tensors = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + header)));
  assertEquals(tensors[name].dtype, "F16");
  view.setFloat16(8 + header + tensors[name].data_offsets[0] + place * 2, value, true);
  return bytes;
}

/** A pickle that calls `os.system("touch executed")` where Python reads it. */
const CODE = Uint8Array.from("\x80\x02cos\nsystem\nX\x0e\0\0\0touch executed\x85R.", (sign) => sign.charCodeAt(0));

Deno.test("deno task relabel refuses faulty weights with one sentence, writes nothing and runs no code", async () => {
  const cases: [Record<string, string | Uint8Array>, string][] = [
    [{ "model.safetensors": WEIGHTS.slice(0, 1 << 20) }, 'Cannot read "FOLDER/model.safetensors": '],
    [
      { "model.safetensors": withHeader('"bn1.bias"', '"bn1.bios"') },
      'Cannot load weights "FOLDER/model.safetensors": parameter "bn1.bias" [32] is missing',
    ],
    [
      { "model.safetensors": withHeader("[32,3,3,3]", "[32,3,9,1]") },
      'Cannot load weights "FOLDER/model.safetensors": parameter "conv_stem.weight" has shape [32, 3, 9, 1], ' +
      "expected [32, 3, 3, 3]",
    ],
    [
      { "model.safetensors": withNumber("conv_stem.weight", 5, NaN) },
      'Cannot load weights "FOLDER/model.safetensors": tensor "conv_stem.weight" [32, 3, 3, 3] has 1 of 864 values that ' +
      "is not finite, first NaN at 5",
    ],
    [
      { "model.safetensors": withNumber("classifier.bias", 999, -Infinity) },
      'Cannot load weights "FOLDER/model.safetensors": tensor "classifier.bias" [1000] has 1 of 1000 values that is not ' +
      "finite, first -Infinity at 999",
    ],
    [
      { "model.safetensors": withNumber("bn1.running_var", 0, Infinity) },
      'Cannot load weights "FOLDER/model.safetensors": tensor "bn1.running_var" [32] has 1 of 32 values that is not finite',
    ],
    [
      { "pytorch_model.bin": CODE },
      'Cannot read "FOLDER/pytorch_model.bin": pickle refers to os.system, which is not a tensor',
    ],
    [{ "model.safetensors": "no weights" }, 'Cannot read "FOLDER/model.safetensors": it is text, expected'],
    [{}, 'Cannot read annotator "FOLDER": it has no model.safetensors or other weights'],
    [{ "config.json": "{}" }, 'Cannot read "FOLDER/config.json": architecture is missing'],
    [
      { "config.json": CONFIG.replace("tf_efficientnet_lite0", "tf_efficientnet_lite9"), "model.safetensors": WEIGHTS },
      'Cannot build network "tf_efficientnet_lite9": unknown architecture, did you mean "tf_efficientnet_lite',
    ],
    [
      { "config.json": CONFIG.replace("tf_efficientnet_lite0", "tf_efficientnet_lite1"), "model.safetensors": WEIGHTS },
      'Cannot load weights "FOLDER/model.safetensors": parameter "blocks.',
    ],
  ];
  await Promise.all(cases.map(async ([files, message]) => {
    const folder = annotatorFolder({ "config.json": CONFIG, ...files });
    const path = join(Deno.makeTempDirSync(), "labels");
    const { code, out, error } = await runTask("relabel", "--annotator", folder, "--out", path, "--quiet");
    const said = error.replaceAll(folder, "FOLDER");
    assert(said.startsWith(message), `${said} does not start with ${message}`);
    assertEquals([code, out, said.trimEnd().split("\n").length], [1, "", 1]);
    assertEquals([...Deno.readDirSync(join(path, ".."))], []);
  }));
  assertEquals([...Deno.readDirSync(ROOT)].filter(({ name }) => name === "executed"), []);
});

Deno.test("loadAnnotator() gives label maps that do not depend on the other images of a step, nor on the batch", async () => {
  const image = (seed: number) => ({
    width: 40 + seed,
    height: 30,
    pixels: Uint8Array.from({ length: (40 + seed) * 30 * 3 }, (_, index) => (index * (seed + 3) * 7) % 256),
  });
  const images = [image(0), image(1), image(2)];
  const one = await loadAnnotator(DEFAULT, { size: [64, 96], k: 3, dtype: "fp32", batch: 1 });
  const alone = [];
  for (const single of images) alone.push(...await one.annotate([single]));
  const { metadata } = one;
  one.close();
  assertEquals([metadata.grid, metadata.k, metadata.dtype, metadata.classes], [[2, 3], 3, "fp32", 1000]);
  assertEquals(metadata.annotator.inputSize, [64, 96]);
  assertEquals([alone[0].class.length, alone[0].score.length, alone[0].topClass.length], [18, 18, 5]);
  const four = await loadAnnotator(DEFAULT, { size: [64, 96], k: 3, dtype: "fp32", batch: 4 });
  const together = await four.annotate(images);
  const reversed = await four.annotate(images.toReversed());
  four.close();
  assertEquals(together, alone);
  assertEquals(reversed.toReversed(), alone);
});

Deno.test("loadAnnotator() takes the names of the classes from config.json, else those of ImageNet", async () => {
  const names = Array.from({ length: 1000 }, (_, index) => `kind ${index}`);
  const config = JSON.stringify({ ...JSON.parse(CONFIG), label_names: names });
  const own = await loadAnnotator(annotatorFolder({ "config.json": config, "model.safetensors": WEIGHTS }), {
    size: [32, 32],
    batch: 1,
  });
  own.close();
  assertEquals(own.classNames, { name: names });
  const sample = await loadAnnotator(DEFAULT, { size: [32, 32], batch: 1 });
  sample.close();
  assertEquals([sample.classNames?.wnid?.[285], sample.classNames?.name[285]], ["n02124075", "Egyptian cat"]);
});

Deno.test("loadAnnotator() refuses options that are out of range", async () => {
  const cases = [
    [{ k: 0 }, "top-k is 0, expected 1 to 1000, the number of its classes"],
    [{ k: 1001 }, "top-k is 1001, expected 1 to 1000, the number of its classes"],
    [{ size: [0, 32] as const }, "size is 0 x 32, expected positive integers"],
    [{ batch: 1.5 }, "batch is 1.5, expected a positive integer"],
  ] as const;
  for (const [options, message] of cases) {
    const expected = `Cannot load annotator "tf_efficientnet_lite0.in1k": ${message}`;
    await assertRejects(() => loadAnnotator(DEFAULT, options), RangeError, expected);
  }
});

Deno.test("loadAnnotator() records the annotators, sizes and options whose maps it averages", async () => {
  const image = { width: 40, height: 30, pixels: Uint8Array.from({ length: 3600 }, (_, index) => index * 7 % 256) };
  const options = { k: 2, dtype: "fp32", batch: 1 } as const;
  const [first, second] = [[64, 96], [96, 64]] as const;
  const both = await loadAnnotator([DEFAULT, DEFAULT], {
    ...options,
    size: [first, second],
    mirror: true,
    average: "probabilities",
    temperature: 2,
    grid: [1, 2],
  });
  const [labelMap] = await both.annotate([image]);
  both.close();
  assertEquals([labelMap.class.length, labelMap.topClass.length], [4, 5]);
  const { annotator, averagedWith, mirror, average, temperature, pooledFrom, grid } = both.metadata;
  assertEquals([mirror, average, temperature, pooledFrom, grid], [true, "probabilities", 2, [3, 3], [1, 2]]);
  const at = (inputSize: readonly [number, number]) => ({ ...annotator, inputSize });
  assertEquals(annotator.inputSize, first);
  assertEquals(averagedWith as unknown, [at(second), at(first), at(second)]);
  assertEquals(
    describeAnnotators(both.metadata),
    "tf_efficientnet_lite0.in1k at 64 x 96 and 96 x 64 and 64 x 96 and 96 x 64, each mirrored too, " +
      "probabilities averaged, temperature 2",
  );
  const one = await loadAnnotator(DEFAULT, { ...options, size: first });
  one.close();
  assertEquals(Object.keys(one.metadata), [
    ...["version", "annotator", "classes", "k", "grid", "dtype", "layout", "resize"],
  ]);
});

Deno.test("loadAnnotator() refuses to average maps of other classes", async () => {
  const names = (first: string) =>
    JSON.stringify({ ...JSON.parse(CONFIG), label_names: [first, ...Array(999).fill("b")] });
  const folder = (config: string) => annotatorFolder({ "config.json": config, "model.safetensors": WEIGHTS });
  const subject = 'Cannot average the maps of "tf_efficientnet_lite0.in1k" and "tf_efficientnet_lite0.in1k"';
  await assertRejects(
    () => loadAnnotator([folder(names("a")), folder(names("c"))]),
    TypeError,
    `${subject}: class 0 is "a" to one and "c" to the other`,
  );
  const six = await annotatorOfClasses(6);
  await assertRejects(() => loadAnnotator([DEFAULT, six]), TypeError, `${subject}: they have 1000 and 6 classes`);
});

Deno.test("loadAnnotator() gives the classes of embeddings, and refuses a file of others", async () => {
  const file = join(Deno.makeTempDirSync(), "embeddings.safetensors");
  const tensor = (...shape: number[]) => ({
    shape,
    data: Float32Array.from({ length: shape.reduce((product, size) => product * size) }, (_, index) => index % 5 + 1),
  });
  writeSafetensors(file, new Map([["text", tensor(4, 1000)]]));
  const annotator = await loadAnnotator(DEFAULT, { classEmbeddings: file, size: [32, 32], batch: 1 });
  annotator.close();
  const { classes, k, classEmbeddings } = annotator.metadata;
  assertEquals([classes, k, annotator.classNames], [4, 4, undefined]);
  assertEquals((classEmbeddings as { scale: number }).scale, 100);
  writeSafetensors(file, new Map([["text", tensor(4, 1000)], ["more", tensor(2, 2)]]));
  await assertRejects(
    () => loadAnnotator(DEFAULT, { classEmbeddings: file }),
    TypeError,
    'it holds "text" [4, 1000], "more" [2, 2], expected one tensor of classes x channels',
  );
  writeSafetensors(file, new Map([["text", tensor(4, 999)]]));
  await assertRejects(
    () => loadAnnotator(DEFAULT, { classEmbeddings: file }),
    TypeError,
    "with class embeddings of 999 numbers: its head gives 1000, its feature map has 1280 channels",
  );
});

Deno.test("loadAnnotator() sums classes through WordNet, for cells and for the picture", async () => {
  const image = { width: 64, height: 32, pixels: Uint8Array.from({ length: 6144 }, (_, index) => index * 7 % 251) };
  const options = { size: [32, 64], dtype: "fp32", batch: 1 } as const;
  const all = await loadAnnotator(DEFAULT, { ...options, k: 1000 });
  const [full] = await all.annotate([image]);
  all.close();
  // Dogs, cats, insects, and a breed that is then no longer among the dogs.
  const wnid = ["n02084071", "n02121808", "n02159955", "n02085936"];
  const warnings: string[] = [];
  const summed = await loadAnnotator(DEFAULT, {
    ...options,
    classesFrom: { wnid, name: ["dog", "cat", "insect", "Maltese"] },
    onWarning: (message) => warnings.push(message),
  });
  const [labelMap] = await summed.annotate([image]);
  summed.close();
  const { classes, k, classesFrom, grid } = summed.metadata;
  assertEquals([classes, k, classesFrom, grid], [4, 4, "WordNet 3.0", [1, 2]]);
  assertEquals(summed.classNames?.name, ["dog", "cat", "insect", "Maltese"]);
  const wordNet = await readWordNet();
  const groups = groupSynsets(wordNet, synsetsOf(wordNet, "a", 1000), wnid);
  assertEquals(groups.map(({ length }) => length), [117, 5, 27, 1]);
  const logits = new Float64Array(2 * 1000);
  full.class.forEach((index, at) => logits[at % 2 * 1000 + index] = Number(full.score[at]));
  const expected = classSumsReference(logits, 1000, groups);
  labelMap.class.forEach((index, at) => assertAlmostEquals(labelMap.score[at], expected[at % 2 * 4 + index], 1e-4));
  const mean = Float64Array.from({ length: 1000 }, (_, index) => (logits[index] + logits[1000 + index]) / 2);
  const whole = softmaxReference(classSumsReference(mean, 1000, groups), 4);
  labelMap.topClass.forEach((index, at) => assertAlmostEquals(labelMap.topProbability[at], whole[index], 1e-5));
  assertEquals(warnings, ['Annotator "tf_efficientnet_lite0.in1k" has 4 classes: cells keep all (top-k 4)']);
  const named = { classesFrom: { name: ["dog"] } };
  await assertRejects(() => loadAnnotator(DEFAULT, named), TypeError, "are not named by its identifiers");
  const six = await annotatorOfClasses(6);
  const message = "it has 6, and ImageNet's lists 1,000, 11,221, 11,821, 21,841, 21,842, 21,843";
  await assertRejects(() => loadAnnotator(six, { classesFrom: { name: wnid } }), TypeError, message);
});

/** The default annotator with its first classes only. */
async function annotatorOfClasses(classes: number): Promise<string> {
  const config = JSON.stringify({ ...JSON.parse(CONFIG), num_classes: classes });
  const folder = annotatorFolder({ "config.json": config });
  const weights = await openWeights(join(DEFAULT, "model.safetensors"));
  const tensors = new Map<string, TensorData>();
  for (const name of weights.names) {
    const [count, ...rest] = weights.shape(name);
    const [shape, data] = [[name.startsWith("classifier.") ? classes : count, ...rest], await weights.read(name)];
    tensors.set(name, { shape, data: data.slice(0, shape.reduce((product, size) => product * size, 1)) });
  }
  weights.close();
  writeSafetensors(join(folder, "model.safetensors"), tensors);
  return folder;
}

for (const [classes, expected] of [[1, 1], [3, 3], [5, 5], [6, 5]] as const) {
  Deno.test(`loadAnnotator() keeps ${expected} of ${classes} classes in each cell unless asked for otherwise`, async () => {
    const warnings: string[] = [];
    const options = { size: [32, 32], batch: 1, onWarning: (message: string) => warnings.push(message) } as const;
    const annotator = await loadAnnotator(await annotatorOfClasses(classes), options);
    const image = { width: 1, height: 1, pixels: Uint8Array.of(9, 8, 7) };
    const [labelMap] = await annotator.annotate([image]);
    annotator.close();
    assertEquals(annotator.metadata.k, expected);
    assertEquals([labelMap.class.length, labelMap.topClass.length], [expected, expected]);
    const noun = classes === 1 ? "1 class" : `${classes} classes`;
    const said = `Annotator "tf_efficientnet_lite0.in1k" has ${noun}: cells keep all (top-k ${classes})`;
    assertEquals(warnings, classes < 5 ? [said] : []);
  });
}

Deno.test("deno task relabel takes an annotator of 3 classes without being told how many to keep", async () => {
  const out = join(Deno.makeTempDirSync(), "labels");
  const { code, error } = await runTask(
    "relabel",
    ...["assets/photos", "--annotator", await annotatorOfClasses(3), "--size", "32", "--limit", "1", "--out", out],
  );
  assertEquals(code, 0, error);
  const { metadata } = await openLabelMaps(out);
  assertEquals([metadata.k, metadata.classes], [3, 3]);
  assert(error.startsWith('Annotator "tf_efficientnet_lite0.in1k" has 3 classes: cells keep all (top-k 3)\n'), error);
});

/** Where Deno has its packages, which another HOME would hide. */
function denoFolder(): string {
  const [own, cache, home] = ["DENO_DIR", "XDG_CACHE_HOME", "HOME"].map((name) => Deno.env.get(name));
  return own ?? join(cache ?? join(home!, ".cache"), "deno");
}

const places: [variables: Record<string, string>, folder: string][] = [
  [{ HF_HOME: "~/hf" }, "hf/hub"],
  [{ HF_HUB_CACHE: "$HOME/c" }, "c"],
  [{ HF_HUB_CACHE: "${HOME}/c" }, "c"],
  [{ XDG_CACHE_HOME: "~/x" }, "x/huggingface/hub"],
  [{}, ".cache/huggingface/hub"],
];

for (const [variables, folder] of places) {
  const shown = Object.entries(variables).map(([name, value]) => `${name}='${value}'`).join(" ") || "no variable";
  Deno.test(`deno task relabel has the hub's cache where huggingface_hub has it: ${shown}`, async () => {
    const home = Deno.makeTempDirSync();
    const hub = startFakeHub({ "config.json": new TextEncoder().encode("{}"), "model.safetensors": new Uint8Array(8) });
    const environment = { DENO_DIR: denoFolder(), HF_ENDPOINT: hub.endpoint, HOME: home, ...variables };
    const { stderr } = await taskCommand("relabel", ["assets/photos", "--annotator", `hf:${repository}`], environment)
      .output();
    await hub.close();
    const error = new TextDecoder().decode(stderr);
    const config = `${join(home, folder)}/models--owner--some.model-1/snapshots/${commit}/config.json`;
    assert(error.includes(`Cannot read "${config}": architecture is missing`), error);
    Deno.removeSync(home, { recursive: true });
  });
}

Deno.test("deno task relabel refuses a cache whose place it may not look up", async () => {
  const environment = { HF_HUB_CACHE: "$SCRATCH/c", SCRATCH: "/scratch" };
  const { code, stderr } = await taskCommand(
    "relabel",
    ["assets/photos", "--annotator", `hf:${repository}`],
    environment,
  )
    .output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    'Cannot use HF_HUB_CACHE: "$SCRATCH/c" names $SCRATCH, which is not set or may not be read\n',
  ]);
});

Deno.test("deno task relabel downloads an hf: annotator with progress, and needs no network the second time", async () => {
  const hub = startFakeHub({ "config.json": new TextEncoder().encode(CONFIG), "model.safetensors": WEIGHTS });
  const environment = { HF_ENDPOINT: hub.endpoint, HF_HOME: Deno.makeTempDirSync() };
  const path = join(Deno.makeTempDirSync(), "labels");
  const args = [`hf:${repository}`, "--size", "32", "--limit", "1", "--out", path];
  const run = async () => {
    const command = taskCommand("relabel", ["assets/photos", "--annotator", ...args], environment);
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
  };
  const first = await run();
  await hub.close();
  assertEquals(first.code, 0, first.error);
  const size = (WEIGHTS.length / 1e6).toFixed(1);
  assert(first.error.includes(`model.safetensors: ${size} of ${size} MB (100 %)\n`), first.error);
  const second = await run();
  assertEquals(second.code, 0, second.error);
  assert(second.error.startsWith(`The hub was not asked: using "hf:${repository}" as downloaded before`), second.error);
});
