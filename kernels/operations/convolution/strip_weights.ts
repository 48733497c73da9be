/**
 * The weights of depthwise convolution in both profiles, and of grouped convolution on a GPU: `[row][output vector]`, the bias
 * as the last row.
 *
 * @module
 */

import { channelVectors, type Target } from "../shared/tensor.ts";
import type { ConvolutionWeights } from "./dispatch.ts";
import { type ConvolutionShape, isDepthwise, mergeGroups } from "./shape.ts";

/** Taps that are unrolled at most. */
const MOST_UNROLLED = 49;
/** Taps of a chunk at most. */
const MOST_OF_CHUNK = 8;

/** How the rows of a depthwise kernel are cut, where it is too large to be unrolled: chunks of a row, and taps of a chunk. */
export function chunksOf(shape: ConvolutionShape): { chunks: number; taps: number } | undefined {
  const [kernelY, kernelX] = shape.kernel;
  if (!isDepthwise(shape) || kernelY * kernelX <= MOST_UNROLLED) return undefined;
  const chunks = Math.ceil(kernelX / MOST_OF_CHUNK);
  return { chunks, taps: Math.ceil(kernelX / chunks) };
}

/** 4-vectors of a merged group's inputs and outputs, and rows of weights of an output vector. */
export function channelGroups(shape: ConvolutionShape) {
  if (isDepthwise(shape)) {
    const [kernelY, kernelX] = shape.kernel;
    const cut = chunksOf(shape);
    return { inputVectors: 1, outputVectors: 1, rows: kernelY * (cut ? cut.chunks * cut.taps : kernelX) };
  }
  const merged = mergeGroups(shape, 4);
  const inputVectors = channelVectors(merged.inputChannels);
  return {
    inputVectors,
    outputVectors: channelVectors(merged.outputChannels),
    rows: shape.kernel[0] * shape.kernel[1] * inputVectors * 4,
  };
}

/**
 * Packs weights for strips: as f32, or as f16 for a GPU with f16 storage.
 *
 * @returns The packed weights.
 */
export function packStripWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
  target: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const taps = shape.kernel[0] * shape.kernel[1];
  const lanes = channelVectors(shape.outputChannels) * 4;
  const { rows, inputVectors, outputVectors } = channelGroups(shape);
  const length = lanes * (rows + 1);
  const half = target.storage === "f16" && target.profile === "gpu";
  const packed = half ? new Float16Array(length) : new Float32Array(length);
  const place = (row: number, channel: number) => row * lanes + channel;
  const inputs = shape.inputChannels / shape.groups;
  const outputs = shape.outputChannels / shape.groups;
  for (let channel = 0; channel < shape.outputChannels; channel++) {
    if (bias) packed[place(rows, channel)] = bias[channel];
    // The row of the group's first input within its merged group.
    const mergedOutputs = isDepthwise(shape) ? 1 : outputVectors * 4;
    const firstInput = Math.floor(channel / outputs) * inputs -
      Math.floor(channel / mergedOutputs) * (isDepthwise(shape) ? 1 : inputVectors * 4);
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++) {
        const row = isDepthwise(shape)
          ? Math.floor(tap / shape.kernel[1]) * rows / shape.kernel[0] + tap % shape.kernel[1]
          : tap * inputVectors * 4 + firstInput + i;
        packed[place(row, channel)] = weight[(channel * inputs + i) * taps + tap];
      }
    }
  }
  return packed;
}
