/**
 * The options of `deno task doctor`.
 *
 * @module
 */

import { UsageError } from "../command/command_line.ts";
import { choice, count, flag, size, text } from "../command/option_kinds.ts";
import { defineCommand, optionName, type OptionsOfCommand } from "../command/option_table.ts";
import { storage } from "../command/shared_options.ts";

/** Images of ImageNet's training set. */
const IMAGENET = 1_281_167;

/** The command. */
export const DOCTOR = defineCommand({
  name: "doctor",
  title: "Show what this machine can do: adapter, kernels, decoder, DuckDB, MPI",
  about: `Under mpiexec or srun each process shows its rank too, and the adapter that it was given.

With --network it says instead what a step of label maps or of training takes: parameters, dispatches, arithmetic,
bytes moved and memory by the network's shapes, and what that means on cards whose makers' figures are known. No
weights are needed.`,
  options: {
    listAnnotators: text({
      value: "PATTERN",
      help:
        "list timm's weights for ImageNet that can be annotators, by a part of their names\nor a pattern such as 'vit_*_384.*', and nothing else",
    }),
    network: text({
      value: "A",
      help: "what this network takes: timm's name of an architecture or of weights, hf:owner/name, or\n" +
        "an annotator's folder; the other options are for it",
    }),
    batch: count({ default: 32, help: "images of a step" }),
    size: size({ help: "pixels of its input; default the annotator's own, or what timm's table has it with" }),
    training: flag({ help: "of training it by SGD with momentum, not of making label maps" }),
    storage: { ...storage, default: "f32" },
    profile: choice(["gpu", "software"], {
      value: "P",
      default: "gpu",
      help: "whose kernels are counted: gpu (default), or software, for the CPU behind Vulkan",
    }),
    gpu: text({ value: "CARD", help: "only cards with this in their name, such as '4090' or 'Apple M'" }),
    imageCount: count({ default: IMAGENET, help: "images of the data set; default {default}, ImageNet's" }),
    measure: flag({ help: "also take a few steps on this adapter, with its own kernels" }),
  },
  resolve({ network, listAnnotators, ...options }, given) {
    const [other] = Object.keys(given).filter((name) => name !== "network" && name !== "listAnnotators");
    if (network === undefined && other !== undefined) {
      throw new UsageError(`Cannot use --${optionName(other)} without --network: it says of which network`);
    }
    if (network !== undefined && listAnnotators !== undefined) {
      throw new UsageError("Cannot use --network and --list-annotators together: each is a list by itself");
    }
    return { listAnnotators, ofNetwork: network === undefined ? undefined : { network, ...options } };
  },
  examples: [
    "deno task doctor",
    "deno task doctor --list-annotators convnext",
    "deno task doctor --list-annotators '*'",
    "deno task doctor --network tf_efficientnet_l2 --batch 8 --gpu 'RTX 4090'",
    "deno task doctor --network resnet50 --training --batch 64 --measure",
  ],
  notes:
    "Exit codes: 0; 1 if something that deno task relabel or deno task query needs is missing; 2 for a wrong option.",
});

/** What the user asked for. */
export type DoctorOptions = OptionsOfCommand<typeof DOCTOR>;

/** What is asked of a network. */
export type NetworkOptions = NonNullable<DoctorOptions["ofNetwork"]>;
