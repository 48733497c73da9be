/**
 * The trainer that a training's options ask for.
 *
 * @module
 */

import { type AnnotatorFolder, readParameter } from "../../formats/weights/mod.ts";
import { mapFormat } from "../../formats/base/label_map.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { type Network, type Parameters, parameterShapes } from "../../kernels/operations/network.ts";
import { buildNetwork, fineTuneParameters, initialParameters } from "../../kernels/networks/mod.ts";
import type { Optimizer } from "../../kernels/optimizers/mod.ts";
import { DYNAMIC_LOSS_SCALING, NO_LOSS_SCALING } from "../../kernels/optimizers/prepare_step.ts";
import type { TrainingOptions } from "../../kernels/programs/training/lower.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import type { TargetSource, TeacherView } from "../../kernels/programs/training/targets.ts";
import { createTrainer, type Trainer } from "../../kernels/programs/training/trainer.ts";
import type { Communicator } from "../command/mpi/communicator.ts";
import { type DownloadWatch, openModel } from "../model/model.ts";
import { loadNetworkParameters } from "../model/network_parameters.ts";
import { augmentationOf } from "./batch.ts";
import type { TrainingData } from "./training_data.ts";
import type { RequestedSettings, TrainingSettings } from "./settings.ts";
import { closing } from "../../formats/base/closing.ts";

/** Constants of AdamW and AdamP; AdamP's thresholds are its paper's. */
const ADAM = { betas: [0.9, 0.999], epsilon: 1e-8 } as const;

/** The share of the data set's label in the targets of `mix`. */
const LABEL_SHARE = 0.5;

/** A model whose outputs are targets. */
export interface Teacher {
  readonly classes: number;
  readonly classNames?: readonly string[];
  readonly network: Network;
  readonly parameters: Parameters;
  /** Pixels at which it sees a crop. */
  readonly size: Pair;
  /** What it sees, where that is of another size or normalisation than what the trained network does. */
  readonly view?: TeacherView;
}

/**
 * Opens the teacher of `distill`.
 *
 * @param options The training's.
 * @param watch Whom to tell of a download.
 * @returns The teacher; undefined where the options name none.
 * @throws {Error} If it cannot be read.
 */
export async function openTeacher(options: RequestedSettings, watch: DownloadWatch): Promise<Teacher | undefined> {
  if (options.teacher === undefined) return undefined;
  const folder = await openModel(options.teacher, watch);
  using _weights = closing(folder.weights);
  const { architecture, classes, classNames, inputSize, mean, std } = folder;
  const size = options.teacherSize ?? inputSize;
  const network = buildNetwork(architecture, { classes, size });
  const parameters = await loadNetworkParameters(network, folder.weights);
  const isSame = String(size) === String(options.size) && otherNormalisation(folder, options) === undefined;
  return { classes, classNames, network, parameters, size, ...(isSame ? {} : { view: { size, mean, std } }) };
}

/** What of a model's normalisation is other than the training's. */
function otherNormalisation(folder: AnnotatorFolder, options: RequestedSettings): "mean" | "std" | undefined {
  return (["mean", "std"] as const).find((name) =>
    folder[name].some((value, channel) => Math.abs(value - options[name][channel]) >= 1e-4)
  );
}

/**
 * Puts the trainer on a device.
 *
 * @param device The device to run on.
 * @param options The training's.
 * @param sources The data, the teacher if there is one, whom to tell of a download, and the ranks if there are several:
 *   they get the first weights from rank 0, and those of the trainers on others do not count.
 * @returns The trainer and its network; close the trainer.
 * @throws {RangeError | TypeError} If an option does not fit the network or the adapter.
 * @throws {Error} If the weights to begin with cannot be read.
 */
export async function startTrainer(
  device: Device,
  options: TrainingSettings,
  sources: {
    readonly data: TrainingData;
    readonly teacher?: Teacher;
    readonly watch: DownloadWatch;
    readonly ranks?: Communicator;
  },
): Promise<{ readonly trainer: Trainer; readonly network: Network }> {
  const { data, teacher, watch, ranks } = sources;
  const { batch, size, half, clip, accumulate, ema, dropPath, dropout } = options;
  const { weightDecay, noDecayNorms, layerDecay } = options;
  const network = buildNetwork(options.network, { classes: data.classes, size });
  const trainer = await createTrainer(device, {
    network,
    parameters: ranks && ranks.rank > 0
      ? initialParameters(network, options.seed)
      : await firstParameters(network, options, watch),
    batch: batch / (ranks?.size ?? 1),
    ranks,
    syncBatchNorm: options.syncBn,
    size,
    storage: half ? "f16" : "f32",
    augmentation: augmentationOf(options),
    targets: targetSource(options, data, teacher),
    loss: lossOf(options),
    classReduction: options.classReduction,
    optimizer: optimizerOf(options),
    weightDecay,
    excludeNorms: noDecayNorms,
    layerDecay,
    lossScaling: half ? DYNAMIC_LOSS_SCALING : NO_LOSS_SCALING,
    maxNorm: clip,
    accumulate,
    averageDecay: ema,
    dropPath,
    dropout,
  });
  return { trainer, network };
}

async function firstParameters(
  network: Network,
  options: TrainingSettings,
  watch: DownloadWatch,
): Promise<Parameters> {
  const { init, seed } = options;
  if (init === undefined) return initialParameters(network, seed);
  const folder = await openModel(init, watch);
  using _weights = closing(folder.weights);
  const other = otherNormalisation(folder, options);
  if (other !== undefined) {
    const { mean, std } = folder;
    watch.onWarning?.(
      `The weights of "${init}" are of images with another ${other}: --mean ${mean} --std ${std} gives the same`,
    );
  }
  return fineTuneParameters(network, await allParameters(network, folder), seed).parameters;
}

/** The parameters of a network that a file has, of whatever shape. */
async function allParameters(network: Network, { weights }: AnnotatorFolder): Promise<Parameters> {
  const known = parameterShapes(network);
  const parameters = new Map<string, { shape: readonly number[]; data: Float32Array<ArrayBuffer> }>();
  for (const name of weights.names) {
    if (known.has(name)) parameters.set(name, { shape: weights.shape(name), data: await readParameter(weights, name) });
  }
  return parameters;
}

function lossOf({ loss, aslGammaNegative, aslGammaPositive, aslClip }: TrainingSettings): TrainingOptions["loss"] {
  switch (loss) {
    case "ce":
      return "crossEntropy";
    case "bce":
      return "binaryCrossEntropy";
    case "asl":
      return { gammaNegative: aslGammaNegative, gammaPositive: aslGammaPositive, margin: aslClip };
  }
}

function optimizerOf({ optimizer, momentum }: TrainingSettings): Optimizer {
  switch (optimizer) {
    case "sgd":
      return { type: "sgd", momentum, nesterov: true };
    case "adamw":
      return { type: "adamw", ...ADAM };
    case "adamp":
      return { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov: true };
  }
}

/**
 * Where the targets of a training come from.
 *
 * @param options The training's.
 * @param data What is trained on.
 * @param teacher The teacher, if there is one.
 * @returns The source, which pools maps as they say that their scores are.
 */
export function targetSource(options: TrainingSettings, data: TrainingData, teacher?: Teacher): TargetSource {
  const { labels, labelSmoothing, mode, missing, temperature, teacherTemperature } = options;
  const { presenceThreshold } = options;
  if (labels === "oracle" || labels === "multi-hot") return { type: "given" };
  if (teacher) return { type: "teacher", ...teacher, temperature: teacherTemperature };
  if (!data.maps) return { type: "label", smoothing: labelSmoothing };
  return {
    type: "pooled",
    maps: mapFormat(data.maps.maps.metadata),
    pooling: { mode, missing, temperature, ...(presenceThreshold > 0 ? { presenceThreshold } : {}) },
    ...(labels === "mix" ? { labelShare: LABEL_SHARE, hasGivenLabels: data.multiLabels !== undefined } : {}),
  };
}
