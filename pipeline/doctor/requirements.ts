/**
 * What a network takes, by its shapes alone: parameters, arithmetic, bytes, memory.
 *
 * @module
 */

import type { Profile, Storage } from "../../kernels/engine/kernel.ts";
import { countProgram, type ProgramCost } from "../../kernels/engine/program_cost.ts";
import { inPart, joinPrograms, type Program } from "../../kernels/engine/program.ts";
import { countParameters } from "../../kernels/networks/multiply_adds.ts";
import type { AugmentationSettings } from "../../kernels/operations/augmentation/mod.ts";
import { type Network, type Parameters, parameterShapes } from "../../kernels/operations/network.ts";
import type { Pair } from "../../kernels/operations/shared/window.ts";
import { DYNAMIC_LOSS_SCALING, NO_LOSS_SCALING } from "../../kernels/optimizers/prepare_step.ts";
import { lowerAnnotator } from "../../kernels/programs/annotator.ts";
import { lowerTraining, PARTS, type TrainingOptions } from "../../kernels/programs/training/lower.ts";
import { lowerTargets, type TargetSource } from "../../kernels/programs/training/targets.ts";
import { lowerViews } from "../../kernels/programs/training/views.ts";
import type { FoundNetwork } from "./find_network.ts";

/** What is to be done with a network. */
export interface Task {
  readonly found: FoundNetwork;
  /** Images of a step. */
  readonly batch: number;
  /** Whether it is trained, by SGD with momentum on labels; else label maps are made. */
  readonly training: boolean;
  readonly storage: Storage;
}

/** What a step takes. */
export interface Requirements extends ProgramCost {
  /** Numbers that the network learns. */
  readonly parameters: number;
}

/** Classes that a label map keeps of each cell, and how: as `deno task relabel` does unless told otherwise. */
export const MAPS = { k: 5, dtype: "fp16" } as const;

/** Where the targets of the training come from. */
export const LABELS: TargetSource = { type: "label", smoothing: 0 };

/**
 * How the images of the training are augmented: as `deno task train` does, colours left out.
 *
 * @param size Height and width of the network's input, pixels.
 * @returns The settings.
 */
export function trainingAugmentation(size: Pair): AugmentationSettings {
  return {
    size,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    interpolation: "bilinear",
    crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
    flip: 0.5,
  };
}

/**
 * The options of the training.
 *
 * @param task What is trained.
 * @returns The recipe of "Re-labeling ImageNet", section 4.1.
 */
export function trainingOptions({ found: { network, size }, batch, storage }: Task): TrainingOptions {
  return {
    network,
    batch,
    size,
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
    weightDecay: 1e-4,
    excludeNorms: false,
    lossScaling: storage === "f16" ? DYNAMIC_LOSS_SCALING : NO_LOSS_SCALING,
  };
}

/**
 * Counts what a step takes. Pixels that come from the CPU to be resized are not among it, nor what the driver keeps.
 *
 * @param task What is to be done.
 * @param profile The profile whose kernels run.
 * @returns The figures.
 * @throws {RangeError | TypeError} If the size does not fit the network, or a dispatch is larger than WebGPU allows.
 */
export function countRequirements(task: Task, profile: Profile): Requirements {
  const { network } = task.found;
  const { program, inputs } = task.training ? trainingProgram(task, profile) : annotatorProgram(task, profile);
  return { parameters: countParameters(network), ...countProgram(program, inputs) };
}

/** A program, and the tensors that are written before its first step. */
interface ProgramWithInputs {
  readonly program: Program;
  readonly inputs: readonly string[];
}

function annotatorProgram({ found: { network, size, classes }, batch, storage }: Task, profile: Profile) {
  const k = Math.min(MAPS.k, classes);
  const maps = { network, parameters: zeroParameters(network), batch, size, k, dtype: MAPS.dtype };
  const program = lowerAnnotator(maps, { profile, storage });
  return { program, inputs: program.inputs };
}

function trainingProgram(task: Task, profile: Profile): ProgramWithInputs {
  const { found: { network, size, classes }, batch, storage } = task;
  const target = { profile, storage };
  const image = network.input;
  const views = lowerViews(LABELS, { batch, augmentation: trainingAugmentation(size), image }, target);
  const targets = lowerTargets(LABELS, { batch, classes, image, size, frames: 0, mixed: false }, target);
  const before = joinPrograms([...views.map(({ program }) => program), targets]);
  const training = lowerTraining(trainingOptions(task), target);
  return {
    program: joinPrograms([{ ...before, steps: inPart(PARTS.batch, before.steps) }, training]),
    inputs: [...views.flatMap(({ inputs }) => inputs), ...targets.inputs],
  };
}

/** Parameters of a network's shapes, which take memory only while they are read. */
function zeroParameters(network: Network): Parameters {
  return new Map(
    [...parameterShapes(network)].map(([name, shape]) => {
      const length = shape.reduce((product, side) => product * side, 1);
      const parameter = {
        shape,
        isReadAnew: true,
        get data() {
          return new Float32Array(length);
        },
      };
      return [name, parameter];
    }),
  );
}
