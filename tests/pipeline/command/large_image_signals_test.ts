import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { encodePng } from "../../../formats/images/encode_png.ts";
import { readManifests } from "../../../formats/labels/mod.ts";
import { contents, runTask, taskCommand } from "../task.ts";

const SMALL = 4;
const LARGE = 2;
const SIDE = 9000;

/** Milliseconds after the start of a run: while a large image is decoded, and while one is resized. */
const DELAYS = [200, 900];

/** Small images, and then some of which each takes seconds. */
function images(): string {
  const folder = join(Deno.makeTempDirSync(), "images");
  const write = (name: string, side: number, value: number) => {
    const pixels = new Uint8Array(side * side).fill(value, side);
    Deno.writeFileSync(join(folder, name), encodePng(pixels, { width: side, height: side, channels: 1 }));
  };
  for (const name of ["cat", "dog"]) Deno.mkdirSync(join(folder, name), { recursive: true });
  for (let image = 0; image < SMALL; image++) write(`cat/${image}.png`, 40, 30 * image);
  for (let image = 0; image < LARGE; image++) write(`dog/${image}.png`, SIDE, 200 - image);
  return folder;
}

/** Runs a task, and sends SIGINT some time after it has said a text, unless it has ended. */
async function interrupt(
  task: "relabel" | "train",
  args: readonly string[],
  said: RegExp,
  delay: number,
): Promise<{ code: number; error: string }> {
  const child = taskCommand(task, args).spawn();
  const reader = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  let error = "";
  const read = async () => {
    const { done, value = "" } = await reader.read();
    error += value;
    return !done;
  };
  while (!said.test(error) && await read());
  await new Promise((resolve) => setTimeout(resolve, delay));
  try {
    child.kill("SIGINT");
  } catch (error) {
    // It has ended by itself: its code says how.
    if (!(error instanceof TypeError)) throw error;
  }
  while (await read());
  await child.stdout.cancel();
  return { code: (await child.status).code, error };
}

Deno.test("SIGINT ends relabel and train amid images of 9,000 x 9,000 pixels, and they go on to the same bytes", async () => {
  const folder = images();
  const whole = join(folder, "..", "whole");
  const options = ["--size", "64", "--rows-per-file", "2", "--batch", "1"];
  assertEquals((await runTask("relabel", folder, "--out", whole, ...options)).code, 0);
  const out = join(folder, "..", "labels");
  for (const delay of DELAYS) {
    const { code, error } = await interrupt("relabel", [folder, "--out", out, ...options], / at 64 x 64 on /, delay);
    assertEquals(code, 130, error);
    assert(/Stopped: [0-5] of 6 images are in whole parts/.test(error), error);
  }
  const parts = readManifests(out)[0].parts.length;
  const again = await runTask("relabel", folder, "--out", out, ...options);
  assertEquals(again.code, 0, again.error);
  if (parts > 0) assertStringIncludes(again.out, `images/s, ${2 * parts} were there from before\n`);
  assertEquals(contents(out), contents(whole));

  const small = ["--network", "resnet8", "--size", "16", "--batch", "2", "--epochs", "1", "--labels", "relabel"];
  const run = (name: string) => [folder, "--maps", whole, ...small, "--output", join(folder, "..", name)];
  const { code, error } = await runTask("train", ...run("trained"));
  assertEquals(code, 0, error);
  for (const [at, delay] of DELAYS.entries()) {
    const { code, error } = await interrupt("train", run("stopped"), / {2}labels {5}.*\n/, delay);
    // Where the first had come far, the second may be done before its signal.
    if (at > 0 && code === 0) continue;
    assertEquals(code, 130, error);
    assert(
      /Stopped (before its first step|after step \d of epoch \d): the same command goes on in "/.test(error),
      error,
    );
  }
  const { code: last, error: said } = await runTask("train", ...run("stopped"));
  assertEquals(last, 0, said);
  const results = (name: string) =>
    ["last.safetensors", "model.safetensors", "summary.csv"].map((file) =>
      Deno.readFileSync(join(folder, "..", name, file)).toBase64()
    );
  assertEquals(results("stopped"), results("trained"));
  Deno.removeSync(join(folder, ".."), { recursive: true });
});
