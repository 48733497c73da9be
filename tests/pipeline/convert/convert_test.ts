import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { DuckDBInstance } from "@duckdb/node-api";
import { dirname, join } from "@std/path";
import {
  createLabelMapFile,
  dequantise,
  type LabelMapType,
  openLabelMaps,
  quantiseMap,
  readManifests,
} from "../../../formats/labels/mod.ts";
import { type PublishedMap, publishedMapWriter, readPublished } from "../../../formats/published/mod.ts";
import { openWeights, torchTensorWriter } from "../../../formats/weights/mod.ts";
import { loadAnnotator } from "../../../pipeline/model/load_annotator.ts";
import { decodeImage } from "../../../formats/images/mod.ts";
import { poolLabels } from "../../../kernels/operations/label_pooling/mod.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { writeTar } from "../../formats/images/tar_writer.ts";
import { zipFile } from "../../formats/weights/zip_file.ts";
import { contents, ROOT, runTask, taskCommand } from "../task.ts";

const PUBLISHED = join(ROOT, "tests/fixtures/published");
const TOKEN_LABELS = join(ROOT, "tests/formats/published/fixtures/token_labels.pt");

function newFolder(): string {
  return join(Deno.makeTempDirSync(), "out");
}

/** Converts, which must succeed, and returns the output's path and what was printed. */
async function convert(input: string, ...options: string[]): Promise<{ path: string; out: string; error: string }> {
  const path = newFolder();
  const { code, out, error } = await runTask("convert", input, path, ...options);
  assertEquals(code, 0, error);
  return { path, out, error };
}

/** Converts, which must fail, and returns the code and the sentence. */
async function failing(input: string, ...options: string[]): Promise<[number, string]> {
  const { code, error } = await runTask("convert", input, newFolder(), ...options);
  return [code, error.trimEnd().split("\n").at(-1)!];
}

async function rowsOf(path: string) {
  const labelMaps = await openLabelMaps(path);
  const rows = await Array.fromAsync(labelMaps.rows());
  const { metadata } = labelMaps;
  labelMaps.close();
  return { rows, metadata };
}

/** The map in a file, as bits. */
function bitsOf(path: string): { shape: number[]; bits: Uint32Array } {
  const { k, axes, values } = readPublished(path, Deno.readFileSync(path)) as PublishedMap;
  return { shape: [k, ...axes], bits: new Uint32Array(values.buffer, values.byteOffset, values.length) };
}

/** Writes files of made-up maps `[2, 2, 2, 3]`, whose scores count up from their number; returns the folder. */
function writeMaps(names: readonly string[]): string {
  const path = Deno.makeTempDirSync();
  const write = torchTensorWriter([2, 2, 2, 3]);
  for (const [number, name] of names.entries()) {
    Deno.mkdirSync(dirname(join(path, name)), { recursive: true });
    const values = Float32Array.from({ length: 24 }, (_, index) => index < 12 ? number + index / 16 : index * 3 % 10);
    Deno.writeFileSync(join(path, name), write(values));
  }
  return path;
}

Deno.test("deno task convert makes of the published files what they hold, and the same files again", async () => {
  const expected = await openWeights(join(PUBLISHED, "expected.safetensors"));
  const [score, classes] = [await expected.read("score"), await expected.read("index")];
  expected.close();
  for (const layout of ["hw", "wh"]) {
    const { path, error } = await convert(PUBLISHED, "--layout", layout);
    assertStringIncludes(error, `3 files in 2 class folders, ReLabel, stored ${layout}, to parquet`);
    const { rows, metadata } = await rowsOf(path);
    assertEquals(rows.map(({ key }) => key), [
      "n01440764/n01440764_10026.JPEG",
      "n01440764/n01440764_10027.JPEG",
      "n02099601/n02099601_1.JPEG",
    ]);
    assertEquals(rows.map(({ label, width, height }) => [label, width, height]), [[0, 0, 0], [0, 0, 0], [1, 0, 0]]);
    assertEquals([metadata.dtype, metadata.k, metadata.grid, metadata.classes], ["fp32", 5, [15, 15], 1000]);
    assertEquals([metadata.annotator.name, metadata.annotator.sha256], ["tf_efficientnet_l2_ns_475", "unknown"]);
    rows.forEach((row, number) => {
      for (let at = 0; at < 1125; at++) {
        const [rank, y, x] = [Math.floor(at / 225), Math.floor(at / 15) % 15, at % 15];
        const from = number * 1125 + (layout === "hw" ? at : rank * 225 + x * 15 + y);
        assertEquals([row.score[at], row.class[at]], [score[from], classes[from]]);
      }
    });
    const { dataSetClasses, classes: names } = readManifests(path)[0];
    assertEquals([dataSetClasses?.wnid, names?.wnid?.[0]], [["n01440764", "n02099601"], "n01440764"]);
    const back = await convert(path, "--to", "pt");
    for (const { key } of rows) {
      const name = key.replace(/JPEG$/, "pt");
      assertEquals(bitsOf(join(back.path, name)), bitsOf(join(PUBLISHED, name)));
    }
    // The folder says how it is stored.
    const again = await convert(back.path);
    assertEquals((await rowsOf(again.path)).rows, rows);
  }
});

Deno.test("the image-level classes of a converted map are those of its pooled target", async () => {
  const { path } = await convert(PUBLISHED, "--layout", "hw");
  const { rows, metadata: { k, grid, classes, dtype } } = await rowsOf(path);
  const whole = { top: 0, left: 0, height: 1, width: 1 };
  for (const row of rows) {
    const maps = { count: 1, k, grid, classes, dtype, class: row.class, score: row.score };
    const target = poolLabels(maps, [whole], { mode: "global-multi" });
    const best = [...target.keys()].sort((a, b) => target[b] - target[a]).slice(0, 5);
    assertEquals([...row.topClass], best);
    best.forEach((index, rank) => assert(Math.abs(row.topProbability[rank] - target[index]) < 1e-6));
  }
});

Deno.test("maps that are not square are turned on the way in and back again", async () => {
  const input = writeMaps(["n1/a.pt"]);
  const { path } = await convert(input, "--layout", "wh", "--classes", "10");
  const { rows: [row], metadata } = await rowsOf(path);
  assertEquals(metadata.grid, [3, 2]);
  assertEquals([...row.score], [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11].map((index) => index / 16));
  const back = await convert(path, "--to", "pt");
  assertEquals(bitsOf(join(back.path, "n1/a.pt")), bitsOf(join(input, "n1/a.pt")));
});

Deno.test("names with dots in them are kept", async () => {
  const input = writeMaps(["n1/a.b.pt", "n1/a.c.d.pt", "n.2/x.pt"]);
  const { path } = await convert(input, "--layout", "hw", "--classes", "10");
  assertEquals((await rowsOf(path)).rows.map(({ key }) => key), ["n1/a.b.JPEG", "n1/a.c.d.JPEG", "n.2/x.JPEG"]);
  const back = await convert(path, "--to", "pt");
  for (const name of ["n1/a.b.pt", "n1/a.c.d.pt", "n.2/x.pt"]) {
    assertEquals(bitsOf(join(back.path, name)), bitsOf(join(input, name)));
  }
});

/** Label maps of small made-up rows in one file. */
function writeLabelMaps(keys: readonly string[], dtype: LabelMapType = "fp32"): string {
  const path = join(Deno.makeTempDirSync(), "small.parquet");
  const metadata = smallMetadata({ dtype });
  const writer = createLabelMapFile(path, metadata);
  for (const [index, key] of keys.entries()) writer.append({ ...smallRow(index, metadata), key });
  writer.finish();
  return path;
}

Deno.test("two images that would be one .pt file are refused, also when the command is given again", async () => {
  const labels = writeLabelMaps(["a/1.jpg", "a/2.jpg", "a/1.png"]);
  const path = newFolder();
  for (let run = 0; run < 2; run++) {
    const { code, error } = await runTask("convert", labels, path, "--to", "pt", "--quiet");
    assertEquals(code, 1);
    assertEquals(
      error,
      `Cannot write .pt files to "${path}": "a/1.png" would be "${path}/a/1.pt", which is another image's\n`,
    );
  }
});

Deno.test("a key that leads out of the folder is refused", async () => {
  const [code, error] = await failing(writeLabelMaps(["../../outside.jpg"]), "--to", "pt", "--quiet");
  assertEquals(code, 1);
  assertMatch(error, /^Cannot write \.pt files to ".+": key "\.\.\/\.\.\/outside\.jpg" is not a path below it$/);
});

Deno.test("an archive, plain or gzipped, is converted like the folder", async () => {
  const { path: expected } = await convert(PUBLISHED, "--layout", "hw");
  const names = ["n01440764/n01440764_10026", "n01440764/n01440764_10027", "n02099601/n02099601_1"];
  const tar = writeTar(names.map((name) => ({
    name: `maps/${name}.pt`,
    content: Deno.readFileSync(join(PUBLISHED, `${name}.pt`)),
  })));
  const folder = Deno.makeTempDirSync();
  const zipped = new Response(new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip")));
  Deno.writeFileSync(join(folder, "maps.tar"), tar);
  Deno.writeFileSync(join(folder, "maps.tar.gz"), await zipped.bytes());
  for (const name of ["maps.tar", "maps.tar.gz"]) {
    const { path } = await convert(join(folder, name), "--layout", "hw");
    assertEquals(contents(path), contents(expected));
  }
});

Deno.test("label maps change container, type and ranks, and keep the rest", async () => {
  const { path: labels } = await convert(PUBLISHED, "--layout", "hw");
  const { rows: before } = await rowsOf(labels);
  const arrow = await convert(labels, "--to", "arrow");
  assertEquals(Object.keys(contents(arrow.path)), ["manifest.json", "part-00000.arrow"]);
  assertEquals((await rowsOf(arrow.path)).rows, before);
  const small = await convert(arrow.path, "--dtype", "fp8_e4m3", "--top-k", "3");
  const { rows, metadata } = await rowsOf(small.path);
  assertEquals([metadata.dtype, metadata.k, metadata.grid], ["fp8_e4m3", 3, [15, 15]]);
  const expected = before.map((row) => {
    const map = { class: row.class.slice(0, 675), logits: (row.score as Float32Array).slice(0, 675) };
    return { ...row, class: map.class, score: quantiseMap(map, metadata) };
  });
  assertEquals(rows, expected);
  const [was, is] = [labels, small.path].map((path) => readManifests(path)[0]);
  assertEquals([is.classes, is.dataSetClasses], [was.classes, was.dataSetClasses]);
  const back = await convert(small.path, "--to", "pt");
  const { values } = readPublished("", Deno.readFileSync(join(back.path, "n02099601/n02099601_1.pt"))) as PublishedMap;
  assertEquals(values.slice(0, 675), dequantise(rows[2].score, "fp8_e4m3"));
});

Deno.test("TokenLabeling's maps are read as float16 and [H, W], which their generator writes", async () => {
  const input = Deno.makeTempDirSync();
  Deno.mkdirSync(join(input, "n1"));
  Deno.copyFileSync(TOKEN_LABELS, join(input, "n1", "a.pt"));
  const { path, error } = await convert(input);
  assertStringIncludes(error, "TokenLabeling, stored hw");
  const { rows: [row], metadata } = await rowsOf(path);
  assertEquals([metadata.dtype, metadata.grid, metadata.annotator.name], ["fp16", [3, 4], "dm_nfnet_f6"]);
  const cell = Array.from({ length: 60 }, (_, at) => (at % 12) * 5 + Math.floor(at / 12));
  assertEquals([...row.class], cell.map((value) => value * 7 % 1000));
  assertEquals([...dequantise(row.score, "fp16")], cell.map((value) => 8 - value % 5));
  assertEquals(await failing(input, "--classes", "21841", "--strict", "--quiet"), [
    1,
    `Cannot trust "${input}/n1/a.pt": its class indices are float16, exact up to 2048, and there are 21841 classes`,
  ]);
});

/** A folder with a good map and files that each are wrong in a way of their own. */
function badFolder(): { path: string; reasons: Record<string, string> } {
  const path = writeMaps(["n1/0.pt", "n1/fraction.pt", "n1/large.pt", "n1/negative.pt"]);
  const write = torchTensorWriter([2, 2, 2, 3]);
  const withIndex = (name: string, value: number) => {
    const values = new Float32Array(24);
    values[12 + 8] = value; // rank 1, the first row's third cell
    Deno.writeFileSync(join(path, name), write(values));
  };
  withIndex("n1/fraction.pt", 1.5);
  withIndex("n1/large.pt", 10);
  withIndex("n1/negative.pt", -1);
  Deno.writeFileSync(join(path, "n1/other.pt"), torchTensorWriter([2, 2, 3, 2])(new Float32Array(24)));
  Deno.writeFileSync(join(path, "n1/vector.pt"), torchTensorWriter([24])(new Float32Array(24)));
  Deno.writeTextFileSync(join(path, "n1/text.pt"), "<html>");
  const attack = new TextEncoder().encode("\x02cos\nsystem\nU\x02ls\x85R.");
  const pickle = Uint8Array.of(0x80, ...attack);
  // TextEncoder writes 0x85 in two bytes, which a pickle has in one.
  const program = Uint8Array.from([...pickle].filter((byte) => byte !== 0xc2));
  Deno.writeFileSync(join(path, "n1/stream.pt"), program);
  Deno.writeFileSync(join(path, "n1/zip.pt"), zipFile({ "a/data.pkl": program }));
  const expected = "expected an integer from 0 to 9";
  const refers = (name: string) =>
    `Cannot read "${path}/n1/${name}": pickle refers to os.system, which is not a tensor`;
  return {
    path,
    reasons: {
      fraction: `Cannot convert "${path}/n1/fraction.pt": cell [1, 0, 2] has class 1.5, ${expected}`,
      large: `Cannot convert "${path}/n1/large.pt": cell [1, 0, 2] has class 10, ${expected}`,
      negative: `Cannot convert "${path}/n1/negative.pt": cell [1, 0, 2] has class -1, ${expected}`,
      other: `Cannot convert "${path}/n1/other.pt": it is float32 [2, 2, 3, 2], the first was float32 [2, 2, 2, 3]`,
      stream: refers("stream.pt"),
      text: `Cannot read "${path}/n1/text.pt": it is text, expected safetensors or a PyTorch checkpoint`,
      vector: `Cannot read "${path}/n1/vector.pt": it is a tensor F32 [24], expected F32 or F16 [2, k, H, W]`,
      zip: refers("zip.pt"),
    },
  };
}

Deno.test("files that are damaged, wrong or programs are listed with their reasons, and stop a strict run", async () => {
  const { path: input, reasons } = badFolder();
  const { path, out } = await convert(input, "--layout", "hw", "--classes", "10");
  const rejected = Deno.readTextFileSync(join(path, "rejected.jsonl")).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  const found = Object.fromEntries(rejected.map(({ key, reason }) => [key.slice(3, -".JPEG".length), reason]));
  assertEquals(found, reasons);
  assertEquals((await rowsOf(path)).rows.map(({ key }) => key), ["n1/0.JPEG"]);
  assertStringIncludes(out, `${path}: 1 image, 8 rejected\n`);
  assertStringIncludes(out, `\n    ${reasons.fraction}\n`);
  assertEquals(await failing(input, "--layout", "hw", "--classes", "10", "--strict", "--quiet"), [1, reasons.fraction]);
});

Deno.test("images give keys their real names, and widths and heights; a map without an image is listed", async () => {
  const images = Deno.makeTempDirSync();
  Deno.mkdirSync(join(images, "n1"));
  Deno.copyFileSync(join(ROOT, "tests/fixtures/images/decode/jpeg_420.jpg"), join(images, "n1/0.Jpg"));
  Deno.copyFileSync(join(ROOT, "tests/fixtures/images/decode/gif.gif"), join(images, "n1/1.x.gif"));
  const input = writeMaps(["n1/0.pt", "n1/1.x.pt", "n1/2.pt"]);
  const { path } = await convert(input, "--layout", "hw", "--classes", "10", "--images", images);
  const { rows } = await rowsOf(path);
  assertEquals(rows.map(({ key }) => key), ["n1/0.Jpg", "n1/1.x.gif"]);
  assertEquals([rows[0].width, rows[0].height], [31, 23]);
  assert(rows[1].width > 0 && rows[1].height > 0);
  assertStringIncludes(
    Deno.readTextFileSync(join(path, "rejected.jsonl")),
    JSON.stringify(`Cannot find the image of "n1/2" in "${images}": there is no image of that name`),
  );
});

Deno.test("--layout auto finds by boxes how maps are stored, and refuses where the figures do not separate", async () => {
  // One class fills the upper half of 4 x 4 cells, stored W-first, the other the lower half.
  const input = Deno.makeTempDirSync();
  Deno.mkdirSync(join(input, "n1"));
  const write = torchTensorWriter([2, 1, 4, 4]);
  const lines = ["key,class,top,left,height,width"];
  const corners = ["key,class,top,left,height,width"];
  for (let number = 0; number < 6; number++) {
    const values = new Float32Array(32);
    for (let at = 0; at < 16; at++) {
      values[at] = 5 + number + at / 32;
      values[16 + at] = at % 4 < 2 ? 3 : 7;
    }
    Deno.writeFileSync(join(input, `n1/${number}.pt`), write(values));
    lines.push(`n1/${number}.JPEG,${number % 2 ? "third" : 3},0,0,0.5,1`);
    corners.push(`n1/${number},3,0,0,0.5,0.5`);
  }
  const names = join(input, "names.txt");
  Deno.writeTextFileSync(
    names,
    Array.from({ length: 10 }, (_, index) => index === 3 ? "third" : `c${index}`).join("\n"),
  );
  const [boxes, diagonal] = ["boxes.csv", "corners.csv"].map((name) => join(input, name));
  Deno.writeTextFileSync(boxes, lines.join("\n"));
  Deno.writeTextFileSync(diagonal, corners.join("\n"));
  const { path, error } = await convert(input, "--layout", "auto", "--boxes", boxes, "--classes", names);
  assertMatch(
    error,
    /^Layout: 6 boxes, mean score of the class inside its box less that outside: -?[\d.]+ as hw, [\d.]+ as wh: the maps are wh\n/,
  );
  assertEquals((await rowsOf(path)).metadata.converted, { from: "relabel", layout: "wh" });
  const [code, refusal] = await failing(input, "--layout", "auto", "--boxes", diagonal, "--classes", names);
  assertEquals(code, 1);
  assertMatch(
    refusal,
    /^Cannot tell how the maps of ".+" are stored: 6 boxes, .+: 4\.969 as hw, 4\.969 as wh; they are the same$/,
  );
});

Deno.test("--layout auto finds by the annotator how maps are stored", async () => {
  const images = join(ROOT, "assets/photos/single");
  const input = Deno.makeTempDirSync();
  const annotator = await loadAnnotator(join(ROOT, "assets/efficientnet_lite0"), {
    size: [160, 160],
    k: 2,
    dtype: "fp32",
  });
  for (const { name } of Deno.readDirSync(images)) {
    const image = await decodeImage(Deno.readFileSync(join(images, name)));
    const [map] = await annotator.annotate([image]);
    const write = publishedMapWriter({ k: 2, grid: [5, 5], layout: "wh" });
    const bytes = write({ class: map.class, score: map.score as Float32Array });
    Deno.writeFileSync(join(input, name.replace(/\.\w+$/, ".pt")), bytes);
  }
  annotator.close();
  const { error } = await convert(
    input,
    ...["--layout", "auto", "--annotator", "assets/efficientnet_lite0", "--images", images],
  );
  assertMatch(
    error,
    /\nLayout: 6 images, cells that agree with the annotator: 0\.\d+ as hw, 1\.000 as wh: the maps are wh\n/,
  );
});

Deno.test("a convert that is killed at any point and started again leaves the bytes of an uninterrupted run", async () => {
  const input = writeMaps(Array.from({ length: 2500 }, (_, index) => `n${index % 3}/${index}.pt`));
  const labels = ["--layout", "hw", "--classes", "10", "--rows-per-file", "100", "--quiet"];
  const { path: whole } = await convert(input, ...labels);
  const { path: wholeMaps } = await convert(whole, "--to", "pt", "--quiet");
  const runs: [string, string[], string, string][] = [
    [input, labels, whole, "part-00003.parquet"],
    [whole, ["--to", "pt", "--quiet"], wholeMaps, "n1"],
  ];
  for (const [from, options, expected, sign] of runs) {
    const path = newFolder();
    let kills = 0;
    for (const delay of [0, 30, 80]) {
      const child = taskCommand("convert", [from, path, ...options]).spawn();
      const ended = child.output();
      let isOver = false;
      ended.then(() => isOver = true);
      while (!isOver && !exists(join(path, sign))) await new Promise((resolve) => setTimeout(resolve, 2));
      await new Promise((resolve) => setTimeout(resolve, delay));
      if (!isOver) {
        child.kill("SIGKILL");
        kills++;
      }
      await ended;
    }
    assert(kills > 0, "no run was killed in time");
    const { code, error } = await runTask("convert", from, path, ...options);
    assertEquals(code, 0, error);
    assertEquals(tree(path), tree(expected));
  }
});

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Every file below a folder as text that keeps its bytes apart. */
function tree(path: string): Record<string, string> {
  const files: [string, string][] = [];
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const inside = join(path, name);
    if (!isDirectory) files.push([name, Deno.readFileSync(inside).toBase64()]);
    else for (const [below, bytes] of Object.entries(tree(inside))) files.push([`${name}/${below}`, bytes]);
  }
  return Object.fromEntries(files.sort());
}

Deno.test("deno task convert refuses what it cannot do with a sentence", async () => {
  const ask =
    'Cannot tell how the maps of "tests/fixtures/published" are stored, [H, W] or [W, H]: say --layout hw or wh, ' +
    "or give --layout auto something to compare them with, --annotator and --images, or --boxes";
  const input = "tests/fixtures/published";
  assertEquals(await failing(input), [2, ask]);
  assertEquals(await failing(input, "--layout", "auto"), [2, ask]);
  assertEquals(await failing(input, "--layout", "hw", "--top-k", "6", "--quiet"), [
    1,
    "Cannot keep the 6 best classes of each cell: the maps have 5",
  ]);
  assertEquals(await failing("nowhere"), [1, 'Cannot open labels "nowhere": there is no such file or folder']);
  assertEquals(await failing("assets/photos/single"), [
    1,
    'Cannot find labels in "assets/photos/single": no file in it ends in .pt or .tar',
  ]);
  assertEquals(await failing("README.md"), [
    1,
    'Cannot read "README.md": it is text, expected safetensors or a PyTorch checkpoint',
  ]);
  const same = await runTask("convert", "tests", "./tests/");
  assertEquals([same.code, same.error], [2, 'Cannot convert "tests" into itself: name another folder\n']);
  const labels = writeLabelMaps(["a.jpg"]);
  assertEquals(await failing(labels), [
    2,
    `Expected what to make of label maps "${labels}": --to arrow, parquet or pt, --dtype or --top-k`,
  ]);
  const { path } = await convert(input, "--layout", "hw");
  const again = await runTask("convert", input, path, "--layout", "wh", "--quiet");
  assertEquals(again.code, 1);
  assertStringIncludes(
    again.error,
    `"${path}": it was begun with --layout hw, not wh; repeat that, or name another OUTPUT`,
  );
});

/** A folder of FKD's, as its generator lays it out. */
function fkdFolder(...names: string[]): string {
  const path = Deno.makeTempDirSync();
  const folder = join(path, "imagenet/train/n01440764");
  Deno.mkdirSync(folder, { recursive: true });
  names.forEach((name, index) => Deno.copyFileSync(join(dirname(TOKEN_LABELS), name), join(folder, `${index}.x.tar`)));
  return path;
}

/** The rows of a table of crops, by DuckDB, which is what it is for. */
async function cropsOf(path: string): Promise<Record<string, unknown>[]> {
  const instance = await DuckDBInstance.create(":memory:");
  const connection = await instance.connect();
  const reader = await connection.runAndReadAll(`SELECT * FROM '${path}/*.parquet' ORDER BY key, crop`);
  const rows = reader.getRowObjectsJson();
  connection.closeSync();
  instance.closeSync();
  return rows;
}

Deno.test("FKD's files become a table of crops, whichever way their arrays are stored", async () => {
  const input = fkdFolder("marginal.tar", "marginal.stream.tar", "marginal.half.tar");
  const { path, out, error } = await convert(input);
  assertStringIncludes(error, "3 files in 1 class folder, FKD, 3 crops of the first with marginal labels, to parquet");
  assertStringIncludes(out, `${path}: 3 images\n  crops      9, 3 classes a crop, `);
  const rows = await cropsOf(path);
  assertEquals(
    rows.map(({ key, crop }) => [key, crop]),
    [0, 1, 2].flatMap((image) => [
      ...[0, 1, 2].map((crop) => [`n01440764/${image}.x.JPEG`, crop]),
    ]),
  );
  const second = {
    key: "n01440764/0.x.JPEG",
    label: 0,
    crop: 1,
    top: 5 / 32,
    left: 6 / 32,
    height: 7 / 32,
    width: 8 / 32,
    flip: 0,
    class: [999, 0, 500],
    probability: [0.75, 0.125, 0.0625],
  };
  for (const image of [0, 1, 2]) {
    assertEquals(rows[image * 3 + 1], { ...second, key: `n01440764/${image}.x.JPEG` });
    assertEquals(rows.slice(image * 3, image * 3 + 3).map(({ flip }) => flip), [1, 0, 1]);
  }
  const { metadata } = readManifests(path)[0].configuration;
  assertEquals([metadata.kind, metadata.k, metadata.missing, metadata.converted], [
    ...["crop_labels", 3, "uniform", { from: "fkd", mode: "marginal" }],
  ]);
  const [code, refusal] = await failing(path, "--to", "arrow");
  assertEquals([code, refusal.endsWith('it holds "crop_labels", expected label maps')], [1, true], refusal);
});

Deno.test("FKD's other modes say what the classes that they leave out get", async () => {
  const cases: [string, string[], string, number[], number[]][] = [
    ["hard.tar", [], "zero", [1, 999, 7], [1, 1, 1]],
    ["smoothing.tar", [], "uniform", [1, 999, 7], [0.5, 0.75, 0.5]],
    ["marginal.tar", ["--missing", "renormalise"], "renormalise", [1, 999, 7], [0.5, 0.75, 0.5]],
  ];
  for (const [name, options, missing, classes, probabilities] of cases) {
    const { path } = await convert(fkdFolder(name), ...options);
    const rows = await cropsOf(path);
    assertEquals(rows.map((row) => (row.class as number[])[0]), classes);
    assertEquals(rows.map((row) => (row.probability as number[])[0]), probabilities);
    assertEquals(readManifests(path)[0].configuration.metadata.missing, missing);
  }
});

Deno.test("FKD's files that are of another mode, or whose classes cannot be, are listed", async () => {
  const mixed = await convert(fkdFolder("marginal.tar", "hard.tar"), "--classes", "1000");
  const few = fkdFolder("marginal.tar", "marginal.half.tar");
  assertStringIncludes(mixed.out, '1.x.tar": its labels are hard of 1, the first were marginal of 3');
  const [, sentence] = await failing(few, "--classes", "900", "--strict", "--quiet");
  assertStringIncludes(sentence, '0.x.tar": crop 1 has class 999, expected an integer from 0 to 899');
  const many = await convert(few, "--classes", "21841");
  assertStringIncludes(
    many.out,
    '1.x.tar": its class indices are float16, exact up to 2048, and there are 21841 classes',
  );
});
