import { assertEquals, assertMatch } from "@std/assert";
import { nameLibrary, openCommunicator, pieces } from "../../../pipeline/mpi/communicator.ts";
import type { Implementation } from "../../../pipeline/mpi/launcher.ts";
import { mpiTest, runRanks } from "../../mpi.ts";

const IMPLEMENTATIONS: readonly Implementation[] = ["MPICH", "Open MPI"];
const VARIABLES = "PMI_RANK,PMI_SIZE,PMI_PORT,PMI_ID,PMIX_RANK,OMPI_COMM_WORLD_SIZE,SLURM_STEP_NUM_TASKS";
const collectives = ["run", "--no-prompt", "--allow-ffi", `--allow-env=${VARIABLES}`].concat(
  "tests/pipeline/mpi/ranks/collectives.ts",
);

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
}

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

Deno.test("nameLibrary() finds name and version in what libraries say of themselves", () => {
  assertEquals(
    nameLibrary("MPICH Version:\t4.0.2\nMPICH Release date:\tThu Apr  7 12:34:45 CDT 2022\n"),
    "MPICH 4.0.2",
  );
  assertEquals(nameLibrary("Open MPI v4.1.4, package: Debian OpenMPI, ident: 4.1.4"), "Open MPI 4.1.4");
  assertEquals(
    nameLibrary("Intel(R) MPI Library 2021.9 for Linux* OS\n\0"),
    "Intel(R) MPI Library 2021.9 for Linux* OS",
  );
});
