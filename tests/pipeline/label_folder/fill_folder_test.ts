import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  type LabelMapRow,
  openLabelMapFolder,
  openLabelMaps,
  readManifests,
  type Shard,
  type SourceImage,
} from "../../../formats/labels/mod.ts";
import { fillFolder } from "../../../pipeline/label_folder/fill_folder.ts";
import type { Filling } from "../../../pipeline/label_folder/part_folder.ts";
import type { Span } from "../../../pipeline/label_folder/spans.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { contents } from "../task.ts";

/** Fills a folder, or one shard's share of it, with made-up rows; every seventh image is rejected. */
async function fill(
  path: string,
  { images, rowsPerFile, shard }: { images: number; rowsPerFile: number; shard?: Shard },
) {
  const asked: Span[] = [];
  async function* fill(spans: readonly Span[]): AsyncGenerator<Filling<LabelMapRow>> {
    asked.push(...spans);
    for (const { start, end } of spans) {
      for (let index = start; index < end; index++) {
        const key = `kind/${index}.jpg`;
        yield index % 7 === 3
          ? { index, key, reason: "Not an image" }
          : { index, key, row: smallRow(index, smallMetadata()) };
      }
    }
  }
  async function* list({ start, end }: Span): AsyncGenerator<SourceImage> {
    for (let index = start; index < end; index++) {
      yield { key: `kind/${index}.jpg`, label: smallRow(index, smallMetadata()).label, bytes: index };
    }
  }
  const folder = openLabelMapFolder(path, smallConfiguration({ images, rowsPerFile }), { shard });
  try {
    return { asked, ...await fillFolder(folder, { images, rowsPerFile, shard }, { list, fill }) };
  } finally {
    folder.close();
  }
}

Deno.test("any number of shards writes the part files of one process, byte for byte, each from one stretch of images", async () => {
  for (const [images, rowsPerFile] of [[53, 4], [53, 53], [7, 3], [12, 4], [1, 10]]) {
    const whole = Deno.makeTempDirSync();
    await fill(whole, { images, rowsPerFile });
    const { "manifest.json": _, "rejected.jsonl": rejected = "", ...parts } = contents(whole);
    for (const count of [1, 2, 3, 5, 16]) {
      const path = Deno.makeTempDirSync();
      // The last shard first, so that nothing depends on their order.
      for (let index = count - 1; index >= 0; index--) {
        const { asked, total, done } = await fill(path, { images, rowsPerFile, shard: { index, count } });
        const [span = { start: 0, end: 0 }, ...more] = asked;
        assertEquals([more, span.end - span.start, done], [[], total, total]);
      }
      const files = Object.entries(contents(path));
      const what = `${images} images, ${rowsPerFile} a file, ${count} shards`;
      assertEquals(Object.fromEntries(files.filter(([name]) => name.startsWith("part-"))), parts, what);
      const lists = files.filter(([name]) => name.startsWith("rejected-")).map(([, content]) => atob(content));
      assertEquals(lists.join(""), atob(rejected), what);
      const [{ parts: listed }] = readManifests(whole);
      assertEquals(readManifests(path).flatMap(({ parts }) => parts), listed, what);
      assertEquals(readManifests(path).length, count);
      const keys = async (folder: string) => {
        const labelMaps = await openLabelMaps(folder);
        const rows = await Array.fromAsync(labelMaps.rows());
        labelMaps.close();
        return rows.map(({ key }) => key);
      };
      assertEquals(await keys(path), await keys(whole), what);
    }
  }
});

Deno.test("a shard that is started again asks for the images of the parts that it lacks, and of no others", async () => {
  const path = Deno.makeTempDirSync();
  const shard = { index: 1, count: 3 };
  const first = await fill(path, { images: 50, rowsPerFile: 2, shard });
  assertEquals([first.asked, first.total], [[{ start: 16, end: 32 }], 16]);
  const manifest = join(path, "manifest-00001-of-00003.json");
  const { parts, ...rest } = JSON.parse(Deno.readTextFileSync(manifest));
  const before = contents(path);
  const kept = parts.filter(({ part }: { part: number }) => part !== 9 && part !== 10 && part !== 15);
  Deno.writeTextFileSync(manifest, JSON.stringify({ ...rest, parts: kept }));
  const again = await fill(path, { images: 50, rowsPerFile: 2, shard });
  assertEquals(again.asked, [{ start: 18, end: 22 }, { start: 30, end: 32 }]);
  assertEquals([again.before, again.done, again.total], [10, 16, 16]);
  assertEquals(Object.keys(contents(path)), Object.keys(before));
  assertEquals(readManifests(path)[0].parts, parts);
});

Deno.test("fillFolder() keeps whole parts when what gives the images hears the signal before it does", async () => {
  const path = Deno.makeTempDirSync();
  const controller = new AbortController();
  const { signal } = controller;
  const folder = openLabelMapFolder(path, smallConfiguration({ images: 10, rowsPerFile: 2 }));
  const row = (index: number) => ({ ...smallRow(index, smallMetadata()), key: `${index}` });
  const result = await fillFolder(folder, { images: 10, rowsPerFile: 2, signal }, {
    async *list({ start, end }) {
      for (let index = start; index < end; index++) yield { key: `${index}`, label: row(index).label, bytes: index };
    },
    async *fill() {
      for (let index = 0; index < 5; index++) yield { index, key: `${index}`, row: row(index) };
      controller.abort();
      throw signal.reason;
    },
  });
  folder.close();
  assertEquals([result.stopped, result.done, result.manifest.parts.length], [true, 5, 2]);
});
