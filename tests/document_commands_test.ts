import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { dirname, join } from "@std/path";
import { openWeights, type TensorData, torchStateDict, writeSafetensors } from "../formats/weights/mod.ts";
import { SUBCOMMANDS } from "../pipeline/command/called_as.ts";
import { commandLines, shellBlocks, wordsOf } from "./document_blocks.ts";
import { imageColumns, writeParquet } from "./formats/images/parquet_writer.ts";
import { writeTar } from "./formats/images/tar_writer.ts";
import { ROOT, taskArguments } from "./pipeline/task.ts";
import { PACKAGE, pythonTest } from "./python.ts";

const README = Deno.readTextFileSync(join(ROOT, "README.md"));

/** Pages whose commands tell one story, which a test of their own follows. */
const OWN_TESTS: Readonly<Record<string, string>> = { "docs/cluster.md": "tests/pipeline/cluster/docs_test.ts" };

const PAGES = [...Deno.readDirSync(join(ROOT, "docs"))].map(({ name }) => `docs/${name}`)
  .filter((path) => path.endsWith(".md") && !Object.hasOwn(OWN_TESTS, path)).sort();

/** Options that make less of the same. */
const LESS: Readonly<Record<string, string>> = {
  relabel: "--size 32",
  train: "--network resnet8 --size 32 --batch 2 --epochs 1",
};

/** The folder in which a user of the documents has everything that they name. */
const stage = Deno.makeTempDirSync();

type Task = Parameters<typeof taskArguments>[0];

/** `deno` and `relabel` as functions of bash that start tasks in the folder where they are called. */
const FUNCTIONS = `deno() {
  case $2 in
${
  Object.values(SUBCOMMANDS).map((task) => {
    const [run, ...words] = taskArguments(task as Task, []);
    const module = join(ROOT, words.pop()!);
    const program = [Deno.execPath(), run, "--config", join(ROOT, "deno.json"), ...words, module].join(" ");
    return `  ${task}) ${program} "\${@:3}" ;;`;
  }).join("\n")
}
  esac
}
relabel() {
  case $1 in
${Object.entries(SUBCOMMANDS).map(([name, task]) => `  ${name}) deno task ${task} "\${@:2}" ;;`).join("\n")}
  esac
}
explore() {
  local said; said=$(mktemp)
  "$@" >"$said" & local server=$!
  until grep -q http:// "$said"; do kill -0 $server; sleep 0.1; done
  pkill -P $server
  wait $server || true
}
set -eE
trap 'echo "Failed: $BASH_COMMAND" >&2' ERR
`;

/** Runs a script in a folder of the stage; the first command that fails ends it. */
async function runScript(folder: string, script: string) {
  const { code, stdout, stderr } = await new Deno.Command("bash", { args: ["-c", FUNCTIONS + script], cwd: folder })
    .output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, out, error };
}

/** What a command line writes in the folder where it is started, and is to make anew. */
function writtenBy(task: string, args: readonly string[]): string | undefined {
  const option = { relabel: "--out", train: "--output" }[task];
  const path = task === "convert"
    ? args[1]
    : option && (args.includes(option) ? args[args.indexOf(option) + 1] : "labels");
  return path?.includes("/") ? undefined : path;
}

/** A command line as a test runs it: it writes anew, makes less, and ends; nothing where it needs the hub. */
function tested(line: string): string {
  if (/\bhf:/.test(line)) return "";
  const [program, ...words] = wordsOf(line);
  const [task, ...args] = program === "relabel"
    ? [SUBCOMMANDS[words[0] as keyof typeof SUBCOMMANDS], ...words.slice(1)]
    : words.slice(1);
  if (task === "explore") return `explore ${line}`;
  const written = writtenBy(task, args);
  const less = args.includes("--size") ? "" : LESS[task] ?? "";
  const smaller = line.replaceAll(/--size (\d+)/g, (_, size) => `--size ${Number(size) < 320 ? 32 : 64}`)
    .replaceAll(/\{000\.\.\d+\}/g, "{000..001}");
  return `${written === undefined ? "" : `rm -rf '${written}'; `}${smaller} ${less}`;
}

/** Writes a file of the stage. */
function write(path: string, content: string | Uint8Array): void {
  Deno.mkdirSync(join(stage, dirname(path)), { recursive: true });
  if (typeof content === "string") Deno.writeTextFileSync(join(stage, path), content);
  else Deno.writeFileSync(join(stage, path), content);
}

/** What the project has, under a name of the documents. */
function link(path: string, target: string): void {
  Deno.mkdirSync(join(stage, dirname(path)), { recursive: true });
  Deno.symlinkSync(join(ROOT, target), join(stage, path));
}

Deno.test.afterAll(() => Deno.removeSync(stage, { recursive: true }));

Deno.test("the README's commands print what it shows, and what they say to do next can be done", async () => {
  const [{ script, reason }] = shellBlocks("README.md");
  assertEquals(reason, undefined);
  const { code, out, error } = await runScript(stage, script);
  assertEquals(code, 0, error);
  const [shown] = README.match(/^ {4}several\/cat-coffee\.jpg .*\n(?: {4}.*\n)+/m)!;
  assertStringIncludes(out, shown.replaceAll(/^ {4}/gm, ""));
  const next = out.split("\n").filter((line) => line.startsWith("  deno task "));
  assertEquals(next.map((line) => line.trim().split(" ")[2]), ["report", "query", "query", "query"]);
  const after = await runScript(stage, next.join("\n"));
  assertEquals([after.code, after.error], [0, ""]);
});

pythonTest("the README's PyTorch program pools targets of label maps", ["pyarrow", "torchvision"], async (run) => {
  const folder = Deno.makeTempDirSync();
  Deno.symlinkSync(join(ROOT, "assets/photos"), join(folder, "photos"));
  Deno.symlinkSync(join(stage, "labels"), join(folder, "labels"));
  const [, shown] = README.match(/^```python\n([\s\S]*?)^```$/m)!;
  const result = "[list(images.shape)[1:], list(targets.shape)[1:], float(abs(targets.sum(1) - 1).max()) < 1e-5]";
  const printed = await run(`${PACKAGE}${shown}\nimport json\nprint(json.dumps(${result}))`, folder);
  assertEquals(JSON.parse(printed), [[3, 224, 224], [1000], true]);
});

Deno.test("the documents' commands find what they name", async () => {
  const photograph = Deno.readFileSync(join(ROOT, "tests/fixtures/images/decode/jpeg_420.jpg"));
  link("assets", "assets");
  for (const name of ["single/chelsea.jpg", "several/four.jpg"]) link(`photos/${name}`, `assets/photos/${name}`);
  for (const [label, name] of [["Egyptian cat", "single/chelsea.jpg"], ["daisy", "single/flower.jpg"]]) {
    for (const folder of ["data/flowers", "held-out"]) link(`${folder}/${label}/1.jpg`, `assets/photos/${name}`);
  }
  link("relabel_imagenet", "tests/fixtures/published");
  link("tresnet", "assets/efficientnet_lite0");
  link("path/to/folder", "assets/efficientnet_lite0");
  link("path/to/clip", "assets/efficientnet_lite0");
  link("path/to/config.json", "assets/scenes_annotator/config.json");
  const weights = await openWeights(join(ROOT, "assets/scenes_annotator/model.safetensors"));
  const tensors = new Map<string, TensorData>();
  for (const name of weights.names) tensors.set(name, { shape: weights.shape(name), data: await weights.read(name) });
  write("path/to/checkpoint.pth.tar", torchStateDict(tensors));
  writeSafetensors(
    join(stage, "texts.safetensors"),
    new Map([["texts", { shape: [2, 1280], data: new Float32Array(2 * 1280).fill(0.1) }]]),
  );
  write("names.txt", "cat\ncup\n");
  write("coco/train/1.jpg", photograph);
  for (const shard of ["000", "001"]) {
    write(`data/train-${shard}.tar`, writeTar([{ name: "cats/1.jpg", content: photograph }]));
  }
  write(
    "data/parquet/train-00000.parquet",
    writeParquet([...imageColumns([photograph]), { name: "label", type: "int64", values: [0n] }]),
  );
  write("boxes.csv", "key,class,top,left,height,width\nEgyptian cat/1.jpg,Egyptian cat,0.1,0.2,0.8,0.7\n");
  write(
    "annotations/instances_train2017.json",
    JSON.stringify({
      images: [{ id: 1, file_name: "1.jpg", width: 31, height: 23 }],
      annotations: [{ id: 1, image_id: 1, category_id: 3, iscrowd: 0, segmentation: [[0, 0, 3, 0, 3, 4, 0, 4]] }],
      categories: [{ id: 3, name: "car" }],
    }),
  );
  const { code, error } = await runScript(
    stage,
    `deno task scenes scenes --count 48 --quiet
deno task convert labels labels-fp8 --dtype fp8_e4m3 --quiet
deno task relabel data/flowers --size 32 --out flowers --quiet
deno task train data/flowers --network resnet8 --size 32 --epochs 1 --output run --quiet`,
  );
  assertEquals(code, 0, error);
});

for (const path of PAGES) {
  const lines = shellBlocks(path).flatMap(({ script, reason }) => reason === undefined ? commandLines(script) : [])
    .map(tested).filter((line) => line !== "");
  if (lines.length === 0) continue;
  Deno.test(`the commands of ${path} can be run`, async () => {
    const folder = join(stage, "pages", path);
    Deno.mkdirSync(folder, { recursive: true });
    for (const { name } of Deno.readDirSync(stage)) {
      if (name !== "pages") Deno.symlinkSync(join(stage, name), join(folder, name));
    }
    const { code, error } = await runScript(folder, lines.join("\n"));
    assertEquals(code, 0, error);
  });
}

Deno.test("commands stand in blocks of sh, and those that no test runs say why", () => {
  const indented = ["README.md", ...PAGES, ...Object.keys(OWN_TESTS)].flatMap((path) =>
    Deno.readTextFileSync(join(ROOT, path)).split("\n").filter((line) =>
      /^ {4}(?:deno|relabel|npx|docker|mpiexec|srun) /.test(line)
    )
      .map((line) => [path, line])
  );
  assertEquals(indented, []);
  const others = PAGES.flatMap((path) =>
    shellBlocks(path).filter(({ script, reason }) =>
      reason === undefined && commandLines(script).length < script.trim().replaceAll(/ *\\\n/g, " ").split("\n").length
    ).map(({ script }) => [path, script])
  );
  assertEquals(others, []);
  const reasons = ["python/README.md", ...PAGES, ...Object.keys(OWN_TESTS)].flatMap((path) =>
    shellBlocks(path).flatMap(({ reason }) => reason ?? [])
  );
  const named = [...reasons, ...Object.values(OWN_TESTS)]
    .flatMap((reason) => [...reason.matchAll(/\S+\.ts\b/g)].map(([file]) => file));
  assert(named.length > 3);
  for (const file of named) Deno.statSync(join(ROOT, file));
});
