/**
 * `deno task fuzz`: damaged and malicious files, thousands of them, each of which must read correctly or be refused clearly.
 *
 * @module
 */

import { formatTable } from "../../bench/table.ts";
import {
  type Asked,
  formatOptions,
  readArguments,
  readChoice,
  readCount,
  UsageError,
} from "../../pipeline/command/command_line.ts";
import { answer } from "../../pipeline/command/run_command.ts";
import { type CampaignOptions, MEMORY_LIMIT, runCampaign, TIME_LIMIT } from "./campaign.ts";
import { type Format, formats } from "./targets/mod.ts";

const DEFAULT_COUNT = 2000;

const OPTIONS = {
  format: { value: "F", help: `only one of ${formats.join(", ")}; default all` },
  seed: { value: "N", help: "seed of the first mutation; default 0" },
  count: { value: "N", help: `mutations of each format; default ${DEFAULT_COUNT}` },
  show: { help: "print every mutation and what became of it" },
};

const HELP = `Read seeded mutations of files: each must read correctly or be refused by a clear error

Usage: deno task fuzz [options]

Counted are files that read as if nothing had been done (equal), files that read as a whole that the format
allows but with other values, where no checksum protects the bytes that were changed (changed), and files
that were refused by one sentence that names the file and what was found in it (refused). Everything else is a
failure: an engine's error, a structure that should have been refused, a crash, a hang of more than
${TIME_LIMIT / 1000} seconds, more than ${MEMORY_LIMIT / 2 ** 30} GB of memory. Exit code 1 if there is one.

Options
${formatOptions(OPTIONS)}

Examples
  deno task fuzz
  deno task fuzz --format parquet --seed 123 --count 1 --show
`.trimEnd();

interface FuzzCommand extends CampaignOptions {
  readonly formats: readonly Format[];
  readonly show: boolean;
}

function readOptions(args: readonly string[]): FuzzCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task fuzz", 0);
  if (typeof given === "string") return given;
  const [format, seed, count] = (["format", "seed", "count"] as const).map(given.text);
  return {
    formats: format === undefined ? formats : [readChoice(format, "format", formats)],
    seed: seed === undefined ? 0 : readCount(seed, "seed", 0),
    count: count === undefined ? DEFAULT_COUNT : readCount(count, "count"),
    show: given.has("show"),
  };
}

async function fuzz(command: FuzzCommand): Promise<number> {
  const rows: (string | number)[][] = [
    ["format", "mutations", "equal", "changed", "refused", "failed", "hangs", "peak MB", "most asked MB", "seconds"],
  ];
  let failed = 0;
  for (const format of command.formats) {
    const start = performance.now();
    const result = await runCampaign(format, {
      ...command,
      onCase: command.show
        ? ({ seed, mutation, outcome, message }) => {
          console.log(`${format} ${seed}: ${mutation}\n  ${outcome}${message ? `: ${message}` : ""}`);
        }
        : undefined,
    });
    for (const { seed, what } of result.failures) {
      console.error(`Failed: deno task fuzz --format ${format} --seed ${seed} --count 1\n  ${what}`);
    }
    const { equal, changed, refused, hangs, failures, peak, asked } = result;
    failed += failures.length;
    const megabytes = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    rows.push([
      format,
      command.count,
      ...[equal, changed, refused, failures.length, hangs, megabytes(peak), megabytes(asked), seconds],
    ]);
  }
  console.log(formatTable(rows));
  return failed === 0 ? 0 : 1;
}

/** Runs the command; exit codes as of the other tasks. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = readOptions(args);
    if (typeof command !== "string") return await fuzz(command);
    console.log(answer(command, HELP));
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
