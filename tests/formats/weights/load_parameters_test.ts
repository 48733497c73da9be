import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  averagedWeights,
  loadParameters,
  openParameters,
  openWeights,
  type Weights,
} from "../../../formats/weights/mod.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";

/** Weights in memory. */
function weightsOf(shapes: Record<string, readonly number[]>): Weights {
  const readNow = (name: string) => new Float32Array(shapes[name].reduce((a, b) => a * b, 1)).fill(1);
  return {
    path: "model.safetensors",
    names: Object.keys(shapes),
    shape: (name) => shapes[name],
    dtype: () => "F32",
    read: (name) => Promise.resolve(readNow(name)),
    readNow,
    sha256: () => Promise.resolve(""),
    close: () => {},
  };
}

const shapes = new Map([["conv.weight", [2, 3, 1, 1]], ["bn.weight", [2]], ["bn.bias", [2]]]);
const stored = { "bn.weight": [2], "bn.bias": [2], "conv.weight": [2, 3, 1, 1], "bn.num_batches_tracked": [] };

Deno.test("loadParameters() reads the parameters of a network", async () => {
  const parameters = await loadParameters(shapes, weightsOf(stored));
  assertEquals([...parameters.keys()], [...shapes.keys()]);
  assertEquals(parameters.get("bn.bias"), { shape: [2], data: new Float32Array([1, 1]) });
});

Deno.test("openParameters() reads a parameter whenever it is asked for, and only then", () => {
  const reads: string[] = [];
  const weights = weightsOf(stored);
  const readNow = (name: string) => {
    reads.push(name);
    return weights.readNow(name);
  };
  const parameters = openParameters(shapes, { ...weights, readNow });
  assertEquals([[...parameters.keys()], reads], [[...shapes.keys()], []]);
  const bias = parameters.get("bn.bias")!;
  assertEquals([bias.shape, bias.data, bias.data], [[2], new Float32Array([1, 1]), new Float32Array([1, 1])]);
  assertEquals(reads, ["bn.bias", "bn.bias"]);
});

Deno.test("openParameters() refuses a parameter that is missing at once, and its numbers when they are read", () => {
  const weights = weightsOf(stored);
  assertThrows(() => openParameters(new Map([["fc.weight", [2]]]), weights), TypeError, 'parameter "fc.weight" [2]');
  const parameters = openParameters(shapes, { ...weights, readNow: () => Float32Array.of(1, NaN) });
  assertThrows(
    () => parameters.get("bn.bias")!.data,
    TypeError,
    'Cannot load weights "model.safetensors": tensor "bn.bias" [2] has 1 of 2 values that is not finite, first NaN at 1',
  );
});

Deno.test("openParameters() makes a parameter of one that is stored in another shape", () => {
  const resampled = { pos_embed: ({ data }: { data: Float32Array }) => data.map((value) => value + 1) };
  const parameters = openParameters(new Map([["pos_embed", [1, 2, 1]]]), weightsOf({ pos_embed: [2] }), {
    resampled,
  });
  assertEquals(parameters.get("pos_embed")!.data, Float32Array.of(2, 2));
});

/** A file of a training run: its weights are ones, their averages twos. */
function checkpoint(averages: readonly string[]): Weights {
  const plain = weightsOf({
    ...stored,
    "optimizer.momentum.conv.weight": [2, 3, 1, 1],
    control: [10],
    "progress.epoch": [1],
    ...Object.fromEntries(averages.map((name) => [`average.${name}`, shapes.get(name)!])),
  });
  const read = async (name: string) => (await plain.read(name)).fill(name.startsWith("average.") ? 2 : 1);
  return { ...plain, read };
}

Deno.test("loadParameters() passes over what a training run goes on from", async () => {
  const parameters = await loadParameters(shapes, checkpoint([...shapes.keys()]));
  assertEquals([...parameters.keys()], [...shapes.keys()]);
  assertEquals(parameters.get("bn.bias")!.data, new Float32Array([1, 1]));
});

Deno.test("averagedWeights() shows a training run's averages under the names of the parameters", async () => {
  const parameters = await loadParameters(shapes, averagedWeights(checkpoint([...shapes.keys()])));
  assertEquals(parameters.get("bn.bias"), { shape: [2], data: new Float32Array([2, 2]) });
  await assertRejects(
    () => loadParameters(shapes, averagedWeights(checkpoint(["bn.weight", "conv.weight"]))),
    TypeError,
    'parameter "bn.bias" [2] is missing',
  );
  assertThrows(
    () => averagedWeights(checkpoint([])),
    TypeError,
    'Cannot load weights "model.safetensors": it has no averaged weights',
  );
});

Deno.test("loadParameters() names the file and the parameter that is missing", async () => {
  const { "bn.weight": _, ...rest } = stored;
  await assertRejects(
    () => loadParameters(shapes, weightsOf(rest)),
    TypeError,
    'Cannot load weights "model.safetensors": parameter "bn.weight" [2] is missing',
  );
  await assertRejects(
    () => loadParameters(shapes, weightsOf({})),
    TypeError,
    'Cannot load weights "model.safetensors": parameter "conv.weight" [2, 3, 1, 1] (and 2 more) is missing',
  );
});

Deno.test("loadParameters() says which shape was found and which expected", async () => {
  for (const shape of [[2, 3, 3, 3], [2, 3]]) {
    await assertRejects(
      () => loadParameters(shapes, weightsOf({ ...stored, "conv.weight": shape })),
      TypeError,
      `Cannot load weights "model.safetensors": parameter "conv.weight" has shape [${shape.join(", ")}], ` +
        "expected [2, 3, 1, 1]",
    );
  }
});

Deno.test("loadParameters() makes a parameter of one that is stored in another shape, where the network says how", async () => {
  const double = ({ data }: { data: Float32Array }) => Float32Array.from([...data, ...data]);
  const load = (stored: readonly number[], resample: typeof double) =>
    loadParameters(new Map([["pos_embed", [1, 4, 1]]]), weightsOf({ pos_embed: stored }), {
      resampled: { pos_embed: resample },
    });
  const never = () => {
    throw new Error("it is stored as it is wanted");
  };
  assertEquals((await load([1, 2, 1], double)).get("pos_embed"), {
    shape: [1, 4, 1],
    data: new Float32Array([1, 1, 1, 1]),
  });
  assertEquals((await load([1, 4, 1], never)).get("pos_embed")!.data.length, 4);
  const refuse = () => {
    throw new TypeError("3 positions are no square");
  };
  await assertRejects(
    () => load([1, 3, 1], refuse),
    TypeError,
    'Cannot load weights "model.safetensors": parameter "pos_embed" does not fit: 3 positions are no square',
  );
});

Deno.test("loadParameters() passes over tables that files of a family have, and of no other", async () => {
  const file = weightsOf({ ...stored, "layers.0.blocks.1.attn.relative_position_index": [49, 49], "a.attn_mask": [4] });
  assertEquals((await loadParameters(shapes, file, { architecture: "swin_tiny_patch4_window7_224" })).size, 3);
  for (const architecture of [undefined, "resnet50"]) {
    await assertRejects(
      () => loadParameters(shapes, file, { architecture }),
      TypeError,
      'tensor "layers.0.blocks.1.attn.relative_position_index" [49, 49] (and 1 more) is no parameter of the network',
    );
  }
});

Deno.test("loadParameters() refuses a number that is not finite, names its tensor and counts them", async () => {
  const cases: [string, number[], string][] = [
    [
      "conv.weight",
      [1, 2, NaN, 4, 5, 6],
      '"conv.weight" [2, 3, 1, 1] has 1 of 6 values that is not finite, first NaN at 2',
    ],
    ["bn.bias", [-Infinity, Infinity], '"bn.bias" [2] has 2 of 2 values that are not finite, first -Infinity at 0'],
    ["bn.weight", [0, Infinity], '"bn.weight" [2] has 1 of 2 values that is not finite, first Infinity at 1'],
    ["bn.weight", [3.4e38, -3.4e38], ""],
    ["bn.num_batches_tracked", [NaN], ""],
  ];
  for (const [tensor, values, message] of cases) {
    const weights = weightsOf(stored);
    const read = (name: string) => name === tensor ? Promise.resolve(Float32Array.from(values)) : weights.read(name);
    const load = () => loadParameters(shapes, { ...weights, read });
    if (message === "") assertEquals((await load()).size, 3);
    else await assertRejects(load, TypeError, `Cannot load weights "model.safetensors": tensor ${message}`);
  }
});

Deno.test("loadParameters() refuses a negative variance, whose root is not a number", async () => {
  const weights = weightsOf({ "bn.running_var": [3] });
  const load = (values: number[]) =>
    loadParameters(new Map([["bn.running_var", [3]]]), {
      ...weights,
      read: () => Promise.resolve(Float32Array.from(values)),
    });
  await assertRejects(() => load([1, 0, -0.5]), TypeError, 'tensor "bn.running_var" holds variances, and -0.5 at 2');
  assertEquals((await load([1, 0, -0])).size, 1);
});

Deno.test("loadParameters() refuses the weights of a larger network of equal widths", async () => {
  const b1 = parameterShapes(buildNetwork("efficientnet_b1", { classes: 10 }));
  const b0 = parameterShapes(buildNetwork("efficientnet_b0", { classes: 10 }));
  await assertRejects(
    () => loadParameters(b0, weightsOf(Object.fromEntries(b1))),
    TypeError,
    'tensor "blocks.0.1.conv_dw.weight" [16, 1, 3, 3] (and 127 more) is no parameter of the network',
  );
});

Deno.test("loadParameters() reads the default annotator", async () => {
  const path = new URL("../../../assets/efficientnet_lite0/model.safetensors", import.meta.url).pathname;
  const weights = await openWeights(path);
  const parameters = await loadParameters(
    parameterShapes(buildNetwork("tf_efficientnet_lite0", { classes: 1000 })),
    weights,
  );
  weights.close();
  assertEquals(parameters.get("classifier.weight")!.data.length, 1280 * 1000);
  assertEquals([...parameters.values()].every(({ data }) => data.every(Number.isFinite)), true);
});
