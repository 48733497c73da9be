/**
 * The filter gradient of a dense convolution in the GPU profile: shared-memory tiles.
 *
 * It is the product of the matrix (tap, input channel) x positions, which is never built, with positions x output channels.
 * A workgroup of 64 invocations computes 64 rows by 64 columns over one run of positions; each invocation keeps 8 x 8 of
 * them. In turns of 16 positions all bring a tile of both matrices into workgroup memory. An invocation always brings the
 * same 4 rows, so that it finds their tap once, and 4 positions in a row, so that it divides once for 4 of them.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, scratch } from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { windowParameters } from "./dispatch.ts";
import { partialGradient, splitRuns } from "./filter_gradient_split.ts";
import { type ConvolutionShape, isPointwise, outputPositions } from "./shape.ts";

/** Rows, and columns, of a workgroup, in 4-vectors. */
const TILE = 16;
/** Positions in workgroup memory. */
const DEPTH = 16;
/** Workgroups that keep a GPU busy. */
const WANTED = 512;
/** Turns of a run at least. */
const LEAST = 8;

/** WGSL that goes on to the next position of a row, the next row or the next image, without a branch. */
const NEXT_POSITION = wgsl`
  {
    column += 1u;
    let nextLine = column == parameters.outputX;
    column = select(column, 0u, nextLine);
    line += select(0u, 1u, nextLine);
    let nextImage = line == parameters.outputY;
    line = select(line, 0u, nextImage);
    image += select(0u, 1u, nextImage);
  }
`;

/** WGSL that puts the input and the output gradient of position `p` of an invocation's 4 into the tiles. */
function fetch(p: number, pointwise: boolean): string {
  const place = pointwise
    ? wgsl`
      let inside = within & (row < parameters.rowVectors);
      let at = (position + ${p}u) * parameters.inputVectors + part;
    `
    : wgsl`
      let y = line * parameters.strideY + dy;
      let x = column * parameters.strideX + dx;
      let inside = within & (row < parameters.rowVectors) & (y < parameters.inputY) & (x < parameters.inputX);
      let at = ((image * parameters.inputY + y) * parameters.inputX + x) * parameters.inputVectors + part;
    `;
  return wgsl`
    {
      let within = position + ${p}u < end;
      ${place}
      inputTile[depth + ${p}u][quad] = select(vec4<f32>(0.0), vec4<f32>(input[select(0u, at, inside)]), inside);
      let real = within & (outVector < parameters.outputVectors);
      let start = (position + ${p}u) * parameters.outputVectors + outVector;
      gradientTile[depth + ${p}u][quad] =
        select(vec4<f32>(0.0), vec4<f32>(outputGradient[select(0u, start, real)]), real);
    }
    ${!pointwise && p < 3 && NEXT_POSITION}
  `;
}

/** WGSL that stores the sum of row `r` and column `c` of an invocation's. */
function storeSum(r: number, c: number, pointwise: boolean): string {
  const place = pointwise ? "channel" : "channel * parameters.taps + rowVector / parameters.inputVectors";
  return wgsl`
    {
      let rowVector = workgroup.x * ${TILE}u + down + ${(r >> 2) * 8}u;
      let column = workgroup.y * ${TILE}u + across + ${c * 8}u;
      if ((rowVector < parameters.rowVectors) & (column < parameters.outputVectors)) {
        let channel = (column * parameters.inputVectors + rowVector % parameters.inputVectors) * 4u + ${r & 3}u;
        partial[base + ${place}] = sum${r}_${c};
      }
    }
  `;
}

/** The text of tiles and `main`: an invocation has the sums of 8 rows and 2 vectors of columns. */
function writeMain(pointwise: boolean): string {
  const sums = range(8).flatMap((r) => range(2).map((c) => ({ r, c })));
  const tap = wgsl`
    let tap = row / parameters.inputVectors;
    // A place above or to the left of the input wraps around to a number that is larger than its size.
    let dy = tap / parameters.kernelX - parameters.beforeY;
    let dx = tap % parameters.kernelX - parameters.beforeX;
  `;
  const locate = wgsl`
    var column = position % parameters.outputX;
    var line = position / parameters.outputX % parameters.outputY;
    var image = position / parameters.outputX / parameters.outputY;
  `;
  const products = range(DEPTH).map((k) =>
    wgsl`
      {
        ${
      range(2).flatMap((half) => [
        `let x${half} = inputTile[${k}][down + ${half * 8}u];`,
        `let g${half} = gradientTile[${k}][across + ${half * 8}u];`,
      ])
    }
        ${sums.map(({ r, c }) => `sum${r}_${c} += x${r >> 2}.${"xyzw"[r & 3]} * g${c};`)}
      }
    `
  );
  return wgsl`
    // Positions, each with 64 rows and 64 columns, as vectors.
    var<workgroup> inputTile: array<array<vec4<f32>, ${TILE}>, ${DEPTH}>;
    var<workgroup> gradientTile: array<array<vec4<f32>, ${TILE}>, ${DEPTH}>;

    @compute @workgroup_size(64)
    fn main(${BUILTINS}) {
      let across = local % 8u;
      let down = local / 8u;
      let quad = local % ${TILE}u;
      let depth = local / ${TILE}u * 4u;
      let row = workgroup.x * ${TILE}u + quad;
      let outVector = workgroup.y * ${TILE}u + quad;
      let part = row % parameters.inputVectors;
      ${!pointwise && tap}
      let begin = workgroup.z * parameters.runPositions;
      let end = min(begin + parameters.runPositions, parameters.positions);
      ${sums.map(({ r, c }) => `var sum${r}_${c} = vec4<f32>();`)}
      for (var turn = begin; turn < end; turn += ${DEPTH}u) {
        let position = turn + depth;
        ${!pointwise && locate}
        ${range(4).map((p) => fetch(p, pointwise))}
        workgroupBarrier();
        ${products}
        workgroupBarrier();
      }
      let base = workgroup.z * parameters.partialVectors;
      ${sums.map(({ r, c }) => storeSum(r, c, pointwise))}
    }

  `;
}

/**
 * The partial filter gradients of a dense convolution.
 *
 * @param shape The convolution, of one group.
 * @param target The GPU profile, and storage.
 * @returns The kernel, with the scratch `partial` and the bindings `input` and `outputGradient`, and the number of partial gradients.
 */
export function tileFilterGradient(
  shape: ConvolutionShape,
  { storage, profile }: Target,
): { kernel: Kernel; runs: number } {
  const { taps, outputVectors, vectors } = partialGradient(shape);
  const inputVectors = channelVectors(shape.inputChannels);
  const pointwise = isPointwise(shape);
  const positions = outputPositions(shape);
  const down = Math.ceil(taps * inputVectors / TILE);
  const across = Math.ceil(outputVectors / TILE);
  const { runs, each: turns } = splitRuns(Math.ceil(positions / DEPTH), down * across, WANTED, LEAST);
  const parameters = unsigned(
    Object.entries({
      positions,
      runPositions: turns * DEPTH,
      rowVectors: taps * inputVectors,
      inputVectors,
      outputVectors,
      partialVectors: vectors,
      ...(pointwise ? {} : { taps, ...windowParameters(shape) }),
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = { partial: scratch("vec4<f32>", runs * vectors * 16), input: vector, outputGradient: vector };
  const code = `${declarations(bindings, parameters)}\n${writeMain(pointwise)}`;
  return {
    kernel: {
      name: `convolution filter gradient ${pointwise ? "1x1 " : ""}${storage} ${profile}`,
      code,
      bindings: listBindings(bindings),
      parameters,
      workgroups: [down, across, runs],
    },
    runs,
  };
}
