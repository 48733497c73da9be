/**
 * The options of `deno task publish`.
 *
 * @module
 */

import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/mod.ts";
import { type HubReference, parseDataSetReference } from "../../formats/weights/mod.ts";
import { calledAs } from "../command/called_as.ts";
import { flag, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { LABELS_FOLDER, seed, threshold } from "../command/shared_options.ts";
import { UsageError } from "../command/command_line.ts";

/** The command. */
export const PUBLISH = defineCommand({
  name: "publish",
  title: "Publish label maps as a data set of the Hugging Face hub, or a training as a model, with a card",
  about:
    `LABELS is a folder of label maps that is whole; default "${LABELS_FOLDER}". IMAGES is what was labelled, of which the card
then shows some: name it only if its images may be shown. Without it the pictures have heat maps and crops' boxes alone.

--to uploads by the hub's own protocol, with the token in HF_TOKEN or that of hf auth login, which must have the role
write. What the hub has already is not sent again: a command that was stopped goes on where it is given again.

What is published of label maps is a folder of label maps again, and a data set that datasets.load_dataset opens:
  README.md                           the card: features, licences, annotator, statistics, two pictures
  data/train-00000-of-00012.parquet   the parts, whose schema names the classes of label and the length of lists
  manifest.json, rejected.jsonl       as in the folder, without paths of this machine
  pictures/                           heat_maps.svg, crops.svg

In place of LABELS the folder of a training can stand, RUN: a model, which timm loads, with a card that has its measures
and settings, without paths of this machine. Its weights are those of the best epoch where there was a validation.`,
  options: {
    labels: word("LABELS", { default: LABELS_FOLDER }),
    images: word("IMAGES"),
    to: text({ value: "hf:OWNER/NAME", help: "the data set or model on the hub; it is made if it is not there" }),
    private: flag({ help: "make it for those alone who may see it" }),
    revision: text({ value: "BRANCH", default: "main", help: "the branch that is written; it is made too" }),
    filesOnly: text({ value: "DIR", help: "write the files there, in a folder that is new or was written so" }),
    splitName: text({ value: "NAME", default: "train", help: "what the images are for: train, validation, test" }),
    title: text({ value: "TEXT", help: "of the card; default the name of the folder" }),
    license: text({ value: "ID", help: "of what is published: apache-2.0, cc-by-4.0, ..., or a name in your words" }),
    annotatorLicense: text({ value: "TEXT", help: "of the annotator's weights, for the card" }),
    imagesLicense: text({ value: "TEXT", help: "of the images that were labelled, for the card" }),
    threshold: {
      ...threshold("an image carries a class from this score on, in the statistics"),
      default: MULTI_LABEL_THRESHOLD,
    },
    seed: seed("another one draws other images and crops"),
    quiet: flag({ help: "no progress and no summary" }),
  },
  notes: "Exit codes: 0; 1 for a failure; 2 for a wrong option; 130 after Ctrl-C; 143 after SIGTERM.",
  examples: [
    "deno task publish run --to hf:me/my-model --license apache-2.0",
    "deno task publish labels --to hf:me/my-labels --private --license cc-by-4.0",
    "deno task publish labels --files-only published --license cc-by-4.0",
    'deno task publish labels photos --files-only published --title "My photographs, relabelled"',
  ],
  resolve({ to, filesOnly, splitName, revision, ...options }, given) {
    const hint = `see ${calledAs("publish")} --help`;
    if (to === undefined && filesOnly === undefined) {
      throw new UsageError(`Expected --to hf:OWNER/NAME or --files-only DIR: ${hint}`);
    }
    const lonely = (["private", "revision"] as const).find((name) => name in given);
    if (to === undefined && lonely) throw new UsageError(`Cannot use --${lonely} without --to: ${hint}`);
    if (!/^[a-z]\w*$/i.test(splitName)) {
      throw new UsageError(
        `Cannot use --split-name ${splitName}: expected a letter, then letters, digits or underscores`,
      );
    }
    return { ...options, filesOnly, split: splitName, to: to === undefined ? undefined : targetOf(to, revision) };
  },
});

/** The repository and branch that are written. */
function targetOf(to: string, revision: string): HubReference {
  if (to.includes("@")) throw new UsageError(`Cannot use --to ${to}: name the branch with --revision`);
  try {
    const reference = parseDataSetReference(`${to}@${revision}`);
    return { ...reference, text: revision === "main" ? to : reference.text };
  } catch {
    throw new UsageError(`Cannot use --to ${to} with revision ${revision}: expected hf:OWNER/NAME and a branch`);
  }
}

/** What the user asked for. */
export type PublishCommand = OptionsOfCommand<typeof PUBLISH>;
