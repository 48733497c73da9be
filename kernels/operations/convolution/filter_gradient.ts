/**
 * The gradients of a convolution's parameters. Both are sums over all positions of a batch, made in two passes: partial
 * sums over runs of positions, which keep the device busy, and their sum, in order, so that the bits are the same every time.
 *
 * | convolution | software profile | GPU profile |
 * | --- | --- | --- |
 * | dense | by lanes of subgroups, `filter_gradient_lanes.ts`; else strips | shared tiles, `filter_gradient_tiles.ts` |
 * | grouped | strips in registers, `filter_gradient_strips.ts` | strips |
 * | depthwise | strips | strips of whole workgroups, `filter_gradient_depthwise.ts` |
 *
 * @module
 */

import { type Kernel, scratch } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors, type TensorReads } from "../shared/tensor_reads.ts";
import { depthwiseFilterGradient } from "./filter_gradient_depthwise.ts";
import { filterGradientLanes, laneFilterGradient } from "./filter_gradient_lanes.ts";
import { partialGradient, splitRuns } from "./filter_gradient_split.ts";
import { stripFilterGradient } from "./filter_gradient_strips.ts";
import { tileFilterGradient } from "./filter_gradient_tiles.ts";
import { type ConvolutionShape, isDepthwise, outputPositions } from "./shape.ts";

function partialKernel(shape: ConvolutionShape, target: Target): { kernel: Kernel; runs: number } {
  if (target.profile === "gpu" && isDepthwise(shape)) return depthwiseFilterGradient(shape, target);
  return target.profile === "gpu" && shape.groups === 1
    ? tileFilterGradient(shape, target)
    : stripFilterGradient(shape, target);
}

/**
 * The gradient of a convolution's weights.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @returns Kernels in order. Their bindings: `input` and `outputGradient` (textures in the software profile), the scratch
 * `partial` where the sum has several parts, and `filterGradient`, f32 in PyTorch's order `[O, I / groups, kernelHeight,
 * kernelWidth]`.
 */
export function convolutionFilterGradientKernels(shape: ConvolutionShape, target: Target): Kernel[] {
  const lanes = filterGradientLanes(shape, target);
  if (lanes !== undefined) return laneFilterGradient(shape, target, lanes);
  const { kernel, runs } = partialKernel(shape, target);
  return [kernel, sumRuns(shape, target, runs)];
}

/** WGSL that stores the lanes of `sum` below `limit`. The index of a lane is constant: it stays in registers. */
function storeLanes(limit: string, store: (lane: number) => string): string {
  return [0, 1, 2, 3].map((lane) => `  if (${lane}u < ${limit}) { ${store(lane)} }`).join("\n");
}

/** How a second pass reads partial gradients. */
function partialReads(profile: Target["profile"]): TensorReads {
  return readTensors({ partial: "f32" }, profile);
}

/** WGSL of the sum over the runs. One run at a time took Mesa's software Vulkan 2 to 8 times as long, for 22 runs. */
function addRuns({ load }: TensorReads): string {
  const next = (ahead: number) => `sum += ${load("partial", `((run + ${ahead}u) * parameters.items + item)`)};`;
  return `  var sum = ${load("partial", "item")};
  var run = 1u;
  for (; run + 3u < parameters.runs; run += 4u) {
${[0, 1, 2, 3].map((ahead) => `    ${next(ahead)}`).join("\n")}
  }
  for (; run < parameters.runs; run++) { ${next(0)} }`;
}

/** A partial gradient has an element for every pair of channels of its merged groups; those of different groups are dropped. */
function sumRuns(shape: ConvolutionShape, { profile }: Target, runs: number): Kernel {
  const { merged, taps, rows, outputVectors, vectors } = partialGradient(shape);
  const grouped = shape.groups > 1 && !isDepthwise(shape);
  const row = grouped ? "i % parameters.inputs" : "i";
  const reads = partialReads(profile);
  return itemKernel({
    name: `convolution filter gradient ${grouped ? "grouped " : ""}sum`,
    profile,
    joinable: true,
    bindings: { ...reads.bindings, filterGradient: "f32" },
    parameters: [
      { name: "runs", value: runs },
      { name: "taps", value: taps },
      { name: "rows", value: rows },
      { name: "outputVectors", value: outputVectors },
      { name: "mergedInputs", value: merged.inputChannels },
      { name: "mergedOutputs", value: merged.outputChannels },
      { name: "inputs", value: shape.inputChannels / shape.groups },
      ...(grouped ? [{ name: "outputs", value: shape.outputChannels / shape.groups }] : []),
    ],
    items: vectors,
    body: `${addRuns(reads)}
  let tap = item % parameters.taps;
  let i = item / parameters.taps % parameters.rows;
  let outputVector = item / parameters.taps / parameters.rows;
  if (i >= parameters.mergedInputs) { return; }
  let first = outputVector % parameters.outputVectors * 4u;
  let channel = outputVector / parameters.outputVectors * parameters.mergedOutputs + first;
${
      storeLanes("parameters.mergedOutputs - first", (lane) => {
        const index = `((channel + ${lane}u) * parameters.inputs + ${row}) * parameters.taps + tap`;
        const store = `filterGradient[${index}] = sum[${lane}];`;
        return grouped ? `if ((first + ${lane}u) / parameters.outputs == i / parameters.inputs) { ${store} }` : store;
      })
    }`,
  });
}

/** Positions of a run of a bias gradient at least. */
const LEAST = 32;
/** Invocations that keep a device busy with so little arithmetic. */
const WANTED = { software: 256, gpu: 16384 };

/**
 * The gradient of a convolution's bias: the sum of the output gradient over N, H and W.
 *
 * @param shape The convolution.
 * @param target Profile and storage.
 * @returns Two kernels in order. Their bindings: `outputGradient`, the scratch `partial`, which the second reads
 * through a texture in the software profile, and `biasGradient` `[O]`, f32.
 */
export function convolutionBiasGradientKernels(shape: ConvolutionShape, target: Target): Kernel[] {
  const { profile, storage } = target;
  const vectors = channelVectors(shape.outputChannels);
  const { runs, each } = splitRuns(outputPositions(shape), vectors, WANTED[profile], LEAST);
  const reads = partialReads(profile);
  return [
    itemKernel({
      name: `convolution bias gradient ${storage}`,
      profile,
      bindings: { outputGradient: vectorType(storage), partial: scratch("vec4<f32>", runs * vectors * 16) },
      parameters: [
        { name: "vectors", value: vectors },
        { name: "positions", value: outputPositions(shape) },
        { name: "runPositions", value: each },
      ],
      items: runs * vectors,
      body: `  let begin = item / parameters.vectors * parameters.runPositions;
  let end = min(begin + parameters.runPositions, parameters.positions);
  var index = begin * parameters.vectors + item % parameters.vectors;
  var sum = vec4<f32>();
  for (var position = begin; position < end; position++) {
    sum += vec4<f32>(outputGradient[index]);
    index += parameters.vectors;
  }
  partial[item] = sum;`,
    }),
    itemKernel({
      name: "convolution bias gradient sum",
      profile,
      joinable: true,
      bindings: { ...reads.bindings, biasGradient: "f32" },
      parameters: [{ name: "runs", value: runs }, { name: "outputChannels", value: shape.outputChannels }],
      items: vectors,
      body: `${addRuns(reads)}
${storeLanes("parameters.outputChannels - item * 4u", (lane) => `biasGradient[item * 4u + ${lane}u] = sum[${lane}];`)}`,
    }),
  ];
}
