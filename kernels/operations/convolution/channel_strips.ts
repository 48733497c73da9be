/**
 * Depthwise and grouped convolution on a GPU, whose groups are too narrow for shared tiles: an invocation computes two rows
 * of 4 neighbouring positions, or one row, for 4 output channels, and reads each input element once for all of them.
 *
 * Neighbouring invocations stand along the channels, so that reads are contiguous. Columns and channels are numbered along
 * x, rows along y, and images along z: an invocation finds its place by one division. Two rows share input rows and
 * weights: 3 x 3 takes 351 instructions per row of 4 positions on sm_90, where one row by itself took 591.
 *
 * The taps are unrolled in the text, up to 49 of them. Of a larger depthwise kernel the text holds a chunk of a row's taps,
 * and loops go over chunks and rows: it is as short for 31 x 31 as for 9 x 9.
 *
 * - depthwise: output lane c is the sum over taps of input lane c times weight lane c;
 * - grouped: output lane c is the sum over taps and the group's input lanes of input times a row of weights.
 *
 * Numbers of channels are constants of a grouped kernel's text: a row of weights is then a constant away from the next, and
 * of 3 x 3 on groups of 4 channels 89 % of the loop's instructions are multiply-adds, in place of 77. Depthwise kernels gain
 * 6 %, for which no pipeline per width is made.
 *
 * Weights lie `[row][output vector]`, the bias as the last row (`packStripWeights`).
 *
 * @module
 */

import { declarations, declareConstants, type Kernel, listBindings, readOnly } from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { activationFunctions, activationLabel, spreadParameters } from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isDepthwise } from "./shape.ts";
import { storeStrip } from "./strip_stores.ts";
import { channelGroups, chunksOf } from "./strip_weights.ts";

/** Positions of a strip across. */
const ACROSS = 4;
/** Taps of a kernel at most whose strips have two rows: two rows of 7 x 7 spilled 23 registers on RDNA3. */
const MOST_OF_TWO_ROWS = 25;
const WORKGROUP = 64;
/** Vectors of channels in a workgroup that sums positions, whose strips are of one image: 128 bytes of f32 side by side. */
const SUM_VECTORS = 8;

/** What the text of a kernel depends on. */
interface Variant {
  readonly shape: ConvolutionShape;
  readonly epilogue: Epilogue;
  readonly storage: Target["storage"];
}

/** Rows of a strip. */
function rowsOf({ kernel: [kernelY, kernelX], stride: [strideY] }: ConvolutionShape): number {
  return strideY === 1 && kernelY * kernelX <= MOST_OF_TWO_ROWS ? 2 : 1;
}

/** Strips of an image, across and down. */
function stripGrid(shape: ConvolutionShape): { acrossX: number; acrossY: number } {
  return { acrossX: Math.ceil(shape.output[1] / ACROSS), acrossY: Math.ceil(shape.output[0] / rowsOf(shape)) };
}

/** Runs of an image's positions whose sums are stored: those of a workgroup. */
export function channelStripRuns(shape: ConvolutionShape): number {
  const { acrossX, acrossY } = stripGrid(shape);
  return Math.ceil(acrossX * acrossY / (WORKGROUP / SUM_VECTORS));
}

function weightAt(row: string): string {
  return `vec4<f32>(weights[(${row}) * outputVectors + vector])`;
}

/** WGSL that reads an input under the strip, or a zero: what an index out of bounds reads is not used. */
function readInput(row: number, column: number): string {
  const place = column === 0 ? `first${row}` : `first${row} + ${column}u * inputVectors`;
  return `let x${row}_${column} = select(vec4<f32>(0.0), vec4<f32>(input[${place}]), insideY${row} & insideX${column});`;
}

/** WGSL that finds out which columns of the input under a strip are inside, `count` of them. */
function insideColumns(count: number): string[] {
  return range(count).map((column) => `let insideX${column} = left + ${column}u < parameters.inputX;`);
}

/** WGSL that reads the input under one row of taps of the strip. */
function readRow(row: number, top: string, count: number): string {
  return wgsl`
    let y${row} = ${top};
    let insideY${row} = y${row} < parameters.inputY;
    let first${row} = ((image * parameters.inputY + y${row}) * parameters.inputX + left) * inputVectors + source;
    ${range(count).map((column) => readInput(row, column))}
  `;
}

/** WGSL that reads the weights of a tap, one of each lane of a group's input vector, and adds its products to all sums. */
function addTap(dy: number, dx: number, row: string, { shape }: Variant): string {
  const depthwise = isDepthwise(shape);
  const { stride: [strideY, strideX] } = shape;
  return wgsl`
    ${
    (depthwise ? [0] : range(4)).flatMap((lane) => [
      `let w${dy}_${dx}_${lane} = ${weightAt(depthwise ? row : `(${row} * groupVectors + part) * 4u + ${lane}u`)};`,
      ...range(chunksOf(shape) ? 1 : rowsOf(shape)).flatMap((r) =>
        range(ACROSS).map((p) => {
          const x = `x${dy + r * strideY}_${p * strideX + dx}${depthwise ? "" : `.${"xyzw"[lane]}`}`;
          return `sum${r}_${p} += ${x} * w${dy}_${dx}_${lane};`;
        })
      ),
    ])
  }
  `;
}

/** WGSL of all taps; each input row is read before the first tap that needs it. */
function walkRows(variant: Variant): string[] {
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = variant.shape;
  const count = (ACROSS - 1) * strideX + kernelX;
  const read = new Set<number>();
  return range(kernelY).flatMap((dy) => {
    const rows = range(rowsOf(variant.shape)).map((r) => dy + r * strideY).filter((row) => !read.has(row));
    rows.forEach((row) => read.add(row));
    return [
      ...rows.map((row) => readRow(row, `top + ${row}u`, count)),
      ...range(kernelX).map((dx) => addTap(dy, dx, `${dy * kernelX + dx}u`, variant)),
    ];
  });
}

/** WGSL that goes over the chunks of every row of a large kernel. */
function walkChunks(variant: Variant, taps: number): string {
  const count = (ACROSS - 1) * variant.shape.stride[1] + taps;
  return wgsl`
    for (var dy = 0u; dy < parameters.kernelY; dy++) {
      for (var chunk = 0u; chunk < parameters.chunks; chunk++) {
        let left = edge + chunk * ${taps}u;
        let tap = (dy * parameters.chunks + chunk) * ${taps}u;
        ${insideColumns(count)}
        ${readRow(0, "top + dy", count)}
        ${range(taps).map((dx) => addTap(0, dx, `tap + ${dx}u`, variant))}
      }
    }
  `;
}

/** WGSL that finds an invocation's vector and strip, whose columns and channels are numbered along x. */
function placeInRow(rows: number): string {
  return wgsl`
    let index = workgroup.x * ${WORKGROUP}u + local;
    let vector = index % outputVectors;
    let column = index / outputVectors * ${ACROSS}u;
    let row = workgroup.y * ${rows}u;
    let image = workgroup.z;
    if (column >= parameters.outputX) { return; }
  `;
}

/** WGSL that finds an invocation's vector and strip where a workgroup has strips of one image; of others it stores no row. */
function placeInImage(rows: number): string {
  return wgsl`
    let lanes = workgroup.x * ${SUM_VECTORS}u + local % ${SUM_VECTORS}u;
    let vector = min(lanes, outputVectors - 1u);
    let strip = workgroup.y * ${WORKGROUP / SUM_VECTORS}u + local / ${SUM_VECTORS}u;
    let inside = (lanes < outputVectors) & (strip < parameters.acrossX * parameters.acrossY);
    let column = strip % parameters.acrossX * ${ACROSS}u;
    let row = select(parameters.outputY, strip / parameters.acrossX * ${rows}u, inside);
    let image = workgroup.z;
  `;
}

/** WGSL that adds up what the strips of a workgroup have stored, as a tree, and stores the sum. */
function sumStrips(): string {
  const steps: string[] = [];
  for (let half = WORKGROUP / SUM_VECTORS / 2; half >= 1; half /= 2) {
    steps.push(wgsl`
      workgroupBarrier();
      if (local < ${half * SUM_VECTORS}u) { totals[local] += totals[local + ${half * SUM_VECTORS}u]; }
    `);
  }
  return wgsl`
    totals[local] = total;
    ${steps}
    if (local < ${SUM_VECTORS}u && lanes < outputVectors) {
      positionSums[(image * workgroups.y + workgroup.y) * outputVectors + lanes] = totals[local];
    }
  `;
}

const CHANNELS_OF_PARAMETERS = wgsl`
  let inputVectors = parameters.inputVectors;
  let outputVectors = parameters.outputVectors;
`;

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { shape, epilogue, storage } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const depthwise = isDepthwise(shape);
  const cut = chunksOf(shape);
  const down = rowsOf(shape);
  const positions = range(down).flatMap((r) => range(ACROSS).map((p) => ({ r, p })));
  const parts = depthwise
    ? wgsl`
      let source = vector;
      {
    `
    : wgsl`
      for (var part = 0u; part < groupVectors; part++) {
        let source = vector / groupOutputVectors * groupVectors + part;
    `;
  const bias = cut
    ? `parameters.kernelY * parameters.chunks * ${cut.taps}u`
    : depthwise
    ? `${kernelY * kernelX}u`
    : `${kernelY * kernelX}u * groupVectors * 4u`;
  return wgsl`
    ${
    epilogue.positionSums && `var<workgroup> totals: array<vec4<f32>, ${WORKGROUP}>;
`
  }
    @compute @workgroup_size(${WORKGROUP})
    fn main(${BUILTINS}) {
      ${depthwise && CHANNELS_OF_PARAMETERS}
      ${epilogue.positionSums ? placeInImage(down) : placeInRow(down)}
      // What is above or to the left of the input wraps around to numbers beyond its size.
      let top = row * ${strideY}u - parameters.beforeY;
      let ${cut ? "edge" : "left"} = column * ${strideX}u - parameters.beforeX;
      ${!cut && insideColumns((ACROSS - 1) * strideX + kernelX)}
      ${positions.map(({ r, p }) => `var sum${r}_${p} = vec4<f32>();`)}
      ${parts}
        ${cut ? walkChunks(variant, cut.taps) : walkRows(variant)}
      }
      let bias = ${weightAt(bias)};
      ${storeStrip({ epilogue, storage, down, across: ACROSS })}
      ${epilogue.positionSums && sumStrips()}
    }

  `;
}

/**
 * Depthwise or grouped convolution in the GPU profile.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum; a residual is not supported, sums of positions are of depthwise ones.
 * @param target The GPU profile, and storage.
 * @returns A kernel with the bindings `output`, `input`, `weights`, and `positionSums` if the epilogue has some.
 */
export function channelStripConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, profile }: Target,
): Kernel {
  const { activation, spread, positionSums } = epilogue;
  const depthwise = isDepthwise(shape);
  const { inputVectors, outputVectors } = channelGroups(shape);
  const cut = chunksOf(shape);
  const vectors = channelVectors(shape.outputChannels);
  const channels = { inputVectors: channelVectors(shape.inputChannels), outputVectors: vectors };
  const parameters = unsigned(
    Object.entries({
      ...(positionSums ? stripGrid(shape) : {}),
      inputY: shape.input[0],
      inputX: shape.input[1],
      outputY: shape.output[0],
      outputX: shape.output[1],
      outputChannels: shape.outputChannels,
      beforeY: shape.before[0] >>> 0,
      beforeX: shape.before[1] >>> 0,
      ...(cut ? { kernelY: shape.kernel[0], chunks: cut.chunks } : {}),
      ...spreadParameters(shape, spread),
      ...(depthwise ? channels : {}),
    }).map(([name, value]) => ({ name, value })),
  );
  const constants = depthwise ? {} : { ...channels, groupVectors: inputVectors, groupOutputVectors: outputVectors };
  const vector = vectorType(storage);
  const bindings = {
    output: vector,
    ...(positionSums ? { positionSums: "vec4<f32>" } : {}),
    input: vector,
    weights: readOnly(vector),
  };
  const { acrossX, acrossY } = stripGrid(shape);
  const size = cut ? `chunks of ${cut.taps}` : shape.kernel.join("x");
  const kind = `${depthwise ? "depthwise" : "grouped"} ${size}/${shape.stride.join("x")}`;
  return {
    name: `convolution ${kind}${activationLabel(activation)}${spread ? " spread" : ""}${
      positionSums ? " with sums" : ""
    } ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${declareConstants(constants)}${activationFunctions(activation)}\n${
      writeMain({ shape, epilogue, storage })
    }`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: positionSums
      ? [Math.ceil(vectors / SUM_VECTORS), channelStripRuns(shape), shape.batch]
      : [Math.ceil(acrossX * vectors / WORKGROUP), acrossY, shape.batch],
  };
}
