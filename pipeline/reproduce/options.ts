/**
 * The options of `deno task reproduce`.
 *
 * @module
 */

import { choices, count, flag, text } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { leastObjects } from "../scenes/options.ts";
import { RECIPES } from "./recipe.ts";
import { type SupervisionName, supervisionNames, SUPERVISIONS } from "./supervisions.ts";

/** Seeds unless --seeds says otherwise. */
const SEEDS = { whole: 3, quick: 1 };

/** What is compared unless --supervision says otherwise. */
const COMPARED: Readonly<Record<keyof typeof RECIPES, readonly SupervisionName[]>> = {
  whole: supervisionNames,
  quick: ["original", "local-multi"],
};

const OUTPUTS = { whole: "miniature", quick: "miniature-quick" };

const WIDTH = Math.max(...supervisionNames.map(({ length }) => length)) + 2;

/** The command. */
export const REPRODUCE = defineCommand({
  name: "reproduce",
  title: "Compare supervisions on a small data set of which everything is known",
  about: `Makes scenes as deno task scenes does and label maps of them, trains students that differ in their supervision
alone, and tests them on scenes that they have not seen. With --quick it takes minutes: does a classifier
learn more from localized multi-labels than from one label per image? FOLDER gets
  results.md, results.csv  accuracy and difference to the original labels, with standard errors over seeds
  runs.csv                 accuracy of each student
  accuracy.svg             the same as a chart
  overlap.svg              how far random crops show the labelled object, as the paper's figure 2
  confidence.svg           how sure the pooled labels are by that, as the paper's figure 5
  test/, seed-<S>/         scenes, label maps and students

What was done before is kept: a run that stopped goes on, and more seeds or supervisions add to it. Exit
codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process writes there, 130 after Ctrl-C,
143 after SIGTERM.

Supervisions
${supervisionNames.map((name) => `  ${name.padEnd(WIDTH)}${SUPERVISIONS[name].title}`).join("\n")}`,
  options: {
    seeds: count({
      help: "students of each supervision, each with images of its own; default " +
        `${SEEDS.whole}, with --quick ${SEEDS.quick}`,
    }),
    supervisions: choices(supervisionNames, {
      name: "supervision",
      help: `of those above, with commas between; default all, with --quick ${COMPARED.quick.join(" and ")}.\n` +
        "The original labels, which they are compared with, are always among them",
    }),
    leastObjects: leastObjects("students are trained on scenes with no fewer objects", RECIPES.whole.leastObjects),
    quick: flag({ help: "trains for less long and tests on fewer images, in a folder of its own" }),
    output: text({ value: "FOLDER", help: `default ${OUTPUTS.whole}, with --quick ${OUTPUTS.quick}` }),
    quiet: flag({ help: "no progress" }),
  },
  examples: [
    "deno task reproduce --quick",
    "deno task reproduce --quick --least-objects 1 --output any-objects",
    "deno task reproduce --seeds 4 --supervision original,local-single,local-multi",
  ],
  resolve(options) {
    const recipe = options.quick ? "quick" : "whole";
    const { output = OUTPUTS[recipe], seeds = SEEDS[recipe], supervisions = COMPARED[recipe] } = options;
    const isCompared = (name: SupervisionName) => name === "original" || supervisions.includes(name);
    return { ...options, output, seeds, supervisions: supervisionNames.filter(isCompared) };
  },
});

/** What the user asked for. */
export type ReproduceCommand = OptionsOfCommand<typeof REPRODUCE>;
