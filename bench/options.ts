/**
 * The options of a measurement.
 *
 * @module
 */

import {
  type Arguments,
  formatOptions,
  type OptionTable,
  readArguments,
  UsageError,
} from "../pipeline/command/command_line.ts";
import { answer } from "../pipeline/command/run_command.ts";

/**
 * Reads this process's arguments. `--help` prints the options and ends the process; so does, with exit code 2, an argument
 * that is not understood, here or while `read` looks at the values.
 *
 * @param task The name in deno.json.
 * @param table The options.
 * @param read Makes of the arguments what the measurement needs.
 * @returns What `read` made.
 */
export function readBenchOptions<Table extends OptionTable, Result>(
  task: string,
  table: Table,
  read: (given: Arguments<keyof Table & string>) => Result,
): Result {
  try {
    const given = readArguments(Deno.args, table, `deno task ${task}`, 0);
    if (typeof given === "string") {
      console.log(answer(given, `Usage: deno task ${task} [options]\n\n${formatOptions(table)}`));
      Deno.exit(0);
    }
    return read(given);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(error.message);
    Deno.exit(2);
  }
}
