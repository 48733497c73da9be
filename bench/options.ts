/**
 * The options of a measurement.
 *
 * @module
 */

import { UsageError } from "../pipeline/command/command_line.ts";
import {
  defaultsOf,
  formatOptions,
  type OptionsOf,
  type OptionTable,
  readTexts,
  readValues,
} from "../pipeline/command/option_table.ts";
import { answer } from "../pipeline/command/run_command.ts";

/**
 * Reads this process's arguments. `--help` prints the options and ends the process; so does, with exit code 2, an argument
 * that is not understood.
 *
 * @param task The name in deno.json.
 * @param table The options.
 * @returns What was given, and defaults.
 */
export function readBenchOptions<const Table extends OptionTable>(task: string, table: Table): OptionsOf<Table> {
  try {
    const texts = readTexts(table, Deno.args, task);
    if (typeof texts === "string") {
      console.log(answer(texts, `Usage: deno task ${task} [options]\n\n${formatOptions(table)}`));
      Deno.exit(0);
    }
    return { ...defaultsOf(table), ...readValues(table, texts) };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
