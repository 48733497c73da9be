import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { linkedFolder } from "./linked_folder.ts";
import { ROOT } from "./pipeline/task.ts";

/** Runs a copy of an example, elsewhere, as the comment at its head says, and gives the lines that it prints; `deno check` has looked at its types. */
async function runExample(name: string, ...args: string[]): Promise<string[]> {
  const folder = linkedFolder();
  const file = `${name}.ts`;
  const text = Deno.readTextFileSync(join(ROOT, "examples", file));
  Deno.writeTextFileSync(join(folder, file), text);
  const [, command] = text.match(/^ \* {5}deno run (.*) examples\/\w+\.ts /m)!;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...command.split(" "), file, ...args],
    cwd: folder,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test("every example has a test here, and needs no network", () => {
  const names = [...Deno.readDirSync(join(ROOT, "examples"))].map(({ name }) => name).sort();
  assertEquals(names, ["crop_targets.ts", "relabel_folder.ts", "several_classes.ts"]);
  for (const name of names) {
    const text = Deno.readTextFileSync(join(ROOT, "examples", name));
    const [, permissions] = text.match(/^ \* {5}deno run (.*) examples\/\w+\.ts /m)!;
    const allowed = new Set(["--allow-read", "--allow-write", "--allow-ffi"]);
    assertEquals(permissions.split(" ").filter((word) => !allowed.has(word)), [], name);
  }
});

Deno.test("the example that relabels a folder shows the classes of the first image's cells", async () => {
  const folder = join(Deno.makeTempDirSync(), "labels");
  const [summary, image, ...rows] = await runExample("relabel_folder", join(ROOT, "assets/photos/single"), folder);
  assertEquals(summary, `6 label maps in ${folder}, 0 images rejected`);
  assertEquals(image.split(": ")[0], "astronaut.jpg, 512 x 512 pixels");
  assertEquals(rows.length, 7);
  assert(rows.some((row) => row.includes("space shut")));

  // The same label maps serve the next example.
  const targets = await runExample("crop_targets", folder);
  assertEquals(targets.length, 6);
  for (const line of targets) {
    const [, probability] = line.match(/^\w+\.jpg: .+ (\d\.\d{3})$/)!;
    assert(Number(probability) > 0 && Number(probability) <= 1, line);
  }
});

Deno.test("the example that looks for several classes finds the photographs that were put together, and not one cat", async () => {
  const lines = await runExample("several_classes");
  const found = new Map(lines.map((line) => [line.split(":")[0], line]));
  for (const name of ["Egyptian cat", "espresso"]) {
    assert(found.get("several/cat-coffee.jpg")?.includes(name), lines.join("\n"));
    assert(found.get("several/four.jpg")?.includes(name), lines.join("\n"));
  }
  assertEquals(found.has("single/chelsea.jpg"), false);
});
