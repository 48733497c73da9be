import { assertMatch } from "@std/assert";

Deno.test("the kernel tests that run beside this one run on SwiftShader", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  assertMatch(adapter?.info.description ?? "no adapter", /^SwiftShader/);
});
