/**
 * The filter gradient by strips: an invocation holds a tile of the partial gradient in registers (neighbouring taps x
 * input channels x output channels) and walks over strips of 4 neighbouring output positions of a row. It reads each input
 * element of a strip once for all taps that touch it: for 3 taps x 4 x 16 channels 22 reads serve 768 multiply-adds, more
 * than half as many again a read as a tile of 8 x 16 channels of one tap.
 *
 * The software profile uses it for every convolution, reading through textures; the GPU profile for grouped ones, whose
 * groups are too narrow for the shared tiles of `filter_gradient_tiles.ts`. In depthwise convolution a tile is the taps of 4
 * channels.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  scratch,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { windowParameters } from "./dispatch.ts";
import { asRows, partialGradient, splitRuns } from "./filter_gradient_split.ts";
import { type ConvolutionShape, isDepthwise } from "./shape.ts";

/** Positions of a strip. */
const STRIP = 4;
/** Invocations that keep a device busy: 64 SIMD vectors, or the threads of a GPU. */
const WANTED = { software: 512, gpu: 16384 };
/** Invocations of a workgroup. */
const WORKGROUP = { software: 8, gpu: 64 };
/** Strips of a run at least. */
const LEAST = 8;

/** What a tile is: taps across and down, 4-vectors of input and output channels. */
interface Tile {
  readonly tapsX: number;
  readonly tapsY: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** The largest tile whose sums (4 vectors for each tap and pair of vectors) stay near registers, about 50 vectors. */
function tileOf(shape: ConvolutionShape): Tile {
  const [kernelY, kernelX] = shape.kernel;
  const tapsX = kernelX <= 7 ? kernelX : 4;
  if (isDepthwise(shape)) return { tapsX, tapsY: kernelY * tapsX <= 25 ? kernelY : 1, inputs: 1, outputs: 1 };
  const { merged, outputVectors } = partialGradient(shape);
  const pairs = tapsX === 1 ? 12 : tapsX <= 3 ? 4 : 2;
  const outputs = Math.min(4, pairs, outputVectors);
  const inputs = Math.min(Math.floor(pairs / outputs), channelVectors(merged.inputChannels));
  return { tapsX, tapsY: 1, inputs, outputs };
}

/** How the work of a convolution is shared out. */
function divide(shape: ConvolutionShape, tile: Tile, profile: Target["profile"]) {
  const { merged, outputVectors } = partialGradient(shape);
  const inputVectors = isDepthwise(shape) ? 1 : channelVectors(merged.inputChannels);
  const [kernelY, kernelX] = shape.kernel;
  const tiles = {
    tilesX: Math.ceil(kernelX / tile.tapsX),
    tilesY: Math.ceil(kernelY / tile.tapsY),
    inputTiles: Math.ceil(inputVectors / tile.inputs),
    outputTiles: Math.ceil(outputVectors / tile.outputs),
  };
  const count = tiles.tilesX * tiles.tilesY * tiles.inputTiles * tiles.outputTiles * merged.count;
  const acrossX = Math.ceil(shape.output[1] / STRIP);
  const strips = shape.batch * shape.output[0] * acrossX;
  return { ...splitRuns(strips, count, WANTED[profile], LEAST), tiles, count, acrossX, strips, inputVectors };
}

function parametersOf(shape: ConvolutionShape, work: ReturnType<typeof divide>): Parameter[] {
  const { outputVectors, vectors } = partialGradient(shape);
  const { tiles, count, runs, each, strips, acrossX, inputVectors } = work;
  const values = {
    ...tiles,
    tiles: count,
    items: count * runs,
    strips,
    runStrips: each,
    acrossX,
    kernelY: shape.kernel[0],
    ...windowParameters(shape),
    inputVectors: channelVectors(shape.inputChannels),
    outputVectors: channelVectors(shape.outputChannels),
    groupVectors: inputVectors,
    groupOutputVectors: outputVectors,
    partialVectors: vectors,
  };
  return unsigned(Object.entries(values).map(([name, value]) => ({ name, value })));
}

/** A sum in a register: of a tap, an input channel (vector and lane; depthwise a vector) and an output vector. */
interface Sum {
  readonly dy: number;
  readonly dx: number;
  readonly i: number;
  readonly lane: number;
  readonly o: number;
  readonly name: string;
}

function sumsOf({ tapsX, tapsY, inputs, outputs }: Tile, depthwise: boolean): Sum[] {
  const lanes = depthwise ? [0] : range(4);
  return range(tapsY).flatMap((dy) =>
    range(tapsX).flatMap((dx) =>
      range(inputs).flatMap((i) =>
        lanes.flatMap((lane) =>
          range(outputs).map((o) => ({ dy, dx, i, lane, o, name: `sum${dy}_${dx}_${i}_${lane}_${o}` }))
        )
      )
    )
  );
}

/** What is outside reads the zero texel, or a zero; a tile's vectors beyond the last are read, and not stored. */
function reader(software: boolean) {
  return {
    address: (at: string, index: string, inside: string) =>
      `let ${at} = select(0u, ${index}${software ? ` + ${TEXTURE_WIDTH}u` : ""}, ${inside});`,
    read: (name: string, value: string, at: string, inside: string) =>
      software
        ? `let ${value} = ${readTexel(name, at)};`
        : `let ${value} = select(vec4<f32>(0.0), vec4<f32>(${name}[${at}]), ${inside});`,
  };
}

/** WGSL that reads the output gradients of a strip: `g` of each position and output vector. */
function readGradients({ outputs }: Tile, { address, read }: ReturnType<typeof reader>): string[] {
  return range(STRIP).flatMap((p) => [
    `let inside${p} = column + ${p}u < parameters.outputX;`,
    address(`at${p}`, `(start + ${p}u) * parameters.outputVectors + outputVector`, `inside${p}`),
    ...range(outputs).map((o) => read("outputGradient", `g${p}_${o}`, `(at${p} + ${o}u)`, `inside${p}`)),
  ]);
}

/** WGSL that reads the input under row `dy` of the taps, and adds its products with the gradients to that row's sums. */
function addRow(
  dy: number,
  { tapsX, inputs }: Tile,
  strideX: number,
  sums: readonly Sum[],
  { address, read }: ReturnType<typeof reader>,
  depthwise: boolean,
): string {
  const columns = range((STRIP - 1) * strideX + tapsX).flatMap((column) => [
    `let insideX${column} = insideY & (left + ${column} >= 0) & (left + ${column} < i32(parameters.inputX));`,
    address(`from${column}`, `u32(first + ${column}) * parameters.inputVectors + inputVector`, `insideX${column}`),
    ...range(inputs).map((i) => read("input", `x${column}_${i}`, `(from${column} + ${i}u)`, `insideX${column}`)),
  ]);
  // A sum takes the products of all positions in one go: it is loaded and stored once. With `fma`, a quarter faster.
  const products = sums.filter((sum) => sum.dy === dy).flatMap(({ name, dx, i, lane, o }) =>
    range(STRIP).map((p) => {
      const x = `x${p * strideX + dx}_${i}`;
      return `${name} = fma(${depthwise ? x : `vec4<f32>(${x}.${"xyzw"[lane]})`}, g${p}_${o}, ${name});`;
    })
  );
  return wgsl`
    {
      let y = top + ${dy};
      let insideY = (y >= 0) & (y < i32(parameters.inputY));
      let first = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;
      ${columns}
      ${products}
    }
  `;
}

/** WGSL that stores the sums of a tap that is one of the kernel's. */
function storeTap(dy: number, dx: number, sums: readonly Sum[], depthwise: boolean): string {
  const stores = sums.filter((sum) => sum.dy === dy && sum.dx === dx).map(({ name, i, lane, o }) => {
    const row = depthwise ? "" : ` * parameters.groupVectors * 4u + (inTile + ${i}u) * 4u + ${lane}u`;
    return wgsl`
      if ((inTile + ${i}u < parameters.groupVectors) & (outTile + ${o}u < parameters.groupOutputVectors)) {
        partial[base + (((outTile + ${o}u)${row}) * parameters.kernelY * parameters.kernelX) + tap] = ${name};
      }
    `;
  });
  return wgsl`
    if ((firstY + ${dy}u < parameters.kernelY) & (firstX + ${dx}u < parameters.kernelX)) {
      let tap = (firstY + ${dy}u) * parameters.kernelX + firstX + ${dx}u;
      ${stores}
    }
  `;
}

/** WGSL of the vectors of a group's partial gradient. */
const GROUP_VECTORS =
  "parameters.kernelY * parameters.kernelX * parameters.groupVectors * 4u * parameters.groupOutputVectors";

/** The text of `main`. */
function writeMain(shape: ConvolutionShape, tile: Tile, profile: Target["profile"]): string {
  const depthwise = isDepthwise(shape);
  const { tapsX, tapsY, inputs, outputs } = tile;
  const sums = sumsOf(tile, depthwise);
  const reads = reader(profile === "software");
  const workgroup = WORKGROUP[profile];
  return wgsl`
    @compute @workgroup_size(${workgroup})
    fn main(${BUILTINS}) {
      let item = (workgroup.y * workgroups.x + workgroup.x) * ${workgroup}u + local;
      if (item >= parameters.items) { return; }
      let run = item / parameters.tiles;
      var rest = item - run * parameters.tiles;
      let outTile = rest % parameters.outputTiles * ${outputs}u;
      rest /= parameters.outputTiles;
      let inTile = rest % parameters.inputTiles * ${inputs}u;
      rest /= parameters.inputTiles;
      let firstX = rest % parameters.tilesX * ${tapsX}u;
      rest /= parameters.tilesX;
      let firstY = rest % parameters.tilesY * ${tapsY}u;
      let group = rest / parameters.tilesY;
      let outputVector = group * parameters.groupOutputVectors + outTile;
      let inputVector = ${depthwise ? "outputVector" : "group * parameters.groupVectors + inTile"};
      let begin = run * parameters.runStrips;
      let end = min(begin + parameters.runStrips, parameters.strips);
      var column = begin % parameters.acrossX * ${STRIP}u;
      var row = begin / parameters.acrossX % parameters.outputY;
      var image = begin / parameters.acrossX / parameters.outputY;
      ${sums.map(({ name }) => `var ${name} = vec4<f32>();`)}
      for (var strip = begin; strip < end; strip++) {
        let top = i32(row * parameters.strideY + firstY) - i32(parameters.beforeY);
        let left = i32(column * parameters.strideX + firstX) - i32(parameters.beforeX);
        let start = (image * parameters.outputY + row) * parameters.outputX + column;
        ${readGradients(tile, reads)}
        ${range(tapsY).map((dy) => addRow(dy, tile, shape.stride[1], sums, reads, depthwise))}
        column += ${STRIP}u;
        let nextRow = column >= parameters.outputX;
        column = select(column, 0u, nextRow);
        row += select(0u, 1u, nextRow);
        let nextImage = row == parameters.outputY;
        row = select(row, 0u, nextImage);
        image += select(0u, 1u, nextImage);
      }
      let base = run * parameters.partialVectors${depthwise ? "" : ` + group * ${GROUP_VECTORS}`};
      ${range(tapsY).flatMap((dy) => range(tapsX).map((dx) => storeTap(dy, dx, sums, depthwise)))}
    }

  `;
}

/**
 * The partial filter gradients by strips.
 *
 * @param given The convolution.
 * @param target Profile and storage.
 * @returns The kernel, with the scratch `partial` and the bindings `input` and `outputGradient` (textures in the software
 * profile), and the number of partial gradients.
 */
export function stripFilterGradient(given: ConvolutionShape, target: Target): { kernel: Kernel; runs: number } {
  const shape = asRows(given);
  const { profile, storage } = target;
  const tile = tileOf(shape);
  const work = divide(shape, tile, profile);
  const { count, runs } = work;
  const parameters = parametersOf(shape, work);
  const tensor = profile === "software" ? texture(storage) : vectorType(storage);
  const { vectors } = partialGradient(shape);
  const bindings = { partial: scratch("vec4<f32>", runs * vectors * 16), input: tensor, outputGradient: tensor };
  const kind = isDepthwise(shape) ? "depthwise " : shape.groups > 1 ? "grouped " : "";
  const size = `${shape.kernel.join("x")}/${shape.stride.join("x")}`;
  return {
    kernel: {
      name: `convolution filter gradient ${kind}${size} ${storage} ${profile}`,
      code: `${declarations(bindings, parameters)}\n${writeMain(shape, tile, profile)}`,
      bindings: listBindings(bindings),
      parameters,
      workgroups: spreadWorkgroups(Math.ceil(count * runs / WORKGROUP[profile])),
    },
    runs,
  };
}
