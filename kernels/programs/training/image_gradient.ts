/**
 * The gradient of a classifier's loss with respect to the image, its parameters and running statistics as they are: what
 * adversarial examples are made of.
 *
 *     FGSM: x' = x + epsilon sign(dL/dx)
 *
 * (Goodfellow, Shlens and Szegedy, "Explaining and Harnessing Adversarial Examples", 2015.)
 *
 * @module
 */

import { inferShapes, type Network, type Parameters } from "../../operations/network.ts";
import type { Pair } from "../../operations/shared/window.ts";
import { crossEntropyKernel } from "../../operations/losses/cross_entropy.ts";
import { labelTargetKernel } from "../../operations/losses/label_target.ts";
import { channelVectors, type Shape, type Target } from "../../operations/shared/tensor.ts";
import { encodeControl, initialControl } from "../../operations/shared/control.ts";
import { parameterReader } from "../../lowering/lower_network.ts";
import type { Program } from "../../engine/program.ts";
import {
  addBytes,
  addStep,
  addTensor,
  type Builder,
  emptyProgram,
  gradientName,
} from "../../operations/shared/builder.ts";
import { addForward } from "../../lowering/differentiate.ts";
import { TARGETS } from "./lower.ts";
import { LABELS } from "./targets.ts";

/** A program that differentiates with respect to its image. */
export interface LoweredImageGradient extends Program {
  /** Tensors that are written before it: the image `[N, H, W, 3]`, normalised, and the labels, i32 `[N]`. */
  readonly inputs: readonly [image: string, labels: string];
  /** Logits `[N, 1, 1, C]`, and the gradient of the mean cross-entropy, of the image's shape. */
  readonly outputs: readonly [logits: string, imageGradient: string];
}

/**
 * Lowers a network, its loss and the gradient of the image.
 *
 * @param network The network.
 * @param parameters Its parameters, running statistics included.
 * @param options `batch` and `size` of the image.
 * @param target Profile and storage.
 * @returns The program.
 * @throws {RangeError} If the image is too small for the network.
 * @throws {TypeError} If a parameter is missing.
 */
export function lowerImageGradient(
  network: Network,
  parameters: Parameters,
  { batch, size }: { batch: number; size: Pair },
  target: Target,
): LoweredImageGradient {
  const { operations: head, output: logits } = network.pooled;
  const operations = [...network.operations, ...head];
  const shapes = inferShapes(operations, { name: network.input, shape: [batch, ...size, 3] });
  const shapeOf = (tensor: string): Shape => shapes.get(tensor)!;
  const program = emptyProgram();
  const read = parameterReader(network, parameters);
  const builder: Builder = { program, target, shapeOf, parameters: { trained: false, read } };
  addTensor(builder, network.input, shapeOf(network.input));
  const forward = addForward(builder, operations, { outputs: [logits], wanted: () => true });
  const logitsGradient = addLoss(builder, logits);
  const imageGradient = forward.backward([[logits, logitsGradient]]).get(network.input)!;
  return { ...program, inputs: [network.input, LABELS], outputs: [logits, imageGradient] };
}

function addLoss(builder: Builder, logits: string): string {
  const { program, target, shapeOf } = builder;
  const [rows, , , classes] = shapeOf(logits);
  const control = "control";
  program.constants.set(control, () => new Uint32Array(encodeControl(initialControl(1)).buffer));
  addBytes(builder, LABELS, rows * 4);
  addBytes(builder, TARGETS, rows * channelVectors(classes) * 16);
  addBytes(builder, "losses", rows * 4);
  const inputGradient = addTensor(builder, gradientName(logits), shapeOf(logits));
  addStep(builder, labelTargetKernel({ rows, classes, smoothing: 0, profile: target.profile }), {
    labels: LABELS,
    targets: TARGETS,
  });
  const loss = { logits, targets: TARGETS, control, losses: "losses", inputGradient };
  addStep(builder, crossEntropyKernel({ rows, classes, ...target }), loss);
  return inputGradient;
}
