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

/** Rows of both matrices that a turn brings into workgroup memory. */
function turnsOf({ kernel, inputChannels }: ConvolutionShape): number {
  return Math.ceil(kernel[0] * kernel[1] * channelVectors(inputChannels) / DEPTH_VECTORS);
}

/** A sum in parts, each of so many turns, the last perhaps of fewer. */
export interface Slices {
  readonly count: number;
  readonly turns: number;
}

/** Workgroups that the smallest tiles of one image ought to give. */
const WANTED = 512;
/** Turns of a slice at least, and slices at most. */
const LEAST_TURNS = 8;
const MOST_SLICES = 16;

/**
 * The slices that a convolution's sums are made of, which are added in order. An image of few positions and channels has too
 * few tiles to keep a large GPU busy. That one image decides, and no batch, since the order of a sum decides its bits.
 *
 * @param shape The convolution, of one group.
 * @returns One slice where there are enough tiles, else an even number.
 */
export function slicesOf(shape: ConvolutionShape): Slices {
  const turns = turnsOf(shape);
  const tiles = Math.ceil(shape.output[0] * shape.output[1] / 32) * Math.ceil(shape.outputChannels / 32);
  const wanted = Math.min(WANTED / tiles, turns / LEAST_TURNS, MOST_SLICES);
  const count = wanted < 2 ? 1 : 2 ** Math.floor(Math.log2(wanted));
  const each = Math.ceil(turns / count);
  return Math.ceil(turns / each) === count ? { count, turns: each } : { count: 1, turns };
}

/** How the slices of a sum are computed: one after the other by one invocation, or by workgroups of their own. */
export type Slicing = "in turn" | "apart";

/** A tile, and how it is used. */
export interface TileUse {
  readonly tile: Tile;
  readonly slicing: Slicing;
}

/** Multiprocessors of a large GPU, and invocations of each that compute at a time. */
const MULTIPROCESSORS = 132;
const LANES = 128;
/** Bytes that its memory moves in a cycle, and cycles that one more dispatch takes. */
const BYTES = 2700;
const DISPATCH = 7000;

/**
 * The cycles that convolutions of one dispatch take at least on a large GPU: those of its fullest multiprocessor, which a few
 * small workgroups do not keep busy, and of a second pass over the slices' sums.
 */
function leastCycles({ tile, slicing }: TileUse, shapes: readonly ConvolutionShape[]): number {
  const work = shapes.map((shape) => {
    const slices = slicesOf(shape);
    const apart = slicing === "apart" ? slices.count : 1;
    const workgroups = apart * Math.ceil(outputPositions(shape) / tilePositions(tile)) *
      Math.ceil(channelVectors(shape.outputChannels) / tileVectors(tile));
    const results = outputPositions(shape) * channelVectors(shape.outputChannels);
    return {
      workgroups,
      turns: workgroups * (apart > 1 ? slices.turns : turnsOf(shape)),
      secondPass: apart > 1 ? DISPATCH + 2 * apart * results * 16 / BYTES : 0,
    };
  });
  const sum = (of: (one: typeof work[number]) => number) => work.reduce((total, one) => total + of(one), 0);
  const workgroups = sum((one) => one.workgroups);
  const each = Math.ceil(workgroups / MULTIPROCESSORS);
  const pointwise = shapes.length === 1 && isPointwise(shapes[0]);
  const busy = Math.min(1, each * invocations(tile) / LANES) * tile.share[pointwise ? "pointwise" : "taps"];
  const products = tilePositions(tile) * tileVectors(tile) * 4 * (sum((one) => one.turns) / workgroups) *
    DEPTH_VECTORS * 4;
  return each * products / (busy * LANES) + sum((one) => one.secondPass);
}

/**
 * The tiles of a convolution, or of several in one dispatch, the one that ought to be fastest on a large GPU first.
 *
 * @param shapes The convolutions, each of one group.
 * @returns All of {@linkcode TILES}, with slices in turn, and, where one convolution has several, apart.
 */
export function rankTiles(...shapes: readonly ConvolutionShape[]): TileUse[] {
  const apart = shapes.length === 1 && slicesOf(shapes[0]).count > 1;
  const slicings: readonly Slicing[] = apart ? ["in turn", "apart"] : ["in turn"];
  return TILES.flatMap((tile) => slicings.map((slicing) => ({ tile, slicing })))
    .toSorted((a, b) => leastCycles(a, shapes) - leastCycles(b, shapes));
}
