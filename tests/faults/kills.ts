/**
 * `deno task kills`: processes that are killed, and power that is cut, hundreds of times.
 *
 * @module
 */

import { formatTable } from "../../bench/table.ts";
import { UsageError } from "../../pipeline/command/command_line.ts";
import { count, flag } from "../../pipeline/command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../../pipeline/command/option_table.ts";
import { seed } from "../../pipeline/command/shared_options.ts";
import { answer } from "../../pipeline/command/run_command.ts";
import { casesOf, ends, runCase } from "./campaign.ts";
import { flows } from "./flows.ts";

const KILLS = defineCommand({
  name: "kills",
  title: `End runs of ${Object.keys(flows).join(", ")} anywhere, and let them go on`,
  about: `A case is a run that is killed; or whose power is cut: of what it wrote all is left that it waited for, and of
the rest nothing, some, all or zeros; or of which a call of the file system fails, as on a full disk, which must
end in a sentence and leave no lock held. In three of five cases its images are changed then. The run that goes on
must leave the bytes of a run that was never ended, or be refused with a sentence that says what is another, and
then go on with the images as they were. Exit code 1 if one does not.`,
  options: {
    count: count({ default: 300, help: "cases" }),
    seed: seed("seed of the first case"),
    show: flag({ help: "print every case and what became of it" }),
  },
});

/** Runs the command; exit codes as of the other tasks. */
async function main(args: readonly string[]): Promise<number> {
  try {
    const command = KILLS.read(args);
    if (typeof command !== "string") return await end(command);
    console.log(answer(command, KILLS.help));
    return 0;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof UsageError ? 2 : 1;
  }
}

async function end({ count, seed, show }: OptionsOfCommand<typeof KILLS>): Promise<number> {
  const counts = new Map<string, Record<string, number>>();
  let failed = 0;
  for (const given of casesOf(count, seed, ends)) {
    const row = counts.get(given.flow) ??
      { "kill": 0, "power cut": 0, "fault": 0, "changed": 0, "same bytes": 0, "refused": 0 };
    counts.set(given.flow, row);
    row[given.end]++;
    if (given.change !== undefined) row.changed++;
    try {
      const outcome = await runCase(given);
      row[outcome]++;
      if (show) console.log(`${JSON.stringify(given)}: ${outcome}`);
    } catch (error) {
      failed++;
      console.error(`Failed: ${JSON.stringify(given)}\n  ${(error as Error).message.slice(0, 500)}`);
    }
  }
  const names = ["kill", "power cut", "fault", "changed", "same bytes", "refused"];
  const lines = [...counts].map(([flow, row]) => [flow, ...names.map((name) => row[name])]);
  const total = names.map((name) => [...counts.values()].reduce((sum, row) => sum + row[name], 0));
  console.log(formatTable([["flow", ...names], ...lines, ["all", ...total]]));
  console.log(`${failed} of ${count} failed`);
  return failed === 0 ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
