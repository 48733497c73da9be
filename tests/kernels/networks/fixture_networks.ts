/**
 * The small networks of `tests/fixtures/models`, whose stages `tests/fixtures/README.md` gives, and ResNet-8 in
 * `fixtures`.
 *
 * @module
 */

import { loadParameters, openWeights } from "../../../formats/weights/mod.ts";
import { type Network, parameterShapes } from "../../../kernels/operations/network.ts";
import {
  buildEfficientNet,
  buildNetwork,
  buildResNet,
  buildReXNet,
  type EfficientNetDescription,
} from "../../../kernels/networks/mod.ts";
import { fromNCHW, type Parameters, type Tensor } from "./reference.ts";

const classes = 24;
const models = new URL("../../fixtures/models/", import.meta.url);
const own = new URL("fixtures/", import.meta.url);

/** Stages, without what their squeeze-and-excitation adds. */
const stages = ["ds_r1_k3_s1_e1_c16", "ir_r2_k3_s2_e6_c24", "ir_r2_k5_s2_e6_c40", "ir_r1_k3_s1_e6_c80"];
const efficientnet: Omit<EfficientNetDescription, "name"> = {
  stemChannels: 8,
  stages: stages.map((run) => [`${run}_se0.25`]),
  scale: { width: 0.5 },
  headChannels: 96,
  activation: "silu",
  padding: "symmetric",
  epsilon: 1e-5,
  classes,
};
const resnet = { repeats: [1, 1, 1, 1], cardinality: 1, baseWidth: 64, classes };

/** The networks by the names of their files. */
export const fixtureNetworks: Readonly<Record<string, Network>> = {
  efficientnet: buildEfficientNet({ ...efficientnet, name: "efficientnet" }),
  efficientnet_tf: buildEfficientNet({ ...efficientnet, name: "efficientnet_tf", padding: "same", epsilon: 1e-3 }),
  efficientnet_lite: buildEfficientNet({
    ...efficientnet,
    name: "efficientnet_lite",
    stemChannels: 16,
    stages: stages.map((run) => [run]),
    activation: "relu6",
  }),
  resnet_basic: buildResNet({
    ...resnet,
    name: "resnet_basic",
    block: "basic",
    repeats: [1, 2, 1, 1],
    channels: [16, 24, 32, 48],
  }),
  resnet_bottleneck: buildResNet({
    ...resnet,
    name: "resnet_bottleneck",
    block: "bottleneck",
    repeats: [1, 1, 2, 1],
    channels: [8, 12, 16, 24],
  }),
  resnext: buildResNet({
    ...resnet,
    name: "resnext",
    block: "bottleneck",
    channels: [8, 12, 16, 24],
    cardinality: 4,
    baseWidth: 32,
  }),
  resnet8: buildNetwork("resnet8", { classes }),
  rexnet: buildReXNet({
    name: "rexnet",
    width: 0.35,
    depth: 0.7,
    initialChannels: 16,
    finalChannels: 64,
    divisor: 1,
    classes,
  }),
};

/** A fixture: its weights, and what PyTorch computes with them. */
export interface Fixture {
  readonly parameters: Parameters;
  /** `[N, H, W, 3]`. */
  readonly input: Tensor;
  /** `[N, h, w, classes]`. */
  readonly labelMap: Tensor;
  /** `[N, classes]`. */
  readonly logits: Tensor;
}

/**
 * Reads a fixture.
 *
 * @param name A name of {@linkcode fixtureNetworks}.
 * @returns Its tensors.
 */
export async function readFixture(name: string): Promise<Fixture> {
  const folder = name === "resnet8" ? own : models;
  const weights = await openWeights(new URL(`${name}.safetensors`, folder).pathname);
  const values = await openWeights(new URL(`${name}.io.safetensors`, folder).pathname);
  const read = async (name: string) => ({ shape: values.shape(name), data: await values.read(name) });
  try {
    return {
      parameters: await loadParameters(parameterShapes(fixtureNetworks[name]), weights),
      input: fromNCHW(await read("input")),
      labelMap: fromNCHW(await read("label_map")),
      logits: await read("logits"),
    };
  } finally {
    weights.close();
    values.close();
  }
}
