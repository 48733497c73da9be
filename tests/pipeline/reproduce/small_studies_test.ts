import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { reproduce } from "../../../pipeline/reproduce/main.ts";
import type { Study, StudyPlan } from "../../../pipeline/reproduce/study_plan.ts";
import { ANNOTATORS_STUDY } from "../../../pipeline/reproduce/studies/annotators_study.ts";
import { DISTILLATION_STUDY, paperCosts } from "../../../pipeline/reproduce/studies/distillation_study.ts";
import { RECIPES_STUDY } from "../../../pipeline/reproduce/studies/recipes_study.ts";
import { STORAGE_STUDY } from "../../../pipeline/reproduce/studies/storage_study.ts";
import type { MiniatureWatch } from "../../../pipeline/reproduce/watch.ts";
import { SILENT, tinyPlan } from "./tiny.ts";

/** Next to nothing: what a study does, and not what it finds. */
function planIn(output: string, seeds: readonly number[]): StudyPlan {
  const { recipe, ...plan } = tinyPlan(output, []);
  const training = { ...recipe.training, epochs: 1, warmupEpochs: 0 };
  return { ...plan, seeds, recipe: { ...recipe, trainImages: 16, testImages: 20, training } };
}

/** Runs a study, and reads the rows of its results by the name of their column. */
async function rowsOf(study: Study, plan: StudyPlan, watch: Partial<MiniatureWatch> = {}) {
  const lines = await reproduce(study, plan, { ...SILENT, ...watch });
  const [heads, ...rows] = Deno.readTextFileSync(join(plan.output, "results.csv")).trimEnd().split("\n")
    .map((line) => line.split(","));
  return {
    lines,
    rows: rows.map((row) => Object.fromEntries(row.map((value, column) => [heads[column], value]))),
  };
}

Deno.test("The study of storage trains a student of each kind of map, and weighs bytes and targets", async () => {
  const output = Deno.makeTempDirSync();
  const { rows } = await rowsOf(STORAGE_STUDY, planIn(output, [0]));
  assertEquals(rows.map(({ name }) => name), [
    "original",
    "fp32-k1",
    "fp32-k3",
    "fp32-k5",
    "fp32-k10",
    "fp16-k5",
    "fp8_e4m3-k5",
    "fp8_e5m2-k5",
  ]);
  const [none, one, three, five, ten, half, ...quarters] = rows.map(({ bytes }) => Number(bytes));
  assertEquals(none, 0);
  assert(one < three && three < five && five < ten && half < five, `${[one, three, five, ten, half]}`);
  for (const quarter of quarters) assert(quarter < half);
  const [k1, k3, k5, k10, fp16, e4m3] = rows.slice(1).map(({ divergence }) => Number(divergence));
  assert(k1 > k3 && k3 > k5 && k5 > k10 && k10 > 0, `${[k1, k3, k5, k10]}`);
  assert(Math.abs(fp16 - k5) < 1e-3 * k5 && Math.abs(e4m3 - k5) < 0.5 * k5);
  assertMatch(Deno.readTextFileSync(join(output, "results.md")), /^\| fp8_e5m2, k = 5 \| [\d,]+ \| 0\.\d{4} \| /m);
});

Deno.test("The study of annotators has a student and an accuracy for each, and a chart of both", async () => {
  const output = Deno.makeTempDirSync();
  const plan = planIn(output, [0]);
  const { rows, lines } = await rowsOf(ANNOTATORS_STUDY, plan);
  assertEquals(rows.map(({ name }) => name), [
    "original",
    "annotator-16x16",
    "annotator-24x24",
    "annotator-32x32",
    "annotator-48x48",
  ]);
  for (const { annotator } of rows.slice(1)) assert(Number(annotator) >= 0 && Number(annotator) <= 1);
  assertMatch(Deno.readTextFileSync(join(output, "annotators.svg")), /^<svg .*at 24 x 24.*<\/svg>$/s);
  assertEquals((await rowsOf(ANNOTATORS_STUDY, plan)).lines, lines);
});

Deno.test("The study of recipes compares ReLabel with original labels under each, and extra images with ReLabel", async () => {
  const output = Deno.makeTempDirSync();
  const plan = planIn(output, [0]);
  const { rows, lines } = await rowsOf(RECIPES_STUDY, plan);
  const baselines = {
    "local-multi": "original",
    "mobilenet-local-multi": "mobilenet-original",
    "adamp-local-multi": "adamp-original",
    "cutmix-local-multi": "cutmix-original",
    "extra-local-multi": "local-multi",
  };
  const rowOf = (name: string) => rows.find((row) => row.name === name)!;
  assertEquals(new Set(rows.map(({ name }) => name)), new Set(Object.entries(baselines).flat()));
  for (const measure of ["top1", "real", "again"]) {
    for (const [name, baseline] of Object.entries(baselines)) {
      const difference = Number(rowOf(name)[measure]) - Number(rowOf(baseline)[measure]);
      assert(Math.abs(Number(rowOf(name)[`${measure}_difference`]) - difference) < 1e-9, `${name}, ${measure}`);
      if (baseline.endsWith("original")) assertEquals(rowOf(baseline)[`${measure}_difference`], "");
    }
  }
  const configOf = (name: string) => Deno.readTextFileSync(join(output, "seed-0", name, "config.yaml"));
  assertMatch(configOf("cutmix-original"), /^cutmix: 1$/m);
  assertMatch(configOf("adamp-local-multi"), /^optimizer: adamp$/m);
  const images = Deno.readTextFileSync(join(output, "seed-0", "extra-local-multi", "data.jsonl")).match(/^\["[01]\//gm);
  assertEquals(images?.length, 2 * plan.recipe.trainImages);
  assertEquals((await rowsOf(RECIPES_STUDY, plan)).lines, lines);
});

Deno.test("The study of distillation goes on where it was stopped, and counts what teachers cost", async () => {
  const output = Deno.makeTempDirSync();
  const { recipe, ...others } = planIn(output, [0]);
  // The teacher's own size.
  const plan = { ...others, recipe: { ...recipe, annotatorSize: [24, 24] as const } };
  const stop = new AbortController();
  let trained = 0;
  const tell = (line: string) => {
    if (line.includes("right about") && ++trained === 2) stop.abort(new Error("Stopped"));
  };
  await assertRejects(() => rowsOf(DISTILLATION_STUDY, plan, { signal: stop.signal, tell }), Error, "Stopped");
  const weights = join(output, "seed-0", "original", "model.safetensors");
  const { mtime } = Deno.statSync(weights);
  const { rows } = await rowsOf(DISTILLATION_STUDY, plan);
  assertEquals(Deno.statSync(weights).mtime, mtime);
  assertEquals(rows.map(({ name }) => name), ["original", "local-multi", "distill-16x16", "distill-24x24"]);
  const [original, relabel, small, large] = rows.map(({ gigaflops }) => Number(gigaflops));
  // One epoch: the annotator's pass over the images costs what a teacher of its size does.
  assertEquals(relabel, large);
  assert(original < small && small < large, `${[original, small, large]}`);
  // A teacher of the student's network and size adds one pass to three.
  assert(Math.abs(small / original - 4 / 3) < 1e-9);
  for (const { seconds } of rows) assert(Number(seconds) > 0);
  assertMatch(Deno.readTextFileSync(join(output, "cost.svg")), /^<svg .*<\/svg>$/s);
  const runs = Deno.readTextFileSync(join(output, "runs.csv"));
  assertEquals((await rowsOf(DISTILLATION_STUDY, plan)).rows, rows);
  assertEquals(Deno.readTextFileSync(join(output, "runs.csv")), runs);
});

Deno.test("paperCosts() are near what the paper states for its teachers, and more for larger ones", () => {
  const costs = paperCosts();
  assertEquals(costs.map(({ days }) => days), costs.map(({ days }) => days).toSorted((a, b) => a - b));
  for (const { days, stated } of costs) {
    if (stated !== undefined) assert(days > 0.5 * stated && days < 1.2 * stated, `${days} days, ${stated} stated`);
  }
});
