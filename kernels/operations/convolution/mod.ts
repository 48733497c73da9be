/**
 * Convolution: y = activation(sum over taps and input channels of w x + bias + residual).
 *
 * | convolution | software profile | GPU profile |
 * | --- | --- | --- |
 * | dense, 1x1 (a matrix product) | register tiles: on subgroups `lane_tiles.ts`, else `software.ts` | shared tiles, `tiles.ts` |
 * | of few positions | as any dense one | input channels spread over a workgroup, `few_rows.ts` |
 * | grouped | register tiles over merged groups | strips, `channel_strips.ts` |
 * | depthwise | strips, `strips.ts` | strips |
 *
 * @module
 */

import type { Target } from "../shared/tensor.ts";
import { type Kernel, MOST_WORKGROUPS } from "../../engine/kernel.ts";
import { channelStripConvolution, channelStripRuns } from "./channel_strips.ts";
import type { ConvolutionWeights } from "./dispatch.ts";
import { fitsLaneTiles, laneConvolution, packLaneWeights } from "./lane_tiles.ts";
import { type ConvolutionShape, type Epilogue, isDepthwise, isPointwise } from "./shape.ts";
import { fewRowsConvolution, hasFewRows } from "./few_rows.ts";
import { packSoftwareWeights, softwareConvolution } from "./software.ts";
import { packStripWeights } from "./strip_weights.ts";
import { stripConvolution } from "./strips.ts";
import { packTileWeights, phasedTileConvolution, tileConvolution, type TilePhase } from "./tiles.ts";
import { rankTiles, slicesOf, tileName } from "./tile_shapes.ts";

export type { ConvolutionWeights } from "./dispatch.ts";

function variant(shape: ConvolutionShape, { profile }: Target): "strips" | "tiles" | "few rows" | "software" {
  if (isDepthwise(shape) || (shape.groups > 1 && profile === "gpu")) return "strips";
  if (profile === "software") return "software";
  return hasFewRows(shape) ? "few rows" : "tiles";
}

/** Whether {@linkcode convolutionKernels} adds a residual before it stores. */
export function fusesResidual(shape: ConvolutionShape, target: Target): boolean {
  return variant(shape, target) !== "strips";
}

/** Whether {@linkcode convolutionKernels} stores moments of runs of positions beside its output. */
export function storesMoments(shape: ConvolutionShape, target: Target): boolean {
  return variant(shape, target) === "tiles";
}

/** Whether {@linkcode convolutionKernels} multiplies what it reads by a gate. */
export function fusesGate(shape: ConvolutionShape, target: Target): boolean {
  return variant(shape, target) === "tiles" && isPointwise(shape);
}

/** One way to compute a convolution, of several that give the same bits from the same bindings. */
export interface ConvolutionCandidate {
  /** Differs from the other candidates' names. */
  readonly name: string;
  /** In order, as {@linkcode convolutionKernels} gives them. */
  readonly kernels: readonly Kernel[];
}

/**
 * The ways to compute a convolution, of which a run may take any, by what it measured or otherwise.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum.
 * @param target Profile and storage.
 * @returns At least one; the first is what {@linkcode convolutionKernels} chooses by the shape.
 */
export function convolutionCandidates(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): ConvolutionCandidate[] {
  return listCandidates(shape, epilogue, target).map(({ name, write }) => ({ name, kernels: write() }));
}

/** The candidates, whose texts are not written yet. */
function listCandidates(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): { readonly name: string; readonly write: () => Kernel[] }[] {
  switch (variant(shape, target)) {
    case "strips": {
      const convolution = target.profile === "gpu" ? channelStripConvolution : stripConvolution;
      return [{ name: "strips", write: () => [convolution(shape, epilogue, target)] }];
    }
    case "tiles":
      return rankTiles(shape).filter(({ slicing }) => slicing === "in turn" || !epilogue.moments).map((use) => ({
        name: `${tileName(use.tile)}, slices ${use.slicing}`,
        write: () => tileConvolution(shape, epilogue, target, use),
      }));
    case "few rows":
      return [{ name: "few rows", write: () => fewRowsConvolution(shape, epilogue, target) }];
    case "software": {
      const { subgroupLanes } = target;
      return subgroupLanes && fitsLaneTiles(shape)
        ? [{ name: "lanes", write: () => [laneConvolution(shape, epilogue, { ...target, subgroupLanes })] }]
        : [{ name: "registers", write: () => softwareConvolution(shape, epilogue, target) }];
    }
  }
}

/**
 * Runs of an image's positions whose sums {@linkcode convolutionKernels} stores beside its output.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @returns Runs of an image, in order; undefined where it stores none. They depend on the shape of an image alone.
 */
export function positionSumRuns(shape: ConvolutionShape, target: Target): number | undefined {
  if (!isDepthwise(shape) || target.profile !== "gpu") return undefined;
  const runs = channelStripRuns(shape);
  return runs <= MOST_WORKGROUPS ? runs : undefined;
}

/**
 * The kernels of a convolution.
 *
 * @param shape The convolution.
 * @param epilogue What goes with the sum; a residual only where {@linkcode fusesResidual} says so, a gate where
 * {@linkcode fusesGate} does, sums of positions where {@linkcode positionSumRuns} does, moments where
 * {@linkcode storesMoments} does.
 * @param target Profile and storage.
 * @returns Kernels in order. Their bindings: `input`, `weights`, `output`; `residual` and `gate` if the epilogue has them;
 * `positionSums` if it has some, f32 `[N, runs, 1, C]`, and `moments`, f32 `[runs, 2, C]`; the scratch `partial` where
 * sums are made in parts.
 */
export function convolutionKernels(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): readonly Kernel[] {
  if (epilogue.residualChannels !== undefined && !fusesResidual(shape, target)) {
    throw new TypeError(`Cannot add a residual in a convolution of ${shape.groups} groups`);
  }
  if (epilogue.moments && !storesMoments(shape, target)) {
    throw new TypeError(`Cannot store moments in a convolution of ${shape.groups} groups for ${target.profile}`);
  }
  if (epilogue.positionSums && positionSumRuns(shape, target) === undefined) {
    throw new TypeError(`Cannot sum positions in a convolution of ${shape.groups} groups for ${target.profile}`);
  }
  if (epilogue.gated && !fusesGate(shape, target)) {
    throw new TypeError(
      `Cannot multiply by a gate in a convolution of ${shape.kernel.join(" x ")} for ${target.profile}`,
    );
  }
  const [first, ...others] = listCandidates(shape, epilogue, target);
  const kernels = first.write();
  if (others.length === 0 || kernels.length > 1) return kernels;
  const written = () => others.map(({ write }) => write()).filter((kernels) => kernels.length === 1);
  return [{ ...kernels[0], alternatives: () => written().flat() }];
}

/** Phases that are one dispatch, at most: those of stride 2. */
const MOST_PHASES = 4;

/** Vectors of results of an invocation whose sums are made of slices, at most. */
const MOST_SLICED = 8;

/** Whether {@linkcode phasedConvolution} computes convolutions of these shapes in one dispatch. */
export function fitsPhases(shapes: readonly ConvolutionShape[], target: Target): boolean {
  return shapes.length > 1 && shapes.length <= MOST_PHASES &&
    shapes.every((shape) => variant(shape, target) === "tiles");
}

/**
 * The kernel of the phases of an input gradient.
 *
 * @param phases Phases of which {@linkcode fitsPhases} holds; their weights, as {@linkcode packWeights} gives them, lie in one
 * buffer.
 * @param target Profile and storage.
 * @returns A kernel with the bindings `input`, `weights` and `output`.
 */
export function phasedConvolution(phases: readonly TilePhase[], target: Target): Kernel {
  const shapes = phases.map(({ shape }) => shape);
  const sliced = shapes.some((shape) => slicesOf(shape).count > 1);
  // Of the large tiles two sums for each result, a slice's and all slices', spilled 61 registers on RDNA3.
  const tiles = rankTiles(...shapes).filter(({ tile }) => !sliced || tile.positions * tile.vectors <= MOST_SLICED);
  const [first, ...others] = tiles;
  return {
    ...phasedTileConvolution(phases, target, first.tile),
    alternatives: () => others.map(({ tile }) => phasedTileConvolution(phases, target, tile)),
  };
}

/**
 * Packs weights in the order that {@linkcode convolutionKernels} reads them.
 *
 * @param shape The convolution.
 * @param weights In PyTorch's order.
 * @param target Profile and storage.
 * @returns The content of the binding `weights`.
 */
export function packWeights(
  shape: ConvolutionShape,
  weights: ConvolutionWeights,
  target: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  switch (variant(shape, target)) {
    case "strips":
      return packStripWeights(shape, weights, target);
    case "tiles":
    case "few rows":
      return packTileWeights(shape, weights, target);
    case "software":
      return target.subgroupLanes && fitsLaneTiles(shape)
        ? packLaneWeights(shape, weights)
        : packSoftwareWeights(shape, weights);
  }
}
