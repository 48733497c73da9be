/**
 * Convolution in the GPU profile: shared-memory tiles.
 *
 * A convolution is the product of a matrix of positions x (tap, input channel), which is never built, with one of
 * (tap, input channel) x output channels. A workgroup of 8 x 8 invocations computes 64 positions by 64 channels; each
 * invocation keeps 8 x 8 of them. In turns of 16 rows all invocations bring a tile of both matrices into workgroup memory
 * and multiply it: 512 multiply-adds an invocation for 8 vectors read from memory.
 *
 * Packed weights lie `[tap][input channel][output channel]`, both padded to multiples of 4, the biases as the last row.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, readOnly, spreadWorkgroups } from "../../engine/kernel.ts";
import { JOIN_MOMENTS, PAIR } from "../shared/by_channel.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activated,
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  SPREAD_FUNCTION,
  spreadParameters,
  windowParameters,
} from "./dispatch.ts";
import { COUNT_POSITIONS, storeMoments } from "./tile_moments.ts";
import { type ConvolutionShape, type Epilogue, isPointwise, outputPositions } from "./shape.ts";
import { DEPTH_VECTORS, invocations, type Tile, tileName, tilePositions, tileVectors } from "./tile_shapes.ts";

function matrix(shape: ConvolutionShape) {
  const inputVectors = channelVectors(shape.inputChannels);
  return { inputVectors, steps: shape.kernel[0] * shape.kernel[1] * inputVectors };
}

/** Packs weights for {@linkcode tileConvolution}: as f32, or as f16 with f16 storage. */
export function packTileWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
  { storage }: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const { inputVectors, steps } = matrix(shape);
  const taps = shape.kernel[0] * shape.kernel[1];
  const lanes = channelVectors(shape.outputChannels) * 4;
  const length = (steps * 4 + 1) * lanes;
  const packed = storage === "f16" ? new Float16Array(length) : new Float32Array(length);
  for (let channel = 0; channel < shape.outputChannels; channel++) {
    for (let i = 0; i < shape.inputChannels; i++) {
      for (let tap = 0; tap < taps; tap++) {
        packed[(tap * inputVectors * 4 + i) * lanes + channel] =
          weight[(channel * shape.inputChannels + i) * taps + tap];
      }
    }
    if (bias) packed[steps * 4 * lanes + channel] = bias[channel];
  }
  return packed;
}

/** Invocations that read one row of an input tile. */
const READERS = DEPTH_VECTORS;

/** WGSL of the tiles: arrays of arrays, since an index that is a constant needs no bound. */
function tileMemory({ across, down, positions, vectors }: Tile): string {
  return wgsl`
    // Positions, of which an invocation has every ${down}th, with ${DEPTH_VECTORS} vectors of input channels each.
    var<workgroup> inputTile: array<array<array<vec4<f32>, ${DEPTH_VECTORS}>, ${down}>, ${positions}>;
    // Input channels, with vectors of output channels, of which an invocation has every ${across}th.
    var<workgroup> weightTile: array<array<array<vec4<f32>, ${across}>, ${vectors}>, ${DEPTH_VECTORS * 4}>;
  `;
}

/** Rows of the input tile, and vectors of the weight tile, that an invocation fetches. */
function fetched(tile: Tile): { inputs: number; weights: number } {
  const size = invocations(tile);
  return {
    inputs: tilePositions(tile) * READERS / size,
    weights: DEPTH_VECTORS * 4 * tileVectors(tile) / size,
  };
}

/** WGSL that finds where the inputs and weights that an invocation fetches begin. */
function locate(tile: Tile, pointwise: boolean, gated: boolean): string {
  const { inputs } = fetched(tile);
  const size = invocations(tile);
  const width = tileVectors(tile);
  const rows = range(inputs).map((i) =>
    wgsl`
      let position${i} = min(first + local / ${READERS}u + ${i * size / READERS}u, parameters.positions - 1u);
      ${
      pointwise
        ? wgsl`
        let start${i} = position${i} * parameters.inputVectors;
        ${gated && `let gate${i} = position${i} / parameters.imagePositions * parameters.inputVectors;`}
      `
        : wgsl`
        let row${i} = position${i} / parameters.outputX;
        let top${i} = i32(row${i} % parameters.outputY * parameters.strideY) - i32(parameters.beforeY);
        let left${i} = i32(position${i} % parameters.outputX * parameters.strideX) - i32(parameters.beforeX);
        let start${i} = ((i32(row${i} / parameters.outputY * parameters.inputY) + top${i}) * i32(parameters.inputX) + left${i}) *
          i32(parameters.inputVectors);
      `
    }
    `
  );
  return wgsl`
    ${rows}
    let weightColumn = min(firstColumn + local % ${width}u, parameters.outputVectors - 1u);
    var step = local % ${READERS}u;
    ${
    !pointwise && wgsl`
      var part = step % parameters.inputVectors;
      var dx = step / parameters.inputVectors % parameters.kernelX;
      var dy = step / parameters.inputVectors / parameters.kernelX;
    `
  }
  `;
}

/** WGSL that reads what an invocation brings into the tiles in one turn. */
function fetch(tile: Tile, pointwise: boolean, gated: boolean): string {
  const { inputs, weights } = fetched(tile);
  const read = (i: number, at: string, inside: string) => {
    const gate = gated ? ` * vec4<f32>(gate[select(0u, gate${i} + step, ${inside})])` : "";
    return `let x${i} = select(vec4<f32>(0.0), vec4<f32>(input[select(0u, ${at}, ${inside})])${gate}, ${inside});`;
  };
  const reads = range(inputs).map((i) =>
    pointwise ? read(i, `start${i} + step`, "within") : wgsl`
      let inside${i} = within & (u32(top${i} + i32(dy)) < parameters.inputY) & (u32(left${i} + i32(dx)) < parameters.inputX);
      ${read(i, `u32(start${i} + offset)`, `inside${i}`)}
    `
  );
  return wgsl`
    let within = step < parameters.steps;
    ${!pointwise && "let offset = i32((dy * parameters.inputX + dx) * parameters.inputVectors + part);"}
    ${reads}
    ${range(weights).map((w) => readWeight(tile, w))}
  `;
}

function readWeight(tile: Tile, w: number): string {
  const rows = invocations(tile) / tileVectors(tile);
  return wgsl`
    let weightRow${w} = min(turn * ${DEPTH_VECTORS * 4}u + local / ${tileVectors(tile)}u + ${
    w * rows
  }u, parameters.steps * 4u - 1u);
    let w${w} = vec4<f32>(weights[weightRow${w} * parameters.outputVectors + weightColumn]);
  `;
}

/** WGSL that puts what an invocation has read into its places of the tiles. */
function fillTiles(tile: Tile): string {
  const { inputs, weights } = fetched(tile);
  const { across, down } = tile;
  const width = tileVectors(tile);
  const rows = invocations(tile) / READERS;
  const place = (i: number) =>
    rows % down === 0
      ? `inputTile[local / ${READERS * down}u + ${i * rows / down}u][local / ${READERS}u % ${down}u]`
      : `inputTile[(local / ${READERS}u + ${i * rows}u) / ${down}u][(local / ${READERS}u + ${i * rows}u) % ${down}u]`;
  return wgsl`
    ${range(inputs).map((i) => `${place(i)}[local % ${READERS}u] = x${i};`)}
    ${
    range(weights).map((w) =>
      `weightTile[local / ${width}u + ${
        w * invocations(tile) / width
      }u][local % ${width}u / ${across}u][local % ${across}u] = w${w};`
    )
  }
  `;
}

/** WGSL that goes on to the step of the next turn: a number of a position of the kernel and a vector of channels, with carries. */
function advance(pointwise: boolean): string {
  return wgsl`
    step += ${DEPTH_VECTORS}u;
    ${
    !pointwise && wgsl`
      part += parameters.turnPart;
      let carryX = part >= parameters.inputVectors;
      part = select(part, part - parameters.inputVectors, carryX);
      dx += parameters.turnX + u32(carryX);
      let carryY = dx >= parameters.kernelX;
      dx = select(dx, dx - parameters.kernelX, carryY);
      dy += parameters.turnY + u32(carryY);
    `
  }
  `;
}

/** WGSL that multiplies the tiles, unrolled: 4 input channels at a time. */
function multiply({ positions, vectors }: Tile): string[] {
  return range(DEPTH_VECTORS).map((k) => {
    const inputs = range(positions).map((p) => `let x${p} = inputTile[${p}u][down][${k}u];`);
    const products = [..."xyzw"].flatMap((lane, index) =>
      range(vectors).flatMap((c) => [
        `let w${index}_${c} = weightTile[${k * 4 + index}u][${c}u][across];`,
        ...range(positions).map((p) => `sum${p}_${c} += x${p}.${lane} * w${index}_${c};`),
      ])
    );
    return wgsl`
      {
        ${inputs}
        ${products}
      }
    `;
  });
}

/** WGSL that stores the sum of a position and a vector of channels. */
function storeSum(p: number, c: number, { activation, residualChannels, spread }: Epilogue, vector: string): string {
  const value = `value${p}_${c}`;
  const residual = residualChannels !== undefined;
  const position = spread ? `spread(place${p})` : `place${p}`;
  const bias = `vec4<f32>(weights[parameters.steps * 4u * parameters.outputVectors + column${c}])`;
  const addResidual = wgsl`
    if (column${c} < parameters.residualVectors) {
      ${value} += vec4<f32>(residual[place${p} * parameters.residualVectors + column${c}]);
    }
  `;
  const result = activated(activation, value, `column${c}`);
  return wgsl`
    if (column${c} < parameters.outputVectors) {
      ${residual ? "var" : "let"} ${value} = sum${p}_${c} + ${bias};
      ${residual && addResidual}
      output[${position} * parameters.outputVectors + column${c}] = ${vector}(${result});
    }
  `;
}

/** The text of tiles and `main`. */
function writeMain(tile: Tile, epilogue: Epilogue, pointwise: boolean, vector: string): string {
  const { across, down, positions, vectors } = tile;
  const { gated = false } = epilogue;
  const stores = range(positions).map((p) =>
    wgsl`
      let place${p} = first + down + ${p * down}u;
      if (place${p} < parameters.positions) {
        ${range(vectors).map((c) => storeSum(p, c, epilogue, vector))}
      }
    `
  );
  const stored = (p: number, c: number) =>
    `vec4<f32>(${vector}(sum${p}_${c} + vec4<f32>(weights[parameters.steps * 4u * parameters.outputVectors + min(column${c}, parameters.outputVectors - 1u)])))`;
  return wgsl`
    ${tileMemory(tile)}

    @compute @workgroup_size(${invocations(tile)})
    fn main(${BUILTINS}) {
      let first = (workgroup.y * workgroups.x + workgroup.x) * ${tilePositions(tile)}u;
      let firstColumn = workgroup.z * ${tileVectors(tile)}u;
      let across = local % ${across}u;
      let down = local / ${across}u;
      ${locate(tile, pointwise, gated)}
      ${range(positions).flatMap((p) => range(vectors).map((c) => `var sum${p}_${c} = vec4<f32>();`))}
      for (var turn = 0u; turn < parameters.turns; turn++) {
        {
          ${fetch(tile, pointwise, gated)}
          ${fillTiles(tile)}
          ${advance(pointwise)}
        }
        workgroupBarrier();
        ${multiply(tile)}
        workgroupBarrier();
      }
      ${range(vectors).map((c) => `let column${c} = firstColumn + across + ${c * across}u;`)}
      ${stores}
      ${epilogue.moments && storeMoments(tile, stored)}
    }

  `;
}

/** The uniform members that say how far a kernel's step goes in a turn, in tap columns, tap rows and vectors of channels. */
function turnParameters(shape: ConvolutionShape, inputVectors: number): Record<string, number> {
  const taps = Math.floor(DEPTH_VECTORS / inputVectors);
  return {
    turnPart: DEPTH_VECTORS % inputVectors,
    turnX: taps % shape.kernel[1],
    turnY: Math.floor(taps / shape.kernel[1]),
  };
}

/**
 * Dense convolution in tiles.
 *
 * @param shape The convolution, of one group.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations and weights.
 * @param tile What a workgroup computes.
 * @returns One kernel with the bindings `output`, `input`, `weights`, and `gate`, `residual` and `moments` if the epilogue has
 * them; moments only where neither residual nor activation follows. Its results do not depend on the tile.
 */
export function tileConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, profile }: Target,
  tile: Tile,
): Kernel[] {
  const { activation, gated = false, moments = false, residualChannels, spread } = epilogue;
  const { inputVectors, steps } = matrix(shape);
  const positions = outputPositions(shape);
  const outputVectors = channelVectors(shape.outputChannels);
  const pointwise = isPointwise(shape);
  const residual = residualChannels !== undefined;
  const parameters = unsigned(
    Object.entries({
      positions,
      inputVectors,
      outputVectors,
      outputChannels: shape.outputChannels,
      steps,
      turns: Math.ceil(steps / DEPTH_VECTORS),
      ...(gated ? { imagePositions: shape.output[0] * shape.output[1] } : {}),
      ...(residual ? { residualVectors: channelVectors(residualChannels) } : {}),
      ...(pointwise ? {} : { ...windowParameters(shape), ...turnParameters(shape, inputVectors) }),
      ...spreadParameters(shape, spread),
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = {
    output: vector,
    input: vector,
    weights: readOnly(vector),
    ...(moments ? { moments: "vec4<f32>" } : {}),
    ...(gated ? { gate: vector } : {}),
    ...(residual ? { residual: vector } : {}),
  };
  const code = `${declarations(bindings, parameters)}${moments ? `${PAIR}${JOIN_MOMENTS}${COUNT_POSITIONS}` : ""}${
    spread ? SPREAD_FUNCTION : ""
  }${activationFunctions(activation)}
${writeMain(tile, epilogue, pointwise, vector)}`;
  const kind = pointwise ? "1x1" : shape.kernel.join("x");
  const groups = spreadWorkgroups(Math.ceil(positions / tilePositions(tile)));
  return [{
    name: `convolution ${gated ? "gated " : ""}${kind}${activationLabel(activation)}${residual ? " residual" : ""}${
      spread ? " spread" : ""
    }${moments ? " with moments" : ""} ${tileName(tile)} ${storage} ${profile}`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [groups[0], groups[1], Math.ceil(outputVectors / tileVectors(tile))],
  }];
}
