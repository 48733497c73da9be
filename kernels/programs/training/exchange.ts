/**
 * Sums over ranks while the device goes on. A range of a buffer is copied to a staging buffer, added up there, in place, in
 * the mapped memory, and written back.
 *
 * What Deno's WebGPU does decides the order of the calls: `mapAsync` blocks until everything that was submitted is done, and
 * its promise resolves up to 10 ms later. So the commands that follow a range are submitted after its `mapAsync` has
 * returned and before anything is awaited: the device computes while the range waits for the promise and is added up on
 * another thread.
 *
 * In memory are the staging buffers; the copies that `writeBuffer` makes of what is written back, until the device has
 * taken them, of two ranges at a time; and what the ranks' own sum takes, of one. There are as many staging buffers as leave
 * room for these in as many bytes as the gradients have, but two at least.
 *
 * @module
 */

import { type BufferRange, destroyBuffer, type Device, ownBuffer } from "../../engine/device.ts";
import type { Ranks } from "../../lowering/ranks.ts";

/** Milliseconds since the last time they were asked for. */
export interface ExchangeTime {
  /** In which sums were under way, of each until this thread heard of its end: `mapAsync` keeps it waiting. */
  readonly total: number;
  /** Milliseconds of a step in which the device had nothing to do because of exchanges, copies to and from it included. */
  readonly exposed: number;
}

/** Sums over ranks. */
export interface Exchanger {
  /**
   * Submits commands.
   *
   * @param encoder The commands, which may not read a range that left and did not come back.
   * @param leaving A range that is added up over the ranks once they are done.
   */
  submit(encoder: GPUCommandEncoder, leaving?: BufferRange): Promise<void>;
  /** Waits until everything that left is back: the sums are there for what is submitted next. */
  finish(): Promise<void>;
  /** What the sums took since the last time it was asked. */
  time(): ExchangeTime;
  /** Bytes of the staging buffers, of what is written back, and of this rank's own sum. */
  readonly bytes: number;
  /** Frees what is on the device. */
  close(): void;
}

/** A range that left. */
interface Traveller {
  readonly range: BufferRange;
  readonly staging: GPUBuffer;
  readonly mapped: Promise<void>;
}

/** A range that is added up. */
interface Sum extends Traveller {
  readonly numbers: Float32Array<ArrayBuffer>;
  readonly finished: Promise<void>;
  isFinished: boolean;
}

/** Copies that are on their way back to the device. */
const WRITTEN_COPIES = 2;

/** Copies beside the staging buffers: those, and one of the ranks' own sum. */
const OTHER_COPIES = WRITTEN_COPIES + 1;

/** Staging buffers at least: one is filled while another is added up. */
const LEAST_STAGING = 2;

/**
 * Prepares sums over ranks.
 *
 * @param device Where the ranges lie.
 * @param ranks The ranks that add up.
 * @param sizes `ranges`: bytes of all that leave in a step; `gradients`: bytes of all gradients together.
 * @returns The exchanger; close it when done.
 * @throws {RangeError} If a range exceeds the adapter's limits.
 */
export function createExchanger(
  device: Device,
  ranks: Ranks,
  { ranges, gradients }: { ranges: readonly number[]; gradients: number },
): Exchanger {
  const { queue } = device.gpu;
  const largest = Math.max(...ranges);
  const count = Math.min(Math.max(Math.floor(gradients / largest) - OTHER_COPIES, LEAST_STAGING), ranges.length);
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const free: GPUBuffer[] = [];
  using made = new DisposableStack();
  for (let index = 0; index < count; index++) free.push(ownBuffer(made, device, largest, usage, "exchanged gradients"));
  made.move();
  let left: Traveller | undefined;
  const sums: Sum[] = [];
  /** Bytes written back that may not have reached the device. */
  let written = 0;
  /** Since when the device has had nothing to do. */
  let idle: number | undefined;
  let [total, exposed] = [0, 0];

  /** Hands what left last to the ranks. */
  async function addUp(): Promise<void> {
    if (!left) return;
    const traveller = left;
    left = undefined;
    let isMapped = false;
    let numbers: Float32Array<ArrayBuffer>;
    try {
      await traveller.mapped;
      isMapped = true;
      numbers = new Float32Array(traveller.staging.getMappedRange(0, traveller.range.size));
    } catch (error) {
      if (isMapped) traveller.staging.unmap();
      free.push(traveller.staging);
      throw error;
    }
    const start = performance.now();
    const sum: Sum = {
      ...traveller,
      numbers,
      isFinished: false,
      finished: ranks.sum(numbers).then(() => {
        total += performance.now() - start;
        sum.isFinished = true;
      }),
    };
    // What went wrong is told where the sum is awaited.
    sum.finished.catch(() => {});
    sums.push(sum);
  }

  /** Whether a range may be written back before the device has taken what was written. */
  const fits = ({ size }: BufferRange) => written === 0 || written + size <= WRITTEN_COPIES * largest;

  /** Takes the oldest sum back. */
  async function writeBack(): Promise<void> {
    const { range, staging, numbers, finished } = sums.shift()!;
    await finished;
    try {
      if (!fits(range)) {
        queue.submit([]);
        await queue.onSubmittedWorkDone();
        written = 0;
      }
      queue.writeBuffer(range.buffer, range.offset, numbers);
      written += range.size;
    } finally {
      staging.unmap();
      free.push(staging);
    }
  }

  async function takeStaging(): Promise<GPUBuffer> {
    if (free.length === 0 && sums.length === 0) await addUp();
    if (free.length === 0) await writeBack();
    return free.pop()!;
  }

  return {
    async submit(encoder, leaving) {
      const next = leaving && { range: leaving, staging: await takeStaging() };
      try {
        if (next) encoder.copyBufferToBuffer(next.range.buffer, next.range.offset, next.staging, 0, next.range.size);
        while (sums[0]?.isFinished && fits(sums[0].range)) await writeBack();
        if (idle !== undefined) exposed += performance.now() - idle;
        idle = undefined;
        queue.submit([encoder.finish()]);
        await addUp();
        if (!next) return;
        left = { ...next, mapped: next.staging.mapAsync(GPUMapMode.READ, 0, next.range.size) };
        // What went wrong is told where it is awaited, which may be never.
        left.mapped.catch(() => {});
      } catch (error) {
        if (next) free.push(next.staging);
        throw error;
      }
      idle = performance.now();
      written = 0;
    },
    async finish() {
      await addUp();
      while (sums.length > 0) await writeBack();
    },
    time() {
      const result = { total, exposed };
      [total, exposed] = [0, 0];
      return result;
    },
    bytes: (count + OTHER_COPIES) * largest,
    close() {
      if (left) free.push(left.staging);
      left = undefined;
      // The others are those of a sum that is not finished: another thread may still write to them.
      free.push(...sums.splice(0).flatMap(({ isFinished, staging }) => isFinished ? [staging] : []));
      for (const staging of free.splice(0)) destroyBuffer(device, staging);
    },
  };
}
