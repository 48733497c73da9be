import { assertAlmostEquals, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { loadParameters, openParameters, openWeights, type Weights } from "../../../formats/weights/mod.ts";
import { inTimmLayout } from "../../../formats/weights/published_layouts.ts";
import { writeSafetensors } from "../../../formats/weights/safetensors_writer.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import { formulaMembers } from "../../kernels/networks/formula_members.ts";
import { formulaParameters } from "../../kernels/networks/formula_parameters.ts";
import { withFile } from "./with_file.ts";

/** What `fixtures/layouts.py` writes. */
const lines = (await Deno.readTextFile(new URL("fixtures/layouts.tsv", import.meta.url))).trimEnd().split("\n");
const rows = Map.groupBy(lines.map((line) => line.split("\t")), ([architecture]) => architecture);
const lengths = (text: string) => text.split("x").map(Number);

/** An open file with tensors of zeros. */
function weightsOf(shapes: ReadonlyMap<string, readonly number[]>): Weights {
  const readNow = (name: string) => new Float32Array(shapes.get(name)!.reduce((a, b) => a * b, 1));
  return {
    path: "weights.pth",
    names: [...shapes.keys()],
    shape: (name) => shapes.get(name)!,
    dtype: () => "F32",
    read: (name) => Promise.resolve(readNow(name)),
    readNow,
    sha256: () => Promise.resolve(""),
    close: () => {},
  };
}

for (const [architecture, names] of rows) {
  Deno.test(`inTimmLayout() names and shapes parameters of ${architecture} as timm does`, () => {
    const published = weightsOf(new Map(names.map(([, name, shape]) => [name, lengths(shape)])));
    const expected = new Map(names.map(([, , , name, shape]) => [name, lengths(shape)]));
    const shapes = parameterShapes(buildNetwork(architecture, { classes: 1000 }));
    const weights = inTimmLayout(published, shapes, `${architecture}.a_tag`);
    assertEquals(new Map(weights.names.map((name) => [name, weights.shape(name)])), expected);
    // What has timm's names is left alone.
    const own = weightsOf(expected);
    assertStrictEquals(inTimmLayout(own, shapes, architecture), own);
    assertStrictEquals(inTimmLayout(published, shapes), published);
  });
}

Deno.test("inTimmLayout() renames the layers of torchvision's DenseNets of before 2018", () => {
  const name = "features.denseblock1.denselayer2";
  const given = [`${name}.norm.1.weight`, `${name}.conv.2.weight`, "features.norm5.weight"];
  const weights = inTimmLayout(weightsOf(new Map(given.map((name) => [name, [1]]))), new Map(), "densenet121");
  assertEquals(weights.names, [`${name}.norm1.weight`, `${name}.conv2.weight`, "features.norm5.weight"]);
});

Deno.test("inTimmLayout() leaves a tensor alone whose outputs or number are others", () => {
  const given = new Map([["downsample_layers.0.0.weight", [4, 3]], ["head.weight", [6, 4]], ["norm.weight", [5]]]);
  const expected = new Map([["stem.0.weight", [3, 4, 1, 1]], ["head.fc.weight", [6, 5, 1, 1]]]);
  const weights = inTimmLayout(weightsOf(given), expected, "convnext_tiny");
  assertEquals(weights.names.map((name) => weights.shape(name)), [[4, 3], [6, 4], [5]]);
});

Deno.test("inTimmLayout() refuses tensors that become one", () => {
  const given = new Map([["body.conv1.0.weight", [1]], ["body.conv1.conv.weight", [1]]]);
  assertThrows(
    () => inTimmLayout(weightsOf(given), given, "tresnet_m"),
    TypeError,
    '"weights.pth": "body.conv1.0.weight" and "body.conv1.conv.weight" are both "body.conv1.conv.weight" in timm\'s layout',
  );
});

const network = formulaMembers.tresnet;
const shapes = parameterShapes(network);
/** The parameters, those of batch norms of either sign, as `InPlaceABN` may have them. */
const parameters = new Map(
  [...formulaParameters(network)].map(([name, { shape, data }]) => [
    name,
    {
      shape,
      data: Float32Array.from(data, (value, index) => name.endsWith(".bn.weight") && index % 2 ? -value : value),
    },
  ]),
);
const publishedName = (name: string) => {
  const [layer, norm] = /layer2\.0\.conv1|layer[34]\.0\.conv2/.test(name) ? [".0.0.", ".0.1."] : [".0.", ".1."];
  return name.replace(".conv.", layer).replace(".bn.", norm);
};
const expected = [...parameters].map(([name, { data }]) =>
  [name, name.endsWith(".bn.weight") ? data.map((value) => Math.abs(value) + 1e-5) : data] as const
);

Deno.test("loadParameters() and openParameters() read a TResNet as ASL published it, with the magnitudes of its batch norms", async () => {
  await withFile("tresnet.safetensors", "", async (path) => {
    writeSafetensors(path, new Map([...parameters].map(([name, parameter]) => [publishedName(name), parameter])));
    const weights = await openWeights(path);
    for (const read of [loadParameters, openParameters]) {
      const loaded = await read(shapes, weights, { architecture: "tresnet_m" });
      assertEquals([...loaded.keys()], [...shapes.keys()]);
      for (const [name, data] of expected) {
        assertEquals(loaded.get(name)!.shape, shapes.get(name));
        loaded.get(name)!.data.forEach((value, index) => assertAlmostEquals(value, data[index], 1e-7, name));
      }
    }
    await assertRejects(
      () => loadParameters(shapes, weights, { architecture: "resnet50" }),
      TypeError,
      'parameter "body.conv1.conv.weight" [8, 48, 3, 3] (and ',
    );
    weights.close();
  });
});
