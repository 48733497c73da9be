import { assertEquals, assertMatch } from "@std/assert";
import { runTask } from "../pipeline/task.ts";
import { imageFolder } from "../pipeline/training/data.ts";

Deno.test("deno task bench:costs says what maps, LabelPooling and distillation take of a training", async () => {
  const { code, out, error } = await runTask(
    "bench:costs",
    ...["--images", imageFolder(3), "--annotator", "assets/scenes_annotator", "--network", "resnet8"],
    ...["--size", "16", "--batch", "2", "--epochs", "2", "--rounds", "1"],
  );
  assertEquals([code, error], [0, ""]);
  assertMatch(out, /^3 images, .*; maps of resnet8x2_s2, .* resnet8 at 16 x 16, batch 2, 2 epochs$/m);
  assertMatch(out, /^ *label maps, once .* % of it +3\.3 %$/m);
  assertMatch(out, /^ *LabelPooling in a step +[\d.]+ of \d+ ms +[\d.]+ % of it +0\.5 %$/m);
  assertMatch(out, /^ *bytes of label maps .* % of the images +10 %$/m);
  assertMatch(out, /^ *distillation from it, by arithmetic .* times/m);
});
