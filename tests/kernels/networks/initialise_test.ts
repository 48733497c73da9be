import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Network, networkParameters, parameterShapes } from "../../../kernels/operations/network.ts";
import type { Initial } from "../../../kernels/operations/shared/rule.ts";
import { parameterInitials } from "../../../kernels/networks/initialise.ts";
import { buildTransformer, TRANSFORMERS } from "./transformer_networks.ts";
import { buildNetwork, buildResNet, initialParameters, listArchitectures } from "../../../kernels/networks/mod.ts";
import table from "./fixtures/initialisation.json" with { type: "json" };
import noWeightDecay from "./fixtures/no_weight_decay.json" with { type: "json" };

const classes = 100;
const plain = { repeats: [1, 1, 1, 1], channels: [64, 128, 256, 512], classes };
const networks: Readonly<Record<keyof typeof table, Network>> = {
  basic: buildResNet({ ...plain, name: "basic", block: "basic", cardinality: 1, baseWidth: 64 }),
  grouped: buildResNet({ ...plain, name: "grouped", block: "bottleneck", cardinality: 32, baseWidth: 4 }),
  excited: buildResNet({
    ...plain,
    name: "excited",
    block: "basic",
    cardinality: 1,
    baseWidth: 64,
    squeezeExcitation: 1 / 16,
  }),
  regnety_002: buildNetwork("regnety_002", { classes }),
  test_convnext2: buildNetwork("test_convnext2", { classes }),
  efficientnet_b0: buildNetwork("efficientnet_b0", { classes }),
  rexnet_100: buildNetwork("rexnet_100", { classes }),
};

/** Mean, standard deviation and largest magnitude. */
function statistics(values: Float32Array): [mean: number, deviation: number, largest: number] {
  let sum = 0;
  let squares = 0;
  let largest = 0;
  for (const value of values) {
    sum += value;
    squares += value * value;
    largest = Math.max(largest, Math.abs(value));
  }
  const mean = sum / values.length;
  return [mean, Math.sqrt(Math.max(0, squares / values.length - mean * mean)), largest];
}

for (const [name, expected] of Object.entries(table)) {
  Deno.test(`initialParameters() draws each tensor of ${name} from timm's distribution`, () => {
    const parameters = initialParameters(networks[name as keyof typeof table], 11);
    assertEquals([...parameters.keys()].sort(), Object.keys(expected).sort());
    for (const [key, line] of Object.entries(expected)) {
      const { data } = parameters.get(key)!;
      const [mean, deviation, largest] = line.split(" ").map(Number);
      const [ownMean, ownDeviation, ownLargest] = statistics(data);
      if (deviation === 0) {
        const printed = [ownMean, ownDeviation, ownLargest].map((value) => Number(value.toPrecision(5)));
        assertEquals(printed, [mean, deviation, largest], key);
        continue;
      }
      // Five standard deviations of what both estimates leave uncertain, ours of n numbers and timm's of 5 n.
      const uncertain = 5 * Math.sqrt(1.2 / data.length);
      const message = `${key}: mean ${ownMean}, deviation ${ownDeviation}, largest ${ownLargest}; timm ${line}`;
      assert(Math.abs(ownMean - mean) < uncertain * deviation, message);
      assert(Math.abs(ownDeviation / deviation - 1) < uncertain / Math.SQRT2, message);
      // A uniform distribution ends at sqrt(3) deviations; of 200 normal numbers the largest is well beyond.
      if (data.length >= 200) assertEquals(ownLargest / deviation < 1.8, largest / deviation < 1.8, message);
    }
  });
}

/** Mean and standard deviation of what is drawn. */
function distributionOf(initial: Initial): [mean: number, deviation: number] {
  if (initial === "zeros") return [0, 0];
  if (initial === "ones") return [1, 0];
  if ("constant" in initial) return [initial.constant, 0];
  if ("uniform" in initial) return [0, initial.uniform / Math.sqrt(3)];
  return [0, "normal" in initial ? initial.normal : initial.truncatedNormal];
}

const drawnByTimm = Deno.readTextFileSync(new URL("fixtures/initialisation.tsv", import.meta.url)).trimEnd().split("\n")
  .map((line) => line.split("\t"));

for (const [name, lines] of Map.groupBy(drawnByTimm, ([name]) => name)) {
  Deno.test(`parameterInitials() says of each parameter of ${name} how timm draws it`, () => {
    const all = parameterInitials(buildNetwork(name, { classes: 100 }));
    const initials = new Map(all.map(({ name, shape, initial }) => [name, { shape, initial }]));
    for (const [, key, ...numbers] of lines) {
      const { shape, initial } = initials.get(key)!;
      const [mean, deviation] = numbers.map(Number);
      const [ownMean, ownDeviation] = distributionOf(initial);
      const message = `${key}: ${JSON.stringify(initial)}; timm's mean ${mean}, deviation ${deviation}`;
      // Five standard deviations of estimates from 3 seeds, and what the ends of a truncated distribution add to timm's.
      const uncertain = 5 / Math.sqrt(3 * shape.reduce((product, size) => product * size, 1));
      assert(Math.abs(mean - ownMean) <= uncertain * ownDeviation + 5e-3 * Math.abs(ownMean), message);
      assert(Math.abs(deviation - ownDeviation) <= (uncertain + 0.06) * ownDeviation, message);
    }
  });
}

Deno.test("initialParameters() shapes tensors as the network reads them", () => {
  const network = buildNetwork("resnet8x2_s2", { classes: 7 });
  const shapes = [...initialParameters(network, 0)].map(([name, { shape, data }]) => {
    assertEquals(data.length, shape.reduce((product, size) => product * size, 1));
    return [name, shape];
  });
  assertEquals(shapes, [...parameterShapes(network)]);
});

Deno.test("initialParameters() draws the same from a seed, and a tensor by its name alone", () => {
  const network = buildNetwork("resnet8", { classes: 10 });
  const parameters = initialParameters(network, 3);
  assertEquals(initialParameters(network, 3), parameters);
  const deeper = initialParameters(buildNetwork("resnet20", { classes: 10 }), 3);
  const other = initialParameters(network, 4);
  for (const [name, { data }] of parameters) {
    assertEquals(deeper.get(name)!.data, data);
    if (new Set(data).size > 1) assertNotEquals(other.get(name)!.data, data, name);
  }
  assertNotEquals(parameters.get("layer2.0.conv2.weight")!.data, deeper.get("layer2.1.conv2.weight")!.data);
});

Deno.test("initialParameters() begins a residual branch at zero, but not in ResNets for small images", () => {
  const weights = (name: string) =>
    initialParameters(buildNetwork(name, { classes: 10 }), 1).get("layer1.0.bn2.weight")!;
  assertEquals(new Set(weights("resnet18").data), new Set([0]));
  assertEquals(new Set(weights("resnet8").data), new Set([1]));
});

Deno.test("initialParameters() draws parameters of norms and scales as their operations say", () => {
  const [channels, parameters] = [4, { weight: "weight", bias: "bias" }];
  const operations = [
    { type: "channelNorm", input: "image", output: "a", method: "layer", channels, groups: 1, epsilon: 1e-6 },
    {
      type: "channelNorm",
      input: "image",
      output: "b",
      method: "layer",
      channels,
      groups: 1,
      epsilon: 1e-6,
      initial: 3,
    },
    { type: "groupNorm", input: "image", output: "c", channels, groups: 1, epsilon: 1e-6 },
    { type: "globalResponseNorm", input: "image", output: "d", channels, epsilon: 1e-6 },
    { type: "scale", input: "image", output: "e", channels, shape: [channels] },
    { type: "scale", input: "image", output: "f", channels, shape: [1], initial: 0.5, initialBias: -2 },
  ] as const;
  const network = buildNetwork("resnet8", { classes: 10 });
  const drawn = operations.map((operation) => {
    const head = { operations: [{ ...operation, ...parameters }], output: operation.output };
    const initial = initialParameters({ ...network, operations: [], dense: head, pooled: head }, 1);
    return [initial.get("weight")!.data[0], initial.get("bias")!.data[0]];
  });
  assertEquals(drawn, [[1, 0], [3, 0], [1, 0], [0, 0], [1, 0], [0.5, -2]]);
});

Deno.test("parameterInitials() has a rule for every parameter of every architecture", () => {
  for (const name of listArchitectures()) {
    const network = buildNetwork(name, { classes: 1000 });
    assertEquals(parameterInitials(network).length, parameterShapes(network).size);
  }
});

for (const [name, spared] of Object.entries(noWeightDecay)) {
  Deno.test(`networkParameters() of ${name} say what timm lets not decay`, () => {
    const found = networkParameters(buildNetwork(name, { classes: 1000 }))
      .filter(([, shape, facts]) => shape.length > 1 && facts?.decays === false);
    assertEquals(found.map(([parameter]) => parameter).sort(), spared);
  });
}

Deno.test("initialParameters() begins norms that end a residual branch where timm's ResPostBlock does", () => {
  const parameters = initialParameters(buildTransformer("vit_norm_last"), 1);
  const first = (name: string) => parameters.get(name)!.data[0];
  assertEquals(["blocks.0.norm1.weight", "blocks.1.norm2.weight"].map(first), [0.3, 0.3].map(Math.fround));
  assertEquals(first("fc_norm.weight"), 1);
});

for (const name of TRANSFORMERS) {
  Deno.test(`initialParameters() draws tokens, embeddings, tables and layers of ${name} as timm does`, () => {
    // Deviation of what timm draws, and 0 or 1 where all numbers are the same.
    const rules: [RegExp, deviation: number, constant?: number | undefined][] = [
      [/(cls|reg|dist)_token$/, 1e-6],
      [/pos_embed$/, 0.02],
      [/latent$/, 0.25],
      [/relative_position_bias_table$|bias$/, 0, 0],
      [/patch_embed\.proj\.weight$/, 1 / Math.sqrt(3 * 48)],
      [/(ls\d?\.gamma|gamma_\d)$/, 0],
      [/norm\w*\.weight$/, 0, name === "vit_norm_last" ? undefined : 1],
      [/\.weight$/, 0.02],
    ];
    for (const [key, { data }] of initialParameters(buildTransformer(name), 5)) {
      const [, deviation, constant] = rules.find(([pattern]) => pattern.test(key))!;
      if (key === "patch_embed.proj.bias") continue;
      const [mean, own] = statistics(data);
      if (deviation === 0) {
        assertEquals(own, 0, key);
        if (constant !== undefined) assertEquals(mean, constant, key);
      } else if (data.length >= 256) {
        assert(Math.abs(own / deviation - 1) < 0.2, `${key}: deviation ${own}, expected ${deviation}`);
      }
    }
  });
}
