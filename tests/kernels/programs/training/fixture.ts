/**
 * Three optimizer steps as PyTorch and timm make them; see `tests/fixtures/README.md`.
 *
 * @module
 */

import { openWeights, type Weights } from "../../../../formats/weights/mod.ts";
import { closing } from "../../../../formats/base/closing.ts";
import type { Optimizer } from "../../../../kernels/optimizers/mod.ts";
import { NO_LOSS_SCALING } from "../../../../kernels/optimizers/prepare_step.ts";
import type { Parameters } from "../../../../kernels/operations/network.ts";
import type { TrainingOptions } from "../../../../kernels/programs/training/lower.ts";
import { buildEfficientNet, buildResNet } from "../../../../kernels/networks/mod.ts";
import { fromNCHW } from "../../networks/reference.ts";
import { buildTransformer } from "../../networks/transformer_networks.ts";

const sgd: Optimizer = { type: "sgd", momentum: 0.9, nesterov: true };
const adamw: Optimizer = { type: "adamw", betas: [0.9, 0.999], epsilon: 1e-8 };
const adamp: Optimizer = {
  type: "adamp",
  betas: [0.9, 0.999],
  epsilon: 1e-8,
  delta: 0.1,
  decayRatio: 0.1,
  nesterov: false,
};

/** What the authors of asymmetric loss begin with. */
const asymmetric = { gammaNegative: 4, gammaPositive: 1, margin: 0.05 };

const classes = 24;
const resnet = { repeats: [1, 1, 1, 1], cardinality: 1, baseWidth: 64, classes };
const networks = {
  resnet_basic: buildResNet({ ...resnet, name: "resnet_basic", block: "basic", channels: [8, 8, 16, 16] }),
  resnet_bottleneck: buildResNet({ ...resnet, name: "resnet_bottleneck", block: "bottleneck", channels: [4, 4, 8, 8] }),
  efficientnet: buildEfficientNet({
    name: "efficientnet",
    stemChannels: 8,
    stages: [["ds_r1_k3_s1_e1_c8_se0.25"], ["ir_r2_k3_s2_e6_c8_se0.25"], ["ir_r2_k5_s2_e6_c16_se0.25"]],
    headChannels: 32,
    activation: "silu",
    padding: "symmetric",
    epsilon: 1e-5,
    classes,
  }),
  vit: buildTransformer("vit"),
  vit_latent: buildTransformer("vit_latent"),
  vit_parallel: buildTransformer("vit_parallel"),
  vit_relpos_cls: buildTransformer("vit_relpos_cls"),
  deit_distilled: buildTransformer("deit_distilled"),
  beit: buildTransformer("beit"),
  eva02_packed: buildTransformer("eva02_packed"),
  eva02: buildTransformer("eva02"),
};

/** Network, optimizer and loss by the name of the file. */
const cases = {
  "resnet_basic.sgd": { network: "resnet_basic", optimizer: sgd, loss: "crossEntropy" },
  "resnet_basic.bce": { network: "resnet_basic", optimizer: sgd, loss: "binaryCrossEntropy" },
  "resnet_basic.asl": { network: "resnet_basic", optimizer: sgd, loss: asymmetric },
  "resnet_basic.adamp": { network: "resnet_basic", optimizer: adamp, loss: "crossEntropy" },
  "resnet_bottleneck.sgd": { network: "resnet_bottleneck", optimizer: sgd, loss: "crossEntropy" },
  "efficientnet.sgd": { network: "efficientnet", optimizer: sgd, loss: "crossEntropy" },
  "vit.adamw": { network: "vit", optimizer: adamw, loss: "crossEntropy" },
  "vit_latent.adamw": { network: "vit_latent", optimizer: adamw, loss: "crossEntropy" },
  "vit_parallel.adamw": { network: "vit_parallel", optimizer: adamw, loss: "crossEntropy" },
  "vit_relpos_cls.adamw": { network: "vit_relpos_cls", optimizer: adamw, loss: "crossEntropy" },
  "deit_distilled.adamw": { network: "deit_distilled", optimizer: adamw, loss: "crossEntropy" },
  "beit.adamw": { network: "beit", optimizer: adamw, loss: "crossEntropy" },
  "eva02_packed.adamw": { network: "eva02_packed", optimizer: adamw, loss: "crossEntropy" },
  "eva02.adamw": { network: "eva02", optimizer: adamw, loss: "crossEntropy" },
} as const;

/** Names of the cases. */
export const trainingCases = Object.keys(cases) as (keyof typeof cases)[];

/** A case: what to train, and what comes of it. */
export interface TrainingFixture {
  readonly options: TrainingOptions;
  readonly learningRate: number;
  readonly parameters: Parameters;
  /** Of each step: `[N, H, W, 3]`, `[N, C]`, and the loss. */
  readonly steps: { readonly input: Float32Array; readonly targets: Float32Array; readonly loss: number }[];
  /** Of the first step, by parameter. */
  readonly gradients: ReadonlyMap<string, Float32Array>;
  /** After the last step, running statistics included. */
  readonly final: ReadonlyMap<string, Float32Array>;
}

/** Cases whose first weights and images are those of another. */
const origins: Partial<Record<keyof typeof cases, keyof typeof cases>> = { "resnet_basic.asl": "resnet_basic.bce" };

async function openFixture(name: keyof typeof cases) {
  return closing(await openWeights(new URL(`../../../fixtures/train/${name}.safetensors`, import.meta.url).pathname));
}

/** Reads a case. */
export async function readTrainingCase(name: keyof typeof cases): Promise<TrainingFixture> {
  const { network, optimizer, loss } = cases[name];
  using file = await openFixture(name);
  using origin = await openFixture(origins[name] ?? name);
  const group = async (file: Weights, prefix: string) => {
    const names = file.names.filter((name) => name.startsWith(prefix) && !name.endsWith("num_batches_tracked"));
    const tensors = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    for (const name of names) {
      tensors.set(name.slice(prefix.length), { shape: file.shape(name), data: await file.read(name) });
    }
    return tensors;
  };
  const dataOf = (tensors: Awaited<ReturnType<typeof group>>) =>
    new Map([...tensors].map(([name, { data }]) => [name, data]));
  const [input, target, losses] = [await origin.read("input"), await file.read("target"), await file.read("loss")];
  const [steps, batch, channels, height, width] = origin.shape("input");
  const [images, classes] = [batch * channels * height * width, file.shape("target")[2]];
  return {
    options: {
      network: networks[network],
      batch,
      size: [height, width],
      loss,
      // As the authors of asymmetric loss add up.
      ...(loss === asymmetric ? { classReduction: "sum" as const } : {}),
      optimizer,
      weightDecay: optimizer.type === "sgd" ? 1e-4 : 1e-2,
      excludeNorms: false,
      lossScaling: NO_LOSS_SCALING,
    },
    learningRate: optimizer.type === "sgd" ? 0.1 : 2e-3,
    parameters: await group(origin, "init."),
    steps: Array.from({ length: steps }, (_, step) => ({
      input: Float32Array.from(
        fromNCHW({
          shape: [batch, channels, height, width],
          data: input.subarray(step * images, (step + 1) * images),
        }).data,
      ),
      targets: target.subarray(step * batch * classes, (step + 1) * batch * classes),
      loss: losses[step],
    })),
    gradients: dataOf(await group(file, "grad.")),
    final: dataOf(await group(file, "final.")),
  };
}
