/**
 * The parameters of a network out of a weight file.
 *
 * @module
 */

import { isPassedOver } from "./passed_over.ts";
import { inTimmLayout } from "./published_layouts.ts";
import { renamed, type Weights } from "./weights.ts";

/** A parameter in memory. */
export interface Parameter {
  /** In PyTorch's axis order. */
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
  /** Whether `data` is read anew whenever it is asked for, into an array that is its reader's own. */
  readonly isReadAnew?: boolean;
}

/** What is known of the network whose parameters are read. */
export interface NetworkFacts {
  /** timm's name of its architecture, by which published layouts and tables in files of its family are known. */
  readonly architecture?: string;
  /**
   * By name, how a parameter is made of what is stored where that has another shape: position embeddings of another grid.
   * A function throws a TypeError where what is stored does not fit.
   */
  readonly resampled?: Readonly<Record<string, (stored: Parameter) => Float32Array>>;
}

/** What the names of a training run's averaged weights begin with. */
const AVERAGE = "average.";

/**
 * Reads the parameters of a network.
 *
 * The file must hold exactly these: a tensor too many is refused like one that is missing, since the smaller of two
 * networks of equal widths would otherwise load from the larger one's file and be wrong in silence.
 *
 * @param shapes Name and shape of every parameter, as `parameterShapes` lists them.
 * @param stored The open file.
 * @param network Its architecture, and which of its parameters may be stored in another shape.
 * @returns The parameters by name, in the order of `shapes`.
 * @throws {TypeError} If a parameter is missing, has another shape, is one too many, or holds what is not a finite number, or a
 * negative variance.
 */
export async function loadParameters(
  shapes: ReadonlyMap<string, readonly number[]>,
  stored: Weights,
  network: NetworkFacts = {},
): Promise<Map<string, Parameter>> {
  const weights = inTimmLayout(stored, shapes, network.architecture);
  checkParameters(shapes, weights, network);
  const parameters = new Map<string, Parameter>();
  for (const [name, shape] of shapes) {
    const data = await weights.read(name);
    parameters.set(name, { shape, data: fitting(weights, { name, shape, data }, network) });
  }
  return parameters;
}

/**
 * The parameters of a network, of which each is read and checked whenever its `data` is asked for: of a network that is
 * larger than memory only what is being packed for a device is there, and no file is read twice. Whether the file has these
 * parameters is known at once, what is wrong with the numbers of one when it is read.
 *
 * @param shapes As for {@linkcode loadParameters}.
 * @param stored The open file, which is to stay open while parameters are read.
 * @param network As for {@linkcode loadParameters}.
 * @returns The parameters by name, in the order of `shapes`; reading `data` throws what {@linkcode loadParameters} throws of
 * numbers.
 * @throws {TypeError} If a parameter is missing, has another shape, or is one too many.
 */
export function openParameters(
  shapes: ReadonlyMap<string, readonly number[]>,
  stored: Weights,
  network: NetworkFacts = {},
): Map<string, Parameter> {
  const weights = inTimmLayout(stored, shapes, network.architecture);
  checkParameters(shapes, weights, network);
  const lazy = ([name, shape]: readonly [string, readonly number[]]): [string, Parameter] => [name, {
    shape,
    isReadAnew: true,
    get data() {
      return fitting(weights, { name, shape, data: weights.readNow(name) }, network);
    },
  }];
  return new Map([...shapes].map(lazy));
}

/** A parameter that was read, in the shape wanted, if its numbers can be computed with. */
function fitting(
  weights: Weights,
  parameter: Parameter & { readonly name: string },
  network: NetworkFacts,
): Float32Array<ArrayBuffer> {
  const { name, data } = parameter;
  checkFinite(weights, name, data);
  const negative = name.endsWith(".running_var") ? data.findIndex((value) => value < 0) : -1;
  if (negative >= 0) {
    throw new TypeError(
      `Cannot load weights "${weights.path}": tensor "${name}" holds variances, and ${data[negative]} at ${negative}`,
    );
  }
  return resample(weights, parameter, network);
}

/** What is stored of a parameter, in the shape wanted. */
function resample(
  { path, shape: shapeOf }: Weights,
  { name, shape, data }: Parameter & { readonly name: string },
  { resampled }: NetworkFacts,
): Float32Array<ArrayBuffer> {
  const stored = shapeOf(name);
  if (isSameShape(stored, shape)) return data;
  try {
    return Float32Array.from(resampled![name]({ shape: stored, data }));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new TypeError(`Cannot load weights "${path}": parameter "${name}" does not fit: ${error.message}`, {
      cause: error,
    });
  }
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/**
 * Reads a tensor whose numbers are computed with. One NaN or infinity may make every result NaN, or, where a rectifier takes it
 * for 0, plausible and wrong.
 *
 * @param weights The open file.
 * @param name The tensor.
 * @returns Its elements as float32, row-major.
 * @throws {TypeError} If one of them is not a finite number.
 * @throws {RangeError} If there is no such tensor.
 */
export async function readParameter(
  weights: Pick<Weights, "path" | "shape" | "read">,
  name: string,
): Promise<Float32Array<ArrayBuffer>> {
  const data = await weights.read(name);
  checkFinite(weights, name, data);
  return data;
}

function checkFinite(weights: Pick<Weights, "path" | "shape">, name: string, data: Float32Array): void {
  let [count, first] = [0, -1];
  for (let index = 0; index < data.length; index++) {
    if (Number.isFinite(data[index])) continue;
    if (count++ === 0) first = index;
  }
  if (count === 0) return;
  throw new TypeError(
    `Cannot load weights "${weights.path}": tensor "${name}" [${weights.shape(name).join(", ")}] has ${count} of ` +
      `${data.length} ${data.length === 1 ? "value" : "values"} that ${count === 1 ? "is" : "are"} not finite, first ` +
      `${data[first]} at ${first}`,
  );
}

/**
 * The averaged weights of a training run, under the parameters' own names.
 *
 * @param weights The open file.
 * @returns Weights that show only the file's averages.
 * @throws {TypeError} If it has none.
 */
export function averagedWeights(weights: Weights): Weights {
  const names = weights.names.filter((name) => name.startsWith(AVERAGE)).map((name) => name.slice(AVERAGE.length));
  if (names.length === 0) throw new TypeError(`Cannot load weights "${weights.path}": it has no averaged weights`);
  return renamed(weights, names, (name) => AVERAGE + name);
}

function checkParameters(
  shapes: ReadonlyMap<string, readonly number[]>,
  weights: Weights,
  { architecture, resampled = {} }: NetworkFacts,
): void {
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
    if (!isSameShape(stored, shape) && !Object.hasOwn(resampled, name)) {
      throw new TypeError(
        `Cannot load weights "${path}": parameter "${name}" has shape [${stored.join(", ")}], ` +
          `expected [${shape.join(", ")}]`,
      );
    }
  }
  const extra = weights.names.filter((name) => !shapes.has(name) && !isPassedOver(name, architecture));
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
