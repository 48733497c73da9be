/**
 * The gradient of a convolution's input, made of convolutions of the output gradient g.
 *
 * Along one axis, input element u meets tap t of output y where u = y stride - before + t. With u + before = q stride + r,
 * 0 <= r < stride, those are the taps t = r + j stride, and y = q - j. So inputs with the same r, a phase, are stride apart,
 * and each is a sum of g over the same taps at neighbouring places: a convolution of stride 1, with weights whose taps are
 * reversed and whose input and output channels are exchanged. Over both axes there are stride^2 phases, which together
 * multiply what the convolution itself multiplies, and no zeros; each stores its outputs where they belong. Stride 1 has one
 * phase. The GPU profile has the phases of stride 2 in one dispatch where it computes them in tiles. A phase without taps is
 * zero: where there is one in a dispatch of its own, all is set to zero first.
 *
 * @module
 */

import { changeKernel, type Kernel } from "../../engine/kernel.ts";
import type { Pair } from "../shared/window.ts";
import type { Target } from "../shared/tensor.ts";
import { zerosKernel } from "../shared/zeros.ts";
import { shiftWeights } from "./dispatch.ts";
import { convolutionKernels, fitsPhases, fusesResidual, packWeights, phasedConvolution } from "./mod.ts";
import type { ConvolutionShape, Spread } from "./shape.ts";

/** Packed weights of a phase begin at a multiple of 256 bytes in either storage. */
const ALIGNED = 128;

interface AxisPhase {
  /** The convolution's tap for each tap of the phase. */
  readonly taps: readonly number[];
  readonly before: number;
  readonly first: number;
  readonly count: number;
}

function axisPhases({ kernel, stride, before, input }: ConvolutionShape, axis: 0 | 1): AxisPhase[] {
  const step = stride[axis];
  return Array.from({ length: Math.min(step, input[axis]) }, (_, first) => {
    const r = (first + before[axis]) % step;
    const q = Math.floor((first + before[axis]) / step);
    const length = Math.max(0, Math.ceil((kernel[axis] - r) / step));
    return {
      taps: Array.from({ length }, (_, index) => r + (length - 1 - index) * step),
      before: length - 1 - q,
      first,
      count: Math.ceil((input[axis] - first) / step),
    };
  });
}

interface Phase {
  readonly shape: ConvolutionShape;
  readonly taps: readonly [readonly number[], readonly number[]];
  /** Where there is more than one phase. */
  readonly spread?: Spread;
}

function phases(shape: ConvolutionShape): Phase[] {
  return axisPhases(shape, 0).flatMap((y) =>
    axisPhases(shape, 1).map((x) => {
      const pair = (of: (phase: AxisPhase) => number): Pair => [of(y), of(x)];
      return {
        shape: {
          batch: shape.batch,
          input: shape.output,
          inputChannels: shape.outputChannels,
          output: pair(({ count }) => count),
          outputChannels: shape.inputChannels,
          before: pair(({ before }) => before),
          kernel: pair(({ taps }) => taps.length),
          stride: [1, 1],
          groups: shape.groups,
        },
        taps: [y.taps, x.taps],
        ...(shape.stride[0] * shape.stride[1] === 1
          ? {}
          : { spread: { first: pair(({ first }) => first), step: shape.stride, size: shape.input } }),
      };
    })
  );
}

function hasTaps({ shape }: Phase): boolean {
  return shape.kernel[0] * shape.kernel[1] > 0;
}

/** A phase's weights in PyTorch's order: channels exchanged within each group, its taps in its order. */
function phaseWeights(given: ConvolutionShape, { taps }: Phase, weight: Float32Array): Float32Array {
  const inputs = given.inputChannels / given.groups;
  const outputs = given.outputChannels / given.groups;
  const [kernelY, kernelX] = given.kernel;
  const result = new Float32Array(given.inputChannels * outputs * taps[0].length * taps[1].length);
  let index = 0;
  for (let channel = 0; channel < given.inputChannels; channel++) {
    const firstOutput = Math.floor(channel / inputs) * outputs;
    for (let o = 0; o < outputs; o++) {
      const from = ((firstOutput + o) * inputs + channel % inputs) * kernelY * kernelX;
      for (const dy of taps[0]) for (const dx of taps[1]) result[index++] = weight[from + dy * kernelX + dx];
    }
  }
  return result;
}

/** Whether all phases are one dispatch. */
function isTogether(all: readonly Phase[], target: Target): boolean {
  return fitsPhases(all.map(({ shape }) => shape), target);
}

/** The phases that kernels compute, and so have weights. */
function computedPhases(shape: ConvolutionShape, target: Target): Phase[] {
  const all = phases(shape);
  return isTogether(all, target) ? all : all.filter(hasTaps);
}

function packPhases(shape: ConvolutionShape, weight: Float32Array, target: Target) {
  return computedPhases(shape, target).map((phase) =>
    packWeights(phase.shape, { weight: phaseWeights(shape, phase, weight) }, target)
  );
}

function alignedLength({ length }: { length: number }): number {
  return Math.ceil(length / ALIGNED) * ALIGNED;
}

/**
 * Packs weights in the order that {@linkcode convolutionInputGradientKernels} reads them.
 *
 * @param shape The convolution.
 * @param weight In PyTorch's order.
 * @param target Profile and storage.
 * @returns The content of the binding `weights`.
 */
export function packInputGradientWeights(
  shape: ConvolutionShape,
  weight: Float32Array,
  target: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const packed = packPhases(shape, weight, target);
  const length = packed.reduce((sum, phase) => sum + alignedLength(phase), 0);
  const half = packed[0] instanceof Float16Array;
  const whole = half ? new Float16Array(length) : new Float32Array(length);
  let offset = 0;
  for (const phase of packed) {
    whole.set(phase, offset);
    offset += alignedLength(phase);
  }
  return whole;
}

/** Whether {@linkcode convolutionInputGradientKernels} can add to what other readers of the input gave. */
export function addsToInputGradient(shape: ConvolutionShape, target: Target): boolean {
  const [{ spread, ...phase }, ...others] = phases(shape);
  return others.length === 0 && spread === undefined && hasTaps(phase) && fusesResidual(phase.shape, target);
}

/**
 * The gradient of a convolution's input.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @param options `residual`, whether a tensor of the input's shape is added, where {@linkcode addsToInputGradient} says so.
 * @returns Kernels in order, as those of `convolutionKernels`, with the bindings `outputGradient`, `weights` (see
 * {@linkcode packInputGradientWeights}), `inputGradient`, `residual` if it is added; the scratch `partial` where weights
 * exceed a window.
 */
export function convolutionInputGradientKernels(
  shape: ConvolutionShape,
  target: Target,
  { residual = false } = {},
): Kernel[] {
  const all = phases(shape);
  // Packing nothing but zeros tells where each phase's weights begin.
  const zeros = new Float32Array(
    shape.outputChannels * shape.inputChannels / shape.groups * shape.kernel[0] * shape.kernel[1],
  );
  const packed = packPhases(shape, zeros, target);
  if (isTogether(all, target)) {
    let firstWeight = 0;
    const placed = all.map(({ shape, spread }, index) => {
      const phase = { shape, spread: spread!, firstWeight };
      firstWeight += alignedLength(packed[index]) / 4;
      return phase;
    });
    const kernel = phasedConvolution(placed, target);
    return [changeKernel(kernel, renamed)];
  }
  let offset = 0;
  const convolutions = all.filter(hasTaps).flatMap((phase, index) => {
    const epilogue = { spread: phase.spread, ...(residual ? { residualChannels: shape.inputChannels } : {}) };
    const begin = offset;
    const kernels = convolutionKernels(phase.shape, epilogue, target)
      .map((kernel) => changeKernel(kernel, (one) => shiftWeights(renamed(one), begin)));
    offset += alignedLength(packed[index]) * packed[index].BYTES_PER_ELEMENT;
    return kernels;
  });
  if (all.every(hasTaps)) return convolutions;
  // The phases with taps store over their own.
  const { batch, input, inputChannels } = shape;
  return [
    zerosKernel({ shape: [batch, ...input, inputChannels], tensor: "inputGradient", ...target }),
    ...convolutions,
  ];
}

/** A convolution's kernel, under the names that its tensors have here. */
function renamed(kernel: Kernel): Kernel {
  const names: Record<string, string> = { input: "outputGradient", output: "inputGradient" };
  return {
    ...kernel,
    name: `input gradient, ${kernel.name}`,
    bindings: kernel.bindings.map((binding) => ({ ...binding, name: names[binding.name] ?? binding.name })),
  };
}
