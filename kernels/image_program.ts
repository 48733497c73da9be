/**
 * A program whose input is a batch of images, on a device: pixels are uploaded, resized and normalised, the program runs,
 * and its outputs are read, two steps at a time. The annotator and the classifier are such programs.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "./device.ts";
import type { Storage } from "./kernel.ts";
import { channelVectors, type Target } from "./operations/tensor.ts";
import { type BufferRange, createPlan } from "./plan.ts";
import type { Program } from "./program.ts";
import { createResizer, type Pixels, type ResizerSettings } from "./resizer.ts";

/** What is fixed when a program is put on a device. */
export interface ImageProgramOptions<Output> extends ResizerSettings {
  /** The tensor that images go to. */
  readonly input: string;
  /** Tensors that the caller writes before a step. */
  readonly otherInputs?: readonly string[];
  /** The tensors that are read, in order. */
  readonly outputs: readonly string[];
  /**
   * Makes the results of a step of what was read: the outputs one after the other, each as many bytes as the program says.
   *
   * @param read The bytes.
   * @param count Images of the step.
   */
  unpack(read: ArrayBuffer, count: number): Output[];
}

/** A program on a device. */
export interface ImageProgram<Output> {
  /** Most images of a step. */
  readonly batch: number;
  /**
   * Runs up to `batch` images. Their pixels are uploaded before this returns. Two calls may be in flight; a third waits
   * for the first.
   *
   * @throws {RangeError} If there are more images than `batch`.
   */
  run(images: readonly Pixels[]): Promise<Output[]>;
  /**
   * Starts a step of up to `batch` images and returns what reads it. Their pixels are uploaded before this returns.
   *
   * Deno blocks the isolate from the moment a result is asked for until it is there, timers and workers' messages too. So a
   * program that has more to do, or another step to start, does that before it reads.
   *
   * @throws {RangeError} If there are more images than `batch`, or two steps are started and not read.
   */
  start(images: readonly Pixels[]): () => Promise<Output[]>;
  /** Where a tensor of the program lies. */
  tensor(name: string): BufferRange;
  /** Bytes on the device. */
  readonly memory: { readonly allocated: number; readonly highWater: number };
  /** Frees what is on the device. */
  close(): void;
}

/**
 * The target of a device.
 *
 * @param device Where.
 * @param storage Of activations.
 * @returns Profile and storage.
 * @throws {TypeError} If f16 is asked for where the adapter has none.
 */
export function targetOf({ capabilities }: Device, storage: Storage): Target {
  if (storage === "f16" && !capabilities.float16) {
    throw new TypeError(`Cannot store activations in f16: the adapter ${capabilities.adapter} has no shader-f16`);
  }
  return { profile: capabilities.profile, storage };
}

/**
 * How logits are read: `[N, 1, 1, C]` with C padded to a multiple of 4.
 *
 * @param classes C.
 * @param storage As they are stored.
 * @returns What makes the rows of the first `count` images of bytes.
 */
export function logitRows(
  classes: number,
  storage: Storage,
): (read: ArrayBuffer, count: number) => Float32Array<ArrayBuffer>[] {
  const padded = channelVectors(classes) * 4;
  return (read, count) => {
    const rows = storage === "f16" ? new Float16Array(read) : new Float32Array(read);
    return Array.from({ length: count }, (_, n) => Float32Array.from(rows.subarray(n * padded, n * padded + classes)));
  };
}

/**
 * Puts a program on a device.
 *
 * @param device Where.
 * @param program What.
 * @param target What it was lowered for.
 * @param options Images in, results out.
 * @returns The program; close it when done.
 * @throws {RangeError} If a tensor exceeds the adapter's limits.
 */
export async function createImageProgram<Output>(
  device: Device,
  program: Program,
  target: Target,
  options: ImageProgramOptions<Output>,
): Promise<ImageProgram<Output>> {
  const { batch, input, otherInputs = [], unpack } = options;
  const plan = await createPlan(device, program, { inputs: [input, ...otherInputs], outputs: options.outputs });
  const resizer = createResizer(device, options, target, plan.tensor(input));
  const outputs = options.outputs.map((name) => plan.tensor(name));
  const bytes = outputs.reduce((sum, { size }) => sum + size, 0);
  const free = [0, 1].map(() =>
    createBuffer(device, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "results for the CPU")
  );
  const staging = [...free];
  const waiting: ((buffer: GPUBuffer) => void)[] = [];

  const check = ({ length }: readonly Pixels[]) => {
    if (length > batch) throw new RangeError(`Cannot take ${length} images in one step: the batch is ${batch}`);
  };
  const submit = (images: readonly Pixels[], buffer: GPUBuffer) => {
    const encoder = resizer.upload(images);
    plan.encode(encoder);
    let offset = 0;
    for (const output of outputs) {
      encoder.copyBufferToBuffer(output.buffer, output.offset, buffer, offset, output.size);
      offset += output.size;
    }
    device.gpu.queue.submit([encoder.finish()]);
    return async () => {
      await buffer.mapAsync(GPUMapMode.READ);
      const read = buffer.getMappedRange().slice(0);
      buffer.unmap();
      const next = waiting.shift();
      if (next) next(buffer);
      else free.push(buffer);
      return unpack(read, images.length);
    };
  };

  return {
    batch,
    tensor: plan.tensor,
    memory: device.memory,
    async run(images) {
      check(images);
      const buffer = free.pop() ?? await new Promise<GPUBuffer>((resolve) => waiting.push(resolve));
      return await submit(images, buffer)();
    },
    start(images) {
      check(images);
      const buffer = free.pop();
      if (!buffer) throw new RangeError("Cannot start a third step: read one of the two in flight before");
      return submit(images, buffer);
    },
    close() {
      plan.close();
      resizer.close();
      for (const buffer of staging) destroyBuffer(device, buffer);
    },
  };
}
