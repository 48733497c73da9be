/**
 * The options of `deno task evaluate`.
 *
 * @module
 */

import { UsageError } from "../command/command_line.ts";
import { choice, flag, number, size, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { batch, classNames, exifOrientation, limit, storage, workers } from "../command/shared_options.ts";
import { dataSetKinds } from "./data_set.ts";
import { weightChoices } from "./run_weights.ts";

/** The command. */
export const EVALUATE = defineCommand({
  name: "evaluate",
  title: "Measure how well a classifier does on images whose classes are known",
  about: `IMAGES is a folder of class folders, tar shards or Parquet, as deno task relabel takes them, or a
split such as food-101:test. Classes are found among the model's by WordNet identifier or name. Kinds
of data sets:
  folder       the class of an image is its folder, or its label in a tar or Parquet file
  imagenet-v2  folders are called 0 to 999, the index of the class
  imagenet-a   only the 200 classes of ImageNet-A are ranked
  imagenet-c   <corruption>/<1 to 5>/<class>/<image>: mCE and mean error; corruptions may be missing

Measured are top-1 and top-5 with standard errors, and by files that say what images show: ReaL
accuracy, that of Shankar et al. as mean of images and of classes, and mAP. Images that cannot be
decoded are counted and named. Under mpiexec, or srun --mpi=pmi2, processes share the images.
Exit codes: 0, 1 for a failure, 2 for a wrong option.`,
  options: {
    images: word("IMAGES", { isRequired: true }),
    model: text({
      value: "M",
      help: "a training run's folder, a folder with config.json and weights, a weight\n" +
        "file beside its config.json, or hf:owner/name[@revision]; default\n" +
        "EfficientNet-Lite0, which is included",
    }),
    weights: choice(weightChoices, {
      value: "W",
      help: "of a training run: trained, those after the last update, or average, their\n" +
        "moving average; default what model.safetensors holds: the average, if any",
    }),
    classes: classNames("model"),
    kind: choice(dataSetKinds, { value: "KIND", help: `${dataSetKinds.join(", ")}; default what folders tell` }),
    real: text({ value: "FILE", help: "ReaL's real.json, or lists of class indices in the order of the images" }),
    shankar: text({ value: "FILE", help: "annotations of Shankar et al., human_accuracy_v3.0.0.json" }),
    multiLabel: text({
      value: "FILE",
      help: "for mAP: lists of class indices as in real.json, or by keys, or COCO's\ninstances_*.json",
    }),
    size: size({ help: "pixels that the network sees; default by its config.json: test_input_size, else\ninput_size" }),
    resize: size({
      help: "pixels that an image is resized to cover before its centre is taken; default\n" +
        "the size divided by test_crop_pct, else by crop_pct. The paper: --resize 256\n--size 224",
    }),
    trainSize: flag({
      name: "use-train-size",
      help: "pass over test_input_size and test_crop_pct, as timm's validate.py does by the\noption of this name",
    }),
    whole: flag({ help: "resize the whole image to the size instead, without cropping" }),
    fgsm: number({
      value: "EPSILON",
      range: [Number.MIN_VALUE, 1],
      expected: "more than 0 and at most 1, such as 0.03 or 8/255",
      help: "also attack each image by one step of FGSM: colours move by EPSILON, a share of\n" +
        "their range such as 0.03 or 8/255, so that the loss of the label rises",
    }),
    storage,
    batch,
    workers,
    limit,
    perClass: flag({ help: "show, and write, the figures of each class" }),
    csv: text({ value: "FILE", help: "write the figures: measure, of, value, standard_error, images" }),
    json: text({ value: "FILE", help: "write them with the model, the data set and images that were not decoded" }),
    exifOrientation,
    strict: flag({ help: "stop at an image that cannot be decoded, instead of counting it" }),
    quiet: flag({ help: "no progress and no table" }),
  },
  examples: [
    "deno task evaluate ~/imagenet/val --resize 256 --size 224",
    "deno task evaluate ~/imagenet/val --real real.json --shankar human_accuracy_v3.0.0.json",
    "deno task evaluate scenes/test/images --model runs/relabel --whole --real scenes/test/real.json",
    "deno task evaluate ~/imagenet-c --csv corruptions.csv",
    "deno task evaluate ~/imagenet/val --fgsm 8/255 --limit 5000",
    "deno task evaluate ~/coco/val2017 --model runs/coco --multi-label instances_val2017.json",
  ],
  resolve({ whole, resize, ...options }) {
    if (whole && resize !== undefined) throw new UsageError("Cannot use --resize with --whole: nothing is cropped");
    if (options.fgsm !== undefined && options.storage === "f16") {
      throw new UsageError("Cannot use --fgsm with --storage f16: small gradients would have no sign");
    }
    return { ...options, resize: whole ? "whole" as const : resize };
  },
});

/** What the user asked for. */
export type EvaluateCommand = OptionsOfCommand<typeof EVALUATE>;
