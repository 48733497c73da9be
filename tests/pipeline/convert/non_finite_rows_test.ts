import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { openImages } from "../../../formats/images/mod.ts";
import { type LabelMapType, openLabelMaps } from "../../../formats/labels/mod.ts";
import { annotatedMaps, type LoadedAnnotator } from "../../../pipeline/model/load_annotator.ts";
import { writeLabelMaps } from "../../../pipeline/relabel/write_label_maps.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { imageFolder } from "../training/data.ts";

type Row = ReturnType<typeof smallRow>;

/** An annotator of made-up maps, which are changed where an image's number says so. */
function annotator(dtype: LabelMapType, change: (row: Row, image: number) => Partial<Row>): LoadedAnnotator {
  const metadata = smallMetadata({ dtype });
  let images = 0;
  const start: LoadedAnnotator["start"] = (given) => {
    const maps = given.map(() => {
      const image = images++;
      const row = smallRow(image, metadata);
      return { ...row, ...change(row, image) };
    });
    return Promise.resolve(() => Promise.resolve(maps));
  };
  return {
    metadata,
    ownSize: metadata.annotator.inputSize,
    capabilities: {
      adapter: "none",
      software: true,
      profile: "software",
      float16: false,
      timestamps: false,
      maxBindingBytes: 0,
      maxBufferBytes: 0,
    },
    storage: "f32",
    batch: 4,
    annotate: async (given) => annotatedMaps(await (await start(given))(), metadata),
    start,
    close: () => {},
  };
}

/** What may be wrong with the numbers of a row, by type, and what is said of it. */
const FAULTS: [LabelMapType, (row: Row) => Partial<Row>, string][] = [
  ["fp32", (row) => ({ score: row.score.with(2, NaN) }), "score at position 2 is NaN, expected a finite number"],
  [
    "fp32",
    (row) => ({ score: row.score.with(0, Infinity) }),
    "score at position 0 is Infinity, expected a finite number",
  ],
  [
    "fp16",
    (row) => ({ score: row.score.with(1, 0xfc00) }),
    "score at position 1 is -Infinity, expected a finite number",
  ],
  ["fp8_e4m3", (row) => ({ score: row.score.with(1, 0x7f) }), "score at position 1 is NaN, expected a finite number"],
  [
    "fp8_e5m2",
    (row) => ({ score: row.score.with(1, 0x7c) }),
    "score at position 1 is Infinity, expected a finite number",
  ],
  [
    "fp16",
    (row) => ({ topProbability: row.topProbability.map(() => NaN) }),
    "topProbability at position 0 is NaN",
  ],
  [
    "fp16",
    (row) => ({ topProbability: row.topProbability.with(3, Infinity) }),
    "topProbability at position 3 is Infinity",
  ],
];

Deno.test("writeLabelMaps() rejects an image whose scores or probabilities are not finite, and goes on", async () => {
  const images = imageFolder(7);
  const source = await openImages(images);
  for (const [dtype, change, reason] of FAULTS) {
    const labels = join(Deno.makeTempDirSync(), "labels");
    const broken = annotator(dtype, (row, image) => image === 2 ? change(row) : {});
    const { done, rejected } = await writeLabelMaps(labels, source, broken, { workers: 1 });
    assertEquals([done, rejected], [7, 1], reason);
    const maps = await openLabelMaps(labels);
    assertEquals((await Array.fromAsync(maps.rows())).length, 6);
    maps.close();
    const lines = Deno.readTextFileSync(join(labels, "rejected.jsonl")).trimEnd().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(lines, [{ index: 2, key: "cat/6.png", reason: lines[0].reason }]);
    assertEquals(lines[0].reason.includes(reason), true, lines[0].reason);
    await assertRejects(
      () => writeLabelMaps(`${labels}-strict`, source, annotator(dtype, change), { workers: 1, strict: true }),
      Error,
      reason,
    );
  }
});

Deno.test("writeLabelMaps() writes no row where none has finite numbers", async () => {
  const labels = join(Deno.makeTempDirSync(), "labels");
  const none = annotator("fp16", (row) => ({ topProbability: row.topProbability.map(() => NaN) }));
  const { done, rejected } = await writeLabelMaps(labels, await openImages(imageFolder(5)), none, { workers: 1 });
  assertEquals([done, rejected], [5, 5]);
});
