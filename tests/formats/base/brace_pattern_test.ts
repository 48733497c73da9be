import { assertEquals, assertThrows } from "@std/assert";
import { expandBraces } from "../../../formats/base/brace_pattern.ts";

Deno.test("expandBraces() counts and keeps the width", () => {
  assertEquals(expandBraces("train-{0008..0011}.tar"), [
    "train-0008.tar",
    "train-0009.tar",
    "train-0010.tar",
    "train-0011.tar",
  ]);
});

Deno.test("expandBraces() expands lists and several braces, the leftmost slowest", () => {
  assertEquals(expandBraces("{a,b}/{1..2}.tar"), ["a/1.tar", "a/2.tar", "b/1.tar", "b/2.tar"]);
});

Deno.test("expandBraces() leaves other names alone", () => {
  assertEquals(expandBraces("a{b}.tar"), ["a{b}.tar"]);
});

Deno.test("expandBraces() refuses a range that runs down or is too long", () => {
  assertThrows(() => expandBraces("{5..2}.tar"), RangeError, "{5..2} names 0 files");
  assertThrows(() => expandBraces("{0..99999999}.tar"), RangeError, "names 100000000 files");
  assertThrows(() => expandBraces("{0..9999}{0..9999}.tar"), RangeError, "more than 1000000");
});
