import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import {
  loadAnnotator,
  openImages,
  openLabelMaps,
  poolLabels,
  readImage,
  relabel,
  SAMPLE_ANNOTATOR,
  SAMPLE_IMAGES,
  trainClassifier,
  writeLabelMaps,
} from "../mod.ts";
import { linkedFolder } from "./linked_folder.ts";
import { ROOT } from "./pipeline/task.ts";

/** The TypeScript examples of a text, as they stand in a module comment or in Markdown. */
function examples(text: string): string[] {
  return [...text.matchAll(/^( \* )?```ts\n([\s\S]*?)^( \* )?```$/gm)].map(([, , code]) => {
    return code.replaceAll(/^ \* ?/gm, "");
  });
}

/** A folder elsewhere with the examples of some files, one of each: `0.ts`, `1.ts`. */
function exampleFolder(...files: string[]): string {
  const folder = linkedFolder();
  for (const [number, file] of files.entries()) {
    const found = examples(Deno.readTextFileSync(join(ROOT, file)));
    assertEquals(found.length, 1);
    Deno.writeTextFileSync(join(folder, `${number}.ts`), found[0]);
  }
  return folder;
}

async function deno(cwd: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the examples in mod.ts and docs/programs.md have no error of types", async () => {
  await deno(exampleFolder("mod.ts", "docs/programs.md"), "check", "0.ts", "1.ts");
});

for (const [file, printed, decoder] of [["mod.ts", 10, "WebAssembly"], ["docs/programs.md", 7, "native"]] as const) {
  Deno.test(`the example in ${file} runs, with the permissions that mod.ts names and the ${decoder} decoder`, async () => {
    const permissions = ["--allow-read", "--allow-write", ...(decoder === "native" ? ["--allow-ffi"] : [])];
    const output = await deno(exampleFolder(file), "run", "--no-prompt", ...permissions, "0.ts");
    const lines = output.trimEnd().split("\n");
    assertEquals(new Set(lines.map((line) => line.split(" ")[0])).size, printed, lines.join("\n"));
    assert(lines.some((line) => line.startsWith("chelsea.jpg Egyptian cat")), lines.join("\n"));
  });
}

Deno.test("relabel() gives the rows that writeLabelMaps() writes", async () => {
  const annotator = await loadAnnotator(join(ROOT, "assets/efficientnet_lite0"), { size: [64, 64], batch: 2 });
  const images = await openImages(join(ROOT, "assets/photos/single"));
  const given = await Array.fromAsync(relabel(images, annotator, { workers: 2 }));
  const middle = await Array.fromAsync(relabel(images, annotator, { start: 2, end: 5, workers: 1 }));
  const path = Deno.makeTempDirSync();
  await writeLabelMaps(path, images, annotator, { rowsPerFile: 4 });
  annotator.close();
  const labelMaps = await openLabelMaps(path);
  const written = await Array.fromAsync(labelMaps.rows());
  labelMaps.close();
  assertEquals(given.map((labelled) => "row" in labelled ? labelled.row : labelled.reason), written);
  assertEquals(middle, given.slice(2, 5));
});

Deno.test("relabel() can be left in the middle", async () => {
  const annotator = await loadAnnotator(join(ROOT, "assets/efficientnet_lite0"), { size: [64, 64], batch: 1 });
  const images = await openImages(join(ROOT, "assets/photos/single"));
  const keys: string[] = [];
  for await (const { key } of relabel(images, annotator, { workers: 1 })) {
    keys.push(key);
    if (keys.length === 2) break;
  }
  annotator.close();
  assertEquals(keys, ["astronaut.jpg", "chelsea.jpg"]);
});

Deno.test("an image that a source gives is read, annotated and pooled as it is, as its stored map is", async () => {
  const annotator = await loadAnnotator(SAMPLE_ANNOTATOR, { size: 64, batch: 2 });
  const images = await openImages(`${SAMPLE_IMAGES}/single`);
  const stored = await Array.fromAsync(images.read({ start: 0, end: 2 }));
  const maps = await annotator.annotate(await Promise.all(stored.map((image) => readImage(image))));
  const path = Deno.makeTempDirSync();
  await writeLabelMaps(path, images, annotator, { limit: 2 });
  const labelMaps = await openLabelMaps(path);
  const crop = { top: 0.1, left: 0.2, height: 0.5, width: 0.6 };
  for (const [index, map] of maps.entries()) {
    assertEquals(poolLabels(map, [crop]), poolLabels(await labelMaps.batch([index]), [crop]));
  }
  labelMaps.close();
  annotator.close();
  annotator.close();
  const closed = `Cannot annotate with "tf_efficientnet_lite0.in1k": it is closed`;
  const image = await readImage(stored[0]);
  await assertRejects(() => annotator.annotate([image]), Deno.errors.BadResource, closed);
  await assertRejects(() => annotator.start([image]), Deno.errors.BadResource, closed);
  await assertRejects(() => readImage({ bytes: { unreadable: "its shard ends" } }), Error, "its shard ends");
});

Deno.test("trainClassifier() trains by the command's settings, and goes on where it was stopped", async () => {
  const output = join(Deno.makeTempDirSync(), "run");
  const settings = { images: SAMPLE_IMAGES, output, network: "resnet8", size: [16, 16], batch: 2, epochs: 2 };
  const stop = new AbortController();
  const first = await trainClassifier(settings, { signal: stop.signal, onEpoch: () => stop.abort() });
  assertEquals([first.stopped, first.epochs.length], [true, 1]);
  const told: number[] = [];
  const last = await trainClassifier(settings, { onEpoch: ({ epoch }) => told.push(epoch) });
  assertEquals([last.stopped, last.output, last.epochs.length, told], [false, output, 2, [1]]);
  assertEquals(last.epochs[0], first.epochs[0]);
  const wrong = () => trainClassifier({ ...settings, netwrok: "resnet18" });
  await assertRejects(wrong, Error, "Cannot train: unknown setting netwrok, did you mean network?");
});
