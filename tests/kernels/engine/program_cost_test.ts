import { assertEquals } from "@std/assert";
import { type Kernel, listBindings, readOnly, scratch, type StatedBindings } from "../../../kernels/engine/kernel.ts";
import { countProgram } from "../../../kernels/engine/program_cost.ts";
import type { Program } from "../../../kernels/engine/program.ts";

function kernel(code: string, bindings: StatedBindings): Kernel {
  return { name: code, code, bindings: listBindings(bindings), parameters: [], workgroups: [1, 1, 1] };
}

Deno.test("countProgram() counts what each dispatch binds once, by work, and memory as it is laid out", () => {
  const work = { multiplyAdds: 7 };
  const first = kernel("first", { input: readOnly("f32"), weights: readOnly("f32", 64), sums: scratch("f32", 512) });
  const second = kernel("second", { sums: readOnly("f32"), output: "f32" });
  const last = kernel("second", { input: readOnly("f32"), output: "f32" });
  const program: Program = {
    tensors: new Map([["image", 1024], ["middle", 2048], ["end", 256]]),
    constants: new Map([
      ["weights", () => new Float32Array(100)],
      [
        "table",
        Object.assign((): Float32Array<ArrayBuffer> => {
          throw new Error("made");
        }, { bytes: 4000 }),
      ],
    ]),
    states: new Map([["state", 300]]),
    views: new Map([["view", { state: "state", offset: 256, bytes: 40 }]]),
    steps: [
      { kernel: first, bindings: { input: "image", weights: "weights", sums: "sums" }, work },
      { kernel: second, bindings: { sums: "sums", output: "middle" }, work },
      { kernel: last, bindings: { input: "middle", output: "end" } },
      { kernel: last, bindings: { input: "view", output: "end" } },
    ],
  };
  assertEquals(countProgram(program, ["image"]), {
    dispatches: 4,
    kernels: 2,
    works: [
      { multiplyAdds: 7, bytes: 1024 + 64 + 512 + 512 + 2048 },
      { multiplyAdds: 0, bytes: 2048 + 256 },
      { multiplyAdds: 0, bytes: 40 + 256 },
    ],
    // What is alive together: the sums and the middle, then the middle and the end.
    memory: { arena: 2048 + 512, constants: 400 + 4000, states: 300 },
    largest: { name: "table", bytes: 4000 },
  });
});
