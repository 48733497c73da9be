import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import { sha256OfFile } from "../../../formats/base/byte_source.ts";
import { writeScenes } from "../../../pipeline/scenes/write_scenes.ts";
import type { Implementation } from "../../../pipeline/command/mpi/launcher.ts";
import { mpiTest, ranksCommand } from "../../mpi.ts";
import { imageFolder } from "./data.ts";
import { weightDifference } from "./weight_difference.ts";
import { taskArguments, taskCommand, type TaskOutput } from "../task.ts";

const SCENES = Deno.makeTempDirSync();
await writeScenes(join(SCENES, "train"), { seed: 0, split: "train", start: 0, images: 160 });
await writeScenes(join(SCENES, "validation"), { seed: 0, split: "validation", start: 0, images: 30 });
const [IMAGES, HELD_OUT] = ["train", "validation"].map((split) => join(SCENES, split, "images"));

const NETWORK = ["--network", "resnet8", "--size", "16", "--lr", "0.001", "--warmup-epochs", "1"];

/** 20 steps. */
const TRAINING = [
  ...[IMAGES, "--validation", HELD_OUT, ...NETWORK, "--batch", "16", "--epochs", "2"],
  ...["--erasing", "0.5", "--ema", "0.9"],
];

/** The same with what makes it depend on the number of ranks by rounding alone. */
const SAME = [...TRAINING, "--sync-bn"];

function newRun(): string {
  return join(Deno.makeTempDirSync(), "run");
}

/** A task on several ranks, or as one process without a launcher. */
function commandOf(ranks: number, task: "train" | "evaluate", args: readonly string[]): Deno.Command {
  return ranks === 1 ? taskCommand(task, args) : ranksCommand("MPICH", ranks, taskArguments(task, args));
}

async function outputOf(output: Promise<Deno.CommandOutput>): Promise<TaskOutput> {
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

function run(ranks: number, task: "train" | "evaluate", ...args: readonly string[]): Promise<TaskOutput> {
  return outputOf(commandOf(ranks, task, args).output());
}

/** Trainings that nothing disturbs, and the folders they left. */
const whole = new Map<string, Promise<TaskOutput & { folder: string }>>();

function wholeRun(ranks: number, args: readonly string[]): Promise<TaskOutput & { folder: string }> {
  const key = `${ranks} ${args.join(" ")}`;
  const known = whole.get(key) ?? (async () => {
    const folder = newRun();
    const output = await run(ranks, "train", ...args, "--output", folder);
    assertEquals(output.code, 0, output.error);
    return { ...output, folder };
  })();
  whole.set(key, known);
  return known;
}

/** SHA-256 of what a run ends with. */
function hashes(folder: string): Promise<string[]> {
  const names = ["last.safetensors", "model.safetensors", "best.safetensors", "summary.csv", "config.json"];
  return Promise.all(names.map((name) => sha256OfFile(join(folder, name))));
}

mpiTest("deno task train ends with the weights of one process on 2 and 4 ranks", "MPICH", async () => {
  const one = await wholeRun(1, SAME);
  for (const ranks of [2, 4]) {
    const { folder, out, error } = await wholeRun(ranks, SAME);
    const found = await weightDifference(one.folder, folder);
    assert(found > 0 && found < 1e-4, `${ranks} ranks: ${found}`);
    const [first, ...lines] = error.trimEnd().split("\n");
    assertMatch(first, new RegExp(`^160 images in 16 class folders; .*, batch 16 over ${ranks} ranks; \\d+ MB on `));
    assertEquals(lines.filter((line) => /^epoch \d {2}loss/.test(line)).length, 2, error);
    assertMatch(out, /images\/s, waiting for data \d+ %, exchanging gradients \d+ %\n/);
    assertEquals(out.trimEnd().split("\n").length, 5, out);
    const [expected, summary] = [one.folder, folder].map((path) =>
      Deno.readTextFileSync(join(path, "summary.csv")).split(/[,\n]/).slice(6).map(Number)
    );
    expected.forEach((value, at) => assertAlmostEquals(summary[at], value, 1e-3 * Math.abs(value)));
  }
});

mpiTest("deno task train mixes and drops on 2 ranks what one process does", "MPICH", async () => {
  const options = [
    "--mixup",
    "0.2",
    "--cutmix",
    "1",
    "--mix-off-epochs",
    "0",
    "--drop-path",
    "0.2",
    "--dropout",
    "0.2",
  ];
  const args = [IMAGES, ...NETWORK, "--sync-bn", ...options, "--batch", "40", "--epochs", "1"];
  const folders = [newRun(), newRun()];
  const cache = join(Deno.makeTempDirSync(), "images");
  for (const [at, folder] of folders.entries()) {
    const cached = at === 0 ? [] : ["--cache", cache];
    const { code, error } = await run(at + 1, "train", ...args, ...cached, "--accumulate", "2", "--output", folder);
    assertEquals(code, 0, error);
  }
  // Written by one rank, and read by both.
  assert(timeOf(cache) > 0);
  const found = await weightDifference(folders[0], folders[1]);
  assert(found > 0 && found < 1e-4, `${found}`);
});

/** When a file was last written, 0 if it is not there. */
function timeOf(path: string): number {
  try {
    return Deno.statSync(path).mtime!.getTime();
  } catch {
    return 0;
  }
}

/** A file of the system about a process, by `cat`: Deno reads those with all permissions only, which tests do not have. */
function readProcess(process: number, file: string): string {
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${process}/${file}`] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

/** The processes that a process has started, and those that these have. */
function descendants(process: number): number[] {
  const own = readProcess(process, `task/${process}/children`).split(" ").filter((child) => child !== "").map(Number);
  return own.flatMap((child) => [child, ...descendants(child)]);
}

/** The ranks that a launcher has started. */
function ranksOf(launcher: number): number[] {
  return descendants(launcher).filter((process) => readProcess(process, "comm").startsWith("deno"));
}

/** Goes on with a training until it has a new checkpoint, and does something then. */
async function interrupt(
  ranks: number,
  args: readonly string[],
  folder: string,
  act: (launcher: Deno.ChildProcess) => void,
  implementation: Implementation = "MPICH",
): Promise<TaskOutput & { seconds: number }> {
  const last = join(folder, "last.safetensors");
  const before = timeOf(last);
  const words = taskArguments("train", [...args, "--output", folder, "--save-minutes", "0"]);
  const process = ranksCommand(implementation, ranks, words).spawn();
  const output = process.output();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  while (timeOf(last) === before && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 5));
  assert(!hasEnded, "it ended before its first checkpoint");
  act(process);
  const start = performance.now();
  const result = await outputOf(output);
  return { ...result, seconds: (performance.now() - start) / 1000 };
}

mpiTest("deno task train ends at once with a rank, goes on, and ends with the same bits", "MPICH", async () => {
  const folder = newRun();
  const killed = await interrupt(2, TRAINING, folder, ({ pid }) => {
    const processes = ranksOf(pid);
    assertEquals(processes.length, 2);
    Deno.kill(processes[1], "SIGKILL");
  });
  assertNotEquals(killed.code, 0);
  assertStringIncludes(killed.out + killed.error, "Killed (signal 9)");
  assert(killed.seconds < 10, `it took ${killed.seconds} s`);
  const stopped = await interrupt(2, TRAINING, folder, (launcher) => launcher.kill("SIGTERM"));
  assertEquals(
    stopped.error.match(/Stopped after step \d+ of epoch \d: the same command goes on in ".*"\n/g)?.length,
    1,
    stopped.error,
  );
  const { code, error } = await run(2, "train", ...TRAINING, "--output", folder);
  assertEquals(code, 0, error);
  assertMatch(error, /\nGoing on in ".*" after step \d+ of epoch [01]\n/);
  assertEquals(await hashes(folder), await hashes((await wholeRun(2, TRAINING)).folder));
});

mpiTest(
  "deno task train says which rank has ended, where the launcher leaves the others alone",
  "Open MPI",
  async () => {
    const found = await interrupt(
      2,
      TRAINING,
      newRun(),
      ({ pid }) => Deno.kill(ranksOf(pid)[1], "SIGKILL"),
      "Open MPI",
    );
    assertNotEquals(found.code, 0);
    assert(found.seconds < 10, `it took ${found.seconds} s`);
    const sentences = found.error.split("\n").filter((line) => line.startsWith("Cannot"));
    assertEquals(sentences.length, 1, found.error);
    assertMatch(sentences[0], /^Cannot .* 2 ranks: rank 1 \(process \d+\) of this machine has ended$/);
  },
);

mpiTest("deno task train goes on with another number of ranks", "MPICH", async () => {
  const folder = newRun();
  const stopped = await interrupt(2, SAME, folder, ({ pid }) => {
    // One rank alone knows of it.
    Deno.kill(ranksOf(pid)[1], "SIGTERM");
  });
  assertStringIncludes(stopped.error, "Stopped after step ");
  assertEquals(stopped.code, 143);
  const { code, error } = await run(1, "train", ...SAME, "--output", folder);
  assertEquals(code, 0, error);
  assertMatch(
    error,
    /Going on with .*, after .*, 2 ranks: weights may end in other bits than those of an uninterrupted/,
  );
  const found = await weightDifference((await wholeRun(1, SAME)).folder, folder);
  assert(found > 0 && found < 1e-4, `${found}`);
});

mpiTest("deno task train lists what no rank can decode once, on whatever rank", "MPICH", async () => {
  const [images, validation] = [imageFolder(12), imageFolder(6)];
  const broken = ["cat/3.png", "dog/4.png", "eel/8.png"];
  for (const key of broken) Deno.writeTextFileSync(join(images, key), "no image");
  Deno.writeTextFileSync(join(validation, "eel/5.png"), "no image");
  const folder = newRun();
  const { code, out, error } = await run(
    2,
    "train",
    ...[images, "--validation", validation, ...NETWORK, "--batch", "4", "--epochs", "3", "--output", folder],
  );
  assertEquals(code, 0, error);
  assertStringIncludes(out, `  rejected  4 images, listed in ${folder}/rejected.jsonl\n`);
  const lines = Deno.readTextFileSync(join(folder, "rejected.jsonl")).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).key).sort(), [join(validation, "eel/5.png"), ...broken].sort());
});

mpiTest("deno task train ends all ranks with one sentence", "MPICH", async () => {
  const small = [IMAGES, ...NETWORK, "--epochs", "1"];
  const { folder } = await wholeRun(2, TRAINING);
  const failed = newRun();
  const cases: [string[], number, RegExp][] = [
    [["--epoch", "3"], 2, /^Unknown option --epoch, did you mean --epochs\?/],
    [
      [],
      2,
      /^Cannot train without IMAGES: see deno task train --help; deno task reproduce --quick makes images of its own$/,
    ],
    [
      [...small, "--batch", "15"],
      2,
      /^Cannot train with --batch 15 on 2 ranks, which take equal shares of it: 14 and 16 can be shared$/,
    ],
    [
      [...small, "--batch", "6", "--cutmix", "1"],
      2,
      /^Cannot train with --batch 6 on 2 ranks and --cutmix, which mixes neighbours: each rank has 3 of them; --batch 8 /,
    ],
    [[...TRAINING, "--seed", "1", "--output", folder], 1, /^Cannot train in ".*": it was begun with --seed 0, not 1;/],
    [
      [...small, "--batch", "16", "--lr", "1e30", "--warmup-epochs", "0", "--output", failed],
      1,
      /^Cannot go on training: the (loss|gradient) of step \d of epoch 0 is (NaN|Infinity|not finite), of the images .* and 13 more; /,
    ],
  ];
  for (const [args, code, message] of cases) {
    const found = await run(2, "train", ...args, ...args.length > 0 ? ["--quiet"] : []);
    const [sentence, ...others] = found.error.trimEnd().split("\n");
    assertMatch(sentence, message);
    assertEquals([found.code, others], [code, []], found.error);
  }
  assert(timeOf(join(failed, "failed.safetensors")) > 0);
});

mpiTest("deno task train refuses a second job in the same folder", "MPICH", async () => {
  const folder = newRun();
  let second: TaskOutput | undefined;
  const args = [...TRAINING, "--epochs", "20"];
  const first = commandOf(2, "train", [...args, "--output", folder]).spawn();
  const output = first.output();
  while (timeOf(join(folder, "config.json")) === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  try {
    second = await run(2, "train", ...args, "--output", folder);
  } finally {
    first.kill("SIGTERM");
    await output;
  }
  assertStringIncludes(second.error, `Cannot train in "${folder}": another process is writing there\n`);
  assertEquals(second.error.match(/Cannot/g)?.length, 1, second.error);
});

mpiTest("deno task evaluate gives the figures of one process on 3 ranks", "MPICH", async () => {
  const { folder } = await wholeRun(1, SAME);
  const images = Deno.makeTempDirSync();
  await writeScenes(images, { seed: 1, split: "test", start: 0, images: 40 });
  const [name] = [...Deno.readDirSync(join(images, "images"))].map(({ name }) => name).sort();
  Deno.writeTextFileSync(join(images, "images", name, "broken.png"), "no image");
  const written = await Promise.all([1, 3].map(async (ranks) => {
    const [json, csv] = [Deno.makeTempFileSync(), Deno.makeTempFileSync()];
    const options = ["--model", folder, "--per-class", "--whole", "--json", json, "--csv", csv];
    const { code, error } = await run(ranks, "evaluate", join(images, "images"), ...options);
    assertEquals(code, 0, error);
    return {
      json: JSON.parse(Deno.readTextFileSync(json)),
      csv: Deno.readTextFileSync(csv),
    };
  }));
  assertEquals(written[0].json.data.images, 40);
  assertEquals(written[0].json.rejected.length, 1);
  assertEquals(written[1].csv, written[0].csv);
  assertEquals(written[1].json, written[0].json);
});
