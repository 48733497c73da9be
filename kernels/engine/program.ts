/**
 * A program: kernels in order, on named tensors and constants, every shape known. Plain data, made without a device;
 * `plan.ts` puts it on one.
 *
 * @module
 */

import type { Kernel } from "./kernel.ts";

/** One dispatch. */
export interface Step {
  readonly kernel: Kernel;
  /** What each of the kernel's bindings, textures and windows is: the name of a tensor or a constant. */
  readonly bindings: Readonly<Record<string, string>>;
  /** Where the binding `weights` begins in its constant, bytes. */
  readonly weightsOffset?: number;
  /** The part of the program that it belongs to, where a program has several that are not always run together. */
  readonly part?: string;
  /** What is added up over the ranks once the step has run, one after the other. */
  readonly exchanges?: readonly Exchange[];
}

/** A sum over all ranks, in place. */
export interface Exchange {
  /** A tensor, state or view. */
  readonly name: string;
  /** Statistics of a batch are needed by the next step, gradients of an update by the update only. */
  readonly kind: "statistics" | "gradients";
}

/** Data that is uploaded once. */
export type Constant = () => Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;

/** Offsets of tensors and views in their buffers are multiples of so many bytes: WebGPU's largest default alignment. */
export const ALIGNMENT = 256;

/** A part of a state, under a name of its own. */
export interface View {
  readonly state: string;
  /** Bytes, a multiple of {@linkcode ALIGNMENT}. */
  readonly offset: number;
  readonly bytes: number;
}

/** Kernels in order and what they work on. */
export interface Program {
  /** Bytes by name. */
  readonly tensors: Map<string, number>;
  /** Made when asked for, one after the other, so that packed weights are never all in memory. */
  readonly constants: Map<string, Constant>;
  /** Bytes by name of what keeps its content from run to run: a buffer of its own, zero before the first. */
  readonly states?: Map<string, number>;
  readonly views?: Map<string, View>;
  readonly steps: Step[];
}
