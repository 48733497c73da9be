import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { writeTar } from "../../formats/images/tar_writer.ts";
import { mixedFolder } from "../photographs.ts";
import { contents, ROOT, runTask, taskCommand } from "../task.ts";

const OPTIONS = ["--size", "64", "--rows-per-file", "4"];
const DECODE = join(ROOT, "tests/fixtures/images/decode");

/** A folder of three shards of eight images, as a WebDataset; one image in each cannot be decoded. */
function tarFolder(): string {
  const path = Deno.makeTempDirSync();
  const names = ["jpeg_420.jpg", "webp_lossy.webp", "jpeg_grey.jpg", "bad_truncated.jpg"];
  for (const shard of [0, 1, 2]) {
    const members = Array.from({ length: 8 }, (_, index) => {
      const name = names[index === 5 ? 3 : index % 3];
      return [
        { name: `${index}.${name.split(".")[1]}`, content: Deno.readFileSync(join(DECODE, name)) },
        { name: `${index}.cls`, content: `${8 * shard + index}` },
      ];
    });
    Deno.writeFileSync(join(path, `train-${shard}.tar`), writeTar(members.flat()));
  }
  return path;
}

function newPath(name: string): string {
  return join(Deno.makeTempDirSync(), name);
}

function partsOf(path: string): Record<string, string> {
  return Object.fromEntries(Object.entries(contents(path)).filter(([name]) => name.startsWith("part-")));
}

Deno.test("deno task relabel --list labels a shard where the other tar files are not even there", async () => {
  const images = tarFolder();
  const [whole, path, file] = [newPath("whole"), newPath("shards"), newPath("images.list")];
  const one = await runTask("relabel", images, "--out", whole, "--quiet", ...OPTIONS);
  assertEquals([one.code, one.error], [0, ""]);
  const listed = await runTask("relabel", images, "--write-list", file);
  assertEquals(listed.code, 0, listed.error);
  assertEquals(
    listed.out,
    `${file}: 24 images in 3 tar shards\n  labels     24 images, each with a label\n\nNext: deno task relabel ${images} --list ${file}\n`,
  );
  assertEquals([...Deno.readDirSync(join(file, ".."))].map(({ name }) => name), ["images.list"]);
  const aside = Deno.makeTempDirSync();
  const others = (shard: number) => [0, 1, 2].filter((other) => other !== shard).map((other) => `train-${other}.tar`);
  for (const shard of [2, 0, 1]) {
    for (const name of others(shard)) Deno.renameSync(join(images, name), join(aside, name));
    const args = ["--list", file, "--out", path, "--shard", `${shard}/3`, ...OPTIONS];
    const { code, out, error } = await runTask("relabel", ...args);
    assertEquals(code, 0, error);
    assertMatch(error, /^24 images in 3 tar shards; /);
    assertStringIncludes(out, `: 7 rows, 1 rejected in 2 part files and manifest-0000${shard}-of-00003.json\n`);
    assertStringIncludes(out, `deno task report ${path} ${images}\n`);
    for (const name of others(shard)) Deno.renameSync(join(aside, name), join(images, name));
  }
  assertEquals(partsOf(path), partsOf(whole));
  const manifest = (folder: string, name: string) => JSON.parse(Deno.readTextFileSync(join(folder, name)));
  const { configuration } = manifest(whole, "manifest.json");
  assertEquals(configuration.source, { images: 24, firstKey: "train-0.tar/0.jpg", lastKey: "train-2.tar/7.webp" });
  assertEquals(manifest(path, "manifest-00001-of-00003.json").configuration, configuration);
});

Deno.test("deno task relabel takes its shard from the job array that it is a task of, and says so", async () => {
  const images = mixedFolder(10);
  const path = newPath("labels");
  const args = [images, "--out", path, "--show", "0", ...OPTIONS];
  const run = async (env: Record<string, string>, ...more: string[]) => {
    const { code, stdout, stderr } = await taskCommand("relabel", [...args, ...more], env).output();
    return { code, out: new TextDecoder().decode(stdout), error: new TextDecoder().decode(stderr) };
  };
  const slurm = { SLURM_ARRAY_TASK_COUNT: "3", SLURM_ARRAY_TASK_MIN: "1", SLURM_ARRAY_TASK_STEP: "2" };
  const first = await run({ ...slurm, SLURM_ARRAY_TASK_ID: "1" });
  assertEquals(first.code, 0, first.error);
  assertMatch(first.error, /^Shard 0\/3, since SLURM_ARRAY_TASK_ID is 1\n10 images in 2 class folders; /);
  assertStringIncludes(first.out, "in part-00000.parquet and manifest-00000-of-00003.json\n");
  const second = await run({ JOB_COMPLETION_INDEX: "1" }, "--shard", "auto/3", "--quiet");
  assertEquals([second.code, second.out, second.error], [0, "", ""]);
  const third = await run({ ...slurm, SLURM_ARRAY_TASK_ID: "1" }, "--shard", "2/3");
  assertEquals(third.code, 0, third.error);
  assertMatch(third.error, /^10 images in 2 class folders; /);
  assertEquals(Object.keys(partsOf(path)), ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]);
  const empty = await run({}, "--shard", "0/4", "--rows-per-file", "10", "--out", newPath("labels"));
  assertStringIncludes(
    empty.out,
    "\n  time       nothing to do: 4 shards share 1 part file of 10 images, a smaller --rows-per-file makes more\n",
  );
  const whole = newPath("labels");
  const alone = await run({ ...slurm, SLURM_ARRAY_TASK_ID: "1" }, "--shard", "none", "--out", whole);
  assertEquals(alone.code, 0, alone.error);
  assertEquals(partsOf(whole), partsOf(path));
  const unknown = await run({ JOB_COMPLETION_INDEX: "1" });
  assertEquals(unknown.code, 2);
  assertMatch(
    unknown.error,
    /^Cannot tell the shard: JOB_COMPLETION_INDEX is 1, but Kubernetes does not say of how many/,
  );
});

Deno.test("deno task relabel ends with one sentence if a list is of something else, or its images are gone", async () => {
  const images = mixedFolder(6);
  const file = newPath("images.list");
  assertEquals((await runTask("relabel", images, "--write-list", file, "--quiet")).out, "");
  const other = await runTask("relabel", "assets/photos", "--list", file, "--out", newPath("labels"));
  assertEquals([other.code, other.error], [
    2,
    `Cannot use list of images "${file}": it is of "${images}", not of "${join(ROOT, "assets/photos")}"\n`,
  ]);
  const both = await runTask("relabel", images, "--list", file, "--write-list", file);
  assertEquals([both.code, both.error], [2, "Cannot use --list and --write-list together: write the list first\n"]);
  Deno.renameSync(images, `${images}-moved`);
  const path = newPath("labels");
  const gone = await runTask("relabel", "--list", file, "--out", path, "--quiet", ...OPTIONS);
  assertEquals([gone.code, gone.error], [
    1,
    `Cannot read images by list "${file}": "${images}/cats/0-jpeg_420.jpg" is listed: no such file or directory\n`,
  ]);
  assertEquals(Object.keys(contents(path)), ["manifest.json"]);
});
