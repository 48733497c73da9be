/**
 * A process that runs cases one after the other: `worker.ts FORMAT FOLDER SEED COUNT`. It writes a line of JSON when it is
 * ready, and one after each case; that it is slow, silent or gone, its parent sees.
 *
 * @module
 */

import process from "node:process";
import { countAllocations, takeAllocations } from "./allocations.ts";
import { type CaseResult, prepareTarget, runCase } from "./case.ts";
import { type Format, targets } from "./targets/mod.ts";

/** A line of the worker after a case. */
export interface WorkerLine extends CaseResult {
  readonly seed: number;
  /** Largest resident memory of the process until now, bytes. */
  readonly peak: number;
  /** Bytes that the case asked for, whether touched or not. */
  readonly asked: number;
}

const encoder = new TextEncoder();

function print(line: unknown): void {
  const bytes = encoder.encode(JSON.stringify(line) + "\n");
  for (let written = 0; written < bytes.length;) written += Deno.stdout.writeSync(bytes.subarray(written));
}

const highWater = () => process.resourceUsage().maxRSS * 1024;

/** On Linux a process begins with the mark of the one that started it, which may hold more than all cases do. */
const inherited = highWater();

/** The largest resident memory; as long as that is the inherited one, what is resident now. */
function peakMemory(): number {
  const peak = highWater();
  return peak > inherited ? peak : Deno.memoryUsage().rss;
}

const [format, folder, first, count] = Deno.args;
const prepared = await prepareTarget(targets[format as Format], folder);
countAllocations();
print("ready");
for (let seed = Number(first); seed < Number(first) + Number(count); seed++) {
  takeAllocations();
  const result = await runCase(prepared, seed);
  const peak = peakMemory();
  print({ seed, ...result, peak, asked: takeAllocations() } satisfies WorkerLine);
}
