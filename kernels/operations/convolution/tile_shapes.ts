/**
 * The tiles that a dense convolution can be cut into on a GPU. Each fits WebGPU's default limits of workgroups: 256 invocations
 * and 16 KiB.
 *
 * A tile adds up every sum in the same order, so that the choice among them changes no bit of the result: it weighs padding,
 * idle multiprocessors and what reading a tile costs against each other.
 *
 * @module
 */

import { channelVectors } from "../shared/tensor.ts";
import { type ConvolutionShape, isPointwise, outputPositions } from "./shape.ts";

/** Rows of both matrices in workgroup memory, as 4-vectors of input channels. */
export const DEPTH_VECTORS = 4;

/** What a workgroup computes. */
export interface Tile {
  /** Invocations along the output channels, and along the positions. */
  readonly across: number;
  readonly down: number;
  /** Positions, and 4-vectors of output channels, of an invocation. */
  readonly positions: number;
  readonly vectors: number;
  /**
   * Share of multiply-adds among the instructions of a turn in NVIDIA's machine code for sm_90, of a pointwise convolution and
   * of one with several taps; see docs/gpu_kernels.md.
   */
  readonly share: { readonly pointwise: number; readonly taps: number };
}

/** The tiles, from large to small. */
export const TILES: readonly Tile[] = [
  { across: 16, down: 16, positions: 8, vectors: 2, share: { pointwise: 0.87, taps: 0.85 } },
  { across: 8, down: 8, positions: 8, vectors: 2, share: { pointwise: 0.85, taps: 0.84 } },
  { across: 16, down: 16, positions: 4, vectors: 1, share: { pointwise: 0.79, taps: 0.7 } },
  { across: 8, down: 8, positions: 8, vectors: 1, share: { pointwise: 0.81, taps: 0.75 } },
  { across: 8, down: 8, positions: 4, vectors: 1, share: { pointwise: 0.74, taps: 0.65 } },
];

/** Invocations of a workgroup. */
export function invocations({ across, down }: Tile): number {
  return across * down;
}

/** Positions of a workgroup. */
export function tilePositions({ down, positions }: Tile): number {
  return down * positions;
}

/** 4-vectors of output channels of a workgroup. */
export function tileVectors({ across, vectors }: Tile): number {
  return across * vectors;
}

/** `128x64 by 256`: positions, channels, invocations. */
export function tileName(tile: Tile): string {
  return `${tilePositions(tile)}x${tileVectors(tile) * 4} by ${invocations(tile)}`;
}

/** Multiprocessors of a large GPU, and invocations of each that compute at a time. */
const MULTIPROCESSORS = 128;
const LANES = 128;

/**
 * The time that a convolution takes at least on a large GPU: that of its fullest multiprocessor, which a few small workgroups
 * do not keep busy.
 */
function leastTime(tile: Tile, shape: ConvolutionShape): number {
  const [positions, vectors] = [tilePositions(tile), tileVectors(tile)];
  const workgroups = Math.ceil(outputPositions(shape) / positions) *
    Math.ceil(channelVectors(shape.outputChannels) / vectors);
  const each = Math.ceil(workgroups / MULTIPROCESSORS);
  const busy = Math.min(1, each * invocations(tile) / LANES);
  return each * positions * vectors / (busy * tile.share[isPointwise(shape) ? "pointwise" : "taps"]);
}

/**
 * The tiles of a convolution, the one that ought to be fastest on a large GPU first.
 *
 * @param shape The convolution, of one group.
 * @returns All of {@linkcode TILES}.
 */
export function rankTiles(shape: ConvolutionShape): Tile[] {
  return TILES.toSorted((a, b) => leastTime(a, shape) - leastTime(b, shape));
}
