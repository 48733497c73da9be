import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { takeLock } from "../../../formats/base/lock.ts";
import { mixedFolder } from "../photographs.ts";
import { ROOT, runTask, taskCommand } from "../task.ts";

const OPTIONS = ["--size", "64", "--shards", "3"];

/**
 * Programs in place of Slurm's: `sbatch` notes its arguments and numbers jobs from 100 on, `squeue` knows the jobs that a
 * file names.
 */
function fakeSlurm() {
  const folder = Deno.makeTempDirSync();
  const path = (name: string) => join(folder, name);
  Deno.writeTextFileSync(path("jobs"), "");
  const programs = {
    sbatch: `printf '%s ' "$@" >>${folder}/calls; echo >>${folder}/calls
      if [[ -e ${folder}/refuse ]]; then echo "sbatch: error: Batch job submission failed: $(cat ${folder}/refuse)" >&2; exit 1; fi
      echo "$((99 + $(wc -l <${folder}/calls)));cluster"`,
    squeue:
      `if [[ -e ${folder}/down ]]; then echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; fi
      job=\${2#--jobs=}
      grep "^$job " ${folder}/jobs | cut -d' ' -f2 || true
      grep -q "^$job " ${folder}/jobs || { echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1; }`,
  };
  for (const [name, text] of Object.entries(programs)) {
    Deno.writeTextFileSync(path(name), `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  }
  return {
    write: (name: string, text: string) => Deno.writeTextFileSync(path(name), text),
    remove: (name: string) => Deno.removeSync(path(name)),
    calls: () => Deno.readTextFileSync(path("calls")).trimEnd().split("\n").map((line) => line.trimEnd()),
    async run(...args: string[]) {
      const command = taskCommand("cluster", ["slurm", ...args], { PATH: `${folder}:${Deno.env.get("PATH")}` });
      const { code, stdout, stderr } = await command.output();
      const decoder = new TextDecoder();
      return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
    },
  };
}

/** Writes one shard as its task does. */
async function writeShard(out: string, shard: number): Promise<void> {
  const list = join(out, "cluster/images.list");
  const args = [
    "--list",
    list,
    "--out",
    out,
    "--rows-per-file",
    "8",
    "--shard",
    `${shard}/3`,
    "--quiet",
    "--size",
    "64",
  ];
  const { code, error } = await runTask("relabel", ...args);
  assertEquals(code, 0, error);
}

Deno.test("deno task cluster slurm writes scripts that bash understands, a list of images and a plan", async () => {
  const slurm = fakeSlurm();
  const images = mixedFolder(24);
  const out = join(Deno.makeTempDirSync(), `my "labels", it's 50% done`);
  const { code, out: said, error } = await slurm.run(images, "--out", out, ...OPTIONS, "--report");
  assertEquals([code, error], [0, ""]);
  const folder = join(out, "cluster");
  assertEquals(
    said,
    `24 images in 3 part files of 8, 3 shards\n  labels     24 images, each with a label\n  ${folder}/array.sh\n  ${folder}/join.sh\n` +
      "Next: the same command with --submit\n",
  );
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), [
    "array.sh",
    "images.list",
    "join.sh",
    "logs",
    "plan.json",
  ]);
  assertEquals(JSON.parse(Deno.readTextFileSync(join(folder, "plan.json"))), {
    images: 24,
    shards: 3,
    rowsPerFile: 8,
    name: "relabel-my_labels_it_s_50_done",
  });
  for (const name of ["array.sh", "join.sh"]) {
    const { success } = await new Deno.Command("bash", { args: ["-n", join(folder, name)] }).output();
    assert(success, name);
  }
  const array = Deno.readTextFileSync(join(folder, "array.sh"));
  assertStringIncludes(array, `\ncd ${ROOT.replace(/\/$/, "")}\n`);
  assertStringIncludes(array, `  ${Deno.execPath()} run -q --no-prompt -P=label `);
  assertStringIncludes(array, ` ${ROOT}pipeline/relabel/main.ts ${images} --list `);
  assertStringIncludes(array, ` --rows-per-file 8 --show 0 --size=64 --shard "$shard/3" &\n`);
  const join_ = Deno.readTextFileSync(join(folder, "join.sh"));
  assertStringIncludes(join_, `${ROOT}pipeline/cluster/main.ts join '`);
  assertStringIncludes(join_, `${ROOT}pipeline/report/main.ts '`);
});

Deno.test("deno task cluster slurm --submit submits what is not whole, once", async () => {
  const slurm = fakeSlurm();
  const images = mixedFolder(24);
  const out = join(Deno.makeTempDirSync(), "labels");
  const submit = (...more: string[]) => slurm.run(images, "--out", out, ...OPTIONS, "--submit", ...more);
  const scripts = { array: join(out, "cluster/array.sh"), join: join(out, "cluster/join.sh") };
  const first = await submit("--concurrent", "2");
  assertEquals([first.code, first.error], [0, ""]);
  assertStringIncludes(
    first.out,
    `\nSubmitted job 100: 3 shards\nSubmitted job 101: the join after it\nNext: deno task `,
  );
  assertEquals(slurm.calls(), [
    `--parsable --array=0-2%2 ${scripts.array}`,
    `--parsable --dependency=afterok:100 --kill-on-invalid-dep=yes ${scripts.join}`,
  ]);

  slurm.write("jobs", "101 relabel-labels-join\n");
  const second = await submit();
  assertEquals([second.code, second.out], [75, ""]);
  assertEquals(
    second.error,
    `Cannot prepare "${out}": job 101, submitted for it before, is still in Slurm's queue; wait, ` +
      "or end it with scancel 101\n",
  );
  slurm.write("jobs", "101 another-job\n");
  slurm.write("down", "");
  const down = await submit();
  assertEquals([down.code, down.error], [
    1,
    "Cannot ask Slurm whether job 100 is still in its queue: Unable to contact slurm controller\n",
  ]);
  slurm.remove("down");

  await writeShard(out, 1);
  const lock = takeLock(join(out, ".manifest-00002-of-00003.lock"), "Cannot test");
  const written = await submit();
  assertEquals([written.code, written.error], [75, `Cannot prepare "${out}": another process is writing there\n`]);
  lock.release();
  const third = await submit();
  assertStringIncludes(third.out, "\n1 of them is whole, 2 are left\n");
  assertEquals(slurm.calls().slice(2), [
    `--parsable --array=0,2 ${scripts.array}`,
    `--parsable --dependency=afterok:102 --kill-on-invalid-dep=yes ${scripts.join}`,
  ]);
  const others = await slurm.run(images, "--out", out, "--shards", "2", "--size", "64", "--submit");
  assertEquals([others.code, others.error], [
    1,
    `Cannot prepare "${out}": it was begun with --rows-per-file 8, not 12 and with --shards 3, not 2; ` +
    "repeat that, or name another folder with --out\n",
  ]);

  for (const shard of [0, 2]) await writeShard(out, shard);
  const last = await submit();
  assertEquals(slurm.calls().slice(4), [`--parsable ${scripts.join}`]);
  assertStringIncludes(last.out, "\nSubmitted job 104: the join\n");
  assertEquals((await runTask("cluster", "join", out, "--quiet")).code, 0);
  const done = await submit();
  assertEquals([done.code, done.error], [
    1,
    `Cannot prepare "${out}": it is one data set already, choose another --out\n`,
  ]);
});

Deno.test("deno task cluster slurm says what is wrong before anything is submitted", async () => {
  const slurm = fakeSlurm();
  const images = mixedFolder(5);
  const out = join(Deno.makeTempDirSync(), "labels");
  const refusal = async (...args: string[]) => {
    const { code, out: said, error } = await slurm.run(...args, "--submit");
    assertEquals(said, "");
    return [code, error];
  };
  assertEquals(await refusal("nowhere", "--out", out, ...OPTIONS), [
    1,
    'Cannot open images "nowhere": no such file or folder\n',
  ]);
  assertEquals(await refusal(images, "--out", out, ...OPTIONS, "--annotator", "nobody"), [
    1,
    'Cannot read annotator "nobody": there is no such folder or file\n',
  ]);
  assertEquals([...Deno.readDirSync(join(out, ".."))], [], "nothing is left");
  assertEquals(await refusal(images, "--out", out, "--shards", "6"), [
    1,
    `Cannot prepare "${out}": 5 images cannot be shared by 6 shards\n`,
  ]);
  const alone = join(Deno.makeTempDirSync(), "alone");
  assertEquals((await runTask("relabel", images, "--out", alone, "--size", "64", "--quiet")).code, 0);
  assertEquals(await refusal(images, "--out", alone, ...OPTIONS), [
    1,
    `Cannot prepare "${alone}": it is one data set already, choose another --out\n`,
  ]);
  slurm.write("refuse", "Invalid partition name specified");
  const refused = await slurm.run(images, "--out", out, ...OPTIONS, "--submit");
  assertEquals([refused.code, refused.out, refused.error], [
    1,
    "",
    `Cannot submit "${out}/cluster/array.sh": Batch job submission failed: Invalid partition name specified\n`,
  ]);
  const without = taskCommand("cluster", ["slurm", images, "--out", out, ...OPTIONS, "--submit"], {
    PATH: "/nonexistent",
  });
  const { code, stderr } = await without.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [
    1,
    "Cannot run sbatch: Slurm is not installed here, or not in PATH\n",
  ]);
});
