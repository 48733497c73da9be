import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { closing } from "../../../formats/base/closing.ts";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { seedFolders } from "../../../pipeline/reproduce/folders.ts";
import { MULTI_LABEL_STUDY } from "../../../pipeline/reproduce/studies/multi_label_study.ts";
import type { StudyPlan } from "../../../pipeline/reproduce/study_plan.ts";
import { SILENT, tinyPlan } from "./tiny.ts";

Deno.test("the study of several classes trains by multi-hot labels, machine and oracle maps, and goes on", async () => {
  const plan = tinyPlan(Deno.makeTempDirSync(), []);
  const { recipe } = plan;
  const tiny: StudyPlan = {
    ...plan,
    recipe: { ...recipe, trainImages: 24, testImages: 20, training: { ...recipe.training, epochs: 1 } },
  };
  const { files, lines } = await MULTI_LABEL_STUDY.run(tiny, SILENT);
  const [head, ...runs] = files["runs.csv"].trimEnd().split("\n").map((line) => line.split(","));
  assertEquals(head, ["name", "seed", "map", "cf1", "of1"]);
  assertEquals(
    runs.map(([name, seed]) => [name, seed]),
    ["multi-hot", "machine", "oracle", "oracle-shares"].map((name) => [name, "1"]),
  );
  assert(runs.every(([, , precision]) => Number(precision) > 0 && Number(precision) < 1));
  assert(lines.some((line) => line.startsWith("multi-hot labels")));

  const { student } = seedFolders(tiny.output, 1);
  const metadataOf = async (name: string) => {
    using maps = closing(await openLabelMaps(student(name)));
    return maps.metadata;
  };
  assertEquals((await metadataOf("machine-maps")).scores, "sigmoid");
  const { scores, grid } = await metadataOf("oracle-maps");
  assertEquals([scores, grid], ["presence", [16, 16]]);

  const told: string[] = [];
  const weights = () => Deno.readFileSync(join(student("oracle"), "model.safetensors")).toBase64();
  const before = weights();
  Deno.removeSync(student("oracle"), { recursive: true });
  const again = await MULTI_LABEL_STUDY.run(tiny, { ...SILENT, tell: (line) => told.push(line) });
  assertEquals([again.files["runs.csv"], weights()], [files["runs.csv"], before]);
  assertEquals(told.filter((line) => line.startsWith("Training with")).length, 5);
});
