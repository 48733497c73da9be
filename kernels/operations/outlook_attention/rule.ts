/**
 * Outlook attention in a network.
 *
 * @module
 */

import { addBytes, addStep, addTensor } from "../shared/builder.ts";
import type { AnyOperation, Rule } from "../shared/rule.ts";
import {
  outlookAttentionKernel,
  outlookLogitsGradientKernel,
  outlookWeightsBytes,
  outlookWeightsKernel,
} from "./kernels.ts";
import { outlookAttentionGradientReference, outlookAttentionReference } from "./reference.ts";
import { type OutlookAttentionOptions, outlookAttentionShape } from "./shape.ts";

/** Attention within windows of 3 x 3; `input` holds the values. */
export interface OutlookAttention extends AnyOperation, OutlookAttentionOptions {
  readonly type: "outlookAttention";
  /** Name of the tensor that the weights are made of: channel `(head * 9 + i) * 9 + j` for value j in output i. */
  readonly logits: string;
}

/** Outlook attention; training keeps the values and the weights for its gradients. */
export const outlookAttention: Rule<OutlookAttention> = {
  type: "outlookAttention",
  inputs: ({ input, logits }) => [input, logits],
  outputShape: (operation, shapeOf) =>
    outlookAttentionShape(shapeOf(operation.input), shapeOf(operation.logits), operation),
  forward(builder, operation) {
    const { input, logits, output } = operation;
    const { target } = builder;
    const shape = builder.shapeOf(input);
    const outlook = { shape, attention: operation };
    const weights = addBytes(builder, `${output} weights`, outlookWeightsBytes(outlook));
    addStep(builder, outlookWeightsKernel({ ...outlook, ...target }), { logits, weights });
    addTensor(builder, output, shape);
    const kernel = outlookAttentionKernel({ ...outlook, direction: "forward", ...target });
    addStep(builder, kernel, { input, weights, output });
  },
  backward(builder, operation, outputGradient) {
    const { input, logits, output } = operation;
    const { target, shapeOf } = builder;
    const outlook = { shape: shapeOf(input), attention: operation };
    const weights = `${output} weights`;
    const valueGradient = addTensor(builder, `${output} value gradient`, shapeOf(input));
    const logitsGradient = addTensor(builder, `${output} logits gradient`, shapeOf(logits));
    addStep(builder, outlookAttentionKernel({ ...outlook, direction: "backward", ...target }), {
      input: outputGradient,
      weights,
      output: valueGradient,
    });
    addStep(builder, outlookLogitsGradientKernel({ ...outlook, ...target }), {
      value: input,
      weights,
      outputGradient,
      logitsGradient,
    });
    return [{ tensor: input, gradient: valueGradient }, { tensor: logits, gradient: logitsGradient }];
  },
  reference: (operation, { tensor, shapeOf }) =>
    outlookAttentionReference(tensor(operation.input), tensor(operation.logits), shapeOf(operation.input), operation),
  referenceGradient(operation, { tensor, shapeOf }, outputGradient) {
    const { input, logits } = operation;
    const gradients = outlookAttentionGradientReference(
      tensor(input),
      tensor(logits),
      outputGradient,
      shapeOf(input),
      operation,
    );
    return new Map([[input, gradients.value], [logits, gradients.logits]]);
  },
};
