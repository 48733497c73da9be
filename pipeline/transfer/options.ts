/**
 * The options of `deno task transfer`.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { fromFileUrl } from "@std/path";
import { UsageError } from "../command/command_line.ts";
import { count, flag, number, option, parseNumber, repeated, size, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { workers } from "../command/shared_options.ts";

/** The recipe that a training is made by unless another is named. */
const RECIPE = new URL("../../recipes/fine_grained.yaml", import.meta.url);

/** Numbers with commas between, none negative and none twice. */
function readNumbers(text: string, name: string): readonly number[] {
  const values = text.split(",").map((item) => parseNumber(item.trim()));
  if (values.every((value) => value >= 0) && new Set(values).size === values.length) return values;
  throw new UsageError(`Cannot use --${name} ${text}: expected numbers with commas between, each once`);
}

/** The command. */
export const TRANSFER = defineCommand({
  name: "transfer",
  title: "Fine-tune networks on a data set, with the learning rate and weight decay that do best, and test them",
  about: `DATASET is the folder of Food-101, Stanford Cars, DTD, FGVC Aircraft or Oxford Pets as it is published, or
any images that deno task train takes, with --test. From each network of --init one training is made for
each learning rate and weight decay of the grid, on a part of the training images, and tried on the others:
on the data set's own validation split where it has one. The best settings are then trained on all of them,
over several seeds, and tested on the test split, which nothing before has seen. FOLDER gets
  results.md, results.csv  accuracy of each network with its standard error, and the difference from the first
  runs.csv                 each training: its settings and its accuracy
  init-<I>/                runs as deno task train leaves them; those of the grid without their weights

This is how the paper's table 8 is made; it prints no grid, and this one is as others have it (Kornblith et
al., 2019), coarser. A run that stopped goes on, and a larger grid or more seeds add to what is there. Exit
codes: 0, 1 for a failure, 2 for a wrong option, 75 while another process writes there, 130 after Ctrl-C,
143 after SIGTERM.`,
  options: {
    images: word("DATASET", { isRequired: true }),
    init: repeated(text({
      value: "MODEL",
      help: "a network to begin with: a run, a folder with config.json and weights, or\n" +
        "hf:owner/name. Given again, another one, which is compared with the first",
    })),
    test: text({ value: "IMAGES", help: "labelled images to test on, where DATASET has no split for that" }),
    heldOut: number({
      value: "S",
      range: [0.01, 0.9],
      default: 0.2,
      help:
        "share of each class of the training images that the grid is tried on, where DATASET\nhas no validation split; default {default}",
    }),
    gridLr: option("number list", readNumbers, {
      value: "LIST",
      default: [0.001, 0.003, 0.01, 0.03, 0.1],
      help: "learning rates",
    }),
    gridWeightDecay: option("number list", readNumbers, {
      value: "LIST",
      default: [0, 1e-5, 1e-4, 1e-3],
      help: "weight decays",
    }),
    seeds: count({ default: 3, help: "trainings of the best settings" }),
    config: text({
      value: "FILE",
      help:
        "settings of the trainings in YAML, as for deno task train; default\nrecipes/fine_grained.yaml, the paper's",
    }),
    steps: count({ help: "updates of each training; default the recipe's 5,000" }),
    batch: count({ help: "images of a step; default the recipe's 64" }),
    size: size({ help: "pixels of the network's input; default the recipe's 224" }),
    workers,
    output: text({ value: "FOLDER", default: "transfer", help: "where all of it goes" }),
    quiet: flag({ help: "no progress and no table" }),
  },
  examples: [
    "deno task transfer food-101 --init run-relabel --init run-original",
    "deno task transfer photos --test held-out --init hf:timm/resnet50.a1_in1k --steps 1000 --grid-lr 0.003,0.01,0.03",
  ],
  resolve(options) {
    const { init } = options;
    if (init === undefined) throw new UsageError(`Cannot transfer without --init: see ${calledAs("transfer")} --help`);
    return { ...options, init, config: options.config ?? fromFileUrl(RECIPE) };
  },
});

/** What the user asked for. */
export type TransferCommand = OptionsOfCommand<typeof TRANSFER>;
