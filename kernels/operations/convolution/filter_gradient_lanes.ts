/**
 * The filter gradient of a dense convolution in the software profile, where the adapter has subgroups.
 *
 * It is the product of the matrix (tap, input channel) x positions, which is never built, with positions x output channels.
 * The lanes of a subgroup stand along the rows: each has 4 input channels of one tap, and in registers their sums with 32
 * output channels. In a turn of 4 positions each lane reads its 4 inputs, and the lanes together the output gradients,
 * which reach all of them by shuffles: 8 reads serve 512 multiply-adds a lane. Sums are stored in PyTorch's order, so that
 * a single run of positions is the gradient itself, and several are added up without a look at their shape.
 *
 * Tried: Winograd's F(3, 2) along a row, which multiplies a third less, gained a tenth and compiled four times as long;
 * 16 output channels took as long as strips do, and turns of 8 positions as long as those of 4.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, scratch, texture, TEXTURE_WIDTH } from "../../engine/kernel.ts";
import type { SubgroupLanes } from "../../engine/subgroups.ts";
import { BUILTINS, channelVectors, itemKernel, type Target, unsigned } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { windowParameters } from "./dispatch.ts";
import { splitRuns } from "./filter_gradient_split.ts";
import { type ConvolutionShape, isPointwise, outputPositions } from "./shape.ts";

/** Positions of a turn. */
const TURN = 4;
/** Output channels that a lane has sums of, and their vectors. */
const TILE = 32;
const VECTORS = TILE / 4;
/** Subgroups that keep a CPU busy. */
const WANTED = 64;
/** Turns of a run at least. */
const LEAST = 8;
/** The share of sums that are of use, below which strips are faster. */
const LEAST_USED = 0.6;

/** How the sums are shared out: subgroups along the rows, and along the output channels. */
function tiling({ kernel, inputChannels, outputChannels }: ConvolutionShape, lanes: SubgroupLanes) {
  const rowVectors = kernel[0] * kernel[1] * channelVectors(inputChannels);
  const down = Math.ceil(rowVectors / lanes);
  const across = Math.ceil(outputChannels / TILE);
  return { rowVectors, down, across, used: rowVectors * outputChannels / (down * lanes * across * TILE) };
}

/** The lanes of a target whose filter gradient of this shape goes by lanes; none where it goes by strips. */
export function filterGradientLanes(
  shape: ConvolutionShape,
  { profile, subgroupLanes }: Target,
): SubgroupLanes | undefined {
  if (profile !== "software" || subgroupLanes === undefined || shape.groups > 1) return undefined;
  return tiling(shape, subgroupLanes).used >= LEAST_USED ? subgroupLanes : undefined;
}

/** WGSL that reads the output gradients of a turn: lane after lane, vector after vector of each position. */
function readGradients(lanes: SubgroupLanes): { begin: string[]; turn: string[] } {
  const loads = range(TURN * VECTORS / lanes);
  return {
    begin: loads.map((load) =>
      wgsl`
        let ahead${load} = (${load * lanes}u + local) / ${VECTORS}u;
        let outVector${load} = firstVector + (${load * lanes}u + local) % ${VECTORS}u;
        var from${load} = (begin + ahead${load}) * parameters.outputVectors + outVector${load} + ${TEXTURE_WIDTH}u;
      `
    ),
    turn: loads.map((load) =>
      wgsl`
        let real${load} = (turn + ahead${load} < end) & (outVector${load} < parameters.outputVectors);
        let given${load} = select(0u, from${load}, real${load});
        let gradient${load} = ${readTexel("outputGradient", `given${load}`)};
        from${load} += parameters.outputVectors * ${TURN}u;
      `
    ),
  };
}

/** WGSL that reads what a lane has of each position of a turn. What is outside of the image or the run is zero. */
function readInputs(pointwise: boolean): { begin: string; turn: string[] } {
  const read = (p: number, at: string, inside: string) =>
    wgsl`
      let at${p} = select(0u, ${at}, (turn + ${p}u < end) & ${inside});
      let x${p} = ${readTexel("input", `at${p}`)};
    `;
  if (pointwise) {
    return {
      begin: `let place = begin * parameters.inputVectors + row + ${TEXTURE_WIDTH}u;`,
      turn: range(TURN).map((p) =>
        read(p, `place + (turn - begin + ${p}u) * parameters.inputVectors`, "(row < parameters.rowVectors)")
      ),
    };
  }
  return {
    begin: wgsl`
      let dy = select(-1i << 24u, i32(tap / parameters.kernelX) - i32(parameters.beforeY), row < parameters.rowVectors);
      let dx = i32(tap % parameters.kernelX) - i32(parameters.beforeX);
      let offset = (dy * i32(parameters.inputX) + dx) * i32(parameters.inputVectors) + i32(part + ${TEXTURE_WIDTH}u);
      let strideX = i32(parameters.strideX);
      let strideY = i32(parameters.strideY);
      let endX = i32(parameters.outputX) * strideX;
      let endY = i32(parameters.outputY) * strideY;
      var x = i32(begin % parameters.outputX) * strideX;
      var y = i32(begin / parameters.outputX % parameters.outputY) * strideY;
      var line = i32(begin / parameters.outputX / parameters.outputY * parameters.inputY) + y;
    `,
    turn: range(TURN).map((p) =>
      wgsl`
        let inside${p} = (u32(y + dy) < parameters.inputY) & (u32(x + dx) < parameters.inputX);
        let corner${p} = (line * i32(parameters.inputX) + x) * i32(parameters.inputVectors);
        ${read(p, `u32(corner${p} + offset)`, `inside${p}`)}
        x += strideX;
        if (x == endX) {
          x = 0;
          y += strideY;
          line += strideY;
          if (y == endY) {
            y = 0;
            line += i32(parameters.inputY) - endY;
          }
        }
      `
    ),
  };
}

/** WGSL that adds the products of a turn to the sums of 4 output channels. */
function addProducts(vector: number, lanes: SubgroupLanes): string {
  const gradients = range(TURN).map((p) => {
    const texel = p * VECTORS + vector;
    return `let g${p} = subgroupShuffle(gradient${Math.floor(texel / lanes)}, ${texel % lanes}u);`;
  });
  const sums = range(4).map((lane) =>
    `sum${vector * 4 + lane} += ${range(TURN).map((p) => `x${p} * g${p}.${"xyzw"[lane]}`).join(" + ")};`
  );
  return wgsl`
    {
      ${gradients}
      ${sums}
    }
  `;
}

/** WGSL that stores the sums of an output channel. */
function storeSums(column: number, output: string): string {
  const stores = range(4).map((lane) =>
    `if (${lane}u < inputs) { ${output}[at + ${lane}u * parameters.taps] = sum${column}[${lane}]; }`
  );
  return wgsl`
    if (channel + ${column}u < parameters.outputChannels) {
      let at = first + ${column}u * parameters.inputChannels * parameters.taps;
      ${stores}
    }
  `;
}

function writeMain(lanes: SubgroupLanes, pointwise: boolean, output: string): string {
  const gradients = readGradients(lanes);
  const inputs = readInputs(pointwise);
  return wgsl`
    @compute @workgroup_size(${lanes})
    fn main(${BUILTINS}) {
      let row = workgroup.x * ${lanes}u + local;
      let tap = row / parameters.inputVectors;
      let part = row % parameters.inputVectors;
      let firstVector = workgroup.y * ${VECTORS}u;
      let begin = workgroup.z * parameters.runPositions;
      let end = min(begin + parameters.runPositions, parameters.positions);
      ${range(TILE).map((column) => `var sum${column} = vec4<f32>();`)}
      ${inputs.begin}
      ${gradients.begin}
      for (var turn = begin; turn < end; turn += ${TURN}u) {
        ${gradients.turn}
        ${inputs.turn}
        ${range(VECTORS).map((vector) => addProducts(vector, lanes))}
      }
      let channel = firstVector * 4u;
      let inputs = select(0u, parameters.inputChannels - part * 4u, row < parameters.rowVectors);
      let first = workgroup.z * parameters.runLength +
        (channel * parameters.inputChannels + part * 4u) * parameters.taps + tap;
      ${range(TILE).map((column) => storeSums(column, output))}
    }

  `;
}

/**
 * The filter gradient of a dense convolution by lanes.
 *
 * @param shape The convolution, of one group.
 * @param target Profile and storage.
 * @param lanes What {@linkcode filterGradientLanes} gives.
 * @returns One kernel, or two in order where there are several runs. Their bindings: the textures `input` and
 * `outputGradient`; the scratch `partial`, f32 `[runs, O, I, kernelHeight, kernelWidth]`, where there are several runs, each
 * filled up to whole 4-vectors; `filterGradient`, f32 `[O, I, kernelHeight, kernelWidth]`.
 */
export function laneFilterGradient(
  shape: ConvolutionShape,
  { profile, storage }: Target,
  lanes: SubgroupLanes,
): Kernel[] {
  const { inputChannels, outputChannels, kernel: [kernelY, kernelX] } = shape;
  const taps = kernelY * kernelX;
  const { rowVectors, down, across } = tiling(shape, lanes);
  const pointwise = isPointwise(shape);
  const positions = outputPositions(shape);
  const { runs, each } = splitRuns(Math.ceil(positions / TURN), down * across, WANTED, LEAST);
  const length = outputChannels * inputChannels * taps;
  const runLength = Math.ceil(length / 4) * 4;
  const parameters = unsigned(
    Object.entries({
      positions,
      runPositions: each * TURN,
      rowVectors,
      inputVectors: channelVectors(inputChannels),
      outputVectors: channelVectors(outputChannels),
      inputChannels,
      outputChannels,
      taps,
      runLength,
      ...(pointwise ? {} : windowParameters(shape)),
    }).map(([name, value]) => ({ name, value })),
  );
  const output = runs === 1 ? "filterGradient" : "partial";
  const bindings = {
    [output]: runs === 1 ? "f32" : scratch("f32", runs * runLength * 4),
    input: texture(storage),
    outputGradient: texture(storage),
  };
  const kernel = {
    name: `convolution filter gradient ${pointwise ? "1x1 " : ""}${output} ${storage} by ${lanes} lanes`,
    code: `${declarations(bindings, parameters)}\n${writeMain(lanes, pointwise, output)}`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [down, across, runs] as const,
  };
  return runs === 1 ? [kernel] : [kernel, addRuns({ length, runLength, runs, profile })];
}

/** Adds up the runs, in order, four numbers at a time where that comes out even. */
function addRuns(
  { length, runLength, runs, profile }: { length: number; runLength: number; runs: number } & Pick<Target, "profile">,
): Kernel {
  const width = length % 4 === 0 ? 4 : 1;
  const element = width === 4 ? "vec4<f32>" : "f32";
  const next = (ahead: number) => `sum += partial[(run + ${ahead}u) * parameters.runItems + item];`;
  return itemKernel({
    name: `convolution filter gradient sum of ${element}`,
    profile,
    bindings: { partial: element, filterGradient: element },
    parameters: [{ name: "runs", value: runs }, { name: "runItems", value: runLength / width }],
    items: length / width,
    body: wgsl`
      var sum = partial[item];
      var run = 1u;
      for (; run + 3u < parameters.runs; run += 4u) {
        ${range(4).map(next)}
      }
      for (; run < parameters.runs; run++) { ${next(0)} }
      filterGradient[item] = sum;
    `,
  });
}
