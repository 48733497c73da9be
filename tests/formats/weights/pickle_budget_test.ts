import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openWeights, readTorch } from "../../../formats/weights/mod.ts";
import { pickle } from "./torch_file.ts";
import { withFile } from "./with_file.ts";
import { zipFile } from "./zip_file.ts";

type Part = string | number | Uint8Array;

/** A file in the zip container whose pickle is this program; some parts are megabytes. */
function program(...parts: Part[]): Uint8Array<ArrayBuffer> {
  const pieces = [0x80, 2, ...parts].map((part) => part instanceof Uint8Array ? part : pickle(part));
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.length;
  }
  return zipFile({ "a/data.pkl": bytes });
}

/** A part many times. */
function times(count: number, ...parts: (string | number)[]): Uint8Array {
  const part = pickle(...parts);
  const bytes = new Uint8Array(count * part.length);
  for (let index = 0; index < count; index++) bytes.set(part, index * part.length);
  return bytes;
}

/** A list of ten of the list before it, and so on: `value` is remembered as 0, the outermost list as `depth`. */
function laughs(depth: number): Part[] {
  return Array.from({ length: depth }, (_, index) => [`]q`, index + 1, "(", times(10, "h", index), "e"]).flat();
}

const nestedLists: Part[] = ["U\x03lolq", 0, ...laughs(20)];

const TOO_MUCH = "its pickle asks for more than 192 MB of objects beside the tensors";
const NO_NAME = "its pickle refers to something without a name at byte ";

const bombs: Record<string, [bytes: () => Uint8Array<ArrayBuffer>, message: string]> = {
  "nested lists as the name of a module": [() => program(...nestedLists, "U\x01x", 0x93, "."), NO_NAME],
  "nested lists as the name of a function": [() => program("U\x01x", ...nestedLists, 0x93, "."), NO_NAME],
  "a name of megabytes": [() => program("c", times(2_000_000, "a"), "\nb\n."), NO_NAME],
  "nested lists as what is called": [
    () => program(...nestedLists, ")R."),
    "its pickle calls a value that cannot be called at byte ",
  ],
  "nested lists as a text to encode": [
    () => program(...nestedLists, "c_codecs\nencode\nh", 20, "U\x06latin1", 0x86, "R."),
    "pickle encodes something that is not bytes",
  ],
  "nested lists as a storage": [
    () => program(...nestedLists, "Q."),
    "pickle refers to a storage of an unknown kind",
  ],
  "nested lists as an element type": [
    () => program(...nestedLists, "cnumpy\ndtype\nh", 20, 0x85, "R."),
    "pickle describes the elements of an array in an unknown way",
  ],
  "dictionaries of a remembered list": [
    () =>
      program(
        ...["]q", 0, "(", times(50_000, "K\x01K\x02", 0x86), "e"],
        ...["ccollections\nOrderedDict\nq", 1],
        times(3000, "h", 1, "h", 0, 0x85, "R0"),
        ".",
      ),
    TOO_MUCH,
  ],
  "bytes of a remembered text": [
    () =>
      program(
        ...["X", 0x80, 0x84, 0x1e, 0, times(2_000_000, "x"), "q", 0, "U\x06latin1q", 1, "c_codecs\nencode\nq", 2],
        times(3000, "h", 2, "h", 0, "h", 1, 0x86, "R0"),
        ".",
      ),
    TOO_MUCH,
  ],
  "attributes of a remembered dictionary": [
    () =>
      program(
        ...["}q", 0, "(", times(50_000, "K\x01N"), "u0cargparse\nNamespace\nq", 1],
        times(3000, "h", 1, ")Rh", 0, "b0"),
        ".",
      ),
    TOO_MUCH,
  ],
  "dictionaries": [() => program(times(1_000_000, "}"), "."), TOO_MUCH],
  "lists": [() => program(times(1_500_000, "]"), "."), TOO_MUCH],
  "marks": [() => program(times(1_500_000, "("), "."), TOO_MUCH],
  "tuples in tuples": [() => program("N", times(1_500_000, 0x85), "."), TOO_MUCH],
  "calls": [() => program(times(500_000, "ctorch\nSize\n)R"), "."), TOO_MUCH],
  "a text longer than the file": [
    () => program("X", 0xff, 0xff, 0xff, 0xff, "abc."),
    "it ends in the middle of its pickle (a truncated file?)",
  ],
  "bytes longer than memory": [
    () => program(0x8e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, "abc."),
    "it ends in the middle of its pickle (a truncated file?)",
  ],
};

for (const [name, [bytes, message]] of Object.entries(bombs)) {
  Deno.test(`readTorch() refuses a pickle that asks for too much: ${name}`, () => {
    assertThrows(() => readTorch("a.pth", bytes()), TypeError, `Cannot read "a.pth": ${message}`);
  });
}

Deno.test("openWeights() refuses nested lists as a key, and makes no text of them", async () => {
  await withFile("a.pth", program(...nestedLists, `}h`, 20, "Ns."), async (path) => {
    await assertRejects(
      () => openWeights(path),
      TypeError,
      `Cannot read "${path}": it holds no named tensors, only a dictionary whose keys are no texts`,
    );
  });
});

Deno.test("openWeights() ends in a dictionary that holds itself under every key", async () => {
  const keys = ["model", "state_dict", "model_ema", "module", "net"];
  const items = keys.flatMap((key) => ["U", key.length, key, "h", 0]);
  await withFile("a.pth", program("}q", 0, "(", ...items, "u."), async (path) => {
    await assertRejects(
      () => openWeights(path),
      TypeError,
      `Cannot read "${path}": it holds no named tensors, only "model", "state_dict", "model_ema", "module", "net"`,
    );
  });
});

Deno.test("readTorch() reads deep and long values that are no bombs", () => {
  const { value } = readTorch("a.pth", program(times(100_000, "]"), times(99_999, "a"), "."));
  assertEquals(Array.isArray(value), true);
  const { value: list } = readTorch("a.pth", program("](", times(1_000_000, "K\x01"), "e."));
  assertEquals((list as unknown[]).length, 1_000_000);
});
