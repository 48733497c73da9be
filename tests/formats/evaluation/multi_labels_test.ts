import { assertEquals, assertThrows } from "@std/assert";
import { parseMultiLabels, validationIndex } from "../../../formats/evaluation/mod.ts";

const OPTIONS = { classes: 10, subject: 'Cannot read "real.json"' };

Deno.test("parseMultiLabels() takes lists of classes, also empty ones", () => {
  assertEquals(parseMultiLabels([[], [9, 0], [3]], OPTIONS), [[], [9, 0], [3]]);
});

Deno.test("parseMultiLabels() names the entry that is something else", () => {
  const cases: [unknown, string][] = [
    [{ a: [1] }, 'it is {"a":[1]}, expected a list of lists'],
    [[[1], 2], "entry 1 is 2, expected a list of class indices"],
    [[[1], [2, "n01440764"]], 'entry 1 has "n01440764", expected classes from 0 to 9'],
    [[[10]], "entry 0 has 10, expected classes from 0 to 9"],
    [[[-1]], "entry 0 has -1, expected classes from 0 to 9"],
  ];
  for (const [value, message] of cases) {
    assertThrows(() => parseMultiLabels(value, OPTIONS), TypeError, `Cannot read "real.json": ${message}`);
  }
});

Deno.test("validationIndex() is one less than the number of ImageNet's validation images", () => {
  assertEquals(validationIndex("ILSVRC2012_val_00000001.JPEG"), 0);
  assertEquals(validationIndex("n01440764/ILSVRC2012_val_00050000.jpg"), 49_999);
  for (
    const key of ["1.png", "ILSVRC2012_val_001.JPEG", "my_ILSVRC2012_val_00000001.JPEG", "ILSVRC2012_val_00000001"]
  ) {
    assertEquals(validationIndex(key), undefined, key);
  }
});
