import { assertEquals, assertLess, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { loadLibrary } from "../../../../pipeline/command/mpi/library.ts";
import { mpiTest } from "../../../mpi.ts";
import { type SlurmCluster, slurmTest, startSlurm } from "../../../slurm.ts";
import { ROOT } from "../../task.ts";

/** A test that needs both, and is reported as ignored for what is missing. */
function slurmRanksTest(name: string, body: () => Promise<void>): void {
  if (loadLibrary("MPICH")) slurmTest(name, body);
  else mpiTest(name, "MPICH", body);
}

slurmRanksTest("srun starts ranks on several nodes, and ends them when one is gone", async () => {
  await using cluster = await startSlurm(2);

  const joined = await srun(cluster, ["--mpi=pmi2"], "collectives.ts");
  assertEquals(joined.code, 0, joined.error);
  const ranks = joined.out.trim().split("\n").map((line) => JSON.parse(line)).sort((a, b) => a.rank - b.rank);
  assertEquals(ranks.map(({ rank, size, localSize }) => [rank, size, localSize]), [[0, 2, 1], [1, 2, 1]]);
  assertEquals(ranks.map(({ floats }) => floats), [[1, 3, 2017], [1, 3, 2017]]);

  const thrown = await srun(cluster, ["--mpi=pmi2"], "failing.ts", "throws");
  assertNotEquals(thrown.code, 0);
  assertMatch(thrown.error, /^Cannot go on$/m);
  assertLess(thrown.seconds, 20);

  const killed = await srun(cluster, ["--mpi=pmi2", "--kill-on-bad-exit=1"], "failing.ts", "killed");
  assertNotEquals(killed.code, 0);
  assertLess(killed.seconds, 20);

  const strangers = await srun(cluster, ["--mpi=none"], "failing.ts", "throws");
  assertNotEquals(strangers.code, 0);
  assertStringIncludes(strangers.error, "Cannot join the 2 tasks that srun started: ");
});

async function srun(cluster: SlurmCluster, options: readonly string[], script: string, ...args: string[]) {
  const started = performance.now();
  const words = ["run", "--no-prompt", "--allow-ffi", "--allow-env", "--allow-run"];
  const { code, stdout, stderr } = await new Deno.Command("srun", {
    args: ["-N2", "-n2", ...options, Deno.execPath(), ...words, `tests/pipeline/command/mpi/ranks/${script}`, ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...cluster.env },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  const seconds = (performance.now() - started) / 1000;
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr), seconds };
}
