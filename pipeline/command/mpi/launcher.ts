/**
 * Which launcher started this process beside others, read from the variables that each sets.
 *
 * @module
 */

/** An implementation of MPI, by the binary interface that its programs are compiled for. */
export type Implementation = "MPICH" | "Open MPI";

/** What started this process. */
export interface Launcher {
  /** The command that a person types. */
  readonly command: string;
  /** The library that speaks to it. */
  readonly implementation: Implementation;
  /** Processes that it started, where it says so. */
  readonly size: number | undefined;
  /** The open file by which its processes find each other, where it hands one down. */
  readonly descriptor?: number;
}

/**
 * The launcher that started this process.
 *
 * Hydra, which is MPICH's `mpiexec`, and Slurm's `pmi2` plugin set `PMI_RANK`, `PMI_SIZE` and `PMI_FD`; hydra with `-pmi-port` sets
 * `PMI_PORT` and `PMI_ID` instead. Open MPI's `mpirun` sets `OMPI_COMM_WORLD_SIZE`. Slurm's `pmix` plugin sets `PMIX_RANK`,
 * and `srun` `SLURM_STEP_NUM_TASKS`.
 *
 * @param get Reads a variable of the environment.
 * @returns The launcher, or undefined if there is none.
 * @throws {TypeError} If `srun` started several tasks and gave them no way to find each other.
 */
export function readLauncher(get: (name: string) => string | undefined): Launcher | undefined {
  const openMpi = get("OMPI_COMM_WORLD_SIZE");
  if (openMpi) return { command: "mpirun", implementation: "Open MPI", size: Number(openMpi) };
  const tasks = get("SLURM_STEP_NUM_TASKS");
  const size = get("PMI_SIZE");
  if (get("PMI_RANK") && size) {
    const descriptor = get("PMI_FD");
    return {
      command: tasks ? "srun --mpi=pmi2" : "mpiexec",
      implementation: "MPICH",
      size: Number(size),
      ...(descriptor ? { descriptor: Number(descriptor) } : {}),
    };
  }
  if (get("PMI_PORT") && get("PMI_ID")) return { command: "mpiexec", implementation: "MPICH", size: undefined };
  if (get("PMIX_RANK")) {
    return { command: "srun --mpi=pmix", implementation: "Open MPI", size: tasks ? Number(tasks) : undefined };
  }
  if (Number(tasks ?? 1) > 1) {
    throw new TypeError(
      `Cannot join the ${tasks} tasks that srun started: they are told nothing of each other; start them with ` +
        "srun --kill-on-bad-exit=1 --mpi=pmi2 (MPICH) or --mpi=pmix (Open MPI), or set --ntasks=1",
    );
  }
  return undefined;
}
