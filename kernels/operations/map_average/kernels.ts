/**
 * The kernels of averaged label maps, whose rule stands in `reference.ts`. Sums are f32 and stay so; maps are added in the
 * order in which they are given.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import {
  channelVectors,
  itemKernel,
  realLanes,
  type Shape,
  type Target,
  tensorVectors,
  vectorType,
} from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import type { Pair } from "../shared/window.ts";
import { activationRule } from "../activation/functions/mod.ts";
import { LEAST_DOUBT, LEAST_PROBABILITY, type LogitKind } from "./reference.ts";

/**
 * Mirrors images left to right into the second half of their batch.
 *
 * @param options `shape` of the images, which are the first half.
 * @returns A kernel with the binding `images`, of twice as many.
 */
export function mirrorImagesKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  return itemKernel({
    name: `mirror images ${storage}`,
    profile,
    bindings: { images: vectorType(storage) },
    parameters: [{ name: "width", value: shape[2] }, { name: "vectors", value: channelVectors(shape[3]) }],
    items: tensorVectors(shape),
    body: `  let position = item / parameters.vectors;
  let mirrored = position - position % parameters.width + parameters.width - 1u - position % parameters.width;
  images[parameters.items + item] = images[mirrored * parameters.vectors + item % parameters.vectors];`,
  });
}

/** A map that is added to a sum. */
interface AddedMap {
  /** N, H and W of the sum, and the classes. */
  readonly total: Shape;
  /** Height and width of the map. */
  readonly grid: Pair;
  /** Pictures of each image: 2 if the second half of the batch holds mirrored ones. */
  readonly pictures: 1 | 2;
  /** The factor of each picture. */
  readonly weight: number;
  /** Whether the sum begins with it; else it is added to what is there. */
  readonly isFirst: boolean;
}

/**
 * Adds a map, or that of an image and of its mirrored picture, to the sum of maps.
 *
 * @param options The map.
 * @returns A kernel with `map` (a texture in the software profile) and the binding `total` (f32).
 */
export function addMapKernel(options: AddedMap & Target): Kernel {
  const { total, grid, pictures, weight, isFirst, profile, storage } = options;
  const [batch, height, width, classes] = total;
  const isSame = grid[0] === height && grid[1] === width;
  const reads = readTensors({ map: storage }, profile);
  const cell = (row: string, column: string) => {
    const place = `((row * parameters.mapHeight + ${row}) * parameters.mapWidth + ${column})`;
    return reads.load("map", `(${place} * parameters.vectors + lanes)`);
  };
  const value = isSame
    ? `  return ${cell("y", "x")};`
    : `  let rows = between(y, parameters.mapHeight, parameters.height);
  let columns = between(x, parameters.mapWidth, parameters.width);
  let upper = mix(${cell("rows.first", "columns.first")}, ${cell("rows.first", "columns.second")}, columns.share);
  let lower = mix(${cell("rows.second", "columns.first")}, ${cell("rows.second", "columns.second")}, columns.share);
  return mix(upper, lower, rows.share);`;
  return itemKernel({
    name: `add map${isFirst ? " first" : ""}${isSame ? "" : " resampled"}${
      pictures === 2 ? " mirrored" : ""
    } ${storage}`,
    profile,
    bindings: { ...reads.bindings, total: "vec4<f32>" },
    parameters: [
      { name: "mapHeight", value: grid[0] },
      { name: "mapWidth", value: grid[1] },
      { name: "height", value: height },
      { name: "width", value: width },
      { name: "vectors", value: channelVectors(classes) },
      { name: "images", value: batch },
      { name: "weight", type: "f32", value: weight },
    ],
    items: tensorVectors(total),
    functions: `
${
      isSame ? "" : `/** The two cells that a place of a finer axis lies between. */
struct Between { first: u32, second: u32, share: f32, }

fn between(place: u32, length: u32, finer: u32) -> Between {
  let middle = max(0.0, (f32(place) + 0.5) * f32(length) / f32(finer) - 0.5);
  let first = min(u32(middle), length - 1u);
  return Between(first, min(first + 1u, length - 1u), middle - f32(first));
}

`
    }/** The map of picture \`row\` at a cell of the sum's grid. */
fn valueAt(row: u32, y: u32, x: u32, lanes: u32) -> vec4<f32> {
${value}
}
`,
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let x = position % parameters.width;
  let y = position / parameters.width % parameters.height;
  let image = position / (parameters.width * parameters.height);
  let value = valueAt(image, y, x, lanes)${
      pictures === 2 ? " +\n    valueAt(parameters.images + image, y, parameters.width - 1u - x, lanes)" : ""
    };
  total[item] = ${isFirst ? "" : "total[item] + "}parameters.weight * value;`,
  });
}

/**
 * A map on a coarser grid.
 *
 * @param options `shape` of the map, f32, and the grid.
 * @returns A kernel with `map` (a texture in the software profile) and the binding `coarser`, f32 both.
 */
export function coarserMapKernel(options: { shape: Shape; grid: Pair; profile: Target["profile"] }): Kernel {
  const { shape: [batch, height, width, classes], grid, profile } = options;
  const reads = readTensors({ map: "f32" }, profile);
  return itemKernel({
    name: "coarser map",
    profile,
    bindings: { ...reads.bindings, coarser: "vec4<f32>" },
    parameters: [
      { name: "mapHeight", value: height },
      { name: "mapWidth", value: width },
      { name: "height", value: grid[0] },
      { name: "width", value: grid[1] },
      { name: "vectors", value: channelVectors(classes) },
    ],
    items: tensorVectors([batch, ...grid, classes]),
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let x = position % parameters.width;
  let y = position / parameters.width % parameters.height;
  let image = position / (parameters.width * parameters.height);
  let top = y * parameters.mapHeight / parameters.height;
  let left = x * parameters.mapWidth / parameters.width;
  let bottom = ((y + 1u) * parameters.mapHeight + parameters.height - 1u) / parameters.height;
  let right = ((x + 1u) * parameters.mapWidth + parameters.width - 1u) / parameters.width;
  var sum = vec4<f32>(0.0);
  for (var row = top; row < bottom; row++) {
    for (var column = left; column < right; column++) {
      let at = ((image * parameters.mapHeight + row) * parameters.mapWidth + column) * parameters.vectors + lanes;
      sum += ${reads.load("map", "at")};
    }
  }
  coarser[item] = sum / f32((bottom - top) * (right - left));`,
  });
}

/**
 * The probabilities of independent classes.
 *
 * @param options `shape` of the map, and what logits are divided by.
 * @returns A kernel with `map` (a texture in the software profile) and the binding `probabilities`, f32.
 */
export function independentProbabilitiesKernel(options: { shape: Shape; temperature: number } & Target): Kernel {
  const { shape, temperature, profile, storage } = options;
  const reads = readTensors({ map: storage }, profile);
  return itemKernel({
    name: `independent probabilities ${storage}`,
    profile,
    bindings: { ...reads.bindings, probabilities: "vec4<f32>" },
    parameters: [
      { name: "vectors", value: channelVectors(shape[3]) },
      { name: "classes", value: shape[3] },
      { name: "scale", type: "f32", value: 1 / temperature },
    ],
    items: tensorVectors(shape),
    body: `  let value = ${reads.load("map", "item")} * parameters.scale;
  let isReal = ${realLanes("(item % parameters.vectors)", "parameters.classes")};
  probabilities[item] = select(vec4<f32>(0.0), ${activationRule("sigmoid").expression("value")}, isReal);`,
  });
}

/**
 * The logits of probabilities, none of which is infinite: logarithms where classes exclude each other, else log odds.
 *
 * @param options `shape` of the map, f32, and what its probabilities are of.
 * @returns A kernel with `map` (a texture in the software profile) and the binding `logits`, f32 both.
 */
export function logitsKernel(options: { shape: Shape; scores: LogitKind; profile: Target["profile"] }): Kernel {
  const { shape, scores, profile } = options;
  const reads = readTensors({ map: "f32" }, profile);
  const odds = scores === "softmax"
    ? ""
    : ` -\n    log(max(vec4<f32>(1.0) - probability, vec4<f32>(${LEAST_DOUBT.toExponential()})))`;
  return itemKernel({
    name: `logits of ${scores}`,
    profile,
    bindings: { ...reads.bindings, logits: "vec4<f32>" },
    parameters: [{ name: "vectors", value: channelVectors(shape[3]) }, { name: "classes", value: shape[3] }],
    items: tensorVectors(shape),
    body: `  let probability = ${reads.load("map", "item")};
  let value = log(max(probability, vec4<f32>(${LEAST_PROBABILITY.toExponential()})))${odds};
  let isReal = ${realLanes("(item % parameters.vectors)", "parameters.classes")};
  logits[item] = select(vec4<f32>(0.0), value, isReal);`,
  });
}
