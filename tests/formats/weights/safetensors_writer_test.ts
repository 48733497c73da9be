import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { openBytes } from "../../../formats/base/byte_source.ts";
import { readSafetensors } from "../../../formats/weights/safetensors.ts";
import { writeSafetensors } from "../../../formats/weights/safetensors_writer.ts";
import { pythonTest } from "../../python.ts";

const TENSORS = new Map([
  ["conv1.weight", { shape: [2, 1, 3, 1], data: Float32Array.of(1, -2.5, 3e-8, 4, 5, -0) }],
  ["fc.bias", { shape: [1], data: Float32Array.of(Infinity) }],
  ["empty", { shape: [0, 4], data: new Float32Array() }],
  ["scalar", { shape: [], data: Float32Array.of(7) }],
]);

Deno.test("writeSafetensors() writes what readSafetensors() reads, metadata included", async () => {
  const path = join(Deno.makeTempDirSync(), "a.safetensors");
  writeSafetensors(path, new Map([["old", { shape: [1], data: Float32Array.of(1) }]]));
  writeSafetensors(path, TENSORS, { epoch: "3", name: 'é "quoted"' });
  assertEquals([...Deno.readDirSync(join(path, ".."))].map(({ name }) => name), ["a.safetensors"]);
  const file = readSafetensors(await openBytes(path));
  assertEquals(file.metadata, { epoch: "3", name: 'é "quoted"' });
  assertEquals(new Set(file.names), new Set(TENSORS.keys()));
  for (const [name, { shape, data }] of TENSORS) {
    assertEquals(file.shape(name), shape);
    assertEquals(new Uint32Array((await file.read(name)).buffer), new Uint32Array(data.buffer));
  }
  file.close();
});

Deno.test("writeSafetensors() keeps every bit, those of numbers that float32 has none for included", async () => {
  const path = join(Deno.makeTempDirSync(), "a.safetensors");
  const words = Uint32Array.of(0, 1, 0x7fc00001, 0xffffffff, 65536);
  writeSafetensors(path, new Map([["control", { shape: [5], data: new Float32Array(words.buffer) }]]));
  const file = readSafetensors(await openBytes(path));
  assertEquals(new Uint32Array((await file.read("control")).buffer), words);
  file.close();
});

Deno.test("writeSafetensors() refuses a tensor that is not of its shape, and keeps the old file", () => {
  const path = join(Deno.makeTempDirSync(), "a.safetensors");
  Deno.writeTextFileSync(path, "old");
  assertThrows(
    () => writeSafetensors(path, new Map([["w", { shape: [2, 3], data: new Float32Array(5) }]])),
    TypeError,
    `Cannot write "${path}": tensor "w" has 5 elements, its shape is [2, 3]`,
  );
  assertEquals(Deno.readTextFileSync(path), "old");
});

pythonTest("the safetensors package opens what writeSafetensors() writes", ["safetensors", "numpy"], async (run) => {
  const path = join(Deno.makeTempDirSync(), "a.safetensors");
  writeSafetensors(path, TENSORS, { epoch: "3" });
  const out = await run(
    `
import sys, json
from safetensors import safe_open
with safe_open(sys.argv[1], "np") as f:
    print(json.dumps([f.metadata(), {n: [list(f.get_tensor(n).shape), [str(v) for v in f.get_tensor(n).ravel()]] for n in sorted(f.keys())}]))
`,
    path,
  );
  assertEquals(JSON.parse(out), [{ epoch: "3" }, {
    "conv1.weight": [[2, 1, 3, 1], ["1.0", "-2.5", "3e-08", "4.0", "5.0", "-0.0"]],
    empty: [[0, 4], []],
    "fc.bias": [[1], ["inf"]],
    scalar: [[], ["7.0"]],
  }]);
});
