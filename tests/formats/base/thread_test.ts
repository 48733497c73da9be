import { assertEquals, assertRejects } from "@std/assert";
import { lazyThread } from "../../../formats/base/thread.ts";
import type { TestFunctions } from "./thread_script.ts";

const SCRIPT = new URL("./thread_script.ts", import.meta.url);

Deno.test("lazyThread() answers each call with its own result, arrays and all", async () => {
  const call = lazyThread<TestFunctions>(SCRIPT, "Cannot count");
  const sums = await Promise.all(Array.from({ length: 50 }, (_, last) => call("sum", [1, last])));
  assertEquals(sums, Array.from({ length: 50 }, (_, last) => 1 + last));
  const { whole, parts } = await call("arrays", 5);
  assertEquals([whole, parts[0].bytes], [new Float32Array(5).fill(3), new Uint8Array(5)]);
});

Deno.test("errors of a thread keep class, message and the system's code", async () => {
  const call = lazyThread<TestFunctions>(SCRIPT, "Cannot count");
  await assertRejects(() => call("refuse", "TypeError"), TypeError, "It is a TypeError");
  await assertRejects(() => call("refuse", "RangeError"), RangeError, "It is a RangeError");
  await assertRejects(() => call("refuse", "Error"), Error, "It is a Error");
  const error = await assertRejects(() => call("open", "/nowhere/at/all"), Deno.errors.NotFound, "No such file");
  assertEquals((error as { code?: string }).code, "ENOENT");
  assertEquals(await call("sum", [1, 2]), 3);
});

Deno.test("calls of a thread that stops are rejected, and the next one starts another", async () => {
  const call = lazyThread<TestFunctions>(SCRIPT, "Cannot count");
  const [stopped, waiting] = [call("stop"), call("sum", [1])];
  await stopped;
  await assertRejects(() => waiting, Error, "Cannot count: its thread stopped (Enough)");
  assertEquals(await call("sum", [2, 2]), 4);
});

Deno.test("a thread that cannot start rejects its calls", async () => {
  const call = lazyThread<TestFunctions>(new URL("./no_such_script.ts", import.meta.url), "Cannot count");
  for (let time = 0; time < 2; time++) {
    await assertRejects(() => call("sum", []), Error, "Cannot count: its thread stopped (");
  }
});
