import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type LabelMapMetadata, type LabelMapType, quantise } from "../../../formats/labels/mod.ts";
import { compareLabelMaps } from "../../../pipeline/verify/label_map_difference.ts";
import { smallMetadata } from "../../formats/labels/fixture.ts";

/** Two cells, two ranks: classes and logits rank by rank. */
function mapOf(classes: number[], logits: number[], { dtype }: LabelMapMetadata) {
  return { class: Uint16Array.from(classes), score: quantise(Float32Array.from(logits), dtype) };
}

const twoCells = (dtype: LabelMapType) => smallMetadata({ dtype, k: 2, grid: [1, 2] });

Deno.test("compareLabelMaps() compares class by class, whatever their ranks", () => {
  const metadata = twoCells("fp32");
  const one = mapOf([3, 5, 4, 6], [8, 7, 6, 5], metadata);
  assertEquals(compareLabelMaps(one, one, metadata), { largest: 0, beyondRounding: 0, changedCells: 0 });
  // In the first cell the classes 3 and 4 have changed places, in the second the scores.
  const other = mapOf([4, 5, 3, 6], [8.5, 7.25, 7.75, 5], metadata);
  const { largest, beyondRounding, changedCells } = compareLabelMaps(one, other, metadata);
  assertEquals([largest, changedCells], [2.5, 1]);
  assertAlmostEquals(beyondRounding, 2.5, 1e-6);
});

Deno.test("compareLabelMaps() counts a class that only one map holds by what it exceeds the other's last score by", () => {
  const metadata = twoCells("fp32");
  const one = mapOf([3, 5, 4, 6], [8, 7, 6, 5], metadata);
  assertEquals(compareLabelMaps(one, mapOf([3, 5, 9, 6], [8, 7, 6, 5], metadata), metadata).largest, 0);
  assertEquals(compareLabelMaps(one, mapOf([3, 5, 9, 6], [8, 7, 6.5, 5], metadata), metadata).largest, 0.5);
  const { largest, changedCells } = compareLabelMaps(one, mapOf([3, 9, 4, 6], [8, 7, 6, 5], metadata), metadata);
  assertEquals([largest, changedCells], [2, 1]);
});

Deno.test("compareLabelMaps() excuses what rounding does, and no more", () => {
  for (const [dtype, excused, steps] of [["fp16", 2 ** -7, 1], ["fp8_e4m3", 1, 2], ["fp8_e5m2", 2, 2]] as const) {
    const metadata = twoCells(dtype);
    const one = mapOf([3, 5, 4, 6], [8, 8, 6, 6], metadata);
    const apart = (count: number) => mapOf([3, 5, 4, 6], [8 + count * excused, 8, 6, 6], metadata);
    assertEquals(compareLabelMaps(one, apart(steps), metadata).beyondRounding, 0, dtype);
    assertEquals(compareLabelMaps(one, apart(steps + 1), metadata).beyondRounding, excused, dtype);
  }
});
