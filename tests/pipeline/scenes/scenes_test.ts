import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { decodeImage, openImages } from "../../../formats/images/mod.ts";
import { readBoxes } from "../../../pipeline/pictures/boxes.ts";
import { readClassNames } from "../../../pipeline/model/class_names.ts";
import { sceneClasses } from "../../../pipeline/scenes/classes.ts";
import { runTask, taskCommand } from "../task.ts";

const IMAGES = 300;

/** What an uninterrupted run makes, once for all tests. */
let whole: Promise<{ folder: string; out: string; error: string }> | undefined;

function wholeRun() {
  return whole ??= (async () => {
    const folder = newFolder();
    const { code, out, error } = await runTask("scenes", folder, "--split", "test,train", "--count", `${IMAGES}`);
    assertEquals(code, 0, error);
    return { folder, out, error };
  })();
}

function newFolder(): string {
  return join(Deno.makeTempDirSync(), "scenes");
}

/** The names of all files under a folder, of those that are there while it is filled. */
function names(folder: string, path = ""): string[] {
  try {
    return [...Deno.readDirSync(join(folder, path))].flatMap(({ name, isDirectory }) =>
      isDirectory ? names(folder, `${path}${name}/`) : [path + name]
    );
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

/** Every file under a folder. */
function files(folder: string): Record<string, string> {
  return Object.fromEntries(
    names(folder).sort().map((name) => [name, Deno.readFileSync(join(folder, name)).toBase64()]),
  );
}

Deno.test("deno task scenes writes class folders whose labels are the indices of the classes", async () => {
  const { folder } = await wholeRun();
  const source = await openImages(join(folder, "train/images"));
  const { name: classes } = await readClassNames(join(folder, "train/classes.txt"));
  assertEquals(source.classes, classes);
  assertEquals(classes, sceneClasses.map(({ name }) => name));
  const images = await Array.fromAsync(source.read());
  const indices = images.map(({ key }) => Number(/\/(\d{5})\.png$/.exec(key)![1]));
  assertEquals(indices.toSorted((a, b) => a - b), Array.from({ length: IMAGES }, (_, index) => index));
});

Deno.test("deno task scenes writes masks, boxes and ReaL's lists that agree, image by image", async () => {
  const { folder } = await wholeRun();
  for (const split of ["train", "test"]) {
    const path = join(folder, split);
    const boxes = readBoxes(join(path, "boxes.csv"), (text) => {
      const index = sceneClasses.findIndex(({ name }) => name === text);
      return index < 0 ? undefined : index;
    });
    const real: number[][] = JSON.parse(Deno.readTextFileSync(join(path, "real.json")));
    const source = await openImages(join(path, "images"));
    assertEquals([real.length, boxes.size], [IMAGES, IMAGES]);
    for await (const { index, key, label } of source.read()) {
      const image = await decodeImage(Deno.readFileSync(join(path, "images", key)));
      const mask = await decodeImage(Deno.readFileSync(join(path, "masks", key)));
      assertEquals([image.width, image.height, mask.width, mask.height], [64, 64, 64, 64]);
      const values = mask.pixels.filter((_, sample) => sample % 3 === 0);
      const classes = [...new Set(values)].filter((value) => value > 0).map((value) => value - 1).sort((a, b) => a - b);
      assertEquals(real[index], classes, key);
      assert(classes.includes(label!), key);
      const ofImage = boxes.get(key.replace(".png", ""))!;
      assertEquals(ofImage.map(({ index }) => index).sort((a, b) => a - b), classes, key);
      for (const { index, top, left, height, width } of ofImage) {
        values.forEach((value, pixel) => {
          if (value !== 1 + index) return;
          const [y, x] = [Math.floor(pixel / 64) / 64, pixel % 64 / 64];
          assert(y >= top && y < top + height && x >= left && x < left + width, key);
        });
      }
    }
  }
});

Deno.test("deno task scenes says how many images there are, and what the best classifier reaches", async () => {
  const { folder, out } = await wholeRun();
  const lines = out.trimEnd().split("\n");
  assertEquals(lines.length, 6);
  assertMatch(lines[0], new RegExp(`^${folder}/train: 300 images, 2\\.\\d\\d objects per image$`));
  assertMatch(lines[1], /^ {2}ceiling {4}8\d\.\d % top-1 against single labels, for a perfect classifier$/);
  assertMatch(lines[2], /^ {2}time {7}[\d.]+ s, \d+ images\/s$/);
  assertStringIncludes(lines[3], `${folder}/test: 300 images`);
});

Deno.test("deno task scenes warns of class folders without an image", async () => {
  const { code, out } = await runTask("scenes", newFolder(), "--split", "test", "--count", "1");
  assertEquals(code, 0);
  assertStringIncludes(
    out,
    "\n  few        15 class folders without an image: labels that number the others are not the indices in classes.txt",
  );
});

Deno.test("deno task scenes makes any part again, and other scenes for other seeds", async () => {
  const { folder } = await wholeRun();
  const [part, other] = [newFolder(), newFolder()];
  const options = ["--split", "train", "--start", "120", "--count", "7", "--quiet"];
  assertEquals(await runTask("scenes", part, ...options), { code: 0, out: "", error: "" });
  assertEquals((await runTask("scenes", other, ...options, "--seed", "1")).code, 0);
  const [all, some, others] = [files(join(folder, "train")), files(join(part, "train")), files(join(other, "train"))];
  const images = Object.keys(some).filter((name) => name.endsWith(".png"));
  assertEquals(images.length, 14);
  for (const name of images) {
    assertEquals(some[name], all[name]);
    assertNotEquals(others[name], all[name]);
  }
});

Deno.test("deno task scenes goes on after kills, and leaves the files of an uninterrupted run", async () => {
  const { folder } = await wholeRun();
  const killed = newFolder();
  const args = [killed, "--split", "train,test", "--count", `${IMAGES}`];
  for (const [count, signal] of [[40, "SIGKILL"], [200, "SIGKILL"], [700, "SIGTERM"]] as const) {
    const process = taskCommand("scenes", args).spawn();
    const output = process.output();
    let hasEnded = false;
    process.status.then(() => hasEnded = true);
    while (names(killed).length < count && !hasEnded) await new Promise((resolve) => setTimeout(resolve, 5));
    if (!hasEnded) process.kill(signal);
    const { code, stderr } = await output;
    assertEquals(code, signal === "SIGKILL" ? 137 : 143);
    if (signal === "SIGKILL") continue;
    assertMatch(
      new TextDecoder().decode(stderr),
      /Stopped: \d+ of 600 images were done, the same command goes on in "/,
    );
  }
  const left = names(killed).find((name) => name.endsWith(".png"))!;
  Deno.truncateSync(join(killed, left));
  const { code, out } = await runTask("scenes", ...args);
  assertEquals(code, 0);
  assertMatch(out, /images\/s; \d+ were there from before/);
  assertEquals(files(killed), files(folder));
  assertMatch((await runTask("scenes", ...args)).out, /nothing was left to do; 300 were there from before/);
});

Deno.test("deno task scenes refuses, in one sentence, what it cannot do", async () => {
  const folder = newFolder();
  assertEquals((await runTask("scenes", folder, "--split", "test", "--count", "2", "--quiet")).code, 0);
  const foreign = Deno.makeTempDirSync();
  Deno.mkdirSync(join(foreign, "test/images"), { recursive: true });
  const file = Deno.makeTempFileSync();
  const damaged = Deno.makeTempDirSync();
  Deno.mkdirSync(join(damaged, "test"));
  Deno.writeTextFileSync(join(damaged, "test/scenes.json"), "{");
  const cannot = (path: string, reason: string) => `Cannot write scenes to "${path}/test": ${reason}`;
  const cases: [string[], number, string][] = [
    [[folder, "--count", "3"], 1, cannot(folder, "it was begun with --count 2, not 3")],
    [[folder, "--count", "2", "--seed", "4"], 1, cannot(folder, "it was begun with --seed 0, not 4")],
    [[foreign, "--count", "2"], 1, cannot(foreign, 'it holds "images" and no scenes.json')],
    [[damaged, "--count", "2"], 1, cannot(damaged, "its scenes.json is not JSON")],
    [[file, "--count", "2"], 1, cannot(file, "not a directory")],
    [["--count", "0"], 2, "Cannot use --count 0: expected a positive integer"],
    [["--seed", "x"], 2, "Cannot use --seed x: expected an integer, 0 or more"],
    [["--split", "tests"], 2, "Cannot use --split tests, did you mean test? Known are train, validation, test, extra"],
    [["--counts", "5"], 2, "Unknown option --counts, did you mean --count? see deno task scenes --help"],
  ];
  for (const [args, code, message] of cases) {
    const split = args.includes("--split") ? [] : ["--split", "test"];
    const found = await runTask("scenes", ...args, ...split);
    assertEquals([found.code, found.out, found.error.trimEnd()], [code, "", message]);
  }
});

Deno.test("deno task scenes --help describes the files and the options", async () => {
  const { code, out } = await runTask("scenes", "--help");
  assertEquals(code, 0);
  for (const word of ["boxes.csv", "real.json", "masks/", "--split", "--start", "--seed"]) {
    assertStringIncludes(out, word);
  }
});
