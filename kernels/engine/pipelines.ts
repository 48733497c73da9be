/**
 * Compiled kernels. Those of the same text share a pipeline, whichever plan of the device they belong to.
 *
 * @module
 */

import type { Device } from "./device.ts";
import type { Kernel } from "./kernel.ts";

const pipelines = new WeakMap<GPUDevice, Map<string, GPUComputePipeline>>();

/** The pipeline of a kernel's text, compiled when first asked for; the layout is made from its WGSL. */
export function pipelineFor({ gpu }: Device, { name, code }: Kernel): GPUComputePipeline {
  const known = pipelines.get(gpu) ?? new Map<string, GPUComputePipeline>();
  pipelines.set(gpu, known);
  const pipeline = known.get(code) ?? gpu.createComputePipeline({
    layout: "auto",
    compute: { module: gpu.createShaderModule({ code, label: name }), entryPoint: "main" },
    label: name,
  });
  known.set(code, pipeline);
  return pipeline;
}

/** Lets kernels be compiled anew when they are next asked for: what an adapter refused may be no pipeline. */
export function forgetPipelines({ gpu }: Device, kernels: readonly Kernel[]): void {
  for (const { code } of kernels) pipelines.get(gpu)?.delete(code);
}
