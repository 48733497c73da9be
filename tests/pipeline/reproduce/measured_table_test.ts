import { assert, assertEquals, assertMatch } from "@std/assert";
import { measuredResult, type MeasuredTable } from "../../../pipeline/reproduce/measured_table.ts";

const TABLE: MeasuredTable = {
  title: "Students by bytes",
  head: "label maps",
  about: ["Four students."],
  facts: [{ name: "bytes", title: "bytes per image", show: (bytes) => `${bytes} B` }],
  measures: [{ name: "top1", title: "top-1" }, { name: "real", title: "ReaL" }],
  rows: [
    { name: "original", title: "none", values: { top1: [0.25, 0.35], real: [0.5, 0.5] } },
    { name: "fp16", title: "fp16, k = 5", facts: { bytes: 300 }, values: { top1: [0.5, 0.5], real: [0.75, 0.5] } },
  ],
  baseline: "original",
  seeds: [0, 1],
  notes: ["Nothing else."],
  charts: { "other.svg": "<svg></svg>" },
};

Deno.test("measuredResult() gives means and paired differences with their errors over seeds, for people and as CSV", () => {
  const { files, lines } = measuredResult(TABLE, "out");
  const rows = lines.join("\n").split("\n").slice(2, 6).map((line) => line.split(/ {2,}/));
  assertEquals(rows[0], ["label maps", "bytes per image", "top-1", "difference", "ReaL", "difference"]);
  assertEquals(rows[2], ["none", "30.0 +- 5.0 %", "50.0 +- 0.0 %"]);
  assertEquals(rows[3], ["fp16, k = 5", "300 B", "50.0 +- 0.0 %", "+20.0 +- 5.0", "62.5 +- 12.5 %", "+12.5 +- 12.5"]);
  assertEquals(lines.at(-1), "out: results.md, results.csv, runs.csv, accuracy.svg, other.svg");
  assertMatch(files["results.md"], /^\| fp16, k = 5 \| 300 B \| 50\.0 \+- 0\.0 % \| \+20\.0 \+- 5\.0 \|/m);
  const [heads, original, half] = files["results.csv"].split("\n").map((line) => line.split(","));
  assertEquals(heads.slice(0, 7), [
    "name",
    "seeds",
    "bytes",
    "top1",
    "top1_standard_error",
    "top1_difference",
    "top1_difference_standard_error",
  ]);
  assertEquals(original.slice(0, 3), ["original", "2", ""]);
  assertEquals(original.slice(5, 7), ["", ""]);
  assertEquals(half.slice(0, 5), ["fp16", "2", "300", "0.5", "0"]);
  assertEquals(files["runs.csv"].split("\n").slice(0, 3), [
    "name,seed,top1,real",
    "original,0,0.25,0.5",
    "original,1,0.35,0.5",
  ]);
  assertEquals(files["accuracy.svg"].match(/>fp16, k = 5</g)?.length, 1);
});

Deno.test("measuredResult() of one seed says that it knows no errors", () => {
  const rows = TABLE.rows.map((row) => ({ ...row, values: { top1: [0.5], real: [0.5] } }));
  const { lines } = measuredResult({ ...TABLE, rows, baseline: undefined, seeds: [0] }, "out");
  assert(lines.join("\n").includes("One seed: how far another one would differ is not known"));
  assertEquals(lines.filter((line) => line.includes("+-")), []);
});
