import { assertEquals } from "@std/assert";
import { runCampaign } from "./campaign.ts";
import { formats } from "./targets/mod.ts";

/** Mutations of each format; `deno task fuzz` runs more. */
const COUNT = 100;

for (const format of formats) {
  Deno.test(`${COUNT} mutations of ${format} read correctly or are refused clearly`, async () => {
    const { equal, changed, refused, failures } = await runCampaign(format, { seed: 0, count: COUNT });
    assertEquals(failures, []);
    assertEquals(equal + changed + refused, COUNT);
  });
}
