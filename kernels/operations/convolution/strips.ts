/**
 * Convolution by strips: an invocation computes neighbouring positions of a row, in the software profile of several rows,
 * for 4 output channels, reading each input element once for all positions that it touches. Depthwise convolution in both profiles, and grouped convolution
 * on a GPU, whose groups are too narrow for shared tiles.
 *
 * The taps are unrolled in the text, up to 49 of them. Of a larger depthwise kernel the text holds a chunk of a row's taps,
 * and loops go over chunks and rows: it is as short for 31 x 31 as for 9 x 9.
 *
 * - depthwise: output lane c is the sum over taps of input lane c times weight lane c;
 * - grouped: output lane c is the sum over taps and the group's input lanes of input times a row of weights.
 *
 * Neighbouring invocations stand along the channels, so that reads are contiguous, and weights lie `[row][output vector]`,
 * the bias as the last row. The software profile reads inputs and weights through textures.
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
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activated,
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  FIRST_WEIGHT,
  spreadParameters,
} from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isDepthwise, mergeGroups } from "./shape.ts";

/** Taps that are unrolled at most. */
const MOST_UNROLLED = 49;
/** Taps of a chunk at most. */
const MOST_OF_CHUNK = 8;
const WORKGROUP = { software: 8, gpu: 64 };
/** Vectors of channels in a workgroup that sums positions, whose strips are of one image: 128 bytes of f32 side by side. */
const SUM_VECTORS = 8;

/** How the rows of a depthwise kernel are cut, where it is too large to be unrolled: chunks of a row, and taps of a chunk. */
function chunksOf(shape: ConvolutionShape): { chunks: number; taps: number } | undefined {
  const [kernelY, kernelX] = shape.kernel;
  if (!isDepthwise(shape) || kernelY * kernelX <= MOST_UNROLLED) return undefined;
  const chunks = Math.ceil(kernelX / MOST_OF_CHUNK);
  return { chunks, taps: Math.ceil(kernelX / chunks) };
}

/**
 * Positions of a strip, across and down. Rows that share an input row read it once on a CPU; more of them take longer to
 * compile: 7 x 7 took a quarter less time for 4 rows than for 2, and 1.7 s to compile in place of 1.5; 3 x 3 an eighth less,
 * and 0.46 s in place of 0.26. On a GPU more positions take registers that others run on: AMD's compiler gives 7 x 7 120
 * for 4 positions, and spills 23 for two rows of 4.
 */
function stripOf(shape: ConvolutionShape, { profile }: Target): { across: number; down: number } {
  if (profile === "gpu") return { across: 4, down: 1 };
  if (chunksOf(shape)) return { across: 8, down: 1 };
  return { across: 4, down: shape.kernel[0] >= 7 && shape.stride[0] === 1 ? 4 : 2 };
}

function channelGroups(shape: ConvolutionShape) {
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
 * Packs weights for {@linkcode stripConvolution}: as f32, or as f16 for a GPU with f16 storage.
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

/** Strips of an image, across and down. */
function stripGrid(shape: ConvolutionShape, target: Target): { acrossX: number; acrossY: number } {
  const { across, down } = stripOf(shape, target);
  return { acrossX: Math.ceil(shape.output[1] / across), acrossY: Math.ceil(shape.output[0] / down) };
}

/** Runs of an image's positions whose sums are stored: those of a workgroup of a GPU. */
export function stripRuns(shape: ConvolutionShape, target: Target): number {
  const { acrossX, acrossY } = stripGrid(shape, target);
  return Math.ceil(acrossX * acrossY / (WORKGROUP.gpu / SUM_VECTORS));
}

/** What the text of a kernel depends on. */
interface Variant {
  readonly shape: ConvolutionShape;
  readonly epilogue: Epilogue;
  readonly target: Target;
}

function weightAt(row: string, { profile }: Target): string {
  const place = `(${row}) * parameters.outputVectors`;
  return profile === "software"
    ? readTexel("weights", `(${place} + firstWeight)`)
    : `vec4<f32>(weights[${place} + vector])`;
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
function addProducts(dy: number, r: number, { shape, target }: Variant, taps = shape.kernel[1]): string[] {
  const strideX = shape.stride[1];
  return range(taps).flatMap((dx) =>
    lanesOf(shape).flatMap((lane) =>
      range(stripOf(shape, target).across).map((p) => {
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
  const { across, down } = stripOf(shape, target);
  const rows = range(down);
  return range((rows.length - 1) * strideY + kernelY).flatMap((inputRow) => {
    const touched = rows.map((r) => ({ r, dy: inputRow - r * strideY })).filter(({ dy }) => dy >= 0 && dy < kernelY);
    const inputs = range((across - 1) * strideX + kernelX).flatMap((column) => readInput(column, target));
    const walk = wgsl`
      {
        let y = top + ${inputRow};
        let insideY = (y >= 0) & (y < i32(parameters.inputY));
        let start = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
        ${inputs}
        ${touched.flatMap(({ r, dy }) => addProducts(dy, r, variant))}
      }
    `;
    return [...(inputRow < kernelY ? readWeights(inputRow, variant) : []), ...(touched.length > 0 ? [walk] : [])];
  });
}

/** WGSL that goes over the chunks of every row of a large kernel. */
function walkChunks(variant: Variant, taps: number): string {
  const { shape, target } = variant;
  const inputs = range((stripOf(shape, target).across - 1) * shape.stride[1] + taps);
  return wgsl`
    for (var dy = 0u; dy < parameters.kernelY; dy++) {
      let y = top + i32(dy);
      let insideY = (y >= 0) & (y < i32(parameters.inputY));
      for (var chunk = 0u; chunk < parameters.chunks; chunk++) {
        let left = edge + i32(chunk * ${taps}u);
        let start = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
        let tap = (dy * parameters.chunks + chunk) * ${taps}u;
        ${range(taps).map((dx) => `let w0_${dx}_0 = ${weightAt(`tap + ${dx}u`, target)};`)}
        ${inputs.flatMap((column) => readInput(column, target))}
        ${addProducts(0, 0, variant, taps)}
      }
    }
  `;
}

/** WGSL that stores the sum of a position of the strip, if it is one of the output. */
function storePosition(
  r: number,
  p: number,
  { activation, spread, positionSums }: Epilogue,
  storage: Target["storage"],
): string {
  const value = `value${r}_${p}`;
  const neighbour = spread
    ? `${r}u * parameters.stepY * parameters.spreadX + ${p}u * parameters.stepX`
    : `${r}u * parameters.outputX + ${p}u`;
  const result = activated(activation, value, "vector");
  return wgsl`
    if (row + ${r}u < parameters.outputY && column + ${p}u < parameters.outputX) {
      let ${value} = sum${r}_${p} + bias;
      let stored${value} = ${vectorType(storage)}(${result});
      output[at + (${neighbour}) * parameters.outputVectors] = stored${value};
      ${positionSums && `total += vec4<f32>(stored${value});`}
    }
  `;
}

/** WGSL that finds an invocation's strip and vector where all strips follow each other. */
function placeAnywhere(size: number, across: number, down: number): string {
  return wgsl`
    let index = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
    if (index >= parameters.items) { return; }
    let vector = index % parameters.outputVectors;
    let item = index / parameters.outputVectors;
    let column = (item % parameters.acrossX) * ${across}u;
    let row = item / parameters.acrossX % parameters.acrossY * ${down}u;
    let image = item / (parameters.acrossX * parameters.acrossY);
  `;
}

/** WGSL that finds an invocation's strip and vector where a workgroup has strips of one image; of others it stores no row. */
function placeInImage(size: number, across: number, down: number): string {
  return wgsl`
    let lanes = workgroup.x * ${SUM_VECTORS}u + local % ${SUM_VECTORS}u;
    let vector = min(lanes, parameters.outputVectors - 1u);
    let strip = workgroup.y * ${size / SUM_VECTORS}u + local / ${SUM_VECTORS}u;
    let inside = (lanes < parameters.outputVectors) & (strip < parameters.acrossX * parameters.acrossY);
    let column = strip % parameters.acrossX * ${across}u;
    let row = select(parameters.outputY, strip / parameters.acrossX * ${down}u, inside);
    let image = workgroup.z;
  `;
}

/** WGSL that adds up what the strips of a workgroup have stored, as a tree, and stores the sum. */
function sumStrips(size: number): string {
  const steps: string[] = [];
  for (let half = size / SUM_VECTORS / 2; half >= 1; half /= 2) {
    steps.push(wgsl`
      workgroupBarrier();
      if (local < ${half * SUM_VECTORS}u) { totals[local] += totals[local + ${half * SUM_VECTORS}u]; }
    `);
  }
  return wgsl`
    totals[local] = total;
    ${steps}
    if (local < ${SUM_VECTORS}u && lanes < parameters.outputVectors) {
      positionSums[(image * workgroups.y + workgroup.y) * parameters.outputVectors + lanes] = totals[local];
    }
  `;
}

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { shape, epilogue, target } = variant;
  const { kernel: [kernelY, kernelX], stride: [strideY, strideX] } = shape;
  const depthwise = isDepthwise(shape);
  const cut = chunksOf(shape);
  const size = WORKGROUP[target.profile];
  const software = target.profile === "software";
  const { positionSums } = epilogue;
  const { across, down } = stripOf(shape, target);
  const positions = range(down).flatMap((r) => range(across).map((p) => ({ r, p })));
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
  const bias = cut
    ? `parameters.kernelY * parameters.chunks * ${cut.taps}u`
    : depthwise
    ? `${kernelY * kernelX}u`
    : `${kernelY * kernelX}u * parameters.groupVectors * 4u`;
  return wgsl`
    ${
    positionSums && `var<workgroup> totals: array<vec4<f32>, ${size}>;
`
  }
    @compute @workgroup_size(${size})
    fn main(${BUILTINS}) {
      ${positionSums ? placeInImage(size, across, down) : placeAnywhere(size, across, down)}
      let top = i32(row * ${strideY}u) - i32(parameters.beforeY);
      ${software && `let firstWeight = parameters.${FIRST_WEIGHT} + vector + ${TEXTURE_WIDTH}u;`}
      let ${cut ? "edge" : "left"} = i32(column * ${strideX}u) - i32(parameters.beforeX);
      ${positions.map(({ r, p }) => `var sum${r}_${p} = vec4<f32>();`)}
      ${parts}
        ${cut ? walkChunks(variant, cut.taps) : walkRows(variant)}
      }
      let bias = ${weightAt(bias, target)};
      let at = ${first} * parameters.outputVectors + vector;
      ${positionSums && "var total = vec4<f32>();"}
      ${positions.map(({ r, p }) => storePosition(r, p, epilogue, target.storage))}
      ${positionSums && sumStrips(size)}
    }

  `;
}

/**
 * Depthwise convolution, and grouped convolution in the GPU profile.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum; a residual is not supported, sums of positions are of depthwise ones on a GPU.
 * @param target Profile and storage.
 * @returns A kernel with the bindings `output`, `input` and `weights`, of which the latter two are textures in the software
 * profile, and `positionSums` if the epilogue has some.
 */
export function stripConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): Kernel {
  const { activation, spread, positionSums } = epilogue;
  const { profile, storage } = target;
  const software = profile === "software";
  const depthwise = isDepthwise(shape);
  const { inputVectors, outputVectors } = channelGroups(shape);
  const cut = chunksOf(shape);
  const { acrossX, acrossY } = stripGrid(shape, target);
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
      ...(software ? { [FIRST_WEIGHT]: 0 } : {}),
      ...(cut ? { kernelY: shape.kernel[0], chunks: cut.chunks } : {}),
      ...spreadParameters(shape, spread),
      ...(depthwise ? {} : { groupVectors: inputVectors, groupOutputVectors: outputVectors }),
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = {
    output: vector,
    ...(positionSums ? { positionSums: "vec4<f32>" } : {}),
    ...(software ? { input: texture(storage), weights: texture("f32") } : { input: vector, weights: readOnly(vector) }),
  };
  const size = cut ? `chunks of ${cut.taps}` : shape.kernel.join("x");
  const kind = `${depthwise ? "depthwise" : "grouped"} ${size}/${shape.stride.join("x")}`;
  const groups: Kernel["workgroups"] = positionSums
    ? [Math.ceil(vectors / SUM_VECTORS), stripRuns(shape, target), shape.batch]
    : spreadWorkgroups(Math.ceil(strips * vectors / WORKGROUP[profile]));
  return {
    name: `convolution ${kind}${activationLabel(activation)}${spread ? " spread" : ""}${
      positionSums ? " with sums" : ""
    } ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${activationFunctions(activation)}\n${
      writeMain({ shape, epilogue, target })
    }`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: groups,
  };
}
