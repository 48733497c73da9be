import { assertEquals, assertStrictEquals } from "@std/assert";
import { findDifferences, OtherConfigurationError } from "../../../formats/labels/mod.ts";
import { describeOther, inOptions } from "../../../pipeline/label_folder/other_configuration.ts";
import { smallConfiguration, smallMetadata } from "../../formats/labels/fixture.ts";

const WORDS = { subject: 'Cannot go on in "labels"', elsewhere: "another folder with --out" };

/** A configuration as relabel records it, some entries of which are others. */
function configuration(changes: Record<string, unknown>): unknown {
  const all = {
    ...smallConfiguration(),
    source: { images: 2, firstKey: "a.jpg", lastKey: "b.jpg" },
    engine: { version: "relabel 0.1.0", adapter: "llvmpipe", profile: "software", storage: "f32" },
    dataSetClasses: { name: ["one"] },
    classes: { name: ["cat"], wnid: ["n1"] },
  };
  const copy = structuredClone(all) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop()!;
    let place = copy;
    for (const name of names) place = place[name] as Record<string, unknown>;
    if (value === undefined) delete place[last];
    else place[last] = value;
  }
  return copy;
}

function said(changes: Record<string, unknown>): string {
  const sentence = describeOther(findDifferences(configuration({}), configuration(changes)), WORDS);
  return sentence.slice(`${WORDS.subject}: it `.length);
}

Deno.test("every entry of a configuration is told by its option, or in words", () => {
  const { annotator, k, dtype, grid } = smallMetadata();
  const rows = smallConfiguration().rowsPerFile;
  const repeat = "; repeat that, or name another folder with --out";
  const elsewhere = "; name another folder with --out";
  const cases: [Record<string, unknown>, string][] = [
    [{ "metadata.k": k + 1 }, `was begun with --top-k ${k}, not ${k + 1}${repeat}`],
    [{ "metadata.dtype": "other" }, `was begun with --dtype ${dtype}, not other${repeat}`],
    [
      { "metadata.annotator.inputSize": [9, 8], "metadata.grid": [3, 3] },
      `was begun with --size ${annotator.inputSize.join("x")}, not 9x8${repeat}`,
    ],
    [{ "metadata.grid": [3, 3] }, `was begun with maps of ${grid.join("x")}, not 3x3${repeat}`],
    [
      {
        "metadata.annotator.name": "b",
        "metadata.annotator.sha256": "0",
        "metadata.classes": 3,
        "metadata.grid": [1, 1],
      },
      `was begun with annotator ${annotator.name}, not b${repeat}`,
    ],
    [{ "metadata.annotator.sha256": "0" }, `was begun with other weights of the annotator${repeat}`],
    [
      { "metadata.annotator.mean": [0, 0, 0], "metadata.annotator.std": [2, 2, 2] },
      `was begun with another config.json of the annotator${repeat}`,
    ],
    [{ "classes.name": ["dog"], "classes.wnid": ["n2"] }, `was begun with other --classes${repeat}`],
    [
      { "metadata.classEmbeddings": { sha256: "0", scale: 100 }, "metadata.classes": 3, "classes.name": ["dog"] },
      `was begun without --class-embeddings${repeat}`,
    ],
    [{ "metadata.classesFrom": "WordNet 3.0", "metadata.classes": 3 }, `was begun without --classes-from${repeat}`],
    [{ "metadata.mirror": true }, `was begun without --mirror${repeat}`],
    [{ "metadata.temperature": 2 }, `was begun without --temperature${repeat}`],
    [{ "metadata.average": "probabilities" }, `was begun with --average logits, not probabilities${repeat}`],
    [
      { "metadata.averagedWith": [annotator], "metadata.grid": [3, 3], "metadata.pooledFrom": [4, 4] },
      `was begun with other annotators or sizes${repeat}`,
    ],
    [
      { "metadata.grid": [3, 3], "metadata.pooledFrom": [4, 4] },
      `was begun with maps of ${grid.join("x")}, not 3x3${repeat}`,
    ],
    [{ "metadata.exifOrientation": true }, `was begun without --exif-orientation${repeat}`],
    [{ rowsPerFile: rows + 1 }, `was begun with --rows-per-file ${rows}, not ${rows + 1}${repeat}`],
    [{ container: "arrow" }, `was begun with --to parquet, not arrow${repeat}`],
    [{ keys: "images" }, `was begun without --images${repeat}`],
    [{ layout: "wh" }, `was begun without --layout${repeat}`],
    [{ "engine.version": "relabel 0.2.0" }, `was begun by relabel 0.1.0, not relabel 0.2.0${repeat}`],
    [{ "engine.adapter": "A100", "engine.profile": "gpu" }, `was begun on llvmpipe, not A100${repeat}`],
    [{ "engine.profile": "gpu" }, `was begun with kernels of software, not gpu${repeat}`],
    [{ "engine.storage": "f16" }, `was begun with --storage f32, not f16${repeat}`],
    [{ "source.images": 1 }, `holds another data set (2 images, not 1)${elsewhere}`],
    [{ "source.firstKey": null }, `holds another data set (its first is "a.jpg", not null)${elsewhere}`],
    [{ dataSetClasses: undefined }, `holds another data set (other classes)${elsewhere}`],
    [
      { "source.lastKey": "c.jpg", "metadata.k": k + 1 },
      `holds another data set (its last is "b.jpg", not "c.jpg") and was begun with --top-k ${k}, not ${
        k + 1
      }${elsewhere}`,
    ],
    [{ "engine.new": 1 }, `was begun with engine.new none, not 1${repeat}`],
  ];
  for (const [changes, sentence] of cases) assertEquals(said(changes), sentence);
});

Deno.test("inOptions() leaves other errors as they are", () => {
  const error = new TypeError("Cannot read");
  assertStrictEquals(inOptions(error, "labels", "another OUTPUT"), error);
  const found = findDifferences(configuration({}), configuration({ rowsPerFile: 9 }));
  const told = inOptions(new OtherConfigurationError("Cannot resume", found), "labels", "another OUTPUT") as Error;
  assertEquals(
    /^Cannot go on in "labels": it was begun with --rows-per-file \d+, not 9; repeat that, or name another OUTPUT$/
      .test(told.message),
    true,
    told.message,
  );
});
