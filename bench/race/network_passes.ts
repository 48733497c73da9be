/**
 * Whole networks to race on, up to their label maps: a ConvNeXt-T and a ViT-S, with weights that are formulas.
 *
 * @module
 */

import { buildNetwork } from "../../kernels/networks/mod.ts";
import type { Operation } from "../../kernels/operations/mod.ts";
import type { Network, Parameters } from "../../kernels/operations/network.ts";
import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import { formulaParameters } from "../../tests/kernels/networks/formula_parameters.ts";
import { randomValues } from "../../tests/kernels/tensors.ts";

/** A network, its numbers and what it computes. */
export interface NetworkPass {
  readonly network: Network;
  /** Up to the logits of each cell. */
  readonly operations: readonly Operation[];
  readonly parameters: Parameters;
  /** `[N, H, W, 3]`. */
  readonly input: Float32Array<ArrayBuffer>;
  readonly shape: Shape;
}

/** timm's names. */
export const PASSES = ["convnext_tiny", "vit_small_patch16_224"];

/** Height and width of the images, pixels. */
const SIZE = 224;
const BATCH = 1;

/** Makes a pass: the same every time. */
export function networkPass(name: string): NetworkPass {
  const network = buildNetwork(name, { classes: 1000 });
  const shape: Shape = [BATCH, SIZE, SIZE, 3];
  return {
    network,
    operations: [...network.operations, ...network.dense.operations],
    parameters: formulaParameters(network),
    input: Float32Array.from(randomValues(BATCH * SIZE * SIZE * 3, 1, 2)),
    shape,
  };
}
