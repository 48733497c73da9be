import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { loadAnnotator, openImages, openLabelMaps, relabel, writeLabelMaps } from "../mod.ts";
import { ROOT } from "./pipeline/task.ts";

/** The TypeScript examples of a text, as they stand in a module comment or in Markdown. */
function examples(text: string): string[] {
  return [...text.matchAll(/^( \* )?```ts\n([\s\S]*?)^( \* )?```$/gm)].map(([, , code]) => {
    return code.replaceAll(/^ \* ?/gm, "");
  });
}

/** The one example of a file, written where it reads the library as it stands here. */
function exampleFile(file: string): string {
  const found = examples(Deno.readTextFileSync(join(ROOT, file)));
  assertEquals(found.length, 1);
  const path = join(Deno.makeTempDirSync(), "example.ts");
  const code = found[0].replaceAll(/"(\.\/mod\.ts|@relabel\/relabel)"/g, JSON.stringify(`file://${ROOT}mod.ts`));
  Deno.writeTextFileSync(path, code);
  return path;
}

async function deno(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, cwd: ROOT }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

Deno.test("the examples in mod.ts and docs/programs.md have no error of types", async () => {
  await deno("check", "--config", join(ROOT, "deno.json"), ...["mod.ts", "docs/programs.md"].map(exampleFile));
});

for (const [file, printed, decoder] of [["mod.ts", 9, "WebAssembly"], ["docs/programs.md", 7, "native"]] as const) {
  Deno.test(`the example in ${file} runs, with the permissions that mod.ts names and the ${decoder} decoder`, async () => {
    const permissions = ["--allow-read", "--allow-write", ...(decoder === "native" ? ["--allow-ffi"] : [])];
    const config = ["--config", join(ROOT, "deno.json")];
    const output = await deno("run", "--no-prompt", ...config, ...permissions, exampleFile(file));
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
