/**
 * The options of `deno task doctor`.
 *
 * @module
 */

import { text } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";

/** The command. */
export const DOCTOR = defineCommand({
  name: "doctor",
  title: "Show what this machine can do: adapter, kernels, decoder, DuckDB, MPI",
  about: "Under mpiexec or srun each process shows its rank too, and the adapter that it was given.",
  options: {
    listAnnotators: text({
      value: "PATTERN",
      help:
        "list timm's weights for ImageNet that can be annotators, by a part of their names\nor a pattern such as 'vit_*_384.*', and nothing else",
    }),
  },
  examples: [
    "deno task doctor",
    "deno task doctor --list-annotators convnext",
    "deno task doctor --list-annotators '*'",
  ],
  notes:
    "Exit codes: 0; 1 if something that deno task relabel or deno task query needs is missing; 2 for a wrong option.",
});

/** What the user asked for. */
export type DoctorOptions = OptionsOfCommand<typeof DOCTOR>;
