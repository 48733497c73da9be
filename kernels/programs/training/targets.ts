/**
 * The targets of a batch on the device, by kind of supervision.
 *
 * @module
 */

import { lowerTargetMixing } from "../augmentation.ts";
import type { AugmentationSettings } from "../../operations/augmentation/mod.ts";
import { lowerClassifier } from "../classifier.ts";
import { type LabelPoolerSettings, lowerLabelPooling, POOLING_TENSORS } from "../label_pooler.ts";
import type { Network, Parameters } from "../../operations/network.ts";
import type { Pair } from "../../operations/shared/window.ts";
import type { PoolingOptions } from "../../operations/label_pooling/mod.ts";
import { givenTargetKernel } from "../../operations/losses/given_target.ts";
import { labelTargetKernel } from "../../operations/losses/label_target.ts";
import { softmaxKernel } from "../../operations/softmax/kernels.ts";
import { channelVectors, type Target } from "../../operations/shared/tensor.ts";
import { joinPrograms, type Program, renameTensors } from "../../engine/program.ts";
import { TARGETS } from "./lower.ts";
import type { LabelMapFormat } from "../../../formats/base/label_map.ts";

/** Size and normalisation of the images that a teacher sees. */
export type TeacherView = Pick<AugmentationSettings, "size" | "mean" | "std">;

/** Where targets come from. */
export type TargetSource =
  /** The data set's labels, smoothed as PyTorch's `label_smoothing`. */
  | { readonly type: "label"; readonly smoothing: number }
  /**
   * Label maps, pooled over each crop; `labelShare` is the share of the data set's label in the target, 0 to 1, and
   * `hasGivenLabels` says that it is a row of given targets, where an image has several.
   */
  | {
    readonly type: "pooled";
    readonly maps: LabelMapFormat;
    readonly pooling: PoolingOptions;
    readonly labelShare?: number;
    readonly hasGivenLabels?: boolean;
  }
  /** The caller. */
  | { readonly type: "given" }
  /**
   * Another network's probabilities, which sees the same crops (knowledge distillation); its logits are divided by
   * `temperature`, 1 unless given. It reads the images of the network that is trained, or with a `view` its own, which are
   * cut from the same parts of the images, mirrored and mixed in the same way.
   */
  | {
    readonly type: "teacher";
    readonly network: Network;
    readonly parameters: Parameters;
    readonly temperature?: number;
    readonly view?: TeacherView;
  };

/** Labels of a batch, i32 `[N]`. */
export const LABELS = "labels";

/** Targets that the caller gives, f32 `[N, C]`, C padded with zeros to a multiple of 4. */
export const GIVEN = "given targets";

/** Before they are mixed. */
const UNMIXED = "unmixed targets";

/** The name of a teacher's tensor: those of the network that is trained may be called the same. */
export function teacherTensor(name: string): string {
  return `teacher ${name}`;
}

/** What targets are made for. */
type Purpose = Readonly<{ batch: number; classes: number; image: string; size: Pair; frames: number }>;

/** The program that makes targets, and what is written before it. */
export interface LoweredTargets extends Program {
  readonly inputs: readonly string[];
}

/**
 * What LabelPooling has to do in a batch.
 *
 * @param source The source.
 * @param options `batch`: images, each with a map and a crop; `frames`: how often a picture may be cut off at its edges.
 * @returns The pooler's settings.
 */
export function poolerSettings(
  source: Extract<TargetSource, { type: "pooled" }>,
  { batch, frames }: { batch: number; frames: number },
): LabelPoolerSettings {
  return { ...source.maps, ...source.pooling, maps: batch, crops: batch, frames };
}

/**
 * Lowers the making of targets.
 *
 * @param source What the targets are made of.
 * @param options `batch`; number of `classes`; name of the `image` that a teacher reads, and its `size`; how many `frames` a
 * crop has at most; whether the images are `mixed`. Targets of an image's own are mixed as the images were; a teacher's answer
 * to the mixed images is the target as it is.
 * @param target Profile, and storage of a teacher.
 * @returns A program that ends in the tensor {@linkcode TARGETS}.
 * @throws {TypeError} If maps or teacher have other classes.
 */
export function lowerTargets(
  source: TargetSource,
  options: Purpose & { readonly mixed: boolean },
  target: Target,
): LoweredTargets {
  const { batch, classes } = options;
  const mixed = options.mixed && source.type !== "teacher";
  const output = mixed ? UNMIXED : TARGETS;
  const made = lowerSource(source, { ...options, output }, target);
  made.tensors.set(output, batch * channelVectors(classes) * 16);
  if (!mixed) return made;
  const mixing = lowerTargetMixing({ batch, classes, input: UNMIXED, output: TARGETS, profile: target.profile });
  return { ...joinPrograms([made, mixing]), inputs: made.inputs };
}

function lowerSource(
  source: TargetSource,
  options: Purpose & { readonly output: string },
  target: Target,
): LoweredTargets {
  const { batch: rows, classes, output } = options;
  const { profile } = target;
  switch (source.type) {
    case "given":
      return { tensors: new Map(), constants: new Map(), steps: [], inputs: [output] };
    case "label":
      return {
        tensors: new Map([[LABELS, rows * 4]]),
        constants: new Map(),
        steps: [{
          kernel: labelTargetKernel({ rows, classes, smoothing: source.smoothing, profile }),
          bindings: { labels: LABELS, targets: output },
        }],
        inputs: [LABELS],
      };
    case "pooled":
      return lowerPooled(source, options, target);
    case "teacher":
      return lowerTeacher(source, options, target);
  }
}

function checkClasses(what: string, found: number, classes: number): void {
  if (found === classes) return;
  throw new TypeError(`Cannot train ${classes} classes on targets of ${what}: it has ${found}`);
}

function lowerPooled(
  source: Extract<TargetSource, { type: "pooled" }>,
  { batch: rows, classes, frames, output }: Purpose & { readonly output: string },
  { profile }: Target,
): LoweredTargets {
  checkClasses("label maps", source.maps.classes, classes);
  const { labelShare: share, hasGivenLabels = false } = source;
  const pooled = share === undefined ? output : "pooled targets";
  const { inputs, ...pooling } = lowerLabelPooling(poolerSettings(source, { batch: rows, frames }), profile);
  const program = renameTensors(pooling, (name) => name === POOLING_TENSORS.target ? pooled : name);
  if (share === undefined) return { ...program, inputs };
  if (hasGivenLabels) {
    program.tensors.set(GIVEN, rows * channelVectors(classes) * 16);
    program.steps.push({
      kernel: givenTargetKernel({ rows, classes, share, profile }),
      bindings: { given: GIVEN, pooled, targets: output },
    });
    return { ...program, inputs: [...inputs, GIVEN] };
  }
  program.tensors.set(LABELS, rows * 4);
  program.steps.push({
    kernel: labelTargetKernel({ rows, classes, smoothing: 0, share, profile }),
    bindings: { labels: LABELS, pooled, targets: output },
  });
  return { ...program, inputs: [...inputs, LABELS] };
}

function lowerTeacher(
  { network, parameters, temperature, view }: Extract<TargetSource, { type: "teacher" }>,
  options: Purpose & { readonly output: string },
  target: Target,
): LoweredTargets {
  const { batch: rows, classes, output } = options;
  const { image, size } = view ? { image: teacherTensor(network.input), size: view.size } : options;
  checkClasses(`the teacher ${network.name}`, network.classifier.outputChannels, classes);
  const program = renameTensors(
    lowerClassifier({ network, parameters, batch: rows, size }, target),
    (name) => name === network.input ? image : teacherTensor(name),
  );
  program.steps.push({
    kernel: softmaxKernel({ rows, classes, temperature, ...target, output: "f32" }),
    bindings: { input: teacherTensor(network.pooled.output), output },
  });
  return { ...program, inputs: [] };
}
