/**
 * Outlook attention (Yuan et al., "VOLO", 2021; timm's OutlookAttention): every window of 3 x 3 positions, a `stride` apart
 * and the first around position (0, 0), mixes its own 9 values to 9 new ones by weights that a layer makes of what is in
 * its middle; where windows overlap, what they give is added. With A[w, h, i, j] the softmax over j of a window's logits
 * times `scale`, for head h,
 *
 *     y[place i of w, c] += sum over j of A[w, h, i, j] v[place j of w, c],  c a channel of head h.
 *
 * Beyond the borders values are zero, and what is given there is lost.
 *
 * Gradients, with g = dL/dy, zero beyond the borders:
 *
 *     dL/dv[place j of w, c] += sum over i of A[w, h, i, j] g[place i of w, c],
 *     dL/dA[w, h, i, j] = sum over c of g[place i of w, c] v[place j of w, c],
 *     dL/dlogit[w, h, i, j] = scale A[w, h, i, j] (dL/dA[w, h, i, j] - sum over j' of A[w, h, i, j'] dL/dA[w, h, i, j']).
 *
 * @module
 */

import type { Shape } from "../shared/tensor.ts";
import type { Pair } from "../shared/window.ts";

/** Positions of a window. */
export const WINDOW = 9;

/** What outlook attention is, beside its tensors. */
export interface OutlookAttentionOptions {
  readonly heads: number;
  /** From a window to the next. */
  readonly stride: Pair;
  /** Factor of the logits. */
  readonly scale: number;
}

/**
 * The shape of the output.
 *
 * @param value Shape of the values, `[N, H, W, C]`.
 * @param logits Shape of the logits, `[N, ceil(H / stride), ceil(W / stride), heads * 81]`.
 * @param options Heads and stride.
 * @returns The shape of the values.
 * @throws {TypeError} If the shapes do not go together, or several heads have channels in one 4-vector.
 */
export function outlookAttentionShape(value: Shape, logits: Shape, { heads, stride }: OutlookAttentionOptions): Shape {
  const [batch, height, width, channels] = value;
  const wanted = [
    batch,
    Math.ceil(height / stride[0]),
    Math.ceil(width / stride[1]),
    heads * WINDOW * WINDOW,
  ];
  if (wanted.some((size, axis) => size !== logits[axis])) {
    throw new TypeError(
      `Cannot attend to [${value.join(", ")}] by logits of shape [${logits.join(", ")}]: they are to be [${
        wanted.join(", ")
      }]`,
    );
  }
  if (heads > 1 && channels % (4 * heads) !== 0) {
    throw new TypeError(`Cannot attend with ${heads} heads of ${channels / heads} channels: they are no multiple of 4`);
  }
  return value;
}
