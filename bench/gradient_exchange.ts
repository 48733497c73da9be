/**
 * What adding up gradients over ranks costs a training step: `deno task bench:exchange`, two processes on this machine, or
 * `mpiexec -n N deno task bench:exchange`.
 *
 * The sums are compared with those in float64, and what the update reads with the sums; then steps that exchange in buckets
 * during the backward pass take turns with steps that exchange all gradients at once after it. Exposed is the time in which
 * the device has nothing to do because of the exchange. Fails if a sum is wrong, if the exchange takes more memory than the
 * gradients, or if nothing overlaps.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };
import { count } from "../pipeline/command/option_kinds.ts";
import { openCommunicator } from "../pipeline/command/mpi/communicator.ts";
import { ranksCommand } from "../tests/mpi.ts";
import { measureExchange } from "./gradient_exchange/measure.ts";
import { readBenchOptions } from "./options.ts";

const TASK = "bench:exchange";
const RANKS = 2;

const options = readBenchOptions(
  TASK,
  {
    rounds: count({ default: 5, help: "steps of each kind" }),
    batch: count({ default: 2, help: "images of a rank's step" }),
    size: count({ default: 64, help: "height and width of an image" }),
  },
);
const communicator = await openCommunicator();
if (communicator) {
  const isKept = await measureExchange(communicator, options);
  await communicator.close();
  if (!isKept) Deno.exit(1);
} else {
  const code = await startRanks();
  if (code !== 0) Deno.exit(code);
}

/** Runs this task as several ranks; returns their exit code. */
async function startRanks(): Promise<number> {
  const [, ...words] = project.tasks[TASK].split(" ");
  try {
    const ranks = ranksCommand("MPICH", RANKS, [...words, ...Deno.args]).spawn();
    await Promise.all([
      ranks.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
      ranks.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
    ]);
    return (await ranks.status).code;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    console.error(`Cannot start ${RANKS} ranks: install MPICH, or run it as mpiexec -n ${RANKS} deno task ${TASK}`);
    return 2;
  }
}
