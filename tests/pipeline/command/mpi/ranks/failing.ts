/** Ranks that sum again and again, until rank 1 fails in the way that the argument names. */

import { openCommunicator } from "../../../../../pipeline/command/mpi/communicator.ts";

const [way] = Deno.args;

const communicator = await openCommunicator(way === "sleeps" ? { limit: 1000 } : {}).catch((error) => {
  console.error(error.message);
  Deno.exit(1);
});
if (!communicator) throw new TypeError("Cannot fail alone");
try {
  for (let turn = 0;; turn++) {
    if (turn === 10 && communicator.rank === 1) await fail();
    await communicator.sum(new Float32Array(11));
  }
} catch (error) {
  console.error((error as Error).message);
  communicator.abort(1);
}

async function fail() {
  if (way === "killed") Deno.kill(Deno.pid, "SIGKILL");
  if (way === "exits") Deno.exit(3);
  if (way === "throws") throw new Error("Cannot go on");
  await new Promise((resolve) => setTimeout(resolve, 60_000));
}
