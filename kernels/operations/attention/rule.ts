/**
 * Scaled dot-product attention in a network (Vaswani et al., "Attention Is All You Need", 2017, section 3.2): of every head
 *
 *     o = softmax(scale q k^T + bias + mask) v
 *
 * over the positions of an entry of the batch. The matrix of all pairs is never in memory.
 *
 * @module
 */

import { addStep, addSteps, addTensor, type Builder } from "../shared/builder.ts";
import type { AnyOperation, ReferenceValues, Rule } from "../shared/rule.ts";
import { zerosKernel } from "../shared/zeros.ts";
import { attentionBiasGradientKernel, attentionBiasPartialsKernel } from "./bias_gradient.ts";
import {
  attentionKeyValueGradientKernels,
  attentionQueryGradientKernel,
  attentionStatisticsKernel,
} from "./gradient.ts";
import { attentionKernel } from "./mod.ts";
import { partBindings, partsName } from "./part_reads.ts";
import { attentionGradientReference, attentionReference } from "./reference.ts";
import {
  type AttentionOptions,
  type AttentionShape,
  attentionShape,
  type Part,
  PARTS,
  statisticsBytes,
} from "./shape.ts";

/**
 * Attention of all H W positions of an entry of the batch on all positions of the same entry of the keys' tensor, to
 * `[N, H, W, heads * headChannels]` of the queries' H and W. `input` is the queries' tensor.
 *
 * `bias.table` names a tensor of `[1, 1, L, heads]`, L = (2 h - 1) (2 w - 1) + (prefix ? 3 : 0): what is added to the score
 * of patches i and j is its row (yi - yj + h - 1) (2 w - 1) + xi - xj + w - 1; a class token in front asks patches by row
 * L - 3, is asked by them by row L - 2, and by itself by row L - 1, as in timm's BEiT.
 *
 * `mask` is that of Swin's shifted windows: the batch is `[images * windows]`, windows row by row, of images that were
 * rolled; pairs whose parts of the image were no neighbours before get -100.
 */
export interface Attention extends AnyOperation, AttentionOptions {
  readonly type: "attention";
}

function referenceValues({ query, key, value, bias }: Attention, { tensor }: ReferenceValues) {
  return {
    query: tensor(query.tensor),
    key: tensor(key.tensor),
    value: tensor(value.tensor),
    ...(bias ? { bias: tensor(bias.table) } : {}),
  };
}

/** Parts whose gradients lie in one tensor: those of one tensor that have no channels in common. */
function gradientGroups({ parts, heads, headChannels, headStride }: AttentionShape): Part[][] {
  const groups: Part[][] = [];
  for (const part of PARTS) {
    const { tensor, offset } = parts[part];
    const apart = (other: Part) => {
      const distance = Math.abs(parts[other].offset - offset);
      const isBetween = distance >= headChannels && distance + headChannels <= headStride;
      return isBetween || distance >= (heads - 1) * headStride + headChannels;
    };
    const group = groups.find((others) => parts[others[0]].tensor === tensor && others.every(apart));
    if (group) group.push(part);
    else groups.push([part]);
  }
  return groups;
}

/** Adds a tensor for each group of gradients, zero where no part lies. */
function addGradients(builder: Builder, { output }: Attention, shape: AttentionShape) {
  return gradientGroups(shape).map((parts) => {
    const { tensor, channels } = shape.parts[parts[0]];
    const tensorShape = builder.shapeOf(tensor);
    const gradient = addTensor(builder, `${output} ${partsName(parts)} gradient`, tensorShape);
    if (parts.length * shape.heads * shape.headChannels < channels) {
      addStep(builder, zerosKernel({ shape: tensorShape, ...builder.target }), { output: gradient });
    }
    return { tensor, parts, gradient };
  });
}

/** Attention; training keeps its inputs, its output and a number for each query and head. */
export const attention: Rule<Attention> = {
  type: "attention",
  inputs: ({ query, key, value, bias }) => [
    ...new Set([query.tensor, key.tensor, value.tensor, ...bias ? [bias.table] : []]),
  ],
  outputShape: (operation, shapeOf) => {
    const { heads, headChannels, query } = operation;
    attentionShape(operation, shapeOf);
    const [batch, height, width] = shapeOf(query.tensor);
    return [batch, height, width, heads * headChannels];
  },
  multiplyAdds({ heads, headChannels, query, key }, shapeOf) {
    const [batch, height, width] = shapeOf(query.tensor);
    const [, keyHeight, keyWidth] = shapeOf(key.tensor);
    return 2 * batch * heads * headChannels * height * width * keyHeight * keyWidth;
  },
  forward(builder, operation) {
    const { target, shapeOf, program } = builder;
    const { output, bias } = operation;
    const shape = attentionShape(operation, shapeOf);
    addTensor(builder, output, shapeOf(output));
    const logSumExp = `${output} log-sum-exp`;
    program.tensors.set(logSumExp, statisticsBytes(shape));
    const bindings = { ...partBindings(shape), ...(bias ? { biasTable: bias.table } : {}), output, logSumExp };
    addStep(builder, attentionKernel(shape, target), bindings);
  },
  backward(builder, operation, outputGradient) {
    const { target, shapeOf, program } = builder;
    const { output, bias } = operation;
    const shape = attentionShape(operation, shapeOf);
    const queryStatistics = `${output} statistics`;
    program.tensors.set(queryStatistics, 2 * statisticsBytes(shape));
    const gradients = addGradients(builder, operation, shape);
    const gradientOf = (part: Part) => gradients.find(({ parts }) => parts.includes(part))!.gradient;
    const [queryGradient, keyGradient, valueGradient] = PARTS.map(gradientOf);
    const bindings = {
      ...partBindings(shape),
      ...(bias ? { biasTable: bias.table } : {}),
      result: output,
      outputGradient,
      logSumExp: `${output} log-sum-exp`,
      queryStatistics,
      queryGradient,
      keyGradient,
      valueGradient,
      keyValueGradient: keyGradient,
    };
    addStep(builder, attentionStatisticsKernel(shape, target), bindings);
    addStep(builder, attentionQueryGradientKernel(shape, target), bindings);
    const together = keyGradient === valueGradient;
    addSteps(builder, attentionKeyValueGradientKernels(shape, { together, ...target }), bindings, output);
    if (!bias) return gradients;
    const biasGradient = addTensor(builder, `${output} bias gradient`, shapeOf(bias.table));
    const kernels = [attentionBiasPartialsKernel(shape, target), attentionBiasGradientKernel(shape, target)];
    addSteps(builder, kernels, { ...bindings, biasGradient }, `${output} bias`);
    return [...gradients, { tensor: bias.table, gradient: biasGradient }];
  },
  reference: (operation, values) =>
    attentionReference(attentionShape(operation, values.shapeOf), referenceValues(operation, values)),
  referenceGradient(operation, values, outputGradient) {
    const shape = attentionShape(operation, values.shapeOf);
    const parts = attentionGradientReference(shape, referenceValues(operation, values), outputGradient);
    const gradients = new Map<string, Float64Array>();
    for (const part of PARTS) {
      const { tensor } = shape.parts[part];
      const known = gradients.get(tensor);
      gradients.set(tensor, known ? known.map((value, index) => value + parts[part][index]) : parts[part]);
    }
    if (operation.bias) gradients.set(operation.bias.table, parts.bias);
    return gradients;
  },
};
