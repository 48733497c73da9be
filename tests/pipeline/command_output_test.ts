import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import project from "../../deno.json" with { type: "json" };
import { writeTar } from "../formats/images/tar_writer.ts";
import { ROOT, runTask, taskCommand, type TaskOutput } from "./task.ts";

type Task = keyof typeof project.tasks;

/** A name that changes the title of a terminal, clears it, turns the direction of what follows, and begins a line. */
const HOSTILE = "n\x1b]0;owned\x07\x1b[2J\u009b31m\u202e\rx\n1 rows";

/** What commands were given, and what they printed. */
interface Run {
  readonly task: Task;
  readonly args: readonly string[];
  readonly output: TaskOutput;
}

const image = Deno.readFileSync(join(ROOT, "tests/fixtures/images/decode/jpeg_420.jpg"));
const SMALL = ["--size", "64"];
const TRAINING = ["--network", "resnet8", "--size", "16", "--epochs", "1", "--warmup-epochs", "0", "--workers", "1"];

/** Makes a folder of class folders. */
function folderOf(files: Record<string, Uint8Array>): string {
  const path = join(Deno.makeTempDirSync(), HOSTILE.replaceAll("\n", " "));
  for (const [name, bytes] of Object.entries(files)) {
    const file = join(path, name);
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    Deno.writeFileSync(file, bytes);
  }
  return path;
}

async function explored(args: readonly string[]): Promise<TaskOutput> {
  const child = taskCommand("explore", args).spawn();
  const [decoder, reader] = [new TextDecoder(), child.stdout.getReader()];
  let out = "";
  while (!/^http.*\n/m.test(out)) {
    const { value, done } = await reader.read();
    if (done) break;
    out += decoder.decode(value, { stream: true });
  }
  child.kill("SIGTERM");
  await reader.cancel();
  const error = await new Response(child.stderr).text();
  return { code: (await child.status).code, out, error };
}

/** Every command, on one image with hostile names, on one beside a file that is none, and on what is not there. */
async function allRuns(): Promise<Run[]> {
  const runs: Run[] = [];
  const run = async (task: Task, code: number, ...args: string[]) => {
    const output = task === "explore" && code === 143 ? await explored(args) : await runTask(task, ...args);
    assertEquals(output.code, code, `${task} ${args.join(" ")}: ${output.out}${output.error}`);
    runs.push({ task, args, output });
  };
  const one = folderOf({ [`c${HOSTILE}/k${HOSTILE}.jpg`]: image });
  const rejected = folderOf({
    [`c${HOSTILE}/k${HOSTILE}.jpg`]: image,
    [`c${HOSTILE}/l${HOSTILE}.jpg`]: image.slice(0, 99),
  });
  const folder = Deno.makeTempDirSync();
  const path = (name: string) => join(folder, `${name}${HOSTILE.replaceAll("\n", " ")}`);
  const tar = path("shard") + ".tar";
  Deno.writeFileSync(
    tar,
    writeTar([{ name: `m${HOSTILE}.jpg`, content: image }, { name: `m${HOSTILE}.cls`, content: "0" }]),
  );
  const [labels, other, shared] = [path("labels"), path("other"), path("shared")];
  const names = path("names");
  const lines = Array.from({ length: 1000 }, (_, index) => `${index}${HOSTILE.replaceAll(/[\r\n]/g, " ")}\n`);
  Deno.writeTextFileSync(names, lines.join(""));

  await Promise.all([
    (async () => {
      await run("relabel", 0, one, "--out", labels, "--classes", names, ...SMALL, "--report");
      await run("relabel", 0, one, "--out", labels, "--classes", names, ...SMALL);
      await run("relabel", 1, one, "--out", labels, ...SMALL, "--top-k", "1");
      await run("query", 0, labels, "multi-label");
      await run("query", 0, labels, "FROM labels");
      await run("query", 0, labels, 'SELECT key AS "a\x1b[1m" FROM labels', "--format", "json");
      await run("query", 1, labels, `SELECT "x\x1b[31m" FROM labels`);
      await run("query", 0, labels, "balanced", "2");
      await run("report", 0, labels, one);
      await run("figures", 0, one, "--maps", labels, "--output", path("figures"));
      await run("figures", 1, one, "--boxes", path("none"));
      await run("publish", 0, labels, one, "--files-only", path("published"), "--title", HOSTILE);
      await run("publish", 1, path("none"), "--files-only", path("published"));
      await run("verify", 0, labels);
      await run("convert", 0, labels, other, "--top-k", "1");
      await run("convert", 0, labels, other, "--top-k", "1");
      await run("verify", 0, other);
      await run("explore", 143, labels, one);
    })(),
    (async () => {
      await run("relabel", 0, rejected, "--out", path("rejected"), ...SMALL);
      await run("relabel", 1, rejected, "--out", path("strict"), ...SMALL, "--strict");
      await run("relabel", 0, tar, "--out", path("tar"), ...SMALL);
      await run("relabel", 0, one, "--write-list", path("list"));
      await run("relabel", 0, one, "--out", shared, "--shard", "0/1", ...SMALL);
      await run("cluster", 0, "status", shared);
      await run("cluster", 0, "status", shared, "--json");
      await run("cluster", 0, "join", shared);
      await run("cluster", 2, "slurm", one, "--out", path("slurm"), "--shards", "1");
      await run(
        "cluster",
        0,
        "slurm",
        join(ROOT, "assets/photos/single"),
        "--out",
        join(folder, "slurm"),
        "--shards",
        "1",
      );
    })(),
    (async () => {
      await run("train", 0, one, "--loss", "bce", ...TRAINING, "--output", path("run"));
      await run("train", 1, one, "--loss", "bce", ...TRAINING, "--output", path("run"), "--lr", "1");
      await run("train", 1, one, ...TRAINING, "--output", path("another"));
      await run("evaluate", 0, one, "--model", path("run"), "--per-class");
      await run("evaluate", 1, one, "--model", path("none"));
      await run("transfer", 1, one, "--test", one, "--init", path("none"), "--output", path("transfer"));
      await run("transfer", 1, one, "--test", one, "--init", path("run"), "--output", path("transfer"));
      await run("scenes", 0, path("scenes"), "--split", "test", "--count", "1");
      await run("scenes", 0, path("scenes"), "--split", "test", "--count", "1");
      await run("reproduce", 1, "--quick", "--output", names);
      await run("doctor", 0);
    })(),
  ]);
  const commands = Object.keys(project.tasks).filter((task) =>
    / pipeline\/\w+\/main\.ts$/.test(project.tasks[task as Task])
  );
  for (const task of commands as Task[]) {
    await run(task, 2, `--o${HOSTILE}`);
    // Training takes as many roots of images as it is given, and these are not there.
    await run(task, task === "train" ? 1 : 2, ...["a", "b", "c", "d"].map((word) => word + HOSTILE));
    await run(task, 0, "--version");
  }
  assertEquals([...new Set(runs.map(({ task }) => task))].sort(), commands.sort());
  return runs;
}

let everything: Promise<Run[]> | undefined;

Deno.test("no command prints a control character of a file, a key, a class or an argument", async () => {
  for (const { task, args, output } of await (everything ??= allRuns())) {
    const found = /[^\P{Cc}\n\t]|[\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u
      .exec(output.out + output.error);
    assertEquals(found, null, `${task} ${JSON.stringify(args)}: ${JSON.stringify(output)}`);
    // Nor a line of its own that a name makes.
    assertEquals(/^1 rows/m.test(output.out), false, `${task} ${JSON.stringify(args)}: ${output.out}`);
  }
});

const PLURALS =
  "images|classes|rows|files|shards|parts|epochs|labels|maps|crops|ranks|cells|defects|pictures|folders|" +
  "objects|bytes|columns|members|keys|names|batches|steps|minutes|tasks|jobs|pairs|values";

Deno.test("every command lets a count of one agree with its noun and verb", async () => {
  const wrong = new RegExp(
    `(?<![\\d.,/]|x )\\b1 (?:(?:part|label|class|other|rejected|whole|map) )?(?:(?:${PLURALS})\\b(?!/)|(?:were|have|are|carry|do)\\b)`,
  );
  for (const { task, args, output: { out, error } } of await (everything ??= allRuns())) {
    // Names say "1 rows".
    const text = (out + error).replaceAll(/n?\S*1 rows/g, "");
    assertEquals(wrong.exec(text)?.[0], undefined, `${task} ${JSON.stringify(args)}: ${text}`);
  }
});
