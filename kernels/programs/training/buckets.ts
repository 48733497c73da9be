/**
 * How gradients leave for the other ranks: in buckets of whole tensors, from the end of the flat gradients, which the
 * backward pass writes first, to their beginning. A bucket leaves as soon as no step of the batch touches it any more; the
 * one that leaves last, while the device has nothing left to do, is a small one
 * (Li et al., "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", 2020, section 3.2.3).
 *
 * @module
 */

import type { ParameterLayout } from "../../optimizers/layout.ts";
import { ALIGNMENT, type Step } from "../../engine/program.ts";
import { gradientName } from "../../operations/shared/builder.ts";

/** Part of the flat gradients. */
export interface Bucket {
  /** Bytes, multiples of {@linkcode ALIGNMENT}. */
  readonly offset: number;
  readonly bytes: number;
  /** Index of the last step that touches it. */
  readonly last: number;
}

/** Buckets that gradients are to fill: with several, some leave while others are computed. */
const WANTED = 8;

/** Smaller ones take longer to begin with than to send. */
const LEAST_BYTES = 2 ** 20;

/** Larger ones leave late, and take memory. */
const MOST_BYTES = 2 ** 24;

/** The share of a bucket that the last one has at most, if its first tensor is not larger. */
const LAST_SHARE = 1 / 8;

/**
 * Bytes of a bucket.
 *
 * @param length Floats of the flat gradients.
 * @returns An eighth of the gradients, between 1 MiB and 16 MiB.
 */
export function defaultBucketBytes(length: number): number {
  return Math.min(Math.max(length * 4 / WANTED, LEAST_BYTES), MOST_BYTES);
}

/**
 * Cuts gradients into buckets.
 *
 * @param layout Where the gradients lie in their flat buffer.
 * @param steps The steps of a batch, whose kernels bind each gradient by its name.
 * @param most Bytes of a bucket at most; a tensor that is larger is cut.
 * @returns Buckets that cover the buffer, in the order in which they are complete.
 */
export function gradientBuckets(layout: ParameterLayout, steps: readonly Step[], most: number): Bucket[] {
  const limit = Math.max(Math.floor(most / ALIGNMENT), 1) * ALIGNMENT;
  const last = new Map<string, number>();
  steps.forEach(({ kernel, bindings }, index) => {
    for (const { name } of kernel.bindings) last.set(bindings[name], index);
  });
  const begins = layout.segments.map(({ first }) => first * 4);
  let end = layout.length * 4;
  const lastEnd = end > limit ? begins.findLast((begin) => begin <= limit * LAST_SHARE) || begins[1] : 0;
  const buckets: Bucket[] = [];
  let open: Bucket | undefined;
  for (const { name, first } of layout.segments.toReversed()) {
    const touched = last.get(gradientName(name)) ?? 0;
    for (const start = first * 4; end > start;) {
      const bytes = Math.min(end - start, limit);
      const joins = open !== undefined && end !== lastEnd && open.bytes + bytes <= limit;
      if (open && !joins) buckets.push(open);
      open = joins
        ? { offset: end - bytes, bytes: open!.bytes + bytes, last: Math.max(open!.last, touched) }
        : { offset: end - bytes, bytes, last: touched };
      end -= bytes;
    }
  }
  if (open) buckets.push(open);
  return buckets.toSorted((a, b) => a.last - b.last);
}
