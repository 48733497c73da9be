/**
 * Rotary position embedding in a network.
 *
 * @module
 */

import type { Constant, Program } from "../../engine/program.ts";
import { addStep, addTensor, type Builder } from "../shared/builder.ts";
import { type AnyOperation, contributionName, type Rule } from "../shared/rule.ts";
import type { Shape } from "../shared/tensor.ts";
import { rotaryKernel, type RotaryOptions, rotaryReference, rotaryShape, type RotaryTable } from "./kernels.ts";

/**
 * Rotary position embedding: the channels of queries and keys turn by their position's angles; all else passes.
 *
 * `table` makes cosines and sines `[H W - prefix, headChannels]`. Operations that have the same function share its table.
 */
export interface Rotary extends AnyOperation, RotaryOptions {
  readonly type: "rotary";
  readonly table: () => RotaryTable;
}

/** Tables as kernels read them, by the functions that make them. */
const packedTables = new WeakMap<Rotary["table"], Constant>();

/**
 * Finds a program's table, or adds it.
 *
 * @param program The program.
 * @param operation The operation.
 * @param positions Positions that turn.
 * @returns Name of the constant.
 * @throws {TypeError} If the table is one of another number of positions.
 */
function tableOf({ constants }: Program, { table, headChannels, output }: Rotary, positions: number): string {
  let packed = packedTables.get(table);
  if (!packed) packedTables.set(table, packed = () => packTable(table(), headChannels, positions, output));
  for (const [name, constant] of constants) if (constant === packed) return name;
  const name = `${output} rotary table`;
  constants.set(name, packed);
  return name;
}

function packTable(table: RotaryTable, headChannels: number, positions: number, output: string) {
  checkTable(table, headChannels, positions, output);
  const packed = new Float32Array(2 * table.cosine.length);
  for (let first = 0; first < table.cosine.length; first += headChannels) {
    packed.set(table.cosine.subarray(first, first + headChannels), 2 * first);
    packed.set(table.sine.subarray(first, first + headChannels), 2 * first + headChannels);
  }
  return packed;
}

function checkTable({ cosine, sine }: RotaryTable, headChannels: number, positions: number, output: string): void {
  if (cosine.length === positions * headChannels && sine.length === cosine.length) return;
  throw new TypeError(
    `Cannot compute "${output}": a table of ${cosine.length} cosines and ${sine.length} sines turns no ${positions} ` +
      `positions of ${headChannels} channels`,
  );
}

function addRotary(builder: Builder, operation: Rotary, [input, output]: [string, string], back: boolean): string {
  const { program, target, shapeOf } = builder;
  const shape = shapeOf(operation.input);
  const { parts, heads, headChannels, prefix, rotation } = operation;
  const table = tableOf(program, operation, shape[1] * shape[2] - prefix);
  const kernel = rotaryKernel({ shape, parts, heads, headChannels, prefix, rotation, back, ...target });
  addStep(builder, kernel, { input, table, output: addTensor(builder, output, shape) });
  return output;
}

function reference(operation: Rotary, values: ArrayLike<number>, shape: Shape, back: boolean) {
  const table = operation.table();
  checkTable(table, operation.headChannels, shape[1] * shape[2] - operation.prefix, operation.output);
  return rotaryReference(values, shape, { ...operation, table, back });
}

/** Rotary position embedding; training keeps nothing for its gradient. */
export const rotary: Rule<Rotary> = {
  type: "rotary",
  outputShape: (operation, shapeOf) => rotaryShape(shapeOf(operation.input), operation),
  forward(builder, operation) {
    addRotary(builder, operation, [operation.input, operation.output], false);
  },
  backward(builder, operation, outputGradient) {
    const gradient = addRotary(builder, operation, [outputGradient, contributionName(operation)], true);
    return [{ tensor: operation.input, gradient }];
  },
  reference: (operation, { tensor, shapeOf }) =>
    reference(operation, tensor(operation.input), shapeOf(operation.input), false),
  referenceGradient: (operation, { shapeOf }, outputGradient) =>
    new Map([[operation.input, reference(operation, outputGradient, shapeOf(operation.input), true)]]),
};
