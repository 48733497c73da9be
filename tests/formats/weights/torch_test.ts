import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { isTorchTensor, openTorch, openWeights, type TorchTensor } from "../../../formats/weights/mod.ts";
import { withFile } from "./with_file.ts";

const fixtures = new URL("./fixtures/", import.meta.url).pathname;
const models = new URL("../../fixtures/models/", import.meta.url).pathname;

for (const container of ["zip", "stream"]) {
  Deno.test(`openWeights() reads every type and stride of a PyTorch ${container} file`, async () => {
    const weights = await openWeights(`${fixtures}tensors.${container}.pt`);
    const read = async (name: string) => [weights.dtype(name), weights.shape(name), [...await weights.read(name)]];
    try {
      assertEquals(await read("transposed"), ["F32", [2, 3], [0, 6, 12, 1, 7, 13]]);
      assertEquals(await read("sliced"), ["F32", [3], [2, 4, 6]]);
      assertEquals(await read("expanded"), ["F32", [3], [5, 5, 5]]);
      assertEquals(await read("shared"), ["F32", [4], [20, 21, 22, 23]]);
      assertEquals(await read("scalar"), ["F32", [], [7]]);
      assertEquals(await read("empty"), ["F32", [0, 3], []]);
      assertEquals(await read("half"), ["F16", [3], [1.5, -65504, 2 ** -24]]);
      assertEquals(await read("bfloat16"), ["BF16", [2], [1.5, -(2 ** 100)]]);
      assertEquals(await read("double"), ["F64", [2], [Math.fround(0.1), -Infinity]]);
      assertEquals(await read("long"), ["I64", [2], [3, -4]]);
      assertEquals(await read("byte"), ["U8", [2], [0, 255]]);
      assertEquals(await read("bool"), ["BOOL", [2], [1, 0]]);
      assertEquals(await read("parameter"), ["F32", [1], [0.5]]);
      assertEquals(weights.names.length, 13);
    } finally {
      weights.close();
    }
  });
}

for (const name of ["resnet_basic.pth", "resnet_basic.checkpoint.pth.tar"]) {
  Deno.test(`openWeights() reads from ${name} what safetensors holds`, async () => {
    const torch = await openWeights(models + name);
    const safetensors = await openWeights(`${models}resnet_basic.safetensors`);
    try {
      const names = torch.names.filter((name) => !name.endsWith(".num_batches_tracked"));
      assertEquals(names.toSorted(), safetensors.names.toSorted());
      for (const name of names) {
        assertEquals(torch.shape(name), safetensors.shape(name));
        assertEquals(await torch.read(name), await safetensors.read(name));
      }
    } finally {
      torch.close();
      safetensors.close();
    }
  });
}

Deno.test("openWeights() takes a training checkpoint's averaged weights, without the prefix of a wrapper", async () => {
  const weights = await openWeights(`${fixtures}checkpoint.pth.tar`);
  try {
    assertEquals(weights.names, ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]);
    const [first] = await weights.read("running_mean");
    assertAlmostEquals(first, 1.1, 1e-6); // the mean of ones with momentum 0.1, plus 1
  } finally {
    weights.close();
  }
});

Deno.test("openTorch() reads a file that is a single tensor", async () => {
  const file = await openTorch(`${fixtures}single.stream.pt`);
  try {
    assertEquals(isTorchTensor(file.value), true);
    const tensor = file.value as TorchTensor;
    assertEquals(tensor.shape, [2, 3]);
    assertEquals([...file.read(tensor)], [0, 1, 2, 3, 4, 5]);
  } finally {
    file.close();
  }
});

Deno.test("openWeights() refuses a file that is a single tensor", async () => {
  await assertRejects(
    () => openWeights(`${fixtures}single.stream.pt`),
    TypeError,
    "it holds a single tensor, expected named tensors",
  );
});

for (const name of ["tensors.zip.pt", "tensors.stream.pt"]) {
  Deno.test(`openWeights() refuses ${name} cut at any place`, async () => {
    const bytes = await Deno.readFile(fixtures + name);
    for (let length = 16; length < bytes.length; length += 97) {
      await withFile("cut.pth", bytes.subarray(0, length), async (path) => {
        await assertRejects(() => openWeights(path), TypeError, `Cannot read "${path}": `);
      });
    }
  });
}

Deno.test("openWeights() refuses a PyTorch stream file that has bytes too many", async () => {
  const bytes = await Deno.readFile(`${fixtures}tensors.stream.pt`);
  for (const position of [bytes.length, bytes.length - 5]) {
    const longer = Uint8Array.from([...bytes.subarray(0, position), 0, ...bytes.subarray(position)]);
    await withFile("a.pth", longer, async (path) => {
      await assertRejects(
        () => openWeights(path),
        TypeError,
        `Cannot read "${path}": its storages end at byte ${bytes.length}, the file at ${bytes.length + 1}`,
      );
    });
  }
});

Deno.test("openWeights() says that a cut PyTorch file may be truncated", async () => {
  const bytes = await Deno.readFile(`${models}resnet_basic.pth`);
  await withFile("a.pth", bytes.subarray(0, bytes.length / 2), async (path) => {
    await assertRejects(
      () => openWeights(path),
      TypeError,
      "it starts as a zip file but has no directory (a truncated file?)",
    );
  });
});

Deno.test("openTorch() refuses a zip file of PyTorch whose bytes are not those of its checksums", async () => {
  const published = new URL("../../fixtures/published/n01440764/n01440764_10026.pt", import.meta.url);
  const whole = await Deno.readFile(published);
  // In the elements of its tensor, and in its pickle.
  for (const [position, entry] of [[2000, "data/0"], [110, "n01440764_10026/data.pkl"]] as const) {
    const damaged = whole.slice();
    damaged[position] ^= 1;
    await withFile("a.pt", damaged, async (path) => {
      await assertRejects(
        async () => {
          const file = await openTorch(path);
          try {
            file.read(file.value as TorchTensor);
          } finally {
            file.close();
          }
        },
        TypeError,
        `Cannot read "${path}": entry "${entry}" is not as its checksum says`,
      );
    });
  }
});

Deno.test("openTorch() refuses a tensor that repeats a few stored elements beyond all memory", async () => {
  const bytes = await Deno.readFile(`${fixtures}tensors.stream.pt`);
  // BININT1 of the stored offset 5 and of the shape [3] of the expanded tensor, whose stride is 0.
  const at = bytes.findIndex((_, index) => [0x4b, 5, 0x4b, 3, 0x85].every((byte, k) => bytes[index + k] === byte));
  assert(at > 0);
  const changed = [...bytes.subarray(0, at + 2), 0x4a, 0xff, 0xff, 0xff, 0x7f, ...bytes.subarray(at + 4)];
  await withFile("a.pt", Uint8Array.from(changed), async (path) => {
    await assertRejects(
      () => openTorch(path),
      TypeError,
      `Cannot read "${path}": a tensor of shape [2147483647] repeats its 24 elements`,
    );
  });
});
