import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import sharp from "sharp";
import { confidenceChart, overlapChart } from "../../../pipeline/charts/crop_charts.ts";
import { accuracyChart } from "../../../pipeline/reproduce/studies/supervisions_study.ts";
import { RECIPES } from "../../../pipeline/reproduce/recipe.ts";
import { resultLines, resultMarkdown, resultsCsv, runsCsv, tableOf } from "../../../pipeline/reproduce/results.ts";
import type { Outcomes } from "../../../pipeline/reproduce/outcome_statistics.ts";
import type { StudyPlan } from "../../../pipeline/reproduce/study_plan.ts";
import type { StudentOutcomes } from "../../../pipeline/reproduce/students.ts";
import type { SupervisionName } from "../../../pipeline/reproduce/supervisions.ts";

/** Right about so many of four images by the label, and one more by all classes. */
function right(images: number): Outcomes {
  const of = (count: number) => Array.from({ length: 4 }, (_, image) => image < count ? 1 : 0);
  return { top1: of(images), real: of(images + 1) };
}

const PLAN: StudyPlan = {
  output: "out",
  recipe: RECIPES.quick,
  seeds: [0, 1],
  supervisions: ["original", "local-multi", "oracle"],
};

const STUDY: StudentOutcomes<SupervisionName> = {
  outcomes: new Map([
    ["original", [right(1), right(2)]],
    ["local-multi", [right(2), right(2)]],
    ["oracle", [right(3), right(3)]],
  ]),
  ceiling: 0.875,
  test: { path: "test", keys: [], labels: [], shown: [] },
};

const CROPS = {
  overlap: Float64Array.of(0, 0.25, 0.5, 0.75),
  bestOverlap: Float64Array.of(0.1, 0.25, 0.5, 0.75),
  confidence: Float64Array.of(0.4, 0.5, 0.6, 0.7),
};

const ROWS = tableOf(PLAN, STUDY);
const FINDINGS = { plan: PLAN, study: STUDY, crops: CROPS };

Deno.test("resultLines() shows means, errors over seeds, and differences to the original labels", () => {
  const [heads, , original, relabel, oracle, , over, ceiling, crops, , files] = resultLines(ROWS, FINDINGS).join("\n")
    .split("\n");
  const table = [heads, original, relabel, oracle].map((line) => line.split(/ {2,}/).filter((cell) => cell !== ""));
  assertEquals(table, [
    ["supervision", "top-1", "difference", "ReaL", "difference"],
    ["original labels", "37.5 +- 12.5 %", "62.5 +- 12.5 %"],
    ["ReLabel (localized multi-labels)", "50.0 +- 0.0 %", "+12.5 +- 12.5", "75.0 +- 0.0 %", "+12.5 +- 12.5"],
    ["masks (oracle)", "75.0 +- 0.0 %", "+37.5 +- 12.5", "100.0 +- 0.0 %", "+37.5 +- 12.5"],
  ]);
  assertStringIncludes(over, "Means over 2 seeds on 4 test images");
  assertStringIncludes(ceiling, "more than 87.5 % top-1");
  assertStringIncludes(crops, "25.0 % of random crops do not touch");
  assertStringIncludes(crops, "25.0 % have an IoU above 0.5");
  assertEquals(files, "out: results.md, results.csv, runs.csv, accuracy.svg, overlap.svg, confidence.svg");
});

Deno.test("resultMarkdown() is a table of the same with the charts", () => {
  const text = resultMarkdown(ROWS, FINDINGS);
  assertStringIncludes(
    text,
    "resnet8_s2 at 32 x 32, 36 epochs of 1,000 images of 3 or more objects; label maps at temperature 0.5.",
  );
  assertStringIncludes(text, "\n| masks (oracle) | 75.0 +- 0.0 % | +37.5 +- 12.5 | 100.0 +- 0.0 % | +37.5 +- 12.5 |\n");
  assertEquals(text.match(/^!\[.*\]\(\w+\.svg\)$/gm)?.length, 3);
});

Deno.test("resultsCsv() and runsCsv() hold shares of 1", () => {
  const [heads, original, ...others] = resultsCsv(ROWS).trimEnd().split("\n");
  assertEquals(heads.split(",").length, 10);
  assertEquals(original, "original,2,0.375,0.125,0.625,0.125,0,0,0,0");
  assertEquals(others[0], "local-multi,2,0.5,0,0.75,0,0.125,0.125,0.125,0.125");
  assertEquals(runsCsv(PLAN, STUDY).trimEnd().split("\n").slice(0, 4), [
    "supervision,seed,top1,real",
    "original,0,0.25,0.5",
    "original,1,0.5,0.75",
    "local-multi,0,0.5,0.75",
  ]);
});

Deno.test("resultLines() compares two students of one seed image by image, and says where they are", () => {
  const outcomes = new Map([...STUDY.outcomes].map(([name, [first]]) => [name, [first]]));
  const plan: StudyPlan = { ...PLAN, seeds: [3], supervisions: ["original", "local-multi"] };
  const study = { ...STUDY, outcomes };
  const lines = resultLines(tableOf(plan, study), { plan, study, crops: CROPS });
  const [, , original, relabel] = lines.join("\n").split("\n").map((line) =>
    line.split(/ {2,}/).filter((cell) => cell !== "")
  );
  assertEquals(original, ["original labels", "25.0 +- 25.0 %", "50.0 +- 28.9 %"]);
  assertEquals(relabel.slice(1), ["50.0 +- 28.9 %", "+25.0 +- 25.0", "75.0 +- 25.0 %", "+25.0 +- 25.0"]);
  assert(lines.includes("  students    out/seed-3/original, out/seed-3/local-multi"));
  assert(lines.includes("  label maps  out/seed-3/maps"));
});

/** What a chart draws for data: how many marks each series has. */
function marks(svg: string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [tag] of svg.matchAll(/<[a-z]+ [^>]*ecmeta_ssr_type="chart"[^>]*>/g)) {
    const [, series] = /ecmeta_series_index="(\d+)"/.exec(tag)!;
    counts[series] = (counts[series] ?? 0) + 1;
  }
  return counts;
}

Deno.test("accuracyChart() has a point and an error bar for each supervision and measure", async () => {
  const svg = accuracyChart(ROWS);
  assertEquals(marks(svg), { 0: 3, 1: 3, 2: 3, 3: 3 });
  for (const { title } of ROWS) assertStringIncludes(svg, `>${title}<`);
  const { width, height } = await sharp(new TextEncoder().encode(svg)).metadata();
  assertEquals([width, height], [760, 228]);
});

Deno.test("accuracyChart() has no error bars where errors are not known", () => {
  const rows = ROWS.map((row) => ({
    ...row,
    comparison: { ...row.comparison, top1: { value: 0.5 }, real: { value: 0.6 } },
  }));
  assertEquals(marks(accuracyChart(rows)), { 1: 3, 3: 3 });
});

Deno.test("overlapChart() and confidenceChart() draw a curve each, and render", async () => {
  const overlap = overlapChart(CROPS);
  for (const name of ["labelled object", "object it shows best"]) assertStringIncludes(overlap, `>${name}<`);
  const confidence = confidenceChart(CROPS);
  assertEquals(marks(confidence), { 0: 4 });
  for (const svg of [overlap, confidence]) {
    const { format, width } = await sharp(new TextEncoder().encode(svg)).metadata();
    assertEquals([format, width], ["svg", 760]);
  }
});
