import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse } from "@std/yaml";
import { readFooter } from "../../../formats/columns/parquet/decode/file.ts";
import { decodeFooter } from "../../../formats/columns/parquet/decode/footer.ts";
import { createFilePool } from "../../../formats/base/random_access.ts";
import { type Manifest, openLabelMapFolder, readManifests } from "../../../formats/labels/mod.ts";
import { labelNames } from "../../../pipeline/publish/label_files.ts";
import { publishLabels } from "../../../pipeline/publish/publish_labels.ts";
import { writeFiles } from "../../../pipeline/publish/write_files.ts";
import { createDefects } from "../../../pipeline/verify/defects.ts";
import { verifyStructure } from "../../../pipeline/verify/structure.ts";
import { pythonTest } from "../../python.ts";
import { askRows, TWELVE } from "../query/query_folder.ts";
import { ROOT, runTask } from "../task.ts";
import { allRows, LABELS, partsFolder, PUBLICATION, published } from "./published.ts";

const NAMES = ["crane (0)", "no", 'a "b": c', "crane (3)", "e", "f", "g", "h"];

/** The YAML before a card. */
// deno-lint-ignore no-explicit-any
function yamlOf(folder: string): any {
  const [, text] = /^---\n([\s\S]*?)\n---\n/.exec(Deno.readTextFileSync(join(folder, "README.md")))!;
  return parse(text);
}

const labels = partsFolder();
let made: Promise<string> | undefined;

/** The labels, published once. */
function publishedFolder(): Promise<string> {
  return made ??= published(labels, { title: 'My: "photographs"', license: "CC-BY-4.0" });
}

Deno.test("a published folder is a folder of label maps again, with the same rows", async () => {
  const folder = await publishedFolder();
  assertEquals(await allRows(folder), await allRows(labels));
  const [before, after] = [labels, folder].map((path) => readManifests(path)[0]);
  assertEquals(after.configuration, before.configuration);
  assertEquals([after.classes, after.dataSetClasses], [TWELVE, LABELS]);
  const question = "SELECT key, given, name, score FROM image_labels ORDER BY key, rank";
  assertEquals(await askRows(folder, question), await askRows(labels, question));
  const defects = createDefects(20);
  await verifyStructure(folder, defects, () => {});
  // The scores of these rows are in no order, which is no matter here.
  assertEquals(defects.first.filter((sentence) => !/, row \d+ /.test(sentence)), []);
  // Nothing is left to do, and nothing else may be done there.
  const opened = openLabelMapFolder(folder, after.configuration, { classes: TWELVE, dataSetClasses: LABELS });
  assertEquals([...opened.finishedParts], [0, 1]);
  opened.close();
});

Deno.test("a published folder has its parts where the hub's viewer looks for them, and no path of this machine", async () => {
  const folder = await publishedFolder();
  const names = Array.from(Deno.readDirSync(join(folder, "data")), ({ name }) => name).sort();
  assertEquals(names, ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]);
  const rejected = Deno.readTextFileSync(join(folder, "rejected.jsonl"));
  assertEquals(rejected, '{"index":3,"key":"kind/3.jpg","reason":"Cannot decode \\"3.jpg\\""}\n');
});

Deno.test("the schema of a published part names the classes of label and the length of lists", async () => {
  const folder = await publishedFolder();
  const subject = "Cannot read";
  const file = createFilePool().open(join(folder, "data/train-00001-of-00002.parquet"), subject);
  const { entries } = readFooter(file, subject, decodeFooter);
  file.close();
  assertEquals([...entries.keys()], ["relabel", "huggingface", "ARROW:schema"]);
  const { features } = JSON.parse(entries.get("huggingface")!).info;
  assertEquals(features.label, { names: NAMES, _type: "ClassLabel" });
  assertEquals(features.class, { feature: { dtype: "uint16", _type: "Value" }, length: 24, _type: "List" });
  assertEquals(features.top_class, { feature: { dtype: "uint16", _type: "Value" }, _type: "List" });
});

Deno.test("a card says in YAML what datasets and the hub read of it", async () => {
  const folder = await publishedFolder();
  const card = yamlOf(folder);
  assertEquals([card.license, card.pretty_name, card.size_categories], ["cc-by-4.0", 'My: "photographs"', ["n<1K"]]);
  const files = { split: "train", path: "data/train-*.parquet" };
  assertEquals(card.configs, [{ config_name: "default", data_files: [files] }]);
  const { features, splits } = card.dataset_info;
  assertEquals(features[1].dtype.class_label.names, Object.fromEntries(NAMES.entries()));
  assertEquals(features[4], { name: "class", list: "uint16", length: 24 });
  assertEquals(splits[0].num_examples, 7);
});

Deno.test("a card says what is known of licences, and shows images only where they are named", async () => {
  const options = {
    split: "validation",
    license: "of our own",
    annotatorLicense: "Apache-2.0",
    imagesLicense: "*none* <b>known</b>",
  };
  const folder = await published(labels, options);
  const card = yamlOf(folder);
  assertEquals([card.license, card.license_name], ["other", "of our own"]);
  assertEquals(card.configs[0].data_files[0].path, "data/validation-*.parquet");
  const text = Deno.readTextFileSync(join(folder, "README.md"));
  assertStringIncludes(text, "| images | not part of this data set | \\*none\\* \\<b\\>known\\</b\\> |");
  assertStringIncludes(text, "weights of SHA-256");
  assertEquals(Deno.readTextFileSync(join(folder, "pictures/crops.svg")).includes("data:image/jpeg"), false);
});

Deno.test("labels have names where all of them have one", () => {
  const [manifest] = readManifests(labels);
  const ofAnnotator = { ...manifest, dataSetClasses: undefined };
  const names = (manifest: Manifest, smallest: number, largest: number) =>
    labelNames(manifest, { labelled: 2, keyBytes: 9, smallest, largest });
  assertEquals(names(manifest, 0, 7), NAMES);
  assertEquals(names(manifest, 0, 8), undefined);
  assertEquals(names(manifest, -1, 7), undefined);
  assertEquals(names(ofAnnotator, 0, 11), TWELVE.name);
  assertEquals(names({ ...ofAnnotator, classes: undefined }, 0, 11), undefined);
  assertEquals(labelNames(manifest, { labelled: 0, keyBytes: 9 }), undefined);
});

Deno.test("only label maps that are whole are published", async () => {
  const cases: [labels: string, message: string][] = [
    [partsFolder({}, 4), "it is not whole, 4 of 8 images are labelled, go on with it first"],
    [partsFolder({ container: "arrow" }), "its parts are Arrow files, convert them first: deno task convert"],
    [Deno.makeTempDirSync(), "it holds no manifest.json"],
  ];
  for (const [labels, message] of cases) {
    await assertRejects(() => publishLabels({ ...PUBLICATION, labels }), Error, message);
  }
});

Deno.test("files are not published into a folder that has others", async () => {
  const folder = await published(labels);
  const { files } = await publishLabels({ ...PUBLICATION, labels });
  await writeFiles(folder, files);
  Deno.writeTextFileSync(join(folder, "data/train-00002-of-00003.parquet"), "");
  await assertRejects(
    () => writeFiles(folder, files),
    Deno.errors.AlreadyExists,
    'it holds "data/train-00002-of-00003.parquet", which is not to be published',
  );
});

Deno.test("a task publishes with pictures of images that are named", async () => {
  const [labels, folder] = [Deno.makeTempDirSync(), join(Deno.makeTempDirSync(), "published")];
  const images = join(ROOT, "assets/photos/several");
  assertEquals((await runTask("relabel", images, "--out", labels, "--quiet")).code, 0);
  const { code, out, error } = await runTask("publish", labels, images, "--files-only", folder);
  assertEquals(code, 0, error);
  assert(out.startsWith(`${folder}: 3 images, 5 files, `), out);
  for (const name of ["heat_maps", "crops"]) {
    assertStringIncludes(Deno.readTextFileSync(join(folder, `pictures/${name}.svg`)), "data:image/jpeg;base64");
  }
});

pythonTest("datasets reads a published folder, with the names of its labels", ["datasets"], async (run) => {
  const folder = await publishedFolder();
  const program = "import json, sys\nfrom datasets import load_dataset\n" +
    "rows = load_dataset(sys.argv[1], split='train', cache_dir=sys.argv[2])\n" +
    "print(json.dumps([rows.features['label'].names, rows.to_list()]))";
  const [names, rows] = JSON.parse(await run(program, folder, Deno.makeTempDirSync()));
  assertEquals(names, NAMES);
  const plain = (await allRows(labels)).map(({ topClass, topProbability, ...row }) => ({
    ...row,
    class: [...row.class],
    score: [...row.score],
    top_class: [...topClass],
    top_probability: [...topProbability],
  }));
  assertEquals(rows, plain);
});
