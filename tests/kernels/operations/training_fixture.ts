/**
 * What PyTorch computes and differentiates; see `fixtures/README.md`.
 *
 * @module
 */

import { openWeights } from "../../../formats/weights/mod.ts";

/** The fixture's tensors by name, channels last. */
export async function readTrainingFixture(): Promise<(name: string) => Promise<Float32Array>> {
  const file = await openWeights(new URL("fixtures/training.safetensors", import.meta.url).pathname);
  return async (name) => Float32Array.from(await file.read(name));
}
