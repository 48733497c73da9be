import { assertMatch } from "@std/assert";

Deno.test("VK_DRIVER_FILES makes SwiftShader the adapter that the kernel tests will run on", async () => {
  const adapter = await navigator.gpu.requestAdapter();
  assertMatch(adapter?.info.description ?? "no adapter", /^SwiftShader/);
});
