/**
 * The kernels of attention by profile.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import type { Target } from "../shared/tensor.ts";
import { attentionRows } from "./forward_rows.ts";
import { attentionTiles } from "./forward_tiles.ts";
import type { AttentionShape } from "./shape.ts";

/**
 * Attention.
 *
 * @param shape The attention.
 * @param target Profile and storage.
 * @returns A kernel with the bindings of the parts, `biasTable` if there is one, `output` and `logSumExp`, f32
 * `[N, heads, queries]`: the logarithm of the sum of the powers of a query's scores, which the gradient reads.
 */
export function attentionKernel(shape: AttentionShape, target: Target): Kernel {
  return target.profile === "gpu" ? attentionTiles(shape, target) : attentionRows(shape, target);
}
