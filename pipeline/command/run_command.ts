/**
 * What every command that shows progress does around its work.
 *
 * @module
 */

import { type Asked, exitCodeOf } from "./command_line.ts";
import type { Command } from "./option_table.ts";
import { type Progress, showProgress } from "./progress.ts";
import { printError, printText } from "./terminal.ts";
import { versionLine } from "./version.ts";

/**
 * Runs a command: reads its arguments, prints its help or version if that is asked for, and makes one sentence on standard error of an
 * error.
 *
 * @param args Arguments of the command line.
 * @param command How arguments are read, the help, and the work, which gives the exit code.
 * @returns The exit code: the work's; 0 after help or version; 1 after a failure; 2 if it was used wrongly.
 */
export async function runCommand<Options extends object>(
  args: readonly string[],
  command: Pick<Command<Options>, "help" | "read"> & { run(options: Options, progress: Progress): Promise<number> },
): Promise<number> {
  const progress = showProgress();
  try {
    const options = command.read(args);
    if (typeof options !== "string") return await command.run(options, progress);
    printText(answer(options, command.help));
    return 0;
  } catch (error) {
    progress.end();
    printError((error as Error).message);
    return exitCodeOf(error);
  }
}

/**
 * What is printed in place of a command's work.
 *
 * @param asked What was asked for.
 * @param help The command's.
 * @returns The text.
 */
export function answer(asked: Asked, help: string): string {
  return asked === "help" ? help : versionLine();
}
