/**
 * The help of `deno task doctor`, which has no options of its own.
 *
 * @module
 */

import { defineCommand } from "../command/option_table.ts";

/** The command. */
export const DOCTOR = defineCommand({
  name: "doctor",
  title: "Show what this machine can do: adapter, kernels, decoder, DuckDB, MPI",
  about: "Under mpiexec or srun each process shows its rank too, and the adapter that it was given.",
  options: {},
  notes:
    "Exit codes: 0; 1 if something that deno task relabel or deno task query needs is missing; 2 for a wrong option.",
});
