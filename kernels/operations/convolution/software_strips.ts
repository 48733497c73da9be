/**
 * Windows of 3 taps a row in the software profile: an invocation's positions are a strip of one output row, so that it reads
 * each input of a strip once for all 3 taps that touch it: 10 reads where tap by tap takes 24. On Mesa's software Vulkan the
 * 3x3 layers of ResNets, 7 to 56 pixels wide, take 10 % less processor time than tap by tap, and the text 1.7 s to compile
 * instead of 0.9 s.
 *
 * @module
 */

import { TEXTURE_WIDTH } from "../../engine/kernel.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import type { ConvolutionShape } from "./shape.ts";

/** Lengths that divide the widths of feature maps: powers of 2, and 7, 14, 28. */
const LENGTHS = [8, 7];
/** How much longer the strips of a row may be than the row: what the shared reads save. */
const MOST_PADDING = 1.1;
/** Taps of a row. */
const TAPS = 3;

/**
 * The strips that suit a convolution.
 *
 * @param shape The convolution.
 * @returns Positions of a strip; none where strips would not pay.
 */
export function stripLength({ kernel, stride, output }: ConvolutionShape): number | undefined {
  if (kernel[1] !== TAPS || stride[1] !== 1) return undefined;
  const padded = (length: number) => Math.ceil(output[1] / length) * length;
  const best = LENGTHS.reduce((best, length) => padded(length) < padded(best) ? length : best);
  return padded(best) <= output[1] * MOST_PADDING ? best : undefined;
}

/** Strips of a row. */
function stripsAcross({ output }: ConvolutionShape, length: number): number {
  return Math.ceil(output[1] / length);
}

/** Strips in all. */
export function stripCount(shape: ConvolutionShape, length: number): number {
  return shape.batch * shape.output[0] * stripsAcross(shape, length);
}

/** The uniform members that place strips, beside those of `windowParameters`. */
export function stripParameters(shape: ConvolutionShape, length: number): Record<string, number> {
  return { kernelY: shape.kernel[0], strips: stripCount(shape, length), acrossX: stripsAcross(shape, length) };
}

/**
 * WGSL that places a strip: from its number `item` to `first`, the number of its first position.
 *
 * @param length Positions of a strip.
 * @returns Statements; {@linkcode stripWalk} reads what they declare.
 */
export function locateStrip(length: number): string {
  return wgsl`
    let column = item % parameters.acrossX * ${length}u;
    let line = item / parameters.acrossX;
    let row = line % parameters.outputY;
    let image = line / parameters.outputY;
    let first = line * parameters.outputX + column;
  `;
}

/** WGSL of whether position `p` of a strip is one of the output. */
export function insideStrip(p: number): string {
  return `(column + ${p}u < parameters.outputX) & (item < parameters.strips)`;
}

/** WGSL of the texels from the weights of a tap to those of a later one of its row. */
export function tapsAhead(tap: number): string {
  return `${tap}u * tapVectors`;
}

/** The inputs of a step that a position multiplies with the taps of its row, of those that {@linkcode stripWalk} reads. */
export function stripInputs(p: number): string[] {
  return range(TAPS).map((tap) => `x${p + tap}`);
}

/**
 * WGSL that goes over all steps of a tile, from the weights at `block` on, behind which it leaves it.
 *
 * @param length Positions of a strip.
 * @param vectors 4-vectors of a step's weights.
 * @param products Statements that multiply a step's inputs, {@linkcode stripInputs}, with its weights, the first tap's of
 * which begin at `block`, and add them to the sums.
 * @returns The statements' text.
 */
export function stripWalk(length: number, vectors: number, products: readonly string[]): string {
  const inputs = range(length + TAPS - 1);
  const places = inputs.flatMap((x) => [
    `let inside${x} = insideY & (left + ${x} >= 0) & (left + ${x} < i32(parameters.inputX));`,
    `var at${x} = select(0u, u32(corner + ${x}) * parameters.inputVectors + groupVector + ${TEXTURE_WIDTH}u, inside${x});`,
    `let advance${x} = select(0u, 1u, inside${x});`,
  ]);
  const reads = inputs.flatMap((x) => [`let x${x} = ${readTexel("input", `at${x}`)};`, `at${x} += advance${x};`]);
  return wgsl`
    let tapVectors = parameters.groupVectors * ${vectors}u;
    let left = i32(column) - i32(parameters.beforeX);
    for (var dy = 0u; dy < parameters.kernelY; dy++) {
      let y = i32(row * parameters.strideY + dy) - i32(parameters.beforeY);
      let insideY = (y >= 0) & (y < i32(parameters.inputY)) & (item < parameters.strips);
      let corner = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
      ${places}
      for (var s = 0u; s < parameters.groupVectors; s++) {
        ${reads}
        ${products}
        block += ${vectors}u;
      }
      block += ${TAPS - 1}u * tapVectors;
    }
  `;
}
