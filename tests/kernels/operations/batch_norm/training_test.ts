import { assertEquals, assertThrows } from "@std/assert";
import { type ActivationFunction, activationRule } from "../../../../kernels/operations/activation/functions/mod.ts";
import {
  batchNormGradientReference,
  batchNormGradientSumsKernel,
  batchNormInputGradientKernel,
  batchNormParameterGradientKernel,
} from "../../../../kernels/operations/batch_norm/gradient.ts";
import {
  batchNormMomentsKernel,
  batchNormRankMomentsBytes,
  batchNormRankMomentsKernel,
  batchNormStatisticsBytes,
  batchNormStatisticsKernel,
  batchNormTrainingKernel,
  batchNormTrainingReference,
} from "../../../../kernels/operations/batch_norm/training.ts";
import { type Shape, type Target, tensorBytes } from "../../../../kernels/operations/shared/tensor.ts";
import { runKernel, runKernels } from "../../../../kernels/engine/run.ts";
import { assertClose, sumTolerance } from "../../compare.ts";
import { padChannels, randomValues, stored, targets, testDevice, unpadChannels } from "../../tensors.ts";
import { readTrainingFixture } from "../training_fixture.ts";

interface Case {
  readonly shape: Shape;
  readonly input: ArrayLike<number>;
  readonly outputGradient: ArrayLike<number>;
  readonly weight: ArrayLike<number>;
  readonly bias: ArrayLike<number>;
  readonly runningMean: ArrayLike<number>;
  readonly runningVariance: ArrayLike<number>;
  readonly epsilon: number;
  readonly momentum: number;
  /** The outer gradient is then that of the activation's output. */
  readonly activation?: ActivationFunction;
}

const CHANNEL_OUTPUTS = ["mean", "inverseDeviation", "runningMean", "runningVariance"] as const;
const GRADIENTS = ["weightGradient", "biasGradient"] as const;

function randomCase(shape: Shape, range = 2): Case {
  const [channels, count] = [shape[3], shape.reduce((product, size) => product * size)];
  return {
    shape,
    input: randomValues(count, 1, range),
    outputGradient: randomValues(count, 2),
    weight: randomValues(channels, 3),
    bias: randomValues(channels, 4),
    runningMean: randomValues(channels, 5),
    runningVariance: randomValues(channels, 6).map((value) => value + 1),
    epsilon: 1e-3,
    momentum: 0.25,
  };
}

/** Forward and backward by the reference, from what the kernels are given. */
function reference(norm: Case) {
  const { activation } = norm;
  const forward = batchNormTrainingReference(norm.input, norm);
  const outputGradient = Float64Array.from(norm.outputGradient, (gradient, index) => {
    return activation ? gradient * activationRule(activation).derivative(forward.output[index]) : gradient;
  });
  const gradients = batchNormGradientReference(norm.input, outputGradient, { weight: norm.weight, ...forward });
  const output = activation
    ? forward.output.map((value) => activationRule(activation).reference(value))
    : forward.output;
  return { ...forward, output, ...gradients };
}

/** Forward and backward by the kernels. */
async function runCase(norm: Case, target: Target): Promise<Record<keyof ReturnType<typeof reference>, number[]>> {
  const device = await testDevice();
  const { shape, activation } = norm;
  const channels = shape[3];
  const { profile, storage } = target;
  const perChannel = (name: "weight" | "bias" | "runningMean" | "runningVariance") =>
    padChannels(norm[name], channels, "f32");
  const channelBytes = { bytes: tensorBytes([1, 1, 1, channels], "f32") };
  const input = padChannels(norm.input, channels, storage);
  const outputGradient = padChannels(norm.outputGradient, channels, storage);
  const forward = await runKernels(device, [
    batchNormMomentsKernel({ shape, ...target }),
    batchNormStatisticsKernel({ ...norm, profile }),
    batchNormTrainingKernel({ shape, activation, ...target }),
  ], {
    input,
    statistics: { bytes: batchNormStatisticsBytes(channels) },
    runningMean: { update: perChannel("runningMean") },
    runningVariance: { update: perChannel("runningVariance") },
    weight: perChannel("weight"),
    bias: perChannel("bias"),
    output: { bytes: tensorBytes(shape, storage) },
  });
  const backward = await runKernels(device, [
    batchNormGradientSumsKernel({ shape, activation, ...target }),
    batchNormParameterGradientKernel({ shape, profile }),
    batchNormInputGradientKernel({ shape, activation, ...target }),
  ], {
    input,
    outputGradient,
    statistics: new Float32Array(forward.statistics),
    weight: perChannel("weight"),
    bias: perChannel("bias"),
    weightGradient: channelBytes,
    biasGradient: channelBytes,
    inputGradient: { bytes: tensorBytes(shape, storage) },
  });
  const read = (bytes: ArrayBuffer, storage: Target["storage"] = "f32") => unpadChannels(bytes, channels, storage);
  return {
    mean: read(forward.statistics.slice(0, channelBytes.bytes)),
    inverseDeviation: read(forward.statistics.slice(channelBytes.bytes)),
    runningMean: read(forward.runningMean),
    runningVariance: read(forward.runningVariance),
    output: read(forward.output, storage),
    weightGradient: read(backward.weightGradient),
    biasGradient: read(backward.biasGradient),
    inputGradient: read(backward.inputGradient, storage),
  };
}

/** The same by ranks that share statistics: each has as many images, and a place in what is added up. */
async function runRanks(norm: Case, target: Target, ranks: number): ReturnType<typeof runCase> {
  const device = await testDevice();
  const { shape: [batch, height, width, channels], activation } = norm;
  const shape: Shape = [batch / ranks, height, width, channels];
  const { profile, storage } = target;
  const channelBytes = tensorBytes([1, 1, 1, channels], "f32");
  const perChannel = (name: "weight" | "bias" | "runningMean" | "runningVariance") =>
    padChannels(norm[name], channels, "f32");
  const split = (values: ArrayLike<number>) => {
    const each = values.length / ranks;
    return Array.from(
      { length: ranks },
      (_, rank) => padChannels(Array.from(values).slice(rank * each, (rank + 1) * each), channels, storage),
    );
  };
  const [inputs, outputGradients] = [split(norm.input), split(norm.outputGradient)];
  const addUp = (arrays: ArrayBuffer[]) =>
    arrays.map((bytes) => new Float32Array(bytes)).reduce((sum, array) => sum.map((value, at) => value + array[at]));

  const moments = await Promise.all(inputs.map((input, rank) =>
    runKernels(device, [
      batchNormMomentsKernel({ shape, ranks, ...target }),
      batchNormRankMomentsKernel({ shape, rank, ranks, profile }),
    ], { input, moments: { bytes: batchNormRankMomentsBytes(channels, ranks) } })
  ));
  const joined = addUp(moments.map(({ moments }) => moments));
  const forward = await Promise.all(inputs.map((input) =>
    runKernels(device, [
      batchNormStatisticsKernel({ ...norm, shape, ranks, profile }),
      batchNormTrainingKernel({ shape, activation, ...target }),
    ], {
      input,
      partials: joined,
      statistics: { bytes: batchNormStatisticsBytes(channels) },
      runningMean: { update: perChannel("runningMean") },
      runningVariance: { update: perChannel("runningVariance") },
      weight: perChannel("weight"),
      bias: perChannel("bias"),
      output: { bytes: tensorBytes(shape, storage) },
    })
  ));
  for (const { statistics } of forward) {
    assertEquals(new Uint8Array(statistics), new Uint8Array(forward[0].statistics), "ranks have other statistics");
  }
  const { statistics, runningMean, runningVariance } = forward[0];
  const given = (rank: number) => ({
    input: inputs[rank],
    outputGradient: outputGradients[rank],
    statistics: new Float32Array(statistics),
    weight: perChannel("weight"),
    bias: perChannel("bias"),
  });
  const sums = await Promise.all(inputs.map((_, rank) =>
    runKernels(device, [
      batchNormGradientSumsKernel({ shape, activation, ...target }),
      batchNormParameterGradientKernel({ shape, profile }),
    ], { ...given(rank), weightGradient: { bytes: channelBytes }, biasGradient: { bytes: channelBytes } })
  ));
  const weightGradient = addUp(sums.map(({ weightGradient }) => weightGradient));
  const biasGradient = addUp(sums.map(({ biasGradient }) => biasGradient));
  const backward = await Promise.all(
    inputs.map((_, rank) =>
      runKernel(device, batchNormInputGradientKernel({ shape, activation, ranks, ...target }), {
        ...given(rank),
        weightGradient,
        biasGradient,
        inputGradient: { bytes: tensorBytes(shape, storage) },
      })
    ),
  );
  const read = (bytes: ArrayBuffer, storage: Target["storage"] = "f32") => unpadChannels(bytes, channels, storage);
  return {
    mean: read(statistics.slice(0, channelBytes)),
    inverseDeviation: read(statistics.slice(channelBytes)),
    runningMean: read(runningMean),
    runningVariance: read(runningVariance),
    output: forward.flatMap(({ output }) => read(output, storage)),
    weightGradient: read(weightGradient.buffer),
    biasGradient: read(biasGradient.buffer),
    inputGradient: backward.flatMap(({ inputGradient }) => read(inputGradient, storage)),
  };
}

async function assertCase(norm: Case, run = runCase): Promise<void> {
  const { shape } = norm;
  const positions = shape[0] * shape[1] * shape[2];
  for (const target of targets(await testDevice())) {
    const { storage } = target;
    const given = {
      ...norm,
      input: stored(norm.input, storage),
      outputGradient: stored(norm.outputGradient, storage),
    };
    const expected = reference(given);
    const actual = await run(given, target);
    const name = (what: string) =>
      `${what} of [${shape.join(", ")}] ${norm.activation ?? ""} ${target.profile} ${storage}`;
    for (const what of CHANNEL_OUTPUTS) {
      assertClose(actual[what], expected[what], { ...sumTolerance("f32", 4), name: name(what) });
    }
    for (const what of GRADIENTS) {
      assertClose(actual[what], expected[what], { ...sumTolerance("f32", positions, 4), name: name(what) });
    }
    assertClose(actual.output, expected.output, { ...sumTolerance(storage, 4, 8), shape, name: name("output") });
    const largest = Math.max(...expected.inverseDeviation, 1);
    assertClose(actual.inputGradient, expected.inputGradient, {
      ...sumTolerance(storage, 16, 2 * largest),
      shape,
      name: name("inputGradient"),
    });
  }
}

const SHAPES: Shape[] = [
  [2, 1, 1, 1],
  [1, 3, 5, 13],
  [2, 7, 7, 37],
  [3, 31, 29, 5],
  [1, 67, 71, 9],
  [1, 1, 129, 260],
];

Deno.test("batch norm's kernels train with the statistics of the batch, and differentiate", async () => {
  for (const shape of SHAPES) await assertCase(randomCase(shape));
});

Deno.test("batch norm's kernels take the activation that follows into their passes", async () => {
  for (const activation of ["relu", "relu6", "silu"] as const) {
    for (const shape of SHAPES.slice(1, 4)) {
      // A bias of up to 8 takes outputs beyond 6.
      const norm = randomCase(shape);
      await assertCase({ ...norm, bias: Array.from(norm.bias, (value) => 8 * value), activation });
    }
  }
});

Deno.test("batch norm's kernels of several ranks train with the statistics of all their batches", async () => {
  const cases: [Shape, number][] = [[[2, 1, 1, 5], 2], [[3, 3, 5, 13], 3], [[4, 7, 7, 37], 2], [[5, 31, 29, 5], 5]];
  for (const [shape, ranks] of cases) {
    for (const activation of [undefined, "silu"] as const) {
      await assertCase({ ...randomCase(shape), activation }, (norm, target) => runRanks(norm, target, ranks));
    }
  }
});

Deno.test("batch norm's kernels of several ranks keep the variance where ranks have other, large means", async () => {
  const norm = randomCase([3, 9, 11, 6], 1);
  const each = norm.input.length / 3;
  const input = Array.from(norm.input, (value, index) => value + 2048 + Math.floor(index / each));
  const expected = reference({ ...norm, input });
  for (const profile of ["software", "gpu"] as const) {
    const actual = await runRanks({ ...norm, input }, { profile, storage: "f32" }, 3);
    const tolerance = { absolute: 0, relative: 2e-4, name: `${profile} statistics` };
    assertClose(actual.inverseDeviation, expected.inverseDeviation, tolerance);
    assertClose(actual.runningVariance, expected.runningVariance, tolerance);
    assertClose(actual.mean, expected.mean, { ...tolerance, relative: 3e-7 });
  }
});

Deno.test("a rectifier has its corner at 0 in both directions of a fused batch norm", async () => {
  const shape: Shape = [1, 2, 4, 3];
  // Half of the values are the mean, and their outputs 0.
  const input = Array.from({ length: 24 }, (_, index) => [0, 1, 0, -1][Math.floor(index / 3) % 4]);
  const norm: Case = { ...randomCase(shape), input, bias: [0, 0, 0], activation: "relu" };
  for (const target of targets(await testDevice())) {
    const { biasGradient, output } = await runCase(norm, target);
    const passed = Array.from(norm.outputGradient, (gradient, index) => output[index] > 0 ? gradient : 0);
    const sums = [0, 1, 2].map((channel) =>
      passed.reduce((sum, gradient, index) => index % 3 === channel ? sum + gradient : sum, 0)
    );
    assertClose(biasGradient, sums, {
      ...sumTolerance("f32", 8),
      name: `bias gradient ${target.profile} ${target.storage}`,
    });
  }
});

Deno.test("batchNormMomentsKernel() keeps the variance of a channel whose mean is 4096 times its deviation", async () => {
  for (const shape of [[2, 9, 11, 6], [1, 101, 103, 3]] as Shape[]) {
    const norm = { ...randomCase(shape), input: Array.from(randomCase(shape, 1).input, (value) => value + 2048) };
    const expected = reference(norm);
    for (const profile of ["software", "gpu"] as const) {
      const target = { profile, storage: "f32" } as const;
      const actual = await runCase(norm, target);
      // Sums of squares in f32 would be wrong by 4e6 x 6e-8 x sqrt(n), more than the variance of 1 / 3.
      const tolerance = { absolute: 0, relative: 2e-4, name: `${profile} statistics` };
      assertClose(actual.inverseDeviation, expected.inverseDeviation, tolerance);
      assertClose(actual.mean, expected.mean, { ...tolerance, relative: 3e-7 });
    }
  }
});

Deno.test("batch norm's kernels give the same bits again", async () => {
  const norm = randomCase([3, 31, 29, 5]);
  for (const target of targets(await testDevice())) {
    const [first, second] = [await runCase(norm, target), await runCase(norm, target)];
    for (const [name, values] of Object.entries(first)) {
      assertClose(second[name as keyof typeof second], values, { absolute: 0, relative: 0, name });
    }
  }
});

Deno.test("batch norm trains as PyTorch's over two steps", async () => {
  const read = await readTrainingFixture();
  const channels = 7;
  const start = { runningMean: new Float32Array(channels), runningVariance: new Float32Array(channels).fill(1) };
  const device = await testDevice();
  const runs = [
    (norm: Case) => Promise.resolve(reference(norm)),
    ...targets(device).filter(({ storage }) => storage === "f32").map((target) => (norm: Case) =>
      runCase(norm, target)
    ),
  ];
  for (const run of runs) {
    let running: Pick<Case, "runningMean" | "runningVariance"> = start;
    for (const step of [0, 1]) {
      const tensor = (name: string) => read(`norm.${step}.${name}`);
      const result = await run({
        shape: [3, 4, 5, channels],
        input: await tensor("input"),
        outputGradient: await tensor("outputGradient"),
        weight: await read("norm.weight"),
        bias: await read("norm.bias"),
        ...running,
        epsilon: 1e-3,
        momentum: 0.3,
      });
      running = result;
      for (const what of ["output", "inputGradient", ...GRADIENTS, "runningMean", "runningVariance"] as const) {
        // A mean of 1000 is rounded to 3e-5 in f32, of which a gradient's sum over 60 positions makes 1e-3.
        assertClose(result[what], await tensor(what), {
          absolute: what === "weightGradient" ? 2e-3 : 3e-4,
          relative: 1e-4,
          name: `${what} of step ${step}`,
        });
      }
    }
  }
});

Deno.test("batchNormMomentsKernel() refuses a single value a channel", () => {
  for (const profile of ["software", "gpu"] as const) {
    assertThrows(
      () => batchNormMomentsKernel({ shape: [1, 1, 1, 8], profile, storage: "f32" }),
      RangeError,
      "Cannot train batch norm of shape [1, 1, 1, 8]",
    );
  }
});
