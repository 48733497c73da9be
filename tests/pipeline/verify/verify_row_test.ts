import { assertEquals } from "@std/assert";
import { type LabelMapRow, labelMapTypes } from "../../../formats/labels/mod.ts";
import { rowDefect } from "../../../pipeline/verify/row.ts";
import { fixtureMetadata, fixtureRows, smallMetadata } from "../../formats/labels/fixture.ts";

/** 2 cells, 2 ranks, 12 classes. */
const metadata = smallMetadata({ k: 2, grid: [1, 2] });

const good: LabelMapRow = {
  key: "kind/1.jpg",
  label: 3,
  width: 4,
  height: 5,
  class: Uint16Array.of(0, 11, 1, 3),
  score: Float32Array.of(4, 5, 3, 5),
  topClass: Uint16Array.of(3, 1, 11, 0, 2),
  topProbability: Float32Array.of(0.5, 0.2, 0.1, 0.1, 0),
};

Deno.test("rowDefect() finds nothing in real maps of every type", () => {
  assertEquals(rowDefect(good, metadata, 4), undefined);
  for (const dtype of labelMapTypes) {
    for (const row of fixtureRows(dtype)) assertEquals(rowDefect(row, fixtureMetadata(dtype)), undefined, row.key);
  }
});

Deno.test("rowDefect() says what is wrong with a row", () => {
  const cases: [Partial<LabelMapRow>, string][] = [
    [{ key: "" }, "its key is empty"],
    [{ width: 0, height: 0 }, "its image has 0 x 0 pixels"],
    [{ width: 100_000, height: 100_000 }, "its image has 100000 x 100000 pixels"],
    [{ label: 4 }, "its label is 4, expected less than 4"],
    [{ label: -1 }, "its label is -1, expected less than 4"],
    [{ class: Uint16Array.of(0, 11) }, "it has 2 classes and 4 scores, expected 4"],
    [{ class: Uint16Array.of(0, 11, 1, 12) }, "the class of cell (0, 1), rank 1 is 12, expected less than 12"],
    [{ class: Uint16Array.of(0, 11, 0, 3) }, "the class of cell (0, 0), rank 1 is 0, as at another rank"],
    [{ score: Float32Array.of(4, NaN, 3, 5) }, "the score of cell (0, 1), rank 0 is NaN, expected a finite number"],
    [
      { score: Float32Array.of(4, 5, 4.5, 5) },
      "the score of cell (0, 0), rank 1 is 4.5, more than the 4 of the rank before",
    ],
    [{ topClass: Uint16Array.of(3) }, "it has 1 top classes and 5 probabilities, expected 5"],
    [{ topClass: Uint16Array.of(3, 1, 12, 0, 2) }, "its top class 2 is 12, expected less than 12"],
    [{ topClass: Uint16Array.of(3, 1, 3, 0, 2) }, "its top class 2 is 3, as at another rank"],
    [{ topProbability: Float32Array.of(1.5, 0.25, 0, 0, 0) }, "its top probability 0 is 1.5"],
    [{ topProbability: Float32Array.of(0.5, NaN, 0, 0, 0) }, "its top probability 1 is NaN"],
    [
      { topProbability: Float32Array.of(0.25, 0.5, 0, 0, 0) },
      "its top probability 1 is 0.5, more than the 0.25 before",
    ],
    [{ topProbability: Float32Array.of(0.5, 0.5, 0.5, 0, 0) }, "its top probabilities add up to 1.5"],
  ];
  for (const [change, defect] of cases) assertEquals(rowDefect({ ...good, ...change }, metadata, 4), defect);
});

Deno.test("rowDefect() takes top classes that are all sure where classes are independent, and refuses what is no probability", () => {
  const sure = { ...good, topProbability: Float32Array.of(1, 0.9, 0.9, 0.5, 0) };
  assertEquals(rowDefect(sure, { ...metadata, scores: "sigmoid", floor: -6 }), undefined);
  const shares = { ...good, score: Float32Array.of(1, 0.5, 0.25, 0) };
  const presence = { ...metadata, scores: "presence" } as const;
  assertEquals(rowDefect(shares, presence), undefined);
  assertEquals(
    rowDefect({ ...shares, score: Float32Array.of(1.5, 0.5, 0.25, 0) }, presence),
    "the score of cell (0, 0), rank 0 is 1.5, expected a number from 0 to 1",
  );
});

Deno.test("rowDefect() takes 0 x 0 pixels as an unknown size in maps that were converted", () => {
  const row = { ...good, width: 0, height: 0 };
  assertEquals(rowDefect(row, { ...metadata, converted: { from: "relabel" } }), undefined);
  assertEquals(rowDefect({ ...row, height: 3 }, { ...metadata, converted: {} }), "its image has 0 x 3 pixels");
});

Deno.test("rowDefect() finds an infinite score in every type that has one", () => {
  for (const dtype of ["fp16", "fp8_e5m2"] as const) {
    const score = dtype === "fp16"
      ? Uint16Array.of(0x7c00, 0x4500, 0x4200, 0x4500)
      : Uint8Array.of(0x7c, 0x45, 0x42, 0x45);
    const row = { ...good, score };
    assertEquals(
      rowDefect(row, { ...metadata, dtype }),
      "the score of cell (0, 0), rank 0 is Infinity, expected a finite number",
    );
  }
});
