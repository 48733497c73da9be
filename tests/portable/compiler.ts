/**
 * What a second compiler says about WGSL: the form of its answer, and the code that asks a `GPUDevice`.
 *
 * @module
 */

import type { ShaderText } from "./catalogue.ts";

/** What a compiler said about one text. */
export interface Complaint {
  readonly name: string;
  /** The compiler's errors, or the pipeline's. */
  readonly errors: readonly string[];
}

/** How far texts are compiled: to a module, where all rules of WGSL are checked, or on to a pipeline for the device. */
export type Stage = "module" | "pipeline";

/**
 * Compiles texts on a device and collects the errors of both stages. This function is also sent to a browser as text: it
 * uses nothing from outside of itself but `GPUDevice`.
 *
 * @param device With the default limits, the least that WebGPU promises.
 * @param texts Each with an entry point `main`.
 * @param stage How far.
 * @returns One complaint for each text with an error.
 */
export async function compileTexts(
  device: GPUDevice,
  texts: readonly ShaderText[],
  stage: Stage,
): Promise<Complaint[]> {
  const complaints: Complaint[] = [];
  for (const { name, code } of texts) {
    device.pushErrorScope("validation");
    const module = device.createShaderModule({ code, label: name });
    const { messages } = await module.getCompilationInfo();
    const errors = messages.filter(({ type }) => type === "error").map(({ lineNum, message }) =>
      `line ${lineNum}: ${message}`
    );
    if (stage === "pipeline" && errors.length === 0) {
      device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
    }
    const invalid = await device.popErrorScope();
    if (invalid && errors.length === 0) errors.push(invalid.message);
    if (errors.length > 0) complaints.push({ name, errors });
  }
  return complaints;
}
