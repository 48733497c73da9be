import { assertEquals } from "@std/assert";
import { compareNatural } from "../../../formats/base/natural_sort.ts";

Deno.test("compareNatural() puts 2 before 10", () => {
  assertEquals(["10", "9", "2", "1", "0", "100"].sort(compareNatural), ["0", "1", "2", "9", "10", "100"]);
  assertEquals(["img10b2.jpg", "img10b10.jpg", "img2.jpg"].sort(compareNatural), [
    "img2.jpg",
    "img10b2.jpg",
    "img10b10.jpg",
  ]);
});

Deno.test("compareNatural() compares numbers longer than a double holds", () => {
  const names = ["90071992547409931", "90071992547409930", "9007199254740993"];
  assertEquals(names.sort(compareNatural), ["9007199254740993", "90071992547409930", "90071992547409931"]);
});

Deno.test("compareNatural() ignores case but leaves no two names equal", () => {
  assertEquals(["b", "A", "a", "B", "a01", "a1", "A1"].sort(compareNatural), ["A", "a", "A1", "a01", "a1", "B", "b"]);
});

Deno.test("compareNatural() is an order: sorting does not depend on where names start", () => {
  const names = ["n01440764", "n01443537", "a", "", "1", "01", "1a", "a1b", "a1", "é", "Z9", "z10", "-", "a-1", "a 1"];
  const sorted = [...names].sort(compareNatural);
  for (let shift = 0; shift < names.length; shift++) {
    assertEquals([...names.slice(shift), ...names.slice(0, shift)].sort(compareNatural), sorted);
  }
});
