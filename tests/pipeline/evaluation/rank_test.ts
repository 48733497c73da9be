import { assertEquals } from "@std/assert";
import { bestRankOf, rankOf } from "../../../pipeline/evaluation/rank.ts";

const LOGITS = [0.5, 3, -1, 3, 2];

Deno.test("rankOf() counts the classes before one, equal logits by their index", () => {
  assertEquals(LOGITS.map((_, label) => rankOf(LOGITS, label)), [3, 0, 4, 1, 2]);
});

Deno.test("rankOf() leaves out the classes that are no candidates", () => {
  assertEquals([0, 2, 4].map((label) => rankOf(LOGITS, label, [0, 2, 4])), [1, 2, 0]);
});

Deno.test("bestRankOf() is the rank of the best of several classes", () => {
  assertEquals(bestRankOf(LOGITS, [2, 4]), 2);
  assertEquals(bestRankOf(LOGITS, [3, 1]), 0);
  assertEquals(bestRankOf(LOGITS, [2]), 4);
});
