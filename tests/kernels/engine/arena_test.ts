import { assert, assertEquals } from "@std/assert";
import { layOut, type Lifetime } from "../../../kernels/engine/arena.ts";
import { randomValues } from "../tensors.ts";

Deno.test("layOut() lets tensors share memory that are not alive together", () => {
  const { offsets, bytes } = layOut(
    new Map([
      ["a", { bytes: 256, first: 0, last: 1 }],
      ["b", { bytes: 256, first: 1, last: 2 }],
      ["c", { bytes: 256, first: 2, last: 3 }],
    ]),
    256,
  );
  assertEquals(bytes, 512);
  assertEquals(offsets.get("a"), offsets.get("c"));
});

Deno.test("layOut() never overlaps tensors that are alive together, and aligns every offset", () => {
  const numbers = randomValues(600, 5).map((value) => Math.floor((value + 1) * 500));
  const tensors = new Map<string, Lifetime>();
  for (let index = 0; index < 200; index++) {
    const [bytes, first, length] = numbers.slice(index * 3, index * 3 + 3);
    tensors.set(`${index}`, { bytes: bytes + 1, first, last: first + length % 40 });
  }
  const { offsets, bytes } = layOut(tensors, 32);
  const all = [...tensors].map(([name, tensor]) => ({ name, ...tensor, offset: offsets.get(name)! }));
  for (const a of all) {
    assertEquals(a.offset % 32, 0);
    assert(a.offset + a.bytes <= bytes);
    for (const b of all) {
      if (a.name >= b.name || a.first > b.last || b.first > a.last) continue;
      assert(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset, `${a.name} and ${b.name} overlap`);
    }
  }
});
