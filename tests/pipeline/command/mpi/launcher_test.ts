import { assertArrayIncludes, assertEquals, assertThrows } from "@std/assert";
import { readLauncher } from "../../../../pipeline/command/mpi/launcher.ts";
import { permissionsOf } from "../../task.ts";

const read = (environment: Record<string, string>) => readLauncher((name) => environment[name]);

Deno.test("readLauncher() knows hydra, Open MPI's mpirun and srun by what they set", () => {
  const mpich = { command: "mpiexec", implementation: "MPICH" } as const;
  assertEquals(read({ PMI_RANK: "0", PMI_SIZE: "4", PMI_FD: "6" }), { ...mpich, size: 4, descriptor: 6 });
  assertEquals(read({ PMI_RANK: "3", PMI_SIZE: "4" }), { ...mpich, size: 4 });
  assertEquals(read({ PMI_PORT: "node:33327", PMI_ID: "0" }), { ...mpich, size: undefined });
  assertEquals(
    read({ PMI_RANK: "0", PMI_SIZE: "8", SLURM_STEP_NUM_TASKS: "8" }),
    { command: "srun --mpi=pmi2", implementation: "MPICH", size: 8 },
  );
  // mpirun's processes have those of PMIx too.
  assertEquals(
    read({ OMPI_COMM_WORLD_SIZE: "2", PMIX_RANK: "1", SLURM_STEP_NUM_TASKS: "1" }),
    { command: "mpirun", implementation: "Open MPI", size: 2 },
  );
  const pmix = { command: "srun --mpi=pmix", implementation: "Open MPI" } as const;
  assertEquals(read({ PMIX_RANK: "0", SLURM_STEP_NUM_TASKS: "8" }), { ...pmix, size: 8 });
  assertEquals(read({ PMIX_RANK: "0" }), { ...pmix, size: undefined });
});

Deno.test("readLauncher() is undefined for a process that was started alone, in a job of Slurm too", () => {
  assertEquals(read({}), undefined);
  assertEquals(read({ SLURM_NTASKS: "8" }), undefined);
  assertEquals(read({ SLURM_STEP_NUM_TASKS: "1" }), undefined);
});

Deno.test("readLauncher() refuses tasks that srun tells nothing of each other", () => {
  assertThrows(
    () => read({ SLURM_STEP_NUM_TASKS: "4" }),
    TypeError,
    "Cannot join the 4 tasks that srun started: they are told nothing of each other; start them with srun --kill-on-bad-exit=1 --mpi=pmi2",
  );
});

Deno.test("deno.json's tasks may read every variable that readLauncher() asks for", () => {
  const asked = new Set<string>();
  for (
    const set of [{}, { PMI_RANK: "0", PMI_SIZE: "2" }, { PMI_PORT: "n:1", PMI_ID: "0" }] as Record<string, string>[]
  ) {
    readLauncher((name) => {
      asked.add(name);
      return set[name];
    });
  }
  for (const task of ["train", "evaluate", "doctor"] as const) {
    assertArrayIncludes(permissionsOf(task)?.env ?? [], [...asked], task);
  }
});
