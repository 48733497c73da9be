import type { OutlookAttention } from "../../../../kernels/operations/outlook_attention/rule.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import type { OperationCase } from "../check.ts";

const attentions: readonly (Pick<OutlookAttention, "heads" | "stride"> & { shape: Shape })[] = [
  { shape: [2, 4, 6, 16], heads: 2, stride: [2, 2] },
  { shape: [1, 5, 7, 13], heads: 1, stride: [2, 2] },
  { shape: [2, 3, 4, 12], heads: 3, stride: [1, 1] },
  { shape: [1, 1, 1, 4], heads: 1, stride: [2, 2] },
];

/** One head and several, sizes that windows reach beyond and do not, windows that overlap by one position and by two. */
export const cases: readonly OperationCase[] = attentions.map(({ shape, heads, stride }) => {
  const [batch, height, width, channels] = shape;
  const windows = [Math.ceil(height / stride[0]), Math.ceil(width / stride[1])] as const;
  return {
    what: `${heads} heads on ${shape.join(" x ")} with stride ${stride.join(" x ")}`,
    operations: [{
      type: "outlookAttention",
      input: "x",
      logits: "a",
      output: "y",
      heads,
      stride,
      scale: (channels / heads) ** -0.5,
    }],
    inputs: { x: shape, a: [batch, ...windows, heads * 81] },
    terms: 81,
  };
});
