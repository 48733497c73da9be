import { assertEquals, assertRejects } from "@std/assert";
import { openWeights } from "../../../formats/weights/mod.ts";
import { withFile } from "./with_file.ts";

/** A safetensors file of a header (an object, or text as it is) and bytes. */
function safetensors(header: unknown, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

function tensor(dtype: string, shape: unknown, ...data_offsets: unknown[]) {
  return { dtype, shape, data_offsets };
}

Deno.test("openWeights() reads every type of a safetensors file", async () => {
  const data = new Uint8Array(48);
  const view = new DataView(data.buffer);
  view.setFloat64(0, 0.5, true);
  view.setFloat32(8, -2.5, true);
  view.setFloat32(12, 3, true);
  view.setUint16(16, 0x3e00, true); // 1.5 in half precision
  view.setUint16(18, 0xc040, true); // -3 in bfloat16
  view.setInt32(20, -7, true);
  view.setBigInt64(24, -9n, true);
  data[32] = 255;
  const header = {
    __metadata__: { format: "pt" },
    f64: tensor("F64", [1], 0, 8),
    f32: tensor("F32", [2, 1], 8, 16),
    f16: tensor("F16", [], 16, 18),
    bf16: tensor("BF16", [1], 18, 20),
    i32: tensor("I32", [1], 20, 24),
    i64: tensor("I64", [1], 24, 32),
    u8: tensor("U8", [1], 32, 33),
    empty: tensor("F32", [0, 3], 33, 33),
    rest: tensor("F8_E4M3", [15], 33, 48),
  };
  await withFile("a.safetensors", safetensors(header, data), async (path) => {
    const weights = await openWeights(path);
    const read = async (name: string) => [...await weights.read(name)];
    assertEquals(await read("f64"), [0.5]);
    assertEquals(await read("f32"), [-2.5, 3]);
    assertEquals(await read("f16"), [1.5]);
    assertEquals(await read("bf16"), [-3]);
    assertEquals(await read("i32"), [-7]);
    assertEquals(await read("i64"), [-9]);
    assertEquals(await read("u8"), [255]);
    assertEquals(await read("empty"), []);
    assertEquals(weights.shape("f32"), [2, 1]);
    assertEquals(weights.dtype("bf16"), "BF16");
    assertEquals(weights.names.includes("__metadata__"), false);
    await assertRejects(() => weights.read("rest"), TypeError, `Cannot read "${path}": tensor "rest" is F8_E4M3`);
    await assertRejects(() => weights.read("none"), RangeError, `Cannot read "${path}": it has no tensor "none"`);
    weights.close();
  });
});

Deno.test("openWeights() reads every float16 as the number that it is", async () => {
  const bits = Uint16Array.from({ length: 2 ** 16 }, (_, index) => index);
  const header = { all: tensor("F16", [bits.length], 0, bits.byteLength) };
  await withFile("a.safetensors", safetensors(header, new Uint8Array(bits.buffer)), async (path) => {
    const weights = await openWeights(path);
    assertEquals(await weights.read("all"), Float32Array.from(new Float16Array(bits.buffer)));
    weights.close();
  });
});

Deno.test("openWeights() computes the hash of the file", async () => {
  await withFile("a.safetensors", safetensors({}, new Uint8Array(0)), async (path) => {
    const weights = await openWeights(path);
    const expected = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
    assertEquals(await weights.sha256(), new Uint8Array(expected).toHex());
    weights.close();
  });
});

const good = tensor("F32", [2], 0, 8);
const wrong: Record<string, [header: unknown, bytes: number]> = {
  "is said to have": ['{"a"', 0],
  "its safetensors header is not JSON": ['{"a":', 8],
  "inside the tensor before it, which ends at": [
    { a: good, b: tensor("F32", [1], 4, 8) },
    8,
  ],
  "a gap after": [{ a: good, b: tensor("F32", [1], 12, 16) }, 16],
  "its header describes 8 bytes of tensors, the file holds 7 (a truncated file?)": [{ a: good }, 7],
  "its header describes 8 bytes of tensors, the file holds 9": [{ a: good }, 9],
  'tensor "a" is F32 [3], 12 bytes, but has 8': [{ a: tensor("F32", [3], 0, 8) }, 8],
  'tensor "a" has unknown type "X9"': [{ a: tensor("X9", [1], 0, 8) }, 8],
  'tensor "a" has unknown type "constructor"': [{ a: tensor("constructor", [1], 0, 8) }, 8],
  'tensor "a" is described as {"dtype":"F32","shape":[-1],"data_offsets":[0,8]}': [
    { a: tensor("F32", [-1], 0, 8) },
    8,
  ],
  'tensor "a" is described as {"dtype":"F32","shape":[2],"data_offsets":[0]}': [{ a: tensor("F32", [2], 0) }, 8],
  'tensor "a" is described as null': [{ a: null }, 0],
  'tensor "a" is described as {"dtype":"F32","shape":[4294967296,4294967296,0.5]': [
    { a: tensor("F32", [2 ** 32, 2 ** 32, 0.5], 0, 8) },
    8,
  ],
  'tensor "a" is described as {"dtype":"F32","shape":[9007199254740991,': [
    { a: tensor("F32", new Array(30).fill(Number.MAX_SAFE_INTEGER), 0, 8) },
    8,
  ],
  'tensor "a" is described as {"dtype":"F32","shape":[1,1,1,': [{ a: tensor("F32", new Array(65).fill(1), 0, 4) }, 4],
  'tensor "a" is described as {"dtype":"F32","shape":[2],"data_offsets":[-8,0]}': [
    { a: tensor("F32", [2], -8, 0) },
    8,
  ],
  'tensor "a" is F32 [2], 8 bytes, but has -8': [{ a: tensor("F32", [2], 8, 0) }, 8],
  'its safetensors header has "a" twice': [
    '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0061" :{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
    8,
  ],
  'its safetensors header has "shape" twice': [
    '{"a":{"dtype":"F32","shape":[2],"shape":[1],"data_offsets":[0,4]}}',
    4,
  ],
  'its safetensors header has "format" twice': ['{"__metadata__":{"format":"pt","format":"np"}}', 0],
  "its safetensors header has values more than 3 deep": [`{"a":${"[".repeat(100_000)}${"]".repeat(100_000)}}`, 0],
  "its safetensors header has more than 300000 names, lists and objects": [`{"a":[${"[],".repeat(300_000)}[]]}`, 0],
};

for (const [message, [header, bytes]] of Object.entries(wrong)) {
  Deno.test(`openWeights() refuses a safetensors file: ${message}`, async () => {
    const content = safetensors(header, new Uint8Array(bytes));
    if (message === "is said to have") content[0] = 200;
    await withFile("a.safetensors", content, async (path) => {
      const error = await assertRejects(() => openWeights(path), TypeError, message);
      assertEquals(error.message.startsWith(`Cannot read "${path}": `), true);
    });
  });
}

Deno.test("openWeights() does not read a safetensors header of many megabytes", async () => {
  const content = safetensors(`{${" ".repeat(25_000_000)}}`, new Uint8Array(0));
  await withFile("a.safetensors", content, async (path) => {
    await assertRejects(
      () => openWeights(path),
      TypeError,
      `Cannot read "${path}": its safetensors header is said to have 25000002 bytes, at most 25000000 are read`,
    );
  });
});

Deno.test("openWeights() reads names that JSON writes in several ways, and texts that look like its signs", async () => {
  const header =
    '{"__metadata__":{"note":"a \\"b\\": [[[[ {{{{"} , "\\u00e4":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}';
  await withFile("a.safetensors", safetensors(header, new Uint8Array(4)), async (path) => {
    const weights = await openWeights(path);
    assertEquals(weights.names, ["\u00e4"]);
    weights.close();
  });
});

Deno.test("openWeights() refuses a safetensors file cut at any place", async () => {
  const bytes = safetensors({ a: good, b: tensor("F32", [1], 8, 12) }, new Uint8Array(12));
  for (let length = 0; length < bytes.length; length++) {
    await withFile("a.safetensors", bytes.subarray(0, length), async (path) => {
      await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": `);
    });
  }
});

const others: Record<string, [content: Uint8Array | string, message: string]> = {
  "an empty file": ["", "it is empty"],
  "a text": ["Not found, sorry\n", "it is text, expected safetensors or a PyTorch checkpoint"],
  "a Git LFS pointer": ["version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "it is a Git LFS pointer"],
  "a photograph": [
    new Uint8Array([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49]),
    "it starts with the bytes ff d8 ff e0 00 10 4a 46, expected safetensors or a PyTorch checkpoint",
  ],
};

for (const [name, [content, message]] of Object.entries(others)) {
  Deno.test(`openWeights() refuses ${name}`, async () => {
    await withFile("model.safetensors", content, async (path) => {
      await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": ${message}`);
    });
  });
}

Deno.test("openWeights() refuses a folder and a file that is not there", async () => {
  const folder = await Deno.makeTempDir();
  await assertRejects(() => openWeights(folder), TypeError, `Cannot read "${folder}": it is a folder`);
  await assertRejects(
    () => openWeights(`${folder}/a.pth`),
    Deno.errors.NotFound,
    `Cannot read "${folder}/a.pth": there is no such file`,
  );
  await Deno.remove(folder);
});
