import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { compareTransfers } from "../../../pipeline/reproduce/studies/transfer_study.ts";
import { readRuns } from "../../../pipeline/transfer/run_table.ts";
import { digitsData } from "../../../pipeline/reproduce/canvases/canvas_data.ts";
import { digitTable, writeDigits } from "./canvases/small_digits.ts";
import { SILENT, tinyPlan } from "./tiny.ts";

Deno.test("the study of transfer fine-tunes a student of each supervision on shapes of single objects or on other data, and compares", async () => {
  const output = Deno.makeTempDirSync();
  const grid = { rates: [0.05], decays: [0], heldOut: 0.25 };
  const plan = tinyPlan(output, []);
  const { files, lines } = await compareTransfers(plan, SILENT, grid);
  const [head, original, relabel] = files["results.csv"].split("\n").map((line) => line.split(","));
  const target = head.indexOf("target");
  const runs = readRuns(join(output, "seed-1/transfer/runs.csv"));
  assertEquals(runs.map(({ init, stage }) => [init, stage]), [[0, "grid"], [0, "test"], [1, "grid"], [1, "test"]]);
  assertEquals([original, relabel].map((row) => Number(row[target])), [runs[1].top1, runs[3].top1]);
  assertMatch(lines.join("\n"), /^ReLabel \(localized multi-labels\) +[\d.]+ % +[-+][\d.]+ +[\d.]+ % +[-+][\d.]+$/m);
  // Each image shows one object, and lies in the folder of its shape.
  const scenes = join(output, "seed-1/target-scenes");
  const boxes = Deno.readTextFileSync(join(scenes, "boxes.csv")).trimEnd().split("\n").slice(1);
  const images = [...Deno.readDirSync(join(output, "seed-1/target"))].flatMap(({ name }) =>
    [...Deno.readDirSync(join(output, "seed-1/target", name))].map((file) => ({ shape: name, name: file.name }))
  );
  assert(images.length > 10 && images.length < 60);
  for (const { shape, name } of images) {
    const objects = boxes.filter((line) => line.split(",")[0].endsWith(`/${name}`));
    assertEquals([objects.length, objects[0].startsWith(`${shape}_`)], [1, true]);
  }
  // Other data share the students; here each has a folder, and tables, of its own.
  const student = join(output, "seed-1/original/model.safetensors");
  const { mtime } = Deno.statSync(student);
  const digits = digitsData(writeDigits(digitTable(300)));
  const other = await compareTransfers({ ...plan, target: { name: "digits", data: digits } }, SILENT, grid);
  assertEquals(Object.keys(other.files), Object.keys(files).map((name) => name.replace(".", "-digits.")));
  assertEquals(Deno.statSync(student).mtime, mtime);
  const folders = (path: string) => [...Deno.readDirSync(join(output, path))].map(({ name }) => name).sort();
  assert(folders("seed-1/target-digits").every((name) => digits.classes.includes(name)));
  assertEquals(folders("target-test-digits"), digits.classes);
  assertEquals(readRuns(join(output, "seed-1/transfer-digits/runs.csv")).length, 4);
  assertMatch(other.files["results-digits.md"], /26 images of one object\.$/m);
});
