import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { dirname, join } from "@std/path";
import { DuckDBInstance } from "@duckdb/node-api";
import { type ImageSource, openImageList, openImages, writeImageList } from "../../../formats/images/mod.ts";
import { type LabelMapRow, openLabelMapFolder, type Shard } from "../../../formats/labels/mod.ts";
import { fillFolder } from "../../../pipeline/label_folder/fill_folder.ts";
import type { Filling } from "../../../pipeline/label_folder/part_folder.ts";
import type { Span } from "../../../pipeline/label_folder/spans.ts";
import { listImages } from "../../../pipeline/label_folder/listed_images.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { writeTar } from "../../formats/images/tar_writer.ts";
import { contents } from "../task.ts";

/** Files by their names under a folder, with what is in them; what counts is its length. */
type Files = Readonly<Record<string, string>>;

/** Twelve images of two classes, of different lengths. */
const FILES: Files = Object.fromEntries(
  Array.from({ length: 12 }, (_, index) => {
    const name = `${index < 6 ? "cats" : "dogs"}/${String(index).padStart(2, "0")}.jpg`;
    return [name, "x".repeat(100 + index)] as const;
  }),
);

/** Parts of four images that a run which is stopped finishes. */
const STOPPED_AFTER = 2;

function writeFiles(root: string, files: Files): void {
  for (const [name, content] of Object.entries(files)) {
    Deno.mkdirSync(dirname(join(root, name)), { recursive: true });
    Deno.writeTextFileSync(join(root, name), content);
  }
}

/** Ways to keep images. */
const KINDS: Readonly<Record<string, (root: string, files: Files) => void | Promise<void>>> = {
  "a folder": writeFiles,
  "a tar shard": (root, files) => Deno.writeFileSync(join(root, "a.tar"), tarOf(files)),
  "a gzipped tar shard": async (root, files) => {
    const stream = new Blob([tarOf(files)]).stream().pipeThrough(new CompressionStream("gzip"));
    Deno.writeFileSync(join(root, "a.tar.gz"), await new Response(stream).bytes());
  },
  "a Parquet file": async (root, files) => {
    const instance = await DuckDBInstance.create(":memory:");
    const connection = await instance.connect();
    const rows = Object.entries(files).sort().map(([name, content]) =>
      `('${content}'::BLOB, ${name.startsWith("cats") ? 0 : 1})`
    );
    const file = join(root, "a.parquet");
    await connection.run(`COPY (SELECT * FROM (VALUES ${rows.join()}) AS t (image, label)) TO '${file}'`);
    connection.closeSync();
    instance.closeSync();
  },
};

function tarOf(files: Files): Uint8Array<ArrayBuffer> {
  return writeTar(Object.entries(files).sort().map(([name, content]) => ({ name, content })));
}

/** Fills a folder from a source with rows made up from keys and labels; every fifth image is rejected. */
async function fill(
  source: ImageSource,
  path: string,
  { parts = Infinity, shard }: { parts?: number; shard?: Shard } = {},
) {
  const images = await source.count();
  const metadata = smallMetadata();
  const folder = openLabelMapFolder(path, smallConfiguration({ metadata, images }), { shard });
  const stop = new AbortController();
  async function* filled(spans: readonly Span[]): AsyncGenerator<Filling<LabelMapRow>> {
    for (const span of spans) {
      for await (const { index, key, label } of source.read(span)) {
        yield index % 5 === 3
          ? { index, key, reason: "Not an image" }
          : { index, key, row: { ...smallRow(index, metadata), key, label } };
        if (folder.finishedParts.size === parts) stop.abort();
      }
    }
  }
  try {
    return await fillFolder(folder, { images, rowsPerFile: 4, shard, signal: stop.signal }, {
      list: (span) => listImages(source, span),
      fill: filled,
    });
  } finally {
    folder.close();
  }
}

async function newFolder(kind: string, files: Files): Promise<string> {
  const root = Deno.makeTempDirSync();
  await KINDS[kind](root, files);
  return root;
}

/** A folder that a run of some images was stopped in. */
async function begun(kind: string, files: Files = FILES): Promise<string> {
  const path = Deno.makeTempDirSync();
  const { stopped } = await fill(await openImages(await newFolder(kind, files)), path, { parts: STOPPED_AFTER });
  assertEquals(stopped, true);
  return path;
}

/** What a run of other images says that goes on in a folder; it changes nothing there. */
async function refusal(source: ImageSource, path: string): Promise<string> {
  const before = contents(path);
  const { name, message } = await assertRejects(() => fill(source, path), Error);
  assertEquals(contents(path), before);
  return `${name}: ${message.replace(path, "labels")}`;
}

/** Takes what was added for this away again: a manifest as older versions wrote it. */
function withoutHashes(path: string): void {
  const file = join(path, "manifest.json");
  const text = Deno.readTextFileSync(file);
  assertMatch(text, /,"images":"[0-9a-f]{64}"\}/);
  Deno.writeTextFileSync(file, text.replaceAll(/,"images":"[0-9a-f]{64}"/g, ""));
}

const REFUSED = 'TypeError: Cannot go on in "labels": put the images back as they were or choose another folder, since';

function change(changes: Readonly<Record<string, string | null>>): Files {
  return Object.fromEntries(
    Object.entries({ ...FILES, ...changes }).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** The same number of images, the same first and last key: what the configuration does not tell. */
const CHANGES: Readonly<Record<string, readonly [Files, string]>> = {
  "an early image is deleted and a later one added": [
    change({ "cats/02.jpg": null, "dogs/10b.jpg": "x" }),
    'image 2 was "cats/02.jpg", is "cats/03.jpg"',
  ],
  "an image is renamed": [
    change({ "cats/04.jpg": null, "cats/04b.jpg": FILES["cats/04.jpg"] }),
    'image 4 was "cats/04.jpg", is "cats/04b.jpg"',
  ],
  "an image has another extension": [
    change({ "dogs/07.jpg": null, "dogs/07.png": FILES["dogs/07.jpg"] }),
    'image 7 was "dogs/07.jpg", is "dogs/07.png"',
  ],
  "a rejected image is another": [
    change({ "cats/03.jpg": null, "cats/03b.jpg": FILES["cats/03.jpg"] }),
    'image 3 was "cats/03.jpg", is "cats/03b.jpg"',
  ],
  "an image moves to the other class": [
    change({ "cats/05.jpg": null, "dogs/05.jpg": FILES["cats/05.jpg"] }),
    'image 5 was "cats/05.jpg", is "dogs/05.jpg"',
  ],
  "a class is added between": [
    change({ "dogs/10.jpg": null, "cows/0.jpg": "x" }),
    'image 6 was "dogs/06.jpg", is "cows/0.jpg"',
  ],
};

for (const kind of ["a folder", "a tar shard", "a gzipped tar shard"]) {
  const keyOf = (sentence: string) =>
    kind === "a folder"
      ? sentence
      : sentence.replaceAll(/"(?=\w+\/)/g, kind === "a tar shard" ? '"a.tar/' : '"a.tar.gz/');
  for (const [what, [files, difference]] of Object.entries(CHANGES)) {
    Deno.test(`a run of ${kind} does not go on where ${what}, and names the image`, async () => {
      const path = await begun(kind);
      const images = await openImages(await newFolder(kind, files));
      assertEquals(await refusal(images, path), `${REFUSED} ${keyOf(difference)}`);
      withoutHashes(path);
      assertEquals(await refusal(images, path), `${REFUSED} ${keyOf(difference)}`);
    });
  }
}

Deno.test("a run does not go on where a class is added before the first one", async () => {
  const path = await begun("a folder");
  // Natural order puts the new class first; what it holds comes out of the last class.
  const root = await newFolder("a folder", change({ "cats/00.jpg": null, "birds/0.jpg": FILES["cats/00.jpg"] }));
  const message = await refusal(await openImages(root), path);
  assertEquals(message, `${REFUSED} image 0 was "cats/00.jpg", is "birds/0.jpg"`);
});

Deno.test("a run of Parquet rows does not go on where labels are others", async () => {
  const path = await begun("a Parquet file");
  const relabelled = Object.fromEntries(
    Object.entries(FILES).map(([name, content]) => [name === "cats/01.jpg" ? "cats0/01.jpg" : name, content]),
  );
  const root = Deno.makeTempDirSync();
  await KINDS["a Parquet file"](
    root,
    Object.fromEntries(Object.entries(relabelled).map(([name, content]) => [name.replace("cats0/", "a/"), content])),
  );
  const images = await openImages(root);
  const expected = `${REFUSED} the label of image 0, "a.parquet/0", was 0, is 1`;
  assertEquals(await refusal(images, path), expected);
  withoutHashes(path);
  assertEquals(await refusal(images, path), expected);
});

for (const kind of Object.keys(KINDS)) {
  Deno.test(`a run of ${kind} does not go on where an image has another size in bytes`, async () => {
    const path = await begun(kind);
    const images = await openImages(await newFolder(kind, change({ "dogs/06.jpg": "another one".repeat(40) })));
    assertMatch(
      await refusal(images, path),
      /since (image \d, ".*", was changed after its row was written|one of images 4 to 7 was replaced): an image of part [01], or the file that holds it, has another size in bytes$/,
    );
  });

  Deno.test(`a run of ${kind} goes on where only images that are not done are others, and where all were moved`, async () => {
    const path = await begun(kind);
    const moved = await newFolder(kind, FILES);
    const whole = Deno.makeTempDirSync();
    await fill(await openImages(moved), whole);
    const { before, done } = await fill(await openImages(moved), path);
    assertEquals([before, done], [8, 12]);
    assertEquals(contents(path), contents(whole));
    if (kind === "a Parquet file") return;
    const later = change({ "dogs/09.jpg": null, "dogs/08b.jpg": "a later one" });
    if (kind !== "a folder") return;
    const [again, other] = [await begun(kind), Deno.makeTempDirSync()];
    const changed = await newFolder(kind, later);
    await fill(await openImages(changed), again);
    await fill(await openImages(changed), other);
    assertEquals(contents(again), contents(other));
  });

  Deno.test(`labels of ${kind} that an earlier version began is finished with the bytes of a whole run`, async () => {
    const path = await begun(kind);
    withoutHashes(path);
    const images = await openImages(await newFolder(kind, FILES));
    await fill(images, path);
    const whole = Deno.makeTempDirSync();
    await fill(images, whole);
    assertEquals(contents(path), contents(whole));
  });
}

Deno.test("a shard does not go on with other images, nor does a list", async () => {
  const shard = { index: 1, count: 2 };
  const [files, difference] = CHANGES["an image is renamed"];
  const [before, after] = [await newFolder("a folder", FILES), await newFolder("a folder", files)];
  const path = Deno.makeTempDirSync();
  await fill(await openImages(before), path, { parts: 1, shard });
  assertEquals(await refusalOfShard(after, path, shard), `${REFUSED} ${difference}`);

  const listed = Deno.makeTempDirSync();
  const list = async (root: string) => {
    const file = join(Deno.makeTempDirSync(), "images.list");
    await writeImageList(await openImages(root), file);
    return await openImageList(file);
  };
  await fill(await list(before), listed, { parts: STOPPED_AFTER });
  assertEquals(await refusal(await list(after), listed), `${REFUSED} ${difference}`);
  // A list and its folder are the same images.
  await fill(await openImages(before), listed);
});

async function refusalOfShard(root: string, path: string, shard: Shard): Promise<string> {
  const images = await openImages(root);
  const { name, message } = await assertRejects(() => fill(images, path, { shard }), Error);
  return `${name}: ${message.replace(path, "labels")}`;
}

Deno.test("images that change while they are read end a run, and nothing of their part is kept", async () => {
  const root = await newFolder("a folder", FILES);
  const source = await openImages(root);
  const path = Deno.makeTempDirSync();
  const listings = [FILES, CHANGES["an image is renamed"][0]].map((files) => Object.keys(files).sort());
  const changing: ImageSource = {
    ...source,
    async *list({ start = 0, end = Infinity } = {}) {
      for (const [index, key] of listings[1].entries()) {
        const label = key.startsWith("cats") ? 0 : 1;
        if (index >= start && index < end) yield { index, key, label, path: join(root, key), place: { path: root } };
      }
    },
  };
  const { message } = await assertRejects(() => fill(changing, path), TypeError);
  assertEquals(
    message,
    `Cannot fill "${path}": the images changed while they were read, image 4 was "cats/04.jpg" and is "cats/04b.jpg"; ` +
      "the same command tells what to do",
  );
  assertEquals(Object.keys(contents(path)), ["manifest.json", "part-00000.parquet", "rejected.jsonl"]);
});
