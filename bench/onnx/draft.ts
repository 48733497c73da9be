/**
 * An ONNX graph while it grows. A tensor has the layout that its operator gives it, and is transposed once for all who want
 * another one.
 *
 * @module
 */

import type { Shape } from "../../kernels/operations/shared/tensor.ts";
import type { AttributeValue, OnnxNode, OnnxTensor } from "./model.ts";

/** `[N, C, H, W]`, or with the channels last `[N, H, W, C]`, and of tokens, which have one row, `[N, T, C]`. */
export type Layout = "channelsFirst" | "channelsLast";

/** What there is of a graph. */
export interface Draft {
  readonly nodes: OnnxNode[];
  readonly constants: Map<string, OnnxTensor | BigInt64Array>;
  /** Of each tensor, `[N, H, W, C]`, and how it lies. */
  readonly tensors: Map<string, { readonly shape: Shape; readonly layout: Layout }>;
  readonly parameters: ReadonlyMap<string, OnnxTensor>;
}

/** A tensor's shape as ONNX knows it. */
export function dimensions([batch, height, width, channels]: Shape, layout: Layout): number[] {
  if (layout === "channelsFirst") return [batch, channels, height, width];
  return height === 1 ? [batch, width, channels] : [batch, height, width, channels];
}

/** Appends a node. */
export function append(
  { nodes }: Draft,
  type: string,
  inputs: readonly string[],
  output: string,
  attributes?: Readonly<Record<string, AttributeValue>>,
): string {
  nodes.push({ type, inputs, output, ...(attributes ? { attributes } : {}) });
  return output;
}

/** Says what a node has made. */
export function declare({ tensors }: Draft, name: string, shape: Shape, layout: Layout): void {
  tensors.set(name, { shape, layout });
}

/**
 * The name under which a tensor lies as wanted.
 *
 * @param draft The graph; gets a transposition where there is none yet.
 * @param name The tensor.
 * @param layout How it shall lie.
 * @returns The name.
 */
export function inLayout(draft: Draft, name: string, layout: Layout): string {
  const { shape, layout: own } = find(draft.tensors, name);
  if (own === layout) return name;
  const other = `${name}.${layout}`;
  if (draft.tensors.has(other)) return other;
  const rows = [shape[0], shape[1], shape[2], shape[3]] as const;
  if (layout === "channelsFirst") {
    // Tokens have no axis of rows.
    const source = shape[1] === 1 ? reshape(draft, name, rows, `${other}.rows`) : name;
    append(draft, "Transpose", [source], other, { perm: [0, 3, 1, 2] });
  } else {
    const target = shape[1] === 1 ? `${other}.rows` : other;
    append(draft, "Transpose", [name], target, { perm: [0, 2, 3, 1] });
    if (shape[1] === 1) reshape(draft, target, dimensions(shape, layout), other);
  }
  declare(draft, other, shape, layout);
  return other;
}

/** Appends a node that gives a tensor other dimensions. */
export function reshape(draft: Draft, input: string, shape: readonly number[], output: string): string {
  return append(draft, "Reshape", [input, integers(draft, `${output}.shape`, shape)], output);
}

/** Appends a node that takes a part of an axis. */
export function slice(
  draft: Draft,
  input: string,
  { axis, first, count }: { axis: number; first: number; count: number },
  output: string,
): string {
  const numbers = { starts: first, ends: first + count, axes: axis };
  const inputs = Object.entries(numbers).map(([name, value]) => integers(draft, `${output}.${name}`, [value]));
  return append(draft, "Slice", [input, ...inputs], output);
}

/** Adds a constant of integers. */
export function integers({ constants }: Draft, name: string, values: readonly number[]): string {
  constants.set(name, BigInt64Array.from(values, BigInt));
  return name;
}

/** Adds a constant of numbers; one of the same name is the same. */
export function constant({ constants }: Draft, name: string, shape: readonly number[], data: Float32Array): string {
  constants.set(name, { shape, data });
  return name;
}

/** Adds a parameter as it is. */
export function parameter(draft: Draft, name: string): string {
  const { shape, data } = find(draft.parameters, name);
  return constant(draft, name, shape, data);
}

/**
 * Looks something up.
 *
 * @throws {RangeError} If it is not there.
 */
export function find<Value>(values: ReadonlyMap<string, Value>, name: string): Value {
  const value = values.get(name);
  if (value === undefined) throw new RangeError(`Cannot write ONNX graph: there is no tensor "${name}"`);
  return value;
}
