/**
 * Biases of attention by relative position: tables that are learned, and perceptrons of the distances.
 *
 * @module
 */

import type { Attention } from "../operations/attention/rule.ts";
import type { Operation } from "../operations/mod.ts";
import type { Initial } from "../operations/shared/rule.ts";
import type { Pair } from "../operations/shared/window.ts";
import { activation, image, linear, type Tensor } from "./layers.ts";

/** The bias of an attention. */
export type RelativeBias = NonNullable<Attention["bias"]>;

/** Rows of a table for a grid: one per distance of two positions, and three more for a class token. */
function distanceCount([height, width]: Pair, prefix: 0 | 1 = 0): number {
  return (2 * height - 1) * (2 * width - 1) + 3 * prefix;
}

/**
 * Appends a learned table of biases.
 *
 * @param operations The list to append to.
 * @param parameter Name of the table `[(2h - 1)(2w - 1), heads]`.
 * @param options Height and width of the grid that attends to itself, the number of heads, whether a class token is
 * before the grid, which it is not by default, and how the table is drawn, from a narrow normal distribution by default.
 * @returns The bias.
 */
export function biasTable(
  operations: Operation[],
  parameter: string,
  { grid, heads, prefix = 0, initial = { truncatedNormal: 0.02 } }: {
    grid: Pair;
    heads: number;
    prefix?: 0 | 1;
    initial?: Initial;
  },
): RelativeBias {
  const table = parameter.slice(0, parameter.lastIndexOf("_table"));
  operations.push({
    type: "parameterTensor",
    input: image.name,
    output: table,
    parameter,
    shape: [distanceCount(grid, prefix), heads],
    outputShape: [1, distanceCount(grid, prefix), heads],
    broadcast: false,
    facts: { initial, decays: false },
  });
  return { table, grid, prefix };
}

/**
 * Appends TensorFlow's table of biases, whose rows and columns are the key's less the query's, and not the reverse.
 *
 * @param operations The list to append to.
 * @param parameter Name of the table `[heads, 2h - 1, 2w - 1]`.
 * @param options Height and width of the grid that attends to itself, and the number of heads.
 * @returns The bias.
 */
export function keyToQueryBiasTable(
  operations: Operation[],
  parameter: string,
  { grid, heads }: { grid: Pair; heads: number },
): RelativeBias {
  const table = parameter.slice(0, parameter.lastIndexOf("_table"));
  operations.push({
    type: "parameterTensor",
    input: image.name,
    output: `${table}.reversed`,
    parameter,
    shape: [heads, 2 * grid[0] - 1, 2 * grid[1] - 1],
    outputShape: [1, distanceCount(grid), heads],
    order: [1, 2, 0],
    broadcast: false,
    facts: { initial: { normal: 0.02 }, decays: false },
  });
  operations.push({ type: "reversePositions", input: `${table}.reversed`, output: table });
  return { table, grid, prefix: 0 };
}

/** A perceptron that gives the biases of all heads for a distance. */
export interface BiasPerceptronOptions {
  readonly grid: Pair;
  readonly heads: number;
  /** What it is given of a distance in rows or columns. */
  readonly coordinate: (distance: number, axis: 0 | 1) => number;
  readonly hiddenChannels: number;
  /** Names of its two layers. */
  readonly layers: readonly [first: string, second: string];
  /** Whether the second layer has a bias. */
  readonly bias: boolean;
  /** Whether its weights decay. */
  readonly decays: boolean;
}

/**
 * Appends a perceptron of the distances: linear, ReLU, linear.
 *
 * @param operations The list to append to.
 * @param name Name of its module.
 * @param options Grid, heads and what it is given.
 * @returns The tensor `[1, 1, (2h - 1)(2w - 1), heads]`.
 */
export function biasPerceptron(operations: Operation[], name: string, options: BiasPerceptronOptions): Tensor {
  const { grid, heads, hiddenChannels, layers, bias, decays } = options;
  const coordinates: Tensor = { name: `${name}.coordinates`, channels: 2, stride: 1 };
  operations.push({
    type: "constantTensor",
    input: image.name,
    output: coordinates.name,
    shape: [1, distanceCount(grid), 2],
    values: () => distances(grid, options.coordinate),
  });
  const hidden = linear(operations, coordinates, `${name}.${layers[0]}`, { outputChannels: hiddenChannels, decays });
  return linear(operations, activation(operations, hidden, "relu"), `${name}.${layers[1]}`, {
    outputChannels: heads,
    bias,
    decays,
  });
}

/** Distances of rows and columns, from -(h - 1) and -(w - 1) on, row-major. */
function distances([height, width]: Pair, coordinate: BiasPerceptronOptions["coordinate"]): Float32Array {
  const output = new Float32Array(2 * distanceCount([height, width]));
  let index = 0;
  for (let y = 1 - height; y < height; y++) {
    for (let x = 1 - width; x < width; x++) {
      output[index++] = coordinate(y, 0);
      output[index++] = coordinate(x, 1);
    }
  }
  return output;
}
