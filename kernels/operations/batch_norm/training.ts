/**
 * Batch normalisation in training: each channel is normalised with the mean m and the biased variance v of its n = NHW
 * values in the batch,
 *
 *     x^ = (x - m) / sqrt(v + epsilon),  y = weight x^ + bias,
 *
 * and the running averages move towards m and the unbiased variance, as in PyTorch:
 *
 *     running <- (1 - momentum) running + momentum (m, or v n / (n - 1)).
 *
 * E[x^2] - E[x]^2 would lose every digit where the mean is large beside the deviation. Each split of the positions is
 * therefore walked over twice: for its mean m, and for its sum of squared deviations M2 from it. (One walk by Welford's
 * rule rounds the mean at every value: a network's gradients came out twice as far off.) Splits a and b are joined with
 * d = m_b - m_a (Chan, Golub and LeVeque, 1979):
 *
 *     m = m_a + d n_b / n,  M2 = M2_a + M2_b + d^2 n_a n_b / n.
 *
 * Parameters and running averages are f32 `[C]`, padded with zeros to a multiple of 4; the statistics of the batch, m and
 * 1 / sqrt(v + epsilon), are one tensor `[2, C]`: a kernel may bind eight buffers, not nine. The gradient is in
 * `gradient.ts`. Both take the residual that is added and the activation that follows into their passes: y is then neither
 * stored nor kept, the gradient makes it again from x.
 *
 * Ranks that train together may take the statistics of all their batches, as PyTorch's SyncBatchNorm: each puts its own m
 * and M2 into its place of a tensor `[ranks, 2, C]` of zeros, these tensors are added up, and all ranks join what is in the
 * sum in the order of the ranks, by the same rule, so that they get the same bits.
 *
 * (Ioffe and Szegedy, "Batch Normalization", 2015, algorithm 1.)
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { type ActivationFunction, activationName, activationRule } from "../activation/functions/mod.ts";
import type { BatchNormParameters } from "./inference.ts";
import {
  channelPartials,
  JOIN_MOMENTS,
  joinPartials,
  joinRanks,
  joinRuns,
  positionRuns,
} from "../shared/by_channel.ts";
import { channelVectors, itemKernel, realLanes, type Shape, type Target, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";

/** What a training step makes of a batch norm, beside its output. */
export interface BatchNormStatistics {
  /** `[C]`, of the batch. */
  readonly mean: Float64Array;
  /** 1 / sqrt(v + epsilon), `[C]`, of the batch. */
  readonly inverseDeviation: Float64Array;
  /** After the step. */
  readonly runningMean: Float64Array;
  /** After the step. */
  readonly runningVariance: Float64Array;
}

/**
 * Batch norm in training on the CPU.
 *
 * @param input `[..., C]`, channels not padded.
 * @param parameters The batch norm's; `momentum` is the weight of the batch in the running averages.
 * @returns The output, of the input's shape, and the statistics.
 */
export function batchNormTrainingReference(
  input: ArrayLike<number>,
  parameters: BatchNormParameters & { readonly momentum: number },
): BatchNormStatistics & { readonly output: Float64Array } {
  const { weight, bias, runningMean, runningVariance, epsilon, momentum } = parameters;
  const channels = weight.length;
  const count = input.length / channels;
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let index = 0; index < input.length; index++) mean[index % channels] += input[index] / count;
  for (let index = 0; index < input.length; index++) {
    variance[index % channels] += (input[index] - mean[index % channels]) ** 2 / count;
  }
  const inverseDeviation = variance.map((value) => 1 / Math.sqrt(value + epsilon));
  const unbiased = count / (count - 1);
  return {
    mean,
    inverseDeviation,
    runningMean: mean.map((value, channel) => (1 - momentum) * runningMean[channel] + momentum * value),
    runningVariance: variance.map((value, channel) =>
      (1 - momentum) * runningVariance[channel] + momentum * unbiased * value
    ),
    output: Float64Array.from(input, (value, index) => {
      const channel = index % channels;
      return (value - mean[channel]) * inverseDeviation[channel] * weight[channel] + bias[channel];
    }),
  };
}

/** Refuses a channel of a single value, which has no variance. */
function checkValues(shape: Shape, ranks: number): void {
  if (shape[0] * shape[1] * shape[2] * ranks < 2) {
    throw new RangeError(
      `Cannot train batch norm of shape [${shape.join(", ")}]: a channel has 1 value, not 2 or more`,
    );
  }
}

/**
 * Mean and M2 of every split of the positions.
 *
 * @param options `shape` of the input; how many `ranks` share statistics, 1 unless given.
 * @returns A kernel with the binding `input` (a texture in the software profile) and the scratch `partials`.
 * @throws {RangeError} If a channel has a single value, which has no variance.
 */
export function batchNormMomentsKernel(options: { shape: Shape; ranks?: number } & Target): Kernel {
  const { shape, ranks = 1, profile, storage } = options;
  checkValues(shape, ranks);
  const reads = readTensors({ input: storage }, profile);
  return channelPartials({
    name: `batch norm moments ${storage}`,
    shape,
    profile,
    reads,
    bindings: {},
    join: JOIN_MOMENTS,
    // Around the first value little is lost where the mean is large.
    setup: `  let shift = ${reads.load("input", "(split * parameters.each * parameters.vectors + lanes)")};`,
    step: `    pair.first += ${reads.load("input", "at")} - shift;`,
    again: {
      setup: "  pair.first = shift + pair.first / max(count, 1.0);",
      step: `    let difference = ${reads.load("input", "at")} - pair.first;
    pair.second += difference * difference;`,
    },
  });
}

/** Bytes of mean and M2 of every rank. */
export function batchNormRankMomentsBytes(channels: number, ranks: number): number {
  return ranks * 2 * channelVectors(channels) * 16;
}

/**
 * Mean and M2 of a rank's batch, in its place among zeros.
 *
 * @param options `shape` of the rank's input; the `rank`, and how many `ranks` there are; `runs`, whether the partial results
 * are those that a convolution stored with its output.
 * @returns A kernel with the bindings `partials`, as {@linkcode batchNormMomentsKernel} or a convolution wrote them, and
 * `moments`, f32 `[ranks, 2, C]` of {@linkcode batchNormRankMomentsBytes}.
 */
export function batchNormRankMomentsKernel(
  options: { shape: Shape; rank: number; ranks: number; runs?: boolean; profile: Target["profile"] },
): Kernel {
  const { shape, rank, ranks, runs = false, profile } = options;
  checkValues(shape, ranks);
  const frame = {
    name: "batch norm rank moments",
    bindings: { partials: "vec4<f32>", moments: "vec4<f32>" },
    parameters: [{ name: "rank", value: rank }, { name: "ranks", value: ranks }],
  };
  const body = `  let zero = vec4<f32>(0.0);
  for (var rank = 0u; rank < parameters.ranks; rank++) {
    let place = 2u * rank * parameters.vectors + item;
    let own = rank == parameters.rank;
    moments[place] = select(zero, pair.first, own);
    moments[place + parameters.vectors] = select(zero, pair.second, own);
  }`;
  const partials = runs ? "runs" : joinPartials(shape, JOIN_MOMENTS, profile);
  return joinMoments({ ...frame, shape, body }, partials, profile);
}

/** Bytes of the statistics of a batch. */
export function batchNormStatisticsBytes(channels: number): number {
  return 2 * channelVectors(channels) * 16;
}

/** WGSL that reads the statistics of the vector of channels `lanes`: `center` and `deviation`, 1 / sqrt(v + epsilon). */
export const LOAD_STATISTICS = `  let center = statistics[lanes];
  let deviation = statistics[parameters.vectors + lanes];
`;

/**
 * The statistics of the batch, and the running averages' step.
 *
 * @param options `shape` of the input; `epsilon` and `momentum` of the batch norm; how many `ranks` share statistics; without
 * ranks `runs`, whether the partial results are those that a convolution stored with its output.
 * @returns A kernel with the bindings `partials`, as {@linkcode batchNormMomentsKernel} wrote them, or of `ranks` the sum
 * over them of what {@linkcode batchNormRankMomentsKernel} wrote; `statistics`, of
 * {@linkcode batchNormStatisticsBytes} (written), `runningMean` and `runningVariance` (read and written), all f32.
 */
export function batchNormStatisticsKernel(
  options: {
    shape: Shape;
    epsilon: number;
    momentum: number;
    ranks?: number;
    runs?: boolean;
    profile: Target["profile"];
  },
): Kernel {
  const { shape, epsilon, momentum, ranks, runs = false, profile } = options;
  checkValues(shape, ranks ?? 1);
  const count = shape[0] * shape[1] * shape[2] * (ranks ?? 1);
  const frame = {
    name: "batch norm statistics",
    bindings: {
      partials: "vec4<f32>",
      statistics: "vec4<f32>",
      runningMean: "vec4<f32>",
      runningVariance: "vec4<f32>",
    },
    parameters: [
      { name: "channels", value: shape[3] },
      { name: "epsilon", type: "f32", value: epsilon },
      { name: "kept", type: "f32", value: 1 - momentum },
      { name: "momentum", type: "f32", value: momentum },
      { name: "unbiasedMomentum", type: "f32", value: momentum / (count - 1) },
    ] as const,
  };
  const body = `  statistics[item] = pair.first;
  let deviation = sqrt(pair.second / f32(parameters.positions) + parameters.epsilon);
  let real = ${realLanes("item", "parameters.channels")};
  statistics[parameters.vectors + item] = select(vec4<f32>(0.0), 1.0 / deviation, real);
  runningMean[item] = parameters.kept * runningMean[item] + parameters.momentum * pair.first;
  runningVariance[item] = parameters.kept * runningVariance[item] + parameters.unbiasedMomentum * pair.second;`;
  const partials = ranks
    ? joinRanks(shape, ranks, JOIN_MOMENTS)
    : runs
    ? "runs"
    : joinPartials(shape, JOIN_MOMENTS, profile);
  return joinMoments({ ...frame, shape, body }, partials, profile);
}

/** A kernel whose `body` goes on with `pair`, the moments of a vector of channels, joined of runs or of other partial results. */
function joinMoments(
  { shape, body, ...frame }: Omit<Parameters<typeof joinRuns>[0], "join">,
  partials: "runs" | ReturnType<typeof joinPartials>,
  profile: Target["profile"],
): Kernel {
  if (partials === "runs") return joinRuns({ ...frame, shape, join: JOIN_MOMENTS, body });
  return itemKernel({
    ...frame,
    profile,
    parameters: [...partials.parameters, ...frame.parameters],
    items: channelVectors(shape[3]),
    functions: partials.functions,
    body: `${partials.body}${body}`,
  });
}

/**
 * Normalises with the statistics of the batch.
 *
 * @param options `shape` of input and output; `residual`, whether a tensor of that shape is added; the `activation` that
 * follows, if any.
 * @returns A kernel with the bindings `input` and, if it is added, `residual` (textures in the software profile),
 * `statistics`, `weight`, `bias` (f32) and `output`.
 */
export function batchNormTrainingKernel(
  options: { shape: Shape; residual?: boolean; activation?: ActivationFunction } & Target,
): Kernel {
  const { shape, residual = false, activation, profile, storage } = options;
  const reads = readTensors({ input: storage, ...(residual ? { residual: storage } : {}) }, profile);
  const vector = vectorType(storage);
  const channel = "vec4<f32>";
  return itemKernel({
    name: `batch norm training ${residual ? "residual " : ""}${
      activation ? `${activationName(activation)} ` : ""
    }${storage}`,
    profile,
    bindings: {
      ...reads.bindings,
      statistics: channel,
      weight: readOnly(channel),
      bias: readOnly(channel),
      output: vector,
    },
    functions: activation && activationRule(activation).functions,
    ...positionRuns(
      shape,
      profile,
      `${LOAD_STATISTICS}  let scale = deviation * weight[lanes];
  let shift = bias[lanes];`,
      `    let value = (${reads.load("input", "at")} - center) * scale + shift${
        residual ? ` + ${reads.load("residual", "at")}` : ""
      };
    output[at] = ${vector}(${activation ? activationRule(activation).expression("value") : "value"});`,
    ),
  });
}
