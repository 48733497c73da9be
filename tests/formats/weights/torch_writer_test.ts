import { assertEquals, assertThrows } from "@std/assert";
import { isTorchTensor, openTorch, readTorch, torchTensorWriter } from "../../../formats/weights/mod.ts";
import { readZipDirectory } from "../../../formats/weights/zip.ts";
import { sourceOfBytes } from "../../../formats/base/byte_source.ts";
import { pythonTest } from "../../python.ts";
import { withFile } from "./with_file.ts";

const values = Float32Array.from([1.5, -0, Infinity, -2.25e-40, 7, 8]);

Deno.test("torchTensorWriter() writes what is read again bit for bit", async () => {
  const bytes = torchTensorWriter([2, 3])(values);
  await withFile("a.pt", bytes, async (path) => {
    const opened = await openTorch(path);
    for (const file of [opened, readTorch(path, bytes)]) {
      if (!isTorchTensor(file.value)) throw new TypeError("expected a tensor");
      assertEquals([file.value.dtype, file.value.shape, file.value.strides], ["F32", [2, 3], [3, 1]]);
      assertEquals(new Uint32Array(file.read(file.value).buffer), new Uint32Array(values.buffer));
    }
    opened.close();
  });
});

Deno.test("torchTensorWriter() puts elements at a multiple of 64 bytes, as PyTorch does for mapping files", () => {
  const bytes = torchTensorWriter([6])(values);
  const entry = readZipDirectory(sourceOfBytes("a.pt", bytes)).get("archive/data/0")!;
  assertEquals([entry.offset % 64, entry.length], [0, 24]);
});

Deno.test("torchTensorWriter() refuses another number of elements", () => {
  const write = torchTensorWriter([2, 3]);
  assertThrows(
    () => write(new Float32Array(5)),
    TypeError,
    "Cannot write a tensor of shape [2, 3]: there are 5 values, expected 6",
  );
});

pythonTest("torch.load() reads what torchTensorWriter() writes", ["torch"], async (run) => {
  await withFile("a.pt", torchTensorWriter([2, 3])(values), async (path) => {
    const program = "import sys, torch; t = torch.load(sys.argv[1], weights_only=True); " +
      "print(t.dtype, list(t.shape), t.contiguous().numpy().tobytes().hex())";
    assertEquals(await run(program, path), `torch.float32 [2, 3] ${new Uint8Array(values.buffer).toHex()}`);
  });
});
