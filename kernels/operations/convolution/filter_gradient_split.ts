/**
 * How a filter gradient is cut up. It is a sum over all positions of a batch, whose results are few: one pass would leave
 * most of a device idle. So the positions are split into runs, each of which gives a partial gradient of its own, and a
 * second pass adds those up in order.
 *
 * A partial gradient is `[group][4 output channels][input channel][tap]` as 4-vectors of f32, of merged groups (see
 * {@linkcode mergeGroups}) whose channels are padded to a multiple of 4: PyTorch's order but for the vectors.
 * Depthwise convolution counts as one group with one input channel.
 *
 * @module
 */

import { channelVectors } from "../shared/tensor.ts";
import { type ConvolutionShape, isDepthwise, isPointwise, type MergedGroups, mergeGroups } from "./shape.ts";

/** The partial gradient of a convolution. */
export interface PartialGradient {
  /** How groups are merged; a depthwise convolution is one group with one input channel. */
  readonly merged: MergedGroups;
  readonly taps: number;
  /** A merged group's input channels, padded. */
  readonly rows: number;
  /** 4-vectors of a merged group's output channels. */
  readonly outputVectors: number;
  /** 4-vectors in all. */
  readonly vectors: number;
}

/** The partial gradient's numbers. */
export function partialGradient(shape: ConvolutionShape): PartialGradient {
  const taps = shape.kernel[0] * shape.kernel[1];
  const depthwise = isDepthwise(shape);
  const merged = depthwise
    ? { count: 1, inputChannels: 1, outputChannels: shape.outputChannels }
    : mergeGroups(shape, 4);
  const outputVectors = channelVectors(merged.outputChannels);
  const rows = depthwise ? 1 : channelVectors(merged.inputChannels) * 4;
  return { merged, taps, rows, outputVectors, vectors: merged.count * taps * rows * outputVectors };
}

/**
 * Where the sum over positions can be cut, the same for every variant of a shape: a pointwise convolution is one of a
 * single long row.
 *
 * @param shape The convolution.
 * @returns The convolution itself, or the long row.
 */
export function asRows(shape: ConvolutionShape): ConvolutionShape {
  if (!isPointwise(shape)) return shape;
  const positions = shape.batch * shape.output[0] * shape.output[1];
  return { ...shape, batch: 1, input: [1, positions], output: [1, positions] };
}

/** Runs at most: what their partial gradients take in memory, and adding them up in time, is bounded. */
const MOST_RUNS = 256;

/**
 * Splits work into equal runs, at most 256.
 *
 * @param units What can be split.
 * @param tiles Invocations or workgroups that one run gives.
 * @param wanted How many are wanted, to keep a device busy.
 * @param least Units of a run at least: a shorter one costs more to add up than it saves.
 * @returns The number of runs, none of them empty, and the units of each but the last, which may be shorter.
 */
export function splitRuns(units: number, tiles: number, wanted: number, least: number): { runs: number; each: number } {
  const most = Math.min(MOST_RUNS, Math.max(1, Math.floor(units / least)));
  const each = Math.ceil(units / Math.min(most, Math.ceil(wanted / tiles)));
  return { runs: Math.ceil(units / each), each };
}
