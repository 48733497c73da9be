import { assertEquals } from "@std/assert";
import { nameList, percent, points } from "../../../../pipeline/explore/page/names.ts";

const NAMES = nameList(["tabby, tabby cat", "crane", "crane, lifting machine", "", "10 pins"], {
  kind: "class",
  count: 6,
});

Deno.test("nameList() calls a class by the first of its names, or by its number", () => {
  assertEquals([0, 1, 2, 3, 5].map(NAMES.short), ["tabby", "crane", "crane", "class 3", "class 5"]);
  assertEquals([0, 3].map(NAMES.field), ["0 tabby", "3"]);
});

Deno.test("nameList() finds a class by number, by number and name, or by a name that is its own", () => {
  const found = ["2", "2 crane", "Tabby cat", " lifting machine ", "class 5"].map(NAMES.find);
  assertEquals(found, [2, 2, 0, 2, 5]);
});

Deno.test("nameList() finds none where a name is unknown or several have it", () => {
  assertEquals(["crane", "cran", "6", ""].map(NAMES.find), [null, null, null, null]);
  assertEquals(NAMES.find("10 pins"), 4);
});

Deno.test("nameList() offers classes that contain a text, those that begin with it first", () => {
  assertEquals(NAMES.matches("c", 10), [1, 2, 3, 5, 0]);
  assertEquals(NAMES.matches("machine", 10), [2]);
  assertEquals(NAMES.matches("1", 10), [1, 4]);
  assertEquals(NAMES.matches("", 2), [0, 1]);
});

Deno.test("percent() and points() write probabilities and their differences", () => {
  assertEquals([0, 0.12345, 1].map(percent), ["0.0 %", "12.3 %", "100.0 %"]);
  assertEquals([0.003, -0.0301, 0.0001, -0.0001].map(points), ["+0.3", "\u22123.0", "0.0", "0.0"]);
});

Deno.test("nameList() shows what would turn a name's direction, and keeps letters of all scripts", () => {
  const { short, field, matches } = nameList(["cat\u202egpj", "a\x1b[31m", "\u05e9\u05dc\u05d5\u05dd"], {
    kind: "class",
    count: 3,
  });
  assertEquals([0, 1, 2].map(short), ["cat\\u202egpj", "a\\u001b[31m", "\u05e9\u05dc\u05d5\u05dd"]);
  assertEquals(field(0), "0 cat\\u202egpj");
  assertEquals(matches("cat", 3), [0]);
});
