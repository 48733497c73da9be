/**
 * `deno task report`: one HTML page about label maps.
 *
 * @module
 */

import { formatBytes, formatDuration, formatNumberOf } from "../command/numbers.ts";
import { endProcess } from "../command/end_process.ts";
import type { Progress } from "../command/progress.ts";
import { writeReport, type WrittenReport } from "./write_report.ts";
import { REPORT, type ReportCommand } from "./options.ts";
import { localLabels } from "../model/hub_labels.ts";
import { runCommand } from "../command/run_command.ts";
import { untilAborted, withSignals } from "../command/signals.ts";
import { printLine } from "../command/terminal.ts";

async function run(command: ReportCommand, progress: Progress): Promise<number> {
  const start = performance.now();
  const { result: written, code } = await withSignals((signal) =>
    untilAborted(signal, async () => {
      const watch = { onDownload: progress.download, onWarning: progress.print, signal };
      const labels = await localLabels(command.labels, watch);
      const out = command.out ?? (labels === command.labels ? undefined : "report.html");
      return await writeReport({ ...command, labels, out, signal, onProgress: (line) => progress.show(line, false) });
    })
  );
  progress.end();
  if (written) printLine(describeReport(written, (performance.now() - start) / 1000));
  return code;
}

/**
 * Describes a report that was written, in one line.
 *
 * @param written The report.
 * @param seconds How long it took.
 * @returns `labels/report.html: 9 images, 412 kB, in 2.1 s`, and what is missing in it.
 */
export function describeReport({ path, bytes, images, shown, missing }: WrittenReport, seconds: number): string {
  const parts = [formatNumberOf(images, "image"), formatBytes(bytes)];
  if (missing > 0) parts.push(`${missing} of ${formatNumberOf(shown, "picture")} missing`);
  return `${path}: ${parts.join(", ")}, in ${formatDuration(seconds)}`;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...REPORT, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
