/**
 * `deno task train` without images: the question of the whole project, asked and answered in minutes. One student is trained
 * on the labels of its images and one, with all else equal, on their label maps.
 *
 * @module
 */

import { formatCount, formatDuration, formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { layOut } from "../command/text_table.ts";
import { seedFolders } from "./folders.ts";
import { RECIPES } from "./recipe.ts";
import { formatDifference, formatShare } from "./shares.ts";
import { compare } from "./statistics.ts";
import { runStudy, type Study, type StudyPlan } from "./study.ts";
import { watched } from "./watch.ts";
import { printLines } from "../command/terminal.ts";

/** What the user asked for. */
export interface MiniatureCommand {
  /** Default `miniature`, and `miniature-quick` where it is quick. */
  readonly output?: string;
  readonly seed: number;
  readonly quick: boolean;
  readonly quiet: boolean;
}

/**
 * The folder of the miniature.
 *
 * @param command What was asked for.
 * @returns The one given, or that of the recipe.
 */
export function miniatureFolder({ output, quick }: { readonly output?: string; readonly quick: boolean }): string {
  return output ?? (quick ? "miniature-quick" : "miniature");
}

/**
 * Runs the miniature.
 *
 * @param command What was asked for.
 * @param progress Where it is told.
 * @returns The exit code: 0, or 130 or 143 after SIGINT or SIGTERM.
 * @throws {Error} If its folder was begun with another recipe, or something cannot be read or written.
 */
export async function runMiniature(command: MiniatureCommand, progress: Progress): Promise<number> {
  const { seed, quick, quiet } = command;
  const output = miniatureFolder(command);
  const started = performance.now();
  return await watched({ progress, quiet, output }, async (watch) => {
    const plan: StudyPlan = {
      output,
      recipe: quick ? RECIPES.quick : RECIPES.whole,
      seeds: [seed],
      supervisions: ["original", "local-multi"],
    };
    watch.tell("Does a classifier learn more from localized multi-labels than from one label an image?");
    const study = await runStudy(plan, watch);
    progress.end();
    printLines(reportMiniature(plan, study));
    watch.tell(`All in ${formatDuration((performance.now() - started) / 1000)}`);
  });
}

/**
 * What the miniature found, as text for people.
 *
 * @param plan Its one seed, and folder.
 * @param study What was found.
 * @returns The lines to print.
 */
export function reportMiniature({ output, recipe, seeds: [seed] }: StudyPlan, { outcomes, ceiling }: Study): string[] {
  const [original, relabel] = [outcomes.get("original")!, outcomes.get("local-multi")!];
  const [first, second] = [compare(original, original), compare(relabel, original)];
  const { student, maps } = seedFolders(output, seed);
  const { trainImages, leastObjects } = recipe;
  return [
    ...layOut([["trained on", "top-1", "ReaL"]], [
      ["original labels", formatShare(first.top1), formatShare(first.real)],
      ["ReLabel", formatShare(second.top1), formatShare(second.real)],
      ["difference", formatDifference(second.top1Difference), formatDifference(second.realDifference)],
    ], [false, true, true]),
    "",
    `Trained on ${formatNumberOf(trainImages, "image")} of ${leastObjects} or more objects, tested on ` +
    `${formatCount(original[0].top1.length)} of 1 or more; +- is a standard error,`,
    "of the difference image by image. Another seed has other images and weights, and differs by more.",
    "top-1: the best class is the label, which names one of the objects at random; at most " +
    `${(100 * ceiling).toFixed(1)} % can be right.`,
    "ReaL: the best class is one of those that the image shows.",
    "",
    `  students    ${student("original")}, ${student("local-multi")}`,
    `  label maps  ${maps}`,
    "",
    "Next: all supervisions over several seeds, with charts; and the same for images of your own",
    "  deno task reproduce",
    "  deno task relabel photos --out labels",
    "  deno task train photos --maps labels --validation held-out --network resnet18 --batch 64",
  ];
}
