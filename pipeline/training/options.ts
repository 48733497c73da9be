/**
 * What a training is: every setting with its meaning, and what it is where nothing is said. The recipe that stands for
 * nothing said is that of "Re-labeling ImageNet", section 4.1: ResNet-50 at 224 pixels, SGD with Nesterov momentum, 300
 * epochs of 1,024 images per step, cosine decay from 0.1 after 5 epochs of warm-up, random crops, flips, colour jitter and
 * PCA lighting; with AdamP or AdamW the learning rate 0.002 and weight decay 0.01 that it has for CutMix.
 *
 * @module
 */

import { UsageError } from "../command/command_line.ts";
import { choice, count, number, numbers, type Setting, size, text, toggle } from "./settings.ts";

const PROBABILITY = [0, 1] as const;
const POSITIVE = [0, Infinity] as const;

/** Where targets come from. */
export const supervisions = ["original", "smoothing", "cleaned", "relabel", "mix", "distill", "oracle"] as const;

/** One of {@linkcode supervisions}. */
export type Supervision = typeof supervisions[number];

/** Every setting by its property; on the command line and in YAML `weightDecay` is `weight-decay`. */
export const SETTINGS = {
  images: text("IMAGES", "what to train on: a folder, tar shards or Parquet"),
  output: text("RUN", "the run's folder; default run"),
  labels: choice(
    "KIND",
    supervisions,
    "where targets come from:\n" +
      "original   the data set's labels\n" +
      "smoothing  the same, smoothed\n" +
      "cleaned    the same, of the images whose label is the best class of their map\n" +
      "relabel    label maps, pooled over each crop\n" +
      "mix        half of that and half of the label\n" +
      "distill    another network, run on every crop, mixed or not\n" +
      "oracle     masks: all classes that are in the crop\n" +
      "Default relabel with --maps, distill with --teacher, oracle with --masks, else\n" +
      "original",
  ),
  maps: text("FOLDER", "label maps of the images, as deno task relabel writes them"),
  mode: choice(
    "MODE",
    ["local-multi", "local-single", "global-multi", "global-single"],
    "how maps become targets: local-multi (default, the paper's), local-single,\n" +
      "global-multi or global-single",
  ),
  missing: choice(
    "RULE",
    ["zero", "uniform", "renormalise"],
    "what classes count that a cell lacks: zero (default), uniform or renormalise",
  ),
  temperature: number("T", "the logits of maps are divided by it; default 1, below 1 is sharper", [1e-3, 1e3]),
  teacher: text("MODEL", "the network that distill runs: a folder with config.json and weights, or\nhf:owner/name"),
  teacherTemperature: number("T", "its logits are divided by it; default 1, above 1 is softer", [1e-3, 1e3]),
  masks: text("FOLDER", "for oracle: grey images named as the images, 0 for background or 1 and the\nclass"),
  oracleShare: number("S", "for oracle: of a class's area, or of the crop's, in the crop; default 0.25", PROBABILITY),
  cleaned: text("FILE", "for cleaned: the keys of the images to keep, one a line, in place of maps"),
  subset: text("FILE", "train on these images only: keys, one a line"),
  exifOrientation: toggle(
    "turn images as their EXIF orientation says, those of --validation too; default as\n" +
      "they are stored, as torchvision's loader gives them",
  ),
  validation: text("IMAGES", "labelled images that the network is evaluated on"),
  validateEvery: count("N", "epochs from one evaluation to the next; default 1, and after the last"),

  network: text("NAME", "timm's name of the network; default resnet50"),
  init: text("MODEL", "begin with its weights, given as for --teacher; a head of other classes begins\nanew"),
  size: size("pixels of the network's input; default 224"),
  dropPath: number("P", "probability that a residual branch is left out, in the last block; default 0", PROBABILITY),
  dropout: number("P", "before the head; default 0", PROBABILITY),
  loss: choice(
    "L",
    ["ce", "bce"],
    "ce (cross-entropy) or bce (binary, of each class); default bce for oracle, else ce",
  ),
  labelSmoothing: number(
    "S",
    "share of a label spread over all classes; default 0.1 for smoothing, else 0",
    PROBABILITY,
  ),

  epochs: count("N", "default 300"),
  batch: count(
    "N",
    "images of a step, of all ranks together; default 1024, in software 32 a rank, and\n" +
      "no more than there are for an update",
  ),
  accumulate: count("N", "steps whose gradients make one update; default 1"),
  optimizer: choice("O", ["sgd", "adamw", "adamp"], "sgd (default), adamw or adamp"),
  lr: number("R", "learning rate; default 0.1 for sgd, else 0.002", POSITIVE),
  momentum: number("M", "of sgd, Nesterov's; default 0.9", PROBABILITY),
  weightDecay: number("D", "default 0.0001 for sgd, else 0.01", POSITIVE),
  noDecayNorms: toggle("no weight decay of norms and biases"),
  schedule: choice("S", ["cosine", "step"], "of the learning rate: cosine (default) or step"),
  warmupEpochs: number("N", "in which the learning rate rises; default 5", POSITIVE),
  stepEpochs: number("N", "between two falls of --schedule step; default 30", [1e-3, Infinity]),
  stepFactor: number("F", "what the learning rate is multiplied by there; default 0.1", PROBABILITY),
  clip: number("NORM", "the gradient is made no longer than this", POSITIVE),
  syncBn: toggle("batch norm's statistics are of all ranks' images, not of a rank's own"),
  ema: number("D", "keep an average of the weights, which decays by this a step, and evaluate it", PROBABILITY),
  half: toggle("store what is between layers in 16 bits, where the adapter can"),

  scale: numbers("A,B", "share of the image that a random crop covers; default 0.08,1", 2),
  ratio: numbers("A,B", "its width over its height; default 0.75,1.3333", 2),
  interpolation: choice("I", ["bilinear", "bicubic"], "of crops: bilinear (default) or bicubic"),
  flip: number("P", "probability of a mirror image; default 0.5", PROBABILITY),
  colourJitter: number("J", "of brightness, contrast and saturation; default 0.4", POSITIVE),
  lighting: number("L", "standard deviation of PCA lighting; default 0.1", POSITIVE),
  erasing: number(
    "P",
    "probability of random erasing, as timm's: noise over 0.02 to 1/3 of the crop;\ndefault 0",
    PROBABILITY,
  ),
  randAugment: numbers(
    "N,M",
    "RandAugment's number of operations and magnitude (to 30), such as 2,9; default\nnone",
    2,
  ),
  mixup: number("A", "Mixup's alpha; default 0: none", POSITIVE),
  cutmix: number("A", "CutMix's alpha; default 0: none", POSITIVE),
  mixOffEpochs: count("N", "last epochs without either; default 5", 0),
  mean: numbers("R,G,B", "subtracted from channels of 0 to 1; default ImageNet's 0.485,0.456,0.406", 3),
  std: numbers("R,G,B", "what they are divided by; default ImageNet's 0.229,0.224,0.225", 3),
  cropPct: number(
    "S",
    "for validation: side of the middle that is seen; default 0.875 (224 of 256),\n1 for all of the image",
    [0.1, 1],
  ),

  seed: count("S", "other weights, order and crops for each integer; default 0", 0),
  cache: text("FILE", "decoded images; written before the first epoch, and used again. Changes no\nresult"),
  workers: count("N", "threads that decode; default all cores but one. Changes no result"),
  saveMinutes: number("N", "between checkpoints within an epoch; default 10. Changes no result", POSITIVE),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

/** The name of a setting as a property. */
export type SettingName = keyof typeof SETTINGS;

type Value<Name extends SettingName> = typeof SETTINGS[Name] extends Setting<infer Type> ? Type : never;

/** Settings that were given. */
export type GivenOptions = { readonly [Name in SettingName]?: Value<Name> };

/** Settings that are nothing where nothing is said. */
type OptionalName =
  | ("maps" | "teacher" | "masks" | "cleaned" | "subset" | "validation" | "init" | "clip" | "ema" | "randAugment")
  | ("cache" | "workers");

/** All settings of a training. */
export type TrainingOptions =
  & { readonly [Name in Exclude<SettingName, OptionalName>]: Value<Name> }
  & { readonly [Name in OptionalName]?: Value<Name> };

/** All settings but, where nothing was said of it, the batch: its default depends on adapter, images and ranks. */
export type RequestedOptions = Omit<TrainingOptions, "batch"> & { readonly batch?: number };

/** Settings that change no result: a run may go on with others. */
const WITHOUT_EFFECT: readonly SettingName[] = ["output", "cache", "workers", "saveMinutes"];

/** The names of all settings, in the order of the help. */
export const settingNames = Object.keys(SETTINGS) as SettingName[];

/** A setting's name on the command line and in YAML: `weight-decay`. */
export function optionName(name: SettingName): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/**
 * Fills in what was left out.
 *
 * @param given What was given.
 * @returns All settings, without the batch if it was not given.
 * @throws {UsageError} If something is lacking, or given and of no use.
 */
export function resolveOptions(given: GivenOptions & { readonly batch: number }): TrainingOptions;
export function resolveOptions(given: GivenOptions): RequestedOptions;
export function resolveOptions(given: GivenOptions): RequestedOptions {
  const { images } = given;
  if (images === undefined) throw new UsageError("Cannot train without IMAGES: see deno task train --help");
  const labels = given.labels ??
    (given.maps !== undefined && given.cleaned === undefined
      ? "relabel"
      : given.teacher !== undefined
      ? "distill"
      : given.masks !== undefined
      ? "oracle"
      : "original");
  const isSgd = (given.optimizer ?? "sgd") === "sgd";
  const options: RequestedOptions = {
    output: "run",
    mode: "local-multi",
    missing: "zero",
    temperature: 1,
    teacherTemperature: 1,
    oracleShare: 0.25,
    network: "resnet50",
    size: [224, 224],
    dropPath: 0,
    dropout: 0,
    loss: labels === "oracle" ? "bce" : "ce",
    labelSmoothing: labels === "smoothing" ? 0.1 : 0,
    epochs: 300,
    accumulate: 1,
    optimizer: "sgd",
    lr: isSgd ? 0.1 : 0.002,
    momentum: 0.9,
    weightDecay: isSgd ? 1e-4 : 1e-2,
    noDecayNorms: false,
    schedule: "cosine",
    warmupEpochs: 5,
    stepEpochs: 30,
    stepFactor: 0.1,
    exifOrientation: false,
    syncBn: false,
    half: false,
    scale: [0.08, 1],
    ratio: [0.75, 1.3333],
    interpolation: "bilinear",
    flip: 0.5,
    colourJitter: 0.4,
    lighting: 0.1,
    erasing: 0,
    mixup: 0,
    cutmix: 0,
    mixOffEpochs: 5,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    cropPct: 0.875,
    validateEvery: 1,
    seed: 0,
    saveMinutes: 10,
    ...given,
    images,
    labels,
  };
  checkOptions(options);
  return options;
}

/** What each supervision takes, and which of it it cannot do without. */
const SOURCES: Readonly<Record<Supervision, { takes: readonly SettingName[]; needs: readonly SettingName[] }>> = {
  original: { takes: [], needs: [] },
  smoothing: { takes: [], needs: [] },
  cleaned: { takes: ["maps", "cleaned"], needs: [] },
  relabel: { takes: ["maps"], needs: ["maps"] },
  mix: { takes: ["maps"], needs: ["maps"] },
  distill: { takes: ["teacher"], needs: ["teacher"] },
  oracle: { takes: ["masks"], needs: ["masks"] },
};

function checkOptions(options: RequestedOptions): void {
  const { labels } = options;
  const { takes, needs } = SOURCES[labels];
  for (const name of ["maps", "teacher", "masks", "cleaned"] as const) {
    if (needs.includes(name) && options[name] === undefined) {
      throw new UsageError(`Cannot train with --labels ${labels}: it needs --${optionName(name)}`);
    }
    if (options[name] !== undefined && !takes.includes(name)) {
      throw new UsageError(`Cannot train with --labels ${labels} and --${optionName(name)}, which it does not use`);
    }
  }
  if (labels === "cleaned" && (options.maps === undefined) === (options.cleaned === undefined)) {
    throw new UsageError("Cannot train with --labels cleaned: it needs either --maps or --cleaned");
  }
  if (labels !== "original" && labels !== "smoothing" && labels !== "cleaned" && options.labelSmoothing > 0) {
    throw new UsageError(`Cannot train with --labels ${labels} and --label-smoothing, which it does not use`);
  }
  if (labels !== "distill" && options.teacherTemperature !== 1) {
    throw new UsageError(`Cannot train with --labels ${labels} and --teacher-temperature, which it does not use`);
  }
  if (labels === "oracle" && options.loss === "ce") {
    throw new UsageError("Cannot train with --labels oracle and --loss ce: a crop may show several classes, or none");
  }
  for (const name of ["scale", "ratio"] as const) {
    const [least, most] = options[name];
    if (!(least > 0 && least <= most)) {
      throw new UsageError(`Cannot use --${name} ${least},${most}: expected positive numbers, the smaller first`);
    }
  }
  if (options.scale[1] > 1) throw new UsageError(`Cannot use --scale ${options.scale}: expected shares up to 1`);
}

/**
 * Checks that several ranks can share the steps of a training.
 *
 * @param options The training's.
 * @param ranks How many there are.
 * @throws {UsageError} If their shares of a batch would not be equal, or an image be mixed with one of another rank's.
 */
export function checkRanks({ batch, mixup, cutmix }: TrainingOptions, ranks: number): void {
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
 * @param options The training's.
 * @param circumstances How many images it trains on, on how many ranks, and whether the adapter is in software.
 * @returns The paper's 1,024, or 32 for each rank in software; less where the images would not make an update, and what
 *   ranks, and Mixup's and CutMix's pairs of neighbours, share equally.
 */
export function defaultBatch(
  { accumulate, mixup, cutmix }: RequestedOptions,
  { images, ranks, software }: { readonly images: number; readonly ranks: number; readonly software: boolean },
): number {
  const share = ranks * (ranks > 1 && (mixup > 0 || cutmix > 0) ? 2 : 1);
  const most = software ? DEFAULT_BATCH.software * ranks : DEFAULT_BATCH.gpu;
  const batch = Math.min(most, Math.floor(images / accumulate));
  return Math.max(Math.floor(batch / share), 1) * share;
}

/** The settings that a run's result depends on. */
export function decisiveOptions(options: TrainingOptions): Readonly<Record<string, unknown>> {
  const names = settingNames.filter((name) => !WITHOUT_EFFECT.includes(name));
  return Object.fromEntries(names.map((name) => [optionName(name), options[name] ?? null]));
}
