import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { fashionData } from "../../../../pipeline/reproduce/canvases/canvas_data.ts";
import { reproduce } from "../../../../pipeline/reproduce/main.ts";
import type { PlanDraft } from "../../../../pipeline/reproduce/prepare_plan.ts";
import { SUPERVISIONS_STUDY } from "../../../../pipeline/reproduce/studies/supervisions_study.ts";
import { PAIR, SILENT } from "../tiny.ts";
import { writeFashion } from "./small_fashion.ts";

const TRAINING = { network: "resnet8_s2", size: [16, 16], batch: 8, epochs: 1, warmupEpochs: 0, cropPct: 1 } as const;

function draftIn(output: string, folder: string): PlanDraft {
  return {
    output,
    recipe: {
      data: fashionData(folder),
      trainImages: 24,
      leastObjects: 2,
      testImages: 20,
      annotator: { images: 24, testImages: 16, training: TRAINING },
      annotatorSize: [32, 32],
      temperature: [1, 0.5],
      training: TRAINING,
    },
    seeds: [0],
    supervisions: PAIR,
  };
}

Deno.test("A study of garments trains its annotator, chooses the temperature, and does nothing again", async () => {
  const output = Deno.makeTempDirSync();
  const draft = draftIn(output, writeFashion({ train: 120, test: 40 }));
  const told: string[] = [];
  const lines = await reproduce(SUPERVISIONS_STUDY, draft, { ...SILENT, tell: (line) => told.push(line) });
  assertMatch(lines.join("\n"), /^ReLabel \(localized multi-labels\) +[\d.]+ \+- [\d.]+ % /m);
  assertMatch(lines.join("\n"), /a label names one of up to four garments, each as likely/);
  const chosen = told.find((line) => line.startsWith("Temperature "))!;
  const [, temperature, first, second] =
    /^Temperature (\S+), by the top-1 on the validation split \(1: ([\d.]+) %, 0\.5: ([\d.]+) %\)$/.exec(chosen)!;
  assertEquals(temperature, Number(first) >= Number(second) ? "1" : "0.5");
  const text = (name: string) => Deno.readTextFileSync(join(output, name));
  assertMatch(
    text("results.md"),
    new RegExp(`of 24 images of 2 or more objects; label maps at temperature ${temperature}\\.`),
  );
  const { split, photographs, leastObjects } = JSON.parse(text("seed-0/scenes/canvases.json"));
  assertEquals([split, photographs, leastObjects], ["train", 120, 2]);
  const student = join(output, "seed-0", "local-multi", "model.safetensors");
  const { mtime } = Deno.statSync(student);
  assertEquals(await reproduce(SUPERVISIONS_STUDY, draft, SILENT), lines);
  assertEquals(Deno.statSync(student).mtime, mtime);
  assert(Deno.statSync(join(output, "annotator", "summary.csv")).isFile);
});

Deno.test("A study of garments says where they are looked for", async () => {
  await assertRejects(
    () => reproduce(SUPERVISIONS_STUDY, draftIn(Deno.makeTempDirSync(), "/nowhere"), SILENT),
    Deno.errors.NotFound,
    'Cannot read Fashion-MNIST from "/nowhere": there is no train-images-idx3-ubyte.gz; Debian\'s package',
  );
});
