import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { CARDS, findCards } from "../../../pipeline/doctor/cards.ts";
import { findNetwork } from "../../../pipeline/doctor/find_network.ts";
import { countRequirements } from "../../../pipeline/doctor/requirements.ts";
import { fitsInto, rooflineSeconds, SHARES } from "../../../pipeline/doctor/roofline.ts";
import { countMultiplyAdds, countParameters } from "../../../kernels/networks/multiply_adds.ts";
import { runTask } from "../task.ts";

/** GMACs and millions of parameters that timm's model cards give. */
const PUBLISHED = [
  ["resnet50.a1_in1k", 224, 4.1, 25.6],
  ["efficientnet_b0.ra_in1k", 224, 0.4, 5.3],
  ["tf_efficientnet_l2.ns_jft_in1k_475", 475, 172.1, 480.3],
] as const;

for (const [name, side, billions, millions] of PUBLISHED) {
  Deno.test(`${name} takes as many products at ${side} pixels, and has as many parameters, as timm says`, async () => {
    const { network, size } = await findNetwork(name);
    assertEquals(size, [side, side]);
    // timm's counts are rounded to a tenth, and have norms and pools in them.
    assertAlmostEquals(countMultiplyAdds(network, size) / 1e9, billions, 0.05 + 0.01 * billions);
    assertAlmostEquals(countParameters(network) / 1e6, millions, 0.05);
  });
}

async function requirementsOf(name: string, batch: number) {
  const found = await findNetwork(name);
  return countRequirements({ found, batch, training: false, storage: "f32" }, "gpu");
}

Deno.test("countRequirements() counts the products of all cells, weights once, and activations by the batch", async () => {
  const [one, two] = [await requirementsOf("resnet18", 1), await requirementsOf("resnet18", 2)];
  const products = (requirements: typeof one) =>
    requirements.works.reduce((sum, { multiplyAdds }) => sum + multiplyAdds, 0);
  // The dense head gives logits to each of 7 x 7 cells, and those of the image are their mean.
  const { network, size } = await findNetwork("resnet18");
  assertEquals(products(one), countMultiplyAdds(network, size) + 48 * 512 * 1000);
  assertEquals(products(two), 2 * products(one));
  assertEquals(one.parameters, 11_689_512);
  assertAlmostEquals(one.memory.constants / one.parameters / 4, 1, 0.01);
  assertEquals(one.memory.constants, two.memory.constants);
  assertAlmostEquals(two.memory.arena / one.memory.arena, 2, 0.01);
});

Deno.test("findNetwork() knows timm's names, the hub's and folders, and the sizes of each", async () => {
  const sizeOf = async (name: string) => (await findNetwork(name)).size[0];
  assertEquals(await sizeOf("resnet50"), 224);
  assertEquals(await sizeOf("tf_efficientnet_l2"), 475);
  assertEquals(await sizeOf("tf_efficientnet_l2.ns_jft_in1k"), 800);
  assertEquals(await sizeOf("hf:timm/vit_base_patch16_384.augreg_in21k_ft_in1k@main"), 384);
  assertEquals(await sizeOf("resnet20"), 32);
  const { network, size, classes } = await findNetwork("assets/efficientnet_lite0", [96, 128]);
  assertEquals([network.name, size, classes], ["tf_efficientnet_lite0", [96, 128], 1000]);
  await assertRejects(() => findNetwork("resnet5"), RangeError, 'unknown architecture, did you mean "resnet50"?');
  await assertRejects(() => findNetwork("hf:someone/something"), RangeError, "nothing is downloaded");
  await assertRejects(() => findNetwork("no/such/folder"), Deno.errors.NotFound, "there is no such folder or file");
});

Deno.test("rooflineSeconds() takes what is longer of each piece of work, and fitsInto() leaves room to others", () => {
  const card = { name: "A", teraflops: 2, bandwidth: 100, memory: 10, source: "none" };
  const works = [{ multiplyAdds: 3e12, bytes: 1 }, { multiplyAdds: 1, bytes: 5e11 }];
  assertAlmostEquals(rooflineSeconds(works, card), 3 / SHARES.arithmetic + 5 / SHARES.bandwidth, 1e-9);
  assertEquals([fitsInto(9.4 * 2 ** 30, card), fitsInto(9.6 * 2 ** 30, card)], [true, false]);
  assertEquals(fitsInto(7.1 * 2 ** 30, { ...card, shared: true }), false);
});

Deno.test("cards have names of their own, a source, and figures in the units that the table says", () => {
  assertEquals(new Set(CARDS.map(({ name }) => name)).size, CARDS.length);
  for (const { name, teraflops, bandwidth, memory, source } of CARDS) {
    assert(teraflops >= 1 && teraflops < 200 && bandwidth >= 50 && bandwidth < 10_000 && memory >= 8, name);
    // Of what there is, no card has more than 140 operations or less than 7 for a byte.
    assert(teraflops * 1e3 / bandwidth > 7 && teraflops * 1e3 / bandwidth < 140, name);
    assertMatch(source, /^(TechPowerUp|Notebookcheck|Apple|Intel),? .+/);
  }
  assertEquals(findCards("apple m1").map(({ name }) => name), ["Apple M1"]);
  assertEquals(findCards("4090").map(({ name }) => name), ["GeForce RTX 4090"]);
});

Deno.test("deno task doctor --network says what a network takes, on a card and on this adapter", async () => {
  const words = [
    "--network",
    "resnet8",
    "--training",
    "--batch",
    "2",
    "--gpu",
    "4090",
    "--image-count",
    "1000",
    "--measure",
  ];
  const { code, out, error } = await runTask("doctor", ...words);
  assertEquals([code, error], [0, ""], out);
  assertStringIncludes(out, "network      resnet8 at 32 x 32, 1,000 classes\n");
  assertStringIncludes(out, "\nstep         training of 2 images, f32, gpu kernels\n");
  assertMatch(out, /\ndispatches {3}\d+, of \d+ kernels\narithmetic {3}[\d.]+ GFLOP, [\d.]+ GFLOP per image\n/);
  assertMatch(
    out,
    /\nmemory {7}[\d.]+ MB: activations [\d.]+ [kM]B, weights, gradients, optimizer and tables [\d.]+ [kM]B\n/,
  );
  assertMatch(out, /\nlargest {6}.+; within the limits that every adapter has\n/);
  assertMatch(
    out,
    /\ncard +TFLOPS +GB\/s +GiB +fits +ms per step +images\/s +hours\n[- ]+\nGeForce RTX 4090 +82\.6 +1,008 +24 +yes +[\d.]+ +[\d,]+ +[\d.e-]+\n/,
  );
  assertMatch(
    out,
    /; an epoch of 1,000 images\nFigures of GeForce RTX 4090: TechPowerUp GPU database, 2025-12\n/,
  );
  assertMatch(
    out,
    /\nMeasured on .+, (gpu|software) kernels: [\d.,]+ ms per step \(median of \d+\), .+ for 1,000 images\n$/,
  );
});

Deno.test("deno task doctor refuses in a sentence what it does not know", async () => {
  for (
    const [words, code, says] of [
      [["--network", "resnet50", "--gpu", "Voodoo"], 2, /^Cannot use --gpu Voodoo: known are GeForce RTX 2070, /],
      [["--network", "resnet50", "--size", "0"], 2, /^Cannot use --size 0: expected /],
      [["--batch", "8"], 2, /^Cannot use --batch without --network: /],
      [["--network", "a", "--list-annotators", "b"], 2, /^Cannot use --network and --list-annotators together: /],
      [["--network", "vgg16", "--size", "8"], 1, /^Cannot .+\n$/],
    ] as const
  ) {
    const { code: actual, out, error } = await runTask("doctor", ...words);
    assertEquals([actual, out], [code, ""], error);
    assertMatch(error, says);
  }
});
