/**
 * `deno task reproduce`: a study of the paper on a small data set, over several seeds, as tables and charts.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { join } from "@std/path";
import { replaceFile } from "../../formats/base/files.ts";
import { type PlanDraft, preparePlan } from "./prepare_plan.ts";
import { dataOf, recipeOf } from "./recipe.ts";
import type { Study } from "./study_plan.ts";
import { STUDIES } from "./studies/mod.ts";
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
  `  ${calledAs("reproduce")}`,
  `  ${calledAs("relabel")} photos --out labels`,
  `  ${calledAs("train")} photos --maps labels --validation held-out --network resnet18 --batch 64`,
];

async function run(
  { study, data, target, fashion, digits, output, seeds, supervisions, leastObjects, quick, quiet }: ReproduceCommand,
  progress: Progress,
): Promise<number> {
  const started = performance.now();
  const files = { fashion, digits };
  const draft: PlanDraft = {
    output,
    recipe: { ...recipeOf(data, quick ? "quick" : "whole", files), leastObjects },
    seeds: Array.from({ length: seeds }, (_, seed) => seed),
    supervisions,
    ...(target === undefined || target === data ? {} : { target: { name: target, data: dataOf(target, files) } }),
  };
  return await watched({ progress, quiet, output }, async (watch) => {
    const lines = await reproduce(STUDIES[study], draft, watch);
    progress.end();
    printLines(quick ? [...lines, ...NEXT] : lines);
    watch.tell(`All in ${formatDuration((performance.now() - started) / 1000)}`);
  });
}

/**
 * Runs a study, or what of it is not done yet, and writes its tables and charts.
 *
 * @param study The study.
 * @param draft What it is run with.
 * @param watch Progress and signals.
 * @returns What was found, for the eye.
 * @throws {Error} If the folder was begun with another recipe, or something cannot be read or written.
 */
export async function reproduce(study: Study, draft: PlanDraft, watch: MiniatureWatch): Promise<readonly string[]> {
  const plan = await preparePlan(draft, watch);
  const { files, lines } = await study.run(plan, watch);
  for (const [name, text] of Object.entries(files)) replaceFile(join(plan.output, name), text);
  return lines;
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...REPRODUCE, run });
}

if (import.meta.main) endProcess(await main(Deno.args));
