import { assertEquals, assertMatch } from "@std/assert";
import {
  declarations,
  listBindings,
  readOnly,
  scratch,
  texture,
  uniformWindow,
} from "../../../kernels/engine/kernel.ts";

const STATED = {
  weights: uniformWindow(512),
  input: texture("f16"),
  partial: scratch("vec4<f32>", 64),
  bias: readOnly("vec4<f32>"),
  output: "vec4<f16>",
};

Deno.test("listBindings() numbers buffers before textures and these before windows, each as they are stated", () => {
  assertEquals(listBindings(STATED), [
    { kind: "scratch", name: "partial", element: "vec4<f32>", bytes: 64 },
    { kind: "storage", name: "bias", element: "vec4<f32>", access: "read", offset: 0 },
    { kind: "storage", name: "output", element: "vec4<f16>", access: "read_write", offset: 0 },
    { kind: "texture", name: "input", format: "rgba16float" },
    { kind: "window", name: "weights", offset: 512 },
  ]);
});

Deno.test("declarations() declares what listBindings() lists under the same numbers, and then the uniform block", () => {
  const text = declarations(STATED, [{ name: "items", type: "u32", value: 3 }]);
  assertMatch(text, /^enable f16;$/m);
  const declared = Array.from(
    text.matchAll(/@group\(0\) @binding\((\d+)\) var(?:<(.*?)>)? (\w+):/g),
    ([, number, space, name]) => [Number(number), space, name],
  );
  assertEquals(declared, [
    [0, "storage, read_write", "partial"],
    [1, "storage, read", "bias"],
    [2, "storage, read_write", "output"],
    [3, undefined, "input"],
    [4, "uniform", "weights"],
    [5, "uniform", "parameters"],
  ]);
});
