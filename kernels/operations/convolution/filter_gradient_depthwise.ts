/**
 * The filter gradient of a depthwise convolution in the GPU profile.
 *
 * A workgroup has 8 vectors of channels, which lie beside each other in memory, and 8 walks. A walk is one invocation for
 * each vector, which holds the sums of all taps (of a kernel of more than 9, of a row of them) in registers and goes over strips of
 * 4 neighbouring output positions in one or two rows, reading each input element once for all positions and taps that meet
 * there. At the end the workgroup adds up its 8 walks, in order, so that many workgroups store few partial sums.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, scratch } from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { windowParameters } from "./dispatch.ts";
import { partialGradient, splitRuns } from "./filter_gradient_split.ts";
import type { ConvolutionShape } from "./shape.ts";

/** Positions of a strip across. */
const ACROSS = 4;
/** Vectors of channels of a workgroup, and its walks. */
const VECTORS = 8;
const WALKS = 8;
/** Workgroups that keep a GPU busy. */
const WANTED = 1024;
/** Strips of a walk at least. */
const LEAST = 2;
/** Taps of a kernel at most whose sums one invocation has; of a larger one it has a row's. 25 sums spilled on RDNA3. */
const MOST_TOGETHER = 9;
/** Taps at most whose sums are in workgroup memory at once: one of each vector for every invocation. */
const MOST_ADDED = 8;

/** What the text of a kernel depends on: taps of an invocation across and down, rows of a strip, strides. */
interface Variant {
  readonly tapsX: number;
  readonly tapsY: number;
  readonly rows: number;
  readonly stride: ConvolutionShape["stride"];
}

function variantOf({ kernel: [kernelY, kernelX], stride }: ConvolutionShape): Variant {
  const tapsX = kernelX <= 7 ? kernelX : 4;
  const tapsY = kernelY * tapsX <= MOST_TOGETHER ? kernelY : 1;
  return { tapsX, tapsY, rows: stride[0] === 1 ? 2 : 1, stride };
}

/** WGSL that reads the output gradients of a strip: `g` of each row and position, zero where there is none. */
function readGradients({ rows }: Variant): string[] {
  return range(rows).flatMap((r) =>
    range(ACROSS).map((p) => {
      const inside = `(row + ${r}u < parameters.outputY) & (column + ${p}u < parameters.outputX)`;
      const place = `start + (${r}u * parameters.outputX + ${p}u) * parameters.outputVectors`;
      return `let g${r}_${p} = select(vec4<f32>(0.0), vec4<f32>(outputGradient[${place}]), ${inside});`;
    })
  );
}

/** WGSL that reads one input row under a strip, and adds its products with the gradients to the sums of all taps. */
function addRow(inputRow: number, { tapsX, tapsY, rows, stride: [strideY, strideX] }: Variant): string {
  const columns = range((ACROSS - 1) * strideX + tapsX).map((column) => {
    const place = `first + ${column}u * parameters.inputVectors`;
    const inside = `(y < parameters.inputY) & (left + ${column}u < parameters.inputX)`;
    return `let x${column} = select(vec4<f32>(0.0), vec4<f32>(input[${place}]), ${inside});`;
  });
  const products = range(rows).map((r) => ({ r, dy: inputRow - r * strideY }))
    .filter(({ dy }) => dy >= 0 && dy < tapsY)
    .flatMap(({ r, dy }) =>
      range(tapsX).flatMap((dx) =>
        range(ACROSS).map((p) => `sum${dy}_${dx} = fma(x${p * strideX + dx}, g${r}_${p}, sum${dy}_${dx});`)
      )
    );
  return wgsl`
    {
      let y = top + ${inputRow}u;
      let first = ((image * parameters.inputY + y) * parameters.inputX + left) * parameters.inputVectors + vector;
      ${columns}
      ${products}
    }
  `;
}

/** WGSL that adds up the walks' sums of some taps and stores them. */
function addWalks(taps: readonly number[], tapsX: number): string {
  const others = range(WALKS - 1).map((walk) => `total += walks[turn][lane + ${(walk + 1) * VECTORS}u];`);
  return wgsl`
    {
      ${taps.map((tap, slot) => `walks[${slot}][local] = sum${Math.floor(tap / tapsX)}_${tap % tapsX};`)}
      workgroupBarrier();
      let dy = firstY + (turn + ${taps[0]}u) / ${tapsX}u;
      let dx = firstX + (turn + ${taps[0]}u) % ${tapsX}u;
      if ((turn < ${taps.length}u) & real & (dy < parameters.kernelY) & (dx < parameters.kernelX)) {
        var total = walks[turn][lane];
        ${others}
        partial[base + dy * parameters.kernelX + dx] = total;
      }
      workgroupBarrier();
    }
  `;
}

/** The text of workgroup memory and `main`. */
function writeMain(variant: Variant): string {
  const { tapsX, tapsY, rows, stride: [strideY, strideX] } = variant;
  const taps = range(tapsX * tapsY);
  const turns = Math.ceil(taps.length / MOST_ADDED);
  const each = Math.ceil(taps.length / turns);
  return wgsl`
    // Sums of some taps of all walks and vectors.
    var<workgroup> walks: array<array<vec4<f32>, ${WALKS * VECTORS}>, ${each}>;

    @compute @workgroup_size(${WALKS * VECTORS})
    fn main(${BUILTINS}) {
      let lane = local % ${VECTORS}u;
      let turn = local / ${VECTORS}u;
      let vector = workgroup.x * ${VECTORS}u + lane;
      let real = vector < parameters.outputVectors;
      let firstX = workgroup.y % parameters.tilesX * ${tapsX}u;
      let firstY = workgroup.y / parameters.tilesX * ${tapsY}u;
      let begin = (workgroup.z * ${WALKS}u + turn) * parameters.walkStrips;
      let end = select(begin, min(begin + parameters.walkStrips, parameters.strips), real);
      var column = begin % parameters.acrossX * ${ACROSS}u;
      var row = begin / parameters.acrossX % parameters.acrossY * ${rows}u;
      var image = begin / parameters.acrossX / parameters.acrossY;
      ${taps.map((tap) => `var sum${Math.floor(tap / tapsX)}_${tap % tapsX} = vec4<f32>();`)}
      for (var strip = begin; strip < end; strip++) {
        // What is above or to the left of the input wraps around to numbers beyond its size.
        let top = row * ${strideY}u + firstY - parameters.beforeY;
        let left = column * ${strideX}u + firstX - parameters.beforeX;
        let start = ((image * parameters.outputY + row) * parameters.outputX + column) * parameters.outputVectors + vector;
        ${readGradients(variant)}
        ${range((rows - 1) * strideY + tapsY).map((inputRow) => addRow(inputRow, variant))}
        column += ${ACROSS}u;
        let nextRow = column >= parameters.outputX;
        column = select(column, 0u, nextRow);
        row += select(0u, ${rows}u, nextRow);
        let nextImage = row >= parameters.outputY;
        row = select(row, 0u, nextImage);
        image += select(0u, 1u, nextImage);
      }
      let base = workgroup.z * parameters.partialVectors + vector * parameters.kernelY * parameters.kernelX;
      ${range(turns).map((n) => addWalks(taps.slice(n * each, (n + 1) * each), tapsX))}
    }

  `;
}

/**
 * The partial filter gradients of a depthwise convolution.
 *
 * @param shape The convolution.
 * @param target The GPU profile, and storage.
 * @returns The kernel, with the scratch `partial` and the bindings `input` and `outputGradient`, and the number of partial
 * gradients.
 */
export function depthwiseFilterGradient(
  shape: ConvolutionShape,
  { storage, profile }: Target,
): { kernel: Kernel; runs: number } {
  const { kernel: [kernelY, kernelX], output } = shape;
  const variant = variantOf(shape);
  const { vectors } = partialGradient(shape);
  const outputVectors = channelVectors(shape.outputChannels);
  const across = Math.ceil(outputVectors / VECTORS);
  const tilesX = Math.ceil(kernelX / variant.tapsX);
  const tiles = tilesX * Math.ceil(kernelY / variant.tapsY);
  const acrossX = Math.ceil(output[1] / ACROSS);
  const acrossY = Math.ceil(output[0] / variant.rows);
  const strips = shape.batch * acrossY * acrossX;
  const { runs, each } = splitRuns(Math.ceil(strips / WALKS), across * tiles, WANTED, LEAST);
  const parameters = unsigned(
    Object.entries({
      strips,
      walkStrips: each,
      acrossX,
      acrossY,
      tilesX,
      kernelY,
      ...windowParameters(shape),
      inputVectors: channelVectors(shape.inputChannels),
      outputVectors,
      partialVectors: vectors,
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = { partial: scratch("vec4<f32>", runs * vectors * 16), input: vector, outputGradient: vector };
  const size = `${shape.kernel.join("x")}/${shape.stride.join("x")}`;
  return {
    kernel: {
      name: `convolution filter gradient depthwise ${size} ${storage} ${profile}`,
      code: `${declarations(bindings, parameters)}\n${writeMain(variant)}`,
      bindings: listBindings(bindings),
      parameters,
      workgroups: [across, tiles, runs],
    },
    runs,
  };
}
