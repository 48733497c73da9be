/**
 * The options of `deno task reproduce`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readChoice,
  readCount,
  splitList,
} from "../command/command_line.ts";
import { miniatureFolder } from "./miniature.ts";
import { RECIPES } from "./recipe.ts";
import { type SupervisionName, supervisionNames, SUPERVISIONS } from "./supervisions.ts";
import { readLeastObjects } from "../scenes/options.ts";

/** What the user asked for. */
export interface ReproduceCommand {
  readonly output: string;
  /** How many, from 0. */
  readonly seeds: number;
  readonly supervisions: readonly SupervisionName[];
  /** Fewest objects in a training image. */
  readonly leastObjects: number;
  readonly quick: boolean;
  readonly quiet: boolean;
}

/** Seeds unless --seeds says otherwise. */
const SEEDS = { whole: 3, quick: 1 };

const OPTIONS = {
  seeds: {
    value: "N",
    help:
      `students of each supervision, each with images of its own; default ${SEEDS.whole}, with --quick ${SEEDS.quick}`,
  },
  supervision: {
    value: "LIST",
    help: "of those above, with commas between; default all. The original labels, which they\nare compared with, " +
      "are always among them",
  },
  "least-objects": {
    value: "N",
    help: `students are trained on scenes with no fewer objects, 1 to 4; default ${RECIPES.whole.leastObjects}`,
  },
  quick: { help: "trains for less long and tests on fewer images, in a folder of its own" },
  output: { value: "FOLDER", help: "default miniature, with --quick miniature-quick" },
  quiet: { help: "no progress" },
} as const satisfies OptionTable;

const WIDTH = Math.max(...supervisionNames.map(({ length }) => length)) + 2;

/** What `--help` prints. */
export const REPRODUCE_HELP = `Compare all supervisions on a small data set of which everything is known

Usage: deno task reproduce [options]

Makes scenes as deno task scenes does and label maps of them, trains students that differ in their supervision
alone, and tests them on scenes that they have not seen. FOLDER gets
  results.md, results.csv  accuracy and difference to the original labels, with standard errors over seeds
  runs.csv                 accuracy of each student
  accuracy.svg             the same as a chart
  overlap.svg              how far random crops show the labelled object, as the paper's figure 2
  confidence.svg           how sure the pooled labels are by that, as the paper's figure 5
  test/, seed-<S>/         scenes, label maps and students

What was done before, also by deno task train without images, is kept: a run that stopped goes on, and more
seeds or supervisions add to it. Exit codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process
writes there, 130 after Ctrl-C, 143 after SIGTERM.

Supervisions
${supervisionNames.map((name) => `  ${name.padEnd(WIDTH)}${SUPERVISIONS[name].title}`).join("\n")}

Options
${formatOptions(OPTIONS)}

Examples
  deno task reproduce --quick
  deno task reproduce --quick --least-objects 1 --output any-objects
  deno task reproduce --seeds 4 --supervision original,local-single,local-multi
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readReproduceOptions(args: readonly string[]): ReproduceCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task reproduce", 0);
  if (typeof given === "string") return given;
  const quick = given.has("quick");
  const [seeds, list] = [given.text("seeds"), given.text("supervision")];
  const wanted = list === undefined
    ? undefined
    : splitList(list).map((name) => readChoice(name, "supervision", supervisionNames));
  return {
    output: miniatureFolder({ output: given.text("output"), quick }),
    seeds: seeds === undefined ? SEEDS[quick ? "quick" : "whole"] : readCount(seeds, "seeds"),
    supervisions: supervisionNames.filter((name) => name === "original" || (wanted ?? supervisionNames).includes(name)),
    leastObjects: readLeastObjects(given.text("least-objects") ?? `${RECIPES.whole.leastObjects}`),
    quick,
    quiet: given.has("quiet"),
  };
}
