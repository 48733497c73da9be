/**
 * The settings of a training: each with its meaning, and what it is where nothing is said. The recipe that stands for
 * nothing said is that of "Re-labeling ImageNet", section 4.1: ResNet-50 at 224 pixels, SGD with Nesterov momentum, 300
 * epochs of 1,024 images per step, cosine decay from 0.1 after 5 epochs of warm-up, random crops, flips, colour jitter and
 * PCA lighting; with AdamP or AdamW the learning rate 0.002 and weight decay 0.01 that it has for CutMix.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { UsageError } from "../command/command_line.ts";
import { choice, count, flag, number, numbers, repeated, size, text, word, words } from "../command/option_kinds.ts";
import { defaultsOf, type GivenOf, optionName, type OptionsOf } from "../command/option_table.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { exifOrientation, seed, workers } from "../command/shared_options.ts";

const PROBABILITY = [0, 1] as const;
const POSITIVE = [0, Infinity] as const;
const TEMPERATURE = [1e-3, 1e3] as const;

/** The authors' own numbers of asymmetric loss. */
const ASL = { gammaNegative: 4, gammaPositive: 1, clip: 0.05 } as const;

/** Where targets come from. */
export const supervisions = [
  "original",
  "smoothing",
  "cleaned",
  "relabel",
  "mix",
  "distill",
  "oracle",
  "multi-hot",
] as const;

/** One of {@linkcode supervisions}. */
export type Supervision = typeof supervisions[number];

/** Every setting by its property; on the command line and in YAML `weightDecay` is `weight-decay`. */
export const TRAINING_SETTINGS = {
  images: word("IMAGES", { isRequired: true }),
  otherImages: words("IMAGES2"),
  output: text({ value: "RUN", default: "run", help: "the run's folder" }),
  labels: choice(supervisions, {
    value: "KIND",
    help: "where targets come from:\n" +
      "original   the data set's labels\n" +
      "smoothing  the same, smoothed\n" +
      "cleaned    the same, of the images whose label is the best class of their map\n" +
      "relabel    label maps, pooled over each crop\n" +
      "mix        half of that and half of the label, or of --multi-label's\n" +
      "distill    another network, run on every crop, mixed or not\n" +
      "oracle     masks: all classes that are in the crop\n" +
      "multi-hot  all classes of the image, by --multi-label\n" +
      "Default relabel with --maps, distill with --teacher, oracle with --masks,\n" +
      "multi-hot with --multi-label, else original",
  }),
  maps: text({ value: "FOLDER", help: "label maps of the images, as deno task relabel writes them" }),
  otherMaps: repeated(text({ value: "FOLDER", help: "", isHidden: true })),
  mode: choice(["local-multi", "local-single", "global-multi", "global-single"], {
    value: "MODE",
    default: "local-multi",
    help: "how maps become targets: local-multi (default, the paper's), local-single,\nglobal-multi or global-single",
  }),
  missing: choice(["zero", "uniform", "renormalise"], {
    value: "RULE",
    default: "zero",
    help: "what classes count that a cell lacks: zero (default), uniform or renormalise",
  }),
  temperature: number({
    value: "T",
    range: TEMPERATURE,
    default: 1,
    help: "the logits of maps are divided by it; default {default}, below 1 is sharper",
  }),
  presenceThreshold: number({
    value: "T",
    range: [0, 0.999],
    default: 0,
    help: "for maps of independent classes: targets are 1 for a class whose pooled\n" +
      "probability, or share of the crop, is at least T, else 0; with T of 0 they\n" +
      "stay as they are. Default 0.05 for maps of masks, else 0",
  }),
  teacher: text({
    value: "MODEL",
    help: "the network that distill runs: a folder with config.json and weights, or\nhf:owner/name",
  }),
  teacherSize: size({
    help: "pixels at which it sees each crop; default its config.json's. At --size\n" +
      "both read the same images; else its own are cut from the same parts,\n" +
      "and mirrored, coloured and mixed alike",
  }),
  teacherTemperature: number({
    value: "T",
    range: TEMPERATURE,
    default: 1,
    help: "its logits are divided by it; default {default}, above 1 is softer",
  }),
  masks: text({
    value: "FOLDER",
    help: "for oracle: grey images named as the images, 0 for background or 1 and the\nclass",
  }),
  oracleShare: number({
    value: "S",
    range: PROBABILITY,
    default: 0.25,
    help: "for oracle: of a class's area, or of the crop's, in the crop",
  }),
  multiLabel: text({
    value: "FILE",
    help: "the classes that each image shows: COCO's instances_*.json, or lists of class\n" +
      "indices as in real.json, in the order of the images or by their keys",
  }),
  classes: text({
    value: "FILE",
    help: "names of the classes of those lists, one per line; default the images' class\nfolders",
  }),
  cleaned: text({ value: "FILE", help: "for cleaned: the keys of the images to keep, one per line, in place of maps" }),
  subset: text({ value: "FILE", help: "train on these images only: keys, one per line" }),
  exifOrientation: {
    ...exifOrientation,
    help: "turn images as their EXIF orientation says, those of --validation too;\n" +
      "default as they are stored, as torchvision's loader gives them",
  },
  validation: text({ value: "IMAGES", help: "labelled images that the network is evaluated on" }),
  validationMultiLabel: text({
    value: "FILE",
    help:
      "the classes that each of them shows, as for --multi-label: mAP is measured,\nand best.safetensors follows it",
  }),
  validationSubset: text({ value: "FILE", help: "evaluate on these of them only: keys, one per line" }),
  validateEvery: count({
    default: 1,
    help: "epochs from one evaluation to the next; default {default}, and after the last",
  }),

  network: text({ value: "NAME", default: "resnet50", help: "timm's name of the network" }),
  init: text({
    value: "MODEL",
    help: "begin with its weights, given as for --teacher; a head of other classes\nbegins anew",
  }),
  size: size({ default: [224, 224], help: "pixels of the network's input" }),
  dropPath: number({
    value: "P",
    range: PROBABILITY,
    default: 0,
    help: "probability that a residual branch is left out, in the last block",
  }),
  dropout: number({ value: "P", range: PROBABILITY, default: 0, help: "before the head" }),
  loss: choice(["ce", "bce", "asl"], {
    value: "L",
    help: "ce (cross-entropy), bce (binary, of each class) or asl (asymmetric, of each\n" +
      "class); default bce for oracle, multi-hot, mix with --multi-label and maps of\n" +
      "independent classes, else ce",
  }),
  classReduction: choice(["mean", "sum"], {
    value: "R",
    help: "what bce and asl take of the losses of classes: mean or sum; default sum with\n" +
      "asl, --multi-label or --validation-multi-label, else mean",
  }),
  aslGammaNegative: number({
    value: "G",
    range: POSITIVE,
    default: ASL.gammaNegative,
    help: "asl's exponent of how wrong an absent class is; default {default}",
  }),
  aslGammaPositive: number({
    value: "G",
    range: POSITIVE,
    default: ASL.gammaPositive,
    help: "asl's exponent of how wrong a class is that is there; default {default}",
  }),
  aslClip: number({
    value: "P",
    range: PROBABILITY,
    default: ASL.clip,
    help: "probability up to which absent classes count nothing for asl; default {default}",
  }),
  labelSmoothing: number({
    value: "S",
    range: PROBABILITY,
    help: "share of a label spread over all classes; default 0.1 for smoothing, else 0",
  }),

  epochs: count({ default: 300, help: "" }),
  steps: count({ help: "end after N updates, over which --schedule cosine falls, in place of --epochs" }),
  batch: count({
    help: "images of a step, of all ranks together; default 1024, in software 32 a\n" +
      "rank, and no more than there are for an update",
  }),
  accumulate: count({ default: 1, help: "steps whose gradients make one update" }),
  optimizer: choice(["sgd", "adamw", "adamp"], { value: "O", default: "sgd", help: "sgd (default), adamw or adamp" }),
  lr: number({ value: "R", range: POSITIVE, help: "learning rate; default 0.1 for sgd, else 0.002" }),
  momentum: number({ value: "M", range: PROBABILITY, default: 0.9, help: "of sgd, Nesterov's" }),
  weightDecay: number({ value: "D", range: POSITIVE, help: "default 0.0001 for sgd, else 0.01" }),
  noDecayNorms: flag({ help: "no weight decay of norms and biases, nor of tokens and embeddings" }),
  layerDecay: number({
    value: "D",
    range: [0.01, 1],
    help: "what the learning rate is multiplied by from a layer to the one before it,\nsuch as 0.75 to fine-tune",
  }),
  schedule: choice(["cosine", "step"], {
    value: "S",
    default: "cosine",
    help: "of the learning rate: cosine (default) or step",
  }),
  warmupEpochs: number({ value: "N", range: POSITIVE, default: 5, help: "in which the learning rate rises" }),
  stepEpochs: number({
    value: "N",
    range: [1e-3, Infinity],
    default: 30,
    help: "between two falls of --schedule step",
  }),
  stepFactor: number({
    value: "F",
    range: PROBABILITY,
    default: 0.1,
    help: "what the learning rate is multiplied by there",
  }),
  clip: number({ value: "NORM", range: POSITIVE, help: "the gradient is made no longer than this" }),
  syncBn: flag({ help: "batch norm's statistics are of all ranks' images, not of a rank's own" }),
  ema: number({
    value: "D",
    range: PROBABILITY,
    help: "keep an average of the weights, which decays by this a step, and evaluate it",
  }),
  half: flag({ help: "store what is between layers in 16 bits, where the adapter can" }),

  scale: numbers(2, { value: "A,B", default: [0.08, 1], help: "share of the image that a random crop covers" }),
  ratio: numbers(2, { value: "A,B", default: [0.75, 1.3333], help: "its width over its height" }),
  interpolation: choice(["bilinear", "bicubic"], {
    value: "I",
    default: "bilinear",
    help: "of crops: bilinear (default) or bicubic",
  }),
  flip: number({ value: "P", range: PROBABILITY, default: 0.5, help: "probability of a mirror image" }),
  colourJitter: number({ value: "J", range: POSITIVE, default: 0.4, help: "of brightness, contrast and saturation" }),
  lighting: number({ value: "L", range: POSITIVE, default: 0.1, help: "standard deviation of PCA lighting" }),
  erasing: number({
    value: "P",
    range: PROBABILITY,
    default: 0,
    help: "probability of random erasing, as timm's: noise over 0.02 to 1/3 of the crop;\ndefault {default}",
  }),
  randAugment: numbers(2, {
    value: "N,M",
    help: "RandAugment's number of operations and magnitude (to 30), such as 2,9;\ndefault none",
  }),
  mixup: number({ value: "A", range: POSITIVE, default: 0, help: "Mixup's alpha; default {default}: none" }),
  cutmix: number({ value: "A", range: POSITIVE, default: 0, help: "CutMix's alpha; default {default}: none" }),
  mixOffEpochs: count({ least: 0, default: 5, help: "last epochs without either" }),
  mean: numbers(3, {
    value: "R,G,B",
    default: [0.485, 0.456, 0.406],
    help: "subtracted from channels of 0 to 1; default ImageNet's {default}",
  }),
  std: numbers(3, {
    value: "R,G,B",
    default: [0.229, 0.224, 0.225],
    help: "what they are divided by; default ImageNet's {default}",
  }),
  cropPct: number({
    value: "S",
    range: [0.1, 1],
    default: 0.875,
    help: "for validation: side of the middle that is seen; default {default} (224 of 256),\n1 for all of the image",
  }),

  seed: seed("other weights, order and crops for each integer"),
  cache: text({
    value: "FILE",
    help: "decoded images; written before the first epoch, and used again. Changes no\nresult",
  }),
  workers,
  saveMinutes: number({
    value: "N",
    range: POSITIVE,
    default: 10,
    help: "between checkpoints within an epoch; default {default}. Changes no result",
  }),
  log: text({
    value: "FILE",
    help:
      "lines of JSON that other programs can follow, beside RUN/tensorboard: each\nepoch, and every --log-every steps; docs/logging.md",
  }),
  logEvery: count({ default: 50, help: "steps from one line of --log to the next; default {default}" }),
};

/** The name of a setting as a property. */
export type SettingName = keyof typeof TRAINING_SETTINGS;

/** Settings that were given. */
export type GivenSettings = GivenOf<typeof TRAINING_SETTINGS>;

/** Settings whose default follows from others. */
type DependentName = "labels" | "loss" | "labelSmoothing" | "lr" | "weightDecay";

/** Losses of which that of a class does not depend on other classes. */
const INDEPENDENT_LOSSES = ["bce", "asl"];

/** All settings but, where nothing was said of it, the batch: its default depends on adapter, images and ranks. */
export type RequestedSettings = OptionsOf<typeof TRAINING_SETTINGS> & Required<Pick<GivenSettings, DependentName>>;

/** All settings of a training. */
export type TrainingSettings = RequestedSettings & Required<Pick<GivenSettings, "batch">>;

/** Settings that change no result: a run may go on with others. */
const WITHOUT_EFFECT: readonly SettingName[] = ["output", "cache", "workers", "saveMinutes", "log", "logEvery"];

/** The names of all settings, in the order of the help. */
export const settingNames = Object.keys(TRAINING_SETTINGS) as SettingName[];

/**
 * Fills in what was left out.
 *
 * @param given What was given.
 * @returns All settings, without the batch if it was not given.
 * @throws {UsageError} If something is lacking, or given and of no use.
 */
export function resolveSettings(given: GivenSettings & { readonly batch: number }): TrainingSettings;
export function resolveSettings(given: GivenSettings): RequestedSettings;
export function resolveSettings(given: GivenSettings): RequestedSettings {
  const { images } = given;
  if (images === undefined) {
    throw new UsageError(
      `Cannot train without IMAGES: see ${calledAs("train")} --help; ${
        calledAs("reproduce")
      } --quick makes images of its own`,
    );
  }
  const labels = given.labels ??
    (given.maps !== undefined && given.cleaned === undefined
      ? "relabel"
      : given.teacher !== undefined
      ? "distill"
      : given.masks !== undefined
      ? "oracle"
      : given.multiLabel !== undefined
      ? "multi-hot"
      : "original");
  const isMultiLabel = given.multiLabel !== undefined || given.validationMultiLabel !== undefined;
  const hasSeveral = ["oracle", "multi-hot"].includes(labels) || (labels === "mix" && given.multiLabel !== undefined);
  const loss = given.loss ?? (hasSeveral ? "bce" : "ce");
  const isSgd = (given.optimizer ?? "sgd") === "sgd";
  const settings: RequestedSettings = {
    ...defaultsOf(TRAINING_SETTINGS),
    loss,
    ...(loss === "ce" ? {} : { classReduction: isMultiLabel || loss === "asl" ? "sum" : "mean" }),
    labelSmoothing: labels === "smoothing" ? 0.1 : 0,
    lr: isSgd ? 0.1 : 0.002,
    weightDecay: isSgd ? 1e-4 : 1e-2,
    ...given,
    images,
    labels,
  };
  checkSettings(settings);
  return settings;
}

/** What each supervision takes, and which of it it cannot do without. */
const SOURCES: Readonly<Record<Supervision, { takes: readonly SettingName[]; needs: readonly SettingName[] }>> = {
  original: { takes: [], needs: [] },
  smoothing: { takes: [], needs: [] },
  cleaned: { takes: ["maps", "cleaned"], needs: [] },
  relabel: { takes: ["maps"], needs: ["maps"] },
  mix: { takes: ["maps", "multiLabel"], needs: ["maps"] },
  distill: { takes: ["teacher"], needs: ["teacher"] },
  oracle: { takes: ["masks"], needs: ["masks"] },
  "multi-hot": { takes: ["multiLabel"], needs: ["multiLabel"] },
};

function checkSettings(settings: RequestedSettings): void {
  const { labels } = settings;
  const { takes, needs } = SOURCES[labels];
  for (const name of ["maps", "teacher", "masks", "cleaned", "multiLabel"] as const) {
    if (needs.includes(name) && settings[name] === undefined) {
      throw new UsageError(`Cannot train with --labels ${labels}: it needs --${optionName(name)}`);
    }
    if (settings[name] !== undefined && !takes.includes(name)) {
      throw new UsageError(`Cannot train with --labels ${labels} and --${optionName(name)}, which it does not use`);
    }
  }
  if (labels === "cleaned" && (settings.maps === undefined) === (settings.cleaned === undefined)) {
    throw new UsageError("Cannot train with --labels cleaned: it needs either --maps or --cleaned");
  }
  if (!["original", "smoothing", "cleaned", "multi-hot"].includes(labels) && settings.labelSmoothing > 0) {
    throw new UsageError(`Cannot train with --labels ${labels} and --label-smoothing, which it does not use`);
  }
  if (!["relabel", "mix"].includes(labels) && settings.presenceThreshold > 0) {
    throw new UsageError(`Cannot train with --labels ${labels} and --presence-threshold, which it does not use`);
  }
  if (labels !== "distill" && settings.teacherSize !== undefined) {
    throw new UsageError(`Cannot train with --labels ${labels} and --teacher-size, which it does not use`);
  }
  if (labels !== "distill" && settings.teacherTemperature !== 1) {
    throw new UsageError(`Cannot train with --labels ${labels} and --teacher-temperature, which it does not use`);
  }
  const [roots, maps] = [1 + (settings.otherImages?.length ?? 0), 1 + (settings.otherMaps?.length ?? 0)];
  if (settings.maps === undefined ? maps > 1 : maps !== roots) {
    throw new UsageError(
      `Cannot train on ${formatNumberOf(roots, "root")} of images with ${
        formatNumberOf(maps, "folder")
      } of label maps: ` +
        "give --maps for each of IMAGES, in the same order",
    );
  }
  const ofOneRoot = (["masks", "multiLabel"] as const).find((name) => settings[name] !== undefined);
  if (roots > 1 && ofOneRoot !== undefined) {
    throw new UsageError(`Cannot train on several roots of images with --${optionName(ofOneRoot)}, which is of one`);
  }
  if (settings.validationSubset !== undefined && settings.validation === undefined) {
    throw new UsageError("Cannot train with --validation-subset and without --validation, whose images it names");
  }
  if (labels === "oracle" && settings.loss === "ce") {
    throw new UsageError("Cannot train with --labels oracle and --loss ce: a crop may show several classes, or none");
  }
  checkMultiLabel(settings);
  for (const name of ["scale", "ratio"] as const) {
    const [least, most] = settings[name];
    if (!(least > 0 && least <= most)) {
      throw new UsageError(`Cannot use --${name} ${least},${most}: expected positive numbers, the smaller first`);
    }
  }
  if (settings.scale[1] > 1) throw new UsageError(`Cannot use --scale ${settings.scale}: expected shares up to 1`);
}

/** Checks what is of images with several classes. */
function checkMultiLabel(settings: RequestedSettings): void {
  const { labels, loss, multiLabel, classes, validation, validationMultiLabel, classReduction } = settings;
  if (multiLabel !== undefined && loss === "ce") {
    throw new UsageError(
      `Cannot train with --labels ${labels}, --multi-label and --loss ce: an image may show several classes, or none`,
    );
  }
  if (classes !== undefined && multiLabel === undefined) {
    throw new UsageError("Cannot train with --classes and without --multi-label, whose classes it names");
  }
  if (validationMultiLabel !== undefined && validation === undefined) {
    throw new UsageError("Cannot train with --validation-multi-label and without --validation, whose images it is of");
  }
  if (classReduction !== undefined && !INDEPENDENT_LOSSES.includes(loss)) {
    throw new UsageError(`Cannot train with --loss ${loss} and --class-reduction, which is of bce and asl`);
  }
  for (const name of ["aslGammaNegative", "aslGammaPositive", "aslClip"] as const) {
    if (loss !== "asl" && settings[name] !== TRAINING_SETTINGS[name].default) {
      throw new UsageError(`Cannot train with --loss ${loss} and --${optionName(name)}, which it does not use`);
    }
  }
}

/**
 * Checks that several ranks can share the steps of a training.
 *
 * @param settings The training's.
 * @param ranks How many there are.
 * @throws {UsageError} If their shares of a batch would not be equal, or an image be mixed with one of another rank's.
 */
export function checkRanks({ batch, mixup, cutmix }: TrainingSettings, ranks: number): void {
  if (batch % ranks > 0) {
    const less = batch - batch % ranks;
    throw new UsageError(
      `Cannot train with --batch ${batch} on ${ranks} ranks, which take equal shares of it: ` +
        (less > 0 ? `${less} and ${less + ranks} can be shared` : `${ranks} can be shared`),
    );
  }
  const own = batch / ranks;
  if (own % 2 === 1 && (mixup > 0 || cutmix > 0)) {
    throw new UsageError(
      `Cannot train with --batch ${batch} on ${ranks} ranks and --${cutmix > 0 ? "cutmix" : "mixup"}, which mixes ` +
        `neighbours: each rank has ${own} of them; --batch ${batch + ranks} gives an even number`,
    );
  }
}

/** Images of a step by default: the paper's, and for each rank on an adapter in software. */
const DEFAULT_BATCH = { gpu: 1024, software: 32 } as const;

/**
 * The images of a step where nothing was said of them.
 *
 * @param settings The training's.
 * @param circumstances How many images it trains on, on how many ranks, and whether the adapter is in software.
 * @returns The paper's 1,024, or 32 for each rank in software; less where the images would not make an update, and what
 *   ranks, and Mixup's and CutMix's pairs of neighbours, share equally.
 */
export function defaultBatch(
  { accumulate, mixup, cutmix }: RequestedSettings,
  { images, ranks, software }: { readonly images: number; readonly ranks: number; readonly software: boolean },
): number {
  const share = ranks * (ranks > 1 && (mixup > 0 || cutmix > 0) ? 2 : 1);
  const most = software ? DEFAULT_BATCH.software * ranks : DEFAULT_BATCH.gpu;
  const batch = Math.min(most, Math.floor(images / accumulate));
  return Math.max(Math.floor(batch / share), 1) * share;
}

/** The settings that a run's result depends on. */
export function decisiveSettings(settings: TrainingSettings): Readonly<Record<string, unknown>> {
  const names = settingNames.filter((name) => !WITHOUT_EFFECT.includes(name));
  return Object.fromEntries(names.map((name) => [optionName(name), settings[name] ?? null]));
}
