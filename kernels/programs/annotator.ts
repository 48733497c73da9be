/**
 * The annotator: images in, packed label maps out. A classifier without its global pooling (Yun et al., "Re-labeling
 * ImageNet", 2021, section 3.1 and appendix B), and everything around it that is arithmetic:
 *
 *     pixels -> resize, normalise -> network -> dense head -> logits [N, H, W, C] -> top-k -> pack
 *                                            -> pooled head -> logits [N, 1, 1, C] -> softmax or sigmoid -> the best classes
 *
 * Where the logits of the image are the mean of those of the cells, the pooled head is that mean. Maps of several
 * networks, sizes and mirrored images may be averaged before the top-k (`averaged_maps.ts`).
 *
 * As in the paper the image is resized to the input size without cropping. Only packed maps are read back.
 *
 * @module
 */

import type { Device } from "../engine/device.ts";
import { createImageProgram, type ImageProgram, type StepOptions, targetOf } from "./image_program.ts";
import type { Storage } from "../engine/kernel.ts";
import type { ClassGroups } from "../operations/class_sums/kernels.ts";
import type { Network, Parameters } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";
import {
  packClassesKernel,
  type PackedScoreType,
  packedWords,
  packScoresKernel,
} from "../operations/quantise/kernels.ts";
import type { ResizeFilter, ResizeRule } from "../operations/resize/mod.ts";
import { activationKernel } from "../operations/activation/kernels.ts";
import { softmaxKernel } from "../operations/softmax/kernels.ts";
import { type Target, tensorBytes } from "../operations/shared/tensor.ts";
import { topKKernel } from "../operations/top_k/kernels.ts";
import type { Program } from "../engine/program.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { lowerMaps, type MapAveraging } from "./averaged_maps.ts";
import { classArray, SCORE_ARRAYS, topLength } from "../../formats/base/label_map.ts";

/** A network with the images that it sees. */
export interface AnnotatorMember {
  readonly network: Network;
  /** The network's, by timm's names. */
  readonly parameters: Parameters;
  /** Height and width of the network's input. */
  readonly size: Pair;
  /** Mean of red, green, blue as fractions of 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: ResizeFilter;
  /** Which of its classes are summed to each class of the map; without, they are the map's. */
  readonly classGroups?: ClassGroups;
}

/** What an annotator is made of: a network, and how its maps are kept. */
export interface AnnotatorSettings extends AnnotatorMember, MapAveraging {
  /** Others whose maps are averaged with this one's: of the same classes. */
  readonly others?: readonly AnnotatorMember[];
  /** Images of a step, at most. */
  readonly batch: number;
  /** Whose resize; default Pillow 13's. */
  readonly resizeRule?: ResizeRule;
  /** Classes kept of each cell. */
  readonly k: number;
  readonly dtype: PackedScoreType;
  /** Storage of activations; default f32. */
  readonly storage?: Storage;
}

/** The packed label map of one image. */
export interface PackedLabelMap {
  /** `[k, H, W]`, rank 0 is the highest; 32 bits from 65,536 classes on. */
  readonly class: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  /** Logits in the same order: f32, or the bit patterns of fp16. */
  readonly score: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
  /** The 5 best of the softmax or sigmoid of the image's logits, or all where there are fewer. */
  readonly topClass: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  readonly topProbability: Float32Array<ArrayBuffer>;
}

/** An annotator on a device. */
export interface Annotator extends Omit<ImageProgram<PackedLabelMap>, "run"> {
  /** Height and width of the label map. */
  readonly grid: Pair;
  /** The networks' own height and width, where the map's are fewer. */
  readonly pooledFrom?: Pair;
  readonly classes: number;
  /**
   * Annotates up to `batch` images, whose pixels are to stay until the promise is settled. `STEPS_IN_FLIGHT`
   * calls may be in flight; one more waits for the first.
   *
   * @throws {RangeError} If there are more images than `batch`.
   */
  annotate(images: readonly Pixels[], options?: StepOptions): Promise<PackedLabelMap[]>;
}

/** Tensors of an annotator's program beside the network's, and what is read back. */
const NAMES = {
  value: "top-k value",
  class: "top-k class",
  packedClass: "packed class",
  packedScore: "packed score",
  probability: "probabilities",
  bestValue: "best probability",
  bestClass: "best class",
} as const;
const OUTPUTS = [NAMES.packedClass, NAMES.packedScore, NAMES.bestClass, NAMES.bestValue];

/** An annotator's program, without a device: from the normalised batch to packed maps. */
export interface AnnotatorProgram extends Program {
  /** Names of the tensors that the images of the networks go to. */
  readonly inputs: readonly string[];
  readonly grid: Pair;
  readonly pooledFrom?: Pair;
  readonly classes: number;
}

/**
 * Lowers an annotator.
 *
 * @param settings Network and what to keep; without `parameters` the program can be looked at, not run.
 * @param target Profile and storage.
 * @returns The program.
 * @throws {RangeError} If k exceeds the classes, the size is too small for the network, or the grid larger than its maps.
 * @throws {TypeError} If the networks have different numbers of classes.
 */
export function lowerAnnotator(
  settings:
    & Pick<AnnotatorSettings, "network" | "classGroups" | "others" | "batch" | "size" | "k" | "dtype">
    & { parameters?: Parameters }
    & MapAveraging,
  target: Target,
): AnnotatorProgram {
  const { batch, k, dtype, others = [], scores = "softmax" } = settings;
  const maps = lowerMaps({ ...settings, members: [settings, ...others] }, target);
  const { program, inputs, cells: { name: logits, shape }, whole, storage, pooledFrom } = maps;
  const [, height, width, classes] = shape;
  const positions = height * width;
  const elements = k * positions;
  const best = topLength({ classes });
  const { tensors, steps } = program;
  tensors.set(NAMES.value, batch * elements * 4);
  tensors.set(NAMES.class, batch * elements * 4);
  tensors.set(NAMES.packedScore, batch * packedWords(elements, SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT) * 4);
  tensors.set(NAMES.packedClass, batch * packedWords(elements, classArray(classes).BYTES_PER_ELEMENT) * 4);
  tensors.set(NAMES.probability, tensorBytes([batch, 1, 1, classes], storage));
  tensors.set(NAMES.bestValue, batch * best * 4);
  tensors.set(NAMES.bestClass, batch * best * 4);
  const { profile } = target;
  steps.push(
    {
      kernel: topKKernel({ batch, positions, classes, k, profile, storage }),
      bindings: { logits, value: NAMES.value, classes: NAMES.class },
    },
    {
      kernel: packScoresKernel({ batch, elements, type: dtype, profile }),
      bindings: { elements: NAMES.value, packed: NAMES.packedScore },
    },
    {
      kernel: packClassesKernel({ batch, elements, classes, profile }),
      bindings: { elements: NAMES.class, packed: NAMES.packedClass },
    },
    {
      kernel: scores === "softmax"
        ? softmaxKernel({ rows: batch, classes, profile, storage })
        : activationKernel({ activation: "sigmoid", shape: [batch, 1, 1, classes], profile, storage }),
      bindings: { input: whole, output: NAMES.probability },
    },
    {
      kernel: topKKernel({ batch, positions: 1, classes, k: best, profile, storage }),
      bindings: { logits: NAMES.probability, value: NAMES.bestValue, classes: NAMES.bestClass },
    },
  );
  return { ...program, inputs, grid: [height, width], classes, ...(pooledFrom ? { pooledFrom } : {}) };
}

/**
 * Puts an annotator on a device.
 *
 * @param device The device to run on.
 * @param settings The annotator's network, sizes and storage.
 * @returns The annotator; close it when done.
 * @throws {RangeError} If the size does not fit the network, k the classes, the grid the maps, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, the networks have different numbers of classes, or f16 is asked for where
 * the adapter has none.
 */
export async function createAnnotator(device: Device, settings: AnnotatorSettings): Promise<Annotator> {
  const { batch, k, dtype, others = [], resizeRule, storage = "f32" } = settings;
  const target = targetOf(device, storage);
  const program = lowerAnnotator(settings, target);
  const { inputs: [input, ...more], grid, pooledFrom, classes } = program;
  const onDevice = await createImageProgram(device, program, target, {
    ...settings,
    input,
    otherImages: others.map((member, index) => ({ ...member, batch, resizeRule, input: more[index] })),
    outputs: OUTPUTS,
    unpack: (read, count) => unpack(read, count, { batch, elements: k * grid[0] * grid[1], classes, dtype }),
  });
  const { run: annotate, start, memory, close } = onDevice;
  return { grid, ...(pooledFrom ? { pooledFrom } : {}), classes, batch, annotate, start, memory, close };
}

function unpack(
  read: ArrayBuffer,
  count: number,
  { batch, elements, classes, dtype }: { batch: number; elements: number; classes: number; dtype: PackedScoreType },
): PackedLabelMap[] {
  const classWords = packedWords(elements, classArray(classes).BYTES_PER_ELEMENT);
  const scoreWords = packedWords(elements, SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT);
  const best = topLength({ classes });
  const scores = batch * classWords * 4;
  const bestClasses = scores + batch * scoreWords * 4;
  const bestValues = bestClasses + batch * best * 4;
  const Scores = SCORE_ARRAYS[dtype];
  const Classes = classArray(classes);
  return Array.from({ length: count }, (_, n) => ({
    class: new Classes(read, n * classWords * 4, elements).slice(),
    score: new Scores(read, scores + n * scoreWords * 4, elements).slice(),
    topClass: Classes.from(new Uint32Array(read, bestClasses + n * best * 4, best)),
    topProbability: new Float32Array(read, bestValues + n * best * 4, best).slice(),
  }));
}
