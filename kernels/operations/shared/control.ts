/**
 * What an optimizer step needs to know beside the tensors, in one small buffer that every kernel of the step binds as
 * `control`. The learning rate is written into it before each step; all else is kept by the device, so that a step whose
 * gradients overflowed is skipped, and the loss scale lowered, without reading anything back.
 *
 * | word | | written by |
 * | --- | --- | --- |
 * | 0 | learning rate | the CPU, before each step |
 * | 1 | loss scale: what the loss is multiplied by before its gradient is taken | `optimizers/prepare_step.ts` |
 * | 2 | steps without overflow since the scale last changed | |
 * | 3 | updates done, this one included | |
 * | 4 | 1 if this step is skipped | |
 * | 5 | steps skipped so far | |
 * | 6 | the gradient's norm, unscaled, before clipping | |
 * | 7 | what the update multiplies gradients by: clipping / loss scale | |
 * | 8, 9 | 1 - beta1^t and 1 - beta2^t, t the updates done | |
 *
 * It is part of a checkpoint: word 0 aside, a run goes on from what is in it.
 *
 * @module
 */

/** The buffer's content. */
export interface Control {
  readonly learningRate: number;
  readonly lossScale: number;
  readonly goodSteps: number;
  readonly step: number;
  readonly skip: boolean;
  readonly skippedSteps: number;
  readonly gradientNorm: number;
  readonly gradientFactor: number;
  readonly firstCorrection: number;
  readonly secondCorrection: number;
}

/** Bytes of the buffer. */
export const CONTROL_BYTES = 40;

/** WGSL of the buffer's one element. */
export const CONTROL = `struct Control {
  learningRate: f32,
  lossScale: f32,
  goodSteps: u32,
  step: u32,
  skip: u32,
  skippedSteps: u32,
  gradientNorm: f32,
  gradientFactor: f32,
  firstCorrection: f32,
  secondCorrection: f32,
}
`;

/**
 * The control before the first step.
 *
 * @param lossScale The first.
 * @returns The content.
 */
export function initialControl(lossScale: number): Control {
  return {
    learningRate: 0,
    lossScale,
    goodSteps: 0,
    step: 0,
    skip: false,
    skippedSteps: 0,
    gradientNorm: 0,
    gradientFactor: 0,
    firstCorrection: 0,
    secondCorrection: 0,
  };
}

/** The buffer's bytes. */
export function encodeControl(control: Control): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(CONTROL_BYTES);
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, control.learningRate, true);
  view.setFloat32(4, control.lossScale, true);
  view.setUint32(8, control.goodSteps, true);
  view.setUint32(12, control.step, true);
  view.setUint32(16, control.skip ? 1 : 0, true);
  view.setUint32(20, control.skippedSteps, true);
  view.setFloat32(24, control.gradientNorm, true);
  view.setFloat32(28, control.gradientFactor, true);
  view.setFloat32(32, control.firstCorrection, true);
  view.setFloat32(36, control.secondCorrection, true);
  return bytes;
}

/** Reads the buffer's bytes. */
export function decodeControl(bytes: ArrayBuffer): Control {
  const view = new DataView(bytes);
  return {
    learningRate: view.getFloat32(0, true),
    lossScale: view.getFloat32(4, true),
    goodSteps: view.getUint32(8, true),
    step: view.getUint32(12, true),
    skip: view.getUint32(16, true) === 1,
    skippedSteps: view.getUint32(20, true),
    gradientNorm: view.getFloat32(24, true),
    gradientFactor: view.getFloat32(28, true),
    firstCorrection: view.getFloat32(32, true),
    secondCorrection: view.getFloat32(36, true),
  };
}
