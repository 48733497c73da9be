/**
 * Products of matrices with few rows, on a GPU: what squeeze and excitation, classifiers and token heads compute, whose images
 * have a handful of positions each. Tiles would be empty for the most part and walk through all input channels one after the
 * other, on a few multiprocessors.
 *
 * A workgroup computes 4 rows by 32 channels. Its 256 invocations share the input channels: of 32 slices each takes every 32nd
 * 4-vector, so that neighbours read what lies together. The slices' sums are then added in order, through workgroup memory.
 *
 * Weights are packed as for tiles.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, spreadWorkgroups } from "../../engine/kernel.ts";
import { BUILTINS, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { storeSum } from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isPointwise } from "./shape.ts";
import { productParts } from "./tiles.ts";

/** Positions of an image at most. The choice must not look at the batch: with it the order of sums would change. */
const MOST_POSITIONS = 4;
/** Rows, and 4-vectors of output channels, of a workgroup. */
const ROWS = 4;
const COLUMNS = 8;
/** Parts of the input channels. The slices' sums fill the 16 KiB of workgroup memory that WebGPU promises. */
const SLICES = 32;

/** Whether a convolution is a product of matrices with few rows for each image. */
export function hasFewRows(shape: ConvolutionShape): boolean {
  return isPointwise(shape) && shape.output[0] * shape.output[1] <= MOST_POSITIONS;
}

function writeMain(epilogue: Epilogue, vector: string): string {
  const products = [..."xyzw"].flatMap((lane, index) => [
    `let w${index} = vec4<f32>(weights[at + ${index}u * parameters.outputVectors]);`,
    ...range(ROWS).map((r) => `sum${r} += x${r}.${lane} * w${index};`),
  ]);
  return wgsl`
    var<workgroup> sums: array<array<array<vec4<f32>, ${COLUMNS}>, ${SLICES}>, ${ROWS}>;

    @compute @workgroup_size(${COLUMNS * SLICES})
    fn main(${BUILTINS}) {
      let first = (workgroup.y * workgroups.x + workgroup.x) * ${ROWS}u;
      let across = local % ${COLUMNS}u;
      let slice = local / ${COLUMNS}u;
      let column = workgroup.z * ${COLUMNS}u + across;
      let weightColumn = min(column, parameters.outputVectors - 1u);
      ${
    range(ROWS).map((r) => `let start${r} = min(first + ${r}u, parameters.positions - 1u) * parameters.inputVectors;`)
  }
      ${range(ROWS).map((r) => `var sum${r} = vec4<f32>();`)}
      for (var step = slice; step < parameters.steps; step += ${SLICES}u) {
        let at = step * 4u * parameters.outputVectors + weightColumn;
        ${range(ROWS).map((r) => `let x${r} = vec4<f32>(input[start${r} + step]);`)}
        ${products}
      }
      ${range(ROWS).map((r) => `sums[${r}][slice][across] = sum${r};`)}
      workgroupBarrier();
      let row = first + slice;
      if (slice >= ${ROWS}u || row >= parameters.positions) { return; }
      var sum = sums[slice][0][across];
      ${range(SLICES - 1).map((s) => `sum += sums[slice][${s + 1}][across];`)}
      ${storeSum({ sum: "sum", position: "row", column: "column" }, epilogue, vector)}
    }

  `;
}

/**
 * A pointwise convolution of few positions.
 *
 * @param shape The convolution, of which {@linkcode hasFewRows} holds.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations and weights.
 * @returns One kernel with the bindings of `tileConvolution`.
 */
export function fewRowsConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, profile }: Target,
): Kernel[] {
  const { bindings, functions, label, ...parts } = productParts(shape, epilogue, storage);
  const parameters = unsigned(Object.entries(parts.parameters).map(([name, value]) => ({ name, value })));
  const groups = spreadWorkgroups(Math.ceil(parts.parameters.positions / ROWS));
  return [{
    name: `convolution few rows${label} ${storage} ${profile}`,
    code: `${declarations(bindings, parameters)}${functions}
${writeMain(epilogue, vectorType(storage))}`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [groups[0], groups[1], Math.ceil(parts.parameters.outputVectors / COLUMNS)],
  }];
}
