import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile, createThreadedLabelMapFile } from "../../../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "./fixture.ts";

// Groups of 256 rows, three for a thread and one that is too small for it.
const ROWS = fixtureRows("fp16");
const rows = Array.from({ length: 3 }, () => ROWS).flat().concat(ROWS.slice(0, 3));
const metadata = fixtureMetadata("fp16");

Deno.test("createThreadedLabelMapFile() writes the bytes of createLabelMapFile(), and bounds what waits for its thread", async () => {
  const folder = Deno.makeTempDirSync();
  for (const name of ["a.parquet", "a.arrow"]) {
    const writer = createLabelMapFile(join(folder, name), metadata);
    for (const row of rows) writer.append(row);
    const threaded = createThreadedLabelMapFile(join(folder, `threaded-${name}`), metadata);
    const waits = rows.map((row) => threaded.append(row)).filter((wait) => wait !== undefined);
    assertEquals(waits.length > 0, true);
    await Promise.all(waits);
    assertEquals(threaded.append(rows[0]), undefined);
    writer.append(rows[0]);
    assertEquals(await threaded.finish(), writer.finish());
  }
  assertEquals(
    [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
    ["a.arrow", "a.parquet", "threaded-a.arrow", "threaded-a.parquet"],
  );
});

Deno.test("createThreadedLabelMapFile() leaves nothing when it is discarded while its thread encodes", async () => {
  const folder = Deno.makeTempDirSync();
  const writer = createThreadedLabelMapFile(join(folder, "a.parquet"), metadata);
  for (const row of ROWS) writer.append(row);
  writer.discard();
  await assertRejects(() => writer.finish(), Error, "it is closed");
  assertThrows(() => writer.append(ROWS[0]), Error, "it is closed");
  assertEquals([...Deno.readDirSync(folder)], []);
});
