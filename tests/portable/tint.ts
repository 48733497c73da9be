/**
 * Chromium's WGSL compiler without Chromium: the `webgpu` package is Dawn, whose compiler is the same Tint, and its null
 * backend has every feature. It takes all texts to pipelines within seconds, since nothing makes machine code of them, and
 * those with `f16` at all: Chromium's only adapter on a machine without a GPU, SwiftShader, has no `shader-f16` (Dawn
 * turns Debian 12's llvmpipe down, which has it).
 *
 * @module
 */

import { create } from "webgpu";

/** Held here, since the package ends the process with a fault where its root is collected before its devices. */
const dawn = create(["backend=null"]);

/**
 * Opens a device that compiles and validates but computes nothing.
 *
 * @returns A device with `shader-f16` and `subgroups`; destroy it when done.
 */
export async function openNullDevice(): Promise<GPUDevice> {
  const adapter = await dawn.requestAdapter();
  if (!adapter) throw new Deno.errors.NotFound("Cannot find Dawn's null adapter");
  return adapter.requestDevice({ requiredFeatures: ["shader-f16", "subgroups"] });
}
