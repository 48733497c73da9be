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

/** The buffer's words in order; a `bool` is 0 or 1. */
const WORDS = {
  learningRate: "f32",
  lossScale: "f32",
  goodSteps: "u32",
  step: "u32",
  skip: "bool",
  skippedSteps: "u32",
  gradientNorm: "f32",
  gradientFactor: "f32",
  firstCorrection: "f32",
  secondCorrection: "f32",
} as const;
const NAMES = Object.keys(WORDS) as (keyof typeof WORDS)[];

/** The buffer's content. */
export type Control = {
  readonly [Name in keyof typeof WORDS]: typeof WORDS[Name] extends "bool" ? boolean : number;
};

/** Bytes of the buffer. */
export const CONTROL_BYTES = 4 * NAMES.length;

/** WGSL of the buffer's one element. */
export const CONTROL = `struct Control {
${NAMES.map((name) => `  ${name}: ${WORDS[name] === "f32" ? "f32" : "u32"},`).join("\n")}
}
`;

/**
 * The control before the first step: all words are 0 but the loss scale.
 *
 * @param lossScale The first.
 * @returns The content.
 */
export function initialControl(lossScale: number): Control {
  return { ...decodeControl(new ArrayBuffer(CONTROL_BYTES)), lossScale };
}

/** The buffer's bytes. */
export function encodeControl(control: Control): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(CONTROL_BYTES));
  NAMES.forEach((name, word) => {
    if (WORDS[name] === "f32") view.setFloat32(4 * word, Number(control[name]), true);
    else view.setUint32(4 * word, Number(control[name]), true);
  });
  return new Uint8Array(view.buffer);
}

/** Reads the buffer's bytes. */
export function decodeControl(bytes: ArrayBuffer): Control {
  const view = new DataView(bytes);
  const values = NAMES.map((name, word) => {
    const value = WORDS[name] === "f32" ? view.getFloat32(4 * word, true) : view.getUint32(4 * word, true);
    return [name, WORDS[name] === "bool" ? value === 1 : value];
  });
  return Object.fromEntries(values);
}
