/**
 * How strips store their sums, in either profile: `sum<row>_<position>` with `bias` added, where `row` and `column` are those
 * of the strip's first position and `image` is its image.
 *
 * @module
 */

import { type Target, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import { activated } from "./dispatch.ts";
import type { Epilogue } from "./shape.ts";

/** What follows a strip's sums, and its number of rows and of positions in each. */
export interface StripStores {
  readonly epilogue: Epilogue;
  readonly storage: Target["storage"];
  readonly down: number;
  readonly across: number;
}

/**
 * WGSL that stores all sums of a strip whose positions are of the output. It reads `vector`, the number of their vector, and
 * `outputVectors`, and adds what it stores to `total` where the epilogue has sums of positions.
 */
export function storeStrip({ epilogue, storage, down, across }: StripStores): string {
  const { spread, positionSums } = epilogue;
  const first = spread
    ? wgsl`
      ((image * parameters.spreadY + parameters.firstY + row * parameters.stepY) * parameters.spreadX +
        parameters.firstX + column * parameters.stepX)
    `
    : "((image * parameters.outputY + row) * parameters.outputX + column)";
  const stores = range(down * across).map((index) => {
    const [r, p] = [Math.floor(index / across), index % across];
    const value = `value${r}_${p}`;
    const neighbour = spread
      ? `${r}u * parameters.stepY * parameters.spreadX + ${p}u * parameters.stepX`
      : `${r}u * parameters.outputX + ${p}u`;
    const result = activated(epilogue.activation, value, "vector");
    return wgsl`
      if (row + ${r}u < parameters.outputY && column + ${p}u < parameters.outputX) {
        let ${value} = sum${r}_${p} + bias;
        let stored${value} = ${vectorType(storage)}(${result});
        output[at + (${neighbour}) * outputVectors] = stored${value};
        ${positionSums && `total += vec4<f32>(stored${value});`}
      }
    `;
  });
  return wgsl`
    let at = ${first} * outputVectors + vector;
    ${positionSums && "var total = vec4<f32>();"}
    ${stores}
  `;
}
