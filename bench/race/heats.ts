/**
 * The heats: single operations, gradients, the default annotator up to its label map, and training.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import { assertClose, sumTolerance } from "../../tests/kernels/compare.ts";
import { type BenchAnnotator, networkInput, type Photograph } from "../default_annotator.ts";
import { networkGraph } from "../onnx/network_graph.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { outputPositions } from "../../kernels/operations/convolution/shape.ts";
import { attentionGigaflops, attentionNumbers, type AttentionWork } from "./attention.ts";
import {
  attentionOnEngine,
  ENGINE,
  gradientOnEngine,
  networkOnEngine,
  positionOnEngine,
  singleOnEngine,
} from "./engine.ts";
import { type GradientOperation, gradientValues } from "./gradients.ts";
import { toChannelsFirst } from "./contestant.ts";
import { trainingOnEngine } from "./engine_training.ts";
import type { Heat } from "./heat.ts";
import { attentionOnJax, gradientOnJax, positionOnJax, singleOnJax } from "./jax.ts";
import {
  attentionOnOnnxruntime,
  NATIVE,
  NATIVE_WEBGPU,
  networkOnOnnxruntime,
  positionOnOnnxruntime,
  singleOnOnnxruntime,
  WASM,
  WASM_THREADS,
} from "./onnxruntime.ts";
import { gigaflops, JAX, ONNXRUNTIME, type SingleOperation, singleValues, sumLength, TFJS } from "./single.ts";
import { networkOnJax } from "./jax_network.ts";
import { trainingOnJax } from "./jax_training.ts";
import { networkPass } from "./network_passes.ts";
import { isLinear, type PositionOperation, positionValues } from "./position_operations.ts";
import { attentionOnTfjs, gradientOnTfjs, positionOnTfjs, singleOnTfjs } from "./tfjs.ts";
import { networkOnTfjs } from "./tfjs_network.ts";
import { trainingOnTfjs } from "./tfjs_training.ts";
import { networkOnTransformers, TRANSFORMERS } from "./transformers.ts";
import { CHECKED_STEPS, trainingOf } from "./training.ts";
import { trainingLossesReference } from "./training_reference.ts";

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

/** Rounding of what an operation on a position gives: peers make f32 sums and divide by square roots of them. */
const POSITION_TOLERANCE = { absolute: 1e-5, relative: 1e-5 };

/**
 * An operation on each position by itself; results are compared with the CPU's.
 *
 * @param device The engine's.
 * @param operation Which.
 * @returns The heat.
 */
export function positionHeat(device: Device, operation: PositionOperation): Heat {
  const { name, shape: [batch, height, width, channels], outputChannels, kind, goal } = operation;
  const values = positionValues(operation);
  const tolerance = isLinear(operation) ? sumTolerance("f32", channels, 2 * channels ** 0.5) : POSITION_TOLERANCE;
  const heat: Heat = {
    name,
    entries: {
      [ENGINE]: () => positionOnEngine(device, operation, values),
      [TFJS]: () => positionOnTfjs(operation, values),
      [JAX]: () => positionOnJax(operation, values),
      [ONNXRUNTIME]: () => positionOnOnnxruntime(operation, values),
    },
    check: (result, name) =>
      assertClose(result, values.expected, { ...tolerance, shape: [batch, height, width, outputChannels], name }),
    work: { amount: values.expected.length / 1e6, unit: "million elements/s" },
    goals: [goal],
  };
  return kind === "linearGelu" ? withRest(heat, positionHeat(device, { ...operation, kind: "linear" }), "GELU") : heat;
}

/** A heat in which all do the work with and without a part of it, in turns. */
function withRest(whole: Heat, rest: Heat, part: string): Heat {
  const without = Object.fromEntries(Object.keys(whole.entries).map((name) => [name, `${name}, without ${part}`]));
  const restEntries = Object.entries(rest.entries).map(([name, open]) =>
    [without[name], async () => ({ ...await open(), name: without[name] })] as const
  );
  return {
    ...whole,
    entries: { ...whole.entries, ...Object.fromEntries(restEntries) },
    check: (result, name) => (name in without ? whole : rest).check(result, name),
    part: { name: part, without },
  };
}

/**
 * Attention; results are compared with the CPU's.
 *
 * @param device The engine's.
 * @param work What is attended to.
 * @returns The heat.
 */
export function attentionHeat(device: Device, work: AttentionWork): Heat {
  const { name, shape, goal } = work;
  const numbers = attentionNumbers(work);
  const { batch, queries, heads, headChannels } = shape;
  return {
    name: `${name}, ${attentionGigaflops(shape).toPrecision(3)} GFLOP`,
    entries: {
      [ENGINE]: () => attentionOnEngine(device, work, numbers),
      [TFJS]: () => attentionOnTfjs(work, numbers),
      [JAX]: () => attentionOnJax(work, numbers),
      [ONNXRUNTIME]: () => attentionOnOnnxruntime(work, numbers),
    },
    check: (result, name) =>
      assertClose(result, numbers.expected, {
        ...sumTolerance("f32", queries, headChannels),
        shape: [batch, queries, heads, headChannels],
        name,
      }),
    work: { amount: attentionGigaflops(shape), unit: "GFLOP/s" },
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
  annotator: BenchAnnotator,
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
      ...Object.fromEntries(
        [ONNXRUNTIME, NATIVE_WEBGPU, NATIVE, WASM, WASM_THREADS]
          .map((name) => [name, () => networkOnOnnxruntime(name, graph, channelsFirst)]),
      ),
      [TRANSFORMERS]: () => networkOnTransformers(graph, channelsFirst),
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

/**
 * A whole network with weights that are formulas, up to its label map. Results are compared with the engine's, which the
 * tests compare with timm's.
 *
 * @param device The engine's.
 * @param name Which.
 * @returns The heat.
 */
export function passHeat(device: Device, name: string): Heat {
  const pass = networkPass(name);
  const { network, parameters, input, shape } = pass;
  const [batch, height, width] = shape;
  const graph = networkGraph(network, parameters, shape);
  const channelsFirst = toChannelsFirst(input, batch, 3);
  let engine: Float32Array | undefined;
  return {
    name: `${name}, label map, batch ${batch} at ${height} x ${width}`,
    entries: {
      [ENGINE]: () => networkOnEngine(device, { network, parameters, input, shape }),
      [TFJS]: () => networkOnTfjs(pass),
      [JAX]: () => networkOnJax(pass),
      ...Object.fromEntries(
        [ONNXRUNTIME, NATIVE_WEBGPU, NATIVE, WASM, WASM_THREADS]
          .map((runtime) => [runtime, () => networkOnOnnxruntime(runtime, graph, channelsFirst)]),
      ),
    },
    check: (result, name) => {
      engine ??= result;
      const largest = engine.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      assertClose(result, engine, { absolute: 1e-4 * largest, relative: 0, name });
    },
    work: { amount: batch, unit: "images/s" },
    goals: [{ times: 3, peers: [TFJS, JAX, ONNXRUNTIME] }],
  };
}

/** How far a peer's loss may be from the CPU's, relative: tfjs, whose long sums are f32, is 7e-4 from it in the third step. */
const PEERS_TOLERANCE = 2e-3;

/**
 * Steps of training of He et al.'s ResNet for small images ("Deep Residual Learning", 2016, section 4.2) with 8 layers, 64
 * images of 32 x 32 pixels, 10 classes. The losses of the first steps are compared with the CPU's.
 *
 * @param device The engine's.
 * @returns The heat. Computing on the CPU takes half a minute.
 */
export function trainingHeat(device: Device): Heat {
  const training = trainingOf(buildNetwork("resnet8", { classes: 10 }), { batch: 64, size: [32, 32] });
  const { network, batch, size } = training;
  const expected = trainingLossesReference(training, CHECKED_STEPS);
  return {
    name: `training ${network.name}, batch ${batch} at ${size.join(" x ")}`,
    entries: {
      [ENGINE]: () => trainingOnEngine(device, training),
      [TFJS]: () => trainingOnTfjs(training),
      [JAX]: () => trainingOnJax(training),
    },
    checked: CHECKED_STEPS,
    check: (losses, name) =>
      assertClose(losses, expected, { absolute: 0, relative: name === ENGINE ? 1e-5 : PEERS_TOLERANCE, name }),
    work: { amount: batch, unit: "images/s" },
    goals: [{ times: 10, peers: [TFJS] }],
  };
}
