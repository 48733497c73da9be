/**
 * Convolution by strips: an invocation computes 4 neighbouring positions of a row, in the software profile of two rows,
 * for 4 output channels, reading each input element once for all positions that it touches. Depthwise convolution in both profiles, and grouped convolution
 * on a GPU, whose groups are too narrow for shared tiles.
 *
 * - depthwise: output lane c is the sum over taps of input lane c times weight lane c;
 * - grouped: output lane c is the sum over taps and the group's input lanes of input times a row of weights.
 *
 * On a GPU neighbouring invocations stand along the channels, so that reads are contiguous, and weights lie
 * `[row][output vector]`, the bias as the last row. In the software profile the lanes stand along the positions, so that
 * weights, which lie `[output vector][tap]` in a uniform window, are read once for all lanes (see `software.ts`).
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  readOnly,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
  uniformWindow,
  WINDOW_BYTES,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activated,
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  spreadParameters,
} from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isDepthwise, mergeGroups } from "./shape.ts";

/** Positions of a strip. */
const STRIP = 4;
/** Rows of a strip in the software profile, where an input row that two output rows share is then read once. */
const STRIP_ROWS = 2;
const WORKGROUP = { software: 8, gpu: 64 };
/** Output vectors of a window begin at a multiple of this, so that its offset is a multiple of 256 bytes. */
const ALIGNED = 16;

function channelGroups(shape: ConvolutionShape) {
  if (isDepthwise(shape)) return { inputVectors: 1, outputVectors: 1, rows: shape.kernel[0] * shape.kernel[1] };
  const merged = mergeGroups(shape, 4);
  const inputVectors = channelVectors(merged.inputChannels);
  return {
    inputVectors,
    outputVectors: channelVectors(merged.outputChannels),
    rows: shape.kernel[0] * shape.kernel[1] * inputVectors * 4,
  };
}

/**
 * Packs weights for {@linkcode stripConvolution}: as f32, or as f16 for a GPU with f16 storage.
 *
 * @returns The packed weights; in the software profile zeros follow, so that every window lies inside.
 */
export function packStripWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
  target: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const taps = shape.kernel[0] * shape.kernel[1];
  const lanes = channelVectors(shape.outputChannels) * 4;
  const { rows, inputVectors, outputVectors } = channelGroups(shape);
  const software = target.profile === "software";
  const length = lanes * (rows + 1) + (software ? WINDOW_BYTES / 4 : 0);
  const packed = target.storage === "f16" && !software ? new Float16Array(length) : new Float32Array(length);
  const place = (row: number, channel: number) =>
    software ? ((channel >> 2) * (rows + 1) + row) * 4 + (channel & 3) : row * lanes + channel;
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
        const row = isDepthwise(shape) ? tap : tap * inputVectors * 4 + firstInput + i;
        packed[place(row, channel)] = weight[(channel * inputs + i) * taps + tap];
      }
    }
  }
  return packed;
}

/**
 * Depthwise convolution, and grouped convolution in the GPU profile.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum; a residual is not supported.
 * @param target Profile and storage.
 * @returns Kernels in order. Bindings: `output`, `input` (a texture in the software profile), `weights` (a window there).
 */
export function stripConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): Kernel[] {
  const vectors = channelVectors(shape.outputChannels);
  const { rows } = channelGroups(shape);
  if (target.profile === "gpu") return [stripKernel(shape, epilogue, target, 0, vectors)];
  const together = Math.floor(WINDOW_BYTES / 16 / (rows + 1) / ALIGNED) * ALIGNED;
  if (together === 0) {
    throw new RangeError(`Cannot convolve depthwise with a kernel of ${shape.kernel.join(" x ")}: too large`);
  }
  return Array.from(
    { length: Math.ceil(vectors / together) },
    (_, window) =>
      stripKernel(shape, epilogue, target, window * together, Math.min(together, vectors - window * together)),
  );
}

/** What the text of a kernel depends on. */
interface Variant {
  readonly shape: ConvolutionShape;
  readonly epilogue: Epilogue;
  readonly target: Target;
}

/** Rows of a strip. */
function stripRowsOf({ profile }: Target): number {
  return profile === "software" ? STRIP_ROWS : 1;
}

function weightAt(row: string, { profile }: Target): string {
  const place = profile === "software" ? `window + ${row}` : `(${row}) * parameters.outputVectors + vector`;
  return `vec4<f32>(weights[${place}])`;
}

/** Lanes of an input vector, each of which has weights of its own; in depthwise convolution they have one vector. */
function lanesOf(shape: ConvolutionShape): number[] {
  return isDepthwise(shape) ? [0] : range(4);
}

/** WGSL that reads the weights of a row of taps. */
function readWeights(dy: number, { shape, target }: Variant): string[] {
  const kernelX = shape.kernel[1];
  return range(kernelX).flatMap((dx) =>
    lanesOf(shape).map((lane) => {
      const tap = dy * kernelX + dx;
      const row = isDepthwise(shape) ? `${tap}u` : `(${tap}u * parameters.groupVectors + part) * 4u + ${lane}u`;
      return `let w${dy}_${dx}_${lane} = ${weightAt(row, target)};`;
    })
  );
}

/** WGSL that reads an input under the strip; what is outside is the zero texel, or a zero. */
function readInput(column: number, { profile }: Target): string[] {
  const index = `u32(start + ${column}) * parameters.inputVectors + source`;
  const inside = `inside${column}`;
  const place = `let ${inside} = insideY & (left + ${column} >= 0) & (left + ${column} < i32(parameters.inputX));`;
  return profile === "software"
    ? [
      place,
      `let at${column} = select(0u, ${index} + ${TEXTURE_WIDTH}u, ${inside});`,
      `let x${column} = ${readTexel("input", `at${column}`)};`,
    ]
    : [
      place,
      `let x${column} = select(vec4<f32>(0.0), vec4<f32>(input[select(0u, ${index}, ${inside})]), ${inside});`,
    ];
}

/** WGSL that adds the products of a row of taps to the sums of a row of the strip. */
function addProducts(dy: number, r: number, shape: ConvolutionShape): string[] {
  const strideX = shape.stride[1];
  return range(shape.kernel[1]).flatMap((dx) =>
    lanesOf(shape).flatMap((lane) =>
      range(STRIP).map((p) => {
        const x = `x${p * strideX + dx}${isDepthwise(shape) ? "" : `.${"xyzw"[lane]}`}`;
        return `sum${r}_${p} += ${x} * w${dy}_${dx}_${lane};`;
      })
    )
  );
}

/** WGSL of every input row that the strip's rows touch, each read once. */
function walkRows(variant: Variant): string[] {
  const { shape, target } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const rows = range(stripRowsOf(target));
  return range((rows.length - 1) * strideY + kernelY).flatMap((inputRow) => {
    const touched = rows.map((r) => ({ r, dy: inputRow - r * strideY })).filter(({ dy }) => dy >= 0 && dy < kernelY);
    const inputs = range((STRIP - 1) * strideX + kernelX).flatMap((column) => readInput(column, target));
    const walk = wgsl`
      {
        let y = top + ${inputRow};
        let insideY = (y >= 0) & (y < i32(parameters.inputY));
        let start = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
        ${inputs}
        ${touched.flatMap(({ r, dy }) => addProducts(dy, r, shape))}
      }
    `;
    return [...(inputRow < kernelY ? readWeights(inputRow, variant) : []), ...(touched.length > 0 ? [walk] : [])];
  });
}

/** WGSL that stores the sum of a position of the strip, if it is one of the output. */
function storePosition(r: number, p: number, { activation, spread }: Epilogue, storage: Target["storage"]): string {
  const value = `value${r}_${p}`;
  const neighbour = spread
    ? `${r}u * parameters.stepY * parameters.spreadX + ${p}u * parameters.stepX`
    : `${r}u * parameters.outputX + ${p}u`;
  const result = activated(activation, value, "vector");
  return wgsl`
    if (row + ${r}u < parameters.outputY && column + ${p}u < parameters.outputX) {
      let ${value} = sum${r}_${p} + bias;
      output[at + (${neighbour}) * parameters.outputVectors] = ${vectorType(storage)}(${result});
    }
  `;
}

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { shape, epilogue, target } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const depthwise = isDepthwise(shape);
  const { rows } = channelGroups(shape);
  const size = WORKGROUP[target.profile];
  const positions = range(stripRowsOf(target)).flatMap((r) => range(STRIP).map((p) => ({ r, p })));
  const place = target.profile === "software"
    ? wgsl`
      let vector = parameters.firstVector + workgroup.z;
      let window = workgroup.z * ${rows + 1}u;
      let item = index;
    `
    : wgsl`
      let vector = index % parameters.outputVectors;
      let item = index / parameters.outputVectors;
    `;
  const parts = depthwise
    ? wgsl`
      let source = vector;
      {
    `
    : wgsl`
      for (var part = 0u; part < parameters.groupVectors; part++) {
        let source = vector / parameters.groupOutputVectors * parameters.groupVectors + part;
    `;
  const first = epilogue.spread
    ? wgsl`
      ((image * parameters.spreadY + parameters.firstY + row * parameters.stepY) * parameters.spreadX +
        parameters.firstX + column * parameters.stepX)
    `
    : "((image * parameters.outputY + row) * parameters.outputX + column)";
  const bias = depthwise ? `${rows}u` : `${kernelY * kernelX}u * parameters.groupVectors * 4u`;
  return wgsl`
    @compute @workgroup_size(${size})
    fn main(${BUILTINS}) {
      let index = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
      if (index >= parameters.items) { return; }
      ${place}
      let column = (item % parameters.acrossX) * ${STRIP}u;
      let row = item / parameters.acrossX % parameters.acrossY * ${stripRowsOf(target)}u;
      let image = item / (parameters.acrossX * parameters.acrossY);
      let top = i32(row * ${strideY}u) - i32(parameters.beforeY);
      let left = i32(column * ${strideX}u) - i32(parameters.beforeX);
      ${positions.map(({ r, p }) => `var sum${r}_${p} = vec4<f32>();`)}
      ${parts}
        ${walkRows(variant)}
      }
      let bias = ${weightAt(bias, target)};
      let at = ${first} * parameters.outputVectors + vector;
      ${positions.map(({ r, p }) => storePosition(r, p, epilogue, target.storage))}
    }

  `;
}

function stripKernel(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
  firstVector: number,
  windowVectors: number,
): Kernel {
  const { activation, spread } = epilogue;
  const { profile, storage } = target;
  const software = profile === "software";
  const depthwise = isDepthwise(shape);
  const { inputVectors, outputVectors, rows } = channelGroups(shape);
  const acrossX = Math.ceil(shape.output[1] / STRIP);
  const acrossY = Math.ceil(shape.output[0] / stripRowsOf(target));
  const strips = shape.batch * acrossY * acrossX;
  const vectors = channelVectors(shape.outputChannels);
  const parameters = unsigned(
    Object.entries({
      acrossX,
      acrossY,
      items: software ? strips : strips * vectors,
      inputY: shape.input[0],
      inputX: shape.input[1],
      inputVectors: channelVectors(shape.inputChannels),
      outputY: shape.output[0],
      outputX: shape.output[1],
      outputVectors: vectors,
      outputChannels: shape.outputChannels,
      beforeY: shape.before[0] >>> 0,
      beforeX: shape.before[1] >>> 0,
      ...(software ? { firstVector } : {}),
      ...spreadParameters(shape, spread),
      ...(depthwise ? {} : { groupVectors: inputVectors, groupOutputVectors: outputVectors }),
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = {
    output: vector,
    ...(software
      ? { input: texture(storage), weights: uniformWindow(firstVector * (rows + 1) * 16) }
      : { input: vector, weights: readOnly(vector) }),
  };
  const kind = `${depthwise ? "depthwise" : "grouped"} ${shape.kernel.join("x")}/${shape.stride.join("x")}`;
  const groups = spreadWorkgroups(Math.ceil((software ? strips : strips * vectors) / WORKGROUP[profile]));
  return {
    name: `convolution ${kind}${activationLabel(activation)}${spread ? " spread" : ""} ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${activationFunctions(activation)}\n${
      writeMain({ shape, epilogue, target })
    }`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: software ? [groups[0], groups[1], windowVectors] : groups,
  };
}
