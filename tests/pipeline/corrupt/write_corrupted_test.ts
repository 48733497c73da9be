import { assert, assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { decodeImage } from "../../../formats/images/mod.ts";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { runTask, taskCommand } from "../task.ts";

/** Three grey squares in two class folders, the last one not an image. */
async function squares(folder: string): Promise<string> {
  const images = join(folder, "images");
  for (const [name, grey] of [["cat/a.png", 80], ["dog/b.png", 160]] as const) {
    await Deno.mkdir(join(images, name, ".."), { recursive: true });
    const pixels = new Uint8Array(24 * 20 * 3).fill(grey);
    await Deno.writeFile(join(images, name), encodePng(pixels, { width: 24, height: 20, channels: 3 }));
  }
  await Deno.writeTextFile(join(images, "dog/c.png"), "no image");
  return images;
}

/** Files under a folder, by path, with their bytes as text. */
async function filesUnder(folder: string, under = ""): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name, isDirectory } of Deno.readDir(join(folder, under))) {
    const path = join(under, name);
    if (isDirectory) Object.assign(files, await filesUnder(folder, path));
    else files[path] = (await Deno.readFile(join(folder, path))).toBase64();
  }
  return files;
}

Deno.test("deno task corrupt writes what evaluate reads, goes on where it stopped, and refuses another setting", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const images = await squares(folder);
    const output = join(folder, "out");
    const chosen = ["--corruption", "fog,brightness,glass_blur", "--severity", "1,5", "--format", "png"];
    const args = [images, "--output", output, ...chosen];
    const first = await runTask("corrupt", ...args);
    assertEquals(first.code, 0, first.error);
    assertMatch(first.out, /12 files of 3 images\n {2}not made {3}1 image\n {4}dog\/c\.png: Cannot decode image/);
    const files = await filesUnder(output);
    assertEquals(
      Object.keys(files).sort(),
      ["corrupted.json"].concat(
        ["brightness", "fog", "glass_blur"].flatMap((name) =>
          ["1", "5"].flatMap((severity) => ["cat/a.png", "dog/b.png"].map((key) => `${name}/${severity}/${key}`))
        ),
      ).sort(),
    );
    const bright = await decodeImage(await Deno.readFile(join(output, "brightness/5/cat/a.png")));
    assertEquals([bright.width, bright.height, bright.pixels[0]], [24, 20, 207]);

    await Deno.remove(join(output, "fog/5/cat/a.png"));
    await Deno.truncate(join(output, "fog/1/dog/b.png"));
    const again = await runTask("corrupt", ...args, "--workers", "1");
    assertMatch(again.out, /2 files of 3 images/);
    assertEquals(await filesUnder(output), files);

    const other = await runTask("corrupt", ...args, "--seed", "1");
    assertEquals([other.code, other.out], [1, ""]);
    assertMatch(other.error, /it was begun with seed 0, not 1/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("deno task corrupt stops at a signal with what it has written", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const images = join(folder, "images");
    await Deno.mkdir(images);
    const image = encodePng(new Uint8Array(200 * 200 * 3), { width: 200, height: 200, channels: 3 });
    for (let index = 0; index < 60; index++) await Deno.writeFile(join(images, `${index}.png`), image);
    const output = join(folder, "out");
    const args = [images, "--output", output, "--size", "100", "--severity", "1", "--workers", "1"];
    const child = taskCommand("corrupt", args).spawn();
    const jpeg = join(output, "gaussian_noise/1/0.png.jpg");
    while (!await Deno.stat(jpeg).catch(() => undefined)) await new Promise((resolve) => setTimeout(resolve, 20));
    child.kill("SIGINT");
    const { code, stderr } = await child.output();
    assertEquals(code, 130);
    assertMatch(new TextDecoder().decode(stderr), /Stopped: \d+ of 60 images/);
    const { width, height } = await decodeImage(await Deno.readFile(jpeg));
    assertEquals([width, height], [100, 100]);
    assert(!Object.keys(await filesUnder(output)).some((name) => name.endsWith(".partial")));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
