import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { join } from "@std/path";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { toArrow } from "../../arrow.ts";
import {
  containers,
  createLabelMapFile,
  type LabelMapMetadata,
  labelMapTypes,
  openLabelMaps,
} from "../../formats/labels/mod.ts";
import { smallMetadata, smallRow } from "../formats/labels/fixture.ts";

/** Writes rows to a new file and gives its path. */
function writeFile(name: string, metadata: LabelMapMetadata, count: number): string {
  const path = join(Deno.makeTempDirSync(), name);
  const writer = createLabelMapFile(path, metadata);
  for (let index = 0; index < count; index++) writer.append(smallRow(index, metadata));
  writer.finish();
  return path;
}

for (const container of containers) {
  for (const dtype of labelMapTypes) {
    Deno.test(`toArrow() gives what apache-arrow reads of an Arrow file (${dtype}, from ${container})`, async () => {
      for (const classes of [12, 100_000]) {
        const metadata = smallMetadata({ dtype, classes });
        const labelMaps = await openLabelMaps(writeFile(`a.${container}`, metadata, 20));
        const table = await toArrow(labelMaps);
        labelMaps.close();
        const expected = tableFromIPC(Deno.readFileSync(writeFile("b.arrow", metadata, 20)));
        assertEquals(String(table.schema), String(expected.schema));
        assertEquals(table.schema.metadata, expected.schema.metadata);
        assertEquals(table.toArray().map(String), expected.toArray().map(String));
        assertEquals(table.getChild("label")!.nullCount, 7);
        // Written by apache-arrow and read again it is the same: the buffers are as its format wants them.
        assertEquals(tableFromIPC(tableToIPC(table)).toArray().map(String), expected.toArray().map(String));
      }
    });
  }

  Deno.test(`toArrow() gives a range of rows, of several groups (${container})`, async () => {
    const metadata = smallMetadata({ grid: [64, 64] });
    const labelMaps = await openLabelMaps(writeFile(`a.${container}`, metadata, 50));
    const keys = async (start?: number, end?: number) => {
      return [...(await toArrow(labelMaps, { start, end })).getChild("key")!];
    };
    const all = Array.from({ length: 50 }, (_, index) => `kind/${index}.jpg`);
    assertEquals(await keys(), all);
    assertEquals(await keys(20, 30), all.slice(20, 30));
    assertEquals(await keys(45), all.slice(45));
    assertEquals(await keys(3, 3), []);
    labelMaps.close();
  });

  Deno.test(`toArrow() does not copy classes and scores (${container})`, async () => {
    const metadata = smallMetadata({ dtype: "fp16" });
    const labelMaps = await openLabelMaps(writeFile(`a.${container}`, metadata, 20), { preload: true });
    const batch = await labelMaps.batch(Array.from({ length: 20 }, (_, row) => row));
    const table = await toArrow(labelMaps);
    const [classes, scores] = ["class", "score"].map((name) => table.getChild(name)!.data[0].children[0].values);
    assertStrictEquals(classes.buffer, batch.class.buffer);
    assertStrictEquals(scores.buffer, batch.score.buffer);
    labelMaps.close();

    // Not preloaded, the table's arrays are those that the columns were read into.
    const opened = await openLabelMaps(writeFile(`a.${container}`, metadata, 20));
    const given: unknown[] = [];
    const spied = {
      ...opened,
      async *columns() {
        for await (const group of opened.columns()) {
          given.push(group.columns[4].values, group.columns[5].values);
          yield group;
        }
      },
    };
    const columns = (await toArrow(spied)).batches[0].data.children;
    assert(given.length === 2);
    assertStrictEquals(columns[4].children[0].values, given[0]);
    assertStrictEquals(columns[5].children[0].values, given[1]);
    opened.close();
  });
}
