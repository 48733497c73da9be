import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { sampleCrops } from "../../../pipeline/reproduce/sample_crops.ts";
import { seedFolders } from "../../../pipeline/reproduce/folders.ts";
import { meanOf } from "../../../pipeline/reproduce/outcome_statistics.ts";
import { SCENES_DATA } from "../../../pipeline/reproduce/scenes_data.ts";
import { studentOptions, type StudentOutcomes } from "../../../pipeline/reproduce/students.ts";
import { supervisionArm, SUPERVISIONS_STUDY } from "../../../pipeline/reproduce/studies/supervisions_study.ts";
import { reproduce } from "../../../pipeline/reproduce/main.ts";
import type { SupervisionName } from "../../../pipeline/reproduce/supervisions.ts";
import project from "../../../deno.json" with { type: "json" };
import { PAIR, runTiny, SILENT, tinyPlan } from "./tiny.ts";

const TINY = new URL("./tiny.ts", import.meta.url).pathname;

/** As the task has them. */
const PERMISSIONS = project.tasks.reproduce.split(" ").slice(1, -1);

let whole: Promise<{ output: string; told: string[]; study: StudentOutcomes<SupervisionName> }> | undefined;

/** What takes labels, maps, a teacher and masks. */
const SUPERVISIONS: SupervisionName[] = [...PAIR, "distill", "oracle"];

/** A study that nothing stops. */
function wholeStudy() {
  return whole ??= (async () => {
    const output = Deno.makeTempDirSync();
    const told: string[] = [];
    const study = await runTiny(output, SUPERVISIONS, { tell: (line) => told.push(line) });
    return { output, told, study };
  })();
}

/** What students say and are, by their folder. */
function students(output: string): Record<string, string> {
  const { student } = seedFolders(output, 1);
  const files = PAIR.flatMap((name) =>
    ["predictions.json", "model.safetensors"].map((file) => join(student(name), file))
  );
  return Object.fromEntries(files.map((file) => [
    file.slice(output.length),
    new TextDecoder("latin1").decode(Deno.readFileSync(file)).replaceAll(output, ""),
  ]));
}

Deno.test("compareSupervisions() trains a student with each supervision, and tests all on the same images", async () => {
  const { output, told, study } = await wholeStudy();
  assertEquals([...study.outcomes.keys()], SUPERVISIONS);
  assert(study.ceiling > 0.7 && study.ceiling < 1);
  const { student } = seedFolders(output, 1);
  const weights = new Set<string>();
  for (const [name, [{ top1, real }, ...others]] of study.outcomes) {
    assertEquals([others.length, top1.length, real.length], [0, 50, 50]);
    assert(Array.from(top1, (right, image) => right <= real[image]).every(Boolean), name);
    const predictions = JSON.parse(Deno.readTextFileSync(join(student(name), "predictions.json")));
    weights.add(predictions.weights);
    assertEquals(predictions.options.seed, 1);
  }
  assertEquals(weights.size, SUPERVISIONS.length);
  assertEquals(told.length, 3 + 2 * SUPERVISIONS.length);
  assertEquals(told[0], "Images: 50 of 1 or more objects to test on, which no training sees");
  assertEquals(told[3], "Training with original labels: resnet8_s2 at 16 x 16, 2 epochs, seed 1");
  assertMatch(told[4], /^ {2}right about \d+\.\d % of the test labels after [\d.]+ s$/);
});

Deno.test("A seed's students are trained on scenes of their own, which are annotated", async () => {
  const { output } = await wholeStudy();
  const { scenes, maps } = seedFolders(output, 1);
  const { split, start, images, leastObjects } = JSON.parse(Deno.readTextFileSync(join(scenes, "scenes.json")));
  assertEquals([split, start, images, leastObjects], ["train", 64, 64, 2]);
  const { parts } = JSON.parse(Deno.readTextFileSync(join(maps, "manifest.json")));
  assertEquals(parts.map(({ rows }: { rows: number }) => rows), [64]);
});

Deno.test("compareSupervisions() does nothing again that was done, and does again what was lost", async () => {
  const { output, study } = await wholeStudy();
  const file = join(seedFolders(output, 1).student("local-multi"), "predictions.json");
  const before = students(output);
  const { mtime } = Deno.statSync(file);
  assertEquals((await runTiny(output, PAIR)).outcomes.get("local-multi"), study.outcomes.get("local-multi"));
  assertEquals(Deno.statSync(file).mtime, mtime);
  Deno.removeSync(file);
  await runTiny(output, PAIR);
  assertEquals(students(output), before);
});

Deno.test("A study that is killed goes on, and finds what an uninterrupted one does", async () => {
  const { output: expected } = await wholeStudy();
  const output = Deno.makeTempDirSync();
  const { student } = seedFolders(output, 1);
  const reached = [join(student("original"), "last.safetensors"), join(student("local-multi"), "last.safetensors")];
  for (const file of reached) {
    const args = [...PERMISSIONS, TINY, output];
    const process = new Deno.Command(Deno.execPath(), { args, stdout: "null" }).spawn();
    let hasEnded = false;
    process.status.then(() => hasEnded = true);
    while (!isThere(file) && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 5));
    assert(!hasEnded);
    process.kill("SIGKILL");
    await process.status;
  }
  await runTiny(output, PAIR);
  assertEquals(students(output), students(expected));
});

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

Deno.test("A signal ends a study with its reason", async () => {
  const { output } = await wholeStudy();
  const controller = new AbortController();
  controller.abort();
  const error = await assertRejects(() => runTiny(output, PAIR, { signal: controller.signal }));
  assertEquals(error, controller.signal.reason);
});

Deno.test("sampleCrops() draws the crops of training, and pools their labels as it does", async () => {
  const { output } = await wholeStudy();
  const plan = tinyPlan(output, PAIR);
  const options = await studentOptions(plan, 1, supervisionArm(plan, "local-multi"));
  const { overlap, bestOverlap, confidence } = await sampleCrops(options, seedFolders(output, 1).scenes, SCENES_DATA);
  assertEquals([overlap.length, bestOverlap.length, confidence.length], [6400, 6400, 6400]);
  assert(overlap.every((value, crop) => 0 <= value && value <= bestOverlap[crop] && bestOverlap[crop] <= 1));
  assert(confidence.every((value) => 1 / 16 < value && value <= 1));
  // Objects fill a fifth to two fifths of an image's sides, and crops at least a quarter of them.
  const mean = meanOf(overlap).value;
  assert(mean > 0.1 && mean < 0.5, `${mean}`);
});

Deno.test("reproduce() writes tables and charts of a study", async () => {
  const { output, study } = await wholeStudy();
  const lines = await reproduce(SUPERVISIONS_STUDY, tinyPlan(output, SUPERVISIONS), SILENT);
  assertMatch(lines.join("\n"), /^original labels +[\d.]+ \+- [\d.]+ % +[\d.]+ \+- [\d.]+ %$/m);
  assertMatch(lines.join("\n"), /One seed on 50 test images/);
  const text = (name: string) => Deno.readTextFileSync(join(output, name));
  const top1 = meanOf(study.outcomes.get("distill")![0].top1).value;
  assertMatch(text("results.csv"), new RegExp(`^distill,1,${top1},`, "m"));
  assertEquals(text("runs.csv").trimEnd().split("\n").length, 1 + SUPERVISIONS.length);
  assertMatch(
    text("results.md"),
    /^resnet8_s2 at 16 x 16, 2 epochs of 64 images of 2 or more objects; label maps at temperature 0\.5\.$/m,
  );
  for (const name of ["accuracy", "overlap", "confidence"]) assertMatch(text(`${name}.svg`), /^<svg .*<\/svg>$/s);
});
