import { assert, assertEquals, assertThrows } from "@std/assert";
import { inputsOf } from "../../../kernels/operations/mod.ts";
import { buildNetwork, listArchitectures } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";

/** What timm's architectures have, as `fixtures/architectures.py` wrote it. */
const architectures = Deno.readTextFileSync(new URL("fixtures/architectures.tsv", import.meta.url)).trimEnd().split(
  "\n",
)
  .map((line) => {
    const [name, parameters, elements, epsilons, stride, sha256] = line.split("\t");
    return {
      name,
      parameters: Number(parameters),
      elements: Number(elements),
      epsilons: epsilons.split(" ").filter(Boolean).map(Number),
      stride: Number(stride),
      sha256,
    };
  });

async function shortSha256(text: string): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex().slice(0, 16);
}

function convolutions(architecture: string) {
  const { operations } = buildNetwork(architecture, { classes: 10 });
  return operations.filter((operation) => operation.type === "convolution");
}

Deno.test("listArchitectures() lists those of the fixture made by timm and PyTorch", () => {
  assertEquals(listArchitectures(), architectures.map(({ name }) => name).sort());
});

for (const { name, stride, epsilons, ...expected } of architectures) {
  Deno.test(`parameterShapes() of ${name} has timm's names and shapes`, async () => {
    const network = buildNetwork(name, { classes: 1000 });
    const shapes = parameterShapes(network);
    const elements = shapes.values().reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0);
    const lines = [...shapes].map(([name, shape]) => `${name} ${shape.join("x")}`).sort();
    assertEquals({ parameters: lines.length, elements, sha256: await shortSha256(lines.join("\n")) }, expected);
    const norms = [...network.operations, ...network.dense.operations].flatMap((operation) =>
      "epsilon" in operation && ("parameters" in operation || operation.weight !== undefined) ? [operation.epsilon] : []
    );
    assertEquals([...new Set(norms)].sort((a, b) => a - b), epsilons);
  });

  Deno.test(`${name} computes each tensor once, from tensors before it`, () => {
    const network = buildNetwork(name, { classes: 1000 });
    const trunk = new Set(network.operations.map(({ output }) => output));
    const parameters = parameterShapes(network);
    const readByHeads = new Set<string>();
    for (const head of [network.dense, network.pooled]) {
      const known = new Set([network.input]);
      const read = new Set<string>();
      for (const operation of [...network.operations, ...head.operations]) {
        for (const input of inputsOf(operation)) {
          assert(known.has(input), `${operation.output} reads ${input}`);
          read.add(input);
        }
        assert(!known.has(operation.output), `${operation.output} is computed twice`);
        assert(!parameters.has(operation.output), `${operation.output} is the name of a tensor and of a parameter`);
        known.add(operation.output);
      }
      assert(known.delete(head.output));
      for (const name of read) readByHeads.add(name);
      assertEquals([...known].filter((name) => !read.has(name) && !trunk.has(name)), []);
    }
    assertEquals([...trunk].filter((name) => !readByHeads.has(name)), []);
    assert(trunk.has(network.features));
    assertEquals(network.stride, stride);
  });
}

Deno.test("buildNetwork() pads as TensorFlow in tf_ variants, where a window is strided", () => {
  const paddings = (name: string) =>
    convolutions(name).map(({ kernel, stride, padding }) => ({ kernel, stride, padding }));
  for (const { kernel, stride, padding } of paddings("tf_efficientnet_b0")) {
    const side = (kernel[0] - 1) / 2;
    assertEquals(padding, stride[0] === 2 ? "same" : [side, side]);
  }
  for (const { kernel, padding } of paddings("efficientnet_b0")) {
    const side = (kernel[0] - 1) / 2;
    assertEquals(padding, [side, side]);
  }
});

Deno.test("buildNetwork() groups ResNeXt's 3x3 convolutions by 32", () => {
  const grouped = convolutions("resnext101_32x48d").filter(({ groups }) => groups > 1);
  assertEquals(grouped.length, 3 + 4 + 23 + 3);
  assertEquals(new Set(grouped.map(({ groups, kernel }) => `${groups} ${kernel}`)), new Set(["32 3,3"]));
});

Deno.test("buildNetwork() takes names with a tag and names of timm before tags", () => {
  const names = {
    "tf_efficientnet_l2.ns_jft_in1k_475": "tf_efficientnet_l2",
    "tf_efficientnet_l2_ns_475": "tf_efficientnet_l2",
    "tf_efficientnet_b7_ns": "tf_efficientnet_b7",
    "tf_efficientnet_b8_ap": "tf_efficientnet_b8",
    "ig_resnext101_32x48d": "resnext101_32x48d",
    "swsl_resnet50": "resnet50",
    "resnet50.a1_in1k": "resnet50",
  };
  for (const [name, architecture] of Object.entries(names)) {
    assertEquals(buildNetwork(name, { classes: 7 }), buildNetwork(architecture, { classes: 7 }));
    assertEquals(buildNetwork(name, { classes: 7 }).name, architecture);
  }
});

Deno.test("buildNetwork() gives the classifier its classes", () => {
  const { classifier, dense, features } = buildNetwork("rexnet_100", { classes: 7 });
  assertEquals(classifier.outputChannels, 7);
  assertEquals(dense.operations.map(({ input }) => input), [features]);
});

Deno.test("buildNetwork() gives each residual sum timm's share of the drop path rate", () => {
  // What timm 1.0.31 gives to `DropPath` with `drop_path_rate=1`, where the block has a shortcut.
  const shares = {
    resnet18: [0, 1 / 7, 2 / 7, 3 / 7, 4 / 7, 5 / 7, 6 / 7, 1],
    resnet50: Array.from({ length: 16 }, (_, block) => block / 15),
    efficientnet_b0: [2, 4, 6, 7, 9, 10, 12, 13, 14].map((block) => block / 16),
    tf_efficientnet_b3: [1, 3, 4, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20, 21, 22, 23, 25].map((block) =>
      block / 26
    ),
    rexnet_100: [2, 4, 6, 7, 8, 9, 10, 12, 13, 14, 15].map((block) => block / 15),
  };
  for (const [name, expected] of Object.entries(shares)) {
    const sums = buildNetwork(name, { classes: 10 }).operations.filter((operation) => operation.type === "add");
    assertEquals(sums.map(({ dropPath = 0 }) => dropPath), expected, name);
  }
});

Deno.test("buildNetwork() names the closest of the known architectures", () => {
  assertThrows(
    () => buildNetwork("tf_eficientnet_b3.in1k", { classes: 10 }),
    RangeError,
    'Cannot build network "tf_eficientnet_b3.in1k": unknown architecture, did you mean "tf_efficientnet_b3"? ' +
      `FEATURES.md lists the ${listArchitectures().length} that are known`,
  );
});

Deno.test("buildNetwork() names the closest of the ResNets for small images", () => {
  assertThrows(
    () => buildNetwork("resnet8_x3_s2", { classes: 10 }),
    RangeError,
    'unknown architecture, did you mean "resnet8x3_s2"?',
  );
});

Deno.test("buildNetwork() names no architecture that has little in common with what was asked for", () => {
  for (const name of ["perceiver_io", "x", "", "my model"]) {
    assertThrows(
      () => buildNetwork(name, { classes: 10 }),
      RangeError,
      `Cannot build network "${name}": unknown architecture: FEATURES.md lists the ${listArchitectures().length} that are known`,
    );
  }
});

Deno.test("buildNetwork() refuses classes that are no positive integer", () => {
  for (const classes of [0, -1, 1.5, NaN]) {
    assertThrows(
      () => buildNetwork("resnet18", { classes }),
      RangeError,
      `Cannot build network "resnet18": classes is ${classes}, expected a positive integer`,
    );
  }
});
