import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { arrayScript, type ArraySettings, joinScript } from "../../../pipeline/cluster/scripts.ts";

/** A folder whose name needs quotes of all kinds. */
function oddFolder(): string {
  const path = join(Deno.makeTempDirSync(), `it's "here", 100% $HOME`);
  Deno.mkdirSync(join(path, "cluster/logs"), { recursive: true });
  return path;
}

/** Writes a program for PATH. */
function program(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  Deno.writeTextFileSync(path, `#!/bin/bash\n${text}\n`, { mode: 0o755 });
  return path;
}

/**
 * Runs a script as Slurm does, task 3 of an array, beside programs that note how they were called.
 *
 * @param relabel What is run in place of relabel, in bash.
 * @param signal Sent to the script alone, when relabel has made the file `ready`.
 * @returns What there was to see.
 */
async function runTask3(relabel: string, signal?: Deno.Signal) {
  const out = oddFolder();
  const programs = Deno.makeTempDirSync();
  const calls = join(programs, "calls");
  const note = `printf '%s|' "$(basename "$0")" "$@" >>${calls}; echo >>${calls}`;
  program(programs, "scontrol", note);
  program(programs, "sleep", note);
  const manifest = join(out, "manifest-00003-of-00005.json");
  const script = program(
    programs,
    "array.sh",
    arrayScript({
      ...settings(out),
      command: [program(programs, "relabel it", `${note}\nmanifest=$1 ready=${programs}/ready\n${relabel}`), manifest],
    }),
  );
  const child = new Deno.Command("/bin/bash", {
    args: [script],
    clearEnv: true,
    env: {
      PATH: `${programs}:/usr/bin:/bin`,
      SLURM_ARRAY_TASK_ID: "3",
      SLURM_ARRAY_JOB_ID: "17",
      SLURMD_NODENAME: "n1",
    },
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const ended = child.output();
  if (signal) {
    while (!isThere(join(programs, "ready"))) await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill(signal);
  }
  const { code, stdout, stderr } = await ended;
  const decoder = new TextDecoder();
  return {
    code,
    out: decoder.decode(stdout),
    error: decoder.decode(stderr),
    calls: Deno.readTextFileSync(calls).replaceAll(manifest, "M").trimEnd().split("\n"),
  };
}

function settings(out: string): Omit<ArraySettings, "command"> {
  return { name: "relabel-it", folder: join(out, "cluster"), workingFolder: out, out, shards: 5, concurrent: 2 };
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Ends on SIGTERM as relabel does. */
const UNTIL_TERM = `trap 'exit 143' TERM; touch "$ready"; for turn in {1..2000}; do /usr/bin/sleep 0.01; done`;

Deno.test("the array's script runs its shard, and ends as relabel does", async () => {
  for (const expected of [0, 1]) {
    const { code, out, error, calls } = await runTask3(`exit ${expected}`);
    assertEquals([code, error], [expected, ""]);
    assertEquals(calls, ["relabel it|M|--shard|3/5|"]);
    assertMatch(out, /^Shard 3 of 5: task 17_3, start 1, on n1, [\dT:-]+\n/);
    assertMatch(out, new RegExp(`\nShard 3 of 5: exit code ${expected}, [\\dT:-]+\n$`));
  }
});

Deno.test("the array's script waits while another process holds the shard", async () => {
  const { code, calls } = await runTask3(`if [[ -e $ready ]]; then exit 0; fi; touch "$ready"; exit 75`);
  assertEquals(code, 0);
  assertEquals(calls, ["relabel it|M|--shard|3/5|", "sleep|15|", "relabel it|M|--shard|3/5|"]);
});

Deno.test("the array's script queues its task again when the time is up and part files were finished", async () => {
  const { code, out, calls } = await runTask3(`echo part >"$manifest"; ${UNTIL_TERM}`, "SIGUSR1");
  assertEquals(code, 143);
  assertMatch(out, /The time limit is near: whole part files are kept, the task is queued again\n/);
  assertEquals(calls, ["relabel it|M|--shard|3/5|", "scontrol|requeue|17_3|"]);
});

Deno.test("the array's script fails when the time is up and no part file was finished", async () => {
  const { code, error, calls } = await runTask3(UNTIL_TERM, "SIGUSR1");
  assertEquals(code, 1);
  assertEquals(
    error,
    "No part file was finished within the time limit: give a longer --time or fewer --rows-per-file\n",
  );
  assertEquals(calls, ["relabel it|M|--shard|3/5|"]);
});

Deno.test("the array's script does not queue again what failed, or what somebody cancelled", async () => {
  const failed = await runTask3(`trap 'exit 1' TERM; ${UNTIL_TERM.replace(/^trap .* TERM; /, "")}`, "SIGUSR1");
  assertEquals([failed.code, failed.calls], [1, ["relabel it|M|--shard|3/5|"]]);
  const cancelled = await runTask3(`echo part >"$manifest"; ${UNTIL_TERM}`, "SIGTERM");
  assertEquals([cancelled.code, cancelled.calls], [143, ["relabel it|M|--shard|3/5|"]]);
});

Deno.test("scripts say to Slurm what they are", () => {
  const out = `/data/it's "here", 100%`;
  const lines = (text: string) =>
    text.split("\n").filter((line) => line.startsWith("#SBATCH")).map((line) => line.slice(8));
  const options = { ...settings(out), time: "4:00:00", sbatch: "--partition=gpu --gres=gpu:1" };
  assertEquals(lines(arrayScript({ ...options, command: ["relabel"] })), [
    "--job-name=relabel-it",
    "--array=0-4%2",
    "--requeue",
    "--open-mode=append",
    String.raw`--output="/data/it's \"here\", 100%%/cluster/logs/shard-%a.log"`,
    "--signal=B:USR1@120",
    "--time=4:00:00",
    "--partition=gpu --gres=gpu:1",
  ]);
  const script = joinScript({ ...options, commands: [["deno", "join", out], ["deno", "report", out]] });
  assertEquals(lines(script), [
    "--job-name=relabel-it-join",
    "--requeue",
    "--open-mode=append",
    String.raw`--output="/data/it's \"here\", 100%%/cluster/logs/join.log"`,
    "--time=4:00:00",
    "--partition=gpu --gres=gpu:1",
  ]);
  assertEquals(script.trimEnd().split("\n").slice(-2), [
    `deno join '/data/it'\\''s "here", 100%'`,
    `deno report '/data/it'\\''s "here", 100%'`,
  ]);
});

Deno.test("scripts are not written of texts that would break out of a line", () => {
  for (const bad of ["\n#SBATCH --wrap=x", "\r", "\0", "\u2028", "\x1b]0;"]) {
    const good: ArraySettings = { ...settings("/data/out"), command: ["relabel"] };
    const cases: Partial<ArraySettings>[] = [
      { name: `relabel${bad}` },
      { folder: `/data/out${bad}/cluster` },
      { out: `/data${bad}` },
      { workingFolder: `/home${bad}` },
      { time: `1${bad}` },
      { sbatch: `--partition=gpu${bad}` },
      { command: ["relabel", `photos${bad}`] },
    ];
    for (const wrong of cases) {
      assertThrows(() => arrayScript({ ...good, ...wrong }), TypeError, "Cannot write a script with ");
    }
    const commands = [["deno"], ["deno", `out${bad}`]];
    assertThrows(() => joinScript({ ...good, commands }), TypeError, "it has control characters");
  }
});
