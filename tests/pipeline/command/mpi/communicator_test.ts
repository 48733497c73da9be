import { assertEquals, assertFalse, assertLess, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import project from "../../../../deno.json" with { type: "json" };
import { openCommunicator, pieces } from "../../../../pipeline/command/mpi/communicator.ts";
import type { Implementation } from "../../../../pipeline/command/mpi/launcher.ts";
import { mpiTest, type RanksOutput, runRanks } from "../../../mpi.ts";
import { ROOT } from "../../task.ts";

const IMPLEMENTATIONS: readonly Implementation[] = ["MPICH", "Open MPI"];
/** As in deno.json's tasks. */
const VARIABLES = "OMPI_COMM_WORLD_SIZE,PMI_FD,PMI_ID,PMI_PORT,PMI_RANK,PMI_SIZE,PMIX_RANK,SLURM_STEP_NUM_TASKS";
const run = ["run", "--no-prompt", "--allow-ffi", `--allow-env=${VARIABLES}`];
const collectives = [...run, "tests/pipeline/command/mpi/ranks/collectives.ts"];
const failing = [...run, "--allow-run", "tests/pipeline/command/mpi/ranks/failing.ts"];

async function timed(output: Promise<RanksOutput>): Promise<RanksOutput & { seconds: number }> {
  const started = performance.now();
  return { ...await output, seconds: (performance.now() - started) / 1000 };
}

for (const implementation of IMPLEMENTATIONS) {
  for (const size of [2, 3]) {
    mpiTest(`${size} ranks sum, compare, broadcast and gather`, implementation, async () => {
      const { code, out, error } = await runRanks(implementation, size, collectives);
      assertEquals([code, error], [0, ""], out);
      const ranks = out.trim().split("\n").map((line) => JSON.parse(line)).sort((a, b) => a.rank - b.rank);
      assertEquals(ranks.length, size);
      const pairs = size * (size - 1) / 2;
      ranks.forEach(({ library, ...rest }, rank) => {
        assertMatch(library, new RegExp(`^${implementation} \\d+\\.\\d+\\.\\d+$`));
        assertEquals(rest, {
          rank,
          size,
          localRank: rank,
          localSize: size,
          floats: [pairs, size + pairs, 1008 * size + pairs],
          doubles: [0.5 * size + pairs, 2 ** 40 * size + pairs],
          integers: [size - 1, 0, 2 ** 31 - 1],
          bytes: [7, 7, 7, 7, 7],
          middle: [100, size, 2 * size, 100],
          gathered: rank === 0 ? Array.from({ length: size }, (_, i) => [i, 9, 8]) : null,
          gatheredEmpty: rank === 0 ? Array.from({ length: size }, () => []) : null,
        });
      });
    });
  }

  mpiTest("A launcher that starts one process starts no rank", implementation, async () => {
    const { code, out, error } = await runRanks(implementation, 1, collectives);
    assertEquals([code, out, error], [0, '"alone"\n', ""]);
  });

  for (const [way, text] of [["killed", "Killed"], ["exits", ""], ["throws", "Cannot go on"]]) {
    mpiTest(`A rank that ${way === "killed" ? "is killed" : way} ends all`, implementation, async () => {
      const { seconds, code, out, error } = await timed(runRanks(implementation, 3, [...failing, way]));
      assertNotEquals(code, 0);
      assertStringIncludes(out + error, text);
      assertLess(seconds, 20);
    });
  }

  mpiTest("A call that waits for too long fails and names what it did", implementation, async () => {
    const { seconds, code, error } = await timed(runRanks(implementation, 3, [...failing, "sleeps"]));
    assertNotEquals(code, 0);
    assertStringIncludes(error, "Cannot sum 11 numbers over 3 ranks: the others have not answered for 1 s\n");
    assertLess(seconds, 20);
  });

  mpiTest("A library that does not find the launcher's other processes is one sentence", implementation, async () => {
    const env: Record<string, string> = implementation === "MPICH"
      ? { PMI_RANK: "0", PMI_SIZE: "2" }
      : { OMPI_COMM_WORLD_SIZE: "2" };
    const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: failing, cwd: ROOT, env }).output();
    assertFalse(success);
    assertMatch(
      new TextDecoder().decode(stderr),
      new RegExp(
        `^Cannot join 2 ranks: mpi\\w+ started as many, and ${implementation} [\\d.]+ finds 1; launcher .*\n$`,
      ),
    );
  });
}

mpiTest("Where the launcher lets the others live, one of them says that a rank has ended", "MPICH", async () => {
  const launcher = ["-disable-auto-cleanup"];
  const { seconds, code, error } = await timed(runRanks("MPICH", 3, [...failing, "exits"], { launcher }));
  assertNotEquals(code, 0);
  const sentences = error.split("\n").filter((line) => line.startsWith("Cannot"));
  assertEquals(sentences.length, 1, error);
  assertMatch(sentences[0], /^Cannot sum 11 numbers over 3 ranks: rank 1 \(process \d+\) of this machine has ended$/);
  assertLess(seconds, 20);
});

mpiTest("Ranks that deno task runs find each other", "MPICH", async () => {
  const folder = await Deno.makeTempDir();
  const task = `deno ${collectives.with(-1, `${ROOT}${collectives.at(-1)}`).join(" ")}`;
  const { unstable, imports } = project;
  await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ tasks: { ranks: task }, unstable, imports }));
  const { code, out, error } = await runRanks("MPICH", 2, ["task", "--quiet", "--cwd", folder, "ranks"]);
  await Deno.remove(folder, { recursive: true });
  assertEquals([code, error], [0, ""], out);
  assertEquals(out.trim().split("\n").map((line) => JSON.parse(line).size), [2, 2]);
});

Deno.test("A launcher's connection that was closed on the way is one sentence that says what to type", async () => {
  // Standard error, a pipe, in the place of the socket that hydra opens.
  const env = { PMI_RANK: "0", PMI_SIZE: "2", PMI_FD: "2" };
  const { success, stderr } = await new Deno.Command(Deno.execPath(), { args: failing, cwd: ROOT, env }).output();
  assertFalse(success);
  assertMatch(
    new TextDecoder().decode(stderr),
    /^Cannot reach mpiexec: .*PMI_FD=2.*; say mpiexec -pmi-port, or start the deno binary itself\n$/,
  );
});

Deno.test("openCommunicator() is undefined without a launcher", async () => {
  assertEquals(await openCommunicator(), undefined);
});

Deno.test("pieces() cuts an array without copying, the last piece shorter", () => {
  const data = Float32Array.from({ length: 7 }, (_, i) => i).subarray(1);
  assertEquals([...pieces(data, 4)].map((piece) => [...piece]), [[1, 2, 3, 4], [5, 6]]);
  assertEquals([...pieces(data, 4)].map(({ buffer, byteOffset }) => [buffer === data.buffer, byteOffset]), [
    [true, 4],
    [true, 20],
  ]);
  assertEquals([...pieces(data, 6)].length, 1);
  assertEquals([...pieces(new Uint8Array(0), 4)], []);
});
