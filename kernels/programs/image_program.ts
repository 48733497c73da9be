/**
 * A program whose input is a batch of images, on a device: pixels are uploaded, resized and normalised, the program runs,
 * and its outputs are read. The annotator and the classifier are such programs.
 *
 * Deno (2.9.6) blocks the isolate from the moment a buffer is asked for until the device has done all that was submitted
 * by then, and gives the buffer 10 ms later. So a step is encoded and its images are uploaded while the device computes the
 * one before; then that one is asked for, and the new one is submitted as soon as it is done: the device waits for a
 * submission and for nothing else. Results come when they come, several steps later if a step takes less than 10 ms.
 *
 * @module
 */

import { inPieces } from "../../formats/base/event_loop.ts";
import { copyRanges, type Device, ownBuffer, readBuffer } from "../engine/device.ts";
import type { Storage } from "../engine/kernel.ts";
import { channelVectors, type Target } from "../operations/shared/tensor.ts";
import { createPlan } from "../engine/plan.ts";
import type { Program } from "../engine/program.ts";
import { createResizer, type ResizerSettings } from "./resizer.ts";
import type { Pixels } from "../../formats/base/pixels.ts";

/** A tensor that images go to. */
interface ImageInput extends ResizerSettings {
  /** The tensor's name. */
  readonly input: string;
}

/** What is fixed when a program is put on a device. */
export interface ImageProgramOptions<Output> extends ImageInput {
  /** Other tensors that the same images go to, of other sizes or normalised otherwise. */
  readonly otherImages?: readonly ImageInput[];
  /** Tensors whose content a step is given beside its images. */
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

/** What a step is given beside its images. */
export interface StepOptions {
  /** Breaks it off while images are resized on the CPU, which takes seconds for large ones. */
  readonly signal?: AbortSignal;
  /** Contents of the tensors `otherInputs`. */
  readonly inputs?: ReadonlyMap<string, ArrayBufferView<ArrayBuffer>>;
}

/** Steps that may be started and not yet read: enough for the 10 ms that a result takes on its way. */
export const STEPS_IN_FLIGHT = 6;

/** A program on a device. */
export interface ImageProgram<Output> {
  /** Most images of a step. */
  readonly batch: number;
  /**
   * Runs up to `batch` images, whose pixels are to stay until the promise is settled. {@linkcode STEPS_IN_FLIGHT} calls may
   * be in flight; one more waits for the first. A call that fails leaves the program as it was.
   *
   * @throws {RangeError} If there are more images than `batch`.
   * @throws {Deno.errors.BadResource} If the program is closed, before or while the call waits for its turn.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  run(images: readonly Pixels[], options?: StepOptions): Promise<Output[]>;
  /**
   * Starts a step of up to `batch` images and returns what reads it. Their pixels are uploaded when the promise is there,
   * and the step before is computed.
   *
   * Reading blocks the isolate as long as the device computes, timers and workers' messages too. So a program that has more
   * to do, or another step to start, does that before it reads.
   *
   * @throws {RangeError} If there are more images than `batch`, or {@linkcode STEPS_IN_FLIGHT} steps are started and not
   * read.
   * @throws {Deno.errors.BadResource} If the program is closed.
   * @throws {unknown} The signal's reason, if that breaks it off.
   */
  start(images: readonly Pixels[], options?: StepOptions): Promise<() => Promise<Output[]>>;
  /** Bytes on the device. */
  readonly memory: { readonly allocated: number; readonly highWater: number };
  /** Frees what is on the device; calls that wait are rejected. */
  close(): void;
}

/**
 * The target of a device.
 *
 * @param device The device to run on.
 * @param storage Storage of activations.
 * @param purpose What it is asked for, for the error.
 * @returns Profile, storage, and the lanes of subgroups where kernels of the profile use them.
 * @throws {TypeError} If f16 is asked for where the adapter has none.
 */
export function targetOf({ capabilities }: Device, storage: Storage, purpose = "store activations"): Target {
  if (storage === "f16" && !capabilities.float16) {
    throw new TypeError(`Cannot ${purpose} in f16: the adapter ${capabilities.adapter} has no shader-f16`);
  }
  const { profile, subgroupLanes } = capabilities;
  return profile === "software" ? { profile, storage, subgroupLanes } : { profile, storage };
}

/**
 * How logits are read: `[N, 1, 1, C]` with C padded to a multiple of 4.
 *
 * @param classes Number of classes, C.
 * @param storage How they are stored.
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
 * @param device The device to run on.
 * @param program The program.
 * @param target Profile and storage that it was lowered for.
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
  const { batch, otherImages = [], otherInputs = [], unpack } = options;
  const images = [options, ...otherImages];
  using made = new DisposableStack();
  const ends = { inputs: [...images.map(({ input }) => input), ...otherInputs], outputs: options.outputs };
  const plan = made.adopt(await createPlan(device, program, ends), ({ close }) => close());
  const resizers = images.map((settings) =>
    made.adopt(createResizer(device, settings, target, plan.tensor(settings.input)), ({ close }) => close())
  );
  const outputs = options.outputs.map((name) => plan.tensor(name));
  const bytes = outputs.reduce((sum, { size }) => sum + size, 0);
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const free = Array.from(
    { length: STEPS_IN_FLIGHT },
    () => ownBuffer(made, device, bytes, usage, "results for the CPU"),
  );
  const waiting: PromiseWithResolvers<GPUBuffer>[] = [];
  const owned = made.move();

  const closed = () => new Deno.errors.BadResource("Cannot run images on the device: the program is closed");
  const check = ({ length }: readonly Pixels[]) => {
    if (owned.disposed) throw closed();
    if (length > batch) throw new RangeError(`Cannot take ${length} images in one step: the batch is ${batch}`);
  };
  const giveBack = (buffer: GPUBuffer) => {
    const next = waiting.shift();
    if (next) next.resolve(buffer);
    else free.push(buffer);
  };
  const takeTurn = () => {
    const turn = Promise.withResolvers<GPUBuffer>();
    waiting.push(turn);
    return turn.promise;
  };
  const submit = async (images: readonly Pixels[], buffer: GPUBuffer, { signal, inputs = new Map() }: StepOptions) => {
    const check = () => {
      signal?.throwIfAborted();
      if (owned.disposed) throw closed();
    };
    check();
    const encoders: GPUCommandEncoder[] = [];
    for (const resizer of resizers) encoders.push(await inPieces(resizer.upload(images), check));
    const encoder = encoders.at(-1)!;
    for (const [name, data] of inputs) {
      const { buffer, offset } = plan.tensor(name);
      device.gpu.queue.writeBuffer(buffer, offset, data);
    }
    plan.encode(encoder);
    copyRanges(encoder, outputs, buffer);
    const commands = encoders.map((encoder) => encoder.finish());
    askForLast();
    device.gpu.queue.submit(commands);
  };
  /** The step whose images are being uploaded: all steps have one input. */
  let uploading: Promise<unknown> = Promise.resolve();
  /** Asks for the results of the step that was submitted last; returns when the device has computed it. */
  let askForLast: () => void = () => {};
  /** Submits a step, and gives what reads it; the buffer is given back whatever becomes of either. */
  const begin = async (images: readonly Pixels[], buffer: GPUBuffer, options: StepOptions) => {
    const submitted = uploading.then(() => submit(images, buffer, options));
    uploading = submitted.catch(() => {});
    try {
      await submitted;
    } catch (error) {
      giveBack(buffer);
      throw error;
    }
    let bytes: Promise<ArrayBuffer> | undefined;
    const ask = () => bytes ??= readBuffer(buffer);
    // Whoever reads the step is told of what failed.
    askForLast = () => void ask().catch(() => {});
    let reading: Promise<Output[]> | undefined;
    const read = async () => {
      try {
        return unpack(await ask(), images.length);
      } finally {
        giveBack(buffer);
      }
    };
    return () => reading ??= read();
  };

  return {
    batch,
    memory: device.memory,
    async run(images, options = {}) {
      check(images);
      const buffer = free.pop() ?? await takeTurn();
      const read = await begin(images, buffer, options);
      return await read();
    },
    async start(images, options = {}) {
      check(images);
      const buffer = free.pop();
      if (!buffer) throw new RangeError(`Cannot start a step: ${STEPS_IN_FLIGHT} are in flight, read one before`);
      return await begin(images, buffer, options);
    },
    close() {
      owned.dispose();
      for (const { reject } of waiting.splice(0)) reject(closed());
    },
  };
}
