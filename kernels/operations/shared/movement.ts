/**
 * Movement: each element of the output is one element of the input, or zero. An operation of this kind is a function from
 * the place of an output element to that of the input element, which is said twice: in WGSL for the kernel, and in
 * TypeScript for the reference. The gradient is a movement too, by the inverse of the function; its reference takes the
 * same function backwards, so that each of the three is checked by another.
 *
 * A place outside the input stands for zero: what a function gives needs no bounds of its own. In WGSL, where places are
 * u32, a difference below zero is outside as well.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { addStep, addTensor } from "./builder.ts";
import { type AnyOperation, contributionName, type Rule } from "./rule.ts";
import { channelVectors, itemKernel, realLanes, type Shape, type Target, tensorVectors, vectorType } from "./tensor.ts";
import { readTensors } from "./tensor_reads.ts";

/** A place in a tensor: image, row, column, channel. */
export type Place = readonly [image: number, y: number, x: number, channel: number];

/** The shapes of what is moved, before and after. */
export interface MovedShapes {
  readonly input: Shape;
  readonly output: Shape;
}

/** What a movement's kernel is made of. */
export interface Movement extends MovedShapes {
  /** The kernel's; movements of one name have one `source`. */
  readonly name: string;
  /**
   * WGSL of a function's body: finds in `to`, a `vec4<u32>` of image, row, column and channel, the place of an output
   * element, and returns that of the input element.
   */
  readonly source: string;
  /** What `source` reads of `parameters`, all `u32`. */
  readonly parameters: readonly { name: string; value: number }[];
  /** Whether the 4 channels of any output vector come from one vector of the input, in their order. */
  readonly wholeVectors: boolean;
}

/**
 * The kernel of a movement.
 *
 * @param options The movement, profile and storage.
 * @returns A kernel with `input` (a texture in the software profile) and the binding `output`.
 */
export function movementKernel(options: { movement: Movement } & Target): Kernel {
  const { movement: { name, input, output, source, parameters, wholeVectors }, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  return itemKernel({
    name: `${name} ${wholeVectors ? "" : "by channel "}${storage}`,
    profile,
    bindings: { ...reads.bindings, output: vector },
    parameters: [
      { name: "inputBatch", value: input[0] },
      { name: "inputHeight", value: input[1] },
      { name: "inputWidth", value: input[2] },
      { name: "inputChannels", value: input[3] },
      { name: "inputVectors", value: channelVectors(input[3]) },
      { name: "height", value: output[1] },
      { name: "width", value: output[2] },
      { name: "channels", value: output[3] },
      { name: "vectors", value: channelVectors(output[3]) },
      ...parameters,
    ],
    items: tensorVectors(output),
    functions: `
/** The place of the input's element that belongs at a place of the output. */
fn source(to: vec4<u32>) -> vec4<u32> {
${source}
}

/** The vector around a place of the input; zero outside of it. */
fn load(place: vec4<u32>) -> vec4<f32> {
  let isThere = all(place < vec4<u32>(
    parameters.inputBatch,
    parameters.inputHeight,
    parameters.inputWidth,
    parameters.inputChannels,
  ));
  let position = (place.x * parameters.inputHeight + place.y) * parameters.inputWidth + place.z;
  let at = select(0u, position * parameters.inputVectors + place.w / 4u, isThere);
  return select(vec4<f32>(0.0), ${reads.load("input", "at")}, isThere);
}
`,
    body: `  let lanes = item % parameters.vectors;
  let position = item / parameters.vectors;
  let to = vec4<u32>(
    position / (parameters.width * parameters.height),
    position / parameters.width % parameters.height,
    position % parameters.width,
    4u * lanes,
  );
${
      wholeVectors ? "  let value = load(source(to));" : `  var value = vec4<f32>(0.0);
  for (var lane = 0u; lane < 4u; lane++) {
    let place = source(to + vec4<u32>(0u, 0u, 0u, lane));
    value[lane] = load(place)[place.w % 4u];
  }`
    }
  output[item] = ${vector}(select(vec4<f32>(0.0), value, ${realLanes("lanes", "parameters.channels")}));`,
  });
}

/** Calls a function with the place of each element of a tensor, and its number. */
function eachPlace([batch, height, width, channels]: Shape, visit: (to: Place, index: number) => void): void {
  let index = 0;
  for (let image = 0; image < batch; image++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < channels; channel++) visit([image, y, x, channel], index++);
      }
    }
  }
}

/** The number of an element by its place, or -1 outside of the tensor. */
function indexOf(place: Place, shape: Shape): number {
  let index = 0;
  for (let axis = 0; axis < 4; axis++) {
    if (place[axis] < 0 || place[axis] >= shape[axis]) return -1;
    index = index * shape[axis] + place[axis];
  }
  return index;
}

/**
 * A movement on the CPU.
 *
 * @param input The input, channels not padded.
 * @param shapes Shapes of input and output.
 * @param source The place of the input's element that belongs at a place of the output.
 * @returns The output.
 */
export function movementReference(
  input: ArrayLike<number>,
  shapes: MovedShapes,
  source: (to: Place) => Place,
): Float64Array {
  const output = new Float64Array(shapes.output.reduce((product, size) => product * size));
  eachPlace(shapes.output, (to, index) => {
    const from = indexOf(source(to), shapes.input);
    if (from >= 0) output[index] = input[from];
  });
  return output;
}

/**
 * The gradient of a movement on the CPU: every element of the input has the sum of the gradients of those that it becomes.
 *
 * @param outputGradient In the output's shape.
 * @param shapes Shapes of input and output.
 * @param source As in {@linkcode movementReference}.
 * @returns The gradient of the input.
 */
export function movementGradientReference(
  outputGradient: ArrayLike<number>,
  shapes: MovedShapes,
  source: (to: Place) => Place,
): Float64Array {
  const inputGradient = new Float64Array(shapes.input.reduce((product, size) => product * size));
  eachPlace(shapes.output, (to, index) => {
    const from = indexOf(source(to), shapes.input);
    if (from >= 0) inputGradient[from] += outputGradient[index];
  });
  return inputGradient;
}

/** What an operation that only moves elements says of itself. */
export interface MovementRule<O extends AnyOperation> {
  readonly type: O["type"];
  /** As in {@linkcode Rule}. */
  outputShape(operation: O, shapeOf: (tensor: string) => Shape): Shape;
  /** From the input to the output. */
  forward(operation: O, shapes: MovedShapes): Movement;
  /** From the output's gradient to the input's. */
  backward(operation: O, shapes: MovedShapes): Movement;
  /** What the source of `forward` says, in TypeScript. */
  source(operation: O, shapes: MovedShapes): (to: Place) => Place;
}

/**
 * The rule of an operation that only moves elements; training keeps nothing for its gradient.
 *
 * @param rule What the operation says of itself.
 * @returns The operation's rule.
 */
export function movementRule<O extends AnyOperation>(
  { type, outputShape, forward, backward, source }: MovementRule<O>,
): Rule<O> {
  const shapesOf = ({ input, output }: O, shapeOf: (tensor: string) => Shape) => ({
    input: shapeOf(input),
    output: shapeOf(output),
  });
  return {
    type,
    outputShape,
    forward(builder, operation) {
      const { input, output } = operation;
      const movement = forward(operation, shapesOf(operation, builder.shapeOf));
      addTensor(builder, output, builder.shapeOf(output));
      addStep(builder, movementKernel({ movement, ...builder.target }), { input, output });
    },
    backward(builder, operation, outputGradient) {
      const { input } = operation;
      const movement = backward(operation, shapesOf(operation, builder.shapeOf));
      const inputGradient = addTensor(builder, contributionName(operation), builder.shapeOf(input));
      addStep(builder, movementKernel({ movement, ...builder.target }), {
        input: outputGradient,
        output: inputGradient,
      });
      return [{ tensor: input, gradient: inputGradient }];
    },
    reference(operation, { tensor, shapeOf }) {
      const shapes = shapesOf(operation, shapeOf);
      return movementReference(tensor(operation.input), shapes, source(operation, shapes));
    },
    referenceGradient(operation, { shapeOf }, outputGradient) {
      const shapes = shapesOf(operation, shapeOf);
      return new Map([
        [operation.input, movementGradientReference(outputGradient, shapes, source(operation, shapes))],
      ]);
    },
  };
}
