import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { runCampaign } from "./campaign.ts";

Deno.test("runCampaign() sees hangs, crashes, silence, memory and defects, and goes on behind each", async () => {
  const worker = new URL("faulty_worker.ts", import.meta.url);
  const { failures, ...counts } = await runCampaign("parquet", { seed: 0, count: 9, worker });
  assertEquals(counts, { equal: 0, changed: 0, refused: 3, hangs: 1, peak: 2 ** 31, asked: 2 ** 32 });
  assertEquals(failures.map(({ seed }) => seed), [1, 2, 3, 4, 5, 6]);
  assertEquals(failures.map(({ what }) => what.replace(/: $/, "")), [
    "takes more than 5000 ms",
    "its process ends with SIGKILL",
    "its process ends with code 0",
    "asks for 4096 MB: a change",
    "takes 2048 MB: a change",
    "a message: a change",
  ]);
});

Deno.test("runCampaign() says that a worker cannot start", async () => {
  const worker = new URL("nowhere.ts", import.meta.url);
  const error = await assertRejects(() => runCampaign("parquet", { seed: 0, count: 1, worker }), Error);
  assertStringIncludes(error.message, "Cannot fuzz parquet: its process ends with code 1: ");
});
