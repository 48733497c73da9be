/**
 * The parameters of a network out of a weight file.
 *
 * @module
 */

import type { Weights } from "./weights.ts";

/** A parameter in memory. */
export interface Parameter {
  /** In PyTorch's axis order. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Tensors that checkpoints have beside the parameters and that no result depends on. */
const ignoredSuffix = ".num_batches_tracked";

/**
 * Reads the parameters of a network.
 *
 * The file must hold exactly these: a tensor too many is refused like one that is missing, since the smaller of two
 * networks of equal widths would otherwise load from the larger one's file and be wrong in silence.
 *
 * @param shapes Name and shape of every parameter, as `parameterShapes` lists them.
 * @param weights The open file.
 * @returns The parameters by name, in the order of `shapes`.
 * @throws {TypeError} If a parameter is missing, has another shape, or is one too many.
 */
export async function loadParameters(
  shapes: ReadonlyMap<string, readonly number[]>,
  weights: Weights,
): Promise<Map<string, Parameter>> {
  checkParameters(shapes, weights);
  const parameters = new Map<string, Parameter>();
  for (const [name, shape] of shapes) parameters.set(name, { shape, data: await weights.read(name) });
  return parameters;
}

function checkParameters(shapes: ReadonlyMap<string, readonly number[]>, weights: Weights): void {
  const { path } = weights;
  const found = new Set(weights.names);
  const missing = [...shapes.keys()].filter((name) => !found.has(name));
  if (missing.length > 0) {
    throw new TypeError(
      `Cannot load weights "${path}": parameter "${missing[0]}" [${shapes.get(missing[0])!.join(", ")}]` +
        `${more(missing)} is missing`,
    );
  }
  for (const [name, shape] of shapes) {
    const stored = weights.shape(name);
    if (stored.length !== shape.length || stored.some((size, axis) => size !== shape[axis])) {
      throw new TypeError(
        `Cannot load weights "${path}": parameter "${name}" has shape [${stored.join(", ")}], ` +
          `expected [${shape.join(", ")}]`,
      );
    }
  }
  const extra = weights.names.filter((name) => !shapes.has(name) && !name.endsWith(ignoredSuffix));
  if (extra.length > 0) {
    throw new TypeError(
      `Cannot load weights "${path}": tensor "${extra[0]}" [${weights.shape(extra[0]).join(", ")}]` +
        `${more(extra)} is no parameter of the network`,
    );
  }
}

function more(names: readonly string[]): string {
  return names.length > 1 ? ` (and ${names.length - 1} more)` : "";
}
