/**
 * `deno task verify`: whether label maps are whole, and still say what their annotator says.
 *
 * @module
 */

import { createDefects } from "./defects.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { endProcess } from "../command/end_process.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { printLine, printLines } from "../command/terminal.ts";
import { verifyAnnotation } from "./annotation.ts";
import { VERIFY, type VerifyCommand } from "./options.ts";
import { verifyStructure } from "./structure.ts";

/** Defects that are named; the others are counted. */
const SHOWN_DEFECTS = 20;

async function run({ path, again, quiet }: VerifyCommand, progress: Progress): Promise<number> {
  const defects = createDefects(SHOWN_DEFECTS);
  const structure = await verifyStructure(path, defects, (done, total) => {
    if (!quiet) progress.update({ done, before: 0, total, rejected: 0 });
  });
  const lines = [...structure.lines];
  if (again) lines.push(...await verifyAnnotation(structure, again, defects, progress));
  progress.end();
  const rows = structure.files.reduce((sum, { rows }) => sum + rows, 0);
  if (!quiet) {
    const files = formatNumberOf(structure.files.length, "file");
    printLines([`${path}: ${formatNumberOf(rows, "row")} in ${files}`, ...lines]);
  }
  if (defects.count === 0) {
    if (!quiet) printLine("No defect was found");
    return 0;
  }
  const more = defects.count - defects.first.length;
  printLines([
    `${formatNumberOf(defects.count, "defect")}:`,
    ...defects.first.map((sentence) => `  ${sentence}`),
    ...(more > 0 ? [`  and ${formatCount(more)} more`] : []),
  ]);
  return 1;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...VERIFY, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
