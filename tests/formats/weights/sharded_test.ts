import { createHash } from "node:crypto";
import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openAnnotatorFolder, openWeights, writeSafetensors } from "../../../formats/weights/mod.ts";

const [FIRST, SECOND] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
const INDEX = "model.safetensors.index.json";
const MAP = { "conv.weight": FIRST, "conv.bias": FIRST, "fc.weight": SECOND };

/** Weights in two shards, whose elements say which tensor they are of. */
function sharded(map: unknown = MAP): string {
  const folder = Deno.makeTempDirSync();
  const tensor = (value: number) => ({ shape: [2], data: Float32Array.of(value, value) });
  writeSafetensors(join(folder, FIRST), new Map([["conv.bias", tensor(2)], ["conv.weight", tensor(1)]]));
  writeSafetensors(join(folder, SECOND), new Map([["fc.weight", tensor(3)]]));
  Deno.writeTextFileSync(join(folder, INDEX), JSON.stringify({ metadata: { total_size: 24 }, weight_map: map }));
  return folder;
}

Deno.test("openWeights() reads the tensors of all shards of an index, in its order", async () => {
  const folder = sharded();
  const weights = await openWeights(join(folder, INDEX));
  assertEquals([weights.path, weights.names], [join(folder, INDEX), Object.keys(MAP)]);
  for (const [name, value] of [["conv.weight", 1], ["conv.bias", 2], ["fc.weight", 3]] as const) {
    const expected = Float32Array.of(value, value);
    assertEquals([weights.dtype(name), weights.shape(name)], ["F32", [2]]);
    assertEquals([await weights.read(name), weights.readNow(name)], [expected, expected]);
  }
  await assertRejects(() => weights.read("fc.bias"), RangeError, 'it has no tensor "fc.bias"');
  const hex = (content: Uint8Array | string) => createHash("sha256").update(content).digest("hex");
  const printed = [FIRST, SECOND].map((name) => `${hex(Deno.readFileSync(join(folder, name)))}  ${name}\n`);
  assertEquals(await weights.sha256(), hex(printed.join("")));
  weights.close();
  await assertRejects(() => weights.read("fc.weight"));
});

Deno.test("openWeights() leaves out what wrappers put before the names in an index", async () => {
  const folder = Deno.makeTempDirSync();
  const data = Float32Array.of(7);
  writeSafetensors(join(folder, "a.safetensors"), new Map([["module.fc.bias", { shape: [1], data }]]));
  Deno.writeTextFileSync(join(folder, INDEX), JSON.stringify({ weight_map: { "module.fc.bias": "a.safetensors" } }));
  const weights = await openWeights(join(folder, INDEX));
  assertEquals([weights.names, weights.readNow("fc.bias")], [["fc.bias"], data]);
  weights.close();
});

Deno.test("openWeights() names a shard that is missing", async () => {
  const folder = sharded();
  Deno.removeSync(join(folder, SECOND));
  const error = await assertRejects(() => openWeights(join(folder, INDEX)), Deno.errors.NotFound);
  assertEquals(error.message, `Cannot read "${join(folder, INDEX)}": its shard "${SECOND}" is missing`);
});

Deno.test("openWeights() refuses an index whose shards hold something else than it says, or that is none", async () => {
  const cases: [unknown, string][] = [
    [{ ...MAP, "fc.bias": SECOND }, `its shard "${SECOND}" has no tensor "fc.bias"`],
    [{ ...MAP, "conv.bias": SECOND }, `its shard "${FIRST}" holds tensor "conv.bias", which it does not say`],
    [{ ...MAP, "fc.weight": "../a.safetensors" }, 'has "../a.safetensors" for "fc.weight", expected a file beside it'],
    [{ ...MAP, "fc.weight": 2 }, 'has 2 for "fc.weight", expected a file beside it'],
    [{}, "its weight_map is {}, expected shards by tensor"],
    [null, "its weight_map is null, expected shards by tensor"],
  ];
  for (const [map, message] of cases) {
    const path = join(sharded(map), INDEX);
    const error = await assertRejects(() => openWeights(path), TypeError, message);
    assertEquals(error.message.startsWith(`Cannot read "${path}": `), true);
  }
  const path = join(sharded(), INDEX);
  Deno.writeTextFileSync(path, "[]");
  await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": it is not a JSON object`);
});

const CONFIG = {
  architecture: "resnet18",
  num_classes: 2,
  input_size: [3, 32, 32],
  interpolation: "bilinear",
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
};

Deno.test("openAnnotatorFolder() takes the shards of an index where there is no single file", async () => {
  const folder = sharded();
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  const opened = async (path = folder) => {
    const { weights } = await openAnnotatorFolder(path);
    weights.close();
    return weights.path;
  };
  assertEquals(await opened(), join(folder, INDEX));
  Deno.renameSync(join(folder, INDEX), join(folder, "model.ema.safetensors.index.json"));
  await assertRejects(
    () => opened(),
    TypeError,
    `which of ${FIRST}, ${SECOND}, model.ema.safetensors.index.json is meant`,
  );
  Deno.renameSync(join(folder, "model.ema.safetensors.index.json"), join(folder, INDEX));
  writeSafetensors(join(folder, "other.safetensors"), new Map());
  assertEquals(await opened(), join(folder, INDEX));
  writeSafetensors(join(folder, "model.safetensors"), new Map());
  assertEquals(await opened(), join(folder, "model.safetensors"));
  assertEquals(await opened(join(folder, INDEX)), join(folder, INDEX));
});

Deno.test("openAnnotatorFolder() asks which of two sets of shards is meant", async () => {
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  for (const set of ["first", "second"]) {
    const shard = `${set}-00001-of-00001.safetensors`;
    writeSafetensors(join(folder, shard), new Map([["a", { shape: [1], data: Float32Array.of(1) }]]));
    Deno.writeTextFileSync(
      join(folder, `${set}.safetensors.index.json`),
      JSON.stringify({ weight_map: { a: shard } }),
    );
  }
  await assertRejects(
    () => openAnnotatorFolder(folder),
    TypeError,
    "which of first.safetensors.index.json, second.safetensors.index.json is meant? Name the file",
  );
});
