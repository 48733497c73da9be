import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openWeights } from "../../../formats/weights/mod.ts";
import { type PickleContext, readPickle } from "../../../formats/weights/pickle.ts";
import { pickleBudget } from "../../../formats/weights/pickle_budget.ts";
import { pickle } from "./torch_file.ts";
import { withFile } from "./with_file.ts";
import { zipFile } from "./zip_file.ts";

/** `SHORT_BINUNICODE` of a text. */
function unicode(text: string): (string | number)[] {
  return [0x8c, text.length, text];
}

/** Programs that would run a command if Python read them; each leaves a file behind where it ran. */
const marker = "touch executed";
const attacks: Readonly<Record<string, { bytes: Uint8Array<ArrayBuffer>; global: string }>> = {
  "GLOBAL and REDUCE": {
    bytes: pickle(0x80, 2, "cos\nsystem\n", "X", marker.length, 0, 0, 0, marker, 0x85, "R."),
    global: "os.system",
  },
  "STACK_GLOBAL of protocol 4": {
    bytes: pickle(0x80, 4, ...unicode("posix"), ...unicode("system"), 0x93, ...unicode(marker), 0x85, "R."),
    global: "posix.system",
  },
  "a dictionary with eval in it": {
    bytes: pickle(0x80, 2, "}X", 1, 0, 0, 0, "ac__builtin__\neval\n", "X", 1, 0, 0, 0, "1", 0x85, "Rs."),
    global: "__builtin__.eval",
  },
  "an object made by NEWOBJ": {
    bytes: pickle(0x80, 2, "csubprocess\nPopen\n", ")", 0x81, "."),
    global: "subprocess.Popen",
  },
  "a name that JavaScript objects inherit": {
    bytes: pickle(0x80, 2, "cconstructor\nconstructor\n)R."),
    global: "constructor.constructor",
  },
  "a torch function that is not a tensor": {
    bytes: pickle(0x80, 2, "ctorch.hub\nload\n)R."),
    global: "torch.hub.load",
  },
};

for (const [name, { bytes, global }] of Object.entries(attacks)) {
  Deno.test(`openWeights() refuses a pickle with code in it: ${name}`, async () => {
    const message = `pickle refers to ${global}, which is not a tensor`;
    const zip = zipFile({ "archive/data.pkl": bytes, "archive/version": pickle("3\n") });
    for (const content of [bytes, zip]) {
      await withFile("a.pth", content, async (path) => {
        await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": ${message}`);
        await assertRejects(() => Deno.stat(`${path.slice(0, -"a.pth".length)}executed`), Deno.errors.NotFound);
      });
    }
  });
}

Deno.test("openWeights() refuses opcodes without a use in a checkpoint", async () => {
  // INST of protocol 0, which imports and calls in one step.
  await withFile("a.pth", pickle(0x80, 2, "(S'ls'\nios\nsystem\n."), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "its pickle has opcode 0x53 at byte 3");
  });
  await withFile("a.pth", pickle(0x80, 2, "(ios\nsystem\n."), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "its pickle has opcode 0x69 at byte 3");
  });
});

Deno.test("openWeights() refuses a pickle that is not PyTorch's", async () => {
  await withFile("a.pkl", pickle(0x80, 2, "K", 7, "."), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "it is a pickle, but not PyTorch's");
  });
});

Deno.test("openWeights() refuses a tensor that reaches beyond its storage", async () => {
  const storage = [
    "(X",
    7,
    0,
    0,
    0,
    "storagectorch\nFloatStorage\n",
    "X",
    1,
    0,
    0,
    0,
    "0",
    "X",
    3,
    0,
    0,
    0,
    "cpuK",
    2,
    "tQ",
  ];
  const tensor = (size: number) =>
    pickle(
      ...[0x80, 2, "}X", 1, 0, 0, 0, "a", "ctorch._utils\n_rebuild_tensor_v2\n("],
      ...storage,
      ...["K", 1, "K", size, 0x85, "K", 1, 0x85, 0x89, "}tRs."],
    );
  const file = (size: number, bytes: number) =>
    zipFile({ "a/data.pkl": tensor(size), "a/data/0": new Uint8Array(bytes) });
  await withFile("good.pth", file(1, 8), async (path) => {
    const weights = await openWeights(path);
    assertEquals([...await weights.read("a")], [0]);
    weights.close();
  });
  await withFile("a.pth", file(2, 8), async (path) => {
    await assertRejects(
      () => openWeights(path),
      TypeError,
      "a tensor of shape [2] and strides [1] does not fit its 2 elements",
    );
  });
  await withFile("a.pth", file(1, 7), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, `storage "0" has 7 bytes, expected 8`);
  });
});

const context: PickleContext = {
  path: "a.pth",
  budget: pickleBudget("a.pth"),
  global: () => undefined,
  persistent: (identifier) => identifier,
};

Deno.test("readPickle() reads the values of a checkpoint", () => {
  const read = (...parts: (string | number)[]) => readPickle(pickle(...parts), 0, context).value;
  assertEquals(read("N."), null);
  assertEquals(read(0x88, "."), true);
  assertEquals(read("J", 0xfe, 0xff, 0xff, 0xff, "."), -2);
  assertEquals(read("M", 0, 1, "."), 256);
  assertEquals(read(0x8a, 2, 0x00, 0xff, "."), -256);
  assertEquals(read(0x8a, 0, "."), 0);
  assertEquals(read(0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1, "."), 1n << 64n);
  assertEquals(read("G", 0x3f, 0xf8, 0, 0, 0, 0, 0, 0, "."), 1.5);
  assertEquals(read("(K", 1, "K", 2, "t."), [1, 2]);
  assertEquals(read("]q", 0, "(K", 1, "K", 2, "eh", 0, "0."), [1, 2]);
  assertEquals(read("}(U", 1, "aK", 1, "U", 1, "bK", 2, "u."), new Map([["a", 1], ["b", 2]]));
  assertEquals(read(0x8a, 255, ...new Array(254).fill(0), 0x80, "."), -(1n << 2039n));
  assertEquals(read(0x8d, 2, 0, 0, 0, 0, 0, 0, 0, "ab."), "ab");
  assertEquals(read(0x8e, 2, 0, 0, 0, 0, 0, 0, 0, "ab."), new Uint8Array([97, 98]));
  assertEquals(read(0x96, 1, 0, 0, 0, 0, 0, 0, 0, "a."), new Uint8Array([97]));
  assertEquals(read(0x8f, "(K", 1, "K", 2, 0x90, "."), [1, 2]);
  assertEquals(read("(K", 1, 0x91, "."), [1]);
  assertEquals(read("K", 7, "(K", 1, "1."), 7);
});

Deno.test("readPickle() keeps keys that are no texts, and does not hash them", () => {
  const { value } = readPickle(pickle("}(K", 1, "K", 2, "K", 1, "K", 3, "U", 1, "1K", 4, "u."), 0, context);
  assertEquals([...(value as Map<unknown, unknown>)], [
    [{ kind: "key", value: 1 }, 2],
    [{ kind: "key", value: 1 }, 3],
    ["1", 4],
  ]);
});

Deno.test("readPickle() reads memos that start at 1, as those of Python 2, and refuses those out of turn", () => {
  assertEquals(readPickle(pickle("K", 5, "q", 1, "0h", 1, "."), 0, context).value, 5);
  assertThrows(
    () => readPickle(pickle("Nr", 0xff, 0xff, 0xff, 0xff, "."), 0, context),
    TypeError,
    'Cannot read "a.pth": its pickle stores value 4294967295 after 0 others',
  );
});

Deno.test("readPickle() does not let texts that differ become one", () => {
  for (const bytes of [[0xff], [0xfe], [0xed, 0xa0, 0x80], [0xc3]]) {
    assertThrows(
      () => readPickle(pickle("U", bytes.length, ...bytes, "."), 0, context),
      TypeError,
      'Cannot read "a.pth": its pickle has a text at byte 2 that is not UTF-8',
    );
  }
  assertEquals(readPickle(pickle("U", 4, 0xef, 0xbb, 0xbf, "a."), 0, context).value, "\ufeffa");
  const long = "\u00e4".repeat(40);
  assertEquals(readPickle(pickle("U", 80, long, "."), 0, context).value, long);
});

Deno.test("readPickle() reports where the pickle ends", () => {
  assertEquals(readPickle(pickle("N.K", 5, "."), 2, context), { value: 5, end: 5 });
});

Deno.test("readPickle() refuses programs that are damaged", () => {
  const damaged: Record<string, Uint8Array> = {
    "it ends in the middle of its pickle": pickle("X", 9, 0, 0, 0, "ab"),
    "its pickle takes from an empty stack at byte 1": pickle("."),
    "its pickle has no mark for byte 1": pickle("t."),
    "its pickle recalls value 3, which it never stored": pickle("h", 3, "."),
    "its pickle calls a value that cannot be called at byte 3": pickle("N)R."),
    "its pickle sets items of something that is not a dictionary at byte 4": pickle("NNNs."),
    "its pickle has protocol 9, PyTorch writes 2": pickle(0x80, 9, "N."),
  };
  for (const [message, bytes] of Object.entries(damaged)) {
    assertThrows(() => readPickle(bytes, 0, context), TypeError, `Cannot read "a.pth": ${message}`);
  }
});
