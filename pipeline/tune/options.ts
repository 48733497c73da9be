/**
 * The options of `deno task tune`.
 *
 * @module
 */

import { number, size, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { batch, storage } from "../command/shared_options.ts";

/** The command. */
export const TUNE = defineCommand({
  name: "tune",
  title: "Measure which kernels are fastest on this adapter, and keep that for all runs",
  about: `MODEL is an annotator as for deno task relabel --annotator, or a network's name as for deno task train
--network, of which a training step is measured; default the included annotator. Layers are measured as they
are at one size and batch: give those of the run. What is kept, in the user's cache, is for one adapter, driver
and version, and changes the time of a run and no bit of its result. Long runs do the same by themselves, for
some seconds. Exit codes: 0, 1 for a failure, 2 for a wrong option.`,
  options: {
    model: word("MODEL"),
    size: size({ help: "pixels that images are resized to; default the annotator's own, 224 for a network" }),
    batch,
    storage,
    seconds: number({
      value: "S",
      range: [0.1, 3600],
      default: 60,
      help: "time for measuring, at most; default {default}",
    }),
  },
  examples: [
    "deno task tune",
    "deno task tune hf:timm/tf_efficientnet_l2.ns_jft_in1k --batch 8 --storage f16",
    "deno task tune resnet50 --batch 64",
  ],
});

/** What the user asked for. */
export type TuneCommand = OptionsOfCommand<typeof TUNE>;
