import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./pipeline/task.ts";

const decoder = new TextDecoder();

async function output(command: Deno.Command): Promise<string> {
  const { code, stdout, stderr } = await command.output();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** Unpacks what is published into a folder, installs its command, and gives what starts it from a folder of photographs. */
async function install(): Promise<{ start(...args: string[]): Deno.Command; folder: string }> {
  const folder = await Deno.makeTempDir();
  const [archive, home, elsewhere] = ["archive", "home", "x"].map((name) => join(folder, name));
  for (const path of [archive, home, join(elsewhere, "photos")]) await Deno.mkdir(path, { recursive: true });
  const pack = ["run", "-q", "--allow-read", "--allow-write", "--allow-run=npm", "npm/pack.ts", folder];
  const tarball = await output(new Deno.Command(Deno.execPath(), { args: pack, cwd: ROOT }));
  await output(new Deno.Command("tar", { args: ["-xzf", tarball.trim(), "-C", archive] }));
  const photos = join(ROOT, "assets/photos/several");
  for (const name of ["four.jpg", "cat-coffee.jpg"]) {
    await Deno.copyFile(join(photos, name), join(elsewhere, "photos", name));
  }
  const info = JSON.parse(await output(new Deno.Command(Deno.execPath(), { args: ["info", "--json"] })));
  // All that it has of the machine is Deno, its cache of packages, and the display's folder, which Mesa wants.
  const env = {
    HOME: home,
    PATH: Deno.env.get("PATH")!,
    DENO_DIR: info.denoDir,
    XDG_RUNTIME_DIR: folder,
    NO_COLOR: "1",
  };
  const options = { env, clearEnv: true } as const;
  const program = join(archive, "package/relabel");
  const [, line] = Deno.readTextFileSync(join(ROOT, "docs/installing.md")).match(/^deno (install .*)$/m)!;
  await output(new Deno.Command(Deno.execPath(), { ...options, args: line.split(" "), cwd: program }));
  const command = join(home, ".deno/bin/relabel");
  return {
    start: (...args) =>
      new Deno.Command(command, { ...options, args, cwd: elsewhere, stdout: "piped", stderr: "piped" }),
    folder: elsewhere,
  };
}

Deno.test("the installed command labels, asks and shows photographs from a folder where nothing of the project is", async () => {
  const { start, folder } = await install();
  const labelled = await output(start("label", "photos", "--out", "there"));
  assertStringIncludes(labelled, "there: 2 rows in part-00000.parquet and manifest.json");
  assertStringIncludes(labelled, "\n  relabel report there photos\n");
  assertStringIncludes(
    await output(start("query", "there", "multi-label")),
    "2 of 2 images (100.0 %) carry more than one class",
  );
  const explorer = start("explore", "there", "photos", "--port", "0").spawn();
  const lines = explorer.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let told = "";
  while (!/http:\S+\s/.test(told)) {
    const { value, done } = await lines.read();
    assert(!done, told);
    told += value;
  }
  const page = await fetch(/http:\S+/.exec(told)![0]);
  assertMatch(await page.text(), /<script/);
  await lines.cancel();
  await explorer.stderr.cancel();
  explorer.kill("SIGTERM");
  assertEquals((await explorer.status).code, 143);
  assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["photos", "there"]);
});
