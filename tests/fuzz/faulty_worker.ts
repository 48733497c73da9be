/**
 * A worker that goes wrong in every way that is watched for: case 1 hangs, 2 ends the process, 3 never answers though the
 * process ends well, 4 asks for much memory, 5 takes it, 6 is a defect. All others are refused.
 *
 * @module
 */

import type { WorkerLine } from "./worker.ts";

const [, , first, count] = Deno.args.map(Number);
console.log(JSON.stringify("ready"));
for (let seed = first; seed < first + count; seed++) {
  if (seed === 1) { while (true); }
  if (seed === 2) Deno.kill(Deno.pid, "SIGKILL");
  if (seed === 3) Deno.exit(0);
  const line: WorkerLine = {
    seed,
    outcome: seed === 6 ? "defect" : "refused",
    mutation: "a change",
    message: "a message",
    peak: seed === 5 ? 2 ** 31 : 2 ** 27,
    asked: seed === 4 ? 2 ** 32 : 0,
  };
  console.log(JSON.stringify(line));
}
