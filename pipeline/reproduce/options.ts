/**
 * The options of `deno task reproduce`.
 *
 * @module
 */

import { UsageError } from "../command/command_line.ts";
import { choice, choices, count, flag, text } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { leastObjects } from "../scenes/options.ts";
import { DIGITS_FILE } from "./canvases/digits.ts";
import { FASHION_FOLDER } from "./canvases/garments.ts";
import type { Study } from "./study_plan.ts";
import { type DataName, dataNames, LEAST_OBJECTS, targetNames } from "./recipe.ts";
import { STUDIES, type StudyName, studyNames } from "./studies/mod.ts";
import { type SupervisionName, supervisionNames, SUPERVISIONS } from "./supervisions.ts";

/** Seeds unless --seeds says otherwise. */
const SEEDS = { whole: 3, quick: 1 };

const COMPARED = STUDIES.supervisions.supervisions!;

/** Lines of the help, a name and what it is each. */
function listed<Name extends string>(names: readonly Name[], titleOf: (name: Name) => string): string {
  const width = Math.max(...names.map(({ length }) => length)) + 2;
  return names.map((name) => `  ${name.padEnd(width)}${titleOf(name)}`).join("\n");
}

/** The command. */
export const REPRODUCE = defineCommand({
  name: "reproduce",
  title: "Do the paper's studies on a small data set of which everything is known",
  about:
    `Makes scenes as deno task scenes does and label maps of them, trains students that differ in one thing, by default
their supervision, and tests them on scenes that they have not seen. With --quick it takes minutes: does a
classifier learn more from localized multi-labels than from one label per image? FOLDER gets
  results.md, results.csv  accuracy and difference to what is compared with, with standard errors over seeds
  runs.csv                 figures of each student
  accuracy.svg             the same as a chart
  overlap.svg              how far random crops show the labelled object, as the paper's figure 2
  confidence.svg           how sure the pooled labels are by that, as the paper's figure 5
  test/, seed-<S>/         scenes, label maps and students

What was done before is kept: a run that stopped goes on, and more seeds or supervisions add to it. Exit
codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process writes there, 130 after Ctrl-C,
143 after SIGTERM.

Studies
${listed(studyNames, (name) => STUDIES[name].title)}

Supervisions
${listed(supervisionNames, (name) => SUPERVISIONS[name].title)}`,
  options: {
    study: choice(studyNames, { value: "NAME", default: "supervisions", help: "of the studies above" }),
    data: choice(dataNames, {
      value: "DATA",
      default: "scenes",
      help: "scenes (default), which are drawn, or fashion: photographs of garments, two to four on a canvas, one\n" +
        "named by the label; the annotator is trained on single ones, and the temperature chosen on a validation\nsplit",
    }),
    target: choice(targetNames, {
      value: "DATA",
      help: "with --study transfer, what students are fine-tuned on: single ones of these; default those of --data,\n" +
        "scenes by the shape of what they show",
    }),
    fashion: text({
      value: "FOLDER",
      default: FASHION_FOLDER,
      help: "Fashion-MNIST's four idx files, gzipped or not; default {default},\n" +
        "where Debian's package dataset-fashion-mnist puts them",
    }),
    digits: text({
      value: "FILE",
      default: DIGITS_FILE,
      help: "scikit-learn's table of 1,797 handwritten digits, gzipped or not; default, where Debian's\n" +
        "package python3-sklearn puts it, {default}",
    }),
    seeds: count({
      help: "students of each kind, each with images of its own; default " +
        `${SEEDS.whole}, with --quick ${SEEDS.quick}`,
    }),
    supervisions: choices(supervisionNames, {
      name: "supervision",
      help: `of those above, with commas between; default all, with --quick ${COMPARED.quick.join(" and ")}.\n` +
        "The original labels, which they are compared with, are always among them",
    }),
    leastObjects: leastObjects(
      `students are trained on images with no fewer objects; default ${LEAST_OBJECTS.scenes} of scenes, ` +
        `${LEAST_OBJECTS.fashion} of fashion`,
      {},
    ),
    quick: flag({ help: "trains for less long and tests on fewer images, in a folder of its own" }),
    output: text({
      value: "FOLDER",
      help: "default miniature, with another study, other data and quick after it",
    }),
    quiet: flag({ help: "no progress" }),
  },
  examples: [
    "deno task reproduce --quick",
    "deno task reproduce --quick --least-objects 1 --output any-objects",
    "deno task reproduce --seeds 4 --supervision original,local-single,local-multi",
    "deno task reproduce --study factors",
    "deno task reproduce --data fashion --output garments",
    "deno task reproduce --study transfer --target fashion",
  ],
  resolve(options) {
    const { study, data, quick } = options;
    const scale = quick ? "quick" : "whole";
    const { output = folderOf(options), seeds = SEEDS[scale], leastObjects = LEAST_OBJECTS[data] } = options;
    const compared = (STUDIES[study] as Study).supervisions?.[scale];
    if (options.supervisions !== undefined && compared === undefined) {
      throw new UsageError(`Cannot use --supervision with --study ${study}, which compares something else`);
    }
    if (options.target !== undefined && study !== "transfer") {
      throw new UsageError(`Cannot use --target with --study ${study}, which fine-tunes nothing`);
    }
    const supervisions = options.supervisions ?? compared ?? [];
    const isCompared = (name: SupervisionName) => name === "original" || supervisions.includes(name);
    return {
      ...options,
      output,
      seeds,
      leastObjects,
      supervisions: compared ? supervisionNames.filter(isCompared) : [],
    };
  },
});

/** The folder where nothing is said of it. */
function folderOf(
  { study, data, quick }: { readonly study: StudyName; readonly data: DataName; readonly quick: boolean },
): string {
  const others = [study === "supervisions" ? "" : study, data === "scenes" ? "" : data, quick ? "quick" : ""];
  return ["miniature", ...others.filter((name) => name !== "")].join("-");
}

/** What the user asked for. */
export type ReproduceCommand = OptionsOfCommand<typeof REPRODUCE>;
