import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { joinShards } from "../../../formats/labels/join.ts";
import { openLabelMaps } from "../../../formats/labels/mod.ts";
import { smallRow } from "../../formats/labels/fixture.ts";
import { writeFolder } from "../../formats/labels/write_folder.ts";
import { runTask } from "../task.ts";

/** The first of two shards of 8 images, by `write_folder.ts` at the commit before parts had an offset index. */
const FIXTURE = new URL("../../formats/labels/fixtures/no_offset_index/", import.meta.url).pathname;

Deno.test("a folder begun before parts had an offset index is finished, joined, read and verified", async () => {
  const path = Deno.makeTempDirSync();
  for (const { name } of Deno.readDirSync(FIXTURE)) Deno.copyFileSync(join(FIXTURE, name), join(path, name));
  for (const index of [0, 1]) writeFolder(path, 8, { index, count: 2 });
  await joinShards(path, { hashes: true });
  const part = "part-00000.parquet";
  assertEquals(Deno.readFileSync(join(path, part)), Deno.readFileSync(join(FIXTURE, part)));

  const labelMaps = await openLabelMaps(path);
  const expected = [0, 1, 2, 4, 5, 6, 7].map((index) => smallRow(index, labelMaps.metadata));
  assertEquals(await Array.fromAsync(labelMaps.rows()), expected);
  labelMaps.close();

  // All that verify finds is what it finds in the same rows written now: that their made-up scores have no order.
  const written = Deno.makeTempDirSync();
  writeFolder(written, 8);
  const defects = async (path: string) => {
    const { out } = await runTask("verify", path);
    return out.replace(path, "").split("\n").filter((line) => !/SHA-256|bytes/.test(line));
  };
  assertEquals(await defects(path), await defects(written));
});
