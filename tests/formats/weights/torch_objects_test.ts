import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  isNumpyArray,
  isTorchTensor,
  isUnread,
  numpyValues,
  openWeights,
  type PickleValue,
  readTorch,
  type TorchTensor,
} from "../../../formats/weights/mod.ts";
import { pickle } from "./torch_file.ts";
import { withFile } from "./with_file.ts";
import { zipFile } from "./zip_file.ts";

const fixtures = new URL("./fixtures/", import.meta.url).pathname;

for (const container of ["zip", "stream", "protocol4", "protocol5"]) {
  const name = `beside.${container}.pth`;

  Deno.test(`openWeights() reads the weights of ${name}, whatever stands beside them`, async () => {
    const weights = await openWeights(fixtures + name);
    try {
      assertEquals(weights.names, ["weight", "bias"]);
      assertEquals([weights.shape("weight"), weights.shape("bias")], [[3, 2], [3]]);
      for (const name of weights.names) assert((await weights.read(name)).every((value) => Math.abs(value) < 1));
    } finally {
      weights.close();
    }
  });

  Deno.test(`readTorch() reads as data all that stands beside the weights in ${name}`, () => {
    const { value, read } = readTorch(name, Deno.readFileSync(fixtures + name));
    const beside = value as Map<string, PickleValue>;
    const list = (key: string) => beside.get(key) as PickleValue[];
    const kinds = (key: string) => list(key).map(describe);

    const schedule = beside.get("lr_scheduler") as Map<string, PickleValue>;
    assertEquals([...schedule.get("milestones") as Map<PickleValue, number>], [
      [{ kind: "key", value: 3 }, 1],
      [{ kind: "key", value: 6 }, 1],
    ]);
    assertEquals(beside.get("counter"), new Map([["a", 2], ["b", 1], ["c", 1]]));
    assertEquals(beside.get("default"), new Map([["a", [1]]]));
    assertEquals(beside.get("size"), [2, 3]);
    assertEquals(kinds("device"), ["device", "device"]);
    assertEquals(kinds("dtype")[0], "torch.float32");
    assertEquals(list("layout"), ["torch.strided", "torch.sparse_coo"]);
    assertEquals(list("set").map((items) => (items as PickleValue[]).length), [2, 1]);
    assertEquals(list("bytes").map((bytes) => [...bytes as Uint8Array]), [[97, 255], [], [97, 255], []]);
    assertEquals(describe(beside.get("complex")!), "complex");

    const scalars = list("scalars");
    assertEquals(scalars.filter(isNumpyArray).map((scalar) => [...numpyValues(scalar)]), [[76.5], [1.5], [3], [1]]);
    assertEquals(kinds("scalars").slice(4), ['an array of "U4"', 'an array of "c8"']);
    const [plain, ...others] = list("arrays");
    if (!isNumpyArray(plain)) throw new TypeError("expected an array");
    assertEquals([plain.shape, ...numpyValues(plain)], [[2, 3], 1, 1, 1, 1, 1, 1]);
    assertEquals(others.map(describe), [
      "an array in Fortran's order",
      'an array of byte order ">"',
      'an array of "U2"',
      'an array of "u2"',
      "array",
      'an array of "O8"',
    ]);

    for (const tensor of list("parameters")) assertEquals([...read(tensor as TorchTensor)], [1, 1]);
    const types = list("types") as TorchTensor[];
    assertEquals(types.map(({ dtype, shape }) => [dtype, shape]), [
      ["U16", [2]],
      ["U64", [2]],
      ["C64", [2]],
      ["F8_E4M3", [2]],
    ]);
    assertThrows(() => read(types[0]), TypeError, `Cannot read "${name}": a tensor of it has elements of type U16`);
    assertEquals(["negated", "quantised", "sparse", "meta"].map((key) => describe(beside.get(key)!)), [
      "a tensor that is stored negated or conjugated",
      "a quantised tensor",
      "a sparse tensor",
      "a tensor without elements (device meta)",
    ]);
    assertEquals(list("large"), [2 ** 40, 2n ** 70n, -(2n ** 70n), NaN, Infinity]);
  });
}

/** The kind of an object, the name of a class, or what is wrong with a tensor or an array. */
function describe(value: PickleValue): string {
  if (isUnread(value)) return value.what;
  if (typeof value === "object" && value !== null && "kind" in value) return "name" in value ? value.name : value.kind;
  return typeof value;
}

Deno.test("openWeights() takes the average of a checkpoint of torchvision's, and says so", async () => {
  const weights = await openWeights(`${fixtures}averaged.pth`);
  const [trained] = await readTrained("averaged.pth");
  try {
    assertEquals(weights.names, ["weight", "bias"]);
    const [average] = await weights.read("weight");
    assert(Math.abs(average - trained - 1) < 1e-6, `${average} is the average of ${trained}`);
    assertEquals(weights.choice, `Of "${weights.path}", the average under "model_ema" is used, not "model"`);
  } finally {
    weights.close();
  }
});

async function readTrained(name: string): Promise<Float32Array> {
  const { value, read } = readTorch(name, await Deno.readFile(fixtures + name));
  const model = (value as Map<string, Map<string, TorchTensor>>).get("model")!;
  return read(model.get("weight")!);
}

const unreadable: Record<string, string> = {
  "a quantised tensor": "_rebuild_qtensor",
  "a sparse tensor": "_rebuild_sparse_tensor",
  "a tensor without elements (device meta)": "_rebuild_meta_tensor_no_storage",
  "a tensor of a class of its own": "_rebuild_wrapper_subclass",
};

for (const [what, rebuild] of Object.entries(unreadable)) {
  Deno.test(`openWeights() refuses weights of which one is ${what}, by its name`, async () => {
    const tensor = (key: string) => [
      "ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x01",
      key,
      "U\x03cpuK",
      ...[1, "tQK", 0, "K", 1, 0x85, "K", 1, 0x85, 0x89, "}tR"],
    ];
    const bytes = zipFile({
      "a/data.pkl": pickle(0x80, 2, "}(U\x04good", ...tensor("0"), "U\x03bad", `ctorch._utils\n${rebuild}\n)Ru.`),
      "a/data/0": new Uint8Array(4),
    });
    await withFile("a.pth", bytes, async (path) => {
      await assertRejects(
        () => openWeights(path),
        TypeError,
        `Cannot read "${path}": "bad" is ${what}, which cannot be used`,
      );
    });
  });
}

/** A file whose pickle is this program. */
function program(...parts: (string | number)[]): Uint8Array<ArrayBuffer> {
  return zipFile({ "a/data.pkl": pickle(0x80, 2, ...parts) });
}

Deno.test("readTorch() refuses calls with what they cannot make anything of", () => {
  const cases: Record<string, Uint8Array<ArrayBuffer>> = {
    "pickle makes a dictionary of something else": program("ccollections\nCounter\nK", 5, 0x85, "R."),
    "pickle makes a set of something else": program("c__builtin__\nset\nK", 5, 0x85, "R."),
    "pickle encodes something that is not bytes": program("c__builtin__\nbytearray\nJ", 255, 255, 255, 127, 0x85, "R."),
    "pickle makes a bool of something else": program("c__builtin__\nbool\n]", 0x85, "R."),
    "pickle describes a tensor in an unknown way": program(
      "ctorch._tensor\n_rebuild_from_type_v2\nq",
      0,
      "(h",
      0,
      "ctorch\nTensor\n)}tR.",
    ),
    "its pickle calls a value that cannot be called": program("ctorch\nfloat32\n)R."),
    "pickle refers to a storage of an unknown kind": program("(U\x07storagectorch\nfloat32\nU\x010U\x03cpuK\x01tQ."),
    "pickle refers to torch.float31, which is not a tensor": program("ctorch\nfloat31\n."),
    "pickle refers to builtins.getattr, which is not a tensor": program("cbuiltins\ngetattr\n."),
  };
  for (const [message, bytes] of Object.entries(cases)) {
    assertThrows(() => readTorch("a.pth", bytes), TypeError, `Cannot read "a.pth": ${message}`);
  }
});

Deno.test("readTorch() tells a tensor on this machine from other values", () => {
  const { value } = readTorch("a.pth", program("ctorch\nTensor\n."));
  assertEquals(isTorchTensor(value), false);
});
