/**
 * The options of `deno task train`: the settings of a training, and where else they are read from.
 *
 * @module
 */

import { isHubReference } from "../../formats/weights/mod.ts";
import { calledAs } from "../command/called_as.ts";
import { join } from "@std/path";
import { BETWEEN_REPEATED, UsageError } from "../command/command_line.ts";
import { flag, repeated, text } from "../command/option_kinds.ts";
import { noTune } from "../command/shared_options.ts";
import { type Command, describeCommand, readTexts, readValues } from "../command/option_table.ts";
import { readConfiguration } from "./configuration.ts";
import { type GivenSettings, type RequestedSettings, resolveSettings, TRAINING_SETTINGS } from "./settings.ts";
import { settingsOfMaps } from "./settings_of_maps.ts";

/** What the user asked for. */
export interface TrainCommand {
  readonly options: RequestedSettings;
  /** The label maps, where some are on the hub: what the settings are once all are at paths of this machine. */
  readonly onHub?: { readonly maps: readonly string[]; settle(paths: readonly string[]): RequestedSettings };
  readonly quiet: boolean;
  readonly noTune: boolean;
}

const TRAIN_OPTIONS = {
  ...TRAINING_SETTINGS,
  maps: repeated(text({
    value: "FOLDER",
    help:
      "label maps of the images, as deno task relabel writes them, or\nhf:datasets/OWNER/NAME; given again, those of IMAGES2 and so on",
  })),
  config: text({
    value: "FILE",
    help: "settings in YAML, named as these options, such as those of recipes/; options\nhere win over it",
  }),
  resume: text({ value: "RUN", help: "go on with a run as its config.yaml says" }),
  noTune,
  quiet: flag({ help: "no progress and no summary" }),
  // What began the comparison that is deno task reproduce --quick now.
  quick: flag({ help: "", isHidden: true }),
};

/** Label maps of the first root and of the others, of the texts of `--maps`. */
function mapTexts(texts?: string): { maps?: string; otherMaps?: string } {
  if (texts === undefined) return {};
  const [maps, ...others] = texts.split(BETWEEN_REPEATED);
  return { maps, ...(others.length > 0 ? { otherMaps: others.join(BETWEEN_REPEATED) } : {}) };
}

/** The command. */
export const TRAIN: Command<TrainCommand> = {
  ...describeCommand({
    name: "train",
    title: "Train a classifier, with the labels of a data set or with localized multi-labels",
    about: `IMAGES is a folder of class folders, tar shards ('train-{000..146}.tar'), Parquet with an image column, or a
split of a published data set (food-101:train). Of several, each with its own --maps or all without, keys
begin with the place of theirs, 0/ and 1/, and classes of one name are one.
RUN gets config.yaml (all settings), config.json and model.safetensors (the network as timm has it, after
each epoch), best.safetensors, last.safetensors (to go on from), summary.csv, and tensorboard/;
--log writes lines of JSON beside it.

A run that stopped goes on, in the middle of an epoch too, when the same command is given again or by
--resume RUN, and ends with the very weights of an uninterrupted run. Exit codes: 0, 1 for a failure, 2 for
a wrong option, 75 while another process trains there, 130 after Ctrl-C, 143 after SIGTERM.

Under mpiexec, or srun --mpi=pmi2, all processes train one network, one on each GPU:
docs/training_on_a_cluster.md. What label maps change, deno task reproduce --quick shows on images of its own.`,
    options: TRAIN_OPTIONS,
    examples: [
      "deno task train photos --validation held-out --network resnet18 --batch 64 --epochs 90",
      "deno task train photos --maps labels --output run-relabel --network resnet18 --batch 64",
      "deno task train photos --maps labels --cutmix 1 --optimizer adamp --output run-cutmix",
      "deno task train --config run/config.yaml --output again --seed 1",
      "deno task train imagenet imagenet-21k --maps labels --maps labels-21k --subset subset.txt --cutmix 1",
      "deno task train --config recipes/imagenet_resnet50.yaml imagenet/train --maps labels",
      "mpiexec -n 8 deno task train photos --maps labels --output run-8 --batch 1024",
    ],
  }),
  /** @throws {Error} If the file of `--config`, or that of the run to resume, cannot be read. */
  read(args) {
    const texts = readTexts(TRAIN_OPTIONS, args, "train");
    if (typeof texts === "string") return texts;
    const { config, resume, quiet, quick, noTune, ...settings } = texts;
    if (quick) throw new UsageError(`Cannot train with --quick: the comparison is ${calledAs("reproduce")} --quick`);
    const both = (["config", "output"] as const).find((name) => resume !== undefined && name in texts);
    if (both !== undefined) throw new UsageError(`Cannot use --resume with --${both}: the run's own is used`);
    if (settings.epochs !== undefined && settings.steps !== undefined) {
      throw new UsageError("Cannot train for --epochs and --steps: either ends a training");
    }
    const file = resume === undefined ? config : join(resume, "config.yaml");
    const ofFile = file === undefined ? {} : readConfiguration(file);
    const given: GivenSettings = {
      ...ofFile,
      ...(settings.epochs === undefined ? {} : { steps: undefined }),
      // Where the folder is now.
      ...(resume === undefined ? {} : { output: resume }),
      ...readValues(TRAINING_SETTINGS, { ...settings, ...mapTexts(settings.maps) }),
    };
    // A run's own settings are all of them.
    const resolve = (given: GivenSettings) =>
      resolveSettings({ ...given, ...(resume === undefined ? settingsOfMaps(given) : {}) });
    const maps = given.maps === undefined ? [] : [given.maps, ...given.otherMaps ?? []];
    const settle = ([maps, ...otherMaps]: readonly string[]) =>
      resolve({ ...given, maps, ...(otherMaps.length > 0 ? { otherMaps } : {}) });
    return {
      options: resolve(given),
      ...(maps.some(isHubReference) ? { onHub: { maps, settle } } : {}),
      quiet: quiet !== undefined,
      noTune: noTune !== undefined,
    };
  },
};
