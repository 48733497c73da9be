/**
 * The filter gradient by strips: an invocation holds a tile of the partial gradient in registers (neighbouring taps x
 * input channels x output channels) and walks over strips of 4 neighbouring output positions of a row. It reads each input
 * element of a strip once for all taps that touch it: for 3 taps x 4 x 16 channels 22 reads serve 768 multiply-adds, more
 * than half as many again a read as a tile of 8 x 16 channels of one tap.
 *
 * The software profile uses it for every convolution, reading through textures; the GPU profile for grouped and depthwise
 * ones, whose groups are too narrow for the shared tiles of `filter_gradient_tiles.ts`. In depthwise convolution a tile is
 * the taps of 4 channels.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  scratch,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { windowParameters } from "./dispatch.ts";
import { asRows, partialGradient, splitRuns } from "./filter_gradient_split.ts";
import { type ConvolutionShape, isDepthwise } from "./shape.ts";

/** Positions of a strip. */
const STRIP = 4;
/** Invocations that keep a device busy: 64 SIMD vectors, or the threads of a GPU. */
const WANTED = { software: 512, gpu: 16384 };
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

/**
 * The partial filter gradients by strips.
 *
 * @param given The convolution.
 * @param target Profile and storage.
 * @returns The kernel, with the scratch `partial` and the bindings `input` and `outputGradient` (textures in the software profile), and
 * the number of partial gradients.
 */
export function stripFilterGradient(given: ConvolutionShape, target: Target): { kernel: Kernel; runs: number } {
  const shape = asRows(given);
  const { profile, storage } = target;
  const software = profile === "software";
  const depthwise = isDepthwise(shape);
  const { merged, outputVectors, vectors } = partialGradient(shape);
  const { tapsX, tapsY, inputs, outputs } = tileOf(shape);
  const [kernelY, kernelX] = shape.kernel;
  const strideX = shape.stride[1];
  const inputVectors = depthwise ? 1 : channelVectors(merged.inputChannels);
  const tiles = {
    tilesX: Math.ceil(kernelX / tapsX),
    tilesY: Math.ceil(kernelY / tapsY),
    inputTiles: Math.ceil(inputVectors / inputs),
    outputTiles: Math.ceil(outputVectors / outputs),
  };
  const tileCount = tiles.tilesX * tiles.tilesY * tiles.inputTiles * tiles.outputTiles * merged.count;
  const acrossX = Math.ceil(shape.output[1] / STRIP);
  const strips = shape.batch * shape.output[0] * acrossX;
  const { runs, each } = splitRuns(strips, tileCount, WANTED[profile], LEAST);
  const parameters = unsigned(
    Object.entries({
      ...tiles,
      tiles: tileCount,
      items: tileCount * runs,
      strips,
      runStrips: each,
      acrossX,
      kernelY,
      ...windowParameters(shape),
      inputVectors: channelVectors(shape.inputChannels),
      outputVectors: channelVectors(shape.outputChannels),
      groupVectors: inputVectors,
      groupOutputVectors: outputVectors,
      partialVectors: vectors,
    }).map(([name, value]) => ({ name, value })),
  );
  const range = (length: number) => Array.from({ length }, (_, index) => index);
  const lanes = depthwise ? [0] : range(4);
  const sums = range(tapsY).flatMap((dy) =>
    range(tapsX).flatMap((dx) =>
      range(inputs).flatMap((i) => lanes.flatMap((lane) => range(outputs).map((o) => ({ dy, dx, i, lane, o }))))
    )
  );
  type Sum = typeof sums[number];
  const sumName = ({ dy, dx, i, lane, o }: Sum) => `sum${dy}_${dx}_${i}_${lane}_${o}`;
  // What is outside reads the zero texel, or a zero; a tile's vectors beyond the last are read, and not stored.
  const read = (name: string, value: string, at: string, inside: string) =>
    software
      ? `      let ${value} = ${readTexel(name, at)};`
      : `      let ${value} = select(vec4<f32>(0.0), vec4<f32>(${name}[${at}]), ${inside});`;
  const address = (at: string, index: string, inside: string) =>
    `      let ${at} = select(0u, ${index}${software ? ` + ${TEXTURE_WIDTH}u` : ""}, ${inside});`;
  const gradients = range(STRIP).flatMap((p) => [
    `      let inside${p} = column + ${p}u < parameters.outputX;`,
    address(`at${p}`, `(start + ${p}u) * parameters.outputVectors + outputVector`, `inside${p}`),
    ...range(outputs).map((o) => read("outputGradient", `g${p}_${o}`, `(at${p} + ${o}u)`, `inside${p}`)),
  ]).join("\n");
  // A sum takes the products of all positions in one go: it is loaded and stored once. With `fma`, a quarter faster.
  const products = (dy: number) =>
    sums.filter((sum) => sum.dy === dy).flatMap((sum) =>
      range(STRIP).map((p) => {
        const x = `x${p * strideX + sum.dx}_${sum.i}`;
        const factor = depthwise ? x : `vec4<f32>(${x}.${"xyzw"[sum.lane]})`;
        return `      ${sumName(sum)} = fma(${factor}, g${p}_${sum.o}, ${sumName(sum)});`;
      })
    );
  const inputRow = (dy: number) =>
    [
      "    {",
      `      let y = top + ${dy};`,
      "      let insideY = (y >= 0) & (y < i32(parameters.inputY));",
      "      let first = (i32(image * parameters.inputY) + y) * i32(parameters.inputX) + left;",
      ...range((STRIP - 1) * strideX + tapsX).flatMap((column) => [
        `      let insideX${column} = insideY & (left + ${column} >= 0) & (left + ${column} < i32(parameters.inputX));`,
        address(
          `from${column}`,
          `u32(first + ${column}) * parameters.inputVectors + inputVector`,
          `insideX${column}`,
        ),
        ...range(inputs).map((i) => read("input", `x${column}_${i}`, `(from${column} + ${i}u)`, `insideX${column}`)),
      ]),
      ...products(dy),
      "    }",
    ].join("\n");
  const store = range(tapsY).flatMap((dy) =>
    range(tapsX).map((dx) => {
      const stores = sums.filter((sum) => sum.dy === dy && sum.dx === dx).map((sum) => {
        const inside =
          `(inTile + ${sum.i}u < parameters.groupVectors) & (outTile + ${sum.o}u < parameters.groupOutputVectors)`;
        const row = depthwise ? "" : ` * parameters.groupVectors * 4u + (inTile + ${sum.i}u) * 4u + ${sum.lane}u`;
        return `    if (${inside}) {
      partial[base + (((outTile + ${sum.o}u)${row}) * parameters.kernelY * parameters.kernelX) + tap] = ${sumName(sum)};
    }`;
      });
      return `  if ((firstY + ${dy}u < parameters.kernelY) & (firstX + ${dx}u < parameters.kernelX)) {
    let tap = (firstY + ${dy}u) * parameters.kernelX + firstX + ${dx}u;
${stores.join("\n")}
  }`;
    })
  ).join("\n");
  const size = software ? 8 : 64;
  const tensor = software ? texture(storage) : vectorType(storage);
  const bindings = { partial: scratch("vec4<f32>", runs * vectors * 16), input: tensor, outputGradient: tensor };
  const code = `${declarations(bindings, parameters)}
@compute @workgroup_size(${size})
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * ${size}u + local;
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
${sums.map((sum) => `  var ${sumName(sum)} = vec4<f32>();`).join("\n")}
  for (var strip = begin; strip < end; strip++) {
    let top = i32(row * parameters.strideY + firstY) - i32(parameters.beforeY);
    let left = i32(column * parameters.strideX + firstX) - i32(parameters.beforeX);
    let start = (image * parameters.outputY + row) * parameters.outputX + column;
${gradients}
${range(tapsY).map(inputRow).join("\n")}
    column += ${STRIP}u;
    let nextRow = column >= parameters.outputX;
    column = select(column, 0u, nextRow);
    row += select(0u, 1u, nextRow);
    let nextImage = row == parameters.outputY;
    row = select(row, 0u, nextImage);
    image += select(0u, 1u, nextImage);
  }
  let base = run * parameters.partialVectors${
    depthwise
      ? ""
      : " +\n    group * parameters.kernelY * parameters.kernelX * parameters.groupVectors * 4u * parameters.groupOutputVectors"
  };
${store}
}
`;
  const kind = depthwise ? "depthwise " : shape.groups > 1 ? "grouped " : "";
  return {
    kernel: {
      name: `convolution filter gradient ${kind}${shape.kernel.join("x")}/${
        shape.stride.join("x")
      } ${storage} ${profile}`,
      code,
      bindings: listBindings(bindings),
      parameters,
      workgroups: spreadWorkgroups(Math.ceil(tileCount * runs / size)),
    },
    runs,
  };
}
