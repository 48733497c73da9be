import { assertEquals } from "@std/assert";
import { showValue } from "../../../formats/base/show_value.ts";

Deno.test("showValue() keeps messages on one line, and short", () => {
  assertEquals([showValue("a\nb"), showValue(undefined), showValue(null)], ['"a\\nb"', "missing", "null"]);
  assertEquals(showValue(undefined, "absent"), "absent");
  assertEquals(showValue(Array(100).fill(1)), `[${"1,".repeat(38)}...`);
});
