import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { openLabelMaps, readManifests } from "../../../formats/labels/mod.ts";
import { recordedResizeRule } from "../../../pipeline/model/resize_rule.ts";
import { smallMetadata } from "../../formats/labels/fixture.ts";
import { ROOT, runTask } from "../task.ts";

const ANNOTATOR = join(ROOT, "assets/efficientnet_lite0");

/** Images whose passes Pillow 12 and 13 order alike, and one that they do not. */
const SIZES = { "square.png": [90, 90], "tall.png": [90, 300], "wide.png": [300, 90] } as const;

function imageFolder(): string {
  const path = Deno.makeTempDirSync();
  for (const [name, [width, height]] of Object.entries(SIZES)) {
    const pixels = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 7919) % 251);
    Deno.writeFileSync(join(path, name), encodePng(pixels, { width, height, channels: 3 }));
  }
  return path;
}

async function scoresOf(labels: string): Promise<Record<string, string>> {
  const labelMaps = await openLabelMaps(labels);
  const rows = await Array.fromAsync(labelMaps.rows());
  labelMaps.close();
  return Object.fromEntries(rows.map(({ key, score }) => [key, String(score)]));
}

Deno.test("deno task relabel resizes as Pillow 13, or as 12 if asked, records it, and goes on and verifies by it", async () => {
  const images = imageFolder();
  const folder = Deno.makeTempDirSync();
  const relabel = (name: string, ...options: string[]) =>
    runTask("relabel", images, "--out", join(folder, name), "--size", "64", "--quiet", ...options);
  for (const [name, ...options] of [["new"], ["old", "--pillow", "12"], ["said", "--pillow", "13"]]) {
    const { code, error } = await relabel(name, ...options);
    assertEquals(code, 0, error);
  }
  const metadata = (name: string) => readManifests(join(folder, name))[0].configuration.metadata;
  // Folders of the time before there was another rule say nothing.
  assertEquals([metadata("new").resize, "resize" in metadata("old")], ["Pillow 13", false]);
  const [now, old, said] = await Promise.all(["new", "old", "said"].map((name) => scoresOf(join(folder, name))));
  assertEquals(Object.keys(SIZES).map((key) => now[key] === old[key]), [true, false, true]);
  assertEquals(said, now);
  assertEquals(await relabel("old", "--pillow", "12"), { code: 0, out: "", error: "" });
  const other = (before: number, after: number, name: string) =>
    `Cannot go on in "${
      join(folder, name)
    }": it was begun with --pillow ${before}, not ${after}; repeat that, or name ` +
    "another folder with --out\n";
  assertEquals(await relabel("old"), { code: 1, out: "", error: other(12, 13, "old") });
  assertEquals(await relabel("new", "--pillow", "12"), { code: 1, out: "", error: other(13, 12, "new") });
  assertEquals((await relabel("x", "--pillow", "11")).code, 2);
  for (const name of ["new", "old"]) {
    const { code, out } = await runTask("verify", join(folder, name), "--images", images, "--annotator", ANNOTATOR);
    assertEquals(code, 0, out);
  }
});

Deno.test("recordedResizeRule() takes metadata without a rule for Pillow 12's, and refuses one that it does not know", () => {
  assertEquals(recordedResizeRule(smallMetadata()), "Pillow 12");
  for (const rule of ["Pillow 12", "Pillow 13"] as const) {
    assertEquals(recordedResizeRule(smallMetadata({ resize: rule })), rule);
  }
  for (const resize of ["Pillow 14", 13, null, {}]) {
    assertThrows(() => recordedResizeRule(smallMetadata({ resize })), TypeError, "expected Pillow 12 or Pillow 13");
  }
});
