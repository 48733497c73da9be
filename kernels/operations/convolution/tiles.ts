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
import { type ConvolutionShape, type Epilogue, isPointwise, outputPositions } from "./shape.ts";

/** Positions, and channels, of a workgroup. */
const TILE = 64;
/** Rows of both matrices in workgroup memory: 4 vectors of input channels. */
const DEPTH = 16;

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

/** WGSL that finds where the 4 positions whose inputs an invocation reads begin. */
function locate(pointwise: boolean, gated: boolean): string[] {
  return range(4).map((p) =>
    pointwise
      ? wgsl`
      let start${p} = (first + quad * 4u + ${p}u) * parameters.inputVectors;
      ${gated && `let gate${p} = (first + quad * 4u + ${p}u) / parameters.imagePositions * parameters.inputVectors;`}
    `
      : wgsl`
      let position${p} = first + quad * 4u + ${p}u;
      let row${p} = position${p} / parameters.outputX;
      let top${p} = i32(row${p} % parameters.outputY * parameters.strideY) - i32(parameters.beforeY);
      let left${p} = i32(position${p} % parameters.outputX * parameters.strideX) - i32(parameters.beforeX);
      let corner${p} = (i32(row${p} / parameters.outputY * parameters.inputY) + top${p}) * i32(parameters.inputX) + left${p};
    `
  );
}

/** WGSL that reads the inputs of 4 positions for one step. */
function fetch(pointwise: boolean, gated: boolean): string {
  const read = (p: number, index: string) => {
    const gate = gated ? ` * vec4<f32>(gate[select(0u, gate${p} + step, inside${p})])` : "";
    return `let x${p} = select(vec4<f32>(0.0), vec4<f32>(input[select(0u, ${index}, inside${p})])${gate}, inside${p});`;
  };
  if (pointwise) {
    const reads = range(4).flatMap((p) => [
      `let inside${p} = (step < parameters.steps) & (first + quad * 4u + ${p}u < parameters.positions);`,
      read(p, `start${p} + step`),
    ]);
    return wgsl`${reads}`;
  }
  const place = "u32(corner + dy * i32(parameters.inputX) + dx) * parameters.inputVectors + part";
  const reads = range(4).map((p) =>
    wgsl`
      let inside${p} = (step < parameters.steps) & (position${p} < parameters.positions) &
        (top${p} + dy >= 0) & (top${p} + dy < i32(parameters.inputY)) &
        (left${p} + dx >= 0) & (left${p} + dx < i32(parameters.inputX));
      ${read(p, place.replace("corner", `corner${p}`))}
    `
  );
  return wgsl`
    let tap = step / parameters.inputVectors;
    let part = step % parameters.inputVectors;
    let dy = i32(tap / parameters.kernelX);
    let dx = i32(tap % parameters.kernelX);
    ${reads}
  `;
}

/** WGSL that puts what an invocation has read into its places of the tiles. */
function fillTiles(): string {
  const inputs = [..."xyzw"].map((lane, index) => {
    const values = range(4).map((p) => `x${p}.${lane}`).join(", ");
    return `inputTile[(depth * 4u + ${index}u) * ${TILE / 4}u + quad] = vec4<f32>(${values});`;
  });
  const weights = range(4).map((c) =>
    wgsl`
      {
        let column = firstColumn + local % 4u + ${c * 4}u;
        let inside = (row < parameters.steps * 4u) & (column < parameters.outputVectors);
        weightTile[local / 4u * ${TILE / 4}u + local % 4u + ${c * 4}u] =
          select(vec4<f32>(0.0), vec4<f32>(weights[select(0u, row * parameters.outputVectors + column, inside)]), inside);
      }
    `
  );
  return wgsl`
    ${inputs}
    let row = turn * 4u + local / 4u;
    ${weights}
  `;
}

/** WGSL that stores the sum of a position and a vector of channels. */
function storeSum(p: number, c: number, { activation, residualChannels, spread }: Epilogue, vector: string): string {
  const value = `value${p}_${c}`;
  const residual = residualChannels !== undefined;
  const position = spread ? `spread(place + ${p}u)` : `(place + ${p}u)`;
  const bias = `vec4<f32>(weights[parameters.steps * 4u * parameters.outputVectors + column${c}])`;
  const addResidual = wgsl`
    if (column${c} < parameters.residualVectors) {
      ${value} += vec4<f32>(residual[(place + ${p}u) * parameters.residualVectors + column${c}]);
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

/** The text of tiles and `main`: an invocation has the sums of 8 positions and 2 vectors of channels. */
function writeMain(epilogue: Epilogue, pointwise: boolean, vector: string): string {
  const { gated = false } = epilogue;
  const products = range(2).flatMap((c) => [
    `let w${c} = weightTile[k * ${TILE / 4}u + across + ${c * 8}u];`,
    ...range(8).map((p) => `sum${p}_${c} += ${p < 4 ? "above" : "below"}.${"xyzw"[p % 4]} * w${c};`),
  ]);
  const stores = range(8).map((p) =>
    wgsl`
      if (place + ${p}u < parameters.positions) {
        ${range(2).map((c) => storeSum(p, c, epilogue, vector))}
      }
    `
  );
  return wgsl`
    // Rows of 64 positions and of 64 channels, as vectors.
    var<workgroup> inputTile: array<vec4<f32>, ${DEPTH * TILE / 4}>;
    var<workgroup> weightTile: array<vec4<f32>, ${DEPTH * TILE / 4}>;

    @compute @workgroup_size(64)
    fn main(${BUILTINS}) {
      let first = (workgroup.y * workgroups.x + workgroup.x) * ${TILE}u;
      let firstColumn = workgroup.z * ${TILE / 4}u;
      let across = local % 8u;
      let down = local / 8u;
      let quad = local % 16u;
      let depth = local / 16u;
      ${locate(pointwise, gated)}
      ${range(8).flatMap((p) => range(2).map((c) => `var sum${p}_${c} = vec4<f32>();`))}
      for (var turn = 0u; turn < parameters.steps; turn += ${DEPTH / 4}u) {
        let step = turn + depth;
        ${fetch(pointwise, gated)}
        ${fillTiles()}
        workgroupBarrier();
        for (var k = 0u; k < ${DEPTH}u; k++) {
          let above = inputTile[k * ${TILE / 4}u + down * 2u];
          let below = inputTile[k * ${TILE / 4}u + down * 2u + 1u];
          ${products}
        }
        workgroupBarrier();
      }
      let place = first + down * 8u;
      ${range(2).map((c) => `let column${c} = firstColumn + across + ${c * 8}u;`)}
      ${stores}
    }

  `;
}

/**
 * Dense convolution.
 *
 * @param shape The convolution, of one group.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations and weights.
 * @returns One kernel with the bindings `output`, `input`, `weights`, and `gate` and `residual` if the epilogue has them.
 */
export function tileConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, profile }: Target,
): Kernel[] {
  const { activation, gated = false, residualChannels, spread } = epilogue;
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
      ...(gated ? { imagePositions: shape.output[0] * shape.output[1] } : {}),
      ...(residual ? { residualVectors: channelVectors(residualChannels) } : {}),
      ...(pointwise ? {} : windowParameters(shape)),
      ...spreadParameters(shape, spread),
    }).map(([name, value]) => ({ name, value })),
  );
  const vector = vectorType(storage);
  const bindings = {
    output: vector,
    input: vector,
    weights: readOnly(vector),
    ...(gated ? { gate: vector } : {}),
    ...(residual ? { residual: vector } : {}),
  };
  const code = `${declarations(bindings, parameters)}${spread ? SPREAD_FUNCTION : ""}${activationFunctions(activation)}
${writeMain(epilogue, pointwise, vector)}`;
  const kind = pointwise ? "1x1" : shape.kernel.join("x");
  const groups = spreadWorkgroups(Math.ceil(positions / TILE));
  return [{
    name: `convolution ${gated ? "gated " : ""}${kind}${activationLabel(activation)}${residual ? " residual" : ""}${
      spread ? " spread" : ""
    } ${storage} ${profile}`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [groups[0], groups[1], Math.ceil(outputVectors / (TILE / 4))],
  }];
}
