/**
 * Depthwise convolution by strips in the software profile: an invocation computes neighbouring positions of several rows for
 * 4 output channels, reading each input element once for all positions that it touches: output lane c is the sum over taps
 * of input lane c times weight lane c. On a GPU it is that of `channel_strips.ts`.
 *
 * The taps are unrolled in the text, up to 49 of them. Of a larger kernel the text holds a chunk of a row's taps, and loops go
 * over chunks and rows: it is as short for 31 x 31 as for 9 x 9.
 *
 * Neighbouring invocations stand along the channels. Inputs and weights are read through textures.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { activationFunctions, activationLabel, FIRST_WEIGHT, spreadParameters } from "./dispatch.ts";
import type { ConvolutionShape, Epilogue } from "./shape.ts";
import { storeStrip } from "./strip_stores.ts";
import { chunksOf } from "./strip_weights.ts";

const WORKGROUP = 8;

/**
 * Positions of a strip, across and down. Rows that share an input row read it once; more of them take longer to compile:
 * 7 x 7 took a quarter less time for 4 rows than for 2, and 1.7 s to compile in place of 1.5; 3 x 3 an eighth less, and 0.46 s
 * in place of 0.26.
 */
function stripOf(shape: ConvolutionShape): { across: number; down: number } {
  if (chunksOf(shape)) return { across: 8, down: 1 };
  return { across: 4, down: shape.kernel[0] >= 7 && shape.stride[0] === 1 ? 4 : 2 };
}

/** What the text of a kernel depends on. */
interface Variant {
  readonly shape: ConvolutionShape;
  readonly epilogue: Epilogue;
  readonly storage: Target["storage"];
}

function weightAt(row: string): string {
  return readTexel("weights", `((${row}) * parameters.outputVectors + firstWeight)`);
}

/** WGSL that reads the weights of a row of taps. */
function readWeights(dy: number, kernelX: number): string[] {
  return range(kernelX).map((dx) => `let w${dy}_${dx} = ${weightAt(`${dy * kernelX + dx}u`)};`);
}

/** WGSL that reads an input under the strip; what is outside is the zero texel. */
function readInput(column: number): string[] {
  const index = `u32(start + ${column}) * parameters.inputVectors + vector`;
  const inside = `inside${column}`;
  return [
    `let ${inside} = insideY & (left + ${column} >= 0) & (left + ${column} < i32(parameters.inputX));`,
    `let at${column} = select(0u, ${index} + ${TEXTURE_WIDTH}u, ${inside});`,
    `let x${column} = ${readTexel("input", `at${column}`)};`,
  ];
}

/** WGSL that adds the products of a row of taps to the sums of a row of the strip. */
function addProducts(dy: number, r: number, { shape }: Variant, taps = shape.kernel[1]): string[] {
  return range(taps).flatMap((dx) =>
    range(stripOf(shape).across).map((p) => `sum${r}_${p} += x${p * shape.stride[1] + dx} * w${dy}_${dx};`)
  );
}

/** WGSL of every input row that the strip's rows touch, each read once. */
function walkRows(variant: Variant): string[] {
  const { shape } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const { across, down } = stripOf(shape);
  const rows = range(down);
  return range((rows.length - 1) * strideY + kernelY).flatMap((inputRow) => {
    const touched = rows.map((r) => ({ r, dy: inputRow - r * strideY })).filter(({ dy }) => dy >= 0 && dy < kernelY);
    const inputs = range((across - 1) * strideX + kernelX).flatMap(readInput);
    const walk = wgsl`
      {
        let y = top + ${inputRow};
        let insideY = (y >= 0) & (y < i32(parameters.inputY));
        let start = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
        ${inputs}
        ${touched.flatMap(({ r, dy }) => addProducts(dy, r, variant))}
      }
    `;
    return [...(inputRow < kernelY ? readWeights(inputRow, kernelX) : []), ...(touched.length > 0 ? [walk] : [])];
  });
}

/** WGSL that goes over the chunks of every row of a large kernel. */
function walkChunks(variant: Variant, taps: number): string {
  const { shape } = variant;
  const inputs = range((stripOf(shape).across - 1) * shape.stride[1] + taps);
  return wgsl`
    for (var dy = 0u; dy < parameters.kernelY; dy++) {
      let y = top + i32(dy);
      let insideY = (y >= 0) & (y < i32(parameters.inputY));
      for (var chunk = 0u; chunk < parameters.chunks; chunk++) {
        let left = edge + i32(chunk * ${taps}u);
        let start = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
        let tap = (dy * parameters.chunks + chunk) * ${taps}u;
        ${range(taps).map((dx) => `let w0_${dx} = ${weightAt(`tap + ${dx}u`)};`)}
        ${inputs.flatMap(readInput)}
        ${addProducts(0, 0, variant, taps)}
      }
    }
  `;
}

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { shape, epilogue, storage } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const cut = chunksOf(shape);
  const { across, down } = stripOf(shape);
  const positions = range(down).flatMap((r) => range(across).map((p) => ({ r, p })));
  const bias = cut ? `parameters.kernelY * parameters.chunks * ${cut.taps}u` : `${kernelY * kernelX}u`;
  return wgsl`
    @compute @workgroup_size(${WORKGROUP})
    fn main(${BUILTINS}) {
      let index = (workgroup.y * workgroups.x + workgroup.x) * ${WORKGROUP}u + local;
      if (index >= parameters.items) { return; }
      let outputVectors = parameters.outputVectors;
      let vector = index % outputVectors;
      let item = index / outputVectors;
      let column = (item % parameters.acrossX) * ${across}u;
      let row = item / parameters.acrossX % parameters.acrossY * ${down}u;
      let image = item / (parameters.acrossX * parameters.acrossY);
      let top = i32(row * ${strideY}u) - i32(parameters.beforeY);
      let firstWeight = parameters.${FIRST_WEIGHT} + vector + ${TEXTURE_WIDTH}u;
      let ${cut ? "edge" : "left"} = i32(column * ${strideX}u) - i32(parameters.beforeX);
      ${positions.map(({ r, p }) => `var sum${r}_${p} = vec4<f32>();`)}
      ${cut ? walkChunks(variant, cut.taps) : walkRows(variant)}
      let bias = ${weightAt(bias)};
      ${storeStrip({ epilogue, storage, down, across })}
    }

  `;
}

/**
 * Depthwise convolution in the software profile.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum; a residual and sums of positions are not supported.
 * @param target The software profile, and storage.
 * @returns A kernel with the bindings `output`, `input` and `weights`, of which the latter two are textures.
 */
export function stripConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): Kernel {
  const { activation, spread } = epilogue;
  const { profile, storage } = target;
  const cut = chunksOf(shape);
  const { across, down } = stripOf(shape);
  const acrossX = Math.ceil(shape.output[1] / across);
  const acrossY = Math.ceil(shape.output[0] / down);
  const strips = shape.batch * acrossY * acrossX;
  const vectors = channelVectors(shape.outputChannels);
  const parameters = unsigned(
    Object.entries({
      acrossX,
      acrossY,
      items: strips * vectors,
      inputY: shape.input[0],
      inputX: shape.input[1],
      inputVectors: channelVectors(shape.inputChannels),
      outputY: shape.output[0],
      outputX: shape.output[1],
      outputVectors: vectors,
      outputChannels: shape.outputChannels,
      beforeY: shape.before[0] >>> 0,
      beforeX: shape.before[1] >>> 0,
      [FIRST_WEIGHT]: 0,
      ...(cut ? { kernelY: shape.kernel[0], chunks: cut.chunks } : {}),
      ...spreadParameters(shape, spread),
    }).map(([name, value]) => ({ name, value })),
  );
  const bindings = { output: vectorType(storage), input: texture(storage), weights: texture("f32") };
  const size = cut ? `chunks of ${cut.taps}` : shape.kernel.join("x");
  const kind = `depthwise ${size}/${shape.stride.join("x")}`;
  return {
    name: `convolution ${kind}${activationLabel(activation)}${spread ? " spread" : ""} ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${activationFunctions(activation)}\n${
      writeMain({ shape, epilogue, storage })
    }`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(Math.ceil(strips * vectors / WORKGROUP)),
  };
}
