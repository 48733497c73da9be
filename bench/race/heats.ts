/**
 * The heats: single operations, and the default annotator up to its label map.
 *
 * @module
 */

import type { Device } from "../../kernels/device.ts";
import { assertClose, sumTolerance } from "../../tests/kernels/compare.ts";
import { type DefaultAnnotator, networkInput, type Photograph } from "../default_annotator.ts";
import { networkGraph } from "../onnx/network_graph.ts";
import { outputPositions } from "../../kernels/operations/convolution/shape.ts";
import { ENGINE, gradientOnEngine, networkOnEngine, singleOnEngine } from "./engine.ts";
import { type GradientOperation, gradientValues } from "./gradients.ts";
import { toChannelsFirst } from "./contestant.ts";
import type { Heat } from "./heat.ts";
import { gradientOnJax, singleOnJax } from "./jax.ts";
import { networkOnOnnxruntime, singleOnOnnxruntime, WASM, WASM_THREADS } from "./onnxruntime.ts";
import { gigaflops, JAX, ONNXRUNTIME, type SingleOperation, singleValues, sumLength, TFJS } from "./single.ts";
import { gradientOnTfjs, singleOnTfjs } from "./tfjs.ts";

/**
 * A single operation; results are compared with the CPU's.
 *
 * @param device The engine's.
 * @param operation Which.
 * @returns The heat.
 */
export function singleHeat(device: Device, operation: SingleOperation): Heat {
  const { name, shape, goal } = operation;
  const values = singleValues(operation);
  const length = sumLength(shape);
  const { batch, outputChannels } = shape;
  return {
    name: `${name}, ${gigaflops(shape).toPrecision(3)} GFLOP`,
    entries: {
      [ENGINE]: () => singleOnEngine(device, operation, values),
      [TFJS]: () => singleOnTfjs(operation, values),
      [JAX]: () => singleOnJax(operation, values),
      [ONNXRUNTIME]: () => singleOnOnnxruntime(operation, values),
    },
    check: (result, name) =>
      assertClose(result, values.expected, {
        ...sumTolerance("f32", length, length ** 0.5),
        shape: [batch, ...shape.output, outputChannels],
        name,
      }),
    work: { amount: gigaflops(shape), unit: "GFLOP/s" },
    goals: [goal],
  };
}

/**
 * A gradient of a convolution; results are compared with the CPU's.
 *
 * @param device The engine's.
 * @param operation Which.
 * @returns The heat.
 */
export function gradientHeat(device: Device, operation: GradientOperation): Heat {
  const { name, shape, of, goals } = operation;
  const values = gradientValues(operation);
  const length = of === "filter" ? outputPositions(shape) : sumLength(shape);
  return {
    name: `${name}, ${gigaflops(shape).toPrecision(3)} GFLOP`,
    entries: {
      [ENGINE]: () => gradientOnEngine(device, operation, values),
      [TFJS]: () => gradientOnTfjs(operation, values),
      [JAX]: () => gradientOnJax(operation, values),
    },
    check: (result, name) =>
      assertClose(result, values.expected, { ...sumTolerance("f32", length, length ** 0.5), name }),
    work: { amount: gigaflops(shape), unit: "GFLOP/s" },
    goals,
  };
}

/** Height and width of the network's input, pixels. */
const SIZE = 224;
const BATCH = 8;
/** Ranks of each cell in the fixture. */
const RANKS = 10;

/**
 * The default annotator on photographs at 224 x 224. Results are compared with timm's ten best logits of each cell, and all
 * logits with the engine's.
 *
 * @param device The engine's.
 * @param annotator The network.
 * @param photographs At least 8.
 * @returns The heat.
 */
export async function networkHeat(
  device: Device,
  annotator: DefaultAnnotator,
  photographs: readonly Photograph[],
): Promise<Heat> {
  const { network, parameters } = annotator;
  const batch = photographs.slice(0, BATCH);
  const shape = [batch.length, SIZE, SIZE, 3] as const;
  const input = networkInput(batch.map(({ image }) => image), [SIZE, SIZE], annotator);
  const expected = await Promise.all(batch.map((photograph) => photograph.expected(SIZE)));
  const graph = networkGraph(network, parameters, shape);
  const [, classes, height, width] = graph.output.shape;
  const channelsFirst = toChannelsFirst(input, batch.length, 3);
  let engine: Float32Array | undefined;
  return {
    name: `${network.name}, label map, batch ${batch.length} at ${SIZE} x ${SIZE}`,
    entries: {
      [ENGINE]: () => networkOnEngine(device, { network, parameters, input, shape }),
      [ONNXRUNTIME]: () => networkOnOnnxruntime("webgpu", graph, channelsFirst),
      [WASM]: () => networkOnOnnxruntime("wasm", graph, channelsFirst),
      [WASM_THREADS]: () => networkOnOnnxruntime("threaded wasm", graph, channelsFirst),
    },
    check: (result, name) => {
      const cells = height * width;
      expected.forEach(({ classes: ranked, scores }, image) => {
        const actual = Array.from(scores, (_, at) => {
          const cell = at % cells;
          return result[(image * cells + cell) * classes + ranked[at]];
        });
        const shape = [RANKS, height, width];
        assertClose(actual, scores, { absolute: 2e-3, relative: 0, shape, name: `${name}, ${batch[image].key}` });
      });
      engine ??= result;
      const largest = engine.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const shape = [batch.length, height, width, classes];
      assertClose(result, engine, { absolute: 1e-4 * largest, relative: 0, shape, name });
    },
    work: { amount: batch.length, unit: "images/s" },
    goals: [{ times: 3, peers: [ONNXRUNTIME] }],
  };
}
