/**
 * Where a sliding window stands: the arithmetic that convolution and pooling share, for one axis.
 *
 * Output element o looks at the input elements o * stride - before + [0, kernel). With padding p on both sides,
 * before = p and the output has floor((input + 2 p - kernel) / stride) + 1 elements. TensorFlow's "SAME" gives
 * ceil(input / stride) elements and pads as little as that needs, the odd element at the end, so that `before` depends on
 * the size of the input.
 *
 * PyTorch's `ceil_mode` rounds the quotient up instead, but drops a last window that would start beyond the input and its
 * left padding: every window holds at least one element of the input.
 *
 * @module
 */

/** A pair for height and width, in this order. */
export type Pair = readonly [height: number, width: number];

/**
 * What is added around the image before a window slides over it: pixels on both sides, or TensorFlow's "SAME", which
 * pads so that the output is `ceil(input / stride)`, the odd pixel at the bottom and right.
 */
export type Padding = Pair | "same";

/** A window's way along one axis. */
export interface WindowAxis {
  /** Elements of the output. */
  readonly output: number;
  /** Padding before the first element. */
  readonly before: number;
  /** Padding after the last element; a window may reach beyond it with `ceilMode`. */
  readonly after: number;
}

/**
 * Places a window on one axis.
 *
 * @param options Elements of the input; kernel and stride; `padding` on both sides or "same"; PyTorch's `ceil_mode`.
 * @returns The size of the output and the padding.
 * @throws {RangeError} If the window does not fit into the padded input.
 */
export function windowAxis(options: {
  input: number;
  kernel: number;
  stride: number;
  padding: number | "same";
  ceilMode?: boolean;
}): WindowAxis {
  const { input, kernel, stride, padding, ceilMode = false } = options;
  if (padding === "same") {
    const output = Math.ceil(input / stride);
    const total = Math.max((output - 1) * stride + kernel - input, 0);
    const before = Math.floor(total / 2);
    return { output, before, after: total - before };
  }
  const steps = (input + 2 * padding - kernel) / stride;
  if (steps < 0) {
    throw new RangeError(
      `Cannot place a window of ${kernel} on ${input} elements with ${padding} of padding on both sides: it does not fit`,
    );
  }
  let output = (ceilMode ? Math.ceil(steps) : Math.floor(steps)) + 1;
  if (ceilMode && (output - 1) * stride >= input + padding) output--;
  return { output, before: padding, after: padding };
}
