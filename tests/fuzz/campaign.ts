/**
 * Many cases of a format, in processes that are watched.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { Format } from "./targets/mod.ts";
import type { WorkerLine } from "./worker.ts";

/** Milliseconds that a case may take. */
export const TIME_LIMIT = 5000;

/** Bytes that a process may hold, and that a case may ask for. */
export const MEMORY_LIMIT = 2 ** 30;

/** Milliseconds that a worker may take to make its samples and read them. */
const START_LIMIT = 60_000;

const WORKER = new URL("worker.ts", import.meta.url);

/** Which cases. */
export interface CampaignOptions {
  /** Seed of the first case. */
  readonly seed: number;
  readonly count: number;
  /** The program that runs cases; default `worker.ts`. */
  readonly worker?: URL;
  /** Called after each case that came to an end. */
  readonly onCase?: (line: WorkerLine) => void;
}

/** A case that was not as it must be. */
export interface Failure {
  readonly seed: number;
  readonly what: string;
}

/** What became of a format's cases. */
export interface CampaignResult {
  readonly equal: number;
  readonly changed: number;
  readonly refused: number;
  /** Cases that took more than {@linkcode TIME_LIMIT}. */
  readonly hangs: number;
  /** Largest resident memory of a process, bytes. */
  readonly peak: number;
  /** Most bytes that one case asked for as typed arrays, touched or not. */
  readonly asked: number;
  /** All cases that failed: hangs, crashes, too much memory, unclear errors, and structures that should be refused. */
  readonly failures: readonly Failure[];
}

/**
 * Runs cases. A process that hangs, dies or takes too much memory is replaced, and the next case goes on.
 *
 * @param format What is fuzzed.
 * @param options Which cases.
 * @returns What became of them.
 * @throws {Error} If a worker cannot even start, or the samples do not read.
 */
export async function runCampaign(format: Format, options: CampaignOptions): Promise<CampaignResult> {
  const end = options.seed + options.count;
  const counts = { equal: 0, changed: 0, refused: 0 };
  const failures: Failure[] = [];
  let [hangs, peak, asked] = [0, 0, 0];
  for (let seed = options.seed; seed < end;) {
    await using worker = startWorker(options.worker ?? WORKER, format, seed, end - seed);
    await worker.ready();
    while (seed < end) {
      const line = await worker.next();
      if (typeof line === "string") {
        if (line === "hangs") hangs++;
        failures.push({ seed: seed++, what: line === "hangs" ? `takes more than ${TIME_LIMIT} ms` : line });
        break;
      }
      options.onCase?.(line);
      seed++;
      [peak, asked] = [Math.max(peak, line.peak), Math.max(asked, line.asked)];
      const what = failureOf(line);
      if (what !== undefined) failures.push({ seed: line.seed, what });
      else counts[line.outcome as keyof typeof counts]++;
      if (line.peak > MEMORY_LIMIT) break;
    }
  }
  return { ...counts, hangs, peak, asked, failures };
}

function failureOf({ outcome, mutation, message, peak, asked }: WorkerLine): string | undefined {
  const megabytes = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MB`;
  if (peak > MEMORY_LIMIT) return `takes ${megabytes(peak)}: ${mutation}`;
  if (asked > MEMORY_LIMIT) return `asks for ${megabytes(asked)}: ${mutation}`;
  return outcome === "defect" ? `${message}: ${mutation}` : undefined;
}

interface Worker extends AsyncDisposable {
  /** Waits until the samples are there. */
  ready(): Promise<void>;
  /** The next case's line, `hangs`, or how the process died. */
  next(): Promise<WorkerLine | string>;
}

function startWorker(program: URL, format: Format, seed: number, count: number): Worker {
  const folder = Deno.makeTempDirSync({ prefix: "fuzz-" });
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-read",
      "--allow-write",
      "--allow-ffi",
      fromFileUrl(program),
      ...[format, folder, String(seed), String(count)],
    ],
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stderr = new Response(child.stderr).text();
  const lines = linesOf(child.stdout);
  const next = async (limit: number): Promise<unknown> => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<"late">((resolve) => timer = setTimeout(() => resolve("late"), limit));
    const line = await Promise.race([lines.next(), late]);
    clearTimeout(timer);
    if (line === "late") return "hangs";
    if (!line.done) return JSON.parse(line.value);
    const { code, signal } = await child.status;
    const last = (await stderr).trim().split("\n").slice(-3).join(" ");
    return `its process ends with ${signal ?? `code ${code}`}: ${last}`;
  };
  return {
    async ready() {
      const line = await next(START_LIMIT);
      if (line !== "ready") throw new Error(`Cannot fuzz ${format}: ${line}`);
    },
    next: async () => await next(TIME_LIMIT) as WorkerLine | string,
    async [Symbol.asyncDispose]() {
      try {
        child.kill("SIGKILL");
      } catch (error) {
        if (!(error instanceof TypeError)) throw error; // it has ended
      }
      await Promise.all([child.status, stderr, lines.return(undefined)]);
      Deno.removeSync(folder, { recursive: true });
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
