/**
 * Outlook attention's kernels: the weights of all windows first, then a sum for 4 channels of each position over those
 * that have it. A window's 81 weights for a head lie as `[9, 3, 4]`, f32, the last of 4 zero: one 4-vector
 * for each row of the window.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { type OutlookAttentionOptions, WINDOW } from "./shape.ts";

/** What the kernels are told. */
interface Outlook {
  /** Shape of the values. */
  readonly shape: Shape;
  readonly attention: OutlookAttentionOptions;
}

/** Runs of 9 weights. */
function runsOf({ shape: [batch, height, width], attention: { heads, stride } }: Outlook): number {
  return batch * Math.ceil(height / stride[0]) * Math.ceil(width / stride[1]) * heads * WINDOW;
}

/** Bytes of the weights of all windows. */
export function outlookWeightsBytes(outlook: Outlook): number {
  return runsOf(outlook) * 3 * 16;
}

function outlookParameters({ shape, attention: { heads, stride } }: Outlook): { name: string; value: number }[] {
  const [, height, width, channels] = shape;
  return [
    { name: "height", value: height },
    { name: "width", value: width },
    { name: "vectors", value: channelVectors(channels) },
    { name: "headChannels", value: channels / heads },
    { name: "heads", value: heads },
    { name: "rows", value: Math.ceil(height / stride[0]) },
    { name: "columns", value: Math.ceil(width / stride[1]) },
    { name: "strideY", value: stride[0] },
    { name: "strideX", value: stride[1] },
  ];
}

/** Vectors of the logits of a window. */
function logitVectors({ heads }: OutlookAttentionOptions): { name: string; value: number } {
  return { name: "logitVectors", value: channelVectors(heads * WINDOW * WINDOW) };
}

/**
 * The weights of all windows.
 *
 * @param options `shape` of the values; heads, stride and scale.
 * @returns A kernel with `logits` (a texture in the software profile) and the binding `weights`.
 */
export function outlookWeightsKernel(options: Outlook & Target): Kernel {
  const { attention, profile, storage } = options;
  const reads = readTensors({ logits: storage }, profile);
  return itemKernel({
    name: `outlook weights ${storage}`,
    profile,
    bindings: { ...reads.bindings, weights: "vec4<f32>" },
    parameters: [
      { name: "runs", value: attention.heads * WINDOW },
      logitVectors(attention),
      { name: "scale", type: "f32", value: attention.scale },
    ],
    items: runsOf(options),
    body: `  let first = item / parameters.runs * parameters.logitVectors;
  let channel = item % parameters.runs * ${WINDOW}u;
  var logits_: array<f32, ${WINDOW}>;
  var largest = -3.4028234e38;
  for (var place = 0u; place < ${WINDOW}u; place++) {
    let at = first + (channel + place) / 4u;
    logits_[place] = parameters.scale * ${reads.load("logits", "at")}[(channel + place) % 4u];
    largest = max(largest, logits_[place]);
  }
  var sum = 0.0;
  for (var place = 0u; place < ${WINDOW}u; place++) {
    logits_[place] = exp(logits_[place] - largest);
    sum += logits_[place];
  }
  for (var row = 0u; row < 3u; row++) {
    let three = vec3<f32>(logits_[3u * row], logits_[3u * row + 1u], logits_[3u * row + 2u]);
    weights[3u * item + row] = vec4<f32>(three / sum, 0.0);
  }`,
  });
}

/** WGSL that knows a position of the image as `y`, `x`, and the windows that have it: rows and columns, ends included. */
const WINDOWS_AROUND = `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let x = position % parameters.width;
  let y = position / parameters.width % parameters.height;
  let image = position / (parameters.width * parameters.height);
  let head = 4u * lanes / parameters.headChannels;
  let firstRow = (max(y, 1u) + parameters.strideY - 2u) / parameters.strideY;
  let lastRow = min((y + 1u) / parameters.strideY, parameters.rows - 1u);
  let firstColumn = (max(x, 1u) + parameters.strideX - 2u) / parameters.strideX;
  let lastColumn = min((x + 1u) / parameters.strideX, parameters.columns - 1u);`;

/** WGSL of a function that reads a vector of the image by the row and column, each one more than it is; zero outside. */
function imageFunction(name: string, load: string): string {
  return `
fn ${name}At(image: u32, y: u32, x: u32, lanes: u32) -> vec4<f32> {
  let isThere = (y > 0u) & (y <= parameters.height) & (x > 0u) & (x <= parameters.width);
  let position = (image * parameters.height + y - 1u) * parameters.width + x - 1u;
  let at = select(0u, position * parameters.vectors + lanes, isThere);
  return select(vec4<f32>(0.0), ${load}, isThere);
}
`;
}

/**
 * The sums of what windows give to each position, or of what each value gives to them: the output, or the gradient of the
 * values.
 *
 * @param options `shape` of the values; heads and stride; the direction.
 * @returns A kernel with `input`, which is the output's gradient for `backward`, and `weights` (textures in the software
 * profile), and the binding `output`.
 */
export function outlookAttentionKernel(options: Outlook & { direction: "forward" | "backward" } & Target): Kernel {
  const { shape, direction, profile, storage } = options;
  const reads = readTensors({ input: storage, weights: "f32" }, profile);
  const vector = vectorType(storage);
  const load = (column: number) => `inputAt(image, top + other, left + ${column}u, lanes)`;
  const rowOf = (run: string, row: string) => reads.load("weights", `(3u * (${run}) + ${row})`);
  const sums = direction === "forward"
    ? `        let weight = ${rowOf("window + place", "other")};
        sum += weight.x * ${load(0)} + weight.y * ${load(1)} + weight.z * ${load(2)};`
    : [0, 1, 2].map((column) =>
      `        sum += ${rowOf(`window + 3u * other + ${column}u`, "y + 1u - top")}[x + 1u - left] * ${load(column)};`
    ).join("\n");
  return itemKernel({
    name: `outlook attention ${direction} ${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: outlookParameters(options),
    items: tensorVectors(shape),
    functions: imageFunction("input", reads.load("input", "at")),
    body: `${WINDOWS_AROUND}
  var sum = vec4<f32>(0.0);
  for (var row = firstRow; row <= lastRow; row++) {
    for (var column = firstColumn; column <= lastColumn; column++) {
      let top = row * parameters.strideY;
      let left = column * parameters.strideX;
      let window = (((image * parameters.rows + row) * parameters.columns + column) * parameters.heads + head) *
        ${WINDOW}u;
${
      direction === "forward"
        ? "      let place = 3u * (y + 1u - top) + x + 1u - left;\n"
        : ""
    }      for (var other = 0u; other < 3u; other++) {
${sums}
      }
    }
  }
  output[item] = ${vector}(sum);`,
  });
}

/**
 * The gradient of the logits.
 *
 * @param options `shape` of the values; heads, stride and scale.
 * @returns A kernel with `value`, `weights` and `outputGradient` (textures in the software profile), and the binding
 * `logitsGradient`, an array of numbers.
 */
export function outlookLogitsGradientKernel(options: Outlook & Target): Kernel {
  const { attention, profile, storage } = options;
  const reads = readTensors({ value: storage, weights: "f32", outputGradient: storage }, profile);
  return itemKernel({
    name: `outlook logits gradient ${storage}`,
    profile,
    bindings: { ...reads.bindings, logitsGradient: storage },
    parameters: [
      ...outlookParameters(options),
      logitVectors(attention),
      { name: "scale", type: "f32", value: attention.scale },
    ],
    items: runsOf(options),
    functions: imageFunction("value", reads.load("value", "at")) +
      imageFunction("gradient", reads.load("outputGradient", "at")),
    body: `  let place = item % ${WINDOW}u;
  let head = item / ${WINDOW}u % parameters.heads;
  let window = item / (${WINDOW}u * parameters.heads);
  let image = window / (parameters.rows * parameters.columns);
  let top = window / parameters.columns % parameters.rows * parameters.strideY;
  let left = window % parameters.columns * parameters.strideX;
  var products: array<f32, ${WINDOW}>;
  let first = head * parameters.headChannels / 4u;
  for (var lanes = first; lanes < first + (parameters.headChannels + 3u) / 4u; lanes++) {
    let gradient = gradientAt(image, top + place / 3u, left + place % 3u, lanes);
    for (var other = 0u; other < ${WINDOW}u; other++) {
      products[other] += dot(gradient, valueAt(image, top + other / 3u, left + other % 3u, lanes));
    }
  }
  var mean = 0.0;
  for (var other = 0u; other < ${WINDOW}u; other++) {
    let at = 3u * item + other / 3u;
    mean += products[other] * ${reads.load("weights", "at")}[other % 3u];
  }
  let channel = (head * ${WINDOW}u + place) * ${WINDOW}u;
  for (var other = 0u; other < ${WINDOW}u; other++) {
    let at = 3u * item + other / 3u;
    let weight = ${reads.load("weights", "at")}[other % 3u];
    let result = parameters.scale * weight * (products[other] - mean);
    logitsGradient[4u * window * parameters.logitVectors + channel + other] = ${storage}(result);
  }
  if (head + 1u == parameters.heads && place == ${WINDOW - 1}u) {
    for (var lane = channel + ${WINDOW}u; lane < 4u * parameters.logitVectors; lane++) {
      logitsGradient[4u * window * parameters.logitVectors + lane] = 0.0;
    }
  }`,
  });
}
