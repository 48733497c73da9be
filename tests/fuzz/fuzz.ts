/**
 * `deno task fuzz`: damaged and malicious files, thousands of them, each of which must read correctly or be refused clearly.
 *
 * @module
 */

import { formatTable } from "../../bench/table.ts";
import { UsageError } from "../../pipeline/command/command_line.ts";
import { choices, count, flag } from "../../pipeline/command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../../pipeline/command/option_table.ts";
import { seed } from "../../pipeline/command/shared_options.ts";
import { answer } from "../../pipeline/command/run_command.ts";
import { MEMORY_LIMIT, runCampaign, TIME_LIMIT } from "./campaign.ts";
import { formats } from "./targets/mod.ts";

const FUZZ = defineCommand({
  name: "fuzz",
  title: "Read seeded mutations of files: each must read correctly or be refused by a clear error",
  about: `Counted are files that read as if nothing had been done (equal), files that read as a whole that the format
allows but with other values, where no checksum protects the bytes that were changed (changed), and files
that were refused by one sentence that names the file and what was found in it (refused). Everything else is a
failure: an engine's error, a structure that should have been refused, a crash, a hang of more than
${TIME_LIMIT / 1000} seconds, more than ${MEMORY_LIMIT / 2 ** 30} GB of memory. Exit code 1 if there is one.`,
  options: {
    formats: choices(formats, { name: "format", default: formats, help: `of ${formats.join(", ")}; default all` }),
    seed: seed("seed of the first mutation"),
    count: count({ default: 2000, help: "mutations of each format" }),
    show: flag({ help: "print every mutation and what became of it" }),
  },
  examples: ["deno task fuzz", "deno task fuzz --format parquet --seed 123 --count 1 --show"],
});

async function fuzz(command: OptionsOfCommand<typeof FUZZ>): Promise<number> {
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
    const command = FUZZ.read(args);
    if (typeof command !== "string") return await fuzz(command);
    console.log(answer(command, FUZZ.help));
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
