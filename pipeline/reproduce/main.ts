/**
 * `deno task reproduce`: all supervisions on a small data set, over several seeds, as a table and charts.
 *
 * @module
 */

import { join } from "@std/path";
import { replaceFile } from "../../formats/base/files.ts";
import { confidenceChart, overlapChart } from "../charts/crop_charts.ts";
import { accuracyChart } from "./charts.ts";
import { sampleCrops } from "./sample_crops.ts";
import { seedFolders } from "./folders.ts";
import { RECIPES } from "./recipe.ts";
import { resultLines, resultMarkdown, resultsCsv, runsCsv, tableOf } from "./results.ts";
import { runStudy, studentOptions, type StudyPlan } from "./study.ts";
import { type MiniatureWatch, watched } from "./watch.ts";
import { formatDuration } from "../command/numbers.ts";
import { endProcess } from "../command/end_process.ts";
import type { Progress } from "../command/progress.ts";
import { REPRODUCE, type ReproduceCommand } from "./options.ts";
import { runCommand } from "../command/run_command.ts";
import { printLines } from "../command/terminal.ts";

/** What to do after the quick comparison. */
const NEXT = [
  "",
  "Next: all supervisions over several seeds; and the same for images of your own",
  "  deno task reproduce",
  "  deno task relabel photos --out labels",
  "  deno task train photos --maps labels --validation held-out --network resnet18 --batch 64",
];

async function run(
  { output, seeds, supervisions, leastObjects, quick, quiet }: ReproduceCommand,
  progress: Progress,
): Promise<number> {
  const started = performance.now();
  const plan: StudyPlan = {
    output,
    recipe: { ...RECIPES[quick ? "quick" : "whole"], leastObjects },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    supervisions,
  };
  return await watched({ progress, quiet, output }, async (watch) => {
    const lines = await reproduce(plan, watch);
    progress.end();
    printLines(quick ? [...lines, ...NEXT] : lines);
    watch.tell(`All in ${formatDuration((performance.now() - started) / 1000)}`);
  });
}

/**
 * Runs a study, or what of it is not done yet, and writes its tables and charts.
 *
 * @param plan What is compared; the original labels are among it.
 * @param watch Progress and signals.
 * @returns What was found, for the eye.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function reproduce(plan: StudyPlan, watch: MiniatureWatch): Promise<string[]> {
  const { output, seeds: [seed] } = plan;
  const study = await runStudy(plan, watch);
  watch.tell("Crops and charts");
  const crops = await sampleCrops(await studentOptions(plan, seed, "local-multi"), seedFolders(output, seed).scenes);
  const rows = tableOf(plan, study);
  const files = {
    "results.csv": resultsCsv(rows),
    "runs.csv": runsCsv(plan, study),
    "results.md": resultMarkdown(rows, { plan, study, crops }),
    "accuracy.svg": accuracyChart(rows),
    "overlap.svg": overlapChart(crops),
    "confidence.svg": confidenceChart(crops),
  };
  for (const [name, text] of Object.entries(files)) replaceFile(join(output, name), text);
  return resultLines(rows, { plan, study, crops });
}

if (import.meta.main) endProcess(await runCommand(Deno.args, { ...REPRODUCE, run }));
