/**
 * What the two texts of dense and grouped convolution in the software profile share: tiles of output channels, where their
 * weights go, and the order of a sum, which is the same in both so that their results have the same bits.
 *
 * A sum goes over steps: (tap, 4 input channels). A step's 4 products are added up and then added to the sum. Where a row of
 * the filter has 3 taps, their 12 products are added up first ({@linkcode addsRows}). A sum of more steps than a uniform
 * window holds is made of those of runs ({@linkcode runLengths}), and that of a pointwise convolution of few positions of
 * those of parts ({@linkcode PART_STEPS}).
 *
 * @module
 */

import { TEXTURE_WIDTH, WINDOW_BYTES } from "../../engine/kernel.ts";
import { channelVectors, type Target, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";
import { activated } from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isPointwise, type MergedGroups, mergeGroups } from "./shape.ts";
import { stripLength } from "./software_strips.ts";

/** Positions of an image up to which a pointwise convolution has few. */
const FEW_POSITIONS = 8;

/** Bytes of a step's weights, and as many of biases, for the 16 output channels of a tile that is read from a window. */
const BLOCK_BYTES = 4 * 16 * 4;

/** Steps whose weights a window holds, with the biases behind them. */
export const MOST_OF_RUN = WINDOW_BYTES / BLOCK_BYTES - 1;

/**
 * Steps of a part of the sum of a pointwise convolution of few positions, such as a classifier, whose rounding no mean
 * evens out. The rest has one sum: parts cost registers.
 */
export const PART_STEPS = 16;

/** How the output channels of a convolution are cut into tiles. */
export interface Tiles {
  readonly merged: MergedGroups;
  readonly tilesPerGroup: number;
  readonly tiles: number;
  /** 4-vectors of the input channels of a merged group. */
  readonly vectors: number;
  /** Steps of a sum. */
  readonly steps: number;
}

/**
 * Cuts a convolution into tiles.
 *
 * @param shape The convolution.
 * @param tile Output channels of a tile.
 * @returns The tiles, which may end in channels that are not there.
 */
export function tilesOf(shape: ConvolutionShape, tile: number): Tiles {
  const merged = mergeGroups(shape, tile);
  const tilesPerGroup = Math.ceil(merged.outputChannels / tile);
  const vectors = channelVectors(merged.inputChannels);
  return {
    merged,
    tilesPerGroup,
    tiles: merged.count * tilesPerGroup,
    vectors,
    steps: shape.kernel[0] * shape.kernel[1] * vectors,
  };
}

/**
 * Goes over the weights and biases of a convolution.
 *
 * @param shape The convolution.
 * @param tile Output channels of a tile.
 * @param place `weight` takes the tile, the step, the lane of the step's input vector, the column of the tile, and an index
 * into PyTorch's weights; `bias` the tile, the column, and an output channel.
 */
export function placeWeights(
  shape: ConvolutionShape,
  tile: number,
  place: {
    weight(tile: number, step: number, lane: number, column: number, index: number): void;
    bias(tile: number, column: number, channel: number): void;
  },
): void {
  const { merged, tilesPerGroup, vectors } = tilesOf(shape, tile);
  const taps = shape.kernel[0] * shape.kernel[1];
  const inputs = shape.inputChannels / shape.groups;
  const outputs = shape.outputChannels / shape.groups;
  for (let channel = 0; channel < shape.outputChannels; channel++) {
    const group = Math.floor(channel / merged.outputChannels);
    const inGroup = channel - group * merged.outputChannels;
    const own = group * tilesPerGroup + Math.floor(inGroup / tile);
    const column = inGroup % tile;
    const firstInput = Math.floor(channel / outputs) * inputs - group * merged.inputChannels;
    for (let i = 0; i < inputs; i++) {
      const row = firstInput + i;
      for (let tap = 0; tap < taps; tap++) {
        place.weight(own, tap * vectors + (row >> 2), row & 3, column, (channel * inputs + i) * taps + tap);
      }
    }
    place.bias(own, column, channel);
  }
}

/**
 * How long the runs of a sum are that has more steps than {@linkcode MOST_OF_RUN}: about as long as each other, since the
 * rounding of a sum grows with its length.
 *
 * @returns Taps of a run that has several, or 4-vectors of a part of a tap.
 */
export function runLengths({ vectors, steps }: Pick<Tiles, "vectors" | "steps">): { taps: number; vectors: number } {
  const even = (length: number, most: number) => Math.ceil(length / Math.ceil(length / most));
  return vectors <= MOST_OF_RUN
    ? { taps: even(steps / vectors, Math.floor(MOST_OF_RUN / vectors)), vectors }
    : { taps: 1, vectors: even(vectors, MOST_OF_RUN) };
}

function hasFewPositions({ output }: ConvolutionShape): boolean {
  return output[0] * output[1] <= FEW_POSITIONS;
}

/** Whether a sum is made of those of parts. It depends on the image, not on how many there are. */
export function addsParts(shape: ConvolutionShape): boolean {
  return isPointwise(shape) && hasFewPositions(shape);
}

/** Whether the products of the taps of a row are added up before they are added to the sum. */
export function addsRows(shape: ConvolutionShape, steps: number): boolean {
  return steps <= MOST_OF_RUN && !hasFewPositions(shape) && stripLength(shape) !== undefined;
}

/** What of a kernel's variant its stores depend on. */
export interface StoreVariant {
  readonly residual: boolean;
  readonly spread: boolean;
  readonly activation: Epilogue["activation"];
  readonly storage: Target["storage"];
}

/**
 * WGSL that stores the sums of a position, `sum<p>_<column>`.
 *
 * @param p Number of the position among those of an invocation.
 * @param columns Numbers of the tile's 4-vectors of channels.
 * @param options `position`: WGSL of the position's number; `inside`: of whether it is one of the output; `bias`: of the
 * 4-vector of biases of a column.
 * @param variant What follows the sum.
 * @returns Statements, which read `vector`, the tile's first among the output's, and `end`, which follows its group's last.
 */
export function storeSums(
  p: number,
  columns: readonly number[],
  { position, inside, bias }: { position: string; inside: string; bias: (column: number) => string },
  { residual, spread, activation, storage }: StoreVariant,
): string {
  const stores = columns.map((column) => {
    const value = `value${p}_${column}`;
    const added = `residual${p}_${column}`;
    const index = `(${position}) * parameters.residualVectors + vector + ${column + TEXTURE_WIDTH}u`;
    const place = `let ${added} = select(0u, ${index}, vector + ${column}u < parameters.residualVectors);`;
    const sum = `sum${p}_${column} + ${bias(column)}${residual ? ` + ${readTexel("residual", added)}` : ""}`;
    const result = activated(activation, value, `vector + ${column}u`);
    return wgsl`
      if (vector + ${column}u < end) {
        ${residual && place}
        let ${value} = ${sum};
        output[${spread ? "placed" : "at"} + ${column}u] = ${vectorType(storage)}(${result});
      }
    `;
  });
  return wgsl`
    if (${inside}) {
      let at = (${position}) * parameters.outputVectors + vector;
      ${spread && `let placed = spread(${position}) * parameters.outputVectors + vector;`}
      ${stores}
    }
  `;
}

/** WGSL that finds the tile `tile`: `group`, and of the output's 4-vectors `vector` and `end`. */
export function locateTile(columns: number): string {
  return wgsl`
    let group = tile / parameters.tilesPerGroup;
    let inGroup = (tile - group * parameters.tilesPerGroup) * ${columns}u;
    let vector = group * parameters.groupOutputVectors + inGroup;
    let end = min(group * parameters.groupOutputVectors + parameters.groupOutputVectors, parameters.outputVectors);
    let groupVector = group * parameters.groupVectors;
  `;
}

/** The uniform members that {@linkcode locateTile} and {@linkcode storeSums} read, beside those of a spread. */
export function tileParameters(
  shape: ConvolutionShape,
  { residualChannels }: Epilogue,
  { merged, vectors, tilesPerGroup }: Tiles,
): Record<string, number> {
  return {
    outputChannels: shape.outputChannels,
    outputVectors: channelVectors(shape.outputChannels),
    groupVectors: vectors,
    groupOutputVectors: channelVectors(merged.outputChannels),
    tilesPerGroup,
    ...(residualChannels === undefined ? {} : { residualVectors: channelVectors(residualChannels) }),
  };
}
