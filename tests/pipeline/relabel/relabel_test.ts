import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { multiLabel, openLabelMaps, readManifests } from "../../../formats/labels/mod.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { imageColumns, writeParquet } from "../../formats/images/parquet_writer.ts";
import { writeTar } from "../../formats/images/tar_writer.ts";
import { BROKEN, mixedFolder } from "../photographs.ts";
import { contents, ROOT, runTask, taskCommand } from "../task.ts";

const IMAGES = 24;
const OPTIONS = ["--size", "64", "--rows-per-file", "4"];

/** Images and what an uninterrupted run makes of them, once for all tests. */
let whole: Promise<{ images: string; path: string; out: string; error: string }> | undefined;

function wholeRun() {
  return whole ??= (async () => {
    const images = mixedFolder(IMAGES);
    const path = join(Deno.makeTempDirSync(), "labels");
    const { code, out, error } = await runTask("relabel", images, "--out", path, "--show", "2", ...OPTIONS);
    assertEquals(code, 0, error);
    return { images, path, out, error };
  })();
}

function newFolder(): string {
  return join(Deno.makeTempDirSync(), "labels");
}

Deno.test("deno task relabel writes parts, a manifest and the list of rejected images, in the source's order", async () => {
  const { path } = await wholeRun();
  const parts = Array.from({ length: 6 }, (_, part) => `part-0000${part}.parquet`);
  assertEquals(Object.keys(contents(path)), ["manifest.json", ...parts, "rejected.jsonl"]);
  const labelMaps = await openLabelMaps(path);
  const rows = await Array.fromAsync(labelMaps.rows());
  labelMaps.close();
  const rejected = Deno.readTextFileSync(join(path, "rejected.jsonl")).trimEnd().split("\n").map((line) =>
    JSON.parse(line)
  );
  assertEquals(rejected.map(({ index }) => index), [3, 8, 13, 18, 23]);
  for (const { key, reason } of rejected) {
    const name = key.replace(/^\w+\/\d+-/, "") as keyof typeof BROKEN;
    assertEquals(reason, BROKEN[name]);
  }
  const order = rows.map(({ key }) => Number(/\/(\d+)-/.exec(key)![1]));
  assertEquals(order, Array.from({ length: IMAGES }, (_, index) => index).filter((index) => index % 5 !== 3));
  assertEquals(rows.map(({ label }) => label), order.map((index) => index < IMAGES / 2 ? 0 : 1));
  assertEquals([rows[0].width, rows[0].height, rows[0].class.length, rows[0].topClass.length], [31, 23, 5 * 2 * 2, 5]);
});

Deno.test("deno task relabel says what it wrote, what it rejected, and what to do next", async () => {
  const { path, out, error } = await wholeRun();
  const lines = out.split("\n");
  const bytes = readManifests(path)[0].parts.reduce((sum, part) => sum + part.bytes, 0);
  assertEquals(lines[0], `${path}: 19 rows, 5 rejected in 6 part files and manifest.json`);
  assertEquals(lines[1], "  annotator  tf_efficientnet_lite0.in1k at 64 x 64");
  assertEquals(lines[2], "  maps       2 x 2 cells, 5 classes per cell, fp16");
  assertStringIncludes(lines[3], `${Math.round(bytes / 19).toLocaleString("en-US")} bytes an image; `);
  assertEquals(lines[4], "  labels     24 images, each with a label");
  assertMatch(
    lines[5],
    /^ {2}time {7}[\d.]+ s: .* starting, .* decoding, .* annotating, .* writing; [\d.]+ images\/s$/,
  );
  assertEquals(lines[6], `  rejected   5 images, listed in ${path}/rejected.jsonl`);
  assertEquals(lines[7], `    cats/3-bad_truncated.jpg: ${BROKEN["bad_truncated.jpg"]}`);
  assertEquals(lines[10], "    and 2 more");
  assertEquals(lines[12], "cats/0-jpeg_420.jpg  31 x 23");
  assertMatch(error, /^24 images in 2 class folders; tf_efficientnet_lite0.in1k at 64 x 64 on .+\n/);
  assertMatch(error, /\n24\/24 images {2}[\d.]+ images\/s {2}5 rejected\n$/);
  const queries = [...out.matchAll(/deno task query (\S+) "(.*)"/g)];
  assertEquals(queries.length, 2);
  for (const [, folder, sql] of queries) {
    const answer = await runTask("query", folder, sql, "--format", "json");
    assertEquals([answer.code, answer.out.trim().split("\n").length > 1], [0, true], answer.error);
  }
});

Deno.test("the summary's best classes and cells are those of the rows", async () => {
  const { path, out } = await wholeRun();
  const names = readManifests(path)[0].classes!.name.map((name) => name.split(",")[0]);
  const labelMaps = await openLabelMaps(path);
  const rows = [await labelMaps.get(0), await labelMaps.get(1)];
  labelMaps.close();
  for (const row of rows) {
    const { key, class: classes } = row;
    const lines = out.slice(out.indexOf(`\n${key}`)).split("\n").slice(2, 5);
    const found = multiLabel(row, labelMaps.metadata).map((one) => `${names[one.class]} ${one.score.toFixed(2)}`);
    assertEquals(lines[0], `  ${found.join(", ")}`);
    const legend = new Map(
      lines.slice(1).flatMap((line) => {
        const match = /^.{8}([a-z]) {2}(.+?) +\d+( cells?)?$/.exec(line);
        return match ? [[match[1], match[2]]] : [];
      }),
    );
    const drawn = lines.slice(1).flatMap((line) => line.slice(2, 5).split(" "));
    assertEquals(drawn.map((letter) => legend.get(letter)), [...classes.slice(0, 4)].map((index) => names[index]));
  }
});

Deno.test("a relabel that is killed at any point and started again leaves the bytes of an uninterrupted run", async () => {
  const { images, path: expected } = await wholeRun();
  const path = newFolder();
  const states: string[] = [];
  const look = () => {
    try {
      const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
      return names.map((name) => `${name} ${Deno.statSync(join(path, name)).size}`).join();
    } catch {
      return "changing";
    }
  };
  const finishedParts = () => {
    try {
      return readManifests(path)[0].parts.length;
    } catch {
      return 0;
    }
  };
  let kills = 0;
  // Each run is killed when it has finished so many parts and then changed the folder so many times.
  for (const [parts, changes] of [[0, 1], [0, 5], [1, 0], [1, 2], [1, 4], [0, 7]]) {
    const child = taskCommand("relabel", [images, "--out", path, "--quiet", ...OPTIONS]).spawn();
    const ended = child.output();
    let isOver = false;
    ended.then(() => isOver = true);
    const wanted = finishedParts() + parts;
    let before = look();
    for (let seen = 0; (seen < changes || finishedParts() < wanted) && !isOver;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const now = look();
      if (now !== before && finishedParts() >= wanted) seen++;
      before = now;
    }
    if (!isOver) child.kill("SIGKILL");
    if ((await ended).signal !== "SIGKILL") continue;
    kills++;
    states.push(Object.keys(contents(path)).filter((name) => !name.endsWith(".lock")).join());
  }
  assert(kills >= 4, `only ${kills} runs were killed`);
  for (const wanted of [/\.partial/, /part-\d+\.parquet(,|$)/]) {
    assert(states.some((state) => wanted.test(state)), `no kill left ${wanted}, but ${states.join("; ")}`);
  }
  const { code, error } = await runTask("relabel", images, "--out", path, ...OPTIONS);
  assertEquals(code, 0, error);
  assertEquals(contents(path), contents(expected));
});

Deno.test("workers and batch change no byte", async () => {
  const { images, path: expected } = await wholeRun();
  for (const [workers, batch] of [["1", "1"], ["3", "7"]]) {
    const path = newFolder();
    const args = [images, "--out", path, "--quiet", "--workers", workers, "--batch", batch, ...OPTIONS];
    const { code, out, error } = await runTask("relabel", ...args);
    assertEquals([code, out, error], [0, "", ""]);
    assertEquals(contents(path), contents(expected), `${workers} workers, batch ${batch}`);
  }
});

Deno.test("two shards at once write the part files of one run, and its rows in the same order", async () => {
  const { images, path: expected } = await wholeRun();
  const path = newFolder();
  const runs = ["0/2", "1/2"].map((shard) => runTask("relabel", images, "--out", path, "--shard", shard, ...OPTIONS));
  for (const { code, out, error } of await Promise.all(runs)) {
    assertEquals(code, 0, error);
    assertMatch(out, /: \d+ rows, \d rejected in 3 part files and manifest-0000[01]-of-00002.json\n/);
  }
  const isPart = ([name]: [string, string]) => name.startsWith("part-");
  assertEquals(Object.entries(contents(path)).filter(isPart), Object.entries(contents(expected)).filter(isPart));
  const keys = async (folder: string) => {
    const labelMaps = await openLabelMaps(folder);
    const rows = await Array.fromAsync(labelMaps.rows());
    labelMaps.close();
    return rows.map(({ key }) => key);
  };
  assertEquals(await keys(path), await keys(expected));
  const third = await runTask("relabel", images, "--out", path, "--shard", "0/3", ...OPTIONS);
  assertEquals([third.code, third.error.includes("is of 2 shards, this run is of 3 shards")], [1, true], third.error);
});

Deno.test("SIGINT ends a run with a sentence, and the same command goes on", async () => {
  const { images, path: expected } = await wholeRun();
  const path = newFolder();
  const child = taskCommand("relabel", [images, "--out", path, "--batch", "1", ...OPTIONS]).spawn();
  const ended = child.output();
  const isPartThere = () => {
    try {
      return readManifests(path)[0].parts.length > 0;
    } catch {
      return false;
    }
  };
  for (let wait = 0; !isPartThere() && wait < 20_000; wait++) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  const error = new TextDecoder().decode(stderr);
  assertEquals(code, 130, error);
  const stopped = /\nStopped: (\d+) of 24 images are in whole parts in ".*", the same command goes on there\n$/;
  const done = Number(stopped.exec(error)?.[1]);
  assertEquals(readManifests(path)[0].parts.length * 4, done);
  assert(done > 0 && done < IMAGES, `${done} images were done when it stopped`);
  assertEquals(Object.keys(contents(path)).filter((name) => /partial|lock/.test(name)), []);
  const again = await runTask("relabel", images, "--out", path, ...OPTIONS);
  assertEquals(again.code, 0, again.error);
  assertStringIncludes(again.out, `images/s, ${done} were there from before\n`);
  assertEquals(contents(path), contents(expected));
});

Deno.test("two runs at once on one folder: the second is refused", async () => {
  const { images } = await wholeRun();
  const path = newFolder();
  const first = taskCommand("relabel", [images, "--out", path, "--batch", "1", ...OPTIONS]).spawn();
  const ended = first.output();
  const hasManifest = () => {
    try {
      return Deno.statSync(join(path, "manifest.json")).isFile;
    } catch {
      return false;
    }
  };
  for (let wait = 0; !hasManifest() && wait < 20_000; wait++) await new Promise((resolve) => setTimeout(resolve, 1));
  // Stopped, it keeps its lock for as long as the second run needs to come to it.
  first.kill("SIGSTOP");
  const { code, error } = await runTask("relabel", images, "--out", path, "--quiet", ...OPTIONS);
  first.kill("SIGCONT");
  assertEquals([code, error], [75, `Cannot write label maps to "${path}": another process is writing there\n`]);
  assertEquals((await ended).code, 0);
});

Deno.test("a changed configuration is refused with the difference named, and changes nothing", async () => {
  const { images, path: expected } = await wholeRun();
  const other = join(images, "dogs");
  const begun = (how: string) => `it was begun ${how}; repeat that, or name another folder with --out`;
  const cases: [string[], string][] = [
    [[images, "--top-k", "3"], begun("with --top-k 5, not 3")],
    [[images, "--dtype", "fp32"], begun("with --dtype fp16, not fp32")],
    [[images, "--size", "96x64"], begun("with --size 64x64, not 96x64")],
    [[images, "--exif-orientation"], begun("without --exif-orientation")],
    [[images, "--pillow", "12"], begun("with --pillow 13, not 12")],
    [
      [images, "--rows-per-file", "5", "--top-k", "1"],
      begun("with --top-k 5, not 1 and with --rows-per-file 4, not 5"),
    ],
    [
      [images, "--limit", "9"],
      'it holds another data set (24 images, not 9; its last is "dogs/23-bad_truncated.jpg", not "cats/8-bad_empty.jpg")' +
      "; name another folder with --out",
    ],
    [
      [other, "--top-k", "3"],
      'it holds another data set (24 images, not 12; its first is "cats/0-jpeg_420.jpg", not "12-jpeg_420.jpg"; ' +
      'its last is "dogs/23-bad_truncated.jpg", not "23-bad_truncated.jpg"; other classes) and was begun ' +
      "with --top-k 5, not 3; name another folder with --out",
    ],
  ];
  await Promise.all(cases.map(async ([[source, ...changes], difference]) => {
    const path = newFolder();
    Deno.mkdirSync(path);
    for (const { name } of Deno.readDirSync(expected)) Deno.copyFileSync(join(expected, name), join(path, name));
    // A size that is given again is another one to average over.
    const size = changes.includes("--size") ? OPTIONS.indexOf("--size") : OPTIONS.length;
    const options = [...OPTIONS.slice(0, size), ...OPTIONS.slice(size + 2), ...changes];
    const { code, error } = await runTask("relabel", source, "--out", path, "--quiet", ...options);
    const message = `Cannot go on in "${path}": ${difference}\n`;
    assertEquals([code, error], [1, message]);
    assertEquals(contents(path), contents(expected));
  }));
});

Deno.test("--limit takes the first images, and one beyond the last changes nothing", async () => {
  const { images, path: expected } = await wholeRun();
  const [first, beyond] = [newFolder(), newFolder()];
  const [nine, all] = await Promise.all([
    runTask("relabel", images, "--out", first, "--limit", "9", ...OPTIONS),
    runTask("relabel", images, "--out", beyond, "--limit", "99", ...OPTIONS),
  ]);
  assertEquals([nine.code, all.code], [0, 0], nine.error + all.error);
  assertStringIncludes(nine.out, ": 7 rows, 2 rejected in 3 part files");
  assertEquals(contents(first)["part-00001.parquet"], contents(expected)["part-00001.parquet"]);
  assertEquals(contents(beyond), contents(expected));
});

Deno.test("--strict stops at the first image that cannot be decoded", async () => {
  const { images } = await wholeRun();
  const path = newFolder();
  const { code, out, error } = await runTask("relabel", images, "--out", path, "--quiet", "--strict", ...OPTIONS);
  const message = `Cannot relabel "cats/3-bad_truncated.jpg": ${BROKEN["bad_truncated.jpg"]}\n`;
  assertEquals([code, out, error], [1, "", message]);
  assertEquals(Object.keys(contents(path)), ["manifest.json"]);
});

Deno.test("deno task relabel lists a corrupt tar shard as rejected and relabels the others", async () => {
  const folder = Deno.makeTempDirSync();
  const photograph = Deno.readFileSync(join(ROOT, "tests/fixtures/images/decode/jpeg_420.jpg"));
  const shard = writeTar([{ name: "a.jpg", content: photograph }, { name: "a.cls", content: "7" }, {
    name: "b.jpg",
    content: photograph,
  }]);
  Deno.writeFileSync(join(folder, "train-0.tar"), shard);
  Deno.writeFileSync(join(folder, "train-1.tar"), crypto.getRandomValues(new Uint8Array(4096)));
  Deno.writeFileSync(join(folder, "train-2.tar"), shard);
  const path = newFolder();
  const { code, error } = await runTask("relabel", folder, "--out", path, ...OPTIONS);
  assertEquals(code, 0, error);
  const rejected = Deno.readTextFileSync(join(path, "rejected.jsonl")).trimEnd().split("\n");
  assertEquals(rejected.length, 1);
  assertStringIncludes(rejected[0], "train-1.tar");
  const labelMaps = await openLabelMaps(path);
  const rows = await Array.fromAsync(labelMaps.rows());
  labelMaps.close();
  assertEquals(rows.map(({ key, label }) => `${key} ${label}`), [
    "train-0.tar/a.jpg 7",
    "train-0.tar/b.jpg null",
    "train-2.tar/a.jpg 7",
    "train-2.tar/b.jpg null",
  ]);
});

Deno.test("deno task relabel ends with 1 if no image can be labelled, and names what is stored in place of one", async () => {
  const folder = Deno.makeTempDirSync();
  const [images, path] = [join(folder, "paths.parquet"), join(folder, "labels")];
  const label = { name: "label", type: "int64", values: [0n, 1n] } as const;
  Deno.writeFileSync(images, writeParquet([...imageColumns([null, null]), label]));
  for (const out of [path, path, join(folder, "again")]) {
    const { code, error } = await runTask("relabel", images, "--out", out, "--quiet", ...OPTIONS);
    assertEquals([code, error], [
      1,
      `Cannot label images of "${images}": none of 2 images can be labelled, the first, "paths.parquet/0", because: ` +
      `Cannot read row 0 of "${images}": it has no image bytes, only the path "0.png" in place of them\n`,
    ]);
    assertEquals(Deno.readTextFileSync(join(out, "rejected.jsonl")).trimEnd().split("\n").length, 2);
  }
});

Deno.test("every run says the same of labels and of files that are passed over: resumed, of a shard, by a list", async () => {
  const folder = Deno.makeTempDirSync();
  const images = join(folder, "images");
  const png = encodePng(new Uint8Array(12).fill(90), { width: 2, height: 2, channels: 3 });
  for (const name of ["cat/1.png", "cat/photo", "dog/1.PNG", "bare.png"]) {
    Deno.mkdirSync(join(images, name, ".."), { recursive: true });
    Deno.writeFileSync(join(images, name), png);
  }
  Deno.mkdirSync(join(images, "eel"));
  for (const name of ["notes.txt", "cat/boxes.xml", "cat/._1.png", "dog/a.txt"]) {
    Deno.writeTextFileSync(join(images, name), "");
  }
  const expected = [
    '  labels     3 of 4 images have a label, 1 has none: 1 in no class folder ("bare.png")',
    "  files      4 files passed over: 2 .txt, 1 .xml, 1 hidden",
    '  note       Class folder "eel" holds no image, and is counted as a class',
  ];
  const said = (out: string) => out.split("\n").filter((line) => /^ {2}(labels|files|note) /.test(line));
  const [path, list] = [join(folder, "labels"), join(folder, "images.list")];
  const options = ["--out", path, "--show", "0", "--size", "64", "--rows-per-file", "2"];
  const runs = [
    ["--write-list", list],
    [...options, "--limit", "4"],
    options,
    [...options.with(1, join(folder, "shards")), "--shard", "1/2"],
    [...options.with(1, join(folder, "listed")), "--list", list],
  ];
  for (const args of runs) {
    const { code, out, error } = await runTask("relabel", images, ...args);
    assertEquals([code, said(out)], [0, expected], error);
  }
  const maps = await openLabelMaps(path);
  const rows = await Array.fromAsync(maps.rows());
  maps.close();
  assertEquals(rows.map(({ key, label }) => [key, label]), [
    ["bare.png", null],
    ["cat/1.png", 0],
    ["cat/photo", 0],
    ["dog/1.PNG", 1],
  ]);
});

Deno.test("deno task relabel ends with 1 and one sentence if a file is wrong, and writes nothing", async () => {
  const file = (name: string, content: string) => {
    const path = join(Deno.makeTempDirSync(), name);
    Deno.writeTextFileSync(path, content);
    return path;
  };
  const names = file("names.txt", "cat\ndog\n");
  const noImage = "tests/fixtures/images/parquet/no_image.parquet";
  const cases: [string[], RegExp][] = [
    [[noImage], /^Cannot find an image column in ".*no_image.parquet": its columns are text .*\n$/],
    [["no/such/folder"], /^Cannot open images "no\/such\/folder": no such file or folder\n$/],
    [["--annotator", "no/such"], /^Cannot read annotator "no\/such": there is no such folder or file\n$/],
    [["--annotator", "hf:only-a-name"], /^Cannot read annotator "hf:only-a-name": expected hf:owner\/name/],
    [["--classes", names], /^Cannot load annotator ".*": it has 1,000 classes, but 2 names\n$/],
    [
      ["--top-k", "1001"],
      /^Cannot load annotator ".*": top-k is 1001, expected 1 to 1000, the number of its classes\n$/,
    ],
    [["--out", file("labels", "a file")], /^Cannot write label maps to ".*": .*\n$/],
  ];
  await Promise.all(cases.map(async ([args, message]) => {
    const path = newFolder();
    const { code, out, error } = await runTask("relabel", "--out", path, "--quiet", "--size", "64", ...args);
    assertMatch(error, message);
    assertEquals([code, out], [1, ""]);
    assertEquals([...Deno.readDirSync(join(path, ".."))], []);
  }));
});

Deno.test("the examples of relabel --help run, but for those that need a network", async () => {
  const { code, out } = await runTask("relabel", "--help");
  assertEquals(code, 0);
  const examples = [...out.slice(out.indexOf("\nExamples\n")).matchAll(/deno task relabel(.*)/g)].map(([, words]) =>
    words
  );
  const local = examples.filter((words) => !words.includes("hf:"));
  assertEquals([examples.length, local.length], [6, 5]);
  await Promise.all(local.map(async (words) => {
    // Of two parts the first shard has one, and none of a single one.
    const fewer = ["--limit", words.includes("--shard 0/2 --rows-per-file 4") ? "5" : "1", "--batch", "1"];
    const args = words.trim().split(" ").filter((word) => word !== "");
    const out = args.indexOf("--out");
    const path = newFolder();
    const { code, error } = await runTask(
      "relabel",
      ...(out < 0 ? args : args.toSpliced(out, 2)),
      "--out",
      path,
      ...fewer,
    );
    assertEquals(code, 0, error);
    assert(readManifests(path)[0].parts.length > 0);
  }));
});

Deno.test("a wrong option ends with 2 and one sentence with the nearest name", async () => {
  const { code, out, error } = await runTask("relabel", "--topk", "3");
  assertEquals([code, out], [2, ""]);
  assertEquals(error, "Unknown option --topk, did you mean --top-k? see deno task relabel --help\n");
});

Deno.test("a size above the annotator's own is warned of once, by what it does to answers for whole pictures", async () => {
  const images = mixedFolder(2);
  const warned = async (...options: string[]) => {
    const { code, error } = await runTask("relabel", images, "--out", newFolder(), ...options);
    assertEquals(code, 0, error);
    return error.split("\n").filter((line) => line.includes("whose probabilities flatten"));
  };
  for (const options of [["--size", "256"], ["--size", "160x352", "--quiet"]]) {
    const [line, ...more] = await warned(...options);
    assertMatch(
      line,
      /^(256 x 256|160 x 352) is above the 224 x 224 of tf_efficientnet_lite0.in1k: maps have more cells,/,
    );
    assertEquals(more, []);
  }
  for (const options of [["--size", "64"], ["--size", "224"], []]) assertEquals(await warned(...options), []);
});

Deno.test("deno task relabel --estimate says how long and how large, and leaves nothing", async () => {
  const { images, path } = await wholeRun();
  const out = newFolder();
  const run = await runTask("relabel", images, "--out", out, "--estimate", "--batch", "2", ...OPTIONS);
  assertEquals(run.code, 0, run.error);
  const [, count, speed, bytes, unit] =
    /^(\d+) images at ([\d.]+) images\/s: .*, and ([\d.]+) (kB|MB) of label maps \([\d,]+ bytes an image\)\n/.exec(
      run.out,
    )!;
  assertStringIncludes(run.out, "\n  measured   on the first 8 images, in batches of 2\n");
  assertEquals([Number(count), Number(speed) > 0, unit], [IMAGES, true, "kB"]);
  const written = [...Deno.readDirSync(path)].filter(({ name }) => name.startsWith("part-"))
    .reduce((sum, { name }) => sum + Deno.statSync(join(path, name)).size, 0);
  const ratio = Number(bytes) * 1000 / written;
  assert(ratio > 0.75 && ratio < 1.35, `${bytes} kB were expected of ${written} bytes`);
  assert(![...Deno.readDirSync(join(out, ".."))].some(({ name }) => name === "labels"));
});

Deno.test("deno task relabel refuses --estimate with what writes", async () => {
  const { code, error } = await runTask("relabel", "--estimate", "--report");
  assertEquals([code, error], [2, "Cannot use --estimate with --report: it says what all images take, and ends\n"]);
});
