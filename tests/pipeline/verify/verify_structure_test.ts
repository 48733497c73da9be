import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import {
  createLabelMapFile,
  type FinishedPart,
  formatManifest,
  type LabelMapRow,
  type Manifest,
  openCropLabelFolder,
  openLabelMapFolder,
  readManifests,
} from "../../../formats/labels/mod.ts";
import { createDefects } from "../../../pipeline/verify/defects.ts";
import { verifyStructure } from "../../../pipeline/verify/structure.ts";
import { fixtureMetadata, fixtureRows } from "../../formats/labels/fixture.ts";

const METADATA = fixtureMetadata("fp16");
const ROWS = fixtureRows("fp16").slice(0, 10);
const IMAGES = 11;

/** A folder of three parts of 4, 4 and 3 images, of which the sixth was rejected. */
function wholeFolder(): string {
  const path = Deno.makeTempDirSync();
  const folder = openLabelMapFolder(path, { metadata: METADATA, rowsPerFile: 4, source: { images: IMAGES } }, {
    dataSetClasses: { name: ["one", "two"] },
  });
  const rows = ROWS.values();
  for (let part = 0; part < 3; part++) {
    const writer = folder.startPart(part);
    for (let index = part * 4; index < Math.min(part * 4 + 4, IMAGES); index++) {
      if (index === 5) writer.reject({ index, key: "five.jpg", reason: "It is a text" });
      else writer.append(rows.next().value!);
    }
    writer.finish();
  }
  folder.close();
  return path;
}

/** The defects of a folder after a change to it, with the folder's name left out. */
async function defectsAfter(change: (path: string) => void): Promise<string[]> {
  const path = wholeFolder();
  change(path);
  const defects = createDefects(20);
  await verifyStructure(path, defects, () => {});
  return defects.first.map((sentence) => sentence.replaceAll(path, "labels"));
}

function editManifest(path: string, edit: (manifest: Manifest) => Manifest): void {
  Deno.writeTextFileSync(join(path, "manifest.json"), formatManifest(edit(readManifests(path)[0])));
}

function editPart(path: string, part: number, change: Partial<FinishedPart>): void {
  editManifest(path, (manifest) => ({
    ...manifest,
    parts: manifest.parts.map((entry) => entry.part === part ? { ...entry, ...change } : entry),
  }));
}

/** Writes a part again with other rows, and lists it with its hash, as a faulty program would. */
function rewritePart(path: string, part: number, rows: readonly LabelMapRow[], metadata = METADATA): void {
  const writer = createLabelMapFile(join(path, `part-0000${part}.parquet`), metadata);
  for (const row of rows) writer.append(row);
  editPart(path, part, writer.finish());
}

Deno.test("verifyStructure() finds no defect in a whole folder, and says what it checked", async () => {
  const path = wholeFolder();
  const defects = createDefects(20);
  const progress: number[][] = [];
  const { files, rejected, lines } = await verifyStructure(path, defects, (...state) => progress.push(state));
  assertEquals(defects.first, []);
  assertEquals(files.map(({ name, rows }) => [name, rows]), [
    ["part-00000.parquet", 4],
    ["part-00001.parquet", 3],
    ["part-00002.parquet", 3],
  ]);
  assertEquals(rejected.map(({ index }) => index), [5]);
  const bytes = files.reduce((sum, { path }) => sum + Deno.statSync(path).size, 0).toLocaleString("en-US");
  assertEquals(lines, [
    "  manifest     1 manifest, 3 finished parts, 1 rejected image",
    `  hashes       SHA-256 of 3 part files, ${bytes} bytes`,
    "  maps         15 x 15 cells, 5 classes per cell of 1,000, fp16",
    "  rows         10 read: lengths, classes, scores, probabilities, labels, sizes, each key once",
  ]);
  assertEquals(progress.at(-1), [10, 10]);
});

Deno.test("verifyStructure() looks at files without a manifest, and says what it cannot check", async () => {
  const path = wholeFolder();
  for (const name of ["manifest.json", "rejected.jsonl"]) Deno.removeSync(join(path, name));
  for (const [place, count] of [[path, 10], [join(path, "part-00001.parquet"), 3]] as const) {
    const defects = createDefects(20);
    const { files, lines } = await verifyStructure(place, defects, () => {});
    assertEquals([defects.count, files.reduce((sum, { rows }) => sum + rows, 0)], [0, count]);
    assertEquals(lines[0], "  manifest     none: whether files are missing, and their hashes, cannot be checked");
  }
});

Deno.test("verifyStructure() finds a flipped bit wherever it is in a part", async () => {
  const { size } = Deno.statSync(join(wholeFolder(), "part-00001.parquet"));
  for (const position of [0, 5, 100, Math.floor(size / 2), size - 300, size - 6, size - 1]) {
    const [first, ...rest] = await defectsAfter((path) => {
      const part = join(path, "part-00001.parquet");
      const bytes = Deno.readFileSync(part);
      bytes[position] ^= 4;
      Deno.writeFileSync(part, bytes);
    });
    assertStringIncludes(first, "part-00001.parquet has SHA-256 ");
    // In the pages and in the footer's structure it is also seen by the reader, which names the file.
    for (const sentence of rest) assertStringIncludes(sentence, "part-00001.parquet");
  }
});

Deno.test("verifyStructure() finds parts that are missing, cut off, swapped or too many", async () => {
  assertEquals(await defectsAfter((path) => Deno.removeSync(join(path, "part-00002.parquet"))), [
    "part-00002.parquet is missing, though a manifest lists it",
  ]);
  const cut = await defectsAfter((path) => Deno.truncateSync(join(path, "part-00000.parquet"), 1000));
  assertStringIncludes(cut[0], "part-00000.parquet has 1000 bytes, its manifest says ");
  assertStringIncludes(cut[1], "part-00000.parquet has SHA-256 ");
  assertStringIncludes(cut[2], 'Cannot read label map "labels/part-00000.parquet": ');
  const swapped = await defectsAfter((path) => {
    const [first, second] = ["part-00001.parquet", "part-00002.parquet"].map((name) => join(path, name));
    Deno.renameSync(first, join(path, "other"));
    Deno.renameSync(second, first);
    Deno.renameSync(join(path, "other"), second);
  });
  assertEquals(swapped.filter((sentence) => sentence.includes("has SHA-256")).length, 2);
  assertEquals(
    await defectsAfter((path) => {
      Deno.copyFileSync(join(path, "part-00000.parquet"), join(path, "part-00007.parquet"));
      Deno.writeTextFileSync(join(path, "part-00003.parquet.partial"), "");
      Deno.writeTextFileSync(join(path, "notes.txt"), "mine");
    }),
    ["part-00003.parquet.partial is listed in no manifest", "part-00007.parquet is listed in no manifest"],
  );
});

Deno.test("verifyStructure() finds what an edited manifest says wrongly", async () => {
  const manifestDefects = (edit: (manifest: Manifest) => Manifest) => defectsAfter((path) => editManifest(path, edit));
  assertEquals(await defectsAfter((path) => editPart(path, 1, { rows: 4, rejected: 0 })), [
    'Cannot read "labels/rejected.jsonl": it lists 1 image of part 1, the manifest 0',
    "part-00001.parquet has 3 rows, its manifest says 4",
  ]);
  assertEquals(await defectsAfter((path) => editPart(path, 0, { rows: 5 })), [
    "part-00000.parquet is listed with 5 rows and 0 rejected images, of 4 images",
    "part-00000.parquet has 4 rows, its manifest says 5",
  ]);
  assertEquals(
    await manifestDefects((manifest) => ({ ...manifest, parts: manifest.parts.slice(0, 2) })),
    [
      "part 2 of 0 to 2 is not finished: the run that writes it has not ended",
      "part-00002.parquet is listed in no manifest",
    ],
  );
  const configured = await manifestDefects((manifest) => ({
    ...manifest,
    configuration: {
      ...manifest.configuration,
      metadata: { ...METADATA, annotator: { ...METADATA.annotator, name: "x" } },
    },
  }));
  assertEquals(configured.length, 3);
  assertEquals(
    configured[0],
    'part-00000.parquet is not like its manifest: annotator.name was "x", is "tf_efficientnet_lite0"',
  );
  assertEquals(await defectsAfter((path) => Deno.truncateSync(join(path, "manifest.json"), 500)), [
    'Cannot read manifest "labels/manifest.json": it is not JSON',
  ]);
});

Deno.test("verifyStructure() finds rows that cannot be, and keys that are there twice", async () => {
  const [first, second, third, fourth] = ROWS;
  const score = first.score.slice();
  [score[0], score[225]] = [score[225], score[0]];
  const defects = await defectsAfter((path) => {
    rewritePart(path, 0, [{ ...first, score }, second, { ...third, label: 2 }, fourth]);
    rewritePart(path, 1, [ROWS[4], { ...ROWS[5], key: second.key }, ROWS[6]]);
  });
  assertEquals(defects.length, 3);
  assertStringIncludes(defects[0], `part-00000.parquet, row 0 ("${first.key}"): the score of cell (0, 0), rank 1 is `);
  assertEquals(defects[1], `part-00000.parquet, row 2 ("${third.key}"): its label is 2, expected less than 2`);
  assertEquals(defects[2], `part-00001.parquet, row 1 has the key "${second.key}", as part-00000.parquet, row 1 has`);
});

Deno.test("verifyStructure() finds that a shard has not begun, or is of another run", async () => {
  const path = Deno.makeTempDirSync();
  const open = (index: number, rowsPerFile: number, count: number) =>
    openLabelMapFolder(path, { metadata: METADATA, rowsPerFile, source: { images: 4 } }, { shard: { index, count } });
  open(0, 4, 2).close();
  const defects = createDefects(20);
  await verifyStructure(path, defects, () => {});
  assertEquals(defects.first, [
    "manifest-00001-of-00002.json is missing: that shard has not begun",
    "part 0 of 0 to 0 is not finished: the run that writes it has not ended",
  ]);
});

Deno.test("verifyStructure() finds a part that is listed by a shard that does not write it", async () => {
  const path = Deno.makeTempDirSync();
  for (const index of [0, 1]) {
    const configuration = { metadata: METADATA, rowsPerFile: 2, source: { images: 4 } };
    const folder = openLabelMapFolder(path, configuration, { shard: { index, count: 2 } });
    const part = folder.startPart(index);
    for (const row of ROWS.slice(2 * index, 2 * index + 2)) part.append(row);
    part.finish();
    folder.close();
  }
  const [first, second] = [0, 1].map((index) => join(path, `manifest-0000${index}-of-00002.json`));
  const [one, two] = [first, second].map((file) => JSON.parse(Deno.readTextFileSync(file)));
  Deno.writeTextFileSync(first, JSON.stringify({ ...one, parts: [] }));
  Deno.writeTextFileSync(second, JSON.stringify({ ...two, parts: [...one.parts, ...two.parts] }));
  const defects = createDefects(20);
  await verifyStructure(path, defects, () => {});
  assertEquals(defects.first, [
    "manifest-00001-of-00002.json lists part 0, and its shard has parts 1 to before 2",
  ]);
});

Deno.test("verifyStructure() refuses a folder of crop labels", async () => {
  const path = Deno.makeTempDirSync();
  const { annotator, classes } = METADATA;
  const metadata = { version: 1, kind: "crop_labels", annotator, classes, k: 3, missing: "uniform" } as const;
  openCropLabelFolder(path, { metadata, rowsPerFile: 4 }).close();
  await assertRejects(
    () => verifyStructure(path, createDefects(20), () => {}),
    TypeError,
    `Cannot verify "${path}": it holds "crop_labels", expected label maps`,
  );
});
