/**
 * The fast gradient sign method against a classifier, in one program:
 *
 *     image -> logits, loss of the label -> gradient of the image -> its sign -> moved image -> logits
 *
 * What is attacked is what the network sees of an image, after resizing and cropping.
 *
 * @module
 */

import { type ClassifierSettings, lowerClassifier } from "./classifier.ts";
import type { Device } from "../engine/device.ts";
import { createImageProgram, type ImageProgram, logitRows, type StepOptions, targetOf } from "./image_program.ts";
import { gradientSignKernel, normalisedSignStep } from "../operations/gradient_sign/kernels.ts";
import { NO_LABEL } from "../operations/losses/label_target.ts";
import { type Target, tensorBytes } from "../operations/shared/tensor.ts";
import { joinPrograms, type Program, renameTensors } from "../engine/program.ts";
import { lowerImageGradient } from "./training/image_gradient.ts";
import type { Pixels } from "../../formats/base/pixels.ts";

/** What is attacked, and how hard. */
export interface SignAttackSettings extends Omit<ClassifierSettings, "storage"> {
  /** How far each colour of a pixel moves, as a share of its range: 8 / 255 is 8 levels. */
  readonly epsilon: number;
}

/** The logits `[C]` of an image, as it is and after the attack. */
export interface AttackedLogits {
  readonly logits: Float32Array<ArrayBuffer>;
  readonly attacked: Float32Array<ArrayBuffer>;
}

/** The attack on a device. */
export interface SignAttack extends Pick<ImageProgram<AttackedLogits>, "batch" | "memory" | "close"> {
  /**
   * Starts a step of up to `batch` images with their classes, and returns what reads it; `STEPS_IN_FLIGHT` may
   * be in flight. An image without a class, -1, is left as it is.
   *
   * @throws {RangeError} If there are more images than `batch`, or `STEPS_IN_FLIGHT` steps are started and not
   * read.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  start(
    images: readonly Pixels[],
    labels: readonly number[],
    options?: Pick<StepOptions, "signal">,
  ): Promise<() => Promise<AttackedLogits[]>>;
}

const ATTACKED = "attacked ";

/** A lowered attack. */
export interface LoweredSignAttack extends Program {
  /** Tensors that are written before it: the image and the labels, i32 `[N]`. */
  readonly inputs: readonly [image: string, labels: string];
  /** Logits of the image as it is, and after the attack. */
  readonly outputs: readonly [logits: string, attacked: string];
}

/**
 * Lowers the attack.
 *
 * @param settings What, and how hard.
 * @param target Profile and storage.
 * @returns The program.
 * @throws {RangeError} If the size is too small for the network.
 * @throws {TypeError} If a parameter is missing.
 */
export function lowerSignAttack(
  settings: Pick<SignAttackSettings, "network" | "parameters" | "batch" | "size" | "epsilon" | "mean" | "std">,
  target: Target,
): LoweredSignAttack {
  const { network, parameters, batch, size } = settings;
  const clean = lowerImageGradient(network, parameters, { batch, size }, target);
  const attacked = renameTensors(lowerClassifier(settings, target), (name) => ATTACKED + name);
  const [logits, gradient] = clean.outputs;
  const shape = [batch, ...size, 3] as const;
  const output = ATTACKED + network.input;
  const move: Program = {
    tensors: new Map([[output, tensorBytes(shape, target.storage)]]),
    constants: new Map(),
    steps: [{
      kernel: gradientSignKernel({ shape, ...normalisedSignStep(settings), ...target }),
      bindings: { input: network.input, gradient, output },
    }],
  };
  return {
    ...joinPrograms([clean, move, attacked]),
    inputs: clean.inputs,
    outputs: [logits, ATTACKED + network.pooled.output],
  };
}

/**
 * Puts the attack on a device. Activations are stored in f32: in f16 small gradients would have no sign.
 *
 * @param device The device to run on.
 * @param settings What, and how hard.
 * @returns The attack; close it when done.
 * @throws {RangeError} If the size does not fit the network, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing.
 */
export async function createSignAttack(device: Device, settings: SignAttackSettings): Promise<SignAttack> {
  const { batch, network } = settings;
  const target = targetOf(device, "f32");
  const program = lowerSignAttack(settings, target);
  const [input, labels] = program.inputs;
  const read = logitRows(network.classifier.outputChannels, "f32");
  const onDevice = await createImageProgram(device, program, target, {
    ...settings,
    input,
    otherInputs: [labels],
    outputs: program.outputs,
    unpack(bytes, count) {
      const half = bytes.byteLength / 2;
      const [logits, attacked] = [bytes.slice(0, half), bytes.slice(half)].map((rows) => read(rows, count));
      return logits.map((row, index) => ({ logits: row, attacked: attacked[index] }));
    },
  });
  const { memory, close } = onDevice;
  return {
    batch,
    memory,
    close,
    start(images, given, options) {
      const padded = new Int32Array(batch).fill(NO_LABEL);
      padded.set(given.slice(0, batch));
      return onDevice.start(images, { ...options, inputs: new Map([[labels, padded]]) });
    },
  };
}
