/**
 * The options of `deno task train`.
 *
 * @module
 */

import { join } from "@std/path";
import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readCount,
  UsageError,
} from "../command/command_line.ts";
import type { MiniatureCommand } from "../reproduce/miniature.ts";
import { readConfiguration } from "./configuration.ts";
import {
  type GivenOptions,
  optionName,
  type RequestedOptions,
  resolveOptions,
  settingNames,
  SETTINGS,
} from "./options.ts";

/** What the user asked for. */
export interface TrainCommand {
  readonly options: RequestedOptions;
  readonly quiet: boolean;
}

/** Settings that are options, in order; the images are named without one. */
const NAMES = settingNames.filter((name) => name !== "images");

/** The options of the miniature. */
const MINIATURE = ["quick", "seed", "output", "quiet"];

const OPTIONS: OptionTable = {
  ...Object.fromEntries(NAMES.map((name) => {
    const { value, help } = { value: undefined, ...SETTINGS[name] };
    return [optionName(name), { value, help }];
  })),
  quick: { help: "for the miniature: trains for less long, and tests on fewer images" },
  config: { value: "FILE", help: "settings in YAML, named as these options; options here win over it" },
  resume: { value: "RUN", help: "go on with a run as its config.yaml says" },
  quiet: { help: "no progress and no summary" },
};

/** What `--help` prints. */
export const TRAIN_HELP = `Train a classifier, with the labels of a data set or with localized multi-labels

Usage: deno task train IMAGES [options]
       deno task train [--quick] [--seed S] [--output FOLDER]

IMAGES is a folder of class folders, tar shards ('train-{000..146}.tar') or Parquet with an image column.
RUN gets config.yaml (all settings), config.json and model.safetensors (the network as timm has it, after
each epoch), best.safetensors, last.safetensors (to go on from), summary.csv, and tensorboard/.

A run that stopped goes on, in the middle of an epoch too, when the same command is given again or by
--resume RUN, and ends with the very weights of an uninterrupted run. Exit codes: 0, 1 for a failure, 2 for
a wrong option, 75 while another process trains there, 130 after Ctrl-C, 143 after SIGTERM.

Under mpiexec, or srun --mpi=pmi2, all processes train one network, one on each GPU:
docs/training_on_a_cluster.md.

Without IMAGES it is the miniature: it makes a small data set and label maps, trains one student on the
labels and one on the maps, and compares them; FOLDER is miniature by default, miniature-quick with --quick.

Options
${formatOptions(OPTIONS)}

Examples
  deno task train --quick
  deno task train photos --validation held-out --network resnet18 --batch 64 --epochs 90
  deno task train photos --maps labels --output run-relabel --network resnet18 --batch 64
  deno task train photos --maps labels --cutmix 1 --optimizer adamp --output run-cutmix
  deno task train --config run/config.yaml --output again --seed 1
  mpiexec -n 8 deno task train photos --maps labels --output run-8 --batch 1024
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 * @throws {Error} If the file of `--config`, or that of the run to resume, cannot be read.
 */
export function readTrainOptions(args: readonly string[]): TrainCommand | MiniatureCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task train", 1);
  if (typeof given === "string") return given;
  const others = Object.keys(OPTIONS).filter((name) =>
    !MINIATURE.includes(name) && (OPTIONS[name].value ? given.text(name) !== undefined : given.has(name))
  );
  const quick = given.has("quick");
  if (given.words.length === 0 && others.length === 0) {
    const seed = readCount(given.text("seed") ?? "0", "seed", 0);
    return { output: given.text("output"), seed, quick, quiet: given.has("quiet") };
  }
  if (quick) {
    throw new UsageError(
      `Cannot use --quick with ${others.length > 0 ? `--${others[0]}` : "IMAGES"}: it is for the miniature, ` +
        "which takes --seed, --output and --quiet: see deno task train --help",
    );
  }
  const resume = given.text("resume");
  const both = (["config", "output"] as const).find((name) => resume !== undefined && given.text(name) !== undefined);
  if (both !== undefined) throw new UsageError(`Cannot use --resume with --${both}: the run's own is used`);
  const config = resume === undefined ? given.text("config") : join(resume, "config.yaml");
  const read: Record<string, unknown> = config === undefined ? {} : { ...readConfiguration(config) };
  // Where the folder is now.
  if (resume !== undefined) read.output = resume;
  if (given.words.length > 0) read.images = given.words[0];
  for (const name of NAMES) {
    const option = optionName(name);
    const text = given.text(option);
    if (OPTIONS[option].value === undefined) {
      if (given.has(option)) read[name] = true;
    } else if (text !== undefined) read[name] = SETTINGS[name].read(text, option);
  }
  return { options: resolveOptions(read as GivenOptions), quiet: given.has("quiet") };
}
