import { assert, assertEquals } from "@std/assert";
import { corruptionNames } from "../../../pipeline/corrupt/corruptions.ts";
import { ROBUSTNESS_STUDY } from "../../../pipeline/reproduce/studies/robustness_study.ts";
import { SILENT, tinyPlan } from "./tiny.ts";

Deno.test("The study of robustness attacks and corrupts the same images for both students", async () => {
  const output = Deno.makeTempDirSync();
  try {
    const plan = tinyPlan(output, []);
    const { files } = await ROBUSTNESS_STUDY.run(plan, SILENT);
    assertEquals(Object.keys(files).sort(), [
      "accuracy.svg",
      "corruptions.csv",
      "results.csv",
      "results.md",
      "runs.csv",
    ]);
    const [heads, original, relabel] = files["runs.csv"].trim().split(/\r?\n/).map((line) => line.split(","));
    assertEquals(heads, ["name", "seed", "top1", "fgsm", "hard", "corrupted", "mce"]);
    assertEquals([original[0], relabel[0]], ["original", "local-multi"]);
    for (const row of [original, relabel]) {
      for (const share of row.slice(2, 6).map(Number)) assert(share >= 0 && share <= 1, row.join());
    }
    assertEquals(Number(original[6]), 1);
    const [, ...errors] = files["corruptions.csv"].trim().split(/\r?\n/).map((line) =>
      line.split(",").slice(2).map(Number)
    );
    assertEquals(errors.map(({ length }) => length), [15, 15]);
    const ratios = corruptionNames.map((_, index) => errors[1][index] / errors[0][index]);
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / 15;
    assert(Math.abs(mean - Number(relabel[6])) < 1e-6, `${mean}, ${relabel[6]}`);
  } finally {
    await Deno.remove(output, { recursive: true });
  }
});
