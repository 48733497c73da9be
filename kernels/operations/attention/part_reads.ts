/**
 * How kernels of attention bind the tensors of query, key and value: a tensor that holds several of them is bound once, since
 * a texture of it is then made once, and since WebGPU lets no dispatch bind the same memory twice where it could write to it.
 *
 * @module
 */

import type { Target } from "../shared/tensor.ts";
import { readTensors, type TensorReads } from "../shared/tensor_reads.ts";
import { type AttentionShape, type Part, PARTS, partVectors } from "./shape.ts";

/** The name of a binding that holds some parts: `queryKeyValue`. */
export function partsName(parts: readonly Part[]): string {
  return parts.map((part, index) => index === 0 ? part : part[0].toUpperCase() + part.slice(1)).join("");
}

/** The name of the binding that holds a part. */
function bindingOf({ parts }: AttentionShape, part: Part): string {
  return partsName(PARTS.filter((other) => parts[other].tensor === parts[part].tensor));
}

/** What a kernel of attention binds of the parts' tensors: names of tensors by name of the binding. */
export function partBindings(shape: AttentionShape): Record<string, string> {
  return Object.fromEntries(PARTS.map((part) => [bindingOf(shape, part), shape.parts[part].tensor]));
}

/** How a kernel reads the parts. */
export interface PartReads extends TensorReads {
  /** WGSL of a 4-vector of a part, by the number of the vector within the part's tensor. */
  readonly loadPart: (part: Part, index: string) => string;
  /** WGSL of the first vector of a head's part at a position: `entry` and `head` are known to it. */
  readonly placeOf: (part: Part, position: string) => string;
  readonly parameters: { name: string; value: number }[];
}

/**
 * Reads the parts, and tensors beside them.
 *
 * @param shape The attention.
 * @param others Names of other tensors, in the same storage.
 * @param target Profile and storage.
 * @returns Bindings, parameters and texts.
 */
export function readParts(shape: AttentionShape, others: readonly string[], target: Target): PartReads {
  const names = [...Object.keys(partBindings(shape)), ...others];
  const reads = readTensors(Object.fromEntries(names.map((name) => [name, target.storage])), target.profile);
  return {
    ...reads,
    loadPart: (part, index) => reads.load(bindingOf(shape, part), index),
    placeOf: (part, position) => {
      const positions = part === "query" ? "queries" : "keys";
      return `(entry * parameters.${positions} + ${position}) * parameters.${part}Stride + ` +
        `parameters.${part}First + head * parameters.headStride`;
    },
    parameters: [
      { name: "headStride", value: shape.headStride / 4 },
      ...PARTS.flatMap((part) => {
        const { stride, first } = partVectors(shape, part);
        return [{ name: `${part}Stride`, value: stride }, { name: `${part}First`, value: first }];
      }),
    ],
  };
}
