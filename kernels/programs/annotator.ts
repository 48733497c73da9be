/**
 * The annotator: images in, packed label maps out. A classifier without its global pooling (Yun et al., "Re-labeling
 * ImageNet", 2021, section 3.1 and appendix B), and everything around it that is arithmetic:
 *
 *     pixels -> resize, normalise -> network -> dense head -> logits [N, H, W, C] -> top-k -> pack
 *                                            -> pooled head -> logits [N, 1, 1, C] -> softmax -> the best classes
 *
 * Where the logits of the image are the mean of those of the cells, the pooled head is that mean.
 *
 * As in the paper the image is resized to the input size without cropping. Only packed maps are read back.
 *
 * @module
 */

import type { Device } from "../engine/device.ts";
import { createImageProgram, type ImageProgram, type StepOptions, targetOf } from "./image_program.ts";
import type { Storage } from "../engine/kernel.ts";
import { isMeanOfCells, type Network, type Parameters } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";
import { globalAveragePoolKernel } from "../operations/global_average_pool/kernels.ts";
import {
  packClassesKernel,
  type PackedScoreType,
  packedWords,
  packScoresKernel,
} from "../operations/quantise/kernels.ts";
import type { ResizeFilter } from "../operations/resize/mod.ts";
import { softmaxKernel } from "../operations/softmax/kernels.ts";
import { type Target, tensorBytes } from "../operations/shared/tensor.ts";
import { topKKernel } from "../operations/top_k/kernels.ts";
import { lowerBothHeads, lowerNetwork } from "../lowering/lower_network.ts";
import type { Program } from "../engine/program.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { classArray, SCORE_ARRAYS, topLength } from "../../formats/base/label_map.ts";

/** What an annotator is made of. */
export interface AnnotatorSettings {
  readonly network: Network;
  /** The network's, by timm's names. */
  readonly parameters: Parameters;
  /** Images of a step, at most. */
  readonly batch: number;
  /** Height and width of the network's input. */
  readonly size: Pair;
  /** Mean of red, green, blue as fractions of 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: ResizeFilter;
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
  /** The 5 best of the softmax of the image's logits, or all where there are fewer. */
  readonly topClass: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  readonly topProbability: Float32Array<ArrayBuffer>;
}

/** An annotator on a device. */
export interface Annotator extends Omit<ImageProgram<PackedLabelMap>, "run"> {
  /** Height and width of the label map. */
  readonly grid: Pair;
  readonly classes: number;
  /**
   * Annotates up to `batch` images, whose pixels are to stay until the promise is settled. Two calls may be in flight; a
   * third waits for the first.
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
  mean: "mean logits",
  probability: "probabilities",
  bestValue: "best probability",
  bestClass: "best class",
} as const;
const OUTPUTS = [NAMES.packedClass, NAMES.packedScore, NAMES.bestClass, NAMES.bestValue];

/** An annotator's program, without a device: from the normalised batch to packed maps. */
export interface AnnotatorProgram extends Program {
  readonly grid: Pair;
  readonly classes: number;
}

/**
 * Lowers an annotator.
 *
 * @param settings Network and what to keep; without `parameters` the program can be looked at, not run.
 * @param target Profile and storage.
 * @returns The program; its input is the network's.
 * @throws {RangeError} If k exceeds the classes, or the size is too small for the network.
 */
export function lowerAnnotator(
  settings: Pick<AnnotatorSettings, "network" | "batch" | "size" | "k" | "dtype"> & { parameters?: Parameters },
  target: Target,
): AnnotatorProgram {
  const { network, batch, size, k, dtype } = settings;
  const options = { batch, size, ...target };
  const program = isMeanOfCells(network)
    ? { pooled: undefined, ...lowerNetwork(network, settings.parameters, { head: "dense", ...options }) }
    : lowerBothHeads(network, settings.parameters, options);
  const logits = network.dense.output;
  const shape = program.shapes.get(logits)!;
  const [, height, width, classes] = shape;
  const positions = height * width;
  const elements = k * positions;
  const best = topLength({ classes });
  const { tensors, steps } = program;
  tensors.set(NAMES.value, batch * elements * 4);
  tensors.set(NAMES.class, batch * elements * 4);
  tensors.set(NAMES.packedScore, batch * packedWords(elements, SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT) * 4);
  tensors.set(NAMES.packedClass, batch * packedWords(elements, classArray(classes).BYTES_PER_ELEMENT) * 4);
  const mean = program.pooled ?? NAMES.mean;
  if (!program.pooled) tensors.set(NAMES.mean, tensorBytes([batch, 1, 1, classes], target.storage));
  tensors.set(NAMES.probability, tensorBytes([batch, 1, 1, classes], target.storage));
  tensors.set(NAMES.bestValue, batch * best * 4);
  tensors.set(NAMES.bestClass, batch * best * 4);
  const { profile } = target;
  steps.push(
    {
      kernel: topKKernel({ batch, positions, classes, k, ...target }),
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
    ...(program.pooled ? [] : [{
      kernel: globalAveragePoolKernel({ shape, ...target }),
      bindings: { input: logits, output: NAMES.mean },
    }]),
    {
      kernel: softmaxKernel({ rows: batch, classes, ...target }),
      bindings: { input: mean, output: NAMES.probability },
    },
    {
      kernel: topKKernel({ batch, positions: 1, classes, k: best, ...target }),
      bindings: { logits: NAMES.probability, value: NAMES.bestValue, classes: NAMES.bestClass },
    },
  );
  return { ...program, grid: [height, width], classes };
}

/**
 * Puts an annotator on a device.
 *
 * @param device The device to run on.
 * @param settings The annotator's network, sizes and storage.
 * @returns The annotator; close it when done.
 * @throws {RangeError} If the size does not fit the network, k the classes, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, or f16 is asked for where the adapter has none.
 */
export async function createAnnotator(device: Device, settings: AnnotatorSettings): Promise<Annotator> {
  const { network, batch, k, dtype, storage = "f32" } = settings;
  const target = targetOf(device, storage);
  const program = lowerAnnotator(settings, target);
  const { grid, classes } = program;
  const onDevice = await createImageProgram(device, program, target, {
    ...settings,
    input: network.input,
    outputs: OUTPUTS,
    unpack: (read, count) => unpack(read, count, { batch, elements: k * grid[0] * grid[1], classes, dtype }),
  });
  const { run: annotate, start, memory, close } = onDevice;
  return { grid, classes, batch, annotate, start, memory, close };
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
