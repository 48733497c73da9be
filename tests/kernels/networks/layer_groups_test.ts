import { assertEquals, assertThrows } from "@std/assert";
import { layerRates, parameterLayers } from "../../../kernels/networks/layer_groups.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { NO_LOSS_SCALING } from "../../../kernels/optimizers/prepare_step.ts";
import { lowerTraining } from "../../../kernels/programs/training/lower.ts";
import { hiddenLayerNetwork } from "./hidden_layer_network.ts";

/** What timm makes of architectures; `fixtures/layers.py` wrote it. */
const architectures = Deno.readTextFileSync(new URL("fixtures/layers.tsv", import.meta.url)).trimEnd().split("\n")
  .map((line) => line.split("\t"));

for (const [name, count, digest] of architectures) {
  Deno.test(`parameterLayers() counts the layers of ${name} as timm`, async () => {
    const layers = [...parameterLayers(buildNetwork(name, { classes: 1000 }))!]
      .filter(([parameter]) => !parameter.includes(".running_"));
    const lines = layers.map((pair) => pair.join(" ")).sort().join("\n");
    const sha256 = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(lines));
    assertEquals(Math.max(...layers.map(([, layer]) => layer)) + 1, Number(count));
    assertEquals(new Uint8Array(sha256).toHex().slice(0, 16), digest);
  });
}

Deno.test("layerRates() decay from the classifier to the stem", () => {
  const rates = layerRates(buildNetwork("resnet18", { classes: 10 }), 0.5);
  const shares = ["fc.weight", "layer4.1.conv1.weight", "layer1.0.bn1.bias", "bn1.weight"].map((name) =>
    rates.get(name)
  );
  assertEquals(shares, [1, 0.5, 0.5 ** 8, 0.5 ** 9]);
});

Deno.test("layerRates() refuses a network whose layers are not known", () => {
  assertThrows(
    () => layerRates(hiddenLayerNetwork(10), 0.5),
    RangeError,
    "Cannot let the learning rate decay over the layers of hidden_layer: they are not known",
  );
});

Deno.test("lowerTraining() gives each tensor the rate of its layer", () => {
  const network = buildNetwork("resnet18", { classes: 10 });
  const { layout } = lowerTraining({
    network,
    batch: 2,
    size: [32, 32],
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: false },
    weightDecay: 0,
    excludeNorms: false,
    lossScaling: NO_LOSS_SCALING,
    layerDecay: 0.75,
  }, { profile: "software", storage: "f32" });
  const rates = layerRates(network, 0.75);
  for (const { name, rate } of layout.parameters.segments) assertEquals(rate, rates.get(name), name);
});
